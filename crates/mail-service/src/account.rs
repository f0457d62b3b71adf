//! One account in memory: its counters and mailboxes, what is pending, and what is synced.
//!
//! A writer holds the account's lock only to build and submit a commit, never over its sync. The
//! *head* includes what is pending, so that the next writer builds on it; readers and sessions
//! see what is synced, in commit order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use mail_store::tables::mail::{
    Account, AccountRow, Mailbox, MailboxCounters, MailboxCountersRow, MailboxRow,
};
use mail_store::{Batch, CommitError, Partition, Pending, Store, Version, account_partition};
use mail_types::{AccountId, FlagSet, MailboxId, MailboxName, ModSeq};
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::error::ServiceError;
use crate::snapshot::{Delta, Snapshot};

/// An account that is in use.
pub(crate) struct Cell {
    pub(crate) id: AccountId,
    pub(crate) store: Store,
    /// The account's lock. An async mutex, because opening a mailbox reads rows under it.
    state: Mutex<State>,
    /// The synced version, for whoever waits for any change.
    pub(crate) changes: watch::Sender<u64>,
}

/// A mailbox's rows.
#[derive(Clone, Debug)]
pub(crate) struct MailboxState {
    pub(crate) row: MailboxRow,
    pub(crate) counters: MailboxCountersRow,
}

/// What sessions that have a mailbox open look at; `None` once it is deleted.
pub(crate) type View = watch::Sender<Option<Arc<Snapshot>>>;

pub(crate) struct State {
    pub(crate) version: Version,
    pub(crate) account: AccountRow,
    pub(crate) mailboxes: BTreeMap<MailboxId, MailboxState>,
    /// As readers see them.
    pub(crate) synced: BTreeMap<MailboxId, MailboxState>,
    /// Open mailboxes: the snapshot with everything pending, and what sessions look at.
    pub(crate) open: HashMap<MailboxId, (Arc<Snapshot>, Arc<View>)>,
    pending: VecDeque<PendingChange>,
    /// Equal flag sets share one allocation.
    pub(crate) flag_sets: HashMap<FlagSet, Arc<FlagSet>>,
    /// A commit failed: what is in memory is not what is stored. Everybody reloads.
    pub(crate) is_stale: bool,
}

/// Flag sets remembered; beyond that they are forgotten and found again.
const FLAG_SETS_MAX: usize = 1000;

struct PendingChange {
    version: Version,
    mailboxes: Vec<(MailboxId, Option<MailboxState>)>,
    deltas: Vec<(MailboxId, Delta)>,
}

/// A commit under construction: the counters after it, its rows, and what it does to mailboxes.
pub(crate) struct Change {
    pub(crate) account: AccountRow,
    /// The mod-sequence of everything in this commit.
    pub(crate) mod_seq: ModSeq,
    pub(crate) batch: Batch,
    mailboxes: BTreeMap<MailboxId, Option<MailboxState>>,
    deltas: BTreeMap<MailboxId, Delta>,
}

impl Change {
    /// A mailbox's state, to be changed.
    pub(crate) fn mailbox(&mut self, state: &State, id: MailboxId) -> Option<&mut MailboxState> {
        if let std::collections::btree_map::Entry::Vacant(slot) = self.mailboxes.entry(id) {
            slot.insert(Some(state.mailboxes.get(&id)?.clone()));
        }
        let mailbox = self.mailboxes.get_mut(&id)?.as_mut()?;
        mailbox.counters.highest_mod_seq = self.mod_seq;
        Some(mailbox)
    }

    /// Adds a mailbox.
    pub(crate) fn add_mailbox(&mut self, id: MailboxId, mailbox: MailboxState) {
        self.mailboxes.insert(id, Some(mailbox));
    }

    /// Takes a mailbox away.
    pub(crate) fn remove_mailbox(&mut self, id: MailboxId) {
        self.mailboxes.insert(id, None);
    }

    /// What the commit does to a mailbox's messages.
    pub(crate) fn delta(&mut self, id: MailboxId) -> &mut Delta {
        self.deltas.entry(id).or_default()
    }
}

