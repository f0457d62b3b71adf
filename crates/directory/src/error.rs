//! What can go wrong in the directory, and what a refused login may be told.

use std::sync::Arc;

use thiserror::Error;

use crate::account::Account;
use crate::first_login::FirstLogin;

/// A refused login. Edges show the same text for all but the last two, save the webmail.
#[derive(Debug, Error)]
pub enum AuthError {
    /// Unknown, suspended, locked or wrong: nobody is told which.
    #[error("authentication failed")]
    Refused,
    /// The temporary secret is right, and opens only the webmail's change page.
    #[error("password must be changed on the web first")]
    MustChangePassword(FirstLogin),
    /// The password is right; the webmail asks for the second factor as well. Nobody else is told.
    #[error("a second factor is needed")]
    NeedsSecondFactor(Arc<Account>),
    /// Too many tries from there or for that login.
    #[error("too many attempts")]
    TooMany,
    /// Not now.
    #[error("try again")]
    TryAgain(#[source] DirectoryError),
}

/// What can go wrong in the directory.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// That address, academic ID, domain or unit is taken, perhaps by a deleted account.
    #[error("{what} is already taken")]
    Taken {
        /// Which value.
        what: String,
    },
    /// There is no such account, domain or unit.
    #[error("no such {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The value breaks a rule; the text says which.
    #[error("{0}")]
    Invalid(String),
    /// More is asked at once than is allowed for, or others changed the same rows each time.
    #[error("busy: {what}")]
    Busy {
        /// With what.
        what: &'static str,
    },
    /// A reset is so fresh that nothing which gives the account away may change.
    #[error("after a reset that cannot be changed for a while")]
    OnHold {
        /// Until when, in Unix seconds.
        until: i64,
    },
    /// More codes were sent today than may be sent to addresses that are not proven.
    #[error("too many codes were sent today")]
    TooManyCodes,
    /// An administrator may not do that, or not to this account.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] mail_store::StoreError),
}

impl DirectoryError {
    pub(crate) fn no_account(what: impl std::fmt::Display) -> Self {
        DirectoryError::NotFound { what: format!("account: {what}") }
    }
}

impl From<mail_store::CommitError> for DirectoryError {
    fn from(error: mail_store::CommitError) -> Self {
        DirectoryError::Store(error.into())
    }
}
