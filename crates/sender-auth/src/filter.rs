//! RFC 8601 §5: a stranger's `Authentication-Results` in our name must not reach readers who
//! believe them. They are taken out while the message streams by.

use std::borrow::Cow;
use std::ops::Range;

use mail_message::header;

/// Bytes of one field that are held until it is known whose it is. A longer field passes; a longer
/// `Authentication-Results` does not, whoever it claims to be from: nobody honest writes one.
pub const FIELD_BYTES_MAX: usize = 16 << 10;

/// Takes forged fields out of a message as it streams by. Behind the header nothing is copied.
pub struct HeaderFilter {
    authserv_id: String,
    /// The field so far and, from `line_start` on, a line that may or may not belong to it.
    held: Vec<u8>,
    line_start: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    /// In a field that is too long to be held.
    Long {
        keep: bool,
        at_line_start: bool,
    },
    Body,
}

impl HeaderFilter {
    /// A filter before the first byte of a message.
    pub fn new(authserv_id: &str) -> Self {
        Self {
            authserv_id: authserv_id.to_owned(),
            held: Vec::new(),
            line_start: 0,
            state: State::Header,
        }
    }

    /// Takes the next bytes; gives those that stay.
    pub fn push<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if self.state == State::Body {
            return Cow::Borrowed(bytes);
        }
        let mut kept = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Header => self.header(rest, &mut kept),
                State::Long { keep, at_line_start } => {
                    self.long(rest, keep, at_line_start, &mut kept)
                }
                State::Body => {
                    kept.extend_from_slice(rest);
                    &[]
                }
            };
        }
        Cow::Owned(kept)
    }

    /// What was still held when the message ended.
    pub fn finish(mut self) -> Vec<u8> {
        let mut kept = Vec::new();
        self.end_line(&mut kept);
        self.end_field(&mut kept);
        kept
    }

    /// Takes the bytes up to the end of a line; gives those after it.
    fn header<'b>(&mut self, bytes: &'b [u8], kept: &mut Vec<u8>) -> &'b [u8] {
        let end = bytes.iter().position(|&byte| byte == b'\n').map(|end| end + 1);
        // Never more than fits: what comes next decides what becomes of it.
        let room = (FIELD_BYTES_MAX + 1).saturating_sub(self.held.len());
        let length = end.unwrap_or(bytes.len()).min(room);
        let (line, rest) = bytes.split_at(length);
        self.held.extend_from_slice(line);
        if line.ends_with(b"\n") {
            self.end_line(kept);
        }
        if self.held.len() > FIELD_BYTES_MAX {
            self.give_up(kept);
        }
        rest
    }

    /// A line is whole: it continues the field, or ends it and begins another.
    fn end_line(&mut self, kept: &mut Vec<u8>) {
        let line = &self.held[self.line_start..];
        let is_empty = matches!(line, b"\r\n" | b"\n");
        let continues = self.line_start > 0 && matches!(line.first(), Some(b' ' | b'\t'));
        if !continues && self.line_start > 0 {
            let line = self.held.split_off(self.line_start);
            self.end_field(kept);
            self.held = line;
        }
        self.line_start = self.held.len();
        if is_empty {
            kept.append(&mut self.held);
            self.line_start = 0;
            self.state = State::Body;
        }
    }

    fn end_field(&mut self, kept: &mut Vec<u8>) {
        let forged = header::fields(&self.held)
            .any(|field| header::is_forged_verdict(&field, &self.authserv_id));
        if forged {
            self.held.clear();
        }
        kept.append(&mut self.held);
        self.line_start = 0;
    }

    /// The field is too long to be held.
    fn give_up(&mut self, kept: &mut Vec<u8>) {
        // A line that does not continue the field is the beginning of the next.
        let continues = matches!(self.held.get(self.line_start), Some(b' ' | b'\t'));
        if self.line_start > 0 && self.line_start < self.held.len() && !continues {
            let line = self.held.split_off(self.line_start);
            self.end_field(kept);
            self.held = line;
            return;
        }
        let keep = !header::fields(&self.held).any(|field| field.is("Authentication-Results"));
        let at_line_start = self.held.ends_with(b"\n");
        if keep {
            kept.append(&mut self.held);
        }
        self.held.clear();
        self.line_start = 0;
        self.state = State::Long { keep, at_line_start };
    }

    fn long<'b>(
        &mut self,
        bytes: &'b [u8],
        keep: bool,
        at_line_start: bool,
        kept: &mut Vec<u8>,
    ) -> &'b [u8] {
        if at_line_start && !matches!(bytes[0], b' ' | b'\t') {
            self.state = State::Header;
            return bytes;
        }
        let end = bytes.iter().position(|&byte| byte == b'\n').map(|end| end + 1);
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if keep {
            kept.extend_from_slice(line);
        }
        self.state = State::Long { keep, at_line_start: end.is_some() };
        rest
    }
}

/// Where in a header section the fields stand that are forged in this name.
pub fn forged_fields(raw_header: &[u8], authserv_id: &str) -> Vec<Range<usize>> {
    let start = raw_header.as_ptr() as usize;
    header::fields(raw_header)
        .filter(|field| header::is_forged_verdict(field, authserv_id))
        .map(|field| {
            let at = field.raw.as_ptr() as usize - start;
            at..at + field.raw.len()
        })
        .collect()
}
