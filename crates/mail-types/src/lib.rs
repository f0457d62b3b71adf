//! The shared nouns of mail, valid by construction.
//!
//! Nothing here does IO, asks for the time or for chance, or knows a protocol's syntax. After a
//! constructor has succeeded nobody checks the value again.
//!
//! The types to know: [`EmailAddress`], [`MailboxName`], [`Uid`], [`FlagSet`], [`Actor`].
//!
//! ```
//! use mail_types::{EmailAddress, MailboxName};
//!
//! let address: EmailAddress = "Marie.Martin+classe@AC-Paris.test".parse().unwrap();
//! assert_eq!(address.domain().as_str(), "ac-paris.test");
//! assert_eq!(address.base_local_part(), "Marie.Martin");
//! assert!(MailboxName::parse("inbox").unwrap().is_inbox());
//! ```

mod account;
mod address;
mod authentication;
mod date;
mod flag;
mod mailbox;
mod message;
mod network;
mod notice;
mod secret;
mod sort;
mod uid_set;

pub use account::{AcademicId, AccountId, Actor, InvalidAcademicId, Role};
pub use address::{Domain, EmailAddress, InvalidAddress, InvalidDomain, ReversePath};
pub use authentication::{Authentication, AuthenticationResult};
pub use date::{InternalDate, InvalidInternalDate};
pub use flag::{Flag, FlagSet, InvalidKeyword, KEYWORDS_PER_MESSAGE_MAX, Keyword};
pub use mailbox::{
    InvalidMailboxName, MAILBOX_DEPTH_MAX, MAILBOX_NAME_BYTES_MAX, MailboxId, MailboxName,
    SpecialUse, UidValidity,
};
pub use message::{BlobHash, DocumentId, EmailId, ModSeq, QueueId, ThreadId, Uid};
pub use network::Network;
pub use notice::{
    EnvelopeId, InvalidNoticeParameter, Notify, OriginalRecipient, Ret, encode_xtext,
};
pub use secret::Secret;
pub use sort::{SortBy, SortKey};
pub use uid_set::UidSet;
