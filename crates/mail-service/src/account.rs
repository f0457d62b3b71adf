//! One account in memory: its counters and mailboxes, what is pending, and what is synced.
//!
//! A writer holds the account's lock only to build and submit a commit, never over its sync. The
//! *head* includes what is pending, so that the next writer builds on it; readers and sessions
//! see what is synced, in commit order. Every commit is settled by a task of its own, so that a
//! session that goes away between submit and sync takes nothing with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use mail_store::tables::mail::{
    Account, AccountRow, LostSubscription, Mailbox, MailboxCounters, MailboxCountersRow, MailboxRow,
};
use mail_store::{Batch, CommitError, Partition, Pending, Store, StoreError, account_partition};
use mail_types::{AccountId, MailboxId, MailboxName, ModSeq, ThreadId};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::task::JoinHandle;

use crate::error::ServiceError;
use crate::index::Waiting;
use crate::load;
use crate::service::MailboxNames;
use crate::snapshot::{Delta, Snapshot};
use crate::state::State;

/// How often a change is built again when somebody else wrote to the account meanwhile. Within
/// one process nobody does; the bound is there for the day when several do.
const COMMIT_TRIES: usize = 3;

/// An account that is in use.
pub(crate) struct Cell {
    pub(crate) id: AccountId,
    pub(crate) store: Store,
    /// What an account's first mailboxes are called.
    pub(crate) names: Arc<MailboxNames>,
    /// Held by who writes the account's index, over a whole batch: never by a session.
    pub(crate) index: Mutex<()>,
    /// Held by who writes the account's address book, over reading and commit.
    pub(crate) address_book: Mutex<()>,
    /// Who hears of new messages.
    waiting: Arc<Waiting>,
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

/// A commit under construction: the counters after it, its rows, and what it does to mailboxes.
pub(crate) struct Change {
    pub(crate) account: AccountRow,
    /// The mod-sequence of everything in this commit.
    pub(crate) mod_seq: ModSeq,
    pub(crate) batch: Batch,
    pub(crate) mailboxes: BTreeMap<MailboxId, Option<MailboxState>>,
    pub(crate) deltas: BTreeMap<MailboxId, Delta>,
    /// Names of deleted mailboxes that begin or cease to be subscribed.
    pub(crate) lost_subscriptions: BTreeMap<MailboxName, bool>,
    /// Under which keys the conversations of new messages are found.
    pub(crate) threads: Vec<(Vec<u8>, ThreadId)>,
    /// Messages that it queues for the indexer.
    pub(crate) queued: u64,
}

/// A commit that is in line. Dropping it changes nothing about the commit.
#[must_use = "nothing is durable before it is awaited"]
pub(crate) struct Settling(Option<JoinHandle<Result<(), ServiceError>>>);

impl Settling {
    /// Waits until the commit is synced and readers see it.
    pub(crate) async fn done(self) -> Result<(), ServiceError> {
        let Some(task) = self.0 else { return Ok(()) };
        task.await.unwrap_or_else(|error| {
            Err(ServiceError::TryAgain(StoreError::Engine(format!("waiting for a sync: {error}"))))
        })
    }
}

impl Change {
    /// A mailbox's state, to be changed.
    pub(crate) fn mailbox(&mut self, state: &State, id: MailboxId) -> Option<&mut MailboxState> {
        self.mailboxes.entry(id).or_insert_with(|| state.mailboxes.get(&id).cloned()).as_mut()
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

    /// Refuses the commit while the disk is nearly full: it brings in new mail.
    pub(crate) fn guard(&mut self) {
        self.batch = std::mem::take(&mut self.batch).guarded();
    }

    fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.mailboxes.is_empty() && self.lost_subscriptions.is_empty()
    }

