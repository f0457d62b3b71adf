//! APPEND.

use mail_store::tables::mail::MessageRow;
use mail_store::{BodyRef, Reservation};
use mail_types::{
    AccountId, Actor, DocumentId, EmailId, FlagSet, InternalDate, MailboxId, MailboxName, ThreadId,
    Uid,
};

use crate::account::Change;
use crate::error::ServiceError;
use crate::insert::{self, Conversation, Ready};
use crate::message::Appended;
use crate::prepare::{self, Content};
use crate::receive::ReceivedMessage;
use crate::service::{MailService, Right};
use crate::state::State;

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
        let mut coming = self.coming(owner, message, flags, internal_date).await?;
        cell.commit(|state, change| {
            let target = state.target(mailbox)?;
            let uid = coming.insert(state, change, target)?;
            let uid_validity = state.mailboxes.get(&target).map(|mailbox| mailbox.row.uid_validity);
            Ok(Appended { uid_validity: uid_validity.ok_or(ServiceError::NoSuchTarget)?, uid })
        })
        .await
    }

    /// Makes ready what its owner puts into a mailbox.
    pub(crate) async fn coming(
        &self,
        owner: AccountId,
        message: ReceivedMessage,
        flags: FlagSet,
        internal_date: Option<InternalDate>,
    ) -> Result<Coming, ServiceError> {
        let quota = self.quota(owner).await?;
        let ReceivedMessage { body, scanned, .. } = message;
        let reservation = body.finish(&[owner.into()]).await?;
        let store = &self.inner.store;
        let content = Content::new(store, &[owner.into()], *reservation, &[], scanned).await?;
        let conversation = prepare::conversation(store, owner, &content.summary).await?;
        let internal_date = internal_date.unwrap_or_else(|| self.internal_date());
        let ready = Ready {
            row: self.row(&content, *reservation, internal_date),
            header: content.header(&[]),
            structure: content.structure(&[]),
        };
        let keywords_max = self.keywords_max();
        Ok(Coming { ready, conversation, flags, quota, keywords_max, _reservation: reservation })
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
        self.inner.settings.load().keywords_per_mailbox_max as usize
    }

    /// The owner's quota in bytes; `None` is unlimited.
    pub async fn quota(&self, owner: AccountId) -> Result<Option<u64>, ServiceError> {
        let account = self.inner.directory.account(owner).await?;
        Ok(account.and_then(|account| account.quota_bytes))
    }
}

/// A message that its owner puts into a mailbox: APPEND, a draft that is saved again.
pub(crate) struct Coming {
    ready: Ready,
    conversation: Conversation,
    flags: FlagSet,
    quota: Option<u64>,
    keywords_max: usize,
    /// Keeps the body from the collector until the commit is done.
    _reservation: Reservation,
}

impl Coming {
    /// Adds it, if the quota allows, to what the commit leaves.
    pub(crate) fn insert(
        &mut self,
        state: &mut State,
        change: &mut Change,
        mailbox: MailboxId,
    ) -> Result<Uid, ServiceError> {
        check_quota(change, self.ready.row.size(), self.quota)?;
        change.guard();
        let (conversation, flags) = (&self.conversation, self.flags.clone());
        let ready = &mut self.ready;
        insert::insert_new(state, change, mailbox, ready, conversation, flags, self.keywords_max)
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
