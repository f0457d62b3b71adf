//! The line in which commits wait, and the one committer that takes all who wait at once.
//!
//! `submit` checks a commit against what is stored and what is pending, gives it its place and
//! returns; the committer's thread writes everyone who waits as one group with one sync. While it
//! syncs, the next group gathers: twenty sessions share a sync without any timer. An unsynced
//! commit that nobody waits for wakes nobody: it is written with the next group, so that a body and
//! the message that refers to it are one write.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::backend::{Backend, Op};
use super::group::GroupRecord;
use super::queued::{Extra, Queued};
use super::{full_key, read_version};
use crate::change_bus::{ChangeBus, Hint};
use crate::error::{CommitError, StoreError};
use crate::meta_store::{Commit, Cond, Durability, Expect, Partition, Pending, Version};

/// Bytes that one group brings into the log, so that nobody waits behind a large one. A single
/// commit may be larger and then goes alone.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Bytes of unsynced commits that may wait for somebody else's group.
const LAZY_BYTES_MAX: usize = 1 << 20;

/// Versions kept in memory: a few megabytes.
const HEADS_MAX: usize = 1 << 16;

/// The line and its committer.
pub(crate) struct Line<B: Backend> {
    shared: Arc<Shared<B>>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

/// What the committer has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Groups written.
    pub groups: u64,
    /// Commits in them.
    pub commits: u64,
    /// Syncs of the log.
    pub syncs: u64,
    /// Bytes of keys and values in them.
    pub log_bytes: u64,
}

struct Shared<B> {
    backend: Arc<B>,
    bus: ChangeBus,
    /// Held to check and queue, and to take a group: never over a write, hence std's mutex.
    state: Mutex<State>,
    arrived: Condvar,
    failed: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Queued>>,
    /// Commits of a partition that are queued or being written, in order.
    pending: HashMap<Partition, PendingPartition>,
    /// Versions of partitions with nothing pending, so that commits and look-ups read no rows for
    /// them. Forgotten all at once at [`HEADS_MAX`].
    heads: HashMap<Partition, Version>,
    waiting: HashMap<u64, oneshot::Sender<Result<Version, CommitError>>>,
    next_ticket: u64,
    /// Bytes in the queue.
    queued_bytes: usize,
    /// Whether somebody waits for what is in the queue.
    is_wanted: bool,
    work: Work,
    closing: bool,
    /// Why no commit is taken any more.
    stopped: Option<String>,
}

struct PendingPartition {
    /// The version after the last pending commit.
    version: Version,
    commits: VecDeque<Arc<Queued>>,
}

impl State {
    fn keep_head(&mut self, partition: Partition, version: Version) {
        if self.heads.len() >= HEADS_MAX {
            self.heads.clear();
        }
        self.heads.insert(partition, version);
    }
}

impl<B: Backend> Line<B> {
    /// Starts the committer. `number` is the last group's, known to be synced.
    pub(crate) fn new(backend: Arc<B>, bus: ChangeBus, number: u64) -> Self {
        let shared = Arc::new(Shared {
            backend,
            bus,
            state: Mutex::default(),
            arrived: Condvar::new(),
            failed: watch::Sender::new(false),
        });
        let working = Arc::clone(&shared);
        let committer = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || {
                // Whoever waits must hear of it, whatever ends the thread.
                let committing = AssertUnwindSafe(|| working.commit_for_ever(number));
                if catch_unwind(committing).is_err() {
                    working.stop("the committer panicked");
                }
            })
            .ok();
        if committer.is_none() {
            shared.stop("the committer's thread could not be started");
        }
        Self { shared, committer: Mutex::new(committer) }
    }

    /// Checks a commit and gives it its place in line.
    pub(crate) fn submit(
        &self,
        partition: Partition,
        commit: Commit,
        extra: Extra,
    ) -> Result<Pending, CommitError> {
        let (version, receiver, lazy) = self.shared.submit(partition, commit, extra)?;
        let urge = lazy.map(|ticket| (ticket, Arc::clone(&self.shared) as Arc<dyn Urge>));
        Ok(Pending { version, receiver, urge })
    }

    /// A partition's version: what is synced of it, or newer.
    pub(crate) fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        let state = self.shared.state();
        let is_settled = !state.pending.contains_key(&partition);
        if let (true, Some(&version)) = (is_settled, state.heads.get(&partition)) {
            return Ok(version);
        }
        let before = state.work.groups;
        drop(state);
        let version = read_version(&*self.shared.backend, partition)?;
        let mut state = self.shared.state();
        // Had a group been done meanwhile, the row might have been read before it.
        if is_settled && before == state.work.groups && !state.pending.contains_key(&partition) {
            state.keep_head(partition, version);
        }
        Ok(version)
    }

    /// What has been done since the start.
    pub(crate) fn work(&self) -> Work {
        self.shared.state().work
    }

    /// Whether the engine has stopped after a failed write.
    pub(crate) fn failed(&self) -> watch::Receiver<bool> {
        self.shared.failed.subscribe()
    }

    /// Writes what is in line, then ends the committer.
    pub(crate) fn close(&self) {
        self.shared.state().closing = true;
        self.shared.arrived.notify_all();
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(committer) = committer {
            let _ = committer.join();
        }
    }
}

