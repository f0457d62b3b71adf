//! What became of each recipient, and why.

use std::fmt;

use super::reply::{ReplyFault, ServerReply};

/// What became of one recipient in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken responsibility (RFC 5321 §4.2.5).
    Delivered(ServerReply),
    /// Not now: try again later.
    Deferred(Reason, Option<ServerReply>),
    /// Never: tell the sender.
    Failed(Reason, Option<ServerReply>),
}

impl Outcome {
    /// What the server said, if it did.
    pub fn reply(&self) -> Option<&ServerReply> {
        match self {
            Self::Delivered(reply) => Some(reply),
            Self::Deferred(_, reply) | Self::Failed(_, reply) => reply.as_ref(),
        }
    }

    /// Why it was not delivered.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Delivered(_) => None,
            Self::Deferred(reason, _) | Self::Failed(reason, _) => Some(reason),
        }
    }

    /// RFC 3463, for the log and for a delivery status notification: the server's code when it
    /// gave one of the right class, otherwise ours.
    pub fn enhanced(&self) -> (u8, u16, u16) {
        let class = match self {
            Self::Delivered(_) => 2,
            Self::Deferred(..) => 4,
            Self::Failed(..) => 5,
        };
        let theirs = self.reply().and_then(|reply| reply.enhanced);
        if let Some(theirs) = theirs.filter(|theirs| theirs.0 == class) {
            return theirs;
        }
        let (subject, detail) = self.reason().map_or((0, 0), Reason::enhanced);
        (class, subject, detail)
    }

    /// Whether another host of the same next hop may do better: nothing was said about this
    /// message or this recipient, and no content can have been taken.
    pub fn may_try_next_host(&self) -> bool {
        match self.reason() {
            None => false,
            Some(Reason::Refused(stage)) => stage.is_opening(),
            Some(Reason::ServerClosed(stage) | Reason::Lost(stage) | Reason::TimedOut(stage)) => {
                *stage < Stage::Content
            }
            Some(Reason::Misbehaved(stage, _)) => *stage < Stage::Content,
            Some(reason) => matches!(
                reason,
                Reason::Unreachable
                    | Reason::StartTlsNotOffered
                    | Reason::StartTlsInjection
                    | Reason::Handshake
                    | Reason::AuthNotOffered
                    | Reason::PasswordNeedsTls
            ),
        }
    }
}

/// What [`super::Client`] tells of a transaction that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One per recipient, in the transaction's order.
    pub outcomes: Vec<Outcome>,
    /// Whether the server took over what was asked with NOTIFY and RET (RFC 3461 §5.2.1). When it
    /// did not, whoever asked for a notice of success is owed a "relayed" one by us (§5.2.2).
    pub dsn_passed_on: bool,
}

/// Where a connection stands: the command whose reply is awaited. In the order of their coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Before the server's first words, TCP connection included.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello,
    /// STARTTLS and the handshake.
    StartTls,
    /// AUTH.
    Auth,
    /// RSET.
    Reset,
    /// MAIL.
    Mail,
    /// RCPT.
    Recipient,
    /// DATA.
    Data,
    /// The content, or a BDAT chunk that is not the last.
    Content,
    /// The dot that ends the content, or the last BDAT chunk.
    ContentEnd,
    /// QUIT.
    Quit,
}

impl Stage {
    /// Whether nothing has been said of a message yet.
    pub fn is_opening(self) -> bool {
        self < Stage::Mail
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Content => "content",
            Self::ContentEnd => "end of content",
            Self::Quit => "QUIT",
        })
    }
}

