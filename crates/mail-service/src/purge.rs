//! The mail of a deleted account, removed for good.

use mail_store::tables::index::IndexQueue;
use mail_store::tables::mail::{Doomed, LostSubscription, Thread};
use mail_types::{AccountId, Actor};

use crate::error::ServiceError;
use crate::index::Dropped;
use crate::removal;
use crate::service::{MailService, Right};

impl MailService {
    /// Removes all mailboxes of an account, their messages and their index, its address book, and
    /// what waits for its time in the queue. Its counters stay, so that a number once given is
    /// never given again.
    pub async fn purge_account(&self, owner: AccountId) -> Result<(), ServiceError> {
        self.cancel_scheduled(owner).await?;
        self.clear_address_book(owner).await?;
        let cell = self.cell(Actor::System, owner, Right::Write).await?;
        let held = cell.index.lock().await;
        let dropped = Dropped::new(&cell).await?;
        let doomed = cell
            .commit(|state, change| {
                change.batch.delete_prefix::<IndexQueue, _>(&());
                change.batch.delete_prefix::<Thread, _>(&());
                change.batch.delete_prefix::<LostSubscription, _>(&());
                dropped.write(&mut change.batch);
                let ids: Vec<_> = state.mailboxes.keys().copied().collect();
                for id in &ids {
                    change.remove_mailbox(*id);
                    change.batch.put::<Doomed>(id, &());
                }
                change.account.bytes_used = 0;
                change.account.messages = 0;
                Ok(ids)
            })
            .await?;
        drop(held);
        dropped.forget(&self.inner.index, owner);
        for mailbox in doomed {
            removal::remove_messages(&cell, mailbox).await?;
        }
        Ok(())
    }
}
