//! The IMAP protocol core: bytes in, steps out. No socket, no clock, no disk, no async.
//!
//! [`Session`] cuts and reads commands within limits, [`Selected`] keeps the client's sequence
//! numbers, [`respond`] writes answers. What a command does is the driver's business.
//!
//! ```
//! use imap_session::{Command, Session, Step};
//!
//! let mut session = Session::new();
//! session.receive(b"a1 NOOP\r\n");
//! let Step::Command(tagged) = session.next() else { panic!() };
//! assert!(matches!(tagged.command, Command::Noop));
//! ```

mod command;
mod fetch;
mod frame;
mod lex;
mod list;
mod literal;
mod parse;
pub mod respond;
mod search;
mod selected;
mod session;
mod sort;
mod state;
mod utf7;

pub use command::{Append, Command, Numbering, StatusItem, StoreChange, Tagged};
pub use fetch::{Item, Label, Section, Text};
pub use lex::{Bad, Mailbox, SequenceSet};
pub use list::{List, Selection};
pub use search::{Return, Search};
pub use selected::{Expunges, Selected, Update};
pub use session::{Session, Step};
pub use sort::Threading;
pub use state::{Phase, is_legal};
pub use utf7::{InvalidUtf7, decode as decode_utf7, encode as encode_utf7};
