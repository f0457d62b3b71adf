//! APPEND.

use mail_store::BodyRef;
use mail_store::tables::mail::MessageRow;
use mail_types::{
    AccountId, Actor, DocumentId, EmailId, FlagSet, InternalDate, MailboxName, ThreadId,
};

use crate::account::Change;
use crate::error::ServiceError;
use crate::insert::{self, Ready};
use crate::message::Appended;
use crate::prepare::{self, Content};
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
        let ReceivedMessage { body, scanned, .. } = message;
        let reservation = body.finish(&[owner.into()]).await?;
        let store = &self.inner.store;
        let content = Content::new(store, &[owner.into()], *reservation, &[], scanned).await?;
        let conversation = prepare::conversation(store, owner, &content.summary).await?;
        let internal_date = internal_date.unwrap_or_else(|| self.internal_date());
        let mut ready = Ready {
            row: self.row(&content, *reservation, internal_date),
            header: content.header(&[]),
            structure: content.structure(&[]),
        };
        let keywords_max = self.keywords_max();
        cell.commit(|state, change| {
            let target = state.target(mailbox)?;
            check_quota(change, ready.row.size(), quota)?;
            change.guard();
            let (conversation, flags) = (&conversation, flags.clone());
            let uid = insert::insert_new(
                state,
                change,
                target,
                &mut ready,
                conversation,
                flags,
                keywords_max,
            )?;
            let uid_validity = state.mailboxes.get(&target).map(|mailbox| mailbox.row.uid_validity);
            Ok(Appended { uid_validity: uid_validity.ok_or(ServiceError::NoSuchTarget)?, uid })
        })
        .await
    }

    /// A message's row before it has an envelope and numbers.
    pub(crate) fn row(
        &self,
        content: &Content,
        body: BodyRef,
        internal_date: InternalDate,
    ) -> MessageRow {
        MessageRow {
            email_id: EmailId(0),
            thread_id: ThreadId(0),
            document: DocumentId(0),
            body,
            prefix: Vec::new(),
            header_size: content.header_size(&[]),
            internal_date,
            save_date: self.now().as_second(),
            reverse_path: None,
            original_recipient: None,
            submitter: None,
            queue_id: None,
            authentication: None,
            spilled: content.spilled(),
            summary: content.summary.clone(),
        }
    }

    /// Distinct keywords a mailbox may have.
    pub(crate) fn keywords_max(&self) -> usize {
        self.inner.settings.keywords_per_mailbox_max as usize
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
