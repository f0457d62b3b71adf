//! EXPUNGE, and the log of what left a mailbox and when (RFC 7162 §3.2.7).

use std::collections::BTreeMap;
use std::sync::Arc;

use mail_store::tables::index::IndexQueue;
use mail_store::tables::mail::{BodyUse, Expunged, Message, MessageFlags, MessageRow};
use mail_store::{Batch, Direction, TypedPage};
use mail_types::{Actor, MailboxId, ModSeq, Uid, UidSet};

use crate::account::{Cell, Change};
use crate::copy_move::is_unindexed;
use crate::error::ServiceError;
use crate::insert;
use crate::load;
use crate::message::OpenMailbox;
use crate::service::{MailService, Right};
use crate::snapshot::Entry;
use crate::state::State;

/// Messages expunged by one commit; a larger EXPUNGE takes several, each consistent in itself.
const MESSAGES_PER_COMMIT: usize = 2000;
/// Rows that an expunge log keeps; a client that was away for longer compares all UIDs.
const LOG_ROWS_MAX: u32 = 10_000;
/// Rows that it loses at once when it has more.
const LOG_ROWS_DROPPED: usize = 1000;
/// Copies looked at to find one that is to be indexed in place of an expunged one.
const COPIES_EXAMINED_MAX: usize = 100;

impl MailService {
    /// Removes the messages that are `\Deleted` (of these UIDs, if given). Durable on return.
    pub async fn expunge(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: Option<&UidSet>,
    ) -> Result<UidSet, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Write).await?;
        let head = cell.lock().await?.head(mailbox.id())?;
        let wanted = |uid: Uid| uids.is_none_or(|uids| uids.contains(uid.get()));
        let doomed: Vec<Uid> = head
            .iter()
            .filter(|entry| entry.flags.is_deleted() && wanted(entry.uid))
            .map(|entry| entry.uid)
            .collect();
        // Another session may clear \Deleted before a commit gets to a message.
        remove(&cell, mailbox.id(), &doomed, |entry| entry.flags.is_deleted()).await
    }
}

/// Removes these messages whatever their flags say.
pub(crate) async fn remove_all(
    cell: &Arc<Cell>,
    mailbox: MailboxId,
    uids: &UidSet,
) -> Result<(), ServiceError> {
    let mut state = cell.lock().await?;
    if !state.mailboxes.contains_key(&mailbox) {
        return Ok(());
    }
    let view = load::open(cell, &mut state, mailbox).await?;
    let present: Vec<Uid> = state.head(mailbox)?.select(uids).map(|entry| entry.uid).collect();
    drop(state);
    remove(cell, mailbox, &present, |_| true).await?;
    drop(view);
    Ok(())
}

async fn remove(
    cell: &Arc<Cell>,
    mailbox: MailboxId,
    uids: &[Uid],
    is_doomed: impl Fn(&Entry) -> bool,
) -> Result<UidSet, ServiceError> {
    let mut expunged = UidSet::new();
    for part in uids.chunks(MESSAGES_PER_COMMIT) {
        let rows = read(cell, mailbox, part).await?;
        let queued = index_queue(cell, mailbox, &rows).await?;
        let log = Log::new(cell, mailbox).await?;
        let gone = cell
            .commit(|state, change| {
                let gone = remove_rows(state, change, mailbox, &rows, &queued, &is_doomed)?;
                log.write(state, change, gone.iter().copied());
                Ok(gone)
            })
            .await?;
        release_all(cell, &rows, &gone);
        gone.iter().for_each(|uid| expunged.insert(uid.get()));
    }
    Ok(expunged)
}

/// Takes those of these messages that are still there and doomed out of their mailbox; the caller
/// logs what is returned.
pub(crate) fn remove_rows(
    state: &State,
    change: &mut Change,
    mailbox: MailboxId,
    rows: &BTreeMap<Uid, MessageRow>,
    queued: &BTreeMap<Uid, Option<(MailboxId, Uid)>>,
    is_doomed: impl Fn(&Entry) -> bool,
) -> Result<Vec<Uid>, ServiceError> {
    let head = state.head(mailbox)?;
    let mut gone = Vec::new();
    for (&uid, row) in rows {
        let Some(entry) = head.get(uid).filter(|entry| is_doomed(entry)) else { continue };
        insert::remove(state, change, mailbox, uid, row, &entry.flags);
        if let Some(place) = queued.get(&uid) {
            requeue(&mut change.batch, row, *place);
        }
        gone.push(uid);
    }
    Ok(gone)
}

/// Tells the collector of the bodies of messages that are gone.
pub(crate) fn release_all(cell: &Cell, rows: &BTreeMap<Uid, MessageRow>, gone: &[Uid]) {
    gone.iter().filter_map(|uid| rows.get(uid)).for_each(|row| release(cell, row));
}

/// Tells the collector that a message's bodies may be nobody's now.
pub(crate) fn release(cell: &Cell, row: &MessageRow) {
    cell.store.body_released(row.body.hash);
    row.spilled.iter().for_each(|body| cell.store.body_released(body.hash));
}

