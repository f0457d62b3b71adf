//! What a session sees of a mailbox: one immutable picture, shared by all of its sessions.

use std::sync::Arc;

use mail_types::{DocumentId, FlagSet, InternalDate, MailboxId, ModSeq, Uid, UidSet, UidValidity};

/// Messages in one chunk: what a single change copies.
const CHUNK_LEN: usize = 256;

/// One message in a snapshot: what FETCH FAST, SEARCH by flag, size or date and sequence numbers
/// need.
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
    /// RFC822.SIZE.
    pub size: u64,
    /// INTERNALDATE.
    pub internal_date: InternalDate,
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
    /// Its HIGHESTMODSEQ; rises with every change.
    pub highest_mod_seq: ModSeq,
    chunks: Vec<Arc<Vec<Entry>>>,
    /// Of each chunk the first UID, and how many entries lie before it.
    starts: Vec<(Uid, usize)>,
    len: usize,
}

/// What happened between two snapshots of a mailbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes<'a> {
    /// UIDs that are gone.
    pub expunged: UidSet,
    /// Messages that came, in UID order.
    pub arrived: Vec<&'a Entry>,
    /// Messages present in both whose flags changed, as they were and as they are.
    pub flags: Vec<(&'a Entry, &'a Entry)>,
}

/// What one commit does to a mailbox. Applying it twice is applying it once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delta {
    /// Messages that came or whose flags changed, in UID order.
    pub(crate) entries: Vec<Entry>,
    /// Messages that are gone.
    pub(crate) expunged: UidSet,
}

impl Delta {
    /// Whether it does nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.expunged.is_empty()
    }
}

impl Snapshot {
    /// A mailbox with these messages, in UID order.
    pub(crate) fn new(
        mailbox: MailboxId,
        uid_validity: UidValidity,
        uid_next: u64,
        highest_mod_seq: ModSeq,
        entries: Vec<Entry>,
    ) -> Self {
        let chunks = entries.chunks(CHUNK_LEN).map(|chunk| Arc::new(chunk.to_vec())).collect();
        let mut snapshot = Self {
            mailbox,
            uid_validity,
            uid_next,
            highest_mod_seq,
            chunks,
            starts: Vec::new(),
            len: 0,
        };
        snapshot.count();
        snapshot
    }

    /// This mailbox after a commit.
    pub(crate) fn after(&self, delta: &Delta, uid_next: u64, mod_seq: ModSeq) -> Self {
        let mut next = self.clone();
        next.uid_next = uid_next;
        next.highest_mod_seq = mod_seq;
        let last = self.chunks.last().and_then(|chunk| chunk.last()).map(|entry| entry.uid);
        let known = delta.entries.partition_point(|entry| Some(entry.uid) <= last);
        next.replace(&delta.entries[..known]);
        next.remove(&delta.expunged);
        next.append(&delta.entries[known..], &delta.expunged);
        next.count();
        next
    }

    /// This mailbox without messages that came before, in Unix seconds.
    pub(crate) fn since(&self, before: i64) -> Self {
        let entries = self.iter().filter(|entry| entry.internal_date.unix_seconds() >= before);
        let (validity, next) = (self.uid_validity, self.uid_next);
        let entries = entries.cloned().collect();
        Self::new(self.mailbox, validity, next, self.highest_mod_seq, entries)
    }

    fn replace(&mut self, entries: &[Entry]) {
        let mut entries = entries.iter().peekable();
        while let Some(first) = entries.peek() {
            let number = self.chunk_of(first.uid);
            let next = self.starts.get(number + 1).map(|start| start.0);
            let mut here = std::iter::from_fn(|| {
                entries.next_if(|entry| next.is_none_or(|uid| entry.uid < uid))
            })
            .peekable();
            // What is not held was expunged meanwhile; what is older than what is held is applied
            // again.
            let newer = |held: &Entry| {
                while here.next_if(|entry| entry.uid < held.uid).is_some() {}
                let entry = here.next_if(|entry| entry.uid == held.uid);
                entry.filter(|entry| entry.mod_seq > held.mod_seq).unwrap_or(held).clone()
            };
            if let Some(shared) = self.chunks.get_mut(number) {
                *shared = Arc::new(shared.iter().map(newer).collect());
            }
            for _ in here {}
        }
    }

