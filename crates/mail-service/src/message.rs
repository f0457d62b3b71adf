//! Messages of an open mailbox, read. Nothing here parses a message.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use mail_message::structure::StructureRow;
use mail_store::tables::mail::{
    Message, MessageHeader, MessageRow, MessageStructure, Prepared, StructureStored,
};
use mail_store::{BlobStore, BodyRef, Store, StoreError, Table};
use mail_types::{AccountId, Actor, MailboxId, ModSeq, Uid, UidSet, UidValidity};

use crate::account::{Cell, View};
use crate::error::ServiceError;
use crate::service::{MailService, Right};
use crate::snapshot::Snapshot;

/// The most that is read at once of a header section or a structure.
const PREPARED_BYTES_MAX: u64 = 16 << 20;

/// Messages from which on their rows are scanned.
const SCAN_MIN: usize = 4;

/// A session's hold on a mailbox. Cheap to clone; the mailbox may change name or be deleted.
#[derive(Clone)]
pub struct OpenMailbox {
    /// Held, so that the account stays in memory while a session has a mailbox open.
    cell: Arc<Cell>,
    id: MailboxId,
    view: Arc<View>,
    /// Messages that came before, in Unix seconds, are not there for this session.
    closed_before: Option<i64>,
}

impl OpenMailbox {
    pub(crate) fn new(cell: Arc<Cell>, id: MailboxId, view: Arc<View>) -> Self {
        Self { cell, id, view, closed_before: None }
    }

    /// Closes what came before: everything that is read through this goes by its snapshot.
    pub(crate) fn without_before(self, closed_before: Option<i64>) -> Self {
        Self { closed_before, ..self }
    }

    /// Whose it is.
    pub fn owner(&self) -> AccountId {
        self.cell.id
    }

    /// Its number.
    pub fn id(&self) -> MailboxId {
        self.id
    }

    /// The newest synced snapshot; an empty one when the mailbox was deleted.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let current = self.view.borrow().clone();
        let current = current.unwrap_or_else(|| {
            let validity = UidValidity(std::num::NonZeroU32::MIN);
            Arc::new(Snapshot::new(self.id, validity, 1, ModSeq(0), Vec::new()))
        });
        self.open_part(current)
    }

    /// A snapshot without what is closed. Not kept: few accounts have any, for days at most.
    fn open_part(&self, whole: Arc<Snapshot>) -> Arc<Snapshot> {
        match self.closed_before {
            Some(before) => Arc::new(whole.since(before)),
            None => whole,
        }
    }

    /// Waits until the snapshot is another than `seen`. `None` when the mailbox was deleted.
    pub async fn changed(&self, seen: &Snapshot) -> Option<Arc<Snapshot>> {
        let mut receiver = self.view.subscribe();
        let is_new = |snapshot: &Option<Arc<Snapshot>>| {
            snapshot.as_ref().is_none_or(|now| now.highest_mod_seq != seen.highest_mod_seq)
        };
        let now = receiver.wait_for(is_new).await.ok()?.clone();
        now.map(|now| self.open_part(now))
    }
}

/// Where APPEND put a message (RFC 4315 APPENDUID).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The message's UID.
    pub uid: Uid,
}

/// Where COPY or MOVE put messages (RFC 4315 COPYUID).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The target's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// UIDs here and there, in the order in which they were assigned.
    pub pairs: Vec<(Uid, Uid)>,
}

/// RFC 9051 §6.4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// What STORE did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Messages whose flags are another now.
    pub changed: UidSet,
    /// Messages left alone because they changed after UNCHANGEDSINCE (RFC 7162 §3.1.3).
    pub modified: UidSet,
}

impl MailService {
    /// The records of up to `limit` of these messages in UID order. Messages expunged meanwhile
    /// are left out.
    pub async fn messages(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        limit: usize,
    ) -> Result<Vec<(Uid, MessageRow)>, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Read).await?;
        rows::<Message>(&cell, mailbox, uids, limit).await
    }

    /// The header sections (prefix included, empty line included) of up to `limit` of these
    /// messages in UID order.
    pub async fn headers(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        limit: usize,
    ) -> Result<Vec<(Uid, Bytes)>, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Read).await?;
        let mut found = Vec::new();
        for (uid, row) in rows::<MessageHeader>(&cell, mailbox, uids, limit).await? {
            found.push((uid, unspill(&cell.store, row).await?));
        }
        Ok(found)
    }

    /// The structures of up to `limit` of these messages in UID order.
    pub async fn structures(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        limit: usize,
    ) -> Result<Vec<(Uid, Arc<StructureRow>)>, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Read).await?;
        let mut found = Vec::new();
        for (uid, row) in rows::<MessageStructure>(&cell, mailbox, uids, limit).await? {
            let structure = structure(&cell.store, row, (mailbox.id, uid)).await?;
            found.push((uid, Arc::new(structure)));
        }
        Ok(found)
    }

    /// Bytes of a message (prefix and body are one run of bytes); at most
    /// [`BlobStore::READ_BYTES_MAX`] a call, clipped at the end.
    pub async fn read(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        message: &MessageRow,
        range: Range<u64>,
    ) -> Result<Bytes, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Read).await?;
        read_range(&cell.store, message, range).await
    }
}

