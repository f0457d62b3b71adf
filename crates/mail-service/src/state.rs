//! What is known of an account: with everything pending, and as readers see it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use mail_store::tables::mail::AccountRow;
use mail_store::{Batch, Version};
use mail_types::{FlagSet, MailboxId, MailboxName, ModSeq, SpecialUse, ThreadId};
use tokio::sync::watch;

use crate::account::{Change, MailboxState, View};
use crate::error::ServiceError;
use crate::snapshot::{Delta, Snapshot};

/// Flag sets remembered; beyond that they are forgotten and found again.
const FLAG_SETS_MAX: usize = 1000;
/// Conversations of the latest messages remembered, in keys: enough to bridge a sync.
const RECENT_THREADS_MAX: usize = 4096;
/// Mailboxes that nobody has open but that are kept for whoever opens them next.
const CLOSED_MAILBOXES_KEPT: usize = 2;

pub(crate) struct State {
    /// After everything pending.
    pub(crate) version: Version,
    /// As readers see it.
    pub(crate) synced_version: Version,
    pub(crate) account: AccountRow,
    /// With everything pending.
    pub(crate) mailboxes: BTreeMap<MailboxId, MailboxState>,
    /// As readers see them.
    pub(crate) synced: BTreeMap<MailboxId, MailboxState>,
    /// Subscribed names without a mailbox, with everything pending.
    pub(crate) lost_subscriptions: BTreeSet<MailboxName>,
    /// Open mailboxes: the snapshot with everything pending, and what sessions look at.
    pub(crate) open: HashMap<MailboxId, (Arc<Snapshot>, Arc<View>)>,
    pending: VecDeque<PendingChange>,
    /// Equal flag sets share one allocation.
    flag_sets: HashMap<FlagSet, Arc<FlagSet>>,
    /// Conversations of messages that may not be stored yet: a reply that comes within the same
    /// sync finds its thread here.
    recent_threads: HashMap<Vec<u8>, ThreadId>,
    recent_thread_keys: VecDeque<Vec<u8>>,
    /// Rows in the expunge logs, once counted.
    pub(crate) expunge_rows: HashMap<MailboxId, u32>,
    /// The first day's mailboxes are not stored yet: the next commit brings them along.
    pub(crate) is_unborn: bool,
    /// A commit failed: what is in memory is not what is stored, and must be read again.
    pub(crate) is_stale: bool,
}

struct PendingChange {
    version: Version,
    mailboxes: Vec<(MailboxId, Option<MailboxState>)>,
    deltas: Vec<PendingDelta>,
}

struct PendingDelta {
    mailbox: MailboxId,
    delta: Delta,
    /// The mailbox after it, if it is open: what sessions see once it is synced.
    after: Option<Arc<Snapshot>>,
}

impl State {
    pub(crate) fn new(
        version: Version,
        account: AccountRow,
        mailboxes: BTreeMap<MailboxId, MailboxState>,
        lost_subscriptions: BTreeSet<MailboxName>,
    ) -> Self {
        Self {
            version,
            synced_version: version,
            account,
            synced: mailboxes.clone(),
            mailboxes,
            lost_subscriptions,
            open: HashMap::new(),
            pending: VecDeque::new(),
            flag_sets: HashMap::new(),
            recent_threads: HashMap::new(),
            recent_thread_keys: VecDeque::new(),
            expunge_rows: HashMap::new(),
            is_unborn: false,
            is_stale: false,
        }
    }

    pub(crate) fn begin(&self) -> Change {
        Change {
            account: self.account.clone(),
            mod_seq: ModSeq(self.version.0 + 1),
            batch: Batch::new(),
            mailboxes: BTreeMap::new(),
            deltas: BTreeMap::new(),
            lost_subscriptions: BTreeMap::new(),
            threads: Vec::new(),
            queued: 0,
        }
    }

    /// The mailbox of this name, with everything pending.
    pub(crate) fn named(&self, name: &MailboxName) -> Option<MailboxId> {
        let mut mailboxes = self.mailboxes.iter();
        mailboxes.find(|(_, mailbox)| mailbox.row.name == *name).map(|(id, _)| *id)
    }

    /// The mailbox of this name, as something to put messages into.
    pub(crate) fn target(&self, name: &MailboxName) -> Result<MailboxId, ServiceError> {
        let id = self.named(name).ok_or(ServiceError::NoSuchTarget)?;
        let can_hold = self.mailboxes.get(&id).is_some_and(|mailbox| !mailbox.row.no_select);
        if can_hold { Ok(id) } else { Err(ServiceError::NoSuchTarget) }
    }

    /// The mailbox with this special use, as something to put messages into.
    pub(crate) fn with_use(&self, special_use: SpecialUse) -> Option<MailboxId> {
        let is_it = |mailbox: &MailboxState| {
            mailbox.row.special_use == Some(special_use) && !mailbox.row.no_select
        };
        self.mailboxes.iter().find(|(_, mailbox)| is_it(mailbox)).map(|(id, _)| *id)
    }

    /// An open mailbox with everything pending.
    pub(crate) fn head(&self, id: MailboxId) -> Result<Arc<Snapshot>, ServiceError> {
        let head = self.open.get(&id).map(|(head, _)| Arc::clone(head));
        head.filter(|_| self.mailboxes.contains_key(&id)).ok_or(ServiceError::NoSuchMailbox)
    }

    /// The one allocation of this flag set.
    pub(crate) fn shared(&mut self, flags: FlagSet) -> Arc<FlagSet> {
        if self.flag_sets.len() >= FLAG_SETS_MAX {
            self.flag_sets.clear();
        }
        Arc::clone(self.flag_sets.entry(flags).or_insert_with_key(|flags| Arc::new(flags.clone())))
    }

