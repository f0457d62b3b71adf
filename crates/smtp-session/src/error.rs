//! What a peer can do wrong in a command, and which reply that gets.

use thiserror::Error;

use crate::reply::{self, Reply};

/// A command that cannot be done because of how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeerMisbehaved {
    /// A line that does not end with CR LF, or has CR, LF or NUL inside.
    #[error("CR, LF or NUL out of place")]
    BareLineEnd,
    /// A line over the limit.
    #[error("line too long")]
    LineTooLong,
    /// No such verb.
    #[error("unknown command")]
    UnknownCommand,
    /// The arguments do not read as the RFC has them.
    #[error("syntax error")]
    Syntax,
    /// An argument out of its range, or one too many.
    #[error("invalid argument")]
    Argument,
    /// BDAT without a size we can read: where the next command starts is unknown.
    #[error("unreadable BDAT size")]
    ChunkSize,
    /// No reverse-path.
    #[error("bad sender address")]
    Sender,
    /// No forward-path.
    #[error("bad recipient address")]
    Recipient,
    /// A parameter we did not announce.
    #[error("unknown parameter")]
    UnknownParameter,
    /// An AUTH mechanism we did not announce.
    #[error("unknown mechanism")]
    UnknownMechanism,
    /// Not base64, or not the message the mechanism asks for.
    #[error("undecodable SASL response")]
    SaslResponse,
}

impl PeerMisbehaved {
    /// What the peer is told.
    pub fn reply(&self) -> Reply {
        match self {
            Self::BareLineEnd => reply::BARE_LINE_END,
            Self::LineTooLong => reply::LINE_TOO_LONG,
            Self::UnknownCommand => reply::UNRECOGNIZED,
            Self::Syntax => reply::SYNTAX,
            Self::Argument | Self::ChunkSize => reply::BAD_ARGUMENT,
            Self::Sender => reply::BAD_SENDER,
            Self::Recipient => reply::BAD_RECIPIENT,
            Self::UnknownParameter => reply::UNKNOWN_PARAMETER,
            Self::UnknownMechanism => reply::UNKNOWN_MECHANISM,
            Self::SaslResponse => reply::BAD_BASE64,
        }
    }
}
