//! What can go wrong, and whose turn it is then.

use std::path::PathBuf;

use thiserror::Error;

use crate::secrets::Purpose;

/// A read failed.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// A stored row or body is not what was written. An operator must act: `facteur verify`.
    #[error("corrupt row in {table}: {detail}")]
    Corrupt {
        /// Which table, or `body`.
        table: &'static str,
        /// Key and reason, for the log.
        detail: String,
    },
    /// The row names a key that the secrets file does not hold.
    #[error("the {purpose} key number {number} is not in the secrets file")]
    MissingKey {
        /// What the key is for.
        purpose: Purpose,
        /// The key's number.
        number: u8,
    },
    /// The store was written by a newer Facteur.
    #[error("written in the newer format {found}")]
    NewerFormat {
        /// The format found.
        found: u32,
    },
    /// Free disk is under the guard's floor: refuse new mail, go on serving reads and deletions.
    #[error("free disk space is below the limit")]
    DiskFull,
    /// The engine failed.
    #[error("storage engine: {0}")]
    Engine(String),
    /// A commit on the way failed.
    #[error(transparent)]
    Commit(#[from] Box<CommitError>),
}

/// A commit was not done, or nobody knows.
#[derive(Clone, Debug, Error)]
pub enum CommitError {
    /// `expect` or an assertion does not hold: reread and rebuild.
    #[error("conflict")]
    Conflict,
    /// Nobody knows whether it is durable (the log could not be synced). The engine stops.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// Free disk is under the guard's floor.
    #[error("free disk space is below the limit")]
    DiskFull,
    /// A value or the whole commit is over its limit.
    #[error("{what} is over its limit")]
    TooLarge {
        /// What is.
        what: &'static str,
    },
    /// Reading for the assertions failed.
    #[error("{0}")]
    Read(#[source] Box<StoreError>),
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        StoreError::Commit(Box::new(error))
    }
}

/// The data directory was not opened. The text says what the operator can do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{path}: in use by another process; stop it, or talk to it through its socket")]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// The log is damaged where a torn last write cannot explain it.
    #[error(
        "{path}: the write-ahead log is damaged ({detail}). Acknowledged mail may be in the \
         damaged part, so Facteur does not start. Copy the directory first; then restore a backup \
         with `facteur restore`, or accept the loss of what stands after the damage with \
         `facteur salvage`"
    )]
    DamagedLog {
        /// The data directory.
        path: PathBuf,
        /// Where and what.
        detail: String,
    },
    /// The store names a key that the secrets file does not hold.
    #[error(
        "{secrets}: the {purpose} key number {number}, which the store uses, is missing or is \
         another one; put back the secrets file that belongs to this data directory (it is not \
         part of a backup)"
    )]
    MissingKey {
        /// The secrets file.
        secrets: PathBuf,
        /// What the key is for.
        purpose: Purpose,
        /// The key's number.
        number: u8,
    },
    /// The secrets file is not one, or others can read it.
    #[error("{path}: {detail}")]
    Secrets {
        /// The secrets file.
        path: PathBuf,
        /// What is wrong and what to do.
        detail: String,
    },
    /// Written by a newer Facteur.
    #[error("{path}: written in format {found}, this program reads up to {known}; use a newer one")]
    NewerFormat {
        /// The data directory.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// The engine failed.
    #[error("{path}: {detail}")]
    Engine {
        /// The data directory.
        path: PathBuf,
        /// What it said.
        detail: String,
    },
}