    /// The conversation of a message that came lately.
    pub(crate) fn recent_thread(&self, keys: &[Vec<u8>]) -> Option<ThreadId> {
        keys.iter().find_map(|key| self.recent_threads.get(key).copied())
    }

    /// Takes a submitted change over into the head, and remembers it until it is synced.
    pub(crate) fn push(&mut self, version: Version, change: Change) {
        let Change { account, mailboxes, deltas, lost_subscriptions, threads, .. } = change;
        self.version = version;
        self.account = account;
        self.is_unborn = false;
        for (id, mailbox) in &mailboxes {
            match mailbox {
                Some(mailbox) => drop(self.mailboxes.insert(*id, mailbox.clone())),
                None => drop(self.mailboxes.remove(id)),
            }
        }
        for (name, is_lost) in lost_subscriptions {
            match is_lost {
                true => self.lost_subscriptions.insert(name),
                false => self.lost_subscriptions.remove(&name),
            };
        }
        threads.into_iter().for_each(|(key, thread)| self.remember_thread(key, thread));
        let mut pending = PendingChange {
            version,
            mailboxes: mailboxes.into_iter().collect(),
            deltas: Vec::with_capacity(deltas.len()),
        };
        for (mailbox, delta) in deltas {
            let after = self.advance_head(mailbox, &delta);
            pending.deltas.push(PendingDelta { mailbox, delta, after });
        }
        self.pending.push_back(pending);
    }

    fn advance_head(&mut self, id: MailboxId, delta: &Delta) -> Option<Arc<Snapshot>> {
        let counters = &self.mailboxes.get(&id)?.counters;
        let (head, _) = self.open.get_mut(&id)?;
        *head = Arc::new(head.after(delta, counters.uid_next, counters.highest_mod_seq));
        Some(Arc::clone(head))
    }

    fn remember_thread(&mut self, key: Vec<u8>, thread: ThreadId) {
        if self.recent_threads.insert(key.clone(), thread).is_none() {
            self.recent_thread_keys.push_back(key);
        }
        while self.recent_thread_keys.len() > RECENT_THREADS_MAX {
            if let Some(oldest) = self.recent_thread_keys.pop_front() {
                self.recent_threads.remove(&oldest);
            }
        }
    }

    /// A snapshot made from rows, brought forward by what is pending: for a mailbox just opened.
    pub(crate) fn open_mailbox(&mut self, id: MailboxId, rows: Snapshot) -> Arc<View> {
        self.close_unused(CLOSED_MAILBOXES_KEPT);
        let rows = Arc::new(rows);
        let head = self.replay(id, Arc::clone(&rows));
        let view = Arc::new(watch::Sender::new(Some(rows)));
        self.open.insert(id, (head, Arc::clone(&view)));
        view
    }

    /// What a mailbox read from rows becomes by everything pending.
    fn replay(&mut self, id: MailboxId, rows: Arc<Snapshot>) -> Arc<Snapshot> {
        let mut head = rows;
        for change in &mut self.pending {
            let state = change.mailboxes.iter().find(|(changed, _)| *changed == id);
            let Some((_, Some(mailbox))) = state else { continue };
            let counters = &mailbox.counters;
            for pending in change.deltas.iter_mut().filter(|delta| delta.mailbox == id) {
                // The rows may show some of it already.
                head = Arc::new(head.after(
                    &pending.delta,
                    counters.uid_next.max(head.uid_next),
                    counters.highest_mod_seq.max(head.highest_mod_seq),
                ));
                pending.after = Some(Arc::clone(&head));
            }
        }
        head
    }

    /// Forgets the snapshots of mailboxes that no session has open, but for a few.
    pub(crate) fn close_unused(&mut self, kept: usize) {
        let mut kept = kept;
        self.open.retain(|_, (_, view)| {
            let is_used = Arc::strong_count(view) > 1;
            let stays = is_used || kept > 0;
            kept -= usize::from(stays && !is_used);
            stays
        });
    }

    /// Lets readers see everything up to this version, in commit order.
    pub(crate) fn apply_up_to(&mut self, version: Version) {
        while self.pending.front().is_some_and(|change| change.version <= version) {
            let Some(change) = self.pending.pop_front() else { return };
            self.synced_version = change.version;
            for (id, mailbox) in change.mailboxes {
                match mailbox {
                    Some(mailbox) => drop(self.synced.insert(id, mailbox)),
                    None => {
                        self.synced.remove(&id);
                        self.close_deleted(id);
                    }
                }
            }
            for PendingDelta { mailbox, after, .. } in change.deltas {
                if let (Some(after), Some((_, view))) = (after, self.open.get(&mailbox)) {
                    view.send_replace(Some(after));
                }
            }
        }
    }

    fn close_deleted(&mut self, id: MailboxId) {
        self.expunge_rows.remove(&id);
        if let Some((_, view)) = self.open.remove(&id) {
            view.send_replace(None);
        }
    }

    /// Puts what was read again in place of what a failed commit made void. Sessions keep their
    /// mailboxes, which show what is stored.
    pub(crate) fn replace(&mut self, fresh: State, snapshots: HashMap<MailboxId, Snapshot>) {
        let open = std::mem::take(&mut self.open);
        *self = fresh;
        for (id, (_, view)) in open {
            let now = snapshots.get(&id).cloned().map(Arc::new);
            if let Some(snapshot) = &now {
                self.open.insert(id, (Arc::clone(snapshot), Arc::clone(&view)));
            }
            view.send_replace(now);
        }
    }
}
