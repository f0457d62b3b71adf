//! The receiving role: one connection of RFC 5321 or RFC 2033.
//!
//! `table` says which command may come when, `commands` does them, `message` takes the content.
//! Here is what the driver sees.

mod commands;
mod message;
mod state;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mail_types::{QueueId, ReversePath, Secret};

use crate::command::Greeting;
use crate::config::{Config, Connection, OUTPUT_BYTES_MAX, Port, Security};
use crate::line::LineReader;
use crate::parameter::{MailParameters, RecipientParameters};
use crate::path::ForwardPath;
use crate::reply::{self, Reply};
use state::{State, Transaction};

/// The receiving side of one connection.
///
/// After every [`Session::receive`], [`Session::answer`] or [`Session::tls_established`], call
/// [`Session::next`] until it says [`Step::Read`], [`Step::Ask`] or [`Step::Close`].
///
/// Memory is bounded by what one `receive` brings plus one command line
/// (`COMMAND_LINE_BYTES_MAX`), its content handed out as one piece, and `OUTPUT_BYTES_MAX` of
/// replies: content is never gathered, and while an answer is awaited nothing is to be read.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    connection: Connection,
    security: Security,
    authenticated: bool,
    state: State,
    lines: LineReader,
    /// Received and not yet understood.
    input: BytesMut,
    output: Vec<u8>,
    counts: Counts,
    clock: PeerClock,
    shutting_down: bool,
    ended: Ended,
}

/// What the driver has to do now.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Wait for bytes, until [`Session::deadline`] at the latest; call `next` in either case.
    Read,
    /// Send these, and call `next`.
    Write(Bytes),
    /// Do the server's TLS handshake, throwing away whatever was read before it, and call
    /// [`Session::tls_established`]; close when it fails.
    StartTls,
    /// Find the answer and hand it to [`Session::answer`]. Do not read meanwhile.
    Ask(Request),
    /// Close the connection.
    Close,
}

/// What only the service knows.
#[derive(Debug)]
pub enum Request {
    /// Whether these credentials are good.
    Authenticate {
        /// Address, alias or academic ID.
        login: String,
        /// As claimed.
        password: Secret<String>,
    },
    /// Whether a transaction with this reverse-path may begin. What was held of the one before
    /// ends here.
    Mail {
        /// RFC 5321 §3.3.
        reverse_path: ReversePath,
        /// What else MAIL said.
        parameters: MailParameters,
    },
    /// Whether this recipient is taken.
    Recipient {
        /// RFC 5321 §3.3.
        forward_path: ForwardPath,
        /// What else RCPT said.
        parameters: RecipientParameters,
    },
    /// Whether content may come now.
    Begin(Trace),
    /// The next piece of it, never empty.
    Body(Bytes),
    /// All of it has come: make it durable and deliver it. Yes is [`Answer::Delivered`].
    Deliver,
    /// The content begun will not be delivered: drop it. The answer does not matter. With the
    /// reply when its content is why, and none when the peer gave it up.
    Discard(Option<Reply>),
}

// Requests carry secrets, so two are never compared; a test looks inside with `matches!`.
impl PartialEq for Request {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

/// The service's answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Accept,
    /// For each recipient, in the order of RCPT: durable under this name, or not taken.
    Delivered(Vec<Result<QueueId, Reply>>),
    /// No. With code 421 the connection is closed after it.
    Refuse(Reply),
}

/// What the `Received` line tells of a transaction (RFC 5321 §4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What the peer called itself, unchecked.
    pub hello: String,
    /// `with`.
    pub protocol: Protocol,
    /// How many recipients were accepted.
    pub recipients: usize,
}