    /// Puts the counters' rows beside the messages' rows.
    fn write_counters(&mut self, state: &State) {
        for (id, delta) in &self.deltas {
            // RFC 7162 §3.1.2.1: HIGHESTMODSEQ is that of the last change to a message.
            if let (false, Some(Some(mailbox))) = (delta.is_empty(), self.mailboxes.get_mut(id)) {
                mailbox.counters.highest_mod_seq = self.mod_seq;
            }
        }
        if self.account != state.account || state.is_unborn {
            self.batch.put::<Account>(&(), &self.account);
        }
        if state.is_unborn {
            for (id, mailbox) in &state.mailboxes {
                self.mailboxes.entry(*id).or_insert_with(|| Some(mailbox.clone()));
            }
        }
        for (id, mailbox) in &self.mailboxes {
            let Some(mailbox) = mailbox else {
                self.batch.delete::<Mailbox>(id);
                self.batch.delete::<MailboxCounters>(id);
                continue;
            };
            let before = state.mailboxes.get(id).filter(|_| !state.is_unborn);
            if before.is_none_or(|before| before.row != mailbox.row) {
                self.batch.put::<Mailbox>(id, &mailbox.row);
            }
            if before.is_none_or(|before| before.counters != mailbox.counters) {
                self.batch.put::<MailboxCounters>(id, &mailbox.counters);
            }
        }
        for (name, is_lost) in &self.lost_subscriptions {
            let key = name.as_str().to_owned();
            match is_lost {
                true => self.batch.put::<LostSubscription>(&key, &()),
                false => self.batch.delete::<LostSubscription>(&key),
            }
        }
    }
}

impl Cell {
    pub(crate) fn new(
        id: AccountId,
        store: Store,
        names: Arc<MailboxNames>,
        waiting: Arc<Waiting>,
        state: State,
    ) -> Self {
        let changes = watch::Sender::new(state.version.0);
        let (index, address_book, state) = (Mutex::new(()), Mutex::new(()), Mutex::new(state));
        Self { id, store, names, index, address_book, waiting, state, changes }
    }

    pub(crate) fn partition(&self) -> Partition {
        account_partition(self.id)
    }

    /// The account, read again if a commit failed since it was read.
    pub(crate) async fn lock(&self) -> Result<MutexGuard<'_, State>, ServiceError> {
        let mut state = self.state.lock().await;
        if state.is_stale {
            load::reload(self, &mut state).await?;
        }
        Ok(state)
    }

    /// Stores the first day's mailboxes if that has not happened: what a session is shown of them
    /// must not be given another mod-sequence afterwards.
    pub(crate) async fn be_born(self: &Arc<Self>) -> Result<(), ServiceError> {
        if self.lock().await?.is_unborn {
            self.commit(|_, _| Ok(())).await?;
        }
        Ok(())
    }

    /// Builds a commit under the lock, submits it, releases the lock, and waits for the sync.
    pub(crate) async fn commit<R>(
        self: &Arc<Self>,
        build: impl FnMut(&mut State, &mut Change) -> Result<R, ServiceError>,
    ) -> Result<R, ServiceError> {
        let (result, settling) = self.queue(build).await?;
        settling.done().await?;
        Ok(result)
    }

    /// Builds a commit under the lock and submits it. `build` is called again when what it was
    /// built on turned out to be stale.
    pub(crate) async fn queue<R>(
        self: &Arc<Self>,
        mut build: impl FnMut(&mut State, &mut Change) -> Result<R, ServiceError>,
    ) -> Result<(R, Settling), ServiceError> {
        for _ in 0..COMMIT_TRIES {
            let mut state = self.lock().await?;
            let mut change = state.begin();
            let result = build(&mut state, &mut change)?;
            if change.is_empty() && !state.is_unborn {
                return Ok((result, Settling(None)));
            }
            let queued = change.queued;
            match self.submit(&mut state, change) {
                Ok(pending) => return Ok((result, self.settle(pending, queued))),
                // Somebody else wrote to this account: what is in memory is void.
                Err(CommitError::Conflict) => state.is_stale = true,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommitError::Conflict.into())
    }

    fn submit(&self, state: &mut State, mut change: Change) -> Result<Pending, CommitError> {
        change.write_counters(state);
        let batch = std::mem::take(&mut change.batch).bump().expect(state.version);
        let pending = self.store.submit(self.partition(), batch)?;
        state.push(pending.version(), change);
        Ok(pending)
    }

    fn settle(self: &Arc<Self>, pending: Pending, queued: u64) -> Settling {
        let cell = Arc::clone(self);
        Settling(Some(tokio::spawn(async move {
            let outcome = pending.await;
            let mut state = cell.state.lock().await;
            match outcome {
                Ok(version) => {
                    state.apply_up_to(version);
                    // Under the lock, so that versions are announced in order.
                    cell.changes.send_replace(state.synced_version.0);
                    drop(state);
                    if queued > 0 {
                        cell.waiting.add(cell.id, queued);
                    }
                    Ok(())
                }
                Err(error) => {
                    state.is_stale = true;
                    Err(error.into())
                }
            }
        })))
    }
}
