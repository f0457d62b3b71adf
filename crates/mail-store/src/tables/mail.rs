//! Rows of an account partition: its mailboxes and their messages (table numbers 1 to 63).
//!
//! What never changes about a message, its flags, its header section and its structure are four
//! rows under the same `(mailbox, uid)`, so that a list reads only what it shows, in UID order.

use mail_types::{
    AccountId, Authentication, BlobHash, DocumentId, EmailAddress, EmailId, FlagSet, InternalDate,
    Keyword, MailboxId, MailboxName, ModSeq, QueueId, ReversePath, SpecialUse, ThreadId, Uid,
    UidSet, UidValidity,
};
use serde::{Deserialize, Serialize};

use crate::BodyRef;
use crate::table::Table;

macro_rules! table {
    ($(#[$doc:meta])* $name:ident = $id:literal, $key:ty => $value:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl Table for $name {
            const ID: u8 = $id;
            const NAME: &'static str = stringify!($name);
            const VERSION: u8 = 1;
            type Key = $key;
            type Value = $value;
        }
    };
}
pub(crate) use table;

table!(/// One row: the account's counters.
    Account = 1, () => AccountRow);
table!(/// A mailbox's name and nature.
    Mailbox = 2, MailboxId => MailboxRow);
table!(/// A mailbox's counters, which change with every message.
    MailboxCounters = 3, MailboxId => MailboxCountersRow);
table!(/// What never changes about a message in a mailbox.
    Message = 4, (MailboxId, Uid) => MessageRow);
table!(/// What does change, and what lists and searches ask for most. A message is in its mailbox as
    /// long as it has this row.
    MessageFlags = 5, (MailboxId, Uid) => MessageFlagsRow);
table!(/// The raw header section as FETCH returns it, prefix included, empty line included.
    MessageHeader = 6, (MailboxId, Uid) => Prepared);
table!(/// `StructureRow` in postcard: part tree, ENVELOPE, BODY and BODYSTRUCTURE.
    MessageStructure = 7, (MailboxId, Uid) => StructureStored);
table!(/// UIDs that left a mailbox at this mod-sequence.
    Expunged = 8, (MailboxId, ModSeq) => UidSet);
table!(/// Which messages refer to a body; what the collector asks.
    BodyUse = 9, (BlobHash, MailboxId, Uid) => ());
table!(/// First 16 bytes of the hash of a Message-ID -> the conversation it belongs to.
    Thread = 10, Vec<u8> => ThreadId);
table!(/// Mailboxes that are deleted and whose messages are still being removed.
    Doomed = 12, MailboxId => ());
table!(/// Copies that a COPY of several commits has made so far, by the first of them. Found at a
/// start, they are taken away again: a COPY is done whole or not at all.
    CopyUnderWay = 13, (MailboxId, Uid) => UidSet);
table!(/// Flags of up to 256 neighbours, written by a STORE that changes many of them: UIDs whose
    /// upper 24 bits are the key's. Of this and a message's own row, the one with the higher
    /// mod-sequence counts. May name messages that are gone.
    FlagBlock = 15, (MailboxId, u32) => FlagBlockRow);
table!(/// Messages of this account that wait in the queue: for the time they were given, or for their
    /// sender to think better of it.
    Outbox = 16, QueueId => OutboxRow);
table!(/// What was decided about a queued message of this account, once and for all. It goes after the
    /// message has left the queue.
    OutboxFate = 17, QueueId => OutboxFateRow);
table!(/// Queued messages that were delivered here and may still be in the queue: what came of a
    /// delivery is kept by another commit, and a crash between the two must not deliver again.
    QueueDelivery = 18, QueueId => ());
table!(/// Names that are subscribed and have no mailbox any more (RFC 9051 §6.3.7).
    LostSubscription = 14, String => ());

/// The account's counters. Never go back; a restore moves them forward.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The next mailbox's number.
    pub next_mailbox: u32,
    /// The next mailbox's UIDVALIDITY.
    pub next_uid_validity: u32,
    /// The next e-mail's number.
    pub next_email: u64,
    /// The next document's number in the full-text index.
    pub next_document: u32,
    /// Sum of the sizes of all messages in all mailboxes.
    pub bytes_used: u64,
    /// How many messages there are in all mailboxes.
    pub messages: u64,
}

/// A mailbox's name and nature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailboxRow {
    /// Its name; unique within the account.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Never changes for this mailbox.
    pub uid_validity: UidValidity,
    /// Whether LSUB lists it.
    pub subscribed: bool,
    /// RFC 9051 §7.3.1 `\Noselect`: the name of a deleted mailbox that still has inferiors.
    pub no_select: bool,
    /// Keywords that were used in it, sorted; some may be in use no longer.
    pub keywords: Vec<Keyword>,
}

