//! RFC 5321 §4.1.1, RFC 3207, RFC 4954: doing the commands.

use jiff::{SignedDuration, Timestamp};
use mail_types::Secret;

use super::state::{Asked, Content, Hello, Skip, Source, State, Transaction};
use super::table::{Verdict, verdict};
use super::{Answer, Ended, Progress, Request, Session};
use crate::command::{Command, Greeting, Mail};
use crate::config::{AUTH_FAILURES_MAX, DISCARD_BYTES_MAX, Port, Security};
use crate::content::{ContentCheck, DotReader};
use crate::error::PeerMisbehaved;
use crate::parameter::{Hold, RecipientParameters};
use crate::path::ForwardPath;
use crate::reply::{self, Reply};
use crate::sasl::{Exchange, Mechanism, Next};

impl Session {
    /// Takes one line from the input and does what it says.
    pub(super) fn command_line(&mut self) -> Progress {
        let Some(line) = self.lines.take(&mut self.input) else { return Progress::Starved };
        self.counts.commands += 1;
        if self.counts.commands > self.config.commands_max {
            self.end(Ended::LimitReached, reply::TOO_MANY_COMMANDS);
            return Progress::Done;
        }
        if let State::Sasl(..) = self.state {
            return self.sasl_line(line);
        }
        match line.and_then(|line| Command::parse(line.expose())) {
            Ok(command) => self.command(command),
            Err(error) => {
                self.refuse(&error.reply());
                if error == PeerMisbehaved::ChunkSize {
                    // The chunk that follows would be read as commands.
                    self.ended = Ended::Unsynchronized;
                }
                Progress::Done
            }
        }
    }

