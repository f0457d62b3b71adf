//! Messages of an open mailbox: read, flagged, copied, moved, expunged, appended.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use mail_message::structure::StructureRow;
use mail_store::tables::mail::MessageRow;
use mail_types::{
    AccountId, Actor, FlagSet, InternalDate, MailboxId, MailboxName, ModSeq, Uid, UidSet,
    UidValidity,
};

use crate::error::ServiceError;
use crate::receive::ReceivedMessage;
use crate::service::MailService;
use crate::snapshot::Snapshot;

/// A session's hold on a mailbox. Cheap to clone; the mailbox may change name or be deleted.
#[derive(Clone)]
pub struct OpenMailbox {}

impl OpenMailbox {
    /// Whose it is.
    pub fn owner(&self) -> AccountId {
        todo!()
    }

    /// Its number.
    pub fn id(&self) -> MailboxId {
        todo!()
    }

    /// The newest synced snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }

    /// Waits until the snapshot is another than `seen`. `None` when the mailbox was deleted.
    pub async fn changed(&self, _seen: &Snapshot) -> Option<Arc<Snapshot>> {
        todo!()
    }
}

/// Where APPEND put a message (RFC 4315 APPENDUID).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The message's UID.
    pub uid: Uid,
}

/// Where COPY or MOVE put messages (RFC 4315 COPYUID).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The target's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// UIDs here and there, in the order in which they were assigned.
    pub pairs: Vec<(Uid, Uid)>,
}

/// RFC 9051 §6.4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// What STORE did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Messages whose flags are another now.
    pub changed: UidSet,
    /// Messages left alone because they changed after UNCHANGEDSINCE (RFC 7162 §3.1.3).
    pub modified: UidSet,
}

impl MailService {
    /// Adds a message; `internal_date` defaults to now in the configured zone. Durable on return.
    pub async fn append(
        &self,
        _actor: Actor,
        _owner: AccountId,
        _mailbox: &MailboxName,
        _message: ReceivedMessage,
        _flags: FlagSet,
        _internal_date: Option<InternalDate>,
    ) -> Result<Appended, ServiceError> {
        todo!()
    }

    /// Changes flags in one commit. Durable on return.
    pub async fn store_flags(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _uids: &UidSet,
        _change: FlagChange,
        _flags: &FlagSet,
        _unchanged_since: Option<ModSeq>,
    ) -> Result<Stored, ServiceError> {
        todo!()
    }

    /// Copies messages with their flags and internal dates; all or nothing. Durable on return.
    pub async fn copy(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _uids: &UidSet,
        _target: &MailboxName,
    ) -> Result<Copied, ServiceError> {
        todo!()
    }

    /// Moves messages (RFC 6851): one commit, never seen in both or in neither.
    pub async fn move_messages(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _uids: &UidSet,
        _target: &MailboxName,
    ) -> Result<Copied, ServiceError> {
        todo!()
    }

    /// Removes the messages that are `\Deleted` (of these UIDs, if given). Durable on return.
    pub async fn expunge(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _uids: Option<&UidSet>,
    ) -> Result<UidSet, ServiceError> {
        todo!()
    }

    /// The records of up to `limit` of these messages in UID order. Never parses a message.
    /// Messages expunged meanwhile are left out.
    pub async fn messages(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _uids: &UidSet,
        _limit: usize,
    ) -> Result<Vec<(Uid, MessageRow)>, ServiceError> {
        todo!()
    }

    /// The header sections (prefix included, empty line included) of up to `limit` of these
    /// messages in UID order.
    pub async fn headers(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _uids: &UidSet,
        _limit: usize,
    ) -> Result<Vec<(Uid, Bytes)>, ServiceError> {
        todo!()
    }

    /// The structures of up to `limit` of these messages in UID order.
    pub async fn structures(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _uids: &UidSet,
        _limit: usize,
    ) -> Result<Vec<(Uid, Arc<StructureRow>)>, ServiceError> {
        todo!()
    }

    /// Bytes of a message (prefix and body are one run of bytes); at most
    /// [`mail_store::BlobStore::READ_BYTES_MAX`] a call, clipped at the end.
    pub async fn read(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _message: &MessageRow,
        _range: Range<u64>,
    ) -> Result<Bytes, ServiceError> {
        todo!()
    }
}
