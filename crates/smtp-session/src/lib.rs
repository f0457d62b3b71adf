//! The SMTP and LMTP protocol core: bytes in, steps out.
//!
//! [`Session`] is the receiving role (RFC 5321, RFC 2033 for LMTP) on one connection. It never
//! opens a socket, asks for the time or knows what a mailbox is: the driver hands it bytes and the
//! time, does what each [`Step`] says, and answers its [`Request`]s. [`send::Client`] is the sending
//! role in the same shape.
//!
//! The types to know: [`Session`], [`Step`], [`Request`] and [`Answer`], [`Reply`].
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//! use smtp_session::{Config, Connection, Port, Security, Session, Step};
//!
//! let now = Instant::now();
//! let connection = Connection { port: Port::Mx, security: Security::Plain, may_start_tls: true,
//!     plaintext_auth: false, began: jiff::Timestamp::UNIX_EPOCH };
//! let mut session = Session::new(Arc::new(Config::default()), connection, now);
//! let Step::Write(greeting) = session.next(now) else { panic!("a server speaks first") };
//! assert!(greeting.starts_with(b"220 "));
//! assert_eq!(session.next(now), Step::Read);
//! session.receive(b"QUIT\r\n");
//! let Step::Write(reply) = session.next(now) else { panic!("QUIT has a reply") };
//! assert!(reply.starts_with(b"221 "));
//! assert_eq!(session.next(now), Step::Close);
//! ```

mod command;
mod config;
mod content;
mod error;
mod line;
mod parameter;
mod path;
mod receive;
pub mod reply;
mod sasl;
pub mod send;

pub use config::{Config, Connection, Port, Security, Timeouts};
pub use error::PeerMisbehaved;
pub use parameter::{Hold, MailParameters, RecipientParameters};
pub use path::ForwardPath;
pub use receive::{Answer, Ended, Protocol, Request, Session, Step, Trace};
pub use reply::Reply;