/// RFC 3848 and RFC 6531 §4.3: the names of what was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// LMTP and not SMTP.
    pub lmtp: bool,
    /// EHLO and not HELO.
    pub extended: bool,
    /// SMTPUTF8 was asked for.
    pub smtputf8: bool,
    /// TLS was on.
    pub tls: bool,
    /// The peer had logged in.
    pub authenticated: bool,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.lmtp, self.smtputf8, self.extended) {
            (true, false, _) => "LMTP",
            (true, true, _) => "UTF8LMTP",
            (false, true, _) => "UTF8SMTP",
            (false, false, true) => "ESMTP",
            (false, false, false) => "SMTP",
        })?;
        // RFC 3848 knows "S" and "A" with the extended names only.
        if self.extended || self.lmtp {
            f.write_str(if self.tls { "S" } else { "" })?;
            f.write_str(if self.authenticated { "A" } else { "" })?;
        }
        Ok(())
    }
}

/// Why a session is over, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is not.
    Open,
    /// QUIT.
    Quit,
    /// The peer was too slow.
    Timeout,
    /// We stop.
    ShuttingDown,
    /// Too many errors, commands or unknown recipients.
    LimitReached,
    /// The peer did not wait for the greeting, for 354, or for TLS.
    SpokeTooSoon,
    /// The peer announced a chunk we can neither take nor skip.
    Unsynchronized,
    /// The service refused with 421.
    Refused,
}

/// What is counted against the limits.
#[derive(Debug, Default)]
struct Counts {
    errors: u32,
    commands: u32,
    unknown_recipients: u32,
    auth_failures: u32,
}

/// How long we have waited for the peer.
#[derive(Debug)]
struct PeerClock {
    /// When the peer last brought something to its end, or we did.
    progress: Instant,
    /// Something was done since `next` last looked at the time.
    progressed: bool,
    /// When the content under way began, and how much has come since.
    content: Option<(Instant, u64)>,
}

impl Session {
    /// Starts a session on a connection that has just been accepted.
    pub fn new(config: Arc<Config>, connection: Connection, now: Instant) -> Self {
        Self {
            config,
            connection,
            security: connection.security,
            authenticated: false,
            state: State::Opening,
            lines: LineReader::default(),
            input: BytesMut::new(),
            output: Vec::new(),
            counts: Counts::default(),
            clock: PeerClock { progress: now, progressed: false, content: None },
            shutting_down: false,
            ended: Ended::Open,
        }
    }