/// The records of these messages.
pub(crate) async fn read(
    cell: &Cell,
    mailbox: MailboxId,
    uids: &[Uid],
) -> Result<BTreeMap<Uid, MessageRow>, ServiceError> {
    let mut rows = BTreeMap::new();
    for &uid in uids {
        if let Some(row) = cell.store.get::<Message>(cell.partition(), &(mailbox, uid)).await? {
            rows.insert(uid, row);
        }
    }
    Ok(rows)
}

/// For messages that the indexer has not come to: where it finds the same document when they are
/// gone, if there is another copy of it.
pub(crate) async fn index_queue(
    cell: &Cell,
    mailbox: MailboxId,
    rows: &BTreeMap<Uid, MessageRow>,
) -> Result<BTreeMap<Uid, Option<(MailboxId, Uid)>>, ServiceError> {
    let mut queued = BTreeMap::new();
    for (&uid, row) in rows {
        if !is_unindexed(&cell.store, cell.id, (mailbox, uid), row.document).await? {
            continue;
        }
        let (partition, hash) = (cell.partition(), row.body.hash);
        let copies = cell.store.scan_prefix::<BodyUse, _>(
            partition,
            &hash,
            None,
            COPIES_EXAMINED_MAX,
            Direction::Forward,
        );
        let mut other = None;
        for ((_, at, copy), ()) in copies.await?.rows {
            let goes = at == mailbox && rows.contains_key(&copy);
            let flags = cell.store.get::<MessageFlags>(partition, &(at, copy)).await?;
            if !goes && flags.is_some_and(|flags| flags.document == row.document) {
                other = Some((at, copy));
                break;
            }
        }
        queued.insert(uid, other);
    }
    Ok(queued)
}

/// Lets the index queue follow messages that are removed without a change to the account.
pub(crate) async fn follow_index_queue(
    cell: &Cell,
    mailbox: MailboxId,
    rows: &BTreeMap<Uid, MessageRow>,
    batch: &mut Batch,
) -> Result<(), ServiceError> {
    for (uid, place) in index_queue(cell, mailbox, rows).await? {
        if let Some(row) = rows.get(&uid) {
            requeue(batch, row, place);
        }
    }
    Ok(())
}

fn requeue(batch: &mut Batch, row: &MessageRow, place: Option<(MailboxId, Uid)>) {
    match place {
        Some(place) => batch.put::<IndexQueue>(&row.document, &place),
        None => batch.delete::<IndexQueue>(&row.document),
    }
}

/// A mailbox's expunge log: what the next row does to it.
pub(crate) struct Log {
    mailbox: MailboxId,
    rows: u32,
    /// The log is cut so that it begins with this row.
    cut: Option<ModSeq>,
    /// The newest row that is cut off.
    complete_after: ModSeq,
}

impl Log {
    /// Looks at the log before the lock is taken.
    pub(crate) async fn new(cell: &Cell, mailbox: MailboxId) -> Result<Self, ServiceError> {
        let known = cell.lock().await?.expunge_rows.get(&mailbox).copied();
        let rows = match known {
            Some(rows) => rows,
            None => oldest_rows(cell, mailbox, LOG_ROWS_MAX as usize).await?.rows.len() as u32,
        };
        let mut log = Self { mailbox, rows, cut: None, complete_after: ModSeq(0) };
        if rows >= LOG_ROWS_MAX {
            let oldest = oldest_rows(cell, mailbox, LOG_ROWS_DROPPED).await?;
            if let (Some((_, next)), Some(((_, last), _))) = (oldest.next, oldest.rows.last()) {
                log.cut = Some(next);
                log.complete_after = *last;
                log.rows = rows.saturating_sub(oldest.rows.len() as u32);
            }
        }
        Ok(log)
    }

    /// Writes that these UIDs are gone with this commit.
    pub(crate) fn write(
        &self,
        state: &mut State,
        change: &mut Change,
        gone: impl Iterator<Item = Uid>,
    ) {
        let gone: UidSet = gone.map(Uid::get).collect();
        if gone.is_empty() {
            return;
        }
        let mod_seq = change.mod_seq;
        change.batch.put::<Expunged>(&(self.mailbox, mod_seq), &gone);
        if let Some(cut) = self.cut {
            change.batch.delete_range::<Expunged>(&(self.mailbox, ModSeq(0))..&(self.mailbox, cut));
            if let Some(mailbox) = change.mailbox(state, self.mailbox) {
                let since = &mut mailbox.counters.expunged_since;
                *since = (*since).max(self.complete_after);
            }
        }
        state.expunge_rows.insert(self.mailbox, self.rows.saturating_add(1));
    }
}

async fn oldest_rows(
    cell: &Cell,
    mailbox: MailboxId,
    limit: usize,
) -> Result<TypedPage<Expunged>, ServiceError> {
    let (partition, forward) = (cell.partition(), Direction::Forward);
    Ok(cell.store.scan_prefix::<Expunged, _>(partition, &mailbox, None, limit, forward).await?)
}
