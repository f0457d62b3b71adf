//! Rows of the queue's shards: accepted messages that wait for their next hop, and whom they are
//! still to reach.

use mail_types::{
    AccountId, BlobHash, EmailAddress, EnvelopeId, FlagSet, MailboxId, Notify, OriginalRecipient,
    QueueId, Ret, ReversePath, Uid,
};
use serde::{Deserialize, Serialize};

use super::mail::table;
use crate::BodyRef;
use crate::table::Table;

table!(/// What never changes about a queued message. It goes with its last recipient.
    QueueMessage = 1, QueueId => QueueMessageRow);
table!(/// A recipient whose fate is open.
    QueueRecipient = 2, (QueueId, u32) => QueueRecipientRow);
table!(/// Which queued messages refer to a body; what the collector asks.
    QueueBodyUse = 3, (BlobHash, QueueId) => ());
table!(/// The lease under which the shard is worked. Commits of its worker assert it.
    QueueFence = 4, u64 => ());
table!(/// What happened to a message, in the queue or not: its acceptance and the time in microseconds
    /// -> an event of the mail log. Written unsynced, expires by age.
    QueueHistory = 5, (QueueId, u64) => HistoryRow);

/// How many shards there are: what several nodes can share, and how many commits about queued
/// messages can be built at once.
pub const QUEUE_SHARDS: u64 = 16;

/// The shard that an acceptance belongs to.
pub fn shard_of(id: QueueId) -> u64 {
    id.0 % QUEUE_SHARDS
}

/// What never changes about a queued message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueMessageRow {
    /// Envelope sender.
    pub reverse_path: ReversePath,
    /// RFC 3461 §4.4.
    pub envelope_id: Option<EnvelopeId>,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// The body as it was received.
    pub body: BodyRef,
    /// Header lines that Facteur put in front of it, each ended by CRLF.
    pub prefix: Vec<u8>,
    /// Length of the body's own header section, its empty line included.
    pub header_size: u64,
    /// Whether the body has bytes over 127 (RFC 6152).
    pub is_8bit: bool,
    /// Whether the header section has bytes over 127 (RFC 6531).
    pub is_utf8: bool,
    /// When it was accepted, in Unix seconds.
    pub arrived: i64,
    /// Who logged in to submit it.
    pub submitter: Option<AccountId>,
    /// Whether it is a notice of ours about another message.
    pub is_notice: bool,
    /// What is to become of it in its sender's account; `None` when that has nothing to do with
    /// it.
    pub own: Option<OwnCopyRow>,
}

/// What becomes of a queued message in its sender's account: a copy among sent messages when it
/// leaves, a draft when it is taken back. Both are its body behind these header lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnCopyRow {
    /// The field `Bcc`, ended by CRLF; empty when there is none.
    pub bcc: Vec<u8>,
    /// Fields that only a draft has, each ended by CRLF.
    pub notes: Vec<u8>,
    /// The draft it was until now. It goes.
    pub draft: Option<(MailboxId, Uid)>,
    /// The message it answers or forwards, and how that is marked when this one leaves.
    pub origin: Option<(MailboxId, Uid, FlagSet)>,
    /// Whether a copy is put among sent messages.
    pub keeps_copy: bool,
    /// Whether its sender chose the time at which it leaves.
    pub is_scheduled: bool,
}

/// A recipient whose fate is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueRecipientRow {
    /// The address as the envelope spelled it.
    pub address: EmailAddress,
    /// RFC 3461 §4.1; `None` when the sender did not say.
    pub notify: Option<Notify>,
    /// RFC 3461 §4.2.
    pub original_recipient: Option<OriginalRecipient>,
    /// When it is tried next, in Unix seconds.
    pub next_attempt: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is due: acceptance, or the release that its sender asked for.
    pub due_since: i64,
    /// Whether an operator holds it back.
    pub is_held: bool,
    /// Whether the sender was told of the delay.
    pub delay_told: bool,
    /// What came of the last attempt.
    pub last: Option<AttemptRow>,
}

/// An event of the mail log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Its name: `received`, `sent`, `deferred` …
    pub event: String,
    /// What the log's line says about it, bounded by who writes it.
    pub fields: Vec<(String, String)>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// When, in Unix seconds.
    pub at: i64,
    /// The next hop as it was meant: a host's name, a domain.
    pub next_hop: String,
    /// Why it did not succeed, in our words.
    pub reason: String,
    /// RFC 3463.
    pub status: (u8, u16, u16),
    /// The remote server's reply, without control characters, bounded.
    pub reply: Option<String>,
}
