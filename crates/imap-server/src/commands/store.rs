//! STORE.

use imap_session::{Numbering, SequenceSet, StoreChange, Update};
use mail_service::FlagChange;
use mail_types::{Flag, FlagSet, UidSet};

use crate::connection::Connection;

impl Connection {
    pub(crate) async fn store(
        &mut self,
        tag: &str,
        numbering: Numbering,
        set: &SequenceSet,
        change: StoreChange,
        silent: bool,
        flags: Vec<Flag>,
    ) {
        let Some((actor, _)) = self.owner() else { return };
        let mail = self.mail();
        let Some(opened) = self.writable(tag) else { return };
        let Some(uids) = opened.selected.resolve(set, numbering) else {
            return self.tagged(tag, "BAD There is no such message");
        };
        let change = match change {
            StoreChange::Replace => FlagChange::Replace,
            StoreChange::Add => FlagChange::Add,
            StoreChange::Remove => FlagChange::Remove,
        };
        let flags: FlagSet = flags.into_iter().collect();
        let mailbox = opened.mailbox.clone();
        let stored = mail.store_flags(actor, &mailbox, &uids, change, &flags, None).await;
        if let Err(error) = stored {
            return self.lost(tag, &error);
        }
        let is_gone = self.tell_stored(&uids, silent);
        self.tell_except(Self::expunges(numbering), &uids);
        match is_gone && numbering == Numbering::Sequence {
            // RFC 2180 §4.2.1: some of them were expunged by another session.
            true => self.tagged(tag, "NO [EXPUNGEISSUED] Some of the messages are gone"),
            false => self.tagged(tag, "OK STORE completed"),
        }
    }

    /// Answers with the flags of all messages named; says whether some are gone.
    fn tell_stored(&mut self, uids: &UidSet, silent: bool) -> bool {
        let Some(opened) = &mut self.opened else { return false };
        let now = opened.mailbox.snapshot();
        let known = opened.seen.select(uids).count();
        let entries: Vec<_> = now.select(uids).collect();
        let is_gone = entries.len() < known;
        if !silent {
            let flags = entries.iter().map(|entry| (entry.uid, (*entry.flags).clone())).collect();
            let update = Update { flags, ..Update::default() };
            opened.selected.update(update, imap_session::Expunges::Withheld, &mut self.out);
        }
        is_gone
    }
}
