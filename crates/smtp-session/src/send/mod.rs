//! The sending role: one connection of RFC 5321 or RFC 2033 to a server.

mod config;
mod outcome;
mod reply;
mod transaction;

pub use config::{Config, Credentials, EightBit, Role, StartTls, Timeouts};
pub use outcome::{Outcome, Reason, Report, Stage};
pub use reply::{ReplyFault, ServerReply};
pub use transaction::{Notify, OriginalRecipient, Recipient, Ret, Transaction};
