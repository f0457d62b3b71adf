//! RFC 5321 §4.2: a server's replies, read with limits and kept fit to be shown.
//!
//! A reply may end up in a log, a notice to the sender or a browser, and whoever runs the server
//! chose its bytes: so it is cut short and has no control characters when it leaves this file.

use std::fmt;

use bytes::BytesMut;
use thiserror::Error;

/// RFC 5321 §4.5.3.1.5 asks for 512 octets; some servers say more. A longer line ends the
/// connection, so a server that never ends one costs no memory.
const LINE_BYTES_MAX: usize = 4096;

/// Lines of one reply. EHLO's are one per extension; nobody has a quarter of these.
const LINES_MAX: usize = 128;

/// Bytes of one reply, all lines together.
const REPLY_BYTES_MAX: usize = 32 << 10;

/// Text kept of one reply.
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

/// A reply as it came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RawReply {
    pub(super) code: u16,
    /// Without code and separator.
    pub(super) lines: Vec<Vec<u8>>,
}

/// Reads replies. Holds one at most, of `LINES_MAX` and `REPLY_BYTES_MAX`.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    partial: RawReply,
    size: usize,
}

impl ReplyReader {
    /// The next reply, taken from `input`; `None` when it is not complete yet.
    ///
    /// # Errors
    /// What comes is no reply. The reader is of no more use then.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Option<RawReply>, ReplyFault> {
        loop {
            let end = input.iter().position(|&byte| byte == b'\n');
            if end.unwrap_or(input.len()) >= LINE_BYTES_MAX {
                return Err(ReplyFault::LineTooLong);
            }
            let Some(end) = end else { return Ok(None) };
            let line = input.split_to(end + 1);
            let line = Line::parse(&line).ok_or(ReplyFault::Syntax)?;
            let first = self.partial.lines.is_empty();
            // RFC 5321 §4.2.1: "every line except the last must begin with the reply code".
            if !first && self.partial.code != line.code {
                return Err(ReplyFault::Syntax);
            }
            self.size += line.text.len();
            if self.partial.lines.len() >= LINES_MAX || self.size > REPLY_BYTES_MAX {
                return Err(ReplyFault::TooManyLines);
            }
            self.partial.code = line.code;
            self.partial.lines.push(line.text.to_vec());
            if line.last {
                self.size = 0;
                return Ok(Some(std::mem::take(&mut self.partial)));
            }
        }
    }

    /// Whether a reply has begun and not ended.
    pub(super) fn is_inside(&self) -> bool {
        !self.partial.lines.is_empty()
    }
}

/// One line of a reply.
struct Line<'a> {
    code: u16,
    last: bool,
    text: &'a [u8],
}

impl<'a> Line<'a> {
    // Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
    // Reply-code = %x32-35 %x30-35 %x30-39
    fn parse(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r\n")?;
        let (code, rest) = line.split_at_checked(3)?;
        let digits = matches!(code[0], b'2'..=b'5') && code.iter().all(u8::is_ascii_digit);
        let (last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return None,
        };
        let value = code.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
        digits.then_some(Self { code: value, last, text })
    }
}

impl From<RawReply> for ServerReply {
    fn from(raw: RawReply) -> Self {
        let class = (raw.code / 100) as u8;
        let mut enhanced = None;
        let mut text = String::new();
        for line in &raw.lines {
            let line = String::from_utf8_lossy(line);
            let (code, rest) = split_enhanced(&line, class);
            enhanced = enhanced.or(code);
            if !text.is_empty() {
                text.push(' ');
            }
            text.extend(rest.chars().filter(|&c| is_showable(c)));
            if text.len() >= TEXT_BYTES_MAX {
                text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
                break;
            }
        }
        Self { code: raw.code, enhanced, text: text.trim().to_owned() }
    }
}

/// RFC 2034 §4: `status-code = class "." subject "." detail`, on each line.
fn split_enhanced(line: &str, class: u8) -> (Option<(u8, u16, u16)>, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut numbers = word.split('.').map(|number| {
        let short = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        if short { number.parse::<u16>().ok() } else { None }
    });
    let parts = [numbers.next(), numbers.next(), numbers.next(), numbers.next()];
    match parts {
        [Some(Some(first)), Some(Some(subject)), Some(Some(detail)), None]
            if first == u16::from(class) =>
        {
            (Some((class, subject, detail)), rest)
        }
        _ => (None, line),
    }
}

