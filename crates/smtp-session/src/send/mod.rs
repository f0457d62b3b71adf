//! The sending role: one connection of RFC 5321, or of RFC 2033 for LMTP, to a server.
//!
//! `opening` greets, starts TLS and logs in, `envelope` sends MAIL, RCPT and DATA and takes their
//! replies, `content` wraps what comes after. Here is what the driver sees.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//! use mail_types::ReversePath;
//! use smtp_session::send::{Client, Config, Outcome, Step, Transaction};
//!
//! let content = b"Subject: Bonjour\r\n\r\n.\r\n";
//! let transaction = Transaction {
//!     reverse_path: ReversePath::Null,
//!     recipients: vec!["marie@ecole.test".parse::<mail_types::EmailAddress>().unwrap().into()],
//!     size: content.len() as u64,
//!     eight_bit: false, utf8_header: false, ret: None, envelope_id: None,
//! };
//! let now = Instant::now();
//! let mut client = Client::new(Arc::new(Config::default()), false, now);
//! client.send(transaction);
//! let mut server = ["220 mx", "250 mx", "250 OK", "250 OK", "354 go", "250 queued"].iter();
//! let report = loop {
//!     match client.next(now) {
//!         Step::Read => client.receive(format!("{}\r\n", server.next().unwrap()).as_bytes()),
//!         Step::Write(_) => {}
//!         Step::Content { bytes_max } => client.content(&content[..bytes_max]),
//!         Step::Done(report) => break report,
//!         step => panic!("{step:?}"),
//!     }
//! };
//! assert!(matches!(report.outcomes[0], Outcome::Delivered(_)));
//! assert_eq!(client.next(now), Step::Ready);
//! ```

mod clock;
mod command;
mod config;
mod content;
mod envelope;
mod extensions;
mod opening;
mod outcome;
mod reply;
mod state;
mod transaction;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::config::OUTPUT_BYTES_MAX;
use clock::Clock;
use envelope::Running;
use extensions::Extensions;
use reply::{RawReply, ReplyReader};
use state::{Command, State};

pub use config::{Config, Credentials, EightBit, Role, StartTls, Timeouts};
pub use outcome::{Outcome, Reason, Report, Stage};
pub use reply::{ReplyFault, ServerReply};
pub use transaction::{Recipient, Transaction};

/// Replies awaited at once with PIPELINING. So many fit into the sockets' buffers, and server and
/// client never both wait to write (RFC 2920 §3.1).
const AWAITED_MAX: usize = 100;

/// The sending side of one connection.
///
/// Give it a transaction with [`Client::send`], at the start or when it says [`Step::Ready`].
/// After every call, call [`Client::next`] until it says [`Step::Read`], [`Step::Content`],
/// [`Step::StartTls`], [`Step::Ready`] or [`Step::Close`]. Each transaction ends in exactly one
/// [`Step::Done`], whatever happens to the connection.
///
/// Memory is bounded by the transaction, what one `receive` brings, one reply (32 KiB) and one
/// piece of content on its way out.
pub struct Client {
    config: Arc<Config>,
    secure: bool,
    /// STARTTLS was refused; it is not asked for again.
    tls_refused: bool,
    extensions: Extensions,
    state: State,
    /// The commands whose replies have not come, in order.
    awaited: VecDeque<Command>,
    /// How many of the last of them are still in `output`: a reply to one of these is none.
    unsent: usize,
    replies: ReplyReader,
    /// Received and not yet understood.
    input: BytesMut,
    output: Vec<u8>,
    running: Option<Running>,
    report: Option<Report>,
    /// The server may still hold something of the transaction before.
    reset_needed: bool,
    clock: Clock,
}

/// What the driver has to do now.
#[derive(PartialEq)]
pub enum Step {
    /// Wait for bytes, until [`Client::deadline`] at the latest; call `next` in either case, and
    /// [`Client::lost`] when the connection has ended.
    Read,
    /// Send these before [`Client::deadline`], and call `next`; [`Client::lost`] when they cannot
    /// be sent. They may hold a password.
    Write(Bytes),
    /// Do the client's TLS handshake and call [`Client::tls_established`], or
    /// [`Client::handshake_failed`].
    StartTls,
    /// Hand the next piece of the content to [`Client::content`], or call
    /// [`Client::content_unreadable`].
    Content {
        /// Its length at most; at least 1.
        bytes_max: usize,
    },
    /// The transaction is over.
    Done(Report),
    /// Nothing to do: [`Client::send`], [`Client::quit`], or keep the connection for later.
    Ready,
    /// Close the connection.
    Close,
}

