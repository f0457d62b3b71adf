//! What mail is: recipients, delivery, mailboxes, messages, flags, search, the change feed.
//!
//! The only writer of mail. Knows no protocol's syntax and owns no socket. Every call takes who
//! acts and whose mailbox, and checks rights here.
//!
//! The types to know: [`MailService`], [`MessageWriter`] (a message on its way in),
//! [`OpenMailbox`] and [`Snapshot`] (what a session sees), [`ServiceError`].

mod account;
mod append;
mod columns;
mod condition;
pub mod contacts;
mod copy_move;
mod deletion;
mod deliver;
mod document;
mod error;
mod expunge;
mod flag_block;
mod flags;
mod fold;
mod hierarchy;
mod index;
mod insert;
mod load;
mod mailbox;
mod message;
mod prepare;
mod purge;
pub mod queue;
mod receive;
mod removal;
mod replace;
mod search;
mod service;
mod snapshot;
mod sort;
mod state;
mod thread;
mod thread_links;
mod verify;
mod wanted;

pub use condition::Condition;
pub use deliver::Missed;
pub use error::ServiceError;
pub use flags::flags_in_use;
pub use mail_store::tables::mail::MessageRow;
pub use mail_store::tables::system::{BackupRow, VerifyRow};
pub use mailbox::{MailboxInfo, MailboxStatus, Subscription};
pub use message::{Appended, Copied, FlagChange, OpenMailbox, Stored};
pub use receive::{
    Incoming, Judgement, MessageWriter, Placement, ReceivedMessage, Recipient, RecipientError,
};
pub use search::SearchKey;
pub use service::{Clock, MailService, MailboxNames, Settings};
pub use snapshot::{Changes, Entry, Snapshot};
pub use thread::{ThreadNode, Threads};
pub use verify::AccountVerified;
