//! What a session sees of a mailbox: one immutable picture, shared by all of its sessions.

use std::sync::Arc;

use mail_types::{DocumentId, FlagSet, MailboxId, ModSeq, Uid, UidSet, UidValidity};

/// One message in a snapshot: what FETCH FLAGS, SEARCH by flag and sequence numbers need.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its UID.
    pub uid: Uid,
    /// Its number in the full-text index.
    pub document: DocumentId,
    /// When its flags last changed.
    pub mod_seq: ModSeq,
    /// Its flags; equal sets share one allocation.
    pub flags: Arc<FlagSet>,
}

/// A mailbox at one version. Entries are in UID order, in shared chunks, so that a change copies
/// one chunk and the list of chunks.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Its UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The UID the next message gets; above 2³²−1 when all are used.
    pub uid_next: u64,
    /// Its HIGHESTMODSEQ.
    pub highest_mod_seq: ModSeq,
}

/// What happened between two snapshots of a mailbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// UIDs that are gone.
    pub expunged: UidSet,
    /// UIDs that came, rising.
    pub arrived: Vec<Uid>,
    /// UIDs present in both whose flags changed.
    pub flags: Vec<Uid>,
}

impl Snapshot {
    /// How many messages there are.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message at this place, counted from 0.
    pub fn at(&self, _index: usize) -> Option<&Entry> {
        todo!()
    }

    /// The message with this UID.
    pub fn get(&self, _uid: Uid) -> Option<&Entry> {
        todo!()
    }

    /// The place of this UID, counted from 0.
    pub fn position(&self, _uid: Uid) -> Option<usize> {
        todo!()
    }

    /// All messages in UID order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        [].iter()
    }

    /// The messages whose UIDs are in the set, in UID order; costs what is there, not what the
    /// set spells.
    pub fn select<'a>(&'a self, _uids: &'a UidSet) -> impl Iterator<Item = &'a Entry> {
        [].iter()
    }

    /// What happened since an older snapshot of the same mailbox. Shared chunks are skipped.
    pub fn changes_since(&self, _older: &Snapshot) -> Changes {
        todo!()
    }
}
