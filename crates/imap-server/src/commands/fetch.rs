//! FETCH: reads only the rows its items need, a page at a time.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use imap_session::{Item, Numbering, SequenceSet, Text, respond};
use mail_message::structure::StructureRow;
use mail_service::{Entry, FlagChange, OpenMailbox, ServiceError, Snapshot};
use mail_store::tables::mail::MessageRow;
use mail_types::{Actor, Flag, FlagSet, ModSeq, Uid, UidSet};

use crate::connection::{Access, Connection, Opened, WRITE_BYTES};

/// Messages whose rows are read at once.
const PAGE_MESSAGES: usize = 64;
/// Messages answered at once when no rows are needed.
const PAGE_FLAGS: usize = 2048;

/// What the client asked for.
pub(crate) struct Request {
    pub(crate) numbering: Numbering,
    pub(crate) set: SequenceSet,
    pub(crate) items: Vec<Item>,
    pub(crate) changed_since: Option<u64>,
}

/// Which rows a FETCH needs; flags, dates and sizes are in memory.
#[derive(Clone, Copy, Default, PartialEq)]
struct Needs {
    row: bool,
    header: bool,
    structure: bool,
}

/// The rows of a page.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) rows: HashMap<Uid, MessageRow>,
    pub(crate) headers: HashMap<Uid, Bytes>,
    pub(crate) structures: HashMap<Uid, Arc<StructureRow>>,
}

/// A FETCH that is being answered.
pub(crate) struct Fetch {
    pub(crate) actor: Actor,
    pub(crate) mailbox: OpenMailbox,
    pub(crate) items: Vec<Item>,
    needs: Needs,
    /// Messages that this FETCH made `\Seen`.
    pub(crate) newly_seen: UidSet,
}

impl Fetch {
    fn tells_flags(&self) -> bool {
        self.items.contains(&Item::Flags) || !self.newly_seen.is_empty()
    }

    /// Whether a row is missing: the message was expunged while we read.
    fn lacks(&self, rows: &Rows, uid: Uid) -> bool {
        (self.needs.row && !rows.rows.contains_key(&uid))
            || (self.needs.header && !rows.headers.contains_key(&uid))
            || (self.needs.structure && !rows.structures.contains_key(&uid))
    }
}

impl Connection {
    pub(crate) async fn fetch(&mut self, tag: &str, request: Request) -> io::Result<()> {
        let Request { numbering, set, mut items, changed_since } = request;
        let Some((actor, _)) = self.owner() else { return Ok(()) };
        // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for MODSEQ as well.
        if changed_since.is_some() && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        self.condstore |= items.contains(&Item::ModSeq);
        let Some(opened) = self.selected(tag) else { return Ok(()) };
        let Some(uids) = opened.selected.resolve(&set, numbering) else {
            self.tagged(tag, "BAD There is no such message");
            return Ok(());
        };
        if numbering == Numbering::Uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let mailbox = opened.mailbox.clone();
        let is_wanted =
            |entry: &&Entry| changed_since.is_none_or(|since| entry.mod_seq > ModSeq(since));
        let seen = Arc::clone(&opened.seen);
        let known: Vec<Uid> = seen.select(&uids).filter(is_wanted).map(|entry| entry.uid).collect();
        let newly_seen = match self.mark_seen(actor, &known, &items).await {
            Ok(newly_seen) => newly_seen,
            Err(error) => {
                self.lost(tag, &error);
                return Ok(());
            }
        };
        let stored = mailbox.snapshot();
        let fetch = Fetch { actor, mailbox, needs: needs(&items), items, newly_seen };
        let page = if fetch.needs == Needs::default() { PAGE_FLAGS } else { PAGE_MESSAGES };
        let mut told = 0;
        for page in known.chunks(page) {
            match self.fetch_page(&fetch, page).await? {
                Ok(count) => told += count,
                Err(error) => {
                    self.lost(tag, &error);
                    return Ok(());
                }
            }
        }
        let now = fetch.mailbox.snapshot();
        // Others may have changed again what this FETCH made \Seen and told.
        self.tell_unless(now, Self::expunges(numbering), |_, entry| {
            fetch.newly_seen.contains(entry.uid.get())
                && stored.get(entry.uid).is_some_and(|told| told.mod_seq == entry.mod_seq)
        });
        match told < known.len() && numbering == Numbering::Sequence {
            // RFC 2180 §4.1.2: some of them were expunged by another session.
            true => self.tagged(tag, "NO [EXPUNGEISSUED] Some of the messages are gone"),
            false => self.tagged(tag, "OK FETCH completed"),
        }
        Ok(())
    }

