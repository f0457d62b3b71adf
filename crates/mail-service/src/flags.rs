//! STORE.

use std::collections::BTreeSet;

use mail_store::tables::mail::{MessageFlags, MessageFlagsRow};
use mail_types::{Actor, Flag, FlagSet, KEYWORDS_PER_MESSAGE_MAX, MailboxId, ModSeq, UidSet};

use crate::account::Change;
use crate::error::ServiceError;
use crate::insert;
use crate::message::{FlagChange, OpenMailbox, Stored};
use crate::service::{MailService, Right};
use crate::snapshot::Entry;
use crate::state::State;

/// Messages flagged by one commit; a larger STORE takes several, each consistent in itself.
const MESSAGES_PER_COMMIT: usize = 5000;

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
        let present: Vec<u32> =
            mailbox.snapshot().select(uids).map(|entry| entry.uid.get()).collect();
        let mut stored = Stored::default();
        for part in present.chunks(MESSAGES_PER_COMMIT) {
            let part: UidSet = part.iter().copied().collect();
            let done = cell
                .commit(|state, change| request.apply(state, change, mailbox.id(), &part))
                .await?;
            done.changed.iter().for_each(|uid| stored.changed.insert(uid));
            done.modified.iter().for_each(|uid| stored.modified.insert(uid));
        }
        Ok(stored)
    }
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
        for entry in head.select(uids) {
            if self.unchanged_since.is_some_and(|since| entry.mod_seq > since) {
                stored.modified.insert(entry.uid.get());
                continue;
            }
            let flags = self.changed(&entry.flags);
            if flags == *entry.flags {
                continue;
            }
            if flags.keywords().len() > KEYWORDS_PER_MESSAGE_MAX {
                return Err(ServiceError::TooMany { what: "keywords" });
            }
            stored.changed.insert(entry.uid.get());
            insert::learn_keywords(state, change, mailbox, &flags, self.keywords_max)?;
            write(state, change, mailbox, entry, flags);
        }
        Ok(stored)
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

fn write(
    state: &mut State,
    change: &mut Change,
    mailbox: MailboxId,
    entry: &Entry,
    flags: FlagSet,
) {
    let mod_seq = change.mod_seq;
    if let Some(target) = change.mailbox(state, mailbox) {
        let counters = &mut target.counters;
        counters.unseen = (counters.unseen + u32::from(entry.flags.is_seen()))
            .saturating_sub(u32::from(flags.is_seen()));
        counters.deleted = (counters.deleted + u32::from(flags.is_deleted()))
            .saturating_sub(u32::from(entry.flags.is_deleted()));
    }
    let row = MessageFlagsRow { flags, mod_seq, document: entry.document };
    change.batch.put::<MessageFlags>(&(mailbox, entry.uid), &row);
    let flags = state.shared(row.flags);
    change.delta(mailbox).entries.push(Entry { mod_seq, flags, ..entry.clone() });
}

/// All flags that a mailbox's messages carry, for the FLAGS response.
pub fn flags_in_use<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeSet<Flag> {
    let mut flags: BTreeSet<Flag> = Flag::SYSTEM.into_iter().collect();
    for entry in entries.filter(|entry| !entry.flags.keywords().is_empty()) {
        flags.extend(entry.flags.keywords().iter().cloned().map(Flag::Keyword));
    }
    flags
}
