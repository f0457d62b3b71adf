//! Who exists and who may what: accounts, addresses, domains, credentials.
//!
//! Never touches mail. Everything lives in [`mail_store::Class::Directory`] partitions; uniqueness
//! across them is a reservation followed by an idempotent completion.
//!
//! The types to know: [`Directory`], [`Account`], [`Authenticated`], [`Resolution`].

use std::net::IpAddr;
use std::sync::Arc;

use mail_store::Store;
use mail_types::{AcademicId, AccountId, Domain, EmailAddress, Role, Secret};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Quota of an account that has none of its own, in bytes; 0 is unlimited.
    pub quota_bytes_default: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { quota_bytes_default: 5 << 30 }
    }
}

/// The account store. Cheap to clone.
#[derive(Clone)]
pub struct Directory {}

/// What the rest of Facteur may know about an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Where its own mail goes and what it writes as.
    pub primary_address: EmailAddress,
    /// Further addresses it receives for and may write as.
    pub aliases: Vec<EmailAddress>,
    /// Display name, as `From` shows it.
    pub name: String,
    /// The number on the hand-out sheet.
    pub academic_id: AcademicId,
    /// Code of its school or service.
    pub unit: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Bytes its mailboxes may hold; `None` is unlimited.
    pub quota_bytes: Option<u64>,
    /// Where it stands in its life.
    pub state: AccountState,
    /// Rises with every change of a credential or of the state; sessions that saw another end.
    pub credential_version: u64,
}

/// Where an account stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// Has a temporary secret and no mail access yet.
    AwaitingFirstLogin,
    /// In use.
    Active,
    /// Receives mail, cannot log in.
    Suspended,
    /// Gone; its addresses and academic ID stay reserved for ever.
    Deleted,
}

/// What an address means to us.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// Mail for it goes to this account.
    Account(Arc<Account>),
    /// The domain is ours and has no such address.
    UnknownUser,
    /// The domain is not ours.
    NotHosted,
}

/// What a domain is to us. Relayed, split and alias domains come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainKind {
    /// Its mailboxes are here.
    Hosted,
}

/// Where a login comes from, for the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// SMTP submission.
    Submission,
    /// IMAP.
    Imap,
    /// The webmail.
    Webmail,
}

/// A successful login.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Whose.
    pub account: Arc<Account>,
}

/// A refused login. Edges show the same text for all but the last two.
#[derive(Debug, Error)]
pub enum AuthError {
    /// Unknown, suspended, locked or wrong: nobody is told which.
    #[error("authentication failed")]
    Refused,
    /// The temporary secret is right, and opens only the webmail's change page.
    #[error("password must be changed on the web first")]
    MustChangePassword,
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
    /// That address, academic ID or domain is taken, perhaps by a deleted account.
    #[error("{what} is already taken")]
    Taken {
        /// Which value.
        what: String,
    },
    /// There is no such account or domain.
    #[error("no such {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The value breaks a rule; the text says which.
    #[error("{0}")]
    Invalid(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] mail_store::StoreError),
}

/// A new account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its first address.
    pub primary_address: EmailAddress,
    /// Display name.
    pub name: String,
    /// The number on the hand-out sheet.
    pub academic_id: AcademicId,
    /// Code of its school or service.
    pub unit: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Its own quota; `None` takes the default.
    pub quota_bytes: Option<u64>,
    /// Its first password; `None` leaves it unable to log in until one is set.
    pub password: Option<NewPassword>,
}

/// A password to be stored.
#[derive(Clone, Debug)]
pub enum NewPassword {
    /// Hashed here.
    Plain(Secret<String>),
    /// Already an Argon2id PHC string (the demo shares one among its agents).
    Hash(String),
}

impl Directory {
    /// Opens the directory in this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(_store: Store, _settings: Settings) -> Result<Self, DirectoryError> {
        todo!()
    }

    /// Verifies a login (address, alias or academic ID) and password. Rate limits come before
    /// hashing; unknown, suspended and wrong take the same time and give the same answer.
    ///
    /// # Errors
    /// [`AuthError`]; what the peer may be told is in its text.
    pub async fn authenticate(
        &self,
        _login: &str,
        _password: &Secret<String>,
        _service: Service,
        _peer: IpAddr,
    ) -> Result<Authenticated, AuthError> {
        todo!()
    }

    /// What mail for this address would do; subaddresses are stripped when the whole is unknown.
    pub async fn resolve(&self, _address: &EmailAddress) -> Result<Resolution, DirectoryError> {
        todo!()
    }

    /// What the domain is to us.
    pub async fn domain(&self, _domain: &Domain) -> Result<Option<DomainKind>, DirectoryError> {
        todo!()
    }

    /// The account with this number, cached.
    pub async fn account(&self, _id: AccountId) -> Result<Option<Arc<Account>>, DirectoryError> {
        todo!()
    }

    /// Whether the account may put this address into MAIL FROM or `From`: one of its own
    /// addresses, with or without a subaddress.
    pub async fn may_send_as(
        &self,
        _account: AccountId,
        _address: &EmailAddress,
    ) -> Result<bool, DirectoryError> {
        todo!()
    }
}
