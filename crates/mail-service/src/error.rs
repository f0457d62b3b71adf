//! What can go wrong, and what the caller can do then.

use mail_types::InvalidMailboxName;
use thiserror::Error;

/// A service call was not done.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// There is no such mailbox, or the actor may not know of it.
    #[error("no such mailbox")]
    NoSuchMailbox,
    /// The target of APPEND, COPY or MOVE is missing: the client may create it.
    #[error("no such target mailbox")]
    NoSuchTarget,
    /// There is one of that name.
    #[error("mailbox exists")]
    AlreadyExists,
    /// The name cannot be.
    #[error(transparent)]
    InvalidName(#[from] InvalidMailboxName),
    /// The name is reserved (INBOX cannot be deleted, `Autres/` is for shared mailboxes).
    #[error("reserved mailbox name")]
    ReservedName,
    /// The actor has no right to do that.
    #[error("permission denied")]
    NoPermission,
    /// The owner's quota would be exceeded.
    #[error("over quota")]
    OverQuota,
    /// A named limit would be exceeded.
    #[error("too many {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
    /// The message is larger than allowed.
    #[error("message larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The message passed through too many servers (RFC 5321 §6.3).
    #[error("mail loop")]
    Loop,
    /// Free disk is under the guard's floor: new mail must wait.
    #[error("not enough disk space")]
    DiskFull,
    /// A failure that may pass; nothing was done, or nobody knows.
    #[error("try again: {0}")]
    TryAgain(#[source] mail_store::StoreError),
    /// Stored data is damaged; an operator must act.
    #[error("stored data is damaged: {0}")]
    Corrupt(#[source] mail_store::StoreError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] directory::DirectoryError),
}
