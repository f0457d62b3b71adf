//! Flags of many messages in few rows, so that flagging a whole mailbox is a small commit.

use std::collections::HashMap;
use std::sync::Arc;

use mail_store::tables::mail::{FlagBlock, FlagBlockRow, MessageFlags, MessageFlagsRow};
use mail_store::{Batch, Direction, Partition, Store};
use mail_types::{FlagSet, MailboxId, ModSeq, Uid, UidSet};

use crate::error::ServiceError;
use crate::snapshot::{Entry, Snapshot};

/// Messages of a block that must change for the block to be written rather than their rows.
const CHANGES_MIN: usize = 4;
/// Blocks read at once.
const PAGE_ROWS: usize = 256;

/// The blocks of a mailbox.
#[derive(Default)]
pub(crate) struct FlagBlocks(HashMap<Uid, (ModSeq, FlagSet)>);

impl FlagBlocks {
    fn add(&mut self, FlagBlockRow { sets, runs }: &FlagBlockRow) {
        for &(first, more, mod_seq, set) in runs {
            let Some(flags) = sets.get(usize::from(set)) else { continue };
            let last = first.get().saturating_add(more.into());
            for uid in (first.get()..=last).filter_map(Uid::new) {
                self.0.insert(uid, (mod_seq, flags.clone()));
            }
        }
    }

    /// Brings a message's own row up to date.
    pub(crate) fn apply(&self, uid: Uid, row: &mut MessageFlagsRow) {
        if let Some((mod_seq, flags)) = self.0.get(&uid)
            && *mod_seq > row.mod_seq
        {
            row.mod_seq = *mod_seq;
            row.flags = flags.clone();
        }
    }
}

/// Reads a mailbox's blocks.
pub(crate) async fn read(
    store: &Store,
    partition: Partition,
    mailbox: MailboxId,
) -> Result<FlagBlocks, ServiceError> {
    let mut blocks = FlagBlocks::default();
    let mut from = None;
    loop {
        let page = store.scan_prefix::<FlagBlock, _>(
            partition,
            &mailbox,
            from.as_ref(),
            PAGE_ROWS,
            Direction::Forward,
        );
        let page = page.await?;
        for (_, row) in page.rows {
            blocks.add(&row);
        }
        from = page.next;
        if from.is_none() {
            return Ok(blocks);
        }
    }
}

/// Writes changed flags: a block where many of its messages changed, single rows elsewhere.
/// `changed` is in UID order; `head` is the mailbox before.
pub(crate) fn write(batch: &mut Batch, head: &Snapshot, changed: &[Entry]) {
    for neighbours in changed.chunk_by(|a, b| number(a.uid) == number(b.uid)) {
        let number = number(neighbours[0].uid);
        if neighbours.len() >= CHANGES_MIN {
            let row = block(head, number, neighbours);
            batch.put::<FlagBlock>(&(head.mailbox, number), &row);
            continue;
        }
        for entry in neighbours {
            let row = MessageFlagsRow {
                flags: (*entry.flags).clone(),
                mod_seq: entry.mod_seq,
                document: entry.document,
                size: entry.size,
                internal_date: entry.internal_date,
            };
            batch.put::<MessageFlags>(&(head.mailbox, entry.uid), &row);
        }
    }
}

fn number(uid: Uid) -> u32 {
    uid.get() >> 8
}

/// The block with what is in the mailbox now and these changes.
fn block(head: &Snapshot, number: u32, changed: &[Entry]) -> FlagBlockRow {
    let uids = UidSet::range(number << 8, number << 8 | 0xff);
    let mut changed = changed.iter().peekable();
    let mut places: HashMap<*const FlagSet, u16> = HashMap::new();
    let mut row = FlagBlockRow::default();
    let mut last: Option<&Entry> = None;
    for held in head.select(&uids) {
        let entry = changed.next_if(|entry| entry.uid == held.uid).unwrap_or(held);
        let is_alike =
            |last: &Entry| last.mod_seq == entry.mod_seq && Arc::ptr_eq(&last.flags, &entry.flags);
        if let (Some(run), true) = (row.runs.last_mut(), last.is_some_and(is_alike)) {
            // Numbers between the two are of messages that are gone.
            run.1 = (entry.uid.get() - run.0.get()) as u8;
        } else {
            let place = *places.entry(Arc::as_ptr(&entry.flags)).or_insert_with(|| {
                row.sets.push((*entry.flags).clone());
                (row.sets.len() - 1) as u16
            });
            row.runs.push((entry.uid, 0, entry.mod_seq, place));
        }
        last = Some(entry);
    }
    row
}
