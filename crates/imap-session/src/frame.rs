//! Cuts the byte stream into commands, with a limit on everything a peer can make grow.
//!
//! A command is a line, or several lines joined by literals (RFC 3501 §4.3). Here they are kept
//! together in one buffer, as they came; what they mean is the parser's business. A literal of
//! APPEND is never buffered: it leaves in chunks.

use bytes::{Bytes, BytesMut};

use crate::literal::{Announcement, Mode, announcement};

/// What a peer may send in one command. One set before login, one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes between two literals, or of a command without any.
    pub(crate) line: usize,
    /// Bytes of one literal.
    pub(crate) literal: u64,
    /// Bytes of the whole command, literals included.
    pub(crate) command: usize,
    /// Literals of one command.
    pub(crate) literals: u32,
    /// Bytes of a refused command that are read and thrown away before the connection is closed.
    pub(crate) discard: u64,
}

impl Limits {
    /// A stranger gets room for a user name and a password, and nothing to stay for: what is
    /// too long ends the connection.
    pub(crate) const BEFORE_LOGIN: Limits =
        Limits { line: 8 << 10, literal: 4096, command: 8 << 10, literals: 8, discard: 0 };
    /// Clients with fragmented mailboxes send sets of tens of kilobytes.
    pub(crate) const AFTER_LOGIN: Limits = Limits {
        line: 64 << 10,
        literal: 1 << 20,
        command: 1 << 20,
        literals: 1000,
        discard: 4 << 20,
    };
}

/// What the input holds next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Not enough yet.
    More,
    /// A whole command or line, its line end included.
    Command(Bytes),
    /// The command so far ends with a literal that is within the limits. Call
    /// [`Framer::accept`], [`Framer::stream`] or [`Framer::refuse`].
    Literal(Announcement),
    /// Bytes of a streamed literal.
    Chunk(Bytes),
    /// A command was over a limit and is dropped; the next one starts after it. The start of it
    /// is given, so that the refusal can name its tag.
    TooBig(Bytes),
    /// A command was over a limit and its end cannot be found within reason: close.
    Hopeless(Bytes),
}

/// Bytes of a dropped command kept for its tag.
const TAG_BYTES: usize = 80;
/// Bytes at the end of a dropped line that may hold a literal's announcement.
const TAIL_BYTES: usize = 32;

/// The framer. Memory: at most [`Limits::command`] plus one read of the driver; nothing while
/// idle between commands.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    buffer: BytesMut,
    /// Everything before this was searched for a line end.
    scanned: usize,
    /// Where the current line starts, after the last literal.
    line_start: usize,
    literals: u32,
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Line,
    /// The buffer fills up to here with a literal.
    Literal { end: usize },
    /// So many bytes are handed out as they come.
    Stream { remaining: u64 },
    /// A command being dropped.
    Dropping(Dropping),
}

#[derive(Debug, PartialEq, Eq)]
struct Dropping {
    start: Bytes,
    /// Bytes of a literal still to come.
    literal: u64,
    /// The last bytes of the current line.
    tail: Vec<u8>,
    dropped: u64,
}

impl Framer {
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Forgets what was received and not used: RFC 3501 §6.2.1, and the answer to commands
    /// slipped in before TLS.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The command as far as it came.
    pub(crate) fn partial(&self) -> &[u8] {
        &self.buffer[..self.scanned]
    }

    /// Bytes of the streamed literal still to come.
    pub(crate) fn streaming(&self) -> u64 {
        match self.state {
            State::Stream { remaining } => remaining,
            _ => 0,
        }
    }

    /// Looks at the input. Call again until it says [`Frame::More`] or asks for a decision.
    pub(crate) fn next(&mut self, limits: &Limits) -> Frame {
        match &mut self.state {
            State::Line => self.line(limits),
            State::Literal { end } => {
                if self.buffer.len() < *end {
                    return Frame::More;
                }
                self.scanned = *end;
                self.line_start = *end;
                self.state = State::Line;
                self.line(limits)
            }
            State::Stream { remaining } => {
                if self.buffer.is_empty() {
                    self.buffer = BytesMut::new();
                    return Frame::More;
                }
                let size = (*remaining).min(self.buffer.len() as u64);
                *remaining -= size;
                if *remaining == 0 {
                    self.state = State::Line;
                }
                Frame::Chunk(self.buffer.split_to(size as usize).freeze())
            }
            State::Dropping(_) => self.drop_on(limits),
        }
    }

