//! Answers, and a message's content: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030).
//!
//! Content passes through in pieces. Whatever happens, it is read to its end before the one
//! final reply, so that no part of a refused message is ever taken for a command.

use bytes::{Buf, Bytes};

use super::state::{Asked, Content, Skip, Source, State, Transaction};
use super::{Answer, Progress, Request, Session};
use crate::config::Port;
use crate::content::ContentFault;
use crate::reply::{self, Reply};

impl Session {
    /// Takes the driver's answer to the [`Request`] it was asked.
    pub fn answer(&mut self, answer: Answer) {
        self.clock.progressed = true;
        let State::Asked(asked) = std::mem::replace(&mut self.state, State::Closed) else {
            unreachable!("an answer nobody asked for")
        };
        match asked {
            Asked::Authenticate(hello) => self.authenticated(hello, answer),
            Asked::Mail(transaction) => self.mail_answered(transaction, answer),
            Asked::Recipient(transaction) => self.recipient_answered(transaction, answer),
            Asked::Begin(content) => self.begin_answered(content, answer),
            Asked::Piece(content) => self.piece_answered(content, answer),
            Asked::Deliver(content) => self.delivered(content, answer),
            Asked::Discard(then) => self.state = *then,
        }
    }

    fn mail_answered(&mut self, transaction: Transaction, answer: Answer) {
        if let Answer::Refuse(refusal) = answer {
            self.state = State::Ready(transaction.hello);
            return self.refuse(&refusal);
        }
        self.state = State::Transaction(transaction);
        self.reply(&reply::SENDER_OK);
    }

    fn recipient_answered(&mut self, mut transaction: Transaction, answer: Answer) {
        if let Answer::Refuse(refusal) = answer {
            self.state = State::Transaction(transaction);
            return self.refuse(&refusal);
        }
        transaction.recipients += 1;
        self.state = State::Transaction(transaction);
        self.reply(&reply::RECIPIENT_OK);
    }

    fn begin_answered(&mut self, content: Content, answer: Answer) {
        match (answer, &content.source) {
            (Answer::Refuse(refusal), Source::Data(_)) => {
                self.state = State::Ready(content.transaction.hello);
                self.refuse(&refusal);
            }
            (Answer::Refuse(reply), &Source::Chunk { remaining, .. }) => {
                let then = Box::new(State::Ready(content.transaction.hello));
                self.state = State::Skip(Skip { remaining, reply, then });
            }
            (_, Source::Data(_)) => {
                self.reply(&reply::START_INPUT);
                self.state = State::Content(content);
            }
            (_, Source::Chunk { .. }) => self.state = State::Content(content),
        }
    }

    /// Takes the next piece of content from the input, or ends the DATA or chunk it was in.
    pub(super) fn content(&mut self, mut content: Content) -> Progress {
        if content.ended {
            return self.source_ended(content);
        }
        let before = self.input.len();
        let Some((piece, ended)) = self.piece(&mut content.source) else {
            self.state = State::Content(content);
            return Progress::Starved;
        };
        content.ended = ended;
        self.count_content(before - self.input.len());
        if content.refusal.is_none() {
            if let Err(fault) = content.take(&piece) {
                let refusal = fault.reply();
                content.refusal = Some(refusal.clone());
                return self.ask(Asked::Piece(content), Request::Discard(Some(refusal)));
            }
            if !piece.is_empty() {
                return self.ask(Asked::Piece(content), Request::Body(piece));
            }
        }
        self.state = State::Content(content);
        Progress::Done
    }

    /// The next piece and whether it is the last of this DATA or this chunk; `None` when the input
    /// has nothing for it.
    fn piece(&mut self, source: &mut Source) -> Option<(Bytes, bool)> {
        match source {
            Source::Data(_) if self.input.is_empty() => None,
            Source::Data(reader) => {
                let mut piece = Vec::with_capacity(self.input.len());
                let fed = reader.feed(&self.input, &mut piece);
                self.input.advance(fed.consumed);
                Some((piece.into(), fed.ended))
            }
            Source::Chunk { remaining, .. } if self.input.is_empty() && *remaining > 0 => None,
            Source::Chunk { remaining, .. } => {
                let length = at_most(*remaining, self.input.len());
                *remaining -= length as u64;
                Some((self.input.split_to(length).freeze(), *remaining == 0))
            }
        }
    }