impl Cell {
    pub(crate) fn new(id: AccountId, store: Store, state: State) -> Self {
        let changes = watch::Sender::new(state.version.0);
        Self { id, store, state: Mutex::new(state), changes }
    }

    pub(crate) fn partition(&self) -> Partition {
        account_partition(self.id)
    }

    pub(crate) async fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().await
    }

    /// Builds a commit under the lock, submits it, releases the lock, and waits for the sync.
    pub(crate) async fn commit<R>(
        &self,
        build: impl FnOnce(&mut State, &mut Change) -> Result<R, ServiceError>,
    ) -> Result<R, ServiceError> {
        let (result, pending) = self.queue(build).await?;
        if let Some(pending) = pending {
            self.settle(pending).await?;
        }
        Ok(result)
    }

    /// Builds a commit under the lock and submits it; whoever calls this settles it. `None` when
    /// there was nothing to write.
    pub(crate) async fn queue<R>(
        &self,
        build: impl FnOnce(&mut State, &mut Change) -> Result<R, ServiceError>,
    ) -> Result<(R, Option<Pending>), ServiceError> {
        let mut state = self.lock().await;
        if state.is_stale {
            return Err(ServiceError::Stale);
        }
        let mut change = state.begin();
        let result = build(&mut state, &mut change)?;
        if change.is_empty() {
            return Ok((result, None));
        }
        match self.submit(&mut state, change) {
            Ok(pending) => Ok((result, Some(pending))),
            Err(error) => {
                // Somebody else wrote to this account: what is in memory is void.
                state.is_stale |= matches!(error, CommitError::Conflict);
                Err(error.into())
            }
        }
    }

    fn submit(&self, state: &mut State, change: Change) -> Result<Pending, CommitError> {
        let Change { account, mut batch, mailboxes, deltas, .. } = change;
        if account != state.account {
            batch.put::<Account>(&(), &account);
        }
        for (id, mailbox) in &mailboxes {
            match mailbox {
                Some(mailbox) => {
                    let before = state.mailboxes.get(id);
                    if before.is_none_or(|before| before.row != mailbox.row) {
                        batch.put::<Mailbox>(id, &mailbox.row);
                    }
                    batch.put::<MailboxCounters>(id, &mailbox.counters);
                }
                None => {
                    batch.delete::<Mailbox>(id);
                    batch.delete::<MailboxCounters>(id);
                }
            }
        }
        let pending = self.store.submit(self.partition(), batch.bump().expect(state.version))?;
        state.version = pending.version();
        state.account = account;
        for (id, mailbox) in &mailboxes {
            match mailbox {
                Some(mailbox) => drop(state.mailboxes.insert(*id, mailbox.clone())),
                None => drop(state.mailboxes.remove(id)),
            }
        }
        for (id, delta) in &deltas {
            let Some(mailbox) = state.mailboxes.get(id) else { continue };
            if let Some((head, _)) = state.open.get_mut(id) {
                let counters = &mailbox.counters;
                *head = Arc::new(head.after(delta, counters.uid_next, counters.highest_mod_seq));
            }
        }
        state.pending.push_back(PendingChange {
            version: state.version,
            mailboxes: mailboxes.into_iter().collect(),
            deltas: deltas.into_iter().collect(),
        });
        Ok(pending)
    }

    /// Waits for the sync, then lets readers see everything up to it, in commit order.
    pub(crate) async fn settle(&self, pending: Pending) -> Result<(), ServiceError> {
        match pending.await {
            Ok(version) => {
                let mut state = self.lock().await;
                state.apply_up_to(version);
                drop(state);
                self.changes.send_if_modified(|seen| {
                    let newer = version.0 > *seen;
                    *seen = version.0.max(*seen);
                    newer
                });
                Ok(())
            }
            Err(error) => {
                self.lock().await.is_stale = true;
                Err(error.into())
            }
        }
    }
}

