//! An IMAP session without sockets, through the crate's public door.

mod oracle;
mod session;
