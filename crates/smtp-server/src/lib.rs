//! SMTP and LMTP over sockets: drives `smtp_session` and asks `mail_service`.
//!
//! Decides nothing about the protocol's order and nothing about what mail is. Connection limits
//! per address are the listener's; sending mail out is another crate's.
//!
//! The types to know: [`SmtpServer`], [`Settings`], [`Port`]; inside, `connection` is the driver,
//! `envelope` answers the session's questions, `policy` judges
//! strangers' messages, `answer` turns failures into replies.

mod answer;
mod connection;
mod envelope;
mod log;
mod policy;
mod server;
mod settings;
mod stream;

pub use policy::SenderPolicy;
pub use server::{SmtpServer, TlsSource};
pub use settings::{PlaintextAuth, Settings};
pub use smtp_session::Port;