    fn line(&mut self, limits: &Limits) -> Frame {
        let Some(found) = self.buffer[self.scanned..].iter().position(|&byte| byte == b'\n') else {
            self.scanned = self.buffer.len();
            let over =
                self.scanned - self.line_start > limits.line || self.scanned > limits.command;
            return if over { self.give_up(0, limits) } else { self.more() };
        };
        let end = self.scanned + found + 1;
        self.scanned = end;
        if end - self.line_start > limits.line || end > limits.command {
            let announced = announcement(&self.buffer[self.line_start..end]);
            return self.give_up_at(announced, limits);
        }
        let Some(literal) = announcement(&self.buffer[self.line_start..end]) else {
            return Frame::Command(self.take_command());
        };
        self.literals += 1;
        if self.literals > limits.literals {
            return self.give_up_at(Some(literal), limits);
        }
        Frame::Literal(literal)
    }

    /// Buffers the announced literal as a part of the command.
    pub(crate) fn accept(&mut self, literal: Announcement, limits: &Limits) -> Option<Frame> {
        let end = (self.scanned as u64).saturating_add(literal.size);
        if literal.size > limits.literal || end > limits.command as u64 {
            return Some(self.give_up_at(Some(literal), limits));
        }
        self.state = State::Literal { end: end as usize };
        None
    }

    /// Hands the announced literal out in chunks; the command before it is given back.
    pub(crate) fn stream(&mut self, literal: Announcement) -> Bytes {
        let command = self.take_command();
        if literal.size > 0 {
            self.state = State::Stream { remaining: literal.size };
        }
        command
    }

    /// Drops the command that announced this literal. A client that waits for `+` never sends
    /// it; one that does not wait has it, and the rest of its command, thrown away.
    pub(crate) fn refuse(&mut self, literal: Announcement, limits: &Limits) -> Frame {
        self.give_up_at(Some(literal), limits)
    }

    fn give_up_at(&mut self, literal: Option<Announcement>, limits: &Limits) -> Frame {
        match literal {
            Some(Announcement { size, mode: Mode::NonSynchronising }) => self.give_up(size, limits),
            _ => Frame::TooBig(self.take_command().slice_ref_start()),
        }
    }

    /// Starts to throw away: `literal` bytes, then the rest of the line.
    fn give_up(&mut self, literal: u64, limits: &Limits) -> Frame {
        let command = self.take_command();
        let start = command.slice_ref_start();
        if literal > limits.discard || limits.discard == 0 {
            return Frame::Hopeless(start);
        }
        let tail = match literal {
            0 => command[command.len().saturating_sub(TAIL_BYTES)..].to_vec(),
            _ => Vec::new(),
        };
        let dropped = command.len() as u64;
        self.state = State::Dropping(Dropping { start, literal, tail, dropped });
        self.drop_on(limits)
    }

    fn drop_on(&mut self, limits: &Limits) -> Frame {
        let State::Dropping(dropping) = &mut self.state else { return Frame::More };
        loop {
            if dropping.dropped > limits.discard {
                return Frame::Hopeless(dropping.start.clone());
            }
            if dropping.literal > 0 {
                let size = dropping.literal.min(self.buffer.len() as u64);
                dropping.literal -= size;
                dropping.dropped += size;
                let _ = self.buffer.split_to(size as usize);
            }
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new();
                return Frame::More;
            }
            let found = self.buffer.iter().position(|&byte| byte == b'\n');
            let line = self.buffer.split_to(found.map_or(self.buffer.len(), |at| at + 1));
            dropping.dropped += line.len() as u64;
            dropping.tail.extend_from_slice(&line[line.len().saturating_sub(TAIL_BYTES)..]);
            let excess = dropping.tail.len().saturating_sub(TAIL_BYTES);
            dropping.tail.drain(..excess);
            if found.is_none() {
                continue;
            }
            match announcement(&dropping.tail) {
                Some(Announcement { size, mode: Mode::NonSynchronising }) => {
                    dropping.tail.clear();
                    dropping.literal = size;
                    if size > limits.discard {
                        return Frame::Hopeless(dropping.start.clone());
                    }
                }
                _ => {
                    let start = dropping.start.clone();
                    self.state = State::Line;
                    self.release();
                    return Frame::TooBig(start);
                }
            }
        }
    }

    fn take_command(&mut self) -> Bytes {
        let command = self.buffer.split_to(self.scanned).freeze();
        (self.scanned, self.line_start, self.literals) = (0, 0, 0);
        self.state = State::Line;
        self.release();
        command
    }

    fn more(&mut self) -> Frame {
        self.release();
        Frame::More
    }

    /// An idle connection holds no input buffer.
    fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}

trait Start {
    fn slice_ref_start(&self) -> Bytes;
}