/// Without the bytes: they may hold a password.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("Read"),
            Self::Write(bytes) => write!(f, "Write({} bytes)", bytes.len()),
            Self::StartTls => f.write_str("StartTls"),
            Self::Content { bytes_max } => write!(f, "Content({bytes_max})"),
            Self::Done(report) => write!(f, "Done({report:?})"),
            Self::Ready => f.write_str("Ready"),
            Self::Close => f.write_str("Close"),
        }
    }
}

impl Client {
    /// Starts on a connection that has just been made. `secure` says that TLS is on already.
    pub fn new(config: Arc<Config>, secure: bool, now: Instant) -> Self {
        Self {
            config,
            secure,
            tls_refused: false,
            extensions: Extensions::default(),
            state: State::Opening,
            awaited: VecDeque::from([Command::Greeting]),
            unsent: 0,
            replies: ReplyReader::default(),
            input: BytesMut::new(),
            output: Vec::new(),
            running: None,
            report: None,
            reset_needed: false,
            clock: Clock::new(now),
        }
    }

    /// Takes a transaction; one at a time.
    pub fn send(&mut self, transaction: Transaction) {
        assert!(self.running.is_none() && self.report.is_none(), "one transaction at a time");
        self.running = Some(Running::new(transaction));
        if matches!(self.state, State::Closed | State::Quitting) {
            self.break_off(Reason::Lost(Stage::Reset));
        }
    }

