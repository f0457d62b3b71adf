//! What waits in the queue in its sender's name, for its sender to see.

use mail_store::account_partition;
use mail_store::tables::mail::{Outbox, OutboxRow};
use mail_store::tables::queue::QueueMessageRow;
use mail_types::{Actor, QueueId};

use super::entry::{Entry, Outgoing};
use super::outbox::copy_lines;
use crate::error::ServiceError;
use crate::service::MailService;

/// Messages of one account that are listed at once.
const LISTED_MAX: usize = 500;

impl MailService {
    /// The messages that a sender gave a time and that wait for it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn scheduled(&self, actor: Actor) -> Result<Vec<Entry>, ServiceError> {
        let Actor::Account(owner) = actor else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (id, row) in self.outbox(actor).await? {
            match self.queued(id).await? {
                Some(entry) if row.is_scheduled => found.push(entry),
                Some(_) => {}
                // An operator took it out, and a crash kept this row.
                None => self.forget(owner, id),
            }
        }
        Ok(found)
    }

    /// What waits in the queue in an account's name, at most 500 of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outbox(&self, actor: Actor) -> Result<Vec<(QueueId, OutboxRow)>, ServiceError> {
        self.outbox_after(actor, None).await
    }

    /// The same from behind this one on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outbox_after(
        &self,
        actor: Actor,
        after: Option<QueueId>,
    ) -> Result<Vec<(QueueId, OutboxRow)>, ServiceError> {
        let Actor::Account(owner) = actor else { return Ok(Vec::new()) };
        let (partition, from) =
            (account_partition(owner), after.map(|id| QueueId(id.0.saturating_add(1))));
        Ok(self.inner.store.scan::<Outbox>(partition, from.as_ref(), LISTED_MAX).await?.rows)
    }

    /// A message that waits as its sender will keep it: with hidden recipients and its date.
    pub fn senders_copy(&self, message: &QueueMessageRow) -> Outgoing {
        let prefix = message.own.as_ref().map(|own| copy_lines(message, own)).unwrap_or_default();
        self.outgoing(QueueMessageRow { prefix, ..message.clone() }, &[])
    }
}