    fn count_content(&mut self, bytes: usize) {
        if let Some((_, total)) = &mut self.clock.content {
            *total += bytes as u64;
        }
    }

    fn piece_answered(&mut self, mut content: Content, answer: Answer) {
        if let (Answer::Refuse(refusal), None) = (answer, &content.refusal) {
            content.refusal = Some(refusal);
        }
        self.state = State::Content(content);
    }

    fn source_ended(&mut self, mut content: Content) -> Progress {
        if let Some(refusal) = content.refusal.take() {
            self.finish(content, &refusal);
            return Progress::Done;
        }
        if content.source.is_last() {
            return self.ask(Asked::Deliver(content), Request::Deliver);
        }
        let Content { mut transaction, check, .. } = content;
        transaction.chunks = Some(check);
        self.state = State::Transaction(transaction);
        self.reply(&reply::OK);
        Progress::Done
    }

    fn delivered(&mut self, content: Content, answer: Answer) {
        match answer {
            Answer::Refuse(refusal) => self.finish(content, &refusal),
            Answer::Accept => self.finish(content, &reply::OK),
            Answer::Delivered(outcomes) => {
                assert_eq!(outcomes.len(), content.transaction.recipients, "one for each");
                let reply = |outcome: Result<_, _>| outcome.map_or_else(|no| no, Reply::queued);
                self.finish_each(content, outcomes.into_iter().map(reply).collect());
            }
        }
    }

    /// The same final reply for all recipients.
    fn finish(&mut self, content: Content, reply: &Reply) {
        let lmtp = self.connection.port == Port::Lmtp && content.source.is_last();
        let replies = if lmtp { content.transaction.recipients } else { 1 };
        self.finish_each(content, vec![reply.clone(); replies]);
    }

    /// The final replies; whatever they are, the transaction is over.
    fn finish_each(&mut self, content: Content, mut replies: Vec<Reply>) {
        if self.connection.port != Port::Lmtp {
            // SMTP has one reply: who did not get the message decides, and the peer tries again.
            let refusal = replies.iter().position(|reply| !reply.is_positive());
            replies.swap(0, refusal.unwrap_or(0));
            replies.truncate(1);
        }
        self.state = State::Ready(content.transaction.hello);
        if replies.iter().any(Reply::is_positive) {
            self.counts.errors = 0;
            self.counts.commands = 0;
            // RFC 2033 §4.2: "one reply for each previously successful RCPT command in the mail
            // transaction, in the order that the RCPT commands were issued."
            replies.iter().for_each(|reply| self.reply(reply));
        } else if let Some(last) = replies.pop() {
            replies.iter().for_each(|reply| self.reply(reply));
            self.refuse(&last);
        }
    }

    /// Throws away what has come of an unwanted chunk.
    pub(super) fn skip(&mut self, mut skip: Skip) -> Progress {
        let length = at_most(skip.remaining, self.input.len());
        self.input.advance(length);
        self.count_content(length);
        skip.remaining -= length as u64;
        if skip.remaining == 0 {
            self.state = *skip.then;
            self.refuse(&skip.reply);
            return Progress::Done;
        }
        self.state = State::Skip(skip);
        if length > 0 { Progress::Done } else { Progress::Starved }
    }
}

impl Content {
    fn take(&mut self, piece: &[u8]) -> Result<(), ContentFault> {
        self.check.take(piece)?;
        if self.ended && self.source.is_last() { self.check.finish() } else { Ok(()) }
    }
}

impl Source {
    /// Whether the message ends where this ends.
    fn is_last(&self) -> bool {
        matches!(self, Source::Data(_) | Source::Chunk { last: true, .. })
    }
}

fn at_most(remaining: u64, available: usize) -> usize {
    usize::try_from(remaining).unwrap_or(usize::MAX).min(available)
}
