//! Pure parsing and composing of messages: no IO, no clock, no chance.
//!
//! Reading never fails: strange mail is shown, not refused. Everything is linear in its input,
//! bounded in memory and free of recursion over what a peer sent.
//!
//! The types to know: [`scan::Scanner`] sees a message once as it streams by,
//! [`structure::StructureRow`] answers FETCH about it, [`summary::Summary`] fills a list's line.
//!
//! ```
//! let scanned = mail_message::scan::scan(b"Subject: =?utf-8?q?=C3=89t=C3=A9?=\r\n\r\nBonjour.\r\n");
//! let summary = mail_message::summary::Summary::new(&scanned);
//! assert_eq!((summary.subject.as_str(), summary.preview.as_str()), ("Été", "Bonjour."));
//! ```

pub mod address;
pub mod author;
pub mod compose;
pub mod content;
pub mod date;
pub mod decode;
pub mod dsn;
pub mod encoded_word;
pub mod header;
pub mod html;
mod limits;
pub mod part;
pub mod reply;
pub mod scan;
pub mod structure;
pub mod summary;
pub mod text;
pub mod trace;
pub mod wire;
