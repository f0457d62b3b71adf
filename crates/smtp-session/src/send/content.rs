//! A message's content on its way out: checked, and wrapped for DATA or for BDAT.
//!
//! Threats S1: nothing leaves that another server could read as the end of the data, because CR
//! and LF leave together or not at all.

use crate::content::{ContentCheck, ContentFault};

use super::outcome::Reason;

/// Content taken at once. With dots added and a command before it, this bounds what one step
/// writes.
pub(super) const PIECE_BYTES_MAX: u64 = 64 << 10;

/// One BDAT chunk: large enough that its round trip does not count, small enough that a refusal
/// comes before all is sent.
const CHUNK_BYTES_MAX: u64 = 1 << 20;

/// The content under way.
#[derive(Debug)]
pub(super) struct Outgoing {
    check: ContentCheck,
    left: u64,
    framing: Framing,
}

/// How the content is told from commands.
#[derive(Debug)]
enum Framing {
    /// RFC 5321 §4.5.2.
    Dots { at_line_start: bool },
    /// RFC 3030 §2: what is left of the chunk that was announced.
    Chunks { chunk: u64 },
}

/// What comes after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// More of it.
    Piece,
    /// The reply to a chunk, then more.
    ChunkReply,
    /// The reply to all of it.
    EndReply,
}

impl Outgoing {
    /// After 354. All of an empty message is written at once.
    pub(super) fn with_dots(size: u64) -> Self {
        let framing = Framing::Dots { at_line_start: true };
        Self { check: ContentCheck::new(size), left: size, framing }
    }

    /// Before the first chunk.
    pub(super) fn in_chunks(size: u64) -> Self {
        let framing = Framing::Chunks { chunk: 0 };
        Self { check: ContentCheck::new(size), left: size, framing }
    }

    /// Writes what must come before the next piece; says whether there is a next piece.
    pub(super) fn open(&mut self, output: &mut Vec<u8>) -> After {
        if let Framing::Chunks { chunk: chunk @ 0 } = &mut self.framing {
            *chunk = self.left.min(CHUNK_BYTES_MAX);
            let last = if *chunk == self.left { " LAST" } else { "" };
            output.extend_from_slice(format!("BDAT {chunk}{last}\r\n").as_bytes());
        }
        if self.left == 0 { self.end(output) } else { After::Piece }
    }

    /// Whether the connection is at a place where a command may come.
    pub(super) fn is_between_chunks(&self) -> bool {
        matches!(self.framing, Framing::Chunks { chunk: 0 })
    }

