//! What operators do to the queue.

use mail_store::tables::queue::{QUEUE_SHARDS, QueueRecipient, QueueRecipientRow};
use mail_types::{QueueId, ReversePath};
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::partition_of;
use super::settle::remove_message;
use crate::error::ServiceError;
use crate::service::MailService;

/// Which recipients of which entries. What is left out fits everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Filter {
    /// These acceptances; none is all.
    pub ids: Vec<u64>,
    /// A recipient whose address contains this.
    pub recipient: Option<String>,
    /// A sender whose address contains this; `<>` for notices.
    pub sender: Option<String>,
    /// Held, or not.
    pub is_held: Option<bool>,
}

/// An entry with those of its recipients that fit.
pub type Queued = Entry;

impl Filter {
    /// Whether an entry fits, but for its recipients.
    fn fits_message(&self, entry: &Entry) -> bool {
        let sender = match &entry.message.reverse_path {
            ReversePath::Null => "<>".to_owned(),
            ReversePath::Address(address) => address.to_string(),
        };
        (self.ids.is_empty() || self.ids.contains(&entry.id.0))
            && self.sender.as_deref().is_none_or(|part| contains(&sender, part))
    }

    fn fits_recipient(&self, row: &QueueRecipientRow) -> bool {
        self.is_held.is_none_or(|is_held| row.is_held == is_held)
            && self.recipient.as_deref().is_none_or(|part| contains(&row.address.to_string(), part))
    }

    fn select(&self, mut entry: Entry) -> Option<Entry> {
        entry.recipients.retain(|(_, row)| self.fits_recipient(row));
        (self.fits_message(&entry) && !entry.recipients.is_empty()).then_some(entry)
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

impl MailService {
    /// The next entries after this one that fit, in no order that matters, and where to go on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queue_list(
        &self,
        filter: &Filter,
        shard: u64,
        after: Option<QueueId>,
    ) -> Result<(Vec<Queued>, Option<QueueId>), ServiceError> {
        let ids = self.queue_page(shard, after).await?;
        let next = ids.last().copied();
        let mut found = Vec::new();
        for id in ids.into_iter().filter(|id| filter.ids.is_empty() || filter.ids.contains(&id.0)) {
            if let Some(entry) = self.queued(id).await? {
                found.extend(filter.select(entry));
            }
        }
        Ok((found, next))
    }

    /// How many shards [`MailService::queue_list`] has.
    pub fn queue_shards(&self) -> u64 {
        QUEUE_SHARDS
    }

    /// Changes the recipients of an entry that fit; how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queue_change(
        &self,
        id: QueueId,
        filter: &Filter,
        change: QueueChange,
    ) -> Result<usize, ServiceError> {
        let queue = &self.inner.queue;
        let lock = queue.lock(id);
        let _held = lock.lock().await;
        let Some(entry) = self.queued(id).await? else { return Ok(0) };
        let all = entry.recipients.len();
        let message = entry.message.clone();
        let Some(entry) = filter.select(entry) else { return Ok(0) };
        let mut batch = queue.batch(id);
        let now = self.now().as_second();
        for (number, row) in &entry.recipients {
            let key = (id, *number);
            match change.apply(row, now) {
                Some(changed) => batch.put::<QueueRecipient>(&key, &changed),
                None => batch.delete::<QueueRecipient>(&key),
            }
        }
        let leaves = change == QueueChange::Delete && entry.recipients.len() == all;
        if leaves {
            remove_message(&mut batch, id, &message);
        }
        self.inner.store.commit(partition_of(id), batch).await?;
        tracing::info!(
            target: "mail", queue_id = %id, recipients = entry.recipients.len(), ?change, "changed"
        );
        if leaves {
            self.message_left(id, &message);
        }
        queue.feed.tell(id);
        Ok(entry.recipients.len())
    }
}

/// What an operator does to recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueChange {
    /// Not tried until released.
    Hold,
    /// Tried again at its time.
    Release,
    /// Tried now.
    Retry,
    /// Taken out; nobody is told.
    Delete,
}

impl QueueChange {
    fn apply(self, row: &QueueRecipientRow, now: i64) -> Option<QueueRecipientRow> {
        let mut row = row.clone();
        match self {
            QueueChange::Hold => row.is_held = true,
            QueueChange::Release => row.is_held = false,
            QueueChange::Retry => {
                row.is_held = false;
                row.next_attempt = now;
            }
            QueueChange::Delete => return None,
        }
        Some(row)
    }
}
