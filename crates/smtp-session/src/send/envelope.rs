//! One transaction: MAIL, RCPT and DATA or BDAT on their way, and what each reply means.
//!
//! With PIPELINING the commands go out ahead of their replies (RFC 2920), so every mix of yes and
//! no must come out right: what is refused is known only when something else was sent already.

use super::Client;
use super::command;
use super::config::{EightBit, Role};
use super::content::{After, Outgoing};
use super::outcome::{Outcome, Reason, Report, Stage};
use super::reply::{ReplyFault, ServerReply};
use super::state::{Command, Next, State};
use super::transaction::Transaction;

/// The transaction under way.
#[derive(Debug)]
pub(super) struct Running {
    transaction: Transaction,
    /// Of each recipient, once it is known.
    outcomes: Vec<Option<Outcome>>,
    /// Recipients the server took, in the order of its replies: LMTP's final replies are in it.
    accepted: Vec<usize>,
    smtputf8: bool,
    dsn: bool,
}

impl Running {
    pub(super) fn new(transaction: Transaction) -> Self {
        let outcomes = vec![None; transaction.recipients.len()];
        Self { transaction, outcomes, accepted: Vec::new(), smtputf8: false, dsn: false }
    }

    fn decide(&mut self, recipient: usize, outcome: Outcome) {
        self.outcomes[recipient].get_or_insert(outcome);
    }

    fn decide_all(&mut self, outcome: &Outcome) {
        for slot in &mut self.outcomes {
            slot.get_or_insert_with(|| outcome.clone());
        }
    }

    fn is_decided(&self) -> bool {
        self.outcomes.iter().all(Option::is_some)
    }

    /// The first recipient from here on that is still to be asked.
    fn undecided(&self, from: usize) -> Option<usize> {
        (from..self.outcomes.len()).find(|&index| self.outcomes[index].is_none())
    }
}

impl Client {
    /// Starts the transaction, or ends it where what the server offers shows that it must.
    pub(super) fn begin(&mut self) {
        let Some(running) = &mut self.running else { return };
        let offered = self.extensions;
        let transaction = &running.transaction;
        running.dsn = offered.dsn;
        running.smtputf8 = command::needs_smtputf8(transaction);
        let fault = if let Some(bytes_max) = offered.size_max.filter(|&max| transaction.size > max)
        {
            // RFC 1870 §6.1: what is too large is not sent to hear so.
            Some(Reason::TooLarge { bytes_max })
        } else if running.smtputf8 && !offered.smtputf8 {
            let header = transaction.utf8_header;
            Some(if header { Reason::HeaderNeedsSmtpUtf8 } else { Reason::NeedsSmtpUtf8 })
        } else if transaction.eight_bit
            && !offered.eight_bit_mime
            && self.config.eight_bit == EightBit::Refuse
        {
            // RFC 6152 §3: "a client SMTP must not, under any circumstances, attempt to transfer
            // a content which contains characters outside of the US-ASCII octet range" to it.
            Some(Reason::NeedsEightBitMime)
        } else {
            None
        };
        if let Some(reason) = fault {
            running.decide_all(&Outcome::Failed(reason, None));
        }
        for index in 0..running.outcomes.len() {
            if running.transaction.recipients[index].forward_path.needs_smtputf8() {
                if offered.smtputf8 {
                    running.smtputf8 = true;
                } else {
                    running.decide(index, Outcome::Failed(Reason::NeedsSmtpUtf8, None));
                }
            }
        }
        if running.is_decided() {
            return self.finish();
        }
        let first = if self.reset_needed { Next::Reset } else { Next::Mail };
        self.state = State::Envelope(first);
    }

