//! RFC 9051 §6.4.4: which messages match.

use jiff::civil::Date;
use mail_types::{Actor, Flag, ModSeq, Uid, UidSet};

use crate::error::ServiceError;
use crate::message::OpenMailbox;
use crate::service::MailService;
use crate::snapshot::Snapshot;

/// What to look for, free of protocol syntax. Sequence numbers have become UIDs. The edge bounds
/// depth and size before it builds one.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchKey {
    /// ALL.
    All,
    /// The flag is set.
    Flag(Flag),
    /// The UID is in the set.
    Uid(UidSet),
    /// The internal date's day, in its stored offset, is before this.
    Before(Date),
    /// The internal date's day is this.
    On(Date),
    /// The internal date's day is this or later.
    Since(Date),
    /// The `Date` field's day is before this.
    SentBefore(Date),
    /// The `Date` field's day is this.
    SentOn(Date),
    /// The `Date` field's day is this or later.
    SentSince(Date),
    /// RFC822.SIZE is greater.
    Larger(u64),
    /// RFC822.SIZE is smaller.
    Smaller(u64),
    /// The field exists and contains the text (any value when empty). BCC, CC, FROM, SUBJECT and
    /// TO are this too.
    Header(String, String),
    /// The body contains the text.
    Body(String),
    /// The header or the body contains the text.
    Text(String),
    /// RFC 7162 MODSEQ.
    ModSeq(ModSeq),
    /// Does not match.
    Not(Box<SearchKey>),
    /// All match; none given matches everything.
    And(Vec<SearchKey>),
    /// At least one matches.
    Or(Vec<SearchKey>),
}

impl MailService {
    /// The UIDs of the snapshot's messages that match, rising. Substrings, without regard to case
    /// and accents, exact whether or not a message is indexed yet.
    pub async fn search(
        &self,
        _actor: Actor,
        _mailbox: &OpenMailbox,
        _snapshot: &Snapshot,
        _key: &SearchKey,
    ) -> Result<Vec<Uid>, ServiceError> {
        todo!()
    }
}
