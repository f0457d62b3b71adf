//! What became of a transaction, gathered over connections and hosts.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use smtp_session::send::{Outcome, Reason, Report, ServerReply, Stage, Transaction};
use thiserror::Error;

use crate::concurrency::Feedback;
use crate::mx::Unroutable;

/// What became of a transaction.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// One per recipient, in the transaction's order.
    pub attempts: Vec<Attempt>,
    /// For [`crate::Concurrency::finish`].
    pub feedback: Feedback,
}

/// What became of one recipient.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Delivered, to be tried again, or never.
    pub verdict: Verdict,
    /// RFC 3463, of the verdict's class: the server's, or ours.
    pub enhanced: (u8, u16, u16),
    /// Why it was not delivered.
    pub cause: Option<Cause>,
    /// What the server said: limited in length, without control characters.
    pub reply: Option<ServerReply>,
    /// Whom we spoke to last.
    pub remote: Option<Arc<Remote>>,
    /// Whether the server took over NOTIFY and RET; see [`smtp_session::send::Report`].
    pub dsn_passed_on: bool,
}

/// What to do with a recipient now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the next server has it.
    Delivered,
    /// Try again later.
    Deferred,
    /// Tell the sender.
    Failed,
}

/// Why a recipient was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Cause {
    /// There was nobody to speak to.
    #[error("{0}")]
    Unroutable(#[from] Unroutable),
    /// It went wrong with the server.
    #[error("{0}")]
    Session(Reason),
}

/// The server spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its host name.
    pub host: String,
    /// Its address.
    pub address: SocketAddr,
    /// Protocol version and cipher suite, when there was TLS.
    pub tls: Option<String>,
}

impl Delivery {
    pub(crate) fn unroutable(transaction: &Transaction, why: &Unroutable) -> Self {
        let attempt = Attempt {
            verdict: if why.is_temporary() { Verdict::Deferred } else { Verdict::Failed },
            enhanced: why.enhanced(),
            cause: Some(Cause::Unroutable(why.clone())),
            reply: None,
            remote: None,
            dsn_passed_on: false,
        };
        let attempts = vec![attempt; transaction.recipients.len()];
        Self { attempts, feedback: Feedback::Unused }
    }
}

impl Attempt {
    fn new(outcome: Outcome, remote: Option<Arc<Remote>>, dsn_passed_on: bool) -> Self {
        let enhanced = outcome.enhanced();
        let (verdict, cause, reply) = match outcome {
            Outcome::Delivered(reply) => (Verdict::Delivered, None, Some(reply)),
            Outcome::Deferred(reason, reply) => (Verdict::Deferred, Some(reason), reply),
            Outcome::Failed(reason, reply) => (Verdict::Failed, Some(reason), reply),
        };
        Self {
            verdict,
            enhanced,
            cause: cause.map(Cause::Session),
            reply,
            remote,
            dsn_passed_on: dsn_passed_on && verdict == Verdict::Delivered,
        }
    }
}

/// One line for the log and for people: why, and what the server said.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, &self.reply) {
            (Some(cause), Some(reply)) => write!(f, "{cause}: {reply}"),
            (Some(cause), None) => write!(f, "{cause}"),
            (None, Some(reply)) => write!(f, "{reply}"),
            (None, None) => f.write_str("delivered"),
        }
    }
}

/// A transaction on its way: who still waits for a word.
pub(crate) struct Work<'a> {
    transaction: &'a Transaction,
    recipients: Vec<State>,
    /// Whether a server has said something about this transaction.
    heard: bool,
}

/// One recipient.
#[derive(Clone)]
enum State {
    /// Nobody has been asked.
    Unasked,
    /// Another host may be asked; otherwise this is it.
    Open(Attempt),
    /// This is it.
    Closed(Attempt),
}