impl Start for Bytes {
    /// A copy of the first bytes, so that the tag does not hold the whole command.
    fn slice_ref_start(&self) -> Bytes {
        Bytes::copy_from_slice(&self[..self.len().min(TAG_BYTES)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { line: 20, literal: 10, command: 60, literals: 3, discard: 100 };

    fn all(input: &[u8], piece: usize) -> Vec<String> {
        let mut framer = Framer::default();
        let mut seen = Vec::new();
        for bytes in input.chunks(piece) {
            framer.receive(bytes);
            loop {
                let mut frame = framer.next(&SMALL);
                if let Frame::Literal(literal) = frame {
                    match framer.accept(literal, &SMALL) {
                        Some(refused) => frame = refused,
                        None => continue,
                    }
                }
                match frame {
                    Frame::More => break,
                    Frame::Command(bytes) => seen.push(String::from_utf8_lossy(&bytes).into()),
                    Frame::TooBig(_) => seen.push("TooBig".into()),
                    Frame::Hopeless(_) => {
                        seen.push("Hopeless".into());
                        return seen;
                    }
                    Frame::Literal(_) | Frame::Chunk(_) => unreachable!(),
                }
            }
        }
        seen
    }

    #[test]
    fn every_way_to_split_the_input_gives_the_same_commands() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"a NOOP\r\nb NOOP\r\n", &["a NOOP\r\n", "b NOOP\r\n"]),
            (b"a X {3}\r\nabc {2+}\r\nde\r\n", &["a X {3}\r\nabc {2+}\r\nde\r\n"]),
            (b"a X {0}\r\n\r\n", &["a X {0}\r\n\r\n"]),
            (b"a X {3}\r\n\r\n}\r\nb NOOP\r\n", &["a X {3}\r\n\r\n}\r\n", "b NOOP\r\n"]),
            // A waiting client is told at once, and its next line is its next command.
            (b"a X {11}\r\nb NOOP\r\n", &["TooBig", "b NOOP\r\n"]),
            (b"a X {99999999999999999999}\r\nb NOOP\r\n", &["TooBig", "b NOOP\r\n"]),
            // One that does not wait has sent it already.
            (b"a X {11+}\r\n12345678901 rest\r\nb NOOP\r\n", &["TooBig", "b NOOP\r\n"]),
            (b"a X {12+}\r\n123456789012 {2+}\r\nab\r\nb NOOP\r\n", &["TooBig", "b NOOP\r\n"]),
            (b"a 5678901234567890 long\r\nb NOOP\r\n", &["TooBig", "b NOOP\r\n"]),
            (b"a 5678901234567890 long {3+}\r\nabc\r\nb NOOP\r\n", &["TooBig", "b NOOP\r\n"]),
            (b"a {1+}\r\n1{1+}\r\n2{1+}\r\n3{1+}\r\n4\r\nb NOOP\r\n", &["TooBig", "b NOOP\r\n"]),
            (b"a X {4294967295+}\r\n", &["Hopeless"]),
        ];
        for (input, expected) in cases {
            for piece in 1..=input.len() {
                assert_eq!(all(input, piece), *expected, "{} by {piece}", input.escape_ascii());
            }
        }
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        assert_eq!(all(&[b'('; 1000], 7), ["Hopeless"]);
        let mut framer = Framer::default();
        framer.receive(&[b'('; 8193]);
        assert!(matches!(framer.next(&Limits::BEFORE_LOGIN), Frame::Hopeless(_)));
    }

    #[test]
    fn a_streamed_literal_is_not_buffered() {
        let mut framer = Framer::default();
        framer.receive(b"a APPEND x {6}\r\n");
        let Frame::Literal(literal) = framer.next(&SMALL) else { panic!() };
        assert_eq!(framer.partial(), b"a APPEND x {6}\r\n");
        assert_eq!(framer.stream(literal), "a APPEND x {6}\r\n");
        framer.receive(b"abcd");
        assert_eq!(framer.next(&SMALL), Frame::Chunk(Bytes::from_static(b"abcd")));
        assert_eq!(framer.next(&SMALL), Frame::More);
        framer.receive(b"ef\r\nb NOOP\r\n");
        assert_eq!(framer.next(&SMALL), Frame::Chunk(Bytes::from_static(b"ef")));
        assert_eq!(framer.next(&SMALL), Frame::Command(Bytes::from_static(b"\r\n")));
        assert_eq!(framer.next(&SMALL), Frame::Command(Bytes::from_static(b"b NOOP\r\n")));
        assert!(framer.partial().is_empty());
    }
}