/// Why a recipient was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The server said no to this command; its reply goes with it.
    Refused(Stage),
    /// 421: the server closes the connection.
    ServerClosed(Stage),
    /// The connection ended while this reply was awaited.
    Lost(Stage),
    /// The connection ended, or time ran out, after all content was sent and before the reply: the
    /// server may have the message or not. Trying again may deliver it twice, and RFC 5321
    /// §4.5.4.1 prefers that to losing it.
    LostAfterContent,
    /// The reply did not come in time.
    TimedOut(Stage),
    /// The server sent what is no reply, or one nobody asked for.
    Misbehaved(Stage, ReplyFault),
    /// TLS is required, and not offered.
    StartTlsNotOffered,
    /// Bytes came between the reply to STARTTLS and TLS: somebody else may have put them there.
    StartTlsInjection,
    /// The TLS handshake failed.
    Handshake,
    /// There is a login to be made, and the server takes none we know.
    AuthNotOffered,
    /// There is a login to be made, and the connection is in the clear.
    PasswordNeedsTls,
    /// Larger than what the server announced it takes (RFC 1870 §6.1); nothing was sent.
    TooLarge {
        /// The server's limit.
        bytes_max: u64,
    },
    /// An address of this transaction needs SMTPUTF8, and it is not offered (RFC 6531 §3.2).
    NeedsSmtpUtf8,
    /// The message's header needs SMTPUTF8, and it is not offered.
    HeaderNeedsSmtpUtf8,
    /// The content is 8-bit, and 8BITMIME is not offered (RFC 6152 §3).
    NeedsEightBitMime,
    /// Our content has CR, LF or NUL out of place, or an endless line: it must not leave (RFC 5321
    /// §2.3.8).
    ContentNotCanonical,
    /// Our content could not be read, or is not as long as was said.
    ContentUnreadable,
    /// No connection could be made.
    Unreachable,
}

impl Reason {
    /// RFC 3463: subject and detail when the server gave none.
    pub fn enhanced(&self) -> (u16, u16) {
        match self {
            Self::Refused(stage) => match stage {
                Stage::Greeting | Stage::Hello => (3, 2),
                Stage::StartTls | Stage::Auth => (7, 0),
                Stage::Mail => (1, 0),
                Stage::Recipient => (1, 0),
                _ => (0, 0),
            },
            Self::ServerClosed(_) => (3, 2),
            Self::Lost(_) | Self::TimedOut(_) | Self::LostAfterContent => (4, 2),
            Self::Misbehaved(..) | Self::StartTlsInjection => (5, 0),
            Self::StartTlsNotOffered | Self::Handshake => (7, 0),
            Self::AuthNotOffered | Self::PasswordNeedsTls => (7, 0),
            Self::TooLarge { .. } => (3, 4),
            Self::NeedsSmtpUtf8 => (6, 7),
            Self::HeaderNeedsSmtpUtf8 => (6, 9),
            Self::NeedsEightBitMime => (6, 3),
            Self::ContentNotCanonical => (6, 0),
            Self::ContentUnreadable => (3, 0),
            Self::Unreachable => (4, 1),
        }
    }
}

/// One line for logs and people; never what the server said.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(stage) => write!(f, "refused at {stage}"),
            Self::ServerClosed(stage) => write!(f, "server closed the session at {stage}"),
            Self::Lost(stage) => write!(f, "connection lost at {stage}"),
            Self::LostAfterContent => {
                f.write_str("connection lost after the content; the server may have the message")
            }
            Self::TimedOut(stage) => write!(f, "no answer in time at {stage}"),
            Self::Misbehaved(stage, fault) => write!(f, "{fault} at {stage}"),
            Self::StartTlsNotOffered => f.write_str("TLS is required and not offered"),
            Self::StartTlsInjection => f.write_str("bytes between STARTTLS and TLS"),
            Self::Handshake => f.write_str("TLS handshake failed"),
            Self::AuthNotOffered => f.write_str("login is required and not offered"),
            Self::PasswordNeedsTls => f.write_str("password not sent without TLS"),
            Self::TooLarge { bytes_max } => {
                write!(f, "larger than the server's limit of {bytes_max} bytes")
            }
            Self::NeedsSmtpUtf8 => f.write_str("address needs SMTPUTF8, which is not offered"),
            Self::HeaderNeedsSmtpUtf8 => f.write_str("header needs SMTPUTF8, which is not offered"),
            Self::NeedsEightBitMime => f.write_str("content needs 8BITMIME, which is not offered"),
            Self::ContentNotCanonical => {
                f.write_str("content with line ends out of place or an endless line")
            }
            Self::ContentUnreadable => f.write_str("content could not be read"),
            Self::Unreachable => f.write_str("no connection could be made"),
        }
    }
}
