//! Accounts and mailboxes read into memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;

use mail_store::tables::mail::{
    Account, AccountRow, CopyUnderWay, Doomed, LostSubscription, Mailbox, MailboxCounters,
    MailboxCountersRow, MailboxRow, MessageFlags, MessageFlagsRow,
};
use mail_store::{Direction, Store, StoreError, account_partition};
use mail_types::{AccountId, MailboxId, MailboxName, ModSeq, SpecialUse, UidValidity};

use crate::account::{Cell, Change, MailboxState, View};
use crate::error::ServiceError;
use crate::service::{MailService, MailboxNames};
use crate::snapshot::{Entry, Snapshot};
use crate::state::State;
use crate::{copy_move, flag_block, removal};

/// Rows read at once.
const PAGE_ROWS: usize = 4096;
/// How often an account is read again because it changed while it was read.
const LOAD_TRIES: usize = 5;

/// Reads an account. Its first mailboxes are made in memory only: they are stored with its first
/// commit, so that a message to a thousand new accounts does not wait for a thousand syncs.
pub(crate) async fn account(
    service: &MailService,
    id: AccountId,
) -> Result<Arc<Cell>, ServiceError> {
    let store = &service.inner.store;
    let names = Arc::clone(&service.inner.mailbox_names);
    let state = read(store, id, &names).await?;
    let waiting = Arc::clone(&service.inner.index.waiting);
    let cell = Arc::new(Cell::new(id, store.clone(), names, waiting, state));
    resume(&cell).await?;
    Ok(cell)
}

/// Reads an account again after a commit failed, with the mailboxes that sessions have open.
pub(crate) async fn reload(cell: &Cell, state: &mut State) -> Result<(), ServiceError> {
    state.close_unused(0);
    for _ in 0..LOAD_TRIES {
        let mut fresh = read(&cell.store, cell.id, &cell.names).await?;
        let mut snapshots = HashMap::new();
        for id in state
            .open
            .keys()
            .filter(|id| fresh.synced.contains_key(id))
            .copied()
            .collect::<Vec<_>>()
        {
            snapshots.insert(id, snapshot(cell, &mut fresh, id).await?);
        }
        if cell.store.version(cell.partition()).await? == fresh.version {
            state.replace(fresh, snapshots);
            return Ok(());
        }
    }
    Err(mail_store::CommitError::Conflict.into())
}

async fn read(store: &Store, id: AccountId, names: &MailboxNames) -> Result<State, ServiceError> {
    let partition = account_partition(id);
    for _ in 0..LOAD_TRIES {
        let version = store.version(partition).await?;
        let row = store.get::<Account>(partition, &()).await?;
        let mailboxes = mailboxes(store, id).await?;
        let lost = store.scan::<LostSubscription>(partition, None, PAGE_ROWS).await?.rows;
        if store.version(partition).await? != version {
            continue;
        }
        let lost: BTreeSet<MailboxName> =
            lost.into_iter().filter_map(|(name, ())| MailboxName::parse(&name).ok()).collect();
        let Some(row) = row else {
            let state = State::new(version, AccountRow::default(), mailboxes, lost);
            return first_day(state, names, store.first_number().await?);
        };
        return Ok(State::new(version, row, mailboxes, lost));
    }
    Err(mail_store::CommitError::Conflict.into())
}

/// The mailboxes that everybody has from the first day, with numbers from `first` on.
fn first_day(state: State, names: &MailboxNames, first: u32) -> Result<State, ServiceError> {
    let mut change = state.begin();
    change.account = AccountRow {
        next_mailbox: first,
        next_uid_validity: first,
        next_email: first.into(),
        next_document: first,
        ..AccountRow::default()
    };
    add_mailbox(&mut change, MailboxName::inbox(), None)?;
    for special_use in SpecialUse::ALL {
        add_mailbox(&mut change, names.of(special_use).clone(), Some(special_use))?;
    }
    let subscribed = |mut mailbox: MailboxState| {
        mailbox.row.subscribed = true;
        mailbox
    };
    let made = change.mailboxes.into_iter();
    let mailboxes = made.filter_map(|(id, mailbox)| Some((id, subscribed(mailbox?)))).collect();
    let mut state = State::new(state.version, change.account, mailboxes, BTreeSet::new());
    state.is_unborn = true;
    Ok(state)
}

