//! A message as it streams by: its header section kept, its body hashed as its signatures ask.

use mail_message::header;
use mail_message::scan::HEADER_BYTES_MAX;

use super::canonical::{BodyHasher, Canonicalization};

/// Looks at a message while it is received; holds its header section and nothing of its body.
/// A message without signatures costs nothing once its header is over.
#[derive(Default)]
pub struct Observer {
    header: Vec<u8>,
    /// Where the last line of `header` begins.
    line_start: usize,
    is_cut: bool,
    in_body: bool,
    simple: Option<BodyHasher>,
    relaxed: Option<BodyHasher>,
}

/// What was seen of a message.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The header section, its empty line included.
    pub(crate) header: Vec<u8>,
    /// Whether it was longer than [`HEADER_BYTES_MAX`].
    pub(crate) is_cut: bool,
    pub(crate) simple: Option<[u8; 32]>,
    pub(crate) relaxed: Option<[u8; 32]>,
}

impl Observer {
    /// Takes the message's next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !self.in_body {
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                self.keep(rest);
                return;
            };
            let (line, tail) = rest.split_at(end + 1);
            self.keep(line);
            rest = tail;
            if matches!(&self.header[self.line_start..], b"\r\n" | b"\n") && !self.is_cut {
                self.begin_body();
            } else if self.is_cut {
                // Where the header ends is of no use any more.
                return;
            }
            self.line_start = self.header.len();
        }
        for hasher in self.simple.iter_mut().chain(&mut self.relaxed) {
            hasher.push(rest);
        }
    }

    /// Ends the message.
    pub fn finish(mut self) -> Observed {
        if !self.in_body {
            self.begin_body();
        }
        Observed {
            header: self.header,
            is_cut: self.is_cut,
            simple: self.simple.map(BodyHasher::finish),
            relaxed: self.relaxed.map(BodyHasher::finish),
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.is_cut |= self.header.len() + bytes.len() > HEADER_BYTES_MAX;
        if !self.is_cut {
            self.header.extend_from_slice(bytes);
        }
    }

    /// Which canonical forms the signatures are about.
    fn begin_body(&mut self) {
        self.in_body = true;
        for field in header::fields(&self.header).filter(|field| field.is("DKIM-Signature")) {
            let value = header::unfold(field.value);
            let tag = super::tags(&value).find(|(name, _)| *name == b"c").map(|(_, value)| value);
            // RFC 6376 §3.5: simple/simple without the tag, and simple for what it leaves out.
            let body = tag.and_then(|tag| tag.split(|&byte| byte == b'/').nth(1));
            let relaxed =
                body.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"relaxed"));
            let (hasher, form) = match relaxed {
                true => (&mut self.relaxed, Canonicalization::Relaxed),
                false => (&mut self.simple, Canonicalization::Simple),
            };
            hasher.get_or_insert_with(|| BodyHasher::new(form));
        }
    }
}

impl Observed {
    /// A message that is in memory.
    pub fn new(message: &[u8]) -> Self {
        let mut observer = Observer::default();
        observer.push(message);
        observer.finish()
    }

    pub(crate) fn body_hash(&self, canonicalization: Canonicalization) -> Option<&[u8; 32]> {
        match canonicalization {
            Canonicalization::Simple => self.simple.as_ref(),
            Canonicalization::Relaxed => self.relaxed.as_ref(),
        }
    }
}
