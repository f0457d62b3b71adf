//! The mail log on its way into the store: every line about a message is heard here, gathered for a
//! second, and kept for `facteur trace`.
//!
//! Whoever logs never waits: when too many lines come, some are not kept, and counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use mail_service::MailService;
use mail_service::queue::{Happened, HistoryRow};
use mail_types::QueueId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Events that wait to be kept.
const WAITING_MAX: usize = 16_384;
/// How long they are gathered.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Fields of one event, and bytes of one value: what a remote server says is cut.
const FIELDS_MAX: usize = 16;
const VALUE_BYTES_MAX: usize = 512;

/// What has been heard and is not kept yet.
pub(crate) struct Heard(mpsc::Receiver<Happened>);

/// Asks the keeper.
#[derive(Clone)]
pub(crate) struct History(mpsc::Sender<oneshot::Sender<()>>);

/// The layer that listens to the mail log, and what it has heard.
pub(crate) fn listen<S>() -> (impl Layer<S>, Heard)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let listener = Listener { sender, last: AtomicU64::new(0) };
    // Whatever the log's own level is.
    let only_mail = Targets::new().with_target("mail", Level::INFO);
    (listener.with_filter(only_mail), Heard(receiver))
}

impl History {
    /// Begins to keep what is heard.
    pub(crate) fn start(heard: Heard, mail: MailService) -> Self {
        let (asking, asked) = mpsc::channel(1);
        tokio::spawn(keep(heard, mail, asked));
        Self(asking)
    }

    /// Returns when everything that was logged before is kept.
    pub(crate) async fn catch_up(&self) {
        let (done, kept) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // The keeper has ended with the process's runtime: nobody reads any more.
            let _ = kept.await;
        }
    }
}

async fn keep(heard: Heard, mail: MailService, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
    let Heard(mut heard) = heard;
    let mut every = interval(KEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asking = tokio::select! {
            asking = asked.recv() => match asking {
                Some(asking) => Some(asking),
                None => return,
            },
            _ = every.tick() => None,
        };
        let events: Vec<Happened> =
            std::iter::from_fn(|| heard.try_recv().ok()).take(WAITING_MAX).collect();
        if let Err(error) = mail.keep_history(&events).await {
            metrics::counter!("facteur_history_lost_total").increment(events.len() as u64);
            tracing::warn!(target: "facteur", %error, events = events.len(), "history not kept");
        }
        if let Some(asking) = asking {
            let _ = asking.send(());
        }
    }
}

/// Forgets what is older than so many days.
pub(crate) async fn expire(mail: &MailService) {
    let days = mail.settings().history_days;
    let age = Duration::from_secs(days.saturating_mul(24 * 3600));
    let before = microseconds(SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH));
    if let Err(error) = mail.expire_history(before).await {
        tracing::warn!(target: "facteur", %error, "old history not removed");
    }
}

struct Listener {
    sender: mpsc::Sender<Happened>,
    /// The last event's time; the next one's is greater, whatever the clock does.
    last: AtomicU64,
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        // Logins and refusals are about no message of ours.
        let Some(queue_id) = line.queue_id else { return };
        let now = microseconds(SystemTime::now());
        let step = |last: u64| Some(now.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        let at = now.max(last.unwrap_or_default() + 1);
        if self.sender.try_send(Happened { queue_id, at, row: line.row }).is_err() {
            metrics::counter!("facteur_history_lost_total").increment(1);
        }
    }
}

fn microseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A line of the log, field by field.
struct Line {
    queue_id: Option<QueueId>,
    row: HistoryRow,
}

impl Default for Line {
    fn default() -> Self {
        Self { queue_id: None, row: HistoryRow { event: String::new(), fields: Vec::new() } }
    }
}

impl Line {
    fn put(&mut self, field: &Field, mut value: String) {
        value.truncate(value.floor_char_boundary(VALUE_BYTES_MAX));
        match field.name() {
            "message" => self.row.event = value,
            "queue_id" => self.queue_id = u64::from_str_radix(&value, 16).ok().map(QueueId),
            name if self.row.fields.len() < FIELDS_MAX => {
                self.row.fields.push((name.to_owned(), value));
            }
            _ => {}
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn lines_about_messages_are_heard_in_order_and_bounded() {
        let (layer, Heard(mut heard)) = listen();
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let id = QueueId(0x0661_5af7);
            tracing::info!(target: "mail", queue_id = %id, to = 2, tls = None::<&str>, "received");
            tracing::info!(target: "mail", account = "a1", "login");
            tracing::info!(queue_id = %id, "of another part");
            tracing::info!(target: "mail", queue_id = %id, reply = "é".repeat(1000), "sent");
        });
        let first = heard.try_recv().expect("the first line");
        assert_eq!((first.queue_id, &*first.row.event), (QueueId(0x0661_5af7), "received"));
        assert_eq!(first.row.fields, [("to".to_owned(), "2".to_owned())]);
        let second = heard.try_recv().expect("the second line");
        assert!(second.at > first.at);
        assert_eq!(second.row.fields, [("reply".to_owned(), "é".repeat(256))]);
        assert!(heard.try_recv().is_err(), "the others are about no message");
    }
}
