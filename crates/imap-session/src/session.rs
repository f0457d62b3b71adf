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

use crate::command::{Append, Command, Tagged, parse_append};
use crate::frame::{Announcement, Frame, Framer, Limits, Mode};
use crate::lex::{Bad, Lexer};

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
                self.mode = State::Commands;
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

/// RFC 3501 §3: in which states a command is legal. The one table of it.
///
/// | command | not authenticated | authenticated | selected |
/// |---|---|---|---|
/// | CAPABILITY NOOP LOGOUT ID | yes | yes | yes |
/// | STARTTLS LOGIN AUTHENTICATE | yes | – | – |
/// | ENABLE SELECT … STATUS IDLE | – | yes | yes |
/// | CHECK … MOVE | – | – | yes |
pub fn is_legal(command: &Command, phase: Phase) -> bool {
    match command {
        Command::Capability | Command::Noop | Command::Logout | Command::Id => true,
        Command::StartTls | Command::Login { .. } | Command::Authenticate { .. } => {
            phase == Phase::NotAuthenticated
        }
        Command::Check
        | Command::Close
        | Command::Unselect
        | Command::Expunge(_)
        | Command::Search { .. }
        | Command::Fetch { .. }
        | Command::Store { .. }
        | Command::Copy { .. } => phase == Phase::Selected,
        Command::Enable(_)
        | Command::Select { .. }
        | Command::Create { .. }
        | Command::Delete(_)
        | Command::Rename { .. }
        | Command::Subscribe(_)
        | Command::Unsubscribe(_)
        | Command::List { .. }
        | Command::Namespace
        | Command::Status { .. }
        | Command::Idle => phase != Phase::NotAuthenticated,
    }
}

/// RFC 3501 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before login.
    NotAuthenticated,
    /// After it.
    Authenticated,
    /// With a mailbox.
    Selected,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Plays the client's bytes and writes down the steps; APPENDs are accepted.
    fn play(session: &mut Session, pieces: &[&[u8]]) -> Vec<String> {
        let mut steps = Vec::new();
        for piece in pieces {
            session.receive(piece);
            loop {
                match session.next() {
                    Step::Read => break,
                    Step::Append(append) => {
                        steps.push(format!("APPEND {}", append.size));
                        if let Some(go) = session.accept_append() {
                            steps.push(String::from_utf8_lossy(go).into_owned());
                        }
                    }
                    Step::Chunk(bytes) => match steps.last_mut() {
                        Some(last) if last.starts_with("CHUNK") => {
                            last.push_str(&String::from_utf8_lossy(&bytes));
                        }
                        _ => steps.push(format!("CHUNK {}", String::from_utf8_lossy(&bytes))),
                    },
                    Step::Command(tagged) => {
                        steps.push(format!("{} {:?}", tagged.tag, tagged.command));
                    }
                    Step::Write(bytes) => steps.push(String::from_utf8_lossy(&bytes).into_owned()),
                    Step::Close(bytes) => {
                        steps.push(format!("CLOSE {}", String::from_utf8_lossy(&bytes)));
                        return steps;
                    }
                    other => steps.push(format!("{other:?}")),
                }
            }
        }
        steps
    }

    fn logged_in() -> Session {
        let mut session = Session::new();
        session.login();
        session
    }

    const DIALOG: &[u8] =
        b"a NOOP\r\nb APPEND x {5+}\r\nhello\r\nc LOGIN {1+}\r\nu {1+}\r\np\r\nd nope\r\n";

    #[test]
    fn commands_come_out_in_order_wherever_the_bytes_are_cut() {
        let whole = play(&mut logged_in(), &[DIALOG]);
        assert_eq!(whole[0], "a Noop");
        assert_eq!(whole[1..4], ["APPEND 5", "CHUNK hello", "AppendEnd"]);
        assert!(whole[5].starts_with("d BAD"));
        for cut in 1..DIALOG.len() {
            let (head, tail) = DIALOG.split_at(cut);
            assert_eq!(play(&mut logged_in(), &[head, tail]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn huge_literals_are_refused_and_the_session_goes_on() {
        let steps = play(&mut Session::new(), &[b"a LOGIN {4294967295}\r\nb NOOP\r\n"]);
        assert_eq!(steps, ["a BAD [TOOBIG] The literal is too long\r\n", "b Noop"]);
        let steps = play(&mut Session::new(), &[b"a LOGIN {99999999999999999999}\r\nb NOOP\r\n"]);
        assert_eq!(steps[1], "b Noop");
    }

    #[test]
    fn a_mebibyte_of_parentheses_before_login_ends_the_session_with_bounded_memory() {
        let mut session = Session::new();
        let mut steps = Vec::new();
        for _ in 0..1024 {
            steps = play(&mut session, &[&[b'('; 1024]]);
            if !steps.is_empty() {
                break;
            }
        }
        assert!(steps[0].starts_with("CLOSE * BAD [TOOBIG]"), "{steps:?}");
        assert!(matches!(session.next(), Step::Close(_)));
    }

    #[test]
    fn plaintext_behind_starttls_is_dropped() {
        let mut session = Session::new();
        session.receive(b"a STARTTLS\r\nb LOGIN x y\r\n");
        assert!(matches!(session.next(), Step::Command(_)));
        session.start_tls();
        assert!(matches!(session.next(), Step::Read));
    }

    #[test]
    fn many_bad_commands_end_the_session() {
        let steps = play(&mut Session::new(), &[&b"x\r\n".repeat(100)]);
        assert_eq!(steps.len(), BAD_COMMANDS_MAX as usize);
        assert!(steps.last().unwrap().contains("BYE"));
    }

    #[test]
    fn idle_ends_with_done_and_nothing_else() {
        let mut session = logged_in();
        session.begin_idle();
        assert_eq!(play(&mut session, &[b"done\r\n"]), ["Done"]);
        session.begin_idle();
        assert!(play(&mut session, &[b"a NOOP\r\n"])[0].starts_with("CLOSE"));
    }

    proptest! {
        #[test]
        fn nothing_panics_or_stays_silent_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..400), login in any::<bool>()) {
            let mut session = if login { logged_in() } else { Session::new() };
            let _ = play(&mut session, &[&bytes]);
        }
    }
}
