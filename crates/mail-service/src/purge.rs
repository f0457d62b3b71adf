//! The mail of a deleted account, removed for good.

use mail_types::{AccountId, Actor};

use crate::error::ServiceError;
use crate::removal;
use crate::service::{MailService, Right};

impl MailService {
    /// Removes all mailboxes of an account and their messages. Its counters stay, so that a
    /// number once given is never given again.
    pub async fn purge_account(&self, owner: AccountId) -> Result<(), ServiceError> {
        let cell = self.cell(Actor::System, owner, Right::Write).await?;
        let doomed = cell
            .commit(|state, change| {
                let ids: Vec<_> = state.mailboxes.keys().copied().collect();
                for id in &ids {
                    change.remove_mailbox(*id);
                    change.batch.put::<mail_store::tables::mail::Doomed>(id, &());
                }
                change.account.bytes_used = 0;
                change.account.messages = 0;
                Ok(ids)
            })
            .await?;
        for mailbox in doomed {
            removal::remove_messages(&cell, mailbox).await?;
        }
        Ok(())
    }
}