    /// Bytes the next piece may have.
    pub(super) fn room(&self) -> usize {
        let left = match self.framing {
            Framing::Dots { .. } => self.left,
            Framing::Chunks { chunk } => chunk,
        };
        left.min(PIECE_BYTES_MAX) as usize
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// It must not leave, or is not what was announced; nothing of it is written.
    pub(super) fn write(&mut self, piece: &[u8], output: &mut Vec<u8>) -> Result<After, Reason> {
        if piece.is_empty() || piece.len() > self.room() {
            return Err(Reason::ContentUnreadable);
        }
        self.check.take(piece).map_err(refused)?;
        self.left -= piece.len() as u64;
        if self.left == 0 {
            self.check.finish().map_err(refused)?;
        }
        match &mut self.framing {
            Framing::Dots { at_line_start } => stuff(piece, at_line_start, output),
            Framing::Chunks { chunk } => {
                output.extend_from_slice(piece);
                *chunk -= piece.len() as u64;
            }
        }
        Ok(match self.framing {
            _ if self.left == 0 => self.end(output),
            Framing::Chunks { chunk: 0 } => After::ChunkReply,
            _ => After::Piece,
        })
    }

    fn end(&self, output: &mut Vec<u8>) -> After {
        if let Framing::Dots { at_line_start } = self.framing {
            output.extend_from_slice(if at_line_start { b".\r\n" } else { b"\r\n.\r\n" });
        }
        After::EndReply
    }
}

fn refused(fault: ContentFault) -> Reason {
    match fault {
        ContentFault::BareLineEnd | ContentFault::LineTooLong => Reason::ContentNotCanonical,
        ContentFault::TooLarge => Reason::ContentUnreadable,
    }
}

/// RFC 5321 §4.5.2: "If it is a period, one additional period is inserted at the beginning of the
/// line." LF comes after CR only: that has been checked.
fn stuff(piece: &[u8], at_line_start: &mut bool, output: &mut Vec<u8>) {
    output.reserve(piece.len() + piece.len() / 16 + 16);
    for line in piece.split_inclusive(|&byte| byte == b'\n') {
        if *at_line_start && line.starts_with(b".") {
            output.push(b'.');
        }
        output.extend_from_slice(line);
        *at_line_start = line.ends_with(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content::DotReader;

    fn send(mut outgoing: Outgoing, content: &[u8], piece: usize) -> Result<Vec<u8>, Reason> {
        let mut output = Vec::new();
        let mut sent = 0;
        loop {
            match outgoing.open(&mut output) {
                After::EndReply => return Ok(output),
                After::ChunkReply => panic!("nothing was sent"),
                After::Piece => {}
            }
            loop {
                let end = content.len().min(sent + piece.min(outgoing.room()));
                let after = outgoing.write(&content[sent..end], &mut output)?;
                sent = end;
                match after {
                    After::Piece => {}
                    After::ChunkReply => break,
                    After::EndReply => return Ok(output),
                }
            }
        }
    }

    #[test]
    fn lines_with_a_dot_get_another() {
        for (content, expect) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            (".a\r\n..\r\nb.\r\n", "..a\r\n...\r\nb.\r\n.\r\n"),
            ("\r\n.", "\r\n..\r\n.\r\n"),
        ] {
            for piece in 1..=content.len().max(1) {
                let outgoing = Outgoing::with_dots(content.len() as u64);
                let sent = send(outgoing, content.as_bytes(), piece).unwrap();
                assert_eq!(sent, expect.as_bytes(), "{content:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn no_line_end_but_crlf_leaves() {
        // Threats S1, the outgoing half: each sequence that some server takes for the end.
        for content in [
            "a\n.\n",
            "a\n.\r\n",
            "a\r.\r\n",
            "a\r\n.\n",
            "a\r\n.\r",
            "a\r\r\n.\r\r\n",
            "a\0b",
            "a\r\n\0.\r\n",
            "a\r",
            "\n",
        ] {
            for piece in 1..=content.len() {
                for framing in [Outgoing::with_dots, Outgoing::in_chunks] {
                    let outgoing = framing(content.len() as u64);
                    let result = send(outgoing, content.as_bytes(), piece);
                    assert_eq!(result, Err(Reason::ContentNotCanonical), "{content:?}, {piece}");
                }
            }
        }
    }

    #[test]
    fn chunks_are_bounded_and_announced_before_they_come() {
        let line = [&[b'x'; 998][..], b"\r\n"].concat();
        let content = line.repeat(2098);
        let sent = send(Outgoing::in_chunks(content.len() as u64), &content, 65536).unwrap();
        assert!(sent.starts_with(b"BDAT 1048576\r\n"));
        let second = b"BDAT 1048576\r\n".len() + (1 << 20);
        assert!(sent[second..].starts_with(b"BDAT 1048576\r\n"));
        assert!(sent[2 * second..].starts_with(b"BDAT 848 LAST\r\n"));
        assert_eq!(send(Outgoing::in_chunks(0), b"", 1).unwrap(), b"BDAT 0 LAST\r\n");
    }

    #[test]
    fn more_or_less_than_announced_is_an_error() {
        let mut output = Vec::new();
        let mut outgoing = Outgoing::with_dots(3);
        assert_eq!(outgoing.write(b"abcd", &mut output), Err(Reason::ContentUnreadable));
        assert_eq!(outgoing.write(b"", &mut output), Err(Reason::ContentUnreadable));
        assert!(output.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_stuffed_is_read_back_by_our_own_reader(
            lines in proptest::collection::vec("[.a]{0,4}", 0..6),
            piece in 1usize..9,
        ) {
            let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let outgoing = Outgoing::with_dots(content.len() as u64);
            let sent = send(outgoing, content.as_bytes(), piece).unwrap();
            let mut read = Vec::new();
            let fed = DotReader::default().feed(&sent, &mut read);
            prop_assert!(fed.ended && fed.consumed == sent.len());
            prop_assert_eq!(read, content.into_bytes());
        }
    }
}
