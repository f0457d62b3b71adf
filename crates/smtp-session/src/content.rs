//! A message's content on its way in: where DATA ends, dots unstuffed, line ends checked.
//!
//! Our own machine and not smtp-proto's `DataReceiver`, which never ends an empty message and
//! keeps all of it in memory. [`DotReader`] knows CR LF and nothing else as a line end, so that no
//! other sequence can end the data (CVE-2023-51764); [`ContentCheck`] then refuses a message that
//! has any other.

use thiserror::Error;

use crate::config::TEXT_LINE_BYTES_MAX;
use crate::reply::{self, Reply};

/// Finds the end of DATA and removes the dots that hid lines from it.
#[derive(Debug, Default)]
pub(crate) struct DotReader {
    place: Place,
}

/// How far into `CR LF "." CR LF` we are. Each variant names what has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Everything up to a CR LF, or nothing at all: the line of DATA itself ended with one.
    #[default]
    LineStart,
    /// Something else in a line.
    Text,
    /// A CR in a line.
    Cr,
    /// A dot at the start of a line. It is not content.
    Dot,
    /// That dot and a CR, which is content unless LF follows.
    DotCr,
}

/// What [`DotReader::feed`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    /// Bytes used of the input.
    pub(crate) consumed: usize,
    /// Whether the data has ended there.
    pub(crate) ended: bool,
}

impl DotReader {
    /// Reads until the end of the data or of the input, and appends the content to `content`.
    pub(crate) fn feed(&mut self, input: &[u8], content: &mut Vec<u8>) -> Fed {
        let mut index = 0;
        while let Some(&byte) = input.get(index) {
            match (self.place, byte) {
                (Place::LineStart, b'.') => {
                    // RFC 5321 §4.5.2: "If the first character is a period and there are other
                    // characters on the line, the first character is deleted."
                    self.place = Place::Dot;
                    index += 1;
                }
                (Place::Dot, b'\r') => {
                    self.place = Place::DotCr;
                    index += 1;
                }
                // RFC 5321 §4.5.2: "If the line is composed of a single period, it is treated as
                // the end of mail indicator."
                (Place::DotCr, b'\n') => {
                    self.place = Place::LineStart;
                    return Fed { consumed: index + 1, ended: true };
                }
                (Place::DotCr, _) => {
                    content.push(b'\r');
                    self.place = Place::Cr;
                }
                (Place::Cr, b'\n') => {
                    content.push(byte);
                    self.place = Place::LineStart;
                    index += 1;
                }
                (Place::LineStart | Place::Text | Place::Cr | Place::Dot, _) => {
                    let rest = &input[index..];
                    let end = rest.iter().position(|&byte| byte == b'\r');
                    self.place = if end.is_some() { Place::Cr } else { Place::Text };
                    let run = end.map_or(rest.len(), |cr| cr + 1);
                    content.extend_from_slice(&rest[..run]);
                    index += run;
                }
            }
        }
        Fed { consumed: index, ended: false }
    }
}

/// Why a message's content is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ContentFault {
    #[error("CR, LF or NUL out of place")]
    BareLineEnd,
    #[error("line too long")]
    LineTooLong,
    #[error("message too large")]
    TooLarge,
}

impl ContentFault {
    pub(crate) fn reply(self) -> Reply {
        match self {
            Self::BareLineEnd => reply::BARE_LINE_END_IN_CONTENT,
            Self::LineTooLong => reply::TEXT_LINE_TOO_LONG,
            Self::TooLarge => reply::TOO_LARGE,
        }
    }
}

/// Checks content, from DATA or BDAT, as it passes. Holds no bytes.
#[derive(Debug)]
pub(crate) struct ContentCheck {
    size: u64,
    size_max: u64,
    line_length: usize,
    after_cr: bool,
}

impl ContentCheck {
    pub(crate) fn new(size_max: u64) -> Self {
        Self { size: 0, size_max, line_length: 0, after_cr: false }
    }

