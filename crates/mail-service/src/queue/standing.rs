//! Whether a queued message may still leave in its sender's name.

use directory::AccountState;
use mail_store::account_partition;
use mail_store::tables::mail::Outbox;
use mail_store::tables::queue::QueueMessage;
use mail_types::{AccountId, QueueId};

use super::entry::Entry;
use super::partition_of;
use crate::error::ServiceError;
use crate::service::MailService;

/// What may become of an entry that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It may be tried.
    Now,
    /// Its sender is suspended, or leaves and had chosen another time: it stays.
    Later,
    /// It is not in the queue any more.
    Never,
}

/// What the sender's account says about an entry.
pub(super) enum Standing {
    /// It goes its way.
    Free,
    /// It goes its way, and nothing is filed: the account is deleted.
    Alone,
    Withheld,
    /// It waited for a time that came after its sender was gone.
    Orphan,
}

impl MailService {
    /// A suspended account sends nothing at all: whoever had its password may have filled the
    /// queue. Somebody who leaves, or has left, sends what they had sent, and nothing that waits.
    pub(super) async fn standing(
        &self,
        submitter: AccountId,
        entry: &Entry,
    ) -> Result<Standing, ServiceError> {
        let account = self.inner.directory.account(submitter).await?;
        // Accounts are never forgotten; who is not known is nobody's business here.
        let state = account.map_or(AccountState::Active, |account| account.state);
        Ok(match (state, is_scheduled(entry)) {
            (AccountState::Active | AccountState::AwaitingFirstLogin, _) => Standing::Free,
            (AccountState::Leaving, false) => Standing::Free,
            (AccountState::Suspended, _) | (AccountState::Leaving, true) => Standing::Withheld,
            (AccountState::Deleted, true) => Standing::Orphan,
            (AccountState::Deleted, false) => Standing::Alone,
        })
    }

    /// Takes everything out of the queue that waits for its time in a deleted account's name.
    pub(crate) async fn cancel_scheduled(&self, owner: AccountId) -> Result<(), ServiceError> {
        let mut from = None;
        loop {
            let partition = account_partition(owner);
            let page = self.inner.store.scan::<Outbox>(partition, from.as_ref(), 500).await?;
            for (id, _) in page.rows {
                self.cancel(id).await?;
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn cancel(&self, id: QueueId) -> Result<(), ServiceError> {
        let lock = self.inner.queue.lock(id);
        let _held = lock.lock().await;
        let found = self.inner.store.get::<QueueMessage>(partition_of(id), &id).await?;
        if let Some(message) = found {
            self.remove_entry(id, &message).await?;
            self.inner.queue.feed.tell(id);
            tracing::info!(target: "mail", queue_id = %id, "cancelled with its sender's account");
        }
        Ok(())
    }
}

/// Whether its sender chose a time for it which came only now.
fn is_scheduled(entry: &Entry) -> bool {
    let is_untried = entry.recipients.iter().all(|(_, row)| row.attempts == 0);
    is_untried && entry.message.own.as_ref().is_some_and(|own| own.is_scheduled)
}
