//! RFC 5321 §4.2: a server's replies, read with limits and kept fit to be shown.
//!
//! A reply may end up in a log, a notice to the sender or a browser, and whoever runs the server
//! chose its bytes: so it is cut short and has no control characters when it leaves this file.

use std::fmt;

use bytes::{Buf, BytesMut};
use thiserror::Error;

/// RFC 5321 §4.5.3.1.5 asks for 512 octets; some servers say more. A longer line ends the
/// connection, so a server that never ends one costs no memory.
const LINE_BYTES_MAX: usize = 4096;

/// Lines of one reply. EHLO's are one per extension; nobody has a quarter of these.
const LINES_MAX: usize = 128;

/// Text kept of one reply; the rest is dropped as it comes.
const TEXT_BYTES_MAX: usize = 1024;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReply {
    /// RFC 5321 §4.2.1.
    pub code: u16,
    /// RFC 2034 §4: when the text starts with one of the code's class.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The lines without codes, joined by spaces; at most 1,024 bytes, no control characters.
    pub text: String,
}

impl ServerReply {
    /// 2yz: done.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 5yz: never.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }
}

/// As in RFC 3464 `Diagnostic-Code: smtp;`, on one line.
impl fmt::Display for ServerReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// Why a server's bytes are not taken as a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyFault {
    /// No reply by RFC 5321 §4.2.
    #[error("unreadable reply")]
    Syntax,
    /// A line over the limit.
    #[error("endless reply line")]
    LineTooLong,
    /// More lines than the limit.
    #[error("endless reply")]
    TooManyLines,
    /// A reply to nothing: which answers which is no longer known.
    #[error("reply without a command")]
    Unsolicited,
    /// A code that does not answer this command.
    #[error("reply code out of place")]
    Code,
}

/// A reply as it came, with the lines EHLO needs.
#[derive(Debug, Default)]
pub(super) struct RawReply {
    pub(super) code: u16,
    /// Lines without code and separator. Past the kept length the text is dropped, but EHLO's
    /// lines are read while they pass.
    pub(super) lines: Vec<Vec<u8>>,
}

/// Reads replies. Holds the lines of one reply at most: `LINES_MAX` of `LINE_BYTES_MAX`.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    partial: RawReply,
}