    /// Sends the next command of the envelope, if one may go out.
    pub(super) fn speak_envelope(&mut self, next: Next) -> bool {
        let Some(running) = &self.running else { return false };
        if !self.has_room() {
            return false;
        }
        let after = match next {
            Next::Nothing => return false,
            Next::Reset => {
                self.command("RSET", Command::Reset);
                Next::Mail
            }
            Next::Mail => {
                let line = command::mail(&running.transaction, self.extensions, running.smtputf8);
                let first = running.undecided(0).map_or(Next::Nothing, Next::Recipient);
                self.command(&line, Command::Mail);
                self.reset_needed = true;
                first
            }
            Next::Recipient(index) => {
                let recipient = &running.transaction.recipients[index];
                let line = command::recipient(recipient, self.extensions);
                let after = running.undecided(index + 1).map_or(Next::Content, Next::Recipient);
                self.command(&line, Command::Recipient(index));
                after
            }
            Next::Content => return self.speak_content(),
        };
        self.state = State::Envelope(after);
        true
    }

    /// Starts the content when it may start.
    fn speak_content(&mut self) -> bool {
        let Some(running) = &self.running else { return false };
        let chunking = self.extensions.chunking && self.config.chunking;
        if self.awaited.is_empty() && running.accepted.is_empty() {
            self.finish();
        } else if !chunking {
            // RFC 2920 §3.1: DATA may end a group. It asks before the content comes, so it costs
            // nothing when all recipients are refused.
            self.command("DATA", Command::Data);
            self.state = State::Envelope(Next::Nothing);
        } else if self.awaited.is_empty() {
            let outgoing = Outgoing::in_chunks(running.transaction.size);
            self.open_content(outgoing);
        } else {
            // A chunk comes with its command: not before it is known that somebody wants it.
            return false;
        }
        true
    }

    fn open_content(&mut self, mut outgoing: Outgoing) {
        let after = outgoing.open(&mut self.output);
        self.state = State::Content(outgoing);
        self.after_piece(after);
    }

    /// What is awaited after a piece of content.
    pub(super) fn after_piece(&mut self, after: After) {
        match after {
            After::Piece => {}
            After::ChunkReply => self.expect_reply(Command::Chunk),
            After::EndReply => {
                match (self.config.role, &self.running) {
                    // RFC 2033 §4.2: "one reply for each previously successful RCPT command".
                    (Role::Lmtp, Some(running)) => {
                        let each = running.accepted.iter().copied().map(Command::ContentEndFor);
                        self.unsent += running.accepted.len();
                        self.awaited.extend(each);
                    }
                    _ => self.expect_reply(Command::ContentEnd),
                }
                self.state = State::Ending;
            }
        }
    }

    /// The content cannot be brought to its end, and must not look as if it had come to it: the
    /// connection is closed in the middle of it.
    pub(super) fn give_content_up(&mut self, reason: Reason) {
        self.end_with(match reason {
            Reason::ContentNotCanonical => Outcome::Failed(reason, None),
            _ => Outcome::Deferred(reason, None),
        });
    }

    pub(super) fn envelope_reply(&mut self, command: Command, reply: ServerReply) {
        let stage = command.stage();
        match (command, reply.code) {
            (Command::Reset, 200..=299) => self.reset_needed = false,
            // Without RSET the next message could go to the recipients of the one before.
            (Command::Reset, 400..=599) => {
                self.end_with(Outcome::Deferred(Reason::Refused(stage), Some(reply)));
            }
            (Command::Mail, 200..=299) => {}
            (Command::Mail, 400..=599) => {
                self.decide_all(&refusal(stage, reply));
                self.stop_asking();
            }
            (Command::Recipient(index), 200..=299) => self.accept(index),
            (Command::Recipient(index), 400..=599) => self.refuse(index, stage, reply),
            (Command::Data, 354) => self.go_ahead(),
            (Command::Data, 400..=599) => {
                self.decide_all(&refusal(stage, reply));
                self.finish();
            }
            (Command::Chunk, 200..=299) => {
                let State::Content(outgoing) = &mut self.state else { return };
                outgoing.open(&mut self.output);
            }
            (Command::Chunk, 400..=599) => self.stop_content(refusal(stage, reply)),
            (Command::ContentEnd, 200..=299) => {
                self.decide_all(&Outcome::Delivered(reply));
                self.finish();
                self.reset_needed = false;
            }
            (Command::ContentEnd, 400..=599) => {
                self.decide_all(&refusal(stage, reply));
                self.finish();
            }
            (Command::ContentEndFor(index), 200..=299) => {
                self.final_reply(index, Outcome::Delivered(reply));
            }
            (Command::ContentEndFor(index), 400..=599) => {
                self.final_reply(index, refusal(stage, reply));
            }
            _ => self.break_off(Reason::Misbehaved(stage, ReplyFault::Code)),
        }
    }

