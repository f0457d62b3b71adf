//! The streaming MIME scanner: sees a message once, in any pieces, and tells where its parts lie.
//!
//! Works line by line and keeps of each line only what could be a delimiter or belongs to a
//! header, so a message of any size takes bounded memory. No recursion: the open parts are a
//! stack, and what lies deeper than [`DEPTH_MAX`] or beyond [`PARTS_MAX`] is one opaque part.

use crate::part::Part;
use crate::wire;

/// Deepest nesting that is looked into.
pub const DEPTH_MAX: usize = 100;
/// Parts that are told apart.
pub const PARTS_MAX: usize = 1000;
/// Bytes of one header section that are read; what follows counts but says nothing.
pub const HEADER_BYTES_MAX: usize = 1 << 20;
/// Bytes of all headers of inner parts that are read.
const INNER_HEADERS_BYTES_MAX: usize = 4 << 20;
/// Bytes kept of the first readable text, for the preview.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// RFC 2046 §5.1.1: a boundary has at most 70 characters; a delimiter line a little more.
const DELIMITER_BYTES_MAX: usize = 2 + 70 + 2 + 80;

/// What a scan found.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// The message's length.
    pub size: u64,
    /// All parts; the first is the message itself.
    pub parts: Vec<Part>,
    /// The message's own header section, empty line included, cut at [`HEADER_BYTES_MAX`].
    pub raw_header: Vec<u8>,
    /// The first part that can be read as text, and the beginning of its body as it stands.
    pub text: Option<(u32, Vec<u8>)>,
}

/// Scans a message as it streams by.
#[derive(Debug)]
pub struct Scanner {
    position: u64,
    /// The line so far, cut at what is needed of it.
    line: Vec<u8>,
    line_start: u64,
    /// Length of the line end before this line, which belongs to a delimiter that follows.
    last_line_end: u64,
    lines: u64,
    last_byte: u8,
    parts: Vec<Part>,
    stack: Vec<Open>,
    state: State,
    /// The header section being read.
    header: Vec<u8>,
    inner_header_bytes: usize,
    raw_header: Vec<u8>,
    text: Option<(u32, Vec<u8>)>,
    text_is_plain: bool,
}

