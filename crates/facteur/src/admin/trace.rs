//! `facteur trace`: what happened to a message, from its acceptance to its last attempt, whether it
//! still waits or has long been delivered; with the notices that were written about it.

use jiff::{SignedDuration, Timestamp};
use mail_service::queue::{Entry, Happened};
use mail_types::QueueId;
use serde_json::{Value, json};

use super::queue::{parse_id, recipients_as_json, state};
use super::{Reporter, Services};
use crate::cli::Trace;

/// What is known of one acceptance.
struct Story {
    id: QueueId,
    events: Vec<Happened>,
    /// What still waits.
    entry: Option<Entry>,
}

/// Finds the messages and tells of each.
pub(super) async fn execute(
    services: &Services,
    trace: Trace,
    reporter: &Reporter,
) -> Result<(), String> {
    if let Some(history) = &services.history {
        history.catch_up().await;
    }
    let named: Vec<QueueId> = trace.ids.iter().map(|id| parse_id(id)).collect::<Result<_, _>>()?;
    let found = match named.is_empty() {
        true => find(services, &trace).await?,
        false => named,
    };
    for (number, id) in found.iter().enumerate() {
        let story = Story::read(services, *id).await?;
        if story.is_empty() {
            let days = services.mail.settings().history_days;
            return Err(format!("{id}: nothing is known of it in the last {days} days"));
        }
        let mut notices = Vec::new();
        for id in story.notices() {
            notices.push(Story::read(services, id).await?);
        }
        if trace.json {
            reporter.line(story.to_json(&notices).to_string());
        } else {
            if number > 0 {
                reporter.line("");
            }
            story.tell(&notices, reporter);
        }
    }
    if found.is_empty() && !trace.json {
        reporter.line(format!("no such message in the last {} hours", trace.hours));
    }
    Ok(())
}

/// The youngest messages that fit, in the order in which they were accepted.
async fn find(services: &Services, trace: &Trace) -> Result<Vec<QueueId>, String> {
    let age = i64::try_from(trace.hours).unwrap_or(i64::MAX).saturating_mul(3600);
    let since = services.mail.now().checked_sub(SignedDuration::from_secs(age));
    let since = since.map_or(0, |since| u64::try_from(since.as_microsecond()).unwrap_or(0));
    let mut found = Vec::new();
    for shard in 0..services.mail.queue_shards() {
        found.extend(find_in(services, trace, since, shard).await?);
    }
    found.sort_unstable();
    let first = found.len().saturating_sub(trace.limit);
    Ok(found.into_iter().skip(first).map(|(_, id)| id).collect())
}

/// Those of one shard, with the times of their acceptance.
async fn find_in(
    services: &Services,
    trace: &Trace,
    since: u64,
    shard: u64,
) -> Result<Vec<(u64, QueueId)>, String> {
    let mut found = Vec::new();
    let mut from = None;
    loop {
        let page = services.mail.history_page(shard, from).await;
        let (messages, next) = page.map_err(|error| error.to_string())?;
        for events in messages {
            let accepted = events.iter().min_by_key(|event| event.at);
            let Some((at, id)) = accepted.map(|event| (event.at, event.queue_id)) else { continue };
            if at < since || found.len() >= trace.limit {
                return Ok(found);
            }
            if fits(trace, &events) {
                found.push((at, id));
            }
        }
        match next {
            Some(next) => from = Some(next),
            None => return Ok(found),
        }
    }
}

fn fits(trace: &Trace, events: &[Happened]) -> bool {
    let has = |wanted: &Option<String>, is_it: &dyn Fn(&Happened, &str) -> bool| {
        wanted.as_ref().is_none_or(|wanted| {
            let wanted = wanted.to_lowercase();
            events.iter().any(|event| is_it(event, &wanted))
        })
    };
    let contains = |event: &Happened, name: &str, wanted: &str| {
        field(event, name).is_some_and(|value| value.to_lowercase().contains(wanted))
    };
    // Of `received` it is how many there are.
    let to = |event: &Happened, wanted: &str| {
        event.row.event != "received" && contains(event, "to", wanted)
    };
    has(&trace.sender, &|event, wanted| contains(event, "from", wanted))
        && has(&trace.recipient, &to)
        && has(&trace.message_id, &|event, wanted| {
            field(event, "message_id")
                .is_some_and(|id| id.to_lowercase() == wanted.trim_matches(['<', '>']))
        })
}

fn field<'a>(event: &'a Happened, name: &str) -> Option<&'a str> {
    event.row.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl Story {
    async fn read(services: &Services, id: QueueId) -> Result<Self, String> {
        let mut events = services.mail.history(id).await.map_err(|error| error.to_string())?;
        // A delivery is logged when it is done, and so before the acceptance that it was part of.
        events.sort_by_key(|event| (event.row.event != "received", event.at));
        let entry = services.mail.queued(id).await.map_err(|error| error.to_string())?;
        Ok(Self { id, events, entry })
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.entry.is_none()
    }

    /// The notices about it.
    fn notices(&self) -> impl Iterator<Item = QueueId> + '_ {
        self.events.iter().filter_map(|event| parse_id(field(event, "notice")?).ok())
    }

    fn tell(&self, notices: &[Self], reporter: &Reporter) {
        reporter.line(format!("queue id   {}", self.id));
        for event in &self.events {
            let fields = event.row.fields.iter().map(|(name, value)| match value.contains(' ') {
                true => format!("  {name}={value:?}"),
                false => format!("  {name}={value}"),
            });
            let fields: String = fields.collect();
            reporter.line(format!("{}  {:<9}{fields}", time(event.at), event.row.event));
        }
        for (_, row) in self.entry.iter().flat_map(|entry| &entry.recipients) {
            reporter.line(format!("waits for  {}: {}", row.address, state(row)));
        }
        for notice in notices {
            reporter.line("its notice:");
            notice.tell(&[], reporter);
        }
    }

    fn to_json(&self, notices: &[Self]) -> Value {
        let events = self.events.iter().map(|event| {
            let fields = event.row.fields.iter().cloned();
            let fields = fields.map(|(name, value)| (name, Value::from(value)));
            let head = [("at", time(event.at)), ("event", event.row.event.clone())];
            let head = head.map(|(name, value)| (name.to_owned(), Value::from(value)));
            Value::Object(head.into_iter().chain(fields).collect())
        });
        json!({
            "queue_id": self.id.to_string(),
            "events": events.collect::<Vec<_>>(),
            "waiting": self.entry.as_ref().map(recipients_as_json).unwrap_or_default(),
            "notices": notices.iter().map(|notice| notice.to_json(&[])).collect::<Vec<_>>(),
        })
    }
}

fn time(microseconds: u64) -> String {
    let time = i64::try_from(microseconds).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
    time.map(|time| format!("{time:.3}")).unwrap_or_default()
}
