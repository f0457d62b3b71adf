//! Accounts and mailboxes read into memory.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use mail_store::tables::mail::{
    Account, AccountRow, Doomed, Mailbox, MailboxCounters, MailboxCountersRow, MailboxRow,
    MessageFlags,
};
use mail_store::{Direction, Store, account_partition};
use mail_types::{AccountId, MailboxId, MailboxName, ModSeq, SpecialUse, UidValidity};

use crate::account::{Cell, Change, MailboxState, State};
use crate::error::ServiceError;
use crate::service::MailService;
use crate::snapshot::{Entry, Snapshot};

/// Rows read at once.
const PAGE_ROWS: usize = 4096;

/// Reads an account, and makes its mailboxes on its first day.
pub(crate) async fn account(
    service: &MailService,
    id: AccountId,
) -> Result<Arc<Cell>, ServiceError> {
    let store = &service.inner.store;
    let partition = account_partition(id);
    let version = store.version(partition).await?;
    let row = store.get::<Account>(partition, &()).await?;
    let is_new = row.is_none();
    let row = row.unwrap_or(AccountRow {
        next_mailbox: 1,
        next_uid_validity: 1,
        next_email: 1,
        next_document: 1,
        ..AccountRow::default()
    });
    let cell = Arc::new(Cell::new(
        id,
        store.clone(),
        State::new(version, row, mailboxes(store, id).await?),
    ));
    if is_new {
        cell.commit(|_, change| first_day(service, change)).await?;
    }
    resume_removals(&cell).await?;
    Ok(cell)
}

fn first_day(service: &MailService, change: &mut Change) -> Result<(), ServiceError> {
    add_mailbox(change, MailboxName::inbox(), None)?;
    for special_use in SpecialUse::ALL {
        let name = service.inner.settings.mailbox_names.of(special_use).clone();
        add_mailbox(change, name, Some(special_use))?;
    }
    Ok(())
}

/// Adds an empty mailbox to a commit. Its UIDVALIDITY is the account's next, never the clock's.
pub(crate) fn add_mailbox(
    change: &mut Change,
    name: MailboxName,
    special_use: Option<SpecialUse>,
) -> Result<MailboxId, ServiceError> {
    let account = &mut change.account;
    let id = MailboxId(account.next_mailbox);
    let uid_validity = NonZeroU32::new(account.next_uid_validity)
        .ok_or(ServiceError::TooMany { what: "mailboxes" })?;
    account.next_mailbox += 1;
    account.next_uid_validity =
        account.next_uid_validity.checked_add(1).ok_or(ServiceError::TooMany { what: "mailboxes" })?;
    let row = MailboxRow {
        name,
        special_use,
        uid_validity: UidValidity(uid_validity),
        subscribed: true,
        no_select: false,
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
            ServiceError::Corrupt(mail_store::StoreError::Corrupt {
                table: "MailboxCounters",
                detail: format!("{id} {mailbox}: no row"),
            })
        })?;
        mailboxes.insert(mailbox, MailboxState { row, counters });
    }
    Ok(mailboxes)
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
        for ((_, uid), row) in page.rows {
            let flags = state.shared(row.flags);
            entries.push(Entry { uid, document: row.document, mod_seq: row.mod_seq, flags });
        }
        from = page.next;
        if from.is_none() {
            break;
        }
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

/// Ends removals of mailboxes that a stop interrupted.
async fn resume_removals(cell: &Arc<Cell>) -> Result<(), ServiceError> {
    let doomed = cell.store.scan::<Doomed>(cell.partition(), None, PAGE_ROWS).await?;
    for (mailbox, ()) in doomed.rows {
        crate::removal::remove_messages(cell, mailbox).await?;
    }
    Ok(())
}