#[derive(Debug)]
struct Open {
    part: u32,
    /// Lines before its body.
    lines_before: u64,
    /// Delimiter of a multipart, `--` included; `None` for others and after its close delimiter.
    delimiter: Option<Vec<u8>>,
    is_digest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Body,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner before the first byte of a message.
    pub fn new() -> Self {
        let mut scanner = Self {
            position: 0,
            line: Vec::new(),
            line_start: 0,
            last_line_end: 0,
            lines: 0,
            last_byte: 0,
            parts: Vec::new(),
            stack: Vec::new(),
            state: State::Header,
            header: Vec::new(),
            inner_header_bytes: 0,
            raw_header: Vec::new(),
            text: None,
            text_is_plain: false,
        };
        scanner.begin_part(None);
        scanner
    }

    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = bytes.split_at(end + 1);
            self.take(line);
            self.end_line();
            bytes = rest;
        }
        self.take(bytes);
    }

    /// Ends the message.
    pub fn finish(mut self) -> Scanned {
        if !self.line.is_empty() || self.position > self.line_start {
            self.end_line();
        }
        if self.state == State::Header {
            self.end_header();
        }
        self.close_to(0, self.position, self.lines);
        if let Some((number, kept)) = &mut self.text {
            let body = &self.parts[*number as usize].body;
            kept.truncate((body.end - body.start).min(TEXT_BYTES_MAX as u64) as usize);
        }
        Scanned {
            size: self.position,
            parts: self.parts,
            raw_header: self.raw_header,
            text: self.text,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(&last) = bytes.last() else { return };
        // The byte before a LF that came first in its piece was the last of the piece before.
        self.last_byte = match bytes {
            [.., before, b'\n'] => *before,
            [b'\n'] => self.last_byte,
            _ => last,
        };
        self.position += bytes.len() as u64;
        let wanted = match self.state {
            State::Header => HEADER_BYTES_MAX,
            State::Body => DELIMITER_BYTES_MAX,
        };
        let room = wanted.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.state == State::Body {
            self.keep_text(bytes);
        }
    }

    fn end_line(&mut self) {
        let length = self.position - self.line_start;
        let is_cut = (self.line.len() as u64) < length;
        let mut line = std::mem::take(&mut self.line);
        let line_end = match line.as_slice() {
            _ if is_cut => 1 + u64::from(self.last_byte == b'\r'),
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        let delimited = line.starts_with(b"--") && !is_cut && self.delimit(&line);
        self.lines += u64::from(line_end > 0);
        if !delimited && self.state == State::Header {
            self.header_line(&line, length == line_end);
        }
        self.last_line_end = line_end;
        self.line_start = self.position;
        // The buffer is used again, so that a body of short lines allocates nothing.
        line.clear();
        self.line = line;
    }

    fn header_line(&mut self, line: &[u8], is_empty: bool) {
        let root = self.stack.len() == 1;
        let room = match root {
            true => HEADER_BYTES_MAX.saturating_sub(self.header.len()),
            false => INNER_HEADERS_BYTES_MAX.saturating_sub(self.inner_header_bytes),
        };
        if line.len() <= room {
            self.header.extend_from_slice(line);
            self.inner_header_bytes += if root { 0 } else { line.len() };
        }
        if is_empty {
            self.end_header();
        }
    }

    fn end_header(&mut self) {
        self.read_header();
        self.begin_body();
    }

    /// Makes the part out of the header section that was collected.
    fn read_header(&mut self) {
        let raw = std::mem::take(&mut self.header);
        let [parents @ .., open] = &self.stack[..] else { return };
        let number = open.part as usize;
        let parent = parents.last();
        let in_digest = parent.is_some_and(|parent| parent.is_digest);
        let default_type = if in_digest { "message/rfc822" } else { "text/plain" };
        let is_root = parent.is_none_or(|parent| self.parts[parent.part as usize].is_message);
        let mut part = Part::from_header(&raw, default_type);
        part.header = self.parts[number].header.start..self.position;
        part.body = self.position..self.position;
        if is_root {
            part.envelope = Some(wire::envelope(&raw));
        }
        self.parts[number] = part;
        if parent.is_none() {
            self.raw_header = raw;
        }
        self.state = State::Body;
    }

    /// The header is over and the position stands at the body's first byte.
    fn begin_body(&mut self) {
        let depth = self.stack.len();
        let Some(open) = self.stack.last_mut() else { return };
        let number = open.part as usize;
        open.lines_before = self.lines;
        let room = depth < DEPTH_MAX && self.parts.len() < PARTS_MAX;
        let part = &mut self.parts[number];
        let (main, sub) = part.media_type();
        match (main.as_str(), sub.as_str()) {
            ("multipart", _) if room => {
                if let Some(boundary) = part.content_type.get("boundary").filter(|b| !b.is_empty())
                {
                    let kept = &boundary.as_bytes()[..boundary.len().min(200)];
                    open.delimiter = Some([b"--", kept].concat());
                    open.is_digest = sub == "digest";
                    part.is_multipart = true;
                }
            }
            ("message", "rfc822" | "global") if room && is_identity(part.encoding.as_deref()) => {
                part.is_message = true;
                let parent = open.part;
                self.begin_part(Some(parent));
            }
            ("text", "plain" | "html") => self.offer_text(number, sub == "plain"),
            _ => {}
        }
    }

    fn begin_part(&mut self, parent: Option<u32>) {
        let number = self.parts.len() as u32;
        let part = Part { header: self.position..self.position, ..Part::default() };
        self.parts.push(part);
        if let Some(parent) = parent {
            self.parts[parent as usize].children.push(number);
        }
        self.stack.push(Open {
            part: number,
            lines_before: self.lines,
            delimiter: None,
            is_digest: false,
        });
        self.state = State::Header;
        self.header.clear();
    }

    /// Handles a line that begins with `--`; `true` when it was a delimiter of an open multipart.
    fn delimit(&mut self, line: &[u8]) -> bool {
        let text = line.trim_ascii_end();
        let found = self.stack.iter().enumerate().rev().find_map(|(level, open)| {
            let rest = text.strip_prefix(open.delimiter.as_deref()?)?;
            match rest {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        });
        let Some((level, is_close)) = found else { return false };
        if self.state == State::Header {
            // A part that ends within its header has no body.
            self.read_header();
            if let Some(open) = self.stack.last() {
                let part = &mut self.parts[open.part as usize];
                part.header.end = self.line_start;
                part.body = self.line_start..self.line_start;
            }
        }
        // RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter.
        let end = self.line_start - self.last_line_end;
        self.close_to(level + 1, end, self.lines - u64::from(self.last_line_end > 0));
        let parent = self.stack[level].part;
        if is_close || self.parts.len() >= PARTS_MAX {
            self.stack[level].delimiter = None;
            self.state = State::Body;
        } else {
            self.begin_part(Some(parent));
        }
        true
    }

    /// Ends all open parts above this level.
    fn close_to(&mut self, level: usize, end: u64, lines: u64) {
        for open in self.stack.drain(level.min(self.stack.len())..) {
            let part = &mut self.parts[open.part as usize];
            part.body.end = end.max(part.body.start);
            part.lines = lines.saturating_sub(open.lines_before);
        }
    }

    /// Remembers the first plain text, or else the first HTML.
    fn offer_text(&mut self, number: usize, is_plain: bool) {
        let part = &self.parts[number];
        if part.is_attachment() || (self.text.is_some() && (self.text_is_plain || !is_plain)) {
            return;
        }
        self.text = Some((number as u32, Vec::new()));
        self.text_is_plain = is_plain;
    }

    fn keep_text(&mut self, bytes: &[u8]) {
        let Some((number, kept)) = &mut self.text else { return };
        if self.stack.last().is_some_and(|open| open.part == *number) {
            let room = TEXT_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// RFC 2046 §5.2.1: a message within a message is not encoded; one that is stays opaque.
fn is_identity(encoding: Option<&str>) -> bool {
    encoding.is_none_or(|text| {
        crate::decode::TransferEncoding::parse(text) == crate::decode::TransferEncoding::Identity
    })
}

/// Scans a message that is in memory.
pub fn scan(message: &[u8]) -> Scanned {
    let mut scanner = Scanner::new();
    scanner.push(message);
    scanner.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIXED: &[u8] = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
preamble\r\n--x\r\n\r\nplain\r\nline\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n\
Subject: in\r\nContent-Type: multipart/alternative; boundary=xx\r\n\r\n\
--xx\r\nContent-Type: text/html\r\n\r\n<p>\r\n--xx--\r\n--x\r\nContent-Type: image/png\r\n\r\n\
PNG\r\n--x--\r\nepilogue\r\n";

    fn text<'a>(message: &'a [u8], range: &std::ops::Range<u64>) -> &'a str {
        std::str::from_utf8(&message[range.start as usize..range.end as usize]).unwrap()
    }

    #[test]
    fn parts_lie_where_the_delimiters_say() {
        let scanned = scan(MIXED);
        let parts = &scanned.parts;
        assert_eq!(parts[0].children, [1, 2, 5]);
        assert_eq!(text(MIXED, &parts[1].body), "plain\r\nline");
        assert_eq!(parts[1].lines, 1);
        assert!(parts[2].is_message && parts[3].is_multipart);
        assert_eq!(parts[2].children, [3]);
        assert_eq!(text(MIXED, &parts[3].header).lines().next(), Some("Subject: in"));
        assert_eq!(text(MIXED, &parts[4].body), "<p>");
        assert_eq!(text(MIXED, &parts[5].body), "PNG");
        assert!(text(MIXED, &parts[0].body).ends_with("epilogue\r\n"));
        assert_eq!(scanned.text, Some((1, b"plain\r\nline".to_vec())));
        assert!(parts[3].envelope.as_ref().is_some_and(|e| e.starts_with(b"(NIL \"in\"")));
    }

    #[test]
    fn a_boundary_that_begins_another_is_another() {
        let message = b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--ab\n--a--\n";
        let scanned = scan(message);
        assert_eq!(scanned.parts.len(), 2);
        assert_eq!(text(message, &scanned.parts[1].body), "one\n--ab");
    }

    #[test]
    fn an_unclosed_multipart_ends_with_its_parent() {
        let message = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nin\r\n--a\r\n\r\nout\r\n";
        let scanned = scan(message);
        assert_eq!(scanned.parts[0].children, [1, 3]);
        assert_eq!(text(message, &scanned.parts[2].body), "in");
        assert_eq!(text(message, &scanned.parts[3].body), "out\r\n");
    }

    #[test]
    fn ten_thousand_levels_are_cut_at_the_limit() {
        let mut message = Vec::new();
        for level in 0..10_000 {
            message.extend(
                format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n")
                    .bytes(),
            );
        }
        let scanned = scan(&message);
        assert_eq!(scanned.parts.len(), DEPTH_MAX);
    }

    #[test]
    fn a_hundred_thousand_parts_are_cut_at_the_limit() {
        let mut message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
        message.extend(b"--b\r\n\r\nx\r\n".repeat(100_000));
        assert_eq!(scan(&message).parts.len(), PARTS_MAX);
    }

    #[test]
    fn strange_messages_are_messages() {
        for message in [&b""[..], b"\r\n", b"\n", b"no header", b"--", b"\r\n\r\n--x", b"A: b"] {
            let scanned = scan(message);
            assert_eq!(scanned.size, message.len() as u64);
            assert!(scanned.parts[0].body.end <= scanned.size);
        }
    }

    fn fragments() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(&b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"[..]),
            Just(&b"Content-Type: message/rfc822\r\n\r\n"[..]),
            Just(&b"Content-Type: multipart/digest; boundary=\"y\"\n\n"[..]),
            Just(&b"--x\r\n"[..]),
            Just(&b"--x--\r\n"[..]),
            Just(&b"--y\n"[..]),
            Just(&b"\r\n"[..]),
            Just(&b"\n"[..]),
            Just(&b"\r"[..]),
            Just(&b"text \xe9"[..]),
            Just(&b"a: b\r\n"[..]),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn pieces_are_scanned_like_the_whole(message in fragments(), cuts in proptest::collection::vec(0usize..400, 0..6)) {
            let whole = scan(&message);
            let mut scanner = Scanner::new();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(message.len())).collect();
            cuts.sort_unstable();
            let mut from = 0;
            for cut in cuts {
                scanner.push(&message[from..cut]);
                from = cut;
            }
            scanner.push(&message[from..]);
            let pieces = scanner.finish();
            prop_assert_eq!(&whole.parts, &pieces.parts);
            prop_assert_eq!(&whole.raw_header, &pieces.raw_header);
            prop_assert_eq!(&whole.text, &pieces.text);
            for part in &whole.parts {
                prop_assert!(part.header.start <= part.header.end && part.header.end <= part.body.start.max(part.header.end));
                prop_assert!(part.body.start <= part.body.end && part.body.end <= whole.size);
            }
        }
    }
}