/// Rows of up to `limit` of these messages in UID order: by one scan where they lie together, one
/// by one where a scan would read mostly others.
pub(crate) async fn rows<T: Table<Key = (MailboxId, Uid)>>(
    cell: &Cell,
    mailbox: &OpenMailbox,
    uids: &UidSet,
    limit: usize,
) -> Result<Vec<(Uid, T::Value)>, ServiceError> {
    let present = present(mailbox, uids, limit);
    let mut found = Vec::with_capacity(present.len());
    let (Some(first), Some(last)) = (present.first(), present.last()) else { return Ok(found) };
    let span = mailbox.snapshot().select(&UidSet::range(first.get(), last.get())).count();
    if present.len() < SCAN_MIN || span > present.len() * 2 {
        for uid in present {
            if let Some(row) = cell.store.get::<T>(cell.partition(), &(mailbox.id, uid)).await? {
                found.push((uid, row));
            }
        }
        return Ok(found);
    }
    let end = (mailbox.id, last.next().unwrap_or(*last));
    let mut wanted = present.iter().peekable();
    let mut start = Some((mailbox.id, *first));
    while let Some(from) = start {
        let page = cell.store.scan_range::<T>(cell.partition(), &from..&end, span.max(1)).await?;
        for ((_, uid), row) in page.rows {
            while wanted.next_if(|next| **next < uid).is_some() {}
            if wanted.next_if(|next| **next == uid).is_some() {
                found.push((uid, row));
            }
        }
        start = page.next;
    }
    // The last UID there can be is no range's inside.
    if last.next().is_none()
        && let Some(row) = cell.store.get::<T>(cell.partition(), &(mailbox.id, *last)).await?
    {
        found.push((*last, row));
    }
    Ok(found)
}

/// Which of these UIDs there are, up to the limit.
fn present(mailbox: &OpenMailbox, uids: &UidSet, limit: usize) -> Vec<Uid> {
    let snapshot = mailbox.snapshot();
    snapshot.select(uids).take(limit).map(|entry| entry.uid).collect()
}

/// Bytes of a message: prefix and body are one run of bytes.
pub(crate) async fn read_range(
    store: &Store,
    message: &MessageRow,
    range: Range<u64>,
) -> Result<Bytes, ServiceError> {
    let prefix = message.prefix.len() as u64;
    let end = range.end.min(message.size()).min(range.start.saturating_add(Store::READ_BYTES_MAX));
    if range.start >= end {
        return Ok(Bytes::new());
    }
    if range.start >= prefix {
        let body = range.start - prefix..end - prefix;
        return Ok(store.read_body(message.body, body).await?);
    }
    let from_prefix = &message.prefix[range.start as usize..end.min(prefix) as usize];
    let mut joined = BytesMut::from(from_prefix);
    if end > prefix {
        joined.extend_from_slice(&store.read_body(message.body, 0..end - prefix).await?);
    }
    Ok(joined.freeze())
}

/// A message's structure, decoded.
pub(crate) async fn structure(
    store: &Store,
    row: StructureStored,
    (mailbox, uid): (MailboxId, Uid),
) -> Result<StructureRow, ServiceError> {
    let bytes = unspill(store, row.structure).await?;
    let decoded = postcard::from_bytes(&bytes);
    let mut structure: StructureRow = decoded.map_err(|error| {
        ServiceError::Corrupt(StoreError::Corrupt {
            table: "MessageStructure",
            detail: format!("{mailbox} UID {uid}: {error}"),
        })
    })?;
    structure.prefix_bytes = row.prefix_bytes;
    Ok(structure)
}

/// Bytes made ready at delivery, wherever they are.
pub(crate) async fn unspill(store: &Store, row: Prepared) -> Result<Bytes, ServiceError> {
    match row {
        Prepared::Inline(bytes) => Ok(bytes.into()),
        Prepared::Spilled(body) => Ok(read_all(store, Vec::new(), body).await?),
        Prepared::Behind(bytes, body) => Ok(read_all(store, bytes, body).await?),
    }
}

/// These bytes, and behind them a body up to a bound: a header section may be as long as its
/// message, and whoever wants all of that reads it in ranges.
async fn read_all(store: &Store, before: Vec<u8>, body: BodyRef) -> Result<Bytes, StoreError> {
    let size = body.size.min(PREPARED_BYTES_MAX);
    let mut all = BytesMut::with_capacity(before.len() + size as usize);
    all.extend_from_slice(&before);
    let mut position = 0;
    while position < size {
        let piece = store.read_body(body, position..size).await?;
        if piece.is_empty() {
            break;
        }
        position += piece.len() as u64;
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