    /// RFC 3501 §6.4.5: fetching a body without PEEK sets `\Seen`.
    async fn mark_seen(
        &mut self,
        actor: Actor,
        uids: &[Uid],
        items: &[Item],
    ) -> Result<UidSet, ServiceError> {
        let sets = |item: &Item| matches!(item, Item::Section(section) if !section.peek);
        let is_writable = |opened: &&Opened| opened.access == Access::ReadWrite;
        let Some(opened) = self.opened.as_ref().filter(is_writable) else {
            return Ok(UidSet::new());
        };
        if !items.iter().any(sets) {
            return Ok(UidSet::new());
        }
        let now = opened.mailbox.snapshot();
        let unseen = uids.iter().filter_map(|uid| now.get(*uid));
        let unseen = unseen.filter(|entry| !entry.flags.is_seen());
        let unseen: UidSet = unseen.map(|entry| entry.uid.get()).collect();
        if unseen.is_empty() {
            return Ok(unseen);
        }
        let seen: FlagSet = [Flag::Seen].into_iter().collect();
        let mailbox = opened.mailbox.clone();
        let mail = self.mail();
        match mail.store_flags(actor, &mailbox, &unseen, FlagChange::Add, &seen, None).await {
            Ok(stored) => Ok(stored.changed),
            // The day was set while the mailbox was open. It is read all the same.
            Err(ServiceError::Leaving) => Ok(UidSet::new()),
            Err(error) => Err(error),
        }
    }

    /// Answers for one page; how many messages were still there.
    async fn fetch_page(
        &mut self,
        fetch: &Fetch,
        uids: &[Uid],
    ) -> io::Result<Result<usize, ServiceError>> {
        let now = fetch.mailbox.snapshot();
        let rows = match self.read_rows(fetch, uids).await {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        if fetch.tells_flags() {
            self.tell_keywords(&now, uids);
        }
        let mut told = 0;
        for &uid in uids {
            let number = self.opened.as_ref().and_then(|opened| opened.selected.number(uid.get()));
            let (Some(number), Some(entry)) = (number, now.get(uid)) else { continue };
            if fetch.lacks(&rows, uid) {
                continue;
            }
            self.out.extend_from_slice(b"* ");
            respond::number(&mut self.out, number.into());
            self.out.extend_from_slice(b" FETCH (");
            self.fetch_message(fetch, entry, &rows).await?;
            self.out.extend_from_slice(b")\r\n");
            if self.out.len() >= WRITE_BYTES {
                self.flush().await?;
            }
            told += 1;
        }
        Ok(Ok(told))
    }

    /// RFC 3501 §7.2.6: what another session made up since the client was told of changes is
    /// announced before it is used.
    fn tell_keywords(&mut self, now: &Snapshot, uids: &[Uid]) {
        let Some(opened) = &mut self.opened else { return };
        if now.highest_mod_seq != opened.seen.highest_mod_seq {
            let entries = uids.iter().filter_map(|uid| now.get(*uid));
            opened.selected.tell_new_keywords(entries.map(|entry| &*entry.flags), &mut self.out);
        }
    }

    async fn read_rows(&self, fetch: &Fetch, uids: &[Uid]) -> Result<Rows, ServiceError> {
        let mut rows = Rows::default();
        if fetch.needs == Needs::default() {
            return Ok(rows);
        }
        let (mail, actor, mailbox) = (self.mail(), fetch.actor, &fetch.mailbox);
        let uids: UidSet = uids.iter().map(|uid| uid.get()).collect();
        if fetch.needs.row {
            let found = mail.messages(actor, mailbox, &uids, PAGE_MESSAGES).await?;
            rows.rows = found.into_iter().collect();
        }
        if fetch.needs.header {
            let found = mail.headers(actor, mailbox, &uids, PAGE_MESSAGES).await?;
            rows.headers = found.into_iter().collect();
        }
        if fetch.needs.structure {
            let found = mail.structures(actor, mailbox, &uids, PAGE_MESSAGES).await?;
            rows.structures = found.into_iter().collect();
        }
        Ok(rows)
    }
}

fn needs(items: &[Item]) -> Needs {
    let mut needs = Needs::default();
    for item in items {
        match item {
            Item::Flags | Item::Uid | Item::ModSeq | Item::InternalDate | Item::Size => {}
            Item::Envelope | Item::Body | Item::BodyStructure => needs.structure = true,
            Item::Section(section) => match (section.path.is_empty(), &section.text) {
                (true, Text::Fields(_) | Text::FieldsNot(_)) => needs.header = true,
                (true, Text::All) => needs.row = true,
                _ => (needs.row, needs.structure) = (true, true),
            },
        }
    }
    needs
}
