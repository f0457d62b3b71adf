//! What came of an attempt: recipients leave the queue or wait on, and the sender is told, all in
//! one commit.

use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use mail_message::dsn::Action;
use mail_store::tables::queue::{
    AttemptRow, QueueBodyUse, QueueMessage, QueueMessageRow, QueueRecipient, QueueRecipientRow,
};
use mail_store::{Batch, Direction};
use mail_types::{Notify, QueueId};

use super::partition_of;
use crate::error::ServiceError;
use crate::queue::notice::Notices;
use crate::service::MailService;

/// How long a failure waits for disk space for its notice.
const NOTICE_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// What came of one recipient's attempt.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is another's now.
    Delivered {
        /// How it went.
        attempt: Attempt,
        /// Who will tell the sender, if they want to hear of success.
        told: Told,
    },
    /// It is tried again.
    Retry {
        /// How it went.
        attempt: Attempt,
        /// When.
        at: Timestamp,
        /// Set when the sender is to hear of the delay: until when it will be tried.
        delayed_until: Option<Timestamp>,
    },
    /// It will not be delivered.
    Failed {
        /// How it went.
        attempt: Attempt,
    },
}

/// RFC 3461 §5.2: who confirms a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// We: it is in the mailbox.
    Delivered,
    /// We: it was handed to a server that knows no notices.
    Relayed,
    /// The next hop, to which the wish was passed on.
    NextHop,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The next hop as it was meant: a host's name, a domain.
    pub next_hop: String,
    /// Why, in our words.
    pub reason: String,
    /// RFC 3463.
    pub status: (u8, u16, u16),
    /// The remote server's reply.
    pub reply: Option<String>,
}

/// What an entry is after its settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Recipients wait on; the next of those settled now is due then.
    Waiting(Option<Timestamp>),
    /// It has left the queue.
    Done,
}

impl Attempt {
    fn to_row(&self, now: i64) -> AttemptRow {
        AttemptRow {
            at: now,
            next_hop: self.next_hop.clone(),
            reason: self.reason.clone(),
            status: self.status,
            reply: self.reply.clone(),
        }
    }
}

/// A recipient that is settled, with what the sender is to hear of it.
pub(super) struct Telling {
    pub(super) action: Action,
    pub(super) row: QueueRecipientRow,
    pub(super) retry_until: Option<Timestamp>,
}

impl MailService {
    /// Keeps what came of an attempt for these recipients, and queues the notices that the sender
    /// asked for. Durable on return.
    ///
    /// # Errors
    /// When the store fails, or this process does not work the shard any more: then the attempt
    /// is forgotten, and whoever works the shard tries again.
    pub async fn settle(
        &self,
        id: QueueId,
        verdicts: Vec<(u32, Verdict)>,
    ) -> Result<Settled, ServiceError> {
        let queue = &self.inner.queue;
        let lock = queue.lock(id);
        let _held = lock.lock().await;
        let partition = partition_of(id);
        let store = &self.inner.store;
        let Some(message) = store.get::<QueueMessage>(partition, &id).await? else {
            return Ok(Settled::Done);
        };
        let mut judged = self.judged(id, verdicts).await?;
        let now = self.now();
        let mut change = Change::new(queue.batch(id), now.as_second(), &judged);
        let notices = match Notices::make(self, id, &message, &change.told).await {
            Err(ServiceError::DiskFull) => {
                // Settled all the same: who has the message would get it again with every try.
                judged.iter_mut().for_each(|one| one.put_off_notice(now));
                change = Change::new(queue.batch(id), now.as_second(), &judged);
                Notices::none()
            }
            made => made?,
        };
        let is_last = change.next.is_none() && !self.others_wait(id, &change).await?;
        if is_last {
            remove_message(&mut change.batch, id, &message);
        }
        notices.put(&mut change.batch);
        store.commit(partition, change.batch).await?;
        judged.iter().for_each(|one| one.log(&message));
        queue.messages.fetch_add(notices.count(), Ordering::Relaxed);
        notices.tell(&queue.feed);
        if !is_last {
            return Ok(Settled::Waiting(change.next));
        }
        self.message_left(id, &message);
        Ok(Settled::Done)
    }

    /// The verdicts with their recipients, but for those that an operator has deleted meanwhile.
    async fn judged(
        &self,
        id: QueueId,
        verdicts: Vec<(u32, Verdict)>,
    ) -> Result<Vec<Judged>, ServiceError> {
        let keys: Vec<_> = verdicts.iter().map(|(number, _)| (id, *number)).collect();
        let rows = self.inner.store.get_many::<QueueRecipient>(partition_of(id), &keys).await?;
        let judged = verdicts
            .into_iter()
            .zip(rows)
            .filter_map(|((number, verdict), row)| Some(Judged { id, number, row: row?, verdict }));
        Ok(judged.collect())
    }

    /// Whether recipients wait that this change does not settle.
    async fn others_wait(&self, id: QueueId, change: &Change) -> Result<bool, ServiceError> {
        let page = self
            .inner
            .store
            .scan_prefix::<QueueRecipient, QueueId>(
                partition_of(id),
                &id,
                None,
                change.gone.len() + 1,
                Direction::Forward,
            )
            .await?;
        Ok(page.rows.iter().any(|((_, number), _)| !change.gone.contains(number)))
    }