    fn remove(&mut self, uids: &UidSet) {
        if uids.is_empty() {
            return;
        }
        let first = uids.ranges().first().map_or(1, |range| range.0);
        let start = Uid::new(first).map_or(0, |uid| self.chunk_of(uid));
        for shared in self.chunks.iter_mut().skip(start) {
            if shared.iter().any(|entry| uids.contains(entry.uid.get())) {
                Arc::make_mut(shared).retain(|entry| !uids.contains(entry.uid.get()));
            }
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
    }

    fn append(&mut self, entries: &[Entry], gone: &UidSet) {
        for entry in entries.iter().filter(|entry| !gone.contains(entry.uid.get())) {
            match self.chunks.last_mut() {
                Some(last) if last.len() < CHUNK_LEN => Arc::make_mut(last).push(entry.clone()),
                _ => self.chunks.push(Arc::new(vec![entry.clone()])),
            }
        }
    }

    fn count(&mut self) {
        self.len = 0;
        self.starts.clear();
        for chunk in &self.chunks {
            self.starts.extend(chunk.first().map(|first| (first.uid, self.len)));
            self.len += chunk.len();
        }
    }

    /// The chunk that holds the UID if any does.
    fn chunk_of(&self, uid: Uid) -> usize {
        self.starts.partition_point(|start| start.0 <= uid).saturating_sub(1)
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The message at this place, counted from 0.
    pub fn at(&self, index: usize) -> Option<&Entry> {
        let number = self.starts.partition_point(|start| start.1 <= index).checked_sub(1)?;
        self.chunks[number].get(index - self.starts[number].1)
    }

    /// The message with this UID.
    pub fn get(&self, uid: Uid) -> Option<&Entry> {
        self.position(uid).and_then(|index| self.at(index))
    }

    /// The place of this UID, counted from 0.
    pub fn position(&self, uid: Uid) -> Option<usize> {
        let number = self.chunk_of(uid);
        let chunk = self.chunks.get(number)?;
        let place = chunk.binary_search_by_key(&uid, |entry| entry.uid).ok()?;
        Some(self.starts[number].1 + place)
    }

    /// All messages in UID order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The messages whose UIDs are in the set, in UID order; costs what is there, not what the
    /// set spells.
    pub fn select<'a>(&'a self, uids: &'a UidSet) -> impl Iterator<Item = &'a Entry> {
        let first = uids.ranges().first().map_or(u32::MAX, |range| range.0);
        let last = uids.ranges().last().map_or(0, |range| range.1);
        let start = Uid::new(first.max(1)).map_or(0, |uid| self.chunk_of(uid));
        let chunks = self.chunks.get(start..).unwrap_or_default();
        let mut ranges = uids.ranges().iter().peekable();
        chunks
            .iter()
            .take_while(move |chunk| chunk.first().is_some_and(|entry| entry.uid.get() <= last))
            .flat_map(|chunk| chunk.iter())
            .filter(move |entry| {
                let uid = entry.uid.get();
                while ranges.next_if(|range| range.1 < uid).is_some() {}
                ranges.peek().is_some_and(|range| range.0 <= uid)
            })
    }

    /// What happened since an older snapshot of the same mailbox. Shared chunks are skipped.
    pub fn changes_since<'a>(&'a self, older: &'a Snapshot) -> Changes<'a> {
        let mut changes = Changes::default();
        let mut old = older.unshared_entries(self).peekable();
        let mut new = self.unshared_entries(older).peekable();
        loop {
            match (old.peek(), new.peek()) {
                (Some(before), Some(now)) if before.uid == now.uid => {
                    if before.mod_seq != now.mod_seq {
                        changes.flags.push((before, now));
                    }
                    old.next();
                    new.next();
                }
                (Some(before), Some(now)) if before.uid < now.uid => {
                    changes.expunged.insert(before.uid.get());
                    old.next();
                }
                (Some(before), None) => {
                    changes.expunged.insert(before.uid.get());
                    old.next();
                }
                (_, Some(now)) => {
                    changes.arrived.push(now);
                    new.next();
                }
                (None, None) => return changes,
            }
        }
    }

    /// Entries of the chunks that the other snapshot does not share. Sharing is found by the
    /// first UID, because chunks before it may have vanished.
    fn unshared_entries<'a>(&'a self, other: &'a Snapshot) -> impl Iterator<Item = &'a Entry> {
        let shared = |chunk: &&Arc<Vec<Entry>>| {
            let first = chunk.first().map(|entry| entry.uid);
            let twin = first.and_then(|uid| other.chunks.get(other.chunk_of(uid)));
            !twin.is_some_and(|twin| Arc::ptr_eq(twin, chunk))
        };
        self.chunks.iter().filter(shared).flat_map(|chunk| chunk.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn entry(uid: u32, mod_seq: u64) -> Entry {
        Entry {
            uid: Uid::new(uid).unwrap(),
            document: DocumentId(uid),
            mod_seq: ModSeq(mod_seq),
            flags: Arc::default(),
            size: 1,
            internal_date: InternalDate::new(0, 0).unwrap(),
        }
    }

    fn empty() -> Snapshot {
        let validity = UidValidity(std::num::NonZeroU32::MIN);
        Snapshot::new(MailboxId(1), validity, 1, ModSeq(0), Vec::new())
    }

    proptest! {
        #[test]
        fn a_snapshot_behaves_like_a_map(steps in proptest::collection::vec((0u8..3, 1u32..900, 1u32..400), 1..30)) {
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            let mut snapshot = empty();
            let mut next = 1u32;
            for (mod_seq, (kind, a, b)) in steps.into_iter().enumerate() {
                let mod_seq = mod_seq as u64 + 1;
                let older = (snapshot.clone(), model.clone());
                let mut delta = Delta::default();
                match kind {
                    0 => {
                        delta.entries = (next..next + b).map(|uid| entry(uid, mod_seq)).collect();
                        model.extend((next..next + b).map(|uid| (uid, mod_seq)));
                        next += b;
                    }
                    1 => {
                        let touched: Vec<_> = model.range(a..a + b).map(|(&uid, _)| uid).collect();
                        delta.entries = touched.iter().map(|&uid| entry(uid, mod_seq)).collect();
                        model.extend(touched.iter().map(|&uid| (uid, mod_seq)));
                    }
                    _ => {
                        delta.expunged = UidSet::range(a, a + b);
                        model.retain(|uid, _| !delta.expunged.contains(*uid));
                    }
                }
                snapshot = snapshot.after(&delta, u64::from(next), ModSeq(mod_seq));
                let again = snapshot.after(&delta, u64::from(next), ModSeq(mod_seq));
                prop_assert!(again.iter().eq(snapshot.iter()), "applied twice is applied once");
                let shown: Vec<_> = snapshot.iter().map(|e| (e.uid.get(), e.mod_seq.0)).collect();
                prop_assert_eq!(&shown, &model.iter().map(|(&u, &m)| (u, m)).collect::<Vec<_>>());
                prop_assert_eq!(snapshot.len(), model.len());
                for (index, (uid, _)) in shown.iter().enumerate() {
                    prop_assert_eq!(snapshot.position(Uid::new(*uid).unwrap()), Some(index));
                    prop_assert_eq!(snapshot.at(index).map(|e| e.uid.get()), Some(*uid));
                }
                let set = UidSet::range(a, a + b);
                let selected: Vec<_> = snapshot.select(&set).map(|e| e.uid.get()).collect();
                prop_assert_eq!(selected, model.range(a..=a + b).map(|(&u, _)| u).collect::<Vec<_>>());
                let changes = snapshot.changes_since(&older.0);
                let gone: UidSet = older.1.keys().filter(|u| !model.contains_key(u)).copied().collect();
                prop_assert_eq!(changes.expunged, gone);
                let came: Vec<_> = model.keys().filter(|u| !older.1.contains_key(u)).copied().collect();
                prop_assert_eq!(changes.arrived.iter().map(|e| e.uid.get()).collect::<Vec<_>>(), came);
                let flagged: Vec<_> = model.iter().filter_map(|(&u, &m)| {
                    older.1.get(&u).filter(|&&o| o != m).map(|&o| (u, o, m))
                }).collect();
                let told = changes.flags.iter().map(|(before, now)| (now.uid.get(), before.mod_seq.0, now.mod_seq.0));
                prop_assert_eq!(told.collect::<Vec<_>>(), flagged);
            }
        }
    }
}
