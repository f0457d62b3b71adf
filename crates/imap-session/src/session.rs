//! The sans-IO core of a connection: bytes in, steps out.
//!
//! After every call of `receive`, `login`, `begin_*`, `accept_append` or `refuse_append`, call
//! [`Session::next`] until it says [`Step::Read`] or hands out something to do. Commands come out
//! one at a time and in order: pipelined ones wait in the buffer.
//!
//! Memory per connection: what [`Limits`] allow for one command (8 KiB before login, 1 MiB after)
//! and nothing while idle between commands.

use bytes::Bytes;
use mail_types::Secret;

use crate::command::{Append, Tagged};
use crate::frame::{Frame, Framer, Limits};
use crate::lex::{Bad, Lexer};
use crate::literal::{Announcement, Mode};
use crate::parse::parse_append;

/// What to do now.
#[derive(Debug)]
pub enum Step {
    /// Read more bytes.
    Read,
    /// Write these bytes.
    Write(Vec<u8>),
    /// Execute this command and write its answer.
    Command(Tagged),
    /// Decide about this APPEND: [`Session::accept_append`] or [`Session::refuse_append`].
    Append(Append),
    /// Bytes of the message being appended.
    Chunk(Bytes),
    /// The message being appended is whole.
    AppendEnd,
    /// The client's answer to a SASL challenge, still in base64; `None` when it gave up with `*`.
    Sasl(Option<Secret<String>>),
    /// The client ended IDLE.
    Done,
    /// Write these bytes and close.
    Close(Vec<u8>),
}

/// Bad commands in a row before the connection is closed.
const BAD_COMMANDS_MAX: u32 = 20;

/// One connection.
#[derive(Debug)]
pub struct Session {
    framer: Framer,
    limits: Limits,
    mode: State,
    bad_commands: u32,
    /// The command that is being dropped was answered already.
    is_answered: bool,
    closed: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Commands,
    /// An APPEND's literal was announced.
    Deciding(Announcement),
    /// The message streams through.
    Appending,
    /// The line end after the message is still to come.
    AppendTail,
    Sasl,
    Idle,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A connection before login.
    pub fn new() -> Self {
        Self {
            framer: Framer::default(),
            limits: Limits::BEFORE_LOGIN,
            mode: State::Commands,
            bad_commands: 0,
            is_answered: false,
            closed: false,
        }
    }

    /// Takes bytes from the peer.
    pub fn receive(&mut self, bytes: &[u8]) {
        if !self.closed {
            self.framer.receive(bytes);
        }
    }

    /// The client has logged in: it gets more room.
    pub fn login(&mut self) {
        self.limits = Limits::AFTER_LOGIN;
    }

    /// Forgets what came in plaintext behind STARTTLS (RFC 3501 §6.2.1, CVE-2021-33515).
    pub fn start_tls(&mut self) {
        self.framer.clear();
    }

    /// The next line is a SASL response.
    pub fn begin_sasl(&mut self) {
        self.mode = State::Sasl;
    }

    /// The next line ends IDLE.
    pub fn begin_idle(&mut self) {
        self.mode = State::Idle;
    }