/// Neither moves a cursor nor turns the order of letters round.
fn is_showable(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    !c.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Result<Option<String>, ReplyFault> {
        let mut input = BytesMut::from(input);
        let reply = ReplyReader::default().take(&mut input)?;
        Ok(reply.map(|reply| ServerReply::from(reply).to_string()))
    }

    #[test]
    fn replies_are_read_by_the_letter() {
        use ReplyFault::Syntax;
        let good = |text: &str| Ok(Some(text.to_owned()));
        for (input, expect) in [
            ("250 OK\r\n", good("250 OK")),
            ("250\r\n", good("250")),
            ("250 \r\n", good("250")),
            ("250-2.1.0 one\r\n250 2.1.0 two\r\n", good("250 2.1.0 one two")),
            ("550 5.1.1 no\r\n", good("550 5.1.1 no")),
            ("550 5.1.1\r\n", good("550 5.1.1")),
            ("550 4.1.1 no\r\n", good("550 4.1.1 no")),
            ("550 5.1.1.1 no\r\n", good("550 5.1.1.1 no")),
            ("550 5.1234.1 no\r\n", good("550 5.1234.1 no")),
            ("250-one\r\n", Ok(None)),
            ("250 OK\r", Ok(None)),
            ("250 OK\n", Err(Syntax)),
            ("250-one\r\n550 two\r\n", Err(Syntax)),
            ("250_OK\r\n", Err(Syntax)),
            ("25 OK\r\n", Err(Syntax)),
            ("\r\n", Err(Syntax)),
            ("150 OK\r\n", Err(Syntax)),
            ("650 OK\r\n", Err(Syntax)),
            ("2x0 OK\r\n", Err(Syntax)),
            ("SSH-2.0-OpenSSH_9.2\r\n", Err(Syntax)),
        ] {
            assert_eq!(read(input.as_bytes()), expect, "{input:?}");
        }
    }

    #[test]
    fn an_endless_reply_ends_in_an_error_and_not_in_memory() {
        let mut reader = ReplyReader::default();
        let mut input = BytesMut::from(&[b'2'; LINE_BYTES_MAX][..]);
        assert_eq!(reader.take(&mut input), Err(ReplyFault::LineTooLong));
        let lines = |line: &str| line.repeat(10_000).into_bytes();
        assert_eq!(read(&lines("250-x\r\n")), Err(ReplyFault::TooManyLines));
        let wide = format!("250-{}\r\n", "x".repeat(1000));
        assert_eq!(read(&lines(&wide)), Err(ReplyFault::TooManyLines));
    }

    #[test]
    fn what_is_kept_is_short_and_can_be_shown() {
        let shown = |input: &[u8]| read(input).unwrap().unwrap();
        assert_eq!(shown(b"550 a\x1b[31mb\0\rc\x7f\r\n"), "550 a[31mbc");
        assert_eq!(shown("550 é\u{202e}x\u{2028}y\r\n".as_bytes()), "550 éxy");
        assert_eq!(shown(b"550 \xff\xfe\r\n"), "550 \u{fffd}\u{fffd}");
        let long = format!("550 {}\r\n", "é".repeat(2000));
        assert!(shown(long.as_bytes()).len() <= "550 ".len() + TEXT_BYTES_MAX);
    }

    #[test]
    fn a_reply_may_come_in_any_pieces() {
        let whole = b"250-2.1.0 one\r\n250-2.1.0 two\r\n250 2.1.0 three\r\n";
        for cut in 0..whole.len() {
            let mut reader = ReplyReader::default();
            let mut input = BytesMut::from(&whole[..cut]);
            assert_eq!(reader.take(&mut input), Ok(None), "cut at {cut}");
            input.extend_from_slice(&whole[cut..]);
            let reply = reader.take(&mut input).unwrap().unwrap();
            assert_eq!(reply.lines.len(), 3);
            assert!(!reader.is_inside());
        }
    }
}
