//! IMAP over sockets: drives `imap_session` and asks `mail_service`.
//!
//! Knows what each command does and how its answer reads; what mail is stands in the service.
//!
//! The types to know: [`ImapServer`], [`Settings`], [`Port`]; inside, `connection` is the driver,
//! `commands` has a file per family, `answer` turns failures into responses.

mod answer;
mod commands;
mod connection;
mod server;
mod settings;
mod stream;

pub use server::{ImapServer, Port, TlsSource};
pub use settings::{PlaintextLogin, Settings};