    /// Takes the message that an APPEND announced. Returns the continuation to write, if the
    /// client waits for one.
    pub fn accept_append(&mut self) -> Option<&'static [u8]> {
        let State::Deciding(literal) = self.mode else { return None };
        self.framer.stream(literal);
        self.mode = if literal.size == 0 { State::AppendTail } else { State::Appending };
        (literal.mode == Mode::Synchronising).then_some(b"+ Ready for the message\r\n")
    }

    /// Refuses it: a client that waits never sends it, the message of one that does not is read
    /// and thrown away.
    pub fn refuse_append(&mut self, answer: Vec<u8>) -> Step {
        let State::Deciding(literal) = std::mem::take(&mut self.mode) else {
            return Step::Write(answer);
        };
        match self.framer.refuse(literal, &self.limits) {
            Frame::Hopeless(_) => self.close(answer),
            // What is being dropped ends with a frame that says so; it was answered here.
            Frame::More => {
                self.is_answered = true;
                Step::Write(answer)
            }
            _ => Step::Write(answer),
        }
    }

    /// What to do now.
    #[expect(clippy::should_implement_trait, reason = "the contract's name in every core")]
    pub fn next(&mut self) -> Step {
        if self.closed {
            return Step::Close(Vec::new());
        }
        if matches!(self.mode, State::Appending) && self.framer.streaming() == 0 {
            self.mode = State::AppendTail;
        }
        match self.framer.next(&self.limits) {
            Frame::More => Step::Read,
            Frame::Chunk(bytes) => Step::Chunk(bytes),
            Frame::Literal(literal) => self.literal(literal),
            Frame::Command(bytes) => self.line(&bytes),
            // An APPEND that was refused before all of it had come.
            Frame::TooBig(_) if std::mem::take(&mut self.is_answered) => self.next(),
            Frame::TooBig(start) => self.bad(tag_of(&start), "[TOOBIG] The command is too long"),
            Frame::Hopeless(start) => {
                let tag = tag_of(&start);
                let mut out = refusal(tag.as_deref(), "[TOOBIG] The command is too long");
                out.extend_from_slice(b"* BYE The command is too long to be skipped\r\n");
                self.close(out)
            }
        }
    }

    fn literal(&mut self, literal: Announcement) -> Step {
        match self.mode {
            State::Commands => {}
            _ => return self.close(b"* BYE A literal was not expected here\r\n".to_vec()),
        }
        match parse_append(self.framer.partial(), literal.size) {
            Some(Ok(append)) => {
                self.mode = State::Deciding(literal);
                return Step::Append(append);
            }
            Some(Err((tag, bad))) => {
                self.mode = State::Deciding(literal);
                self.bad_commands += 1;
                return self.refuse_append(refusal(Some(&tag), bad.0));
            }
            None => {}
        }
        match self.framer.accept(literal, &self.limits) {
            None if literal.mode == Mode::Synchronising => {
                Step::Write(b"+ Ready for the literal\r\n".to_vec())
            }
            None => self.next(),
            Some(Frame::TooBig(start)) => {
                self.bad(tag_of(&start), "[TOOBIG] The literal is too long")
            }
            Some(Frame::Hopeless(start)) => {
                let mut out =
                    refusal(tag_of(&start).as_deref(), "[TOOBIG] The literal is too long");
                out.extend_from_slice(b"* BYE The literal is too long to be skipped\r\n");
                self.close(out)
            }
            Some(_) => Step::Read,
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Step {
        match std::mem::take(&mut self.mode) {
            State::AppendTail if bytes == b"\r\n" || bytes == b"\n" => Step::AppendEnd,
            State::AppendTail => self.close(b"* BYE Text after the message\r\n".to_vec()),
            State::Sasl => {
                let line = String::from_utf8_lossy(bytes.trim_ascii_end());
                let answer = (line != "*").then(|| Secret::new(line.into_owned()));
                Step::Sasl(answer)
            }
            State::Idle if bytes.trim_ascii_end().eq_ignore_ascii_case(b"DONE") => Step::Done,
            State::Idle => self.close(b"* BYE Expected DONE\r\n".to_vec()),
            _ => match Tagged::parse(bytes) {
                Ok(tagged) => {
                    self.bad_commands = 0;
                    Step::Command(tagged)
                }
                Err((tag, Bad(why))) => self.bad(tag, why),
            },
        }
    }

    fn bad(&mut self, tag: Option<String>, why: &str) -> Step {
        self.bad_commands += 1;
        self.mode = State::Commands;
        let mut out = refusal(tag.as_deref(), why);
        if self.bad_commands >= BAD_COMMANDS_MAX {
            out.extend_from_slice(b"* BYE Too many bad commands\r\n");
            return self.close(out);
        }
        Step::Write(out)
    }

    fn close(&mut self, out: Vec<u8>) -> Step {
        self.closed = true;
        self.framer.clear();
        Step::Close(out)
    }
}

fn tag_of(start: &[u8]) -> Option<String> {
    let mut lexer = Lexer::new(start);
    let tag = lexer.tag().ok()?.to_owned();
    lexer.skip(b' ').then_some(tag)
}

/// `tag BAD …`, untagged when there was no tag.
fn refusal(tag: Option<&str>, why: &str) -> Vec<u8> {
    format!("{} BAD {why}\r\n", tag.unwrap_or("*")).into_bytes()
}