impl State {
    pub(crate) fn new(
        version: Version,
        account: AccountRow,
        mailboxes: BTreeMap<MailboxId, MailboxState>,
    ) -> Self {
        Self {
            version,
            account,
            synced: mailboxes.clone(),
            mailboxes,
            open: HashMap::new(),
            pending: VecDeque::new(),
            flag_sets: HashMap::new(),
            is_stale: false,
        }
    }

    fn begin(&self) -> Change {
        Change {
            account: self.account.clone(),
            mod_seq: ModSeq(self.version.0 + 1),
            batch: Batch::new(),
            mailboxes: BTreeMap::new(),
            deltas: BTreeMap::new(),
        }
    }

    /// The mailbox of this name, with everything pending.
    pub(crate) fn named(&self, name: &MailboxName) -> Option<MailboxId> {
        let mut mailboxes = self.mailboxes.iter();
        mailboxes.find(|(_, mailbox)| mailbox.row.name == *name).map(|(id, _)| *id)
    }

    /// The mailbox of this name as a target of APPEND, COPY or MOVE.
    pub(crate) fn target(&self, name: &MailboxName) -> Result<MailboxId, ServiceError> {
        let id = self.named(name).ok_or(ServiceError::NoSuchTarget)?;
        let selectable = self.mailboxes.get(&id).is_some_and(|mailbox| !mailbox.row.no_select);
        if selectable { Ok(id) } else { Err(ServiceError::NoSuchTarget) }
    }

    /// The snapshot of an open mailbox with everything pending.
    pub(crate) fn head(&self, id: MailboxId) -> Result<Arc<Snapshot>, ServiceError> {
        self.open.get(&id).map(|(head, _)| Arc::clone(head)).ok_or(ServiceError::NoSuchMailbox)
    }

    /// The one allocation of this flag set.
    pub(crate) fn shared(&mut self, flags: FlagSet) -> Arc<FlagSet> {
        if self.flag_sets.len() >= FLAG_SETS_MAX {
            self.flag_sets.clear();
        }
        Arc::clone(self.flag_sets.entry(flags).or_insert_with_key(|flags| Arc::new(flags.clone())))
    }

    /// A snapshot made from rows, brought forward by what is pending: for a mailbox just opened.
    pub(crate) fn open_mailbox(&mut self, id: MailboxId, rows: Snapshot) -> Arc<View> {
        self.open.retain(|_, (_, view)| Arc::strong_count(view) > 1);
        let rows = Arc::new(rows);
        let mut head = Arc::clone(&rows);
        for change in &self.pending {
            for (_, delta) in change.deltas.iter().filter(|(changed, _)| *changed == id) {
                let state = change.mailboxes.iter().find(|(changed, _)| *changed == id);
                if let Some((_, Some(mailbox))) = state {
                    let counters = &mailbox.counters;
                    head = Arc::new(head.after(
                        delta,
                        counters.uid_next.max(head.uid_next),
                        counters.highest_mod_seq.max(head.highest_mod_seq),
                    ));
                }
            }
        }
        let view = Arc::new(watch::Sender::new(Some(rows)));
        self.open.insert(id, (head, Arc::clone(&view)));
        view
    }

    fn apply_up_to(&mut self, version: Version) {
        while self.pending.front().is_some_and(|change| change.version <= version) {
            let Some(change) = self.pending.pop_front() else { return };
            for (id, mailbox) in change.mailboxes {
                match mailbox {
                    Some(mailbox) => drop(self.synced.insert(id, mailbox)),
                    None => {
                        self.synced.remove(&id);
                        if let Some((_, view)) = self.open.remove(&id) {
                            view.send_replace(None);
                        }
                    }
                }
            }
            for (id, delta) in change.deltas {
                let (Some(mailbox), Some((_, view))) = (self.synced.get(&id), self.open.get(&id))
                else {
                    continue;
                };
                let counters = &mailbox.counters;
                view.send_modify(|snapshot| {
                    if let Some(before) = snapshot {
                        let next =
                            before.after(&delta, counters.uid_next, counters.highest_mod_seq);
                        *before = Arc::new(next);
                    }
                });
            }
        }
    }
}

impl Change {
    fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.mailboxes.is_empty()
    }
}
