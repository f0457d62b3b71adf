//! What can go wrong, and what the caller can do then.

use mail_store::{CommitError, StoreError};
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
    /// The name has inferiors and is no mailbox itself.
    #[error("mailbox has inferiors")]
    HasChildren,
    /// The actor has no right to do that.
    #[error("permission denied")]
    NoPermission,
    /// The owner leaves: until the account is deleted, its mail is read and not changed.
    #[error("the account is about to be deleted and can only be read")]
    Leaving,
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
    /// The configured time zone does not exist.
    #[error("unknown time zone {0:?}: use an IANA name such as Europe/Paris")]
    UnknownTimeZone(String),
    /// The account changed each time it was looked at: try again.
    #[error("changed meanwhile")]
    Stale,
    /// A failure that may pass; nothing was done, or nobody knows.
    #[error("try again: {0}")]
    TryAgain(#[source] StoreError),
    /// Stored data is damaged; an operator must act.
    #[error("stored data is damaged: {0}")]
    Corrupt(#[source] StoreError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] directory::DirectoryError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull => ServiceError::DiskFull,
            StoreError::Corrupt { .. } | StoreError::MissingKey { .. } => {
                ServiceError::Corrupt(error)
            }
            StoreError::Commit(inner) => (*inner).into(),
            error => ServiceError::TryAgain(error),
        }
    }
}

impl From<CommitError> for ServiceError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => ServiceError::Stale,
            CommitError::DiskFull => ServiceError::DiskFull,
            CommitError::TooLarge { what } => ServiceError::TooMany { what },
            CommitError::Read(inner) => (*inner).into(),
            error @ CommitError::Unknown(_) => ServiceError::TryAgain(error.into()),
        }
    }
}
