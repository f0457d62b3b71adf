//! Mailboxes: listed, created, renamed, deleted, opened.

use mail_types::{
    AccountId, Actor, MailboxId, MailboxName, ModSeq, SpecialUse, UidValidity,
};
use tokio::sync::watch;

use crate::error::ServiceError;
use crate::message::OpenMailbox;
use crate::service::MailService;

/// A mailbox as LIST and the webmail's side bar show it.
#[derive(Clone, Debug, PartialEq)]
pub struct MailboxInfo {
    /// Its number.
    pub id: MailboxId,
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is subscribed.
    pub subscribed: bool,
    /// Whether it is only a name above others.
    pub no_select: bool,
    /// RFC 3348.
    pub has_children: bool,
    /// Its counters, from memory: listing never opens a mailbox.
    pub status: MailboxStatus,
}

/// RFC 9051 §6.3.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// MESSAGES.
    pub messages: u32,
    /// UNSEEN.
    pub unseen: u32,
    /// DELETED.
    pub deleted: u32,
    /// SIZE (RFC 8438).
    pub size: u64,
    /// UIDNEXT; above 2³²−1 when the mailbox has used all UIDs.
    pub uid_next: u64,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// HIGHESTMODSEQ.
    pub highest_mod_seq: ModSeq,
}

/// Whether LSUB lists a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// It does.
    Subscribed,
    /// It does not.
    Unsubscribed,
}

impl MailService {
    /// All mailboxes, INBOX first, then by name.
    pub async fn mailboxes(
        &self,
        _actor: Actor,
        _owner: AccountId,
    ) -> Result<Vec<MailboxInfo>, ServiceError> {
        todo!()
    }

    /// One mailbox's counters.
    pub async fn status(
        &self,
        _actor: Actor,
        _owner: AccountId,
        _name: &MailboxName,
    ) -> Result<MailboxStatus, ServiceError> {
        todo!()
    }

    /// Creates a mailbox and the missing ones above it.
    pub async fn create(
        &self,
        _actor: Actor,
        _owner: AccountId,
        _name: &MailboxName,
        _special_use: Option<SpecialUse>,
    ) -> Result<MailboxInfo, ServiceError> {
        todo!()
    }

    /// Deletes a mailbox and its messages (RFC 9051 §6.3.5); a name with inferiors stays as
    /// `\Noselect`.
    pub async fn delete(
        &self,
        _actor: Actor,
        _owner: AccountId,
        _name: &MailboxName,
    ) -> Result<(), ServiceError> {
        todo!()
    }

    /// Renames a mailbox and what lies below it; renaming INBOX moves its messages
    /// (RFC 9051 §6.3.6).
    pub async fn rename(
        &self,
        _actor: Actor,
        _owner: AccountId,
        _from: &MailboxName,
        _to: &MailboxName,
    ) -> Result<(), ServiceError> {
        todo!()
    }

    /// SUBSCRIBE and UNSUBSCRIBE.
    pub async fn subscribe(
        &self,
        _actor: Actor,
        _owner: AccountId,
        _name: &MailboxName,
        _subscription: Subscription,
    ) -> Result<(), ServiceError> {
        todo!()
    }

    /// Opens a mailbox for a session; cheap when another session has it open.
    pub async fn open_mailbox(
        &self,
        _actor: Actor,
        _owner: AccountId,
        _name: &MailboxName,
    ) -> Result<OpenMailbox, ServiceError> {
        todo!()
    }

    /// Wakes whenever anything in the account's mailboxes has changed (the value is the account's
    /// version), for the webmail's live list.
    pub async fn account_changes(
        &self,
        _actor: Actor,
        _owner: AccountId,
    ) -> Result<watch::Receiver<u64>, ServiceError> {
        todo!()
    }
}
