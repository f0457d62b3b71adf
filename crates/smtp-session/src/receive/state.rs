//! The states of a receiving session. Each owns only what that state has; leaving it drops it.

use super::table::Phase;
use crate::command::Greeting;
use crate::content::{ContentCheck, DotReader};
use crate::reply::Reply;
use crate::sasl::Exchange;

/// Where a session stands.
#[derive(Debug)]
pub(super) enum State {
    /// We have not greeted.
    Opening,
    /// No hello yet.
    Fresh,
    /// Between transactions.
    Ready(Hello),
    /// After MAIL.
    Transaction(Transaction),
    /// AUTH is under way.
    Sasl(Hello, Exchange),
    /// Content is coming.
    Content(Content),
    /// A chunk is coming that nobody wants.
    Skip(Skip),
    /// The driver has been asked.
    Asked(Asked),
    /// 220 has been given to STARTTLS.
    Handshake,
    /// Nothing more is read.
    Closed,
}

/// What the peer called itself.
#[derive(Clone, Debug)]
pub(super) struct Hello {
    pub(super) greeting: Greeting,
    pub(super) name: String,
}

/// RFC 5321 §3.3: one mail transaction. The driver holds the reverse-path and who the recipients
/// are; both begin anew with each `Request::Mail`.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) hello: Hello,
    pub(super) smtputf8: bool,
    /// How many were accepted.
    pub(super) recipients: usize,
    /// Of the chunks so far, once the first BDAT was accepted.
    pub(super) chunks: Option<ContentCheck>,
}

/// Content on its way in.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) transaction: Transaction,
    pub(super) source: Source,
    pub(super) check: ContentCheck,
    /// The final answer, when it is known before the end: the rest is read and dropped.
    pub(super) refusal: Option<Reply>,
    /// The last piece of this DATA or this chunk has been dealt with.
    pub(super) ended: bool,
}

/// How content arrives.
#[derive(Debug)]
pub(super) enum Source {
    /// DATA.
    Data(DotReader),
    /// BDAT.
    Chunk { remaining: u64, last: bool },
}

/// RFC 3030 §2: a refused chunk is read to its end, and then its reply is sent.
#[derive(Debug)]
pub(super) struct Skip {
    pub(super) remaining: u64,
    pub(super) reply: Reply,
    pub(super) then: Box<State>,
}

/// What waits for the driver's answer.
#[derive(Debug)]
pub(super) enum Asked {
    Authenticate(Hello),
    Mail(Transaction),
    Recipient(Transaction),
    Begin(Content),
    Piece(Content),
    Deliver(Content),
    Discard(Box<State>),
}

impl State {
    /// Where the table sees a state in which commands are read.
    pub(super) fn phase(&self) -> Option<Phase> {
        Some(match self {
            State::Fresh => Phase::Fresh,
            State::Ready(_) => Phase::Ready,
            State::Transaction(transaction) => match transaction {
                Transaction { chunks: Some(_), .. } => Phase::Chunks,
                Transaction { recipients: 0, .. } => Phase::Mail,
                _ => Phase::Recipients,
            },
            State::Opening
            | State::Sasl(..)
            | State::Content(_)
            | State::Skip(_)
            | State::Asked(_)
            | State::Handshake
            | State::Closed => return None,
        })
    }

    /// The state without its transaction, and whether content was given out that must be dropped.
    pub(super) fn without_transaction(self) -> (State, bool) {
        match self {
            State::Transaction(Transaction { hello, chunks, .. }) => {
                (State::Ready(hello), chunks.is_some())
            }
            other => (other, false),
        }
    }
}
