//! STORE.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mail_types::{Actor, Flag, FlagSet, KEYWORDS_PER_MESSAGE_MAX, MailboxId, ModSeq, UidSet};

use crate::account::Change;
use crate::error::ServiceError;
use crate::message::{FlagChange, OpenMailbox, Stored};
use crate::service::{MailService, Right};
use crate::snapshot::{Entry, Snapshot};
use crate::state::State;
use crate::{flag_block, insert};

/// Messages flagged by one commit; a larger STORE takes several, each consistent in itself.
const MESSAGES_PER_COMMIT: usize = 50_000;

impl MailService {
    /// Changes flags. Durable on return.
    pub async fn store_flags(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        change: FlagChange,
        flags: &FlagSet,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Write).await?;
        let keywords_max = self.keywords_max();
        let request = Request { change, flags, unchanged_since, keywords_max };
        let mut stored = Stored::default();
        for part in parts(&mailbox.snapshot(), uids) {
            let done = cell
                .commit(|state, change| request.apply(state, change, mailbox.id(), &part))
                .await?;
            stored.changed.append(done.changed);
            stored.modified.append(done.modified);
        }
        Ok(stored)
    }
}

/// What is there of a set, in sets for one commit each.
fn parts(snapshot: &Snapshot, uids: &UidSet) -> Vec<UidSet> {
    let mut present = snapshot.select(uids).map(|entry| entry.uid.get()).peekable();
    let mut parts = Vec::new();
    while present.peek().is_some() {
        parts.push(present.by_ref().take(MESSAGES_PER_COMMIT).collect());
    }
    parts
}

struct Request<'a> {
    change: FlagChange,
    flags: &'a FlagSet,
    unchanged_since: Option<ModSeq>,
    keywords_max: usize,
}

impl Request<'_> {
    fn apply(
        &self,
        state: &mut State,
        change: &mut Change,
        mailbox: MailboxId,
        uids: &UidSet,
    ) -> Result<Stored, ServiceError> {
        let head = state.head(mailbox)?;
        let mut stored = Stored::default();
        let mut changed = Vec::new();
        // Most messages share few sets: what becomes of each is found out once.
        let mut outcomes = Outcomes::default();
        for entry in head.select(uids) {
            if self.unchanged_since.is_some_and(|since| entry.mod_seq > since) {
                stored.modified.insert(entry.uid.get());
                continue;
            }
            let outcome =
                outcomes.of(&entry.flags, |flags| self.outcome(state, change, mailbox, flags))?;
            let Some(flags) = outcome else { continue };
            stored.changed.insert(entry.uid.get());
            changed.push((entry, flags));
        }
        write(state, change, &head, changed);
        Ok(stored)
    }

    /// What flags become; `None` when they stay what they are.
    fn outcome(
        &self,
        state: &mut State,
        change: &mut Change,
        mailbox: MailboxId,
        before: &FlagSet,
    ) -> Result<Option<Arc<FlagSet>>, ServiceError> {
        let flags = self.changed(before);
        if flags == *before {
            return Ok(None);
        }
        if flags.keywords().len() > KEYWORDS_PER_MESSAGE_MAX {
            return Err(ServiceError::TooMany { what: "keywords" });
        }
        insert::learn_keywords(state, change, mailbox, &flags, self.keywords_max)?;
        Ok(Some(state.shared(flags)))
    }

    fn changed(&self, before: &FlagSet) -> FlagSet {
        match self.change {
            FlagChange::Replace => self.flags.clone(),
            FlagChange::Add => before.iter().chain(self.flags.iter()).collect(),
            FlagChange::Remove => {
                let mut after = before.clone();
                self.flags.iter().for_each(|flag| after.remove(&flag));
                after
            }
        }
    }
}

/// What becomes of each set of flags. Neighbours mostly have the same one.
#[derive(Default)]
struct Outcomes {
    known: HashMap<*const FlagSet, Option<Arc<FlagSet>>>,
    last: Option<(*const FlagSet, Option<Arc<FlagSet>>)>,
}

impl Outcomes {
    fn of(
        &mut self,
        flags: &Arc<FlagSet>,
        find: impl FnOnce(&FlagSet) -> Result<Option<Arc<FlagSet>>, ServiceError>,
    ) -> Result<Option<Arc<FlagSet>>, ServiceError> {
        let set = Arc::as_ptr(flags);
        if let Some((last, outcome)) = &self.last
            && *last == set
        {
            return Ok(outcome.clone());
        }
        let outcome = match self.known.get(&set) {
            Some(known) => known.clone(),
            None => find(flags)?,
        };
        self.known.insert(set, outcome.clone());
        self.last = Some((set, outcome.clone()));
        Ok(outcome)
    }
}

/// Puts changed flags, given in UID order, into the commit.
fn write(
    state: &State,
    change: &mut Change,
    head: &Snapshot,
    changed: Vec<(&Entry, Arc<FlagSet>)>,
) {
    let mod_seq = change.mod_seq;
    if let (false, Some(target)) = (changed.is_empty(), change.mailbox(state, head.mailbox)) {
        let counters = &mut target.counters;
        for (before, flags) in &changed {
            counters.unseen = (counters.unseen + u32::from(before.flags.is_seen()))
                .saturating_sub(u32::from(flags.is_seen()));
            counters.deleted = (counters.deleted + u32::from(flags.is_deleted()))
                .saturating_sub(u32::from(before.flags.is_deleted()));
        }
    }
    let entry = |(before, flags): (&Entry, Arc<FlagSet>)| {
        let Entry { uid, document, size, internal_date, .. } = *before;
        Entry { uid, document, mod_seq, flags, size, internal_date }
    };
    let changed: Vec<Entry> = changed.into_iter().map(entry).collect();
    flag_block::write(&mut change.batch, head, &changed);
    change.delta(head.mailbox).entries.extend(changed);
}

/// All flags that a mailbox's messages carry, for the FLAGS response.
pub fn flags_in_use<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeSet<Flag> {
    let mut flags: BTreeSet<Flag> = Flag::SYSTEM.into_iter().collect();
    // Equal sets share one allocation, and neighbours often have equal sets: each is looked at
    // about once.
    let mut known: HashSet<*const FlagSet> = HashSet::new();
    let mut last = std::ptr::null();
    for entry in entries {
        let set = Arc::as_ptr(&entry.flags);
        if set != last && known.insert(set) {
            flags.extend(entry.flags.keywords().iter().cloned().map(Flag::Keyword));
        }
        last = set;
    }
    flags
}
