//! APPEND.

use mail_types::{AccountId, Actor, FlagSet, InternalDate, MailboxName};

use crate::account::Change;
use crate::deliver::appended_row;
use crate::error::ServiceError;
use crate::flags::check_keywords;
use crate::insert::{self, Ready};
use crate::message::Appended;
use crate::receive::ReceivedMessage;
use crate::service::{MailService, Right};

impl MailService {
    /// Adds a message; `internal_date` defaults to now in the configured zone. Durable on return.
    pub async fn append(
        &self,
        actor: Actor,
        owner: AccountId,
        mailbox: &MailboxName,
        message: ReceivedMessage,
        flags: FlagSet,
        internal_date: Option<InternalDate>,
    ) -> Result<Appended, ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        let quota = self.quota(owner).await?;
        let ReceivedMessage { body, scanned } = message;
        let reservation = body.finish(&[owner]).await?;
        let store = &self.inner.store;
        let (header, structure, _spilled) = insert::prepare(store, owner, &[], &scanned).await?;
        let summary = insert::summary(&scanned);
        let (thread, thread_keys) = insert::thread(store, owner, &summary).await?;
        let mut row = appended_row(
            *reservation,
            scanned.raw_header.len(),
            internal_date.unwrap_or_else(|| self.internal_date()),
            self.now().as_second(),
            summary,
        );
        row.spilled = insert::spilled([&header, &structure]);
        let ready = Ready { row, header, structure, thread_keys };
        let keywords_max = self.inner.settings.keywords_per_mailbox_max as usize;
        cell.commit(|state, change| {
            let target = state.target(mailbox)?;
            check_quota(change, ready.row.size(), quota)?;
            check_keywords(state, target, &flags, keywords_max)?;
            change.batch = std::mem::take(&mut change.batch).guarded();
            let uid = insert::insert_new(state, change, target, ready, thread, flags)?;
            let uid_validity = state.mailboxes.get(&target).map(|mailbox| mailbox.row.uid_validity);
            Ok(Appended { uid_validity: uid_validity.ok_or(ServiceError::NoSuchTarget)?, uid })
        })
        .await
    }

    /// The owner's quota in bytes; `None` is unlimited.
    pub async fn quota(&self, owner: AccountId) -> Result<Option<u64>, ServiceError> {
        let account = self.inner.directory.account(owner).await?;
        Ok(account.and_then(|account| account.quota_bytes))
    }
}

/// Whether that many more bytes fit.
pub(crate) fn check_quota(
    change: &Change,
    bytes: u64,
    quota: Option<u64>,
) -> Result<(), ServiceError> {
    let after = change.account.bytes_used.saturating_add(bytes);
    if quota.is_some_and(|quota| after > quota) { Err(ServiceError::OverQuota) } else { Ok(()) }
}