/// Adds an empty mailbox to a commit. Its UIDVALIDITY is the account's next, never the clock's.
pub(crate) fn add_mailbox(
    change: &mut Change,
    name: MailboxName,
    special_use: Option<SpecialUse>,
) -> Result<MailboxId, ServiceError> {
    let used_up = || ServiceError::TooMany { what: "mailboxes" };
    let account = &mut change.account;
    let id = MailboxId(account.next_mailbox);
    let uid_validity = NonZeroU32::new(account.next_uid_validity).ok_or_else(used_up)?;
    account.next_mailbox = account.next_mailbox.checked_add(1).ok_or_else(used_up)?;
    account.next_uid_validity = account.next_uid_validity.checked_add(1).ok_or_else(used_up)?;
    let row = MailboxRow {
        name,
        special_use,
        uid_validity: UidValidity(uid_validity),
        subscribed: false,
        no_select: false,
        keywords: Vec::new(),
    };
    let counters = MailboxCountersRow {
        uid_next: 1,
        highest_mod_seq: change.mod_seq,
        messages: 0,
        unseen: 0,
        deleted: 0,
        bytes: 0,
        expunged_since: change.mod_seq,
    };
    change.add_mailbox(id, MailboxState { row, counters });
    Ok(id)
}

async fn mailboxes(
    store: &Store,
    id: AccountId,
) -> Result<BTreeMap<MailboxId, MailboxState>, ServiceError> {
    let partition = account_partition(id);
    let rows = store.scan::<Mailbox>(partition, None, PAGE_ROWS).await?.rows;
    let mut mailboxes = BTreeMap::new();
    for (mailbox, row) in rows {
        let counters = store.get::<MailboxCounters>(partition, &mailbox).await?;
        let counters = counters.ok_or_else(|| {
            ServiceError::Corrupt(StoreError::Corrupt {
                table: "MailboxCounters",
                detail: format!("{id} {mailbox}: no row"),
            })
        })?;
        mailboxes.insert(mailbox, MailboxState { row, counters });
    }
    Ok(mailboxes)
}

/// Opens a mailbox, reading it when nobody has it open.
pub(crate) async fn open(
    cell: &Cell,
    state: &mut State,
    id: MailboxId,
) -> Result<Arc<View>, ServiceError> {
    if let Some((_, view)) = state.open.get(&id) {
        return Ok(Arc::clone(view));
    }
    let rows = snapshot(cell, state, id).await?;
    Ok(state.open_mailbox(id, rows))
}

/// Reads a mailbox's messages. The caller holds the account's lock, so that everything committed
/// meanwhile is still on the pending list and is applied to what is read here.
pub(crate) async fn snapshot(
    cell: &Cell,
    state: &mut State,
    id: MailboxId,
) -> Result<Snapshot, ServiceError> {
    let synced = state.synced.get(&id).ok_or(ServiceError::NoSuchMailbox)?.clone();
    let mut entries = Vec::with_capacity(synced.counters.messages as usize);
    let blocks = flag_block::read(&cell.store, cell.partition(), id).await?;
    let mut from = None;
    loop {
        let page = cell
            .store
            .scan_prefix::<MessageFlags, _>(
                cell.partition(),
                &id,
                from.as_ref(),
                PAGE_ROWS,
                Direction::Forward,
            )
            .await?;
        for ((_, uid), mut row) in page.rows {
            blocks.apply(uid, &mut row);
            let MessageFlagsRow { flags, mod_seq, document, size, internal_date } = row;
            let flags = state.shared(flags);
            entries.push(Entry { uid, document, mod_seq, flags, size, internal_date });
        }
        from = page.next;
        if from.is_none() {
            break;
        }
        // A large mailbox must not keep a worker from everybody else.
        tokio::task::yield_now().await;
    }
    let newest = entries.iter().map(|entry| entry.mod_seq).max().unwrap_or_default();
    let above = entries.last().map_or(1, |entry| u64::from(entry.uid.get()) + 1);
    Ok(Snapshot::new(
        id,
        synced.row.uid_validity,
        synced.counters.uid_next.max(above),
        synced.counters.highest_mod_seq.max(ModSeq(newest.0)),
        entries,
    ))
}

/// Ends what a stop interrupted: COPYs are undone, removals of mailboxes are finished.
async fn resume(cell: &Arc<Cell>) -> Result<(), ServiceError> {
    let copies = cell.store.scan::<CopyUnderWay>(cell.partition(), None, PAGE_ROWS).await?;
    for (first, copied) in copies.rows {
        copy_move::undo_copy(cell, first, &copied).await?;
    }
    let doomed = cell.store.scan::<Doomed>(cell.partition(), None, PAGE_ROWS).await?;
    for (mailbox, ()) in doomed.rows {
        removal::remove_in_background(cell, mailbox);
    }
    Ok(())
}
