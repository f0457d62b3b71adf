//! RFC 6376 §3.4: canonical forms, hashed as the bytes come.
//!
//! mail-auth hashes a whole message in memory, and its relaxed body keeps lines of white space at
//! the end, which RFC 6376 §3.4.4 has removed with the empty lines. Ours holds no more than
//! [`BUFFER_BYTES`] of a message of any size.

use aws_lc_rs::digest::{Context, SHA256};

/// Canonical bytes gathered before they are hashed: one call for each word would cost more than
/// the hash.
const BUFFER_BYTES: usize = 4 << 10;

/// RFC 6376 §3.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canonicalization {
    /// As it stands, but for empty lines at the end.
    Simple,
    /// White space made one space, gone at line ends.
    Relaxed,
}

/// A body's SHA-256 in one of its canonical forms.
pub struct BodyHasher {
    canonicalization: Canonicalization,
    context: Context,
    buffer: Vec<u8>,
    /// Line ends that count only if something follows.
    line_ends: u64,
    /// White space that counts only if something follows on its line.
    space: bool,
    /// A CR whose LF may come in the next piece.
    cr: bool,
    is_empty: bool,
}

impl BodyHasher {
    /// Before a body's first byte.
    pub fn new(canonicalization: Canonicalization) -> Self {
        Self {
            canonicalization,
            context: Context::new(&SHA256),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            line_ends: 0,
            space: false,
            cr: false,
            is_empty: true,
        }
    }

    /// Takes the body's next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let relaxed = self.canonicalization == Canonicalization::Relaxed;
        let is_plain = |byte: u8| match byte {
            b'\r' | b'\n' => false,
            b' ' | b'\t' => !relaxed,
            _ => true,
        };
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let plain = rest.iter().position(|&byte| !is_plain(byte)).unwrap_or(rest.len());
            if plain > 0 {
                self.content(&rest[..plain]);
                rest = &rest[plain..];
                continue;
            }
            rest = &rest[1..];
            match first {
                b'\n' if self.cr => {
                    (self.cr, self.space) = (false, false);
                    self.line_ends += 1;
                }
                // RFC 6376 §3.4 knows CRLF only: any other CR or LF is content.
                b'\n' => self.content(b"\n"),
                b'\r' => {
                    if self.cr {
                        self.content(b"");
                    }
                    self.cr = true;
                }
                _ => {
                    if self.cr {
                        self.content(b"");
                    }
                    self.space = true;
                }
            }
        }
    }

    /// Ends the body.
    pub fn finish(mut self) -> [u8; 32] {
        if self.cr {
            self.content(b"");
        }
        // RFC 6376 §3.4.3: an empty body is one CRLF; §3.4.4: and relaxed, it is nothing.
        if !self.is_empty || self.canonicalization == Canonicalization::Simple {
            self.write(b"\r\n");
        }
        self.context.update(&self.buffer);
        let mut hash = [0; 32];
        hash.copy_from_slice(self.context.finish().as_ref());
        hash
    }

    /// Content, and before it what had only counted if some came.
    fn content(&mut self, bytes: &[u8]) {
        for _ in 0..std::mem::take(&mut self.line_ends) {
            self.write(b"\r\n");
        }
        if std::mem::take(&mut self.space) {
            self.write(b" ");
        }
        if std::mem::take(&mut self.cr) {
            self.write(b"\r");
        }
        self.write(bytes);
        self.is_empty = false;
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.context.update(&self.buffer);
            self.buffer.clear();
        }
        if bytes.len() > BUFFER_BYTES {
            self.context.update(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }
}

/// RFC 6376 §3.4.2: a field in relaxed form, without the CRLF.
pub(super) fn relaxed_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    let mut space = false;
    let mut rest = value;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b' ' | b'\t' => space = true,
            b'\r' if tail.first() == Some(&b'\n') => rest = &tail[1..],
            _ => {
                if std::mem::take(&mut space) && out.len() > start {
                    out.push(b' ');
                }
                out.push(byte);
            }
        }
    }
}