impl<B: Backend> Drop for Line<B> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<B: Backend> Shared<B> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Version, outcome, and the ticket of a commit that nobody has woken the committer for.
    fn submit(
        &self,
        partition: Partition,
        commit: Commit,
        extra: Extra,
    ) -> Result<(Version, Outcome, Option<u64>), CommitError> {
        let mut state = self.state();
        if let Some(why) = &state.stopped {
            return Err(CommitError::Unknown(why.clone()));
        }
        if state.closing {
            return Err(CommitError::Unknown("the store is closed".into()));
        }
        let known = state.pending.get(&partition).map(|pending| pending.version);
        let head = match known.or_else(|| state.heads.get(&partition).copied()) {
            Some(version) => version,
            None => read_version(&*self.backend, partition).map_err(unreadable)?,
        };
        if matches!(commit.expect, Expect::Version(expected) if expected != head) {
            return Err(CommitError::Conflict);
        }
        for (key, condition) in &commit.assert {
            self.check(&state, partition, key, *condition)?;
        }
        let version = Version(head.0 + u64::from(commit.bump) + extra.advance);
        let (sender, receiver) = oneshot::channel();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let queued = Arc::new(Queued::new(ticket, partition, version, commit, extra));
        state.waiting.insert(ticket, sender);
        let pending = state
            .pending
            .entry(partition)
            .or_insert_with(|| PendingPartition { version: head, commits: VecDeque::new() });
        pending.version = version;
        pending.commits.push_back(Arc::clone(&queued));
        state.queued_bytes += queued.size;
        let is_synced = queued.durability == Durability::Synced;
        state.queue.push_back(queued);
        if is_synced || state.queued_bytes > LAZY_BYTES_MAX {
            self.want(state);
            return Ok((version, receiver, None));
        }
        Ok((version, receiver, Some(ticket)))
    }

    fn want(&self, mut state: MutexGuard<'_, State>) {
        state.is_wanted = true;
        drop(state);
        self.arrived.notify_one();
    }

    fn check(
        &self,
        state: &State,
        partition: Partition,
        key: &Bytes,
        condition: Cond,
    ) -> Result<(), CommitError> {
        let key = full_key(partition, key);
        let pending = state.pending.get(&partition).and_then(|pending| {
            let newest_first = pending.commits.iter().rev();
            newest_first
                .flat_map(|queued| queued.ops.iter().rev())
                .find_map(|op| op.effect_on(&key))
        });
        let exists = match pending {
            Some(exists) => exists,
            None => self.backend.get(&key).map_err(unreadable)?.is_some(),
        };
        if exists == (condition == Cond::Exists) { Ok(()) } else { Err(CommitError::Conflict) }
    }

    fn commit_for_ever(&self, mut number: u64) {
        let mut last_synced = number;
        while let Some(group) = self.take_group() {
            number += 1;
            let ops: Vec<Op> = group.iter().flat_map(|queued| queued.ops.iter().cloned()).collect();
            let sync = group.iter().any(|queued| queued.durability == Durability::Synced);
            let record = GroupRecord::new(number, last_synced, &ops);
            match self.backend.write(&record, &ops, sync) {
                Ok(()) => {
                    if sync {
                        last_synced = number;
                    }
                    self.done(&group, sync);
                }
                // A failed sync is never retried: the pages it was about may be gone, and a
                // second sync would report success. Only a fresh start knows what is durable.
                Err(why) => return self.stop(&why),
            }
        }
    }

    /// Waits for commits; `None` when the line is closed and empty.
    fn take_group(&self) -> Option<Vec<Arc<Queued>>> {
        let mut state = self.state();
        while state.queue.is_empty() || !(state.is_wanted || state.closing) {
            if state.closing {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut group = Vec::new();
        let mut size = 0;
        while let Some(queued) = state.queue.front() {
            size += queued.size;
            if !group.is_empty() && size > GROUP_BYTES_MAX {
                break;
            }
            group.extend(state.queue.pop_front());
        }
        let taken: usize = group.iter().map(|queued| queued.size).sum();
        state.queued_bytes = state.queued_bytes.saturating_sub(taken);
        state.is_wanted = !state.queue.is_empty();
        Some(group)
    }

    /// Takes the group off the pending lists, tells those who wait, and announces the changes.
    fn done(&self, group: &[Arc<Queued>], sync: bool) {
        metrics::counter!("facteur_store_groups_total").increment(1);
        metrics::counter!("facteur_store_commits_total").increment(group.len() as u64);
        metrics::counter!("facteur_store_syncs_total").increment(u64::from(sync));
        let bytes: usize = group.iter().map(|queued| queued.size).sum();
        metrics::counter!("facteur_store_log_bytes_total").increment(bytes as u64);
        metrics::histogram!("facteur_store_commits_per_group").record(group.len() as f64);
        let mut state = self.state();
        state.work.groups += 1;
        state.work.commits += group.len() as u64;
        state.work.syncs += u64::from(sync);
        state.work.log_bytes += bytes as u64;
        let mut senders = Vec::with_capacity(group.len());
        for queued in group {
            if let Some(pending) = state.pending.get_mut(&queued.partition) {
                pending.commits.pop_front();
                if pending.commits.is_empty() {
                    state.pending.remove(&queued.partition);
                    state.keep_head(queued.partition, queued.version);
                }
            }
            senders.extend(state.waiting.remove(&queued.ticket).map(|sender| (sender, queued)));
        }
        drop(state);
        for (sender, queued) in senders {
            let _ = sender.send(Ok(queued.version));
        }
        for queued in group.iter().filter(|queued| queued.bump) {
            self.bus.publish(Hint { partition: queued.partition, version: queued.version });
        }
    }

    /// Fails everyone who waits and everyone who will come.
    fn stop(&self, why: &str) {
        tracing::error!(target: "facteur", why, "the store has stopped");
        let mut state = self.state();
        state.stopped = Some(why.to_owned());
        state.queue.clear();
        state.pending.clear();
        for (_, sender) in state.waiting.drain() {
            let _ = sender.send(Err(CommitError::Unknown(why.to_owned())));
        }
        drop(state);
        self.failed.send_replace(true);
    }
}

type Outcome = oneshot::Receiver<Result<Version, CommitError>>;

/// The line, for whoever waits for a commit.
pub(crate) trait Urge: Send + Sync {
    /// Somebody waits for the commit with this ticket.
    fn urge(&self, ticket: u64);
}

impl<B: Backend> Urge for Shared<B> {
    fn urge(&self, ticket: u64) {
        let state = self.state();
        if state.queue.front().is_some_and(|first| first.ticket <= ticket) {
            self.want(state);
        }
    }
}

fn unreadable(error: StoreError) -> CommitError {
    CommitError::Read(Box::new(error))
}

impl Pending {
    /// The version that the partition has once this commit is done.
    pub fn version(&self) -> Version {
        self.version
    }
}

impl Future for Pending {
    type Output = Result<Version, CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.receiver).poll(context);
        if let (Poll::Pending, Some((ticket, line))) = (&polled, self.urge.take()) {
            line.urge(ticket);
        }
        polled.map(|outcome| {
            outcome.unwrap_or_else(|_| Err(CommitError::Unknown("the committer is gone".into())))
        })
    }
}