    /// Whether this many more bytes may come.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.size.saturating_add(bytes) <= self.size_max
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The first fault; the message is lost then, and the check is of no more use.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), ContentFault> {
        if !self.has_room(bytes.len() as u64) {
            return Err(ContentFault::TooLarge);
        }
        self.size += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) {
                // RFC 5321 §2.3.8: CR and LF only together.
                rest = rest.strip_prefix(b"\n").ok_or(ContentFault::BareLineEnd)?;
                self.line_length = 0;
                continue;
            }
            let special = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n' | b'\0'));
            let run = special.unwrap_or(rest.len());
            self.line_length += run;
            if self.line_length > TEXT_LINE_BYTES_MAX {
                return Err(ContentFault::LineTooLong);
            }
            rest = &rest[run..];
            if special.is_some() {
                rest = rest.strip_prefix(b"\r").ok_or(ContentFault::BareLineEnd)?;
                self.after_cr = true;
            }
        }
        Ok(())
    }

    /// Ends the message.
    ///
    /// # Errors
    /// A last byte that is CR: BDAT may end anywhere.
    pub(crate) fn finish(&self) -> Result<(), ContentFault> {
        if self.after_cr { Err(ContentFault::BareLineEnd) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds the pieces one by one; gives the content and what was left behind the end.
    fn read(pieces: &[&[u8]]) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut reader = DotReader::default();
        let mut content = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let fed = reader.feed(piece, &mut content);
            if fed.ended {
                let left = [&piece[fed.consumed..], &pieces[number + 1..].concat()].concat();
                return Some((content, left));
            }
            assert_eq!(fed.consumed, piece.len());
        }
        None
    }

    #[test]
    fn data_ends_at_crlf_dot_crlf_only() {
        for (input, expect) in [
            (".\r\n", Some("")),
            ("a\r\n.\r\n", Some("a\r\n")),
            ("..\r\n.\r\n", Some(".\r\n")),
            (".a\r\n.\r\n", Some("a\r\n")),
            ("a\r\n..\r\n...b\r\n.\r\n", Some("a\r\n.\r\n..b\r\n")),
            ("a\r\n.\rb\r\n.\r\n", Some("a\r\n\rb\r\n")),
            ("a\r\n.\r\r\n.\r\n", Some("a\r\n\r\r\n")),
            ("a\n.\n", None),
            ("a\n.\r\n", None),
            ("a\r.\r", None),
            ("a\r.\r\n", None),
            ("a\r\n.\n", None),
            ("a\r\n.\r", None),
            ("a\r\r\n.\r\r\n", None),
            ("a\r\n\0.\r\n", None),
            ("a\r\n.\0\r\n", None),
        ] {
            let whole = read(&[input.as_bytes()]);
            let expect = expect.map(|content| (content.as_bytes().to_vec(), Vec::new()));
            assert_eq!(whole, expect, "{input:?}");
            for cut in 0..=input.len() {
                let (first, second) = input.as_bytes().split_at(cut);
                assert_eq!(read(&[first, second]), expect, "{input:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn only_whole_line_ends_pass() {
        use ContentFault::BareLineEnd;
        for (content, expect) in [
            ("", Ok(())),
            ("a\r\nb", Ok(())),
            ("\r\n\r\n", Ok(())),
            ("a\nb", Err(BareLineEnd)),
            ("a\rb", Err(BareLineEnd)),
            ("a\r\rb", Err(BareLineEnd)),
            ("a\r\n\nb", Err(BareLineEnd)),
            ("a\0b", Err(BareLineEnd)),
            ("a\r", Err(BareLineEnd)),
        ] {
            for cut in 0..=content.len() {
                let mut check = ContentCheck::new(1000);
                let (first, second) = content.as_bytes().split_at(cut);
                let result = check
                    .take(first)
                    .and_then(|()| check.take(second))
                    .and_then(|()| check.finish());
                assert_eq!(result, expect, "{content:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn lines_and_messages_have_a_limit() {
        let mut check = ContentCheck::new(u64::MAX);
        assert_eq!(check.take(&vec![b'x'; TEXT_LINE_BYTES_MAX]), Ok(()));
        assert_eq!(check.take(b"x"), Err(ContentFault::LineTooLong));
        let mut check = ContentCheck::new(5);
        assert_eq!(check.take(b"12345"), Ok(()));
        assert_eq!(check.take(b"6"), Err(ContentFault::TooLarge));
    }

    /// RFC 5321 §4.5.2, the sending side.
    fn stuffed(lines: &[String]) -> Vec<u8> {
        let dot = |line: &String| if line.starts_with('.') { "." } else { "" };
        let text: String = lines.iter().map(|line| format!("{}{line}\r\n", dot(line))).collect();
        (text + ".\r\n").into_bytes()
    }

    proptest! {
        #[test]
        fn what_was_stuffed_comes_back_however_it_is_cut(
            lines in proptest::collection::vec("[.a]{0,4}", 0..6),
            size in 1usize..9,
        ) {
            let stuffed = [&stuffed(&lines)[..], b"NEXT"].concat();
            let pieces: Vec<&[u8]> = stuffed.chunks(size).collect();
            let plain: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            prop_assert_eq!(read(&pieces), Some((plain.into_bytes(), b"NEXT".to_vec())));
        }
    }
}