    pub(super) fn message_left(&self, id: QueueId, message: &QueueMessageRow) {
        self.inner.queue.messages.fetch_sub(1, Ordering::Relaxed);
        self.inner.store.body_released(message.body.hash);
        self.forget_in_account(id, message);
    }
}

/// Takes a message's own rows away.
pub(super) fn remove_message(batch: &mut Batch, id: QueueId, message: &QueueMessageRow) {
    batch.delete::<QueueMessage>(&id);
    batch.delete::<QueueBodyUse>(&(message.body.hash, id));
}

/// A recipient, and what came of its attempt.
struct Judged {
    id: QueueId,
    number: u32,
    row: QueueRecipientRow,
    verdict: Verdict,
}

/// A settlement under construction.
struct Change {
    batch: Batch,
    now: i64,
    gone: Vec<u32>,
    next: Option<Timestamp>,
    told: Vec<Telling>,
}

impl Change {
    fn new(batch: Batch, now: i64, judged: &[Judged]) -> Self {
        let mut change = Self { batch, now, gone: Vec::new(), next: None, told: Vec::new() };
        judged.iter().for_each(|one| change.apply(one));
        change
    }

    fn apply(&mut self, judged: &Judged) {
        let (id, number) = (judged.id, judged.number);
        let mut row = judged.row.clone();
        let notify = row.notify.unwrap_or_default();
        match &judged.verdict {
            Verdict::Delivered { attempt, told } => {
                row.last = Some(attempt.to_row(self.now));
                let action = match told {
                    Told::Delivered => Some(Action::Delivered),
                    Told::Relayed => Some(Action::Relayed),
                    Told::NextHop => None,
                };
                self.remove(id, number);
                if let Some(action) = action.filter(|_| notify.success) {
                    self.told.push(Telling { action, row, retry_until: None });
                }
            }
            Verdict::Failed { attempt } => {
                row.last = Some(attempt.to_row(self.now));
                self.remove(id, number);
                if notify.failure {
                    self.told.push(Telling { action: Action::Failed, row, retry_until: None });
                }
            }
            Verdict::Retry { attempt, at, delayed_until } => {
                row.last = Some(attempt.to_row(self.now));
                row.attempts = row.attempts.saturating_add(1);
                row.next_attempt = at.as_second();
                self.next = Some(self.next.map_or(*at, |next| next.min(*at)));
                if delayed_until.is_some() && !row.delay_told {
                    row.delay_told = true;
                    self.tell_of_delay(&row, notify, *delayed_until);
                }
                self.batch.put::<QueueRecipient>(&(id, number), &row);
            }
        }
    }

    fn tell_of_delay(
        &mut self,
        row: &QueueRecipientRow,
        notify: Notify,
        retry_until: Option<Timestamp>,
    ) {
        if notify.delay {
            self.told.push(Telling { action: Action::Delayed, row: row.clone(), retry_until });
        }
    }

    fn remove(&mut self, id: QueueId, number: u32) {
        self.gone.push(number);
        self.batch.delete::<QueueRecipient>(&(id, number));
    }
}

impl Judged {
    /// While there is no room for notices: who failed waits and fails again, a delay is told the
    /// next time. That of a success is dropped, because nothing waits any more.
    fn put_off_notice(&mut self, now: Timestamp) {
        let notify = self.row.notify.unwrap_or_default();
        match &mut self.verdict {
            Verdict::Delivered { told, .. } => {
                if notify.success && *told != Told::NextHop {
                    tracing::warn!(queue_id = %self.id, "no room for the notice of a success");
                }
                *told = Told::NextHop;
            }
            Verdict::Retry { delayed_until, .. } => *delayed_until = None,
            Verdict::Failed { attempt } if notify.failure => {
                let at = now.saturating_add(NOTICE_WAIT).unwrap_or(now);
                let attempt = attempt.clone();
                self.verdict = Verdict::Retry { attempt, at, delayed_until: None };
            }
            Verdict::Failed { .. } => {}
        }
    }

    /// The mail log: one line for each recipient of each attempt, when it is durable.
    fn log(&self, message: &QueueMessageRow) {
        let (event, attempt) = match &self.verdict {
            Verdict::Delivered { attempt, .. } => ("sent", attempt),
            Verdict::Retry { attempt, .. } => ("deferred", attempt),
            Verdict::Failed { attempt } => ("bounced", attempt),
        };
        let (class, subject, detail) = attempt.status;
        tracing::info!(
            target: "mail",
            queue_id = %self.id,
            from = %message.reverse_path,
            to = %self.row.address,
            next_hop = attempt.next_hop,
            status = %format_args!("{class}.{subject}.{detail}"),
            reason = attempt.reason,
            reply = attempt.reply,
            attempts = self.row.attempts + 1,
            "{event}"
        );
        metrics::counter!("facteur_queue_attempts_total", "outcome" => event).increment(1);
    }
}