    fn accept(&mut self, index: usize) {
        let Some(running) = &mut self.running else { return };
        // After a refused MAIL nobody is accepted, whatever RCPT is told.
        if running.outcomes[index].is_none() {
            running.accepted.push(index);
        }
        self.finish_if_nothing_is_left();
    }

    fn refuse(&mut self, index: usize, stage: Stage, reply: ServerReply) {
        let Some(running) = &mut self.running else { return };
        // RFC 5321 §4.5.3.1.10: 552 to RCPT says too many recipients: "the client SHOULD treat a
        // 552 in this case as a temporary, rather than permanent, failure".
        let outcome = match reply.code {
            552 => Outcome::Deferred(Reason::Refused(stage), Some(reply)),
            _ => refusal(stage, reply),
        };
        running.decide(index, outcome);
        self.finish_if_nothing_is_left();
    }

    fn decide_all(&mut self, outcome: &Outcome) {
        if let Some(running) = &mut self.running {
            running.decide_all(outcome);
        }
    }

    /// MAIL was refused: what is on its way is waited for, nothing more is sent.
    fn stop_asking(&mut self) {
        self.state = State::Envelope(Next::Nothing);
        self.finish_if_nothing_is_left();
    }

    fn finish_if_nothing_is_left(&mut self) {
        let nobody = self.running.as_ref().is_some_and(Running::is_decided);
        let asked = matches!(self.state, State::Envelope(Next::Nothing | Next::Content));
        if nobody && asked && self.awaited.is_empty() {
            self.finish();
        }
    }

    /// 354.
    fn go_ahead(&mut self) {
        let Some(running) = &self.running else { return };
        if !running.accepted.is_empty() {
            let outgoing = Outgoing::with_dots(running.transaction.size);
            return self.open_content(outgoing);
        }
        match self.config.role {
            // RFC 2920 §3.1: "if the DATA command is accepted the client SMTP should send a
            // single dot", though it has no recipient.
            Role::Smtp => {
                self.command(".", Command::ContentEnd);
                self.state = State::Ending;
            }
            // RFC 2033 §4.2: it must have been refused; how many replies follow is anybody's guess.
            Role::Lmtp => self.break_off(Reason::Misbehaved(Stage::Data, ReplyFault::Code)),
        }
    }

    /// A refusal before the content's end.
    fn stop_content(&mut self, outcome: Outcome) {
        let State::Content(outgoing) = &self.state else { return };
        if outgoing.is_between_chunks() {
            // RFC 3030 §4.2: the message has failed, and RSET must come before the next.
            self.decide_all(&outcome);
            self.finish();
        } else {
            self.end_with(outcome);
        }
    }

    fn final_reply(&mut self, index: usize, outcome: Outcome) {
        if let Some(running) = &mut self.running {
            running.decide(index, outcome);
        }
        if self.awaited.is_empty() {
            self.finish();
            self.reset_needed = false;
        }
    }

    /// The transaction is over, and the connection good for another. Everybody's outcome is known.
    fn finish(&mut self) {
        self.state = State::Idle;
        self.report_all(Outcome::Deferred(Reason::Lost(Stage::Content), None));
    }

    /// Makes the report, with this outcome for whoever has none.
    pub(super) fn report_all(&mut self, outcome: Outcome) {
        let Some(running) = self.running.take() else { return };
        let outcomes = running.outcomes.into_iter();
        let outcomes = outcomes.map(|known| known.unwrap_or_else(|| outcome.clone())).collect();
        self.report = Some(Report { outcomes, dsn_passed_on: running.dsn });
    }
}

/// 4yz or 5yz to a command.
fn refusal(stage: Stage, reply: ServerReply) -> Outcome {
    if reply.is_permanent() {
        Outcome::Failed(Reason::Refused(stage), Some(reply))
    } else {
        Outcome::Deferred(Reason::Refused(stage), Some(reply))
    }
}