    fn command(&mut self, command: Command) -> Progress {
        let Some(phase) = self.state.phase() else { return Progress::Starved };
        let verdict = verdict(phase, command.verb());
        if let Some(refusal) = verdict.refusal() {
            return self.out_of_order(&command, verdict, refusal);
        }
        match command {
            Command::Hello(greeting, name) => self.hello(greeting, name),
            Command::Mail(mail) => self.mail(mail),
            Command::Recipient { path, needs_smtputf8, parameters } => {
                self.recipient(path, needs_smtputf8, parameters)
            }
            Command::Data => self.data(),
            Command::Bdat { size, last } => self.bdat(size, last),
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial_response } => self.auth(mechanism, initial_response),
            Command::Reset => {
                self.reply(&reply::OK);
                self.give_up_transaction()
            }
            Command::Quit => {
                self.end(Ended::Quit, reply::BYE);
                Progress::Done
            }
            Command::Noop => self.say_and_stay(&reply::OK),
            Command::Verify => self.say_and_stay(&reply::CANNOT_VERIFY),
            Command::Help => self.say_and_stay(&reply::HELP),
            // The table has refused it.
            Command::NotOffered => self.refuse_and_stay(&reply::NOT_IMPLEMENTED),
        }
    }

    fn out_of_order(&mut self, command: &Command, verdict: Verdict, refusal: Reply) -> Progress {
        if let Command::Bdat { size, .. } = command {
            return self.skip_chunk(*size, refusal);
        }
        self.refuse(&refusal);
        if matches!(command, Command::Data) && !self.input.is_empty() {
            return self.spoke_too_soon();
        }
        match verdict {
            Verdict::NoRecipients | Verdict::OutOfOrderAndReset => self.give_up_transaction(),
            Verdict::Do | Verdict::OutOfOrder | Verdict::NotOffered => Progress::Done,
        }
    }

    fn say_and_stay(&mut self, reply: &Reply) -> Progress {
        self.reply(reply);
        Progress::Done
    }

    fn refuse_and_stay(&mut self, reply: &Reply) -> Progress {
        self.refuse(reply);
        Progress::Done
    }

    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Closed)
    }

    pub(super) fn ask(&mut self, asked: Asked, request: Request) -> Progress {
        self.state = State::Asked(asked);
        Progress::Ask(request)
    }

    /// Leaves the transaction, if there is one, and has the driver drop what it holds of it.
    fn give_up_transaction(&mut self) -> Progress {
        let (state, begun) = self.take_state().without_transaction();
        if begun {
            return self.ask(Asked::Discard(Box::new(state)), Request::Discard(None));
        }
        self.state = state;
        Progress::Done
    }

    fn hello(&mut self, greeting: Greeting, name: String) -> Progress {
        // RFC 2033 §4.1: LMTP has LHLO in place of HELO and EHLO.
        if (greeting == Greeting::Lhlo) != (self.connection.port == Port::Lmtp) {
            return self.refuse_and_stay(&reply::UNRECOGNIZED);
        }
        if greeting == Greeting::Helo {
            self.say(&format!("250 {}", self.config.hostname));
        } else {
            self.announce();
        }
        let (_, begun) = self.take_state().without_transaction();
        let ready = State::Ready(Hello { greeting, name });
        if begun {
            return self.ask(Asked::Discard(Box::new(ready)), Request::Discard(None));
        }
        self.state = ready;
        Progress::Done
    }

    // ehlo-ok-rsp = "250-" Domain CRLF *( "250-" ehlo-line CRLF ) "250" SP ehlo-line CRLF
    fn announce(&mut self) {
        let mut lines = vec![self.config.hostname.clone(), "PIPELINING".into()];
        lines.push(format!("SIZE {}", self.config.message_bytes_max));
        lines.extend(["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"].map(String::from));
        lines.extend(self.future_release());
        if self.may_start_tls() {
            lines.push("STARTTLS".into());
        }
        if self.may_authenticate() {
            lines.push("AUTH PLAIN LOGIN".into());
        }
        for line in lines {
            self.say(&format!("250-{line}"));
        }
        self.say("250 CHUNKING");
    }

    // future-release-keyword = "FUTURERELEASE" SP max-interval SP max-datetime
    fn future_release(&self) -> Option<String> {
        let until = self.hold_until_max()?;
        let seconds = self.config.hold_seconds_max;
        Some(format!("FUTURERELEASE {seconds} {until:.0}"))
    }

    /// RFC 4865 §4: the latest release that is granted; `None` where it is not offered.
    fn hold_until_max(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.config.hold_seconds_max).ok().filter(|&max| max > 0)?;
        let offered = self.connection.port.is_submission();
        let until = self.connection.began.checked_add(SignedDuration::from_secs(seconds));
        until.ok().filter(|_| offered)
    }

    /// RFC 4865 §4.2: "the future release request MUST be rejected" beyond what was announced.
    fn may_hold(&self, hold: Hold) -> Result<(), Reply> {
        let Some(until_max) = self.hold_until_max() else {
            return Err(reply::UNKNOWN_PARAMETER);
        };
        let granted = match hold {
            Hold::For(seconds) => seconds <= self.config.hold_seconds_max,
            Hold::Until(until) => until <= until_max,
        };
        if granted { Ok(()) } else { Err(reply::HOLD_TOO_LONG) }
    }

    /// RFC 3207 §4.2: not announced once TLS is on.
    fn may_start_tls(&self) -> bool {
        matches!(self.connection.port, Port::Mx | Port::Submission)
            && self.connection.may_start_tls
            && self.security == Security::Plain
    }

    fn may_authenticate(&self) -> bool {
        // RFC 8314 §3.3: passwords through TLS only.
        self.connection.port.is_submission()
            && !self.authenticated
            && (self.security == Security::Tls || self.connection.plaintext_auth)
    }

    fn mail(&mut self, mail: Mail) -> Progress {
        if self.connection.port.is_submission() && !self.authenticated {
            // RFC 6409 §4.3: 530 to a client that has not authenticated.
            let tls_first = !self.may_authenticate() && self.may_start_tls();
            let refusal = if tls_first { reply::TLS_REQUIRED } else { reply::AUTH_REQUIRED };
            return self.refuse_and_stay(&refusal);
        }
        let Mail { reverse_path, needs_smtputf8, parameters } = mail;
        if needs_smtputf8 && !parameters.smtputf8 {
            return self.refuse_and_stay(&reply::NEEDS_SMTPUTF8);
        }
        if let Some(Err(refusal)) = parameters.hold.map(|hold| self.may_hold(hold)) {
            return self.refuse_and_stay(&refusal);
        }
        // RFC 1870 §6.1: refused before the content is sent.
        if parameters.size.is_some_and(|size| size > self.config.message_bytes_max) {
            return self.refuse_and_stay(&reply::TOO_LARGE);
        }
        let State::Ready(hello) = self.take_state() else {
            unreachable!("the table lets MAIL through between transactions only")
        };
        let transaction =
            Transaction { hello, smtputf8: parameters.smtputf8, recipients: 0, chunks: None };
        self.ask(Asked::Mail(transaction), Request::Mail { reverse_path, parameters })
    }

    fn recipient(
        &mut self,
        forward_path: ForwardPath,
        needs_smtputf8: bool,
        parameters: RecipientParameters,
    ) -> Progress {
        let State::Transaction(transaction) = self.take_state() else {
            unreachable!("the table lets RCPT through in a transaction only")
        };
        let refusal = if needs_smtputf8 && !transaction.smtputf8 {
            Some(reply::NEEDS_SMTPUTF8)
        } else if transaction.recipients >= self.config.recipients_max {
            Some(reply::TOO_MANY_RECIPIENTS)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.state = State::Transaction(transaction);
            return self.refuse_and_stay(&refusal);
        }
        self.ask(Asked::Recipient(transaction), Request::Recipient { forward_path, parameters })
    }

    fn data(&mut self) -> Progress {
        // RFC 2920 §3.1: DATA is the last of a group. What comes before 354 is either not meant as
        // content or not written by somebody who speaks SMTP.
        if !self.input.is_empty() {
            return self.spoke_too_soon();
        }
        self.begin(Source::Data(DotReader::default()))
    }

    fn spoke_too_soon(&mut self) -> Progress {
        self.end(Ended::SpokeTooSoon, reply::SPOKE_TOO_SOON);
        Progress::Done
    }

    fn begin(&mut self, source: Source) -> Progress {
        let State::Transaction(transaction) = self.take_state() else {
            unreachable!("the table lets DATA and BDAT through after RCPT only")
        };
        let trace = self.trace(&transaction);
        let check = ContentCheck::new(self.config.message_bytes_max);
        let content = Content { transaction, source, check, refusal: None, ended: false };
        self.ask(Asked::Begin(content), Request::Begin(trace))
    }

    fn bdat(&mut self, size: u64, last: bool) -> Progress {
        let State::Transaction(transaction) = &mut self.state else {
            unreachable!("the table lets BDAT through after RCPT only")
        };
        let room = transaction
            .chunks
            .as_ref()
            .map_or_else(|| size <= self.config.message_bytes_max, |check| check.has_room(size));
        if !room {
            return self.skip_chunk(size, reply::TOO_LARGE);
        }
        let source = Source::Chunk { remaining: size, last };
        let Some(check) = transaction.chunks.take() else { return self.begin(source) };
        let State::Transaction(transaction) = self.take_state() else { unreachable!("seen above") };
        self.state =
            State::Content(Content { transaction, source, check, refusal: None, ended: false });
        Progress::Done
    }

    /// RFC 3030 §2: whatever is wrong with a BDAT command, its chunk follows and must be read.
    fn skip_chunk(&mut self, remaining: u64, reply: Reply) -> Progress {
        if remaining > self.config.message_bytes_max.saturating_add(DISCARD_BYTES_MAX) {
            self.end(Ended::Unsynchronized, reply);
            return Progress::Done;
        }
        let (state, begun) = self.take_state().without_transaction();
        let skip = State::Skip(Skip { remaining, reply: reply.clone(), then: Box::new(state) });
        if begun {
            return self.ask(Asked::Discard(Box::new(skip)), Request::Discard(Some(reply)));
        }
        self.state = skip;
        Progress::Done
    }

    fn start_tls(&mut self) -> Progress {
        if !self.may_start_tls() {
            return self.refuse_and_stay(&reply::NOT_IMPLEMENTED);
        }
        // RFC 3207 §4.2 and CVE-2011-0411: what follows in the clear could have been put there by
        // anybody, and would be taken for the client's protected words.
        if !self.input.is_empty() {
            self.end(Ended::SpokeTooSoon, reply::NOTHING_AFTER_STARTTLS);
            return Progress::Done;
        }
        self.reply(&reply::READY_FOR_TLS);
        self.state = State::Handshake;
        Progress::Done
    }

    fn auth(&mut self, mechanism: Mechanism, initial: Option<Secret<Vec<u8>>>) -> Progress {
        if !self.connection.port.is_submission() {
            return self.refuse_and_stay(&reply::NOT_IMPLEMENTED);
        }
        // RFC 4954 §4: "After a successful AUTH command completes, a server MUST reject any
        // further AUTH commands with a 503 reply."
        if self.authenticated {
            return self.refuse_and_stay(&reply::BAD_SEQUENCE);
        }
        if !self.may_authenticate() {
            return self.refuse_and_stay(&reply::ENCRYPTION_REQUIRED);
        }
        let State::Ready(hello) = self.take_state() else {
            unreachable!("the table lets AUTH through between transactions only")
        };
        let (exchange, challenge) = Exchange::start(mechanism);
        match initial {
            Some(response) => self.respond(hello, exchange, response.expose()),
            None => {
                self.reply(&Reply::challenge(challenge));
                self.state = State::Sasl(hello, exchange);
                Progress::Done
            }
        }
    }

    fn sasl_line(&mut self, line: Result<Secret<Vec<u8>>, PeerMisbehaved>) -> Progress {
        let State::Sasl(hello, exchange) = self.take_state() else {
            unreachable!("called in this state only")
        };
        match line {
            // RFC 4954 §4: "If the client wishes to cancel the authentication exchange, it issues
            // a line with a single "*"."
            Ok(line) if line.expose() == b"*" => self.auth_failed(hello, &reply::AUTH_CANCELLED),
            Ok(line) => self.respond(hello, exchange, line.expose()),
            Err(error) => self.auth_failed(hello, &error.reply()),
        }
    }

    fn respond(&mut self, hello: Hello, exchange: Exchange, response: &[u8]) -> Progress {
        match exchange.respond(response) {
            Ok(Next::Challenge(exchange, challenge)) => {
                self.reply(&Reply::challenge(challenge));
                self.state = State::Sasl(hello, exchange);
                Progress::Done
            }
            Ok(Next::Claim(claim)) => self.ask(
                Asked::Authenticate(hello),
                Request::Authenticate { login: claim.login, password: claim.password },
            ),
            Ok(Next::Refused) => self.auth_failed(hello, &reply::AUTH_FAILED),
            Err(error) => self.auth_failed(hello, &error.reply()),
        }
    }

    fn auth_failed(&mut self, hello: Hello, reply: &Reply) -> Progress {
        self.state = State::Ready(hello);
        self.refuse(reply);
        self.counts.auth_failures += 1;
        if self.counts.auth_failures >= AUTH_FAILURES_MAX && self.ended == Ended::Open {
            self.end(Ended::LimitReached, reply::TOO_MANY_ERRORS);
        }
        Progress::Done
    }

    pub(super) fn authenticated(&mut self, hello: Hello, answer: Answer) {
        match answer {
            Answer::Refuse(reply) => {
                self.auth_failed(hello, &reply);
            }
            Answer::Accept | Answer::Delivered(_) => {
                self.authenticated = true;
                self.reply(&reply::AUTHENTICATED);
                self.state = State::Ready(hello);
            }
        }
    }
}