    /// Takes bytes from the server.
    pub fn receive(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Closed) {
            self.input.extend_from_slice(bytes);
        }
    }

    /// Takes the next piece of the content, as [`Step::Content`] asked for it.
    pub fn content(&mut self, piece: &[u8]) {
        let State::Content(outgoing) = &mut self.state else { return };
        match outgoing.write(piece, &mut self.output) {
            Ok(after) => {
                if let Some((_, written)) = &mut self.clock.content {
                    *written += piece.len() as u64;
                }
                self.after_piece(after);
            }
            Err(reason) => self.give_content_up(reason),
        }
    }

    /// Says that the content cannot be read. What was sent of it will not be delivered.
    pub fn content_unreadable(&mut self) {
        if matches!(self.state, State::Content(_)) {
            self.give_content_up(Reason::ContentUnreadable);
        }
    }

    /// Says that the connection has ended. What has been received is still heard.
    pub fn lost(&mut self) {
        while self.report.is_none() && self.advance() {}
        self.break_off(self.silence(Reason::Lost));
    }

    /// Says that the server did not take in time what was to be written. [`Client::next`] sees
    /// by itself when a reply does not come in time.
    pub fn timed_out(&mut self) {
        self.break_off(self.silence(Reason::TimedOut));
    }

    /// Says that TLS is on now. What was known of the server is forgotten.
    pub fn tls_established(&mut self) {
        if !matches!(self.state, State::Handshake) {
            return;
        }
        // RFC 3207 §4.2: "The client MUST discard any knowledge obtained from the server, such as
        // the list of SMTP service extensions, which was not obtained from the TLS negotiation
        // itself."
        self.secure = true;
        self.extensions = Extensions::default();
        self.state = State::Opening;
        self.hello();
    }

    /// Says that the handshake has failed, and with it the connection.
    pub fn handshake_failed(&mut self) {
        self.break_off(Reason::Handshake);
    }

    /// Ends the session between two transactions.
    pub fn quit(&mut self) {
        match self.state {
            State::Idle if self.running.is_none() => self.say_quit(),
            State::Quitting | State::Closed => {}
            _ => self.break_off(Reason::Lost(self.stage())),
        }
    }

    /// Whether the connection is between two transactions and good for another.
    pub fn is_ready(&self) -> bool {
        let idle = matches!(self.state, State::Idle) && self.running.is_none();
        idle && self.report.is_none() && self.input.is_empty()
    }

    /// Whether TLS is on.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// What to do now.
    pub fn next(&mut self, now: Instant) -> Step {
        while self.report.is_none() && self.advance() {
            self.clock.progressed = true;
        }
        self.look_at_the_time(now);
        if let Some(report) = self.report.take() {
            return Step::Done(report);
        }
        match &self.state {
            // What is to be written first leaves with the piece.
            State::Content(outgoing)
                if self.awaited.is_empty() && self.output.len() < OUTPUT_BYTES_MAX =>
            {
                Step::Content { bytes_max: outgoing.room() }
            }
            _ if !self.output.is_empty() => {
                // Writing has the same time as the reply has afterwards.
                self.clock.progressed = true;
                self.unsent = 0;
                Step::Write(std::mem::take(&mut self.output).into())
            }
            State::Closed => Step::Close,
            State::Handshake => Step::StartTls,
            State::Idle if self.running.is_none() => Step::Ready,
            _ => Step::Read,
        }
    }

    /// Where we are, for a [`Reason`].
    fn stage(&self) -> Stage {
        match (&self.state, self.awaited.front()) {
            (_, Some(command)) => command.stage(),
            (State::Handshake, None) => Stage::StartTls,
            (State::Content(_), None) => Stage::Content,
            _ => Stage::Reset,
        }
    }

    /// Does one thing: takes a reply, or sends a command.
    fn advance(&mut self) -> bool {
        if matches!(self.state, State::Closed | State::Handshake) {
            return false;
        }
        match self.hear() {
            Heard::Reply(command, reply) => self.take_reply(command, reply),
            Heard::Fault(fault) => self.break_off(Reason::Misbehaved(self.stage(), fault)),
            Heard::Nothing => return self.speak(),
        }
        true
    }

    fn hear(&mut self) -> Heard {
        if self.input.is_empty() {
            return Heard::Nothing;
        }
        let is_sent = self.awaited.len() > self.unsent;
        let command = self.awaited.front().copied().filter(|_| is_sent);
        match (self.replies.take(&mut self.input), command) {
            (Err(fault), _) => Heard::Fault(fault),
            (Ok(Some(reply)), Some(command)) => {
                self.awaited.pop_front();
                Heard::Reply(command, reply)
            }
            (Ok(Some(reply)), None) => self.unasked(reply),
            // Half a reply to nothing: with its other half it would pass for the next one's.
            (Ok(None), None) if !matches!(self.state, State::Content(_)) => {
                Heard::Fault(ReplyFault::Unsolicited)
            }
            (Ok(None), _) => Heard::Nothing,
        }
    }

    /// RFC 5321 §3.8: a server may say 421 at any time. While content is on its way it may also
    /// refuse it, and close.
    fn unasked(&mut self, reply: RawReply) -> Heard {
        let in_content = matches!(self.state, State::Content(_));
        if in_content && reply.code >= 400 {
            return Heard::Reply(Command::Chunk, reply);
        }
        if reply.code == 421 {
            return Heard::Reply(self.awaited.front().copied().unwrap_or(Command::Reset), reply);
        }
        Heard::Fault(ReplyFault::Unsolicited)
    }

    fn take_reply(&mut self, command: Command, reply: RawReply) {
        if command == Command::Quit {
            self.state = State::Closed;
            return;
        }
        if reply.code == 421 {
            let reply = ServerReply::from(reply);
            return self
                .end_with(Outcome::Deferred(Reason::ServerClosed(command.stage()), Some(reply)));
        }
        if command.stage().is_opening() && command != Command::Reset {
            self.opening_reply(command, reply);
        } else {
            self.envelope_reply(command, reply.into());
        }
    }

    /// Sends what may be sent.
    fn speak(&mut self) -> bool {
        match self.state {
            State::Idle if self.running.is_some() => self.begin(),
            State::Envelope(next) => return self.speak_envelope(next),
            _ => return false,
        }
        true
    }

    fn command(&mut self, line: &str, command: Command) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        self.expect_reply(command);
    }

    /// Awaits a reply to what stands at the end of the output.
    fn expect_reply(&mut self, command: Command) {
        self.awaited.push_back(command);
        self.unsent += 1;
    }

    /// Whether another command may go out before the replies to those before it.
    fn has_room(&self) -> bool {
        let window = if self.extensions.pipelining { AWAITED_MAX } else { 1 };
        self.awaited.len() < window && self.output.len() < OUTPUT_BYTES_MAX
    }

    fn say_quit(&mut self) {
        self.awaited.clear();
        self.unsent = 0;
        self.command("QUIT", Command::Quit);
        self.state = State::Quitting;
    }

    /// The connection is of no more use; nothing more is said on it.
    fn break_off(&mut self, reason: Reason) {
        self.end_with(Outcome::Deferred(reason, None));
    }

    /// Ends the connection, and with this outcome all recipients that have none.
    fn end_with(&mut self, outcome: Outcome) {
        self.state = State::Closed;
        self.awaited.clear();
        self.input.clear();
        self.output.clear();
        self.report_all(outcome);
    }
}

/// What [`Client::hear`] found.
enum Heard {
    Nothing,
    Reply(Command, RawReply),
    Fault(ReplyFault),
}
