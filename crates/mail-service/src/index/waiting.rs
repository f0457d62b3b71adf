//! Accounts whose new messages wait for the indexer. Only a reminder: the queue rows decide.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mail_types::AccountId;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long an account's first new message waits for more, so that they are indexed together.
const GATHER: Duration = Duration::from_secs(2);
/// Documents that wait no longer.
const GATHERED_MAX: u64 = 256;
/// How long an account waits after the indexer failed on it.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Accounts in the order in which they are due.
#[derive(Default)]
pub(crate) struct Waiting {
    state: Mutex<State>,
    /// Wakes everybody when an account comes or is done.
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, Entry>,
    order: BTreeSet<(Instant, AccountId)>,
    /// Accounts that are being indexed, with their documents that are not done.
    busy: HashMap<AccountId, u64>,
    /// Documents of all of them, about.
    documents: u64,
}

struct Entry {
    documents: u64,
    due: Instant,
}

/// Whom to take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Accounts that have gathered long enough.
    Due,
    /// Any.
    Any,
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New documents of an account are queued.
    pub(crate) fn add(&self, account: AccountId, documents: u64) {
        self.state().add(account, documents, Instant::now() + GATHER);
        self.changed.notify_waiters();
    }

    /// Takes an account that nobody else works on.
    pub(crate) fn take(&self, which: Which) -> Option<AccountId> {
        let mut state = self.state();
        let now = Instant::now();
        let free = state.order.iter().find(|(_, account)| !state.busy.contains_key(account));
        let (due, account) = *free.filter(|(due, _)| which == Which::Any || *due <= now)?;
        state.order.remove(&(due, account));
        let entry = state.accounts.remove(&account)?;
        state.busy.insert(account, entry.documents);
        Some(account)
    }

    /// When the next account is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let state = self.state();
        let free = state.order.iter().find(|(_, account)| !state.busy.contains_key(account));
        free.map(|(due, _)| *due)
    }

    /// Whether nothing waits and nobody works.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.accounts.is_empty() && state.busy.is_empty()
    }

    /// Documents of an account that is being worked on were indexed.
    pub(crate) fn indexed(&self, account: AccountId, documents: u64) {
        let mut state = self.state();
        if let Some(left) = state.busy.get_mut(&account) {
            let done = documents.min(*left);
            *left -= done;
            state.documents = state.documents.saturating_sub(done);
            state.show();
        }
    }

    /// Nobody works on the account any more; if it is not done, it is due again.
    pub(crate) fn done(&self, account: AccountId, outcome: Outcome) {
        let mut state = self.state();
        let left = state.busy.remove(&account).unwrap_or_default();
        state.documents = state.documents.saturating_sub(left);
        match outcome {
            Outcome::Drained => state.show(),
            Outcome::Interrupted => state.add(account, left, Instant::now()),
            Outcome::Failed => state.add(account, left, Instant::now() + RETRY_AFTER),
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Shows the metric, also while nothing waits.
    pub(crate) fn show(&self) {
        self.state().show();
    }

    /// Documents that wait, about.
    pub(crate) fn documents(&self) -> u64 {
        self.state().documents
    }
}

/// How the work on an account ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Drained,
    Interrupted,
    Failed,
}

impl State {
    fn add(&mut self, account: AccountId, documents: u64, due: Instant) {
        let entry = self.accounts.entry(account).or_insert(Entry { documents: 0, due });
        self.order.remove(&(entry.due, account));
        entry.documents += documents;
        entry.due = entry.due.min(due);
        if entry.documents >= GATHERED_MAX {
            entry.due = entry.due.min(Instant::now());
        }
        self.order.insert((entry.due, account));
        self.documents += documents;
        self.show();
    }

    fn show(&self) {
        metrics::gauge!("facteur_index_queue").set(self.documents as f64);
    }
}