impl<'a> Work<'a> {
    pub(crate) fn new(transaction: &'a Transaction) -> Self {
        let recipients = vec![State::Unasked; transaction.recipients.len()];
        Self { transaction, recipients, heard: false }
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_done(&self) -> bool {
        self.recipients.iter().all(|state| matches!(state, State::Closed(_)))
    }

    /// Who waits.
    pub(crate) fn pending(&self) -> Vec<usize> {
        let waits = |&index: &usize| !matches!(self.recipients[index], State::Closed(_));
        (0..self.recipients.len()).filter(waits).collect()
    }

    /// The transaction for these alone.
    pub(crate) fn transaction(&self, recipients: &[usize]) -> Transaction {
        let chosen = recipients.iter().map(|&index| self.transaction.recipients[index].clone());
        let Transaction { reverse_path, size, eight_bit, utf8_header, ret, envelope_id, .. } =
            self.transaction;
        Transaction {
            reverse_path: reverse_path.clone(),
            recipients: chosen.collect(),
            size: *size,
            eight_bit: *eight_bit,
            utf8_header: *utf8_header,
            ret: *ret,
            envelope_id: envelope_id.clone(),
        }
    }

    /// Takes a report on these. Says whether another transaction on the same connection can do
    /// more: the server took some, and too many were asked for at once.
    pub(crate) fn record(
        &mut self,
        recipients: &[usize],
        report: Report,
        remote: &Arc<Remote>,
    ) -> bool {
        let delivered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered(_));
        let some_delivered = report.outcomes.iter().any(delivered);
        let mut more = false;
        for (&index, outcome) in recipients.iter().zip(report.outcomes) {
            self.heard |= is_heard(&outcome);
            let too_many = some_delivered && says_too_many(&outcome);
            let open = too_many || outcome.may_try_next_host();
            more |= too_many;
            let remote = Some(Arc::clone(remote));
            let attempt = Attempt::new(outcome, remote, report.dsn_passed_on);
            self.set(index, attempt, open);
        }
        more
    }

    /// No connection was made to this address.
    pub(crate) fn unreachable(&mut self, reason: &Reason, remote: &Arc<Remote>) {
        for index in self.pending() {
            let outcome = Outcome::Deferred(reason.clone(), None);
            self.set(index, Attempt::new(outcome, Some(Arc::clone(remote)), false), true);
        }
    }

    /// Whether the last connection ended in its TLS handshake.
    pub(crate) fn failed_in_handshake(&self) -> bool {
        let handshake = Some(Cause::Session(Reason::Handshake));
        self.recipients
            .iter()
            .any(|state| matches!(state, State::Open(attempt) if attempt.cause == handshake))
    }

    pub(crate) fn delivery(self) -> Delivery {
        let attempt = |state| match state {
            State::Open(attempt) | State::Closed(attempt) => attempt,
            State::Unasked => {
                Attempt::new(Outcome::Deferred(Reason::Unreachable, None), None, false)
            }
        };
        let attempts = self.recipients.into_iter().map(attempt).collect();
        let feedback = if self.heard { Feedback::Served } else { Feedback::Unreachable };
        Delivery { attempts, feedback }
    }

    fn set(&mut self, index: usize, attempt: Attempt, open: bool) {
        let state = &mut self.recipients[index];
        match state {
            // While one host says "not now", another's "never here" is not the last word.
            State::Open(before)
                if open
                    && before.verdict == Verdict::Deferred
                    && attempt.verdict == Verdict::Failed => {}
            _ if open => *state = State::Open(attempt),
            _ => *state = State::Closed(attempt),
        }
    }
}

/// RFC 5321 §4.5.3.1.10: "the client […] SHOULD […] attempt to deliver to the rest later": at once,
/// when the server took the first ones.
fn says_too_many(outcome: &Outcome) -> bool {
    let Outcome::Deferred(Reason::Refused(Stage::Recipient), Some(reply)) = outcome else {
        return false;
    };
    matches!(reply.code, 452 | 552) && matches!(reply.enhanced, None | Some((_, 5, 3)))
}

/// Whether this comes from a server that works.
fn is_heard(outcome: &Outcome) -> bool {
    match outcome.reason() {
        None => true,
        Some(Reason::Refused(stage)) => !stage.is_opening(),
        Some(reason) => matches!(
            reason,
            Reason::TooLarge { .. }
                | Reason::NeedsSmtpUtf8
                | Reason::HeaderNeedsSmtpUtf8
                | Reason::NeedsEightBitMime
                | Reason::ContentNotCanonical
                | Reason::ContentUnreadable
        ),
    }
}
