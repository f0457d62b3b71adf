//! Where a connection stands, and what it has asked.

use super::content::Outgoing;
use super::outcome::Stage;

/// Where a connection stands.
///
/// ```text
/// Opening -> Idle <-> Envelope -> Content <-> (chunk's reply) -> Ending -> Idle -> Quitting
///    |  ^
///    v  |
/// Handshake                                   and from each to Closed
/// ```
#[derive(Debug)]
pub(super) enum State {
    /// Greeting, EHLO, STARTTLS, AUTH.
    Opening,
    /// The driver does TLS.
    Handshake,
    /// Between transactions.
    Idle,
    /// MAIL, RCPT, DATA: what is to be sent next.
    Envelope(Next),
    /// The driver brings the content.
    Content(Outgoing),
    /// All of it is sent.
    Ending,
    /// QUIT is sent.
    Quitting,
    /// It is over.
    Closed,
}

/// The next command of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Reset,
    Mail,
    /// The first recipient from here on that is still to be asked.
    Recipient(usize),
    /// DATA, or the first BDAT.
    Content,
    /// None: what is awaited will show.
    Nothing,
}

/// A command whose reply is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// None: the server speaks first.
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    AuthPlain,
    AuthLogin,
    AuthLoginName,
    AuthLoginPassword,
    Reset,
    Mail,
    Recipient(usize),
    Data,
    /// BDAT, not the last.
    Chunk,
    /// The final dot or last BDAT, for all recipients.
    ContentEnd,
    /// LMTP: the same for this recipient.
    ContentEndFor(usize),
    Quit,
}

impl Command {
    pub(super) fn stage(self) -> Stage {
        match self {
            Self::Greeting => Stage::Greeting,
            Self::Ehlo | Self::Helo => Stage::Hello,
            Self::StartTls => Stage::StartTls,
            Self::AuthPlain | Self::AuthLogin | Self::AuthLoginName | Self::AuthLoginPassword => {
                Stage::Auth
            }
            Self::Reset => Stage::Reset,
            Self::Mail => Stage::Mail,
            Self::Recipient(_) => Stage::Recipient,
            Self::Data => Stage::Data,
            Self::Chunk => Stage::Content,
            Self::ContentEnd | Self::ContentEndFor(_) => Stage::ContentEnd,
            Self::Quit => Stage::Quit,
        }
    }
}