    /// Takes bytes from the peer.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.ended == Ended::Open {
            self.input.extend_from_slice(bytes);
        }
    }

    /// Says that TLS is on now. What was known of the peer is forgotten.
    pub fn tls_established(&mut self) {
        // RFC 3207 §4.2: "Upon completion of the TLS handshake, the SMTP protocol is reset to the
        // initial state". What came before it may have been put there by somebody else.
        self.input.clear();
        self.lines = LineReader::default();
        self.security = Security::Tls;
        self.authenticated = false;
        self.state = State::Fresh;
        self.clock.progressed = true;
    }

    /// Asks the session to end as soon as no message is on its way in.
    pub fn shut_down(&mut self) {
        self.shutting_down = true;
    }

    /// Whether [`Session::shut_down`] was called.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down
    }

    /// When to call [`Session::next`] even without input.
    pub fn deadline(&self) -> Instant {
        let timeouts = &self.config.timeouts;
        let Some((began, bytes)) = self.clock.content else {
            return self.clock.progress + timeouts.command;
        };
        let seconds = bytes / timeouts.data_bytes_per_second_min.max(1);
        let slowest = began + timeouts.data_block + Duration::from_secs(seconds);
        slowest.min(self.clock.progress + timeouts.data_block)
    }

    /// Why the session is over.
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// Whether what is read now comes through TLS.
    pub fn security(&self) -> Security {
        self.security
    }

    /// What to do now.
    pub fn next(&mut self, now: Instant) -> Step {
        if matches!(self.state, State::Opening) && self.ended == Ended::Open {
            self.greet();
        }
        while self.output.len() < OUTPUT_BYTES_MAX && self.ended == Ended::Open {
            match self.advance() {
                Progress::Done => self.clock.progressed = true,
                Progress::Ask(request) => return Step::Ask(request),
                Progress::Starved => break,
            }
        }
        if self.output.is_empty() && self.ended == Ended::Open {
            self.look_at_the_time(now);
        }
        if !self.output.is_empty() {
            self.clock.progressed = true;
            return Step::Write(std::mem::take(&mut self.output).into());
        }
        match self.state {
            _ if self.ended != Ended::Open => Step::Close,
            State::Handshake => Step::StartTls,
            _ => Step::Read,
        }
    }

    fn greet(&mut self) {
        // RFC 5321 §4.3.1: "the sender SHOULD wait for this greeting message before sending any
        // commands." Programs that send junk do not.
        if self.connection.port == Port::Mx && !self.input.is_empty() {
            return self.end(Ended::SpokeTooSoon, reply::SPOKE_TOO_SOON);
        }
        let protocol = if self.connection.port == Port::Lmtp { "LMTP" } else { "ESMTP" };
        self.say(&format!("220 {} {protocol}", self.config.hostname));
        self.state = State::Fresh;
    }

    fn look_at_the_time(&mut self, now: Instant) {
        let content = matches!(self.state, State::Content(_) | State::Skip(_));
        if !content {
            self.clock.content = None;
        } else if self.clock.content.is_none() {
            self.clock.content = Some((now, 0));
        }
        if std::mem::take(&mut self.clock.progressed) {
            self.clock.progress = now;
        }
        if matches!(self.state, State::Handshake | State::Asked(_)) {
            return;
        }
        if now >= self.deadline() {
            self.end(Ended::Timeout, reply::TIMEOUT);
        } else if self.shutting_down && !content {
            self.end(Ended::ShuttingDown, reply::SHUTTING_DOWN);
        }
    }

    /// Does one thing with the input.
    fn advance(&mut self) -> Progress {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Content(content) => self.content(content),
            State::Skip(skip) => self.skip(skip),
            state @ (State::Opening | State::Asked(_) | State::Handshake | State::Closed) => {
                self.state = state;
                Progress::Starved
            }
            state @ (State::Fresh | State::Ready(_) | State::Transaction(_) | State::Sasl(..)) => {
                self.state = state;
                self.command_line()
            }
        }
    }

    /// Adds a line to the replies.
    fn say(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    fn reply(&mut self, reply: &Reply) {
        reply.write_to(&mut self.output);
    }

    /// Says no, and counts it.
    fn refuse(&mut self, reply: &Reply) {
        self.reply(reply);
        if reply.code == 421 {
            self.ended = Ended::Refused;
            return;
        }
        // A peer with more recipients than we take at once is doing nothing wrong.
        if *reply == reply::TOO_MANY_RECIPIENTS {
            return;
        }
        if reply.enhanced == reply::UNKNOWN_USER.enhanced {
            self.counts.unknown_recipients += 1;
            if self.counts.unknown_recipients >= self.config.unknown_recipients_max {
                self.end(Ended::LimitReached, reply::TOO_MANY_UNKNOWN);
            }
            return;
        }
        self.counts.errors += 1;
        if self.counts.errors >= self.config.errors_max {
            self.end(Ended::LimitReached, reply::TOO_MANY_ERRORS);
        }
    }

    fn end(&mut self, why: Ended, reply: Reply) {
        self.reply(&reply);
        self.ended = why;
    }

    fn trace(&self, transaction: &Transaction) -> Trace {
        let greeting = transaction.hello.greeting;
        Trace {
            hello: transaction.hello.name.clone(),
            protocol: Protocol {
                lmtp: greeting == Greeting::Lhlo,
                extended: greeting != Greeting::Helo,
                smtputf8: transaction.smtputf8,
                tls: self.security == Security::Tls,
                authenticated: self.authenticated,
            },
            recipients: transaction.recipients,
        }
    }
}

/// What [`Session::advance`] did.
enum Progress {
    /// Something; there may be more.
    Done,
    /// Nothing can be done without the driver's answer.
    Ask(Request),
    /// Nothing can be done without more input.
    Starved,
}