/// A mailbox's counters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailboxCountersRow {
    /// The UID the next message gets.
    pub uid_next: u64,
    /// RFC 7162 §3.1.2.1.
    pub highest_mod_seq: ModSeq,
    /// How many messages there are.
    pub messages: u32,
    /// How many of them are not `\Seen`.
    pub unseen: u32,
    /// How many of them are `\Deleted`.
    pub deleted: u32,
    /// Sum of their sizes.
    pub bytes: u64,
    /// The expunge log is complete for everything after this.
    pub expunged_since: ModSeq,
}

/// What never changes about a message in a mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// RFC 8474; COPY keeps it.
    pub email_id: EmailId,
    /// RFC 8474.
    pub thread_id: ThreadId,
    /// Its number in the full-text index; COPY keeps it.
    pub document: DocumentId,
    /// The body as it was received.
    pub body: BodyRef,
    /// What Facteur put in front of it (`Return-Path`, `Received` …), CRLF-ended header lines.
    pub prefix: Vec<u8>,
    /// Length of the header section including the prefix and the empty line.
    pub header_size: u32,
    /// RFC 9051 §2.3.3.
    pub internal_date: InternalDate,
    /// RFC 8514 SAVEDATE: Unix seconds at which it came into this mailbox.
    pub save_date: i64,
    /// Envelope sender; `None` for APPEND.
    pub reverse_path: Option<ReversePath>,
    /// The recipient as the envelope spelled it; `None` for APPEND.
    pub original_recipient: Option<EmailAddress>,
    /// Who logged in to submit it.
    pub submitter: Option<AccountId>,
    /// The acceptance it came by.
    pub queue_id: Option<QueueId>,
    /// What was found out about its sender; `None` when nobody looked: APPEND, submission, LMTP.
    pub authentication: Option<Authentication>,
    /// Bodies that hold its header section or structure, when those are too large for a row.
    pub spilled: Vec<BodyRef>,
    /// What SORT, THREAD and the webmail's list read.
    pub summary: Summary,
}

impl MessageRow {
    /// RFC822.SIZE: prefix and body.
    pub fn size(&self) -> u64 {
        self.prefix.len() as u64 + self.body.size
    }
}

/// What lists show and sort by, decoded once at delivery. Strings are cut to a bounded length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Decoded `Subject`.
    pub subject: String,
    /// RFC 5256 §2.1 base subject.
    pub base_subject: String,
    /// Whether the base subject was cut out of a reply or forward (RFC 5256 §2.1).
    pub is_reply: bool,
    /// `Date` as Unix seconds; `None` when missing or unreadable.
    pub date: Option<i64>,
    /// First `From` mailbox: display name and address.
    pub from: Option<(String, String)>,
    /// `To` mailboxes, at most 8 kept.
    pub to: Vec<(String, String)>,
    /// `Cc` mailboxes, at most 8 kept.
    pub cc: Vec<(String, String)>,
    /// `Message-ID` without angle brackets.
    pub message_id: Option<String>,
    /// `References`, or else the first id of `In-Reply-To`; at most 64 kept, the last ones.
    pub references: Vec<String>,
    /// One line of text for lists, at most 200 characters.
    pub preview: String,
    /// Whether a part would be offered for download.
    pub has_attachment: bool,
}

/// What does change about a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageFlagsRow {
    /// System flags and keywords.
    pub flags: FlagSet,
    /// When they last changed.
    pub mod_seq: ModSeq,
    /// As in the message row, so that opening a mailbox reads this table alone.
    pub document: DocumentId,
    /// The same.
    pub size: u64,
    /// The same.
    pub internal_date: InternalDate,
}

/// A message that waits in the queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Whether its sender chose the time at which it leaves.
    pub is_scheduled: bool,
    /// `Message-ID` without angle brackets.
    pub message_id: Option<String>,
}

/// What was decided about a queued message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutboxFateRow {
    /// It may be delivered from now on; its sender's copy is among sent messages.
    Leaving,
    /// It is a draft again and is never delivered.
    TakenBack,
}

/// Flags of neighbouring messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlagBlockRow {
    /// Each set once.
    pub sets: Vec<FlagSet>,
    /// Neighbours that are alike: the first UID, how many follow it, the mod-sequence of their
    /// flags, and which of the sets these are.
    pub runs: Vec<(Uid, u8, ModSeq, u16)>,
}

/// Bytes made ready at delivery: in the row, or in a body of their own when over 48 KiB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Prepared {
    /// In the row.
    Inline(Vec<u8>),
    /// In a body of its own, whose use is recorded under the same message.
    Spilled(BodyRef),
    /// These bytes and then those: the header section of a message whose own part of it is too
    /// large is its prefix and the beginning of its body.
    Behind(Vec<u8>, BodyRef),
}

/// A message's structure. What is the same for all recipients is encoded once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StructureStored {
    /// Length of the prefix, which is not part of what is encoded.
    pub prefix_bytes: u64,
    /// The structure without prefix.
    pub structure: Prepared,
}
