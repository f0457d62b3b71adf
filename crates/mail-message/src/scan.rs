//! The streaming MIME scanner: sees a message once, in any pieces, and tells where its parts lie.
//!
//! Works line by line and keeps of each line only what could be a delimiter or belongs to a
//! header, so a message of any size takes bounded memory. No recursion: the open parts are a
//! stack, and what lies deeper than [`DEPTH_MAX`] or beyond [`PARTS_MAX`] is one opaque part.

use std::collections::HashMap;

pub use crate::limits::{DEPTH_MAX, HEADER_BYTES_MAX, Limits, PARTS_MAX};
use crate::part::Part;
use crate::wire;

/// RFC 2046 §5.1.1 allows 70; a multipart with a longer one is not looked into.
const BOUNDARY_BYTES_MAX: usize = 200;
/// A delimiter line with its padding; a longer line is none.
const DELIMITER_LINE_BYTES_MAX: usize = 2 + BOUNDARY_BYTES_MAX + 2 + 80;

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
    limits: Limits,
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
    /// Levels of the stack at which a delimiter is awaited, the innermost last: a line is looked
    /// up once, however many multiparts are open.
    awaited: HashMap<Vec<u8>, Vec<usize>>,
    state: State,
    /// The header section being read.
    header: Vec<u8>,
    inner_header_bytes: usize,
    inner_envelope_bytes: usize,
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
    /// A scanner before the first byte of a message, with the default limits.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A scanner before the first byte of a message.
    pub fn with_limits(limits: Limits) -> Self {
        let mut scanner = Self {
            limits,
            position: 0,
            line: Vec::new(),
            line_start: 0,
            last_line_end: 0,
            lines: 0,
            last_byte: 0,
            parts: Vec::new(),
            stack: Vec::new(),
            awaited: HashMap::new(),
            state: State::Header,
            header: Vec::new(),
            inner_header_bytes: 0,
            inner_envelope_bytes: 0,
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
        // A multipart without parts cannot be said in IMAP: it is a leaf.
        for part in &mut self.parts {
            part.is_multipart &= !part.children.is_empty();
        }
        if let Some((number, kept)) = &mut self.text {
            let body = &self.parts[*number as usize].body;
            kept.truncate((body.end - body.start).min(kept.len() as u64) as usize);
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
            State::Header => self.limits.header_bytes_max,
            State::Body => DELIMITER_LINE_BYTES_MAX,
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
            true => self.limits.header_bytes_max.saturating_sub(self.header.len()),
            false => self.limits.inner_header_bytes_max.saturating_sub(self.inner_header_bytes),
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
        let is_outermost = parent.is_none();
        let is_message = parent.is_none_or(|parent| self.parts[parent.part as usize].is_message);
        let mut part = Part::from_header(&raw, default_type);
        part.header = self.parts[number].header.start..self.position;
        part.body = self.position..self.position;
        if is_message {
            part.envelope = Some(self.envelope(&raw, is_outermost));
        }
        self.parts[number] = part;
        if is_outermost {
            self.raw_header = raw;
        }
        self.state = State::Body;
    }

    fn envelope(&mut self, raw_header: &[u8], is_outermost: bool) -> Vec<u8> {
        if !is_outermost && self.inner_envelope_bytes >= self.limits.inner_envelope_bytes_max {
            return wire::EMPTY_ENVELOPE.to_vec();
        }
        let envelope = wire::envelope(raw_header);
        self.inner_envelope_bytes += if is_outermost { 0 } else { envelope.len() };
        envelope
    }

    /// The header is over and the position stands at the body's first byte.
    fn begin_body(&mut self) {
        let depth = self.stack.len();
        let Some(open) = self.stack.last_mut() else { return };
        let number = open.part as usize;
        open.lines_before = self.lines;
        let room = depth < self.limits.depth_max && self.parts.len() < self.limits.parts_max;
        let part = &mut self.parts[number];
        let (main, sub) = part.content_type.media_type();
        match (main.as_str(), sub.as_str()) {
            ("multipart", _) if room => {
                if let Some(boundary) = boundary(part) {
                    let delimiter = [b"--", boundary.as_bytes()].concat();
                    self.awaited.entry(delimiter.clone()).or_default().push(depth - 1);
                    open.delimiter = Some(delimiter);
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
        let innermost = |delimiter: &[u8]| self.awaited.get(delimiter)?.last().copied();
        let open = innermost(text).map(|level| (level, false));
        let close = text.strip_suffix(b"--").and_then(innermost).map(|level| (level, true));
        let Some((level, is_close)) = open.max(close) else { return false };
        if self.state == State::Header {
            // A part that ends within its header has no body.
            self.read_header();
            if let Some(open) = self.stack.last_mut() {
                open.lines_before = self.lines;
                let part = &mut self.parts[open.part as usize];
                part.header.end = self.line_start;
                part.body = self.line_start..self.line_start;
            }
        }
        // RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter.
        let end = self.line_start - self.last_line_end;
        self.close_to(level + 1, end, self.lines - u64::from(self.last_line_end > 0));
        let parent = self.stack[level].part;
        if is_close || self.parts.len() >= self.limits.parts_max {
            let delimiter = self.stack[level].delimiter.take();
            forget(&mut self.awaited, delimiter);
            self.state = State::Body;
        } else {
            self.begin_part(Some(parent));
        }
        true
    }

    /// Ends all open parts above this level.
    fn close_to(&mut self, level: usize, end: u64, lines: u64) {
        while self.stack.len() > level
            && let Some(open) = self.stack.pop()
        {
            forget(&mut self.awaited, open.delimiter);
            let part = &mut self.parts[open.part as usize];
            part.body.end = end.max(part.body.start);
            part.lines = lines.saturating_sub(open.lines_before);
        }
    }

    /// Remembers the first plain text, or else the first HTML.
    fn offer_text(&mut self, number: usize, is_plain: bool) {
        // A message that is one text shows it, whatever name the text was given.
        let is_file = number > 0 && self.parts[number].is_attachment();
        if is_file || (self.text.is_some() && (self.text_is_plain || !is_plain)) {
            return;
        }
        self.text = Some((number as u32, Vec::new()));
        self.text_is_plain = is_plain;
    }

    fn keep_text(&mut self, bytes: &[u8]) {
        let Some((number, kept)) = &mut self.text else { return };
        if self.stack.last().is_some_and(|open| open.part == *number) {
            let room = self.limits.text_bytes_max.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// The innermost level no longer awaits this delimiter.
fn forget(awaited: &mut HashMap<Vec<u8>, Vec<usize>>, delimiter: Option<Vec<u8>>) {
    let Some(delimiter) = delimiter else { return };
    if let Some(levels) = awaited.get_mut(&delimiter) {
        levels.pop();
        if levels.is_empty() {
            awaited.remove(&delimiter);
        }
    }
}

fn boundary(part: &Part) -> Option<String> {
    let plain = part.content_type.get("boundary").map(str::to_owned);
    // RFC 2231 §3: it may have been cut into pieces, too.
    let boundary = plain.or_else(|| part.content_type.decoded("boundary"))?;
    let boundary = boundary.trim_end();
    let is_usable = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len());
    is_usable.then(|| boundary.to_owned())
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
