//! STORE.

use std::sync::Arc;

use imap_session::{Expunges, Numbering, SequenceSet, StoreChange, Update};
use mail_service::{Entry, FlagChange, Snapshot, Stored};
use mail_types::{FlagSet, ModSeq, Uid, UidSet};

use crate::connection::Connection;

/// What the client asked for.
pub(crate) struct Request {
    pub(crate) numbering: Numbering,
    pub(crate) set: SequenceSet,
    pub(crate) unchanged_since: Option<u64>,
    pub(crate) change: StoreChange,
    pub(crate) silent: bool,
    pub(crate) flags: FlagSet,
}

impl Connection {
    pub(crate) async fn store(&mut self, tag: &str, request: Request) {
        let Request { numbering, set, unchanged_since, change, silent, flags } = request;
        let Some((actor, _)) = self.owner() else { return };
        self.condstore |= unchanged_since.is_some();
        let mail = self.mail();
        let Some(opened) = self.writable(tag) else { return };
        let Some(uids) = opened.selected.resolve(&set, numbering) else {
            return self.tagged(tag, "BAD There is no such message");
        };
        let change = match change {
            StoreChange::Replace => FlagChange::Replace,
            StoreChange::Add => FlagChange::Add,
            StoreChange::Remove => FlagChange::Remove,
        };
        let mailbox = opened.mailbox.clone();
        let unchanged_since = unchanged_since.map(ModSeq);
        let stored =
            mail.store_flags(actor, &mailbox, &uids, change, &flags, unchanged_since).await;
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => return self.lost(tag, &error),
        };
        // RFC 7162 §3.1.3: UNCHANGEDSINCE is answered with mod-sequences, silent or not, and only
        // for what was changed.
        let told = if unchanged_since.is_some() { &stored.changed } else { &uids };
        let silent = silent && unchanged_since.is_none() && !self.condstore;
        let now = mailbox.snapshot();
        let is_gone = self.tell_stored(&now, &uids, told, silent);
        let mut wanted = Wanted { change, flags: &flags, last: None };
        self.tell_unless(now, Self::expunges(numbering), |seen, now| {
            told.contains(now.uid.get()) && (!silent || wanted.is_made(seen, now))
        });
        let code = self.modified(&stored, numbering);
        match is_gone && numbering == Numbering::Sequence {
            // RFC 2180 §4.2.1: some of them were expunged by another session.
            true => self.tagged(tag, "NO [EXPUNGEISSUED] Some of the messages are gone"),
            false => self.tagged(tag, &format!("OK {code}STORE completed")),
        }
    }

    /// Answers with the flags of these messages; says whether some of those named are gone.
    fn tell_stored(&mut self, now: &Snapshot, uids: &UidSet, told: &UidSet, silent: bool) -> bool {
        let condstore = self.condstore;
        let Some(opened) = &mut self.opened else { return false };
        let known = opened.seen.select(uids).count();
        if !silent {
            let flags = now.select(told);
            let flags = flags.map(|entry| (entry.uid, Arc::clone(&entry.flags), entry.mod_seq));
            let update = Update { flags: flags.collect(), ..Update::default() };
            opened.selected.update(update, Expunges::Withheld, condstore, &mut self.out);
        }
        now.select(uids).count() < known
    }

    /// RFC 7162 §3.1.3: `[MODIFIED set] ` names what changed meanwhile and was left alone.
    fn modified(&self, stored: &Stored, numbering: Numbering) -> String {
        let Some(opened) = &self.opened else { return String::new() };
        let shown = |uid| opened.selected.shown(uid, numbering);
        let left: UidSet = stored.modified.iter().filter_map(Uid::new).filter_map(shown).collect();
        if left.is_empty() { String::new() } else { format!("[MODIFIED {left}] ") }
    }
}

/// What a silent STORE lets its client believe.
struct Wanted<'a> {
    change: FlagChange,
    flags: &'a FlagSet,
    /// What came of the message before: neighbours mostly have the same sets.
    last: Option<([*const FlagSet; 2], bool)>,
}

impl Wanted<'_> {
    /// Whether the flags are what the client takes them for. RFC 3501 §6.4.6: what others have
    /// changed meanwhile is told in spite of ".SILENT".
    fn is_made(&mut self, seen: &Entry, now: &Entry) -> bool {
        let sets = [Arc::as_ptr(&seen.flags), Arc::as_ptr(&now.flags)];
        match self.last {
            Some((last, is_made)) if last == sets => is_made,
            _ => {
                let is_made = self.makes(seen, now);
                self.last = Some((sets, is_made));
                is_made
            }
        }
    }

    fn makes(&self, seen: &Entry, now: &Entry) -> bool {
        let before = seen.flags.iter();
        match self.change {
            FlagChange::Replace => *now.flags == *self.flags,
            FlagChange::Add => *now.flags == before.chain(self.flags.iter()).collect(),
            FlagChange::Remove => {
                *now.flags == before.filter(|flag| !self.flags.contains(flag)).collect()
            }
        }
    }
}
