//! FETCH: reads only the rows its items need, a page at a time, and streams bodies.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use imap_session::{Item, Numbering, Section, SequenceSet, Text, respond};
use mail_message::header::{Matching, select_fields};
use mail_message::structure::{self, StructureRow};
use mail_service::{FlagChange, OpenMailbox, ServiceError, Snapshot};
use mail_store::tables::mail::MessageRow;
use mail_types::{Actor, Flag, FlagSet, Uid, UidSet};

use crate::connection::Connection;

/// Messages whose rows are read at once.
const PAGE_MESSAGES: usize = 64;

/// Which rows a FETCH needs.
#[derive(Clone, Copy, Default)]
struct Needs {
    row: bool,
    header: bool,
    structure: bool,
}

/// The rows of a page.
#[derive(Default)]
struct Rows {
    rows: HashMap<Uid, MessageRow>,
    headers: HashMap<Uid, Bytes>,
    structures: HashMap<Uid, Arc<StructureRow>>,
}

/// Where the bytes of a section are.
enum Piece {
    Missing,
    Bytes(Vec<u8>),
    Range(Range<u64>),
}

impl Connection {
    pub(crate) async fn fetch(
        &mut self,
        tag: &str,
        numbering: Numbering,
        set: &SequenceSet,
        mut items: Vec<Item>,
    ) -> io::Result<()> {
        let Some((actor, _)) = self.owner() else { return Ok(()) };
        let Some(opened) = self.selected(tag) else { return Ok(()) };
        let Some(uids) = opened.selected.resolve(set, numbering) else {
            self.tagged(tag, "BAD There is no such message");
            return Ok(());
        };
        if numbering == Numbering::Uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let known: Vec<u32> = opened.seen.select(&uids).map(|entry| entry.uid.get()).collect();
        let newly_seen = match self.mark_seen(actor, &uids, &items).await {
            Ok(newly_seen) => newly_seen,
            Err(error) => {
                self.lost(tag, &error);
                return Ok(());
            }
        };
        let fetch = Fetch { actor, needs: needs(&items), items, newly_seen };
        let mut told = 0;
        for page in known.chunks(PAGE_MESSAGES) {
            match self.fetch_page(&fetch, &page.iter().copied().collect()).await? {
                Ok(count) => told += count,
                Err(error) => {
                    self.lost(tag, &error);
                    return Ok(());
                }
            }
        }
        self.tell_except(Self::expunges(numbering), &fetch.newly_seen);
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
        uids: &UidSet,
        items: &[Item],
    ) -> Result<UidSet, ServiceError> {
        let sets = |item: &Item| matches!(item, Item::Section(section) if !section.peek);
        let Some(opened) = self.opened.as_ref().filter(|opened| !opened.read_only) else {
            return Ok(UidSet::new());
        };
        if !items.iter().any(sets) {
            return Ok(UidSet::new());
        }
        let unseen = opened.mailbox.snapshot();
        let unseen = unseen.select(uids).filter(|entry| !entry.flags.is_seen());
        let unseen: UidSet = unseen.map(|entry| entry.uid.get()).collect();
        if unseen.is_empty() {
            return Ok(unseen);
        }
        let seen: FlagSet = [Flag::Seen].into_iter().collect();
        let mailbox = opened.mailbox.clone();
        let stored =
            self.mail().store_flags(actor, &mailbox, &unseen, FlagChange::Add, &seen, None).await?;
        Ok(stored.changed)
    }

    /// Answers for one page; how many messages were still there.
    async fn fetch_page(
        &mut self,
        fetch: &Fetch,
        uids: &UidSet,
    ) -> io::Result<Result<usize, ServiceError>> {
        let Some(opened) = &self.opened else { return Ok(Ok(0)) };
        let mailbox = opened.mailbox.clone();
        let now = mailbox.snapshot();
        let rows = match self.read_rows(fetch, &mailbox, uids).await {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        let mut told = 0;
        for uid in uids.iter().filter_map(Uid::new) {
            let number = self.opened.as_ref().and_then(|opened| opened.selected.number(uid.get()));
            let Some(number) = number else { continue };
            if fetch.lacks(&rows, uid) || now.get(uid).is_none() {
                continue;
            }
            self.out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
            let message = Message { uid, mailbox: &mailbox, now: &now, rows: &rows };
            if let Err(error) = self.fetch_message(fetch, &message).await? {
                // The response is open and cannot be ended truthfully.
                return Ok(Err(error));
            }
            self.out.extend_from_slice(b")\r\n");
            self.flush_some().await?;
            told += 1;
        }
        Ok(Ok(told))
    }

    async fn read_rows(
        &self,
        fetch: &Fetch,
        mailbox: &OpenMailbox,
        uids: &UidSet,
    ) -> Result<Rows, ServiceError> {
        let (mail, actor) = (self.mail(), fetch.actor);
        let mut rows = Rows::default();
        if fetch.needs.row {
            let found = mail.messages(actor, mailbox, uids, PAGE_MESSAGES).await?;
            rows.rows = found.into_iter().collect();
        }
        if fetch.needs.header {
            let found = mail.headers(actor, mailbox, uids, PAGE_MESSAGES).await?;
            rows.headers = found.into_iter().collect();
        }
        if fetch.needs.structure {
            let found = mail.structures(actor, mailbox, uids, PAGE_MESSAGES).await?;
            rows.structures = found.into_iter().collect();
        }
        Ok(rows)
    }

    async fn fetch_message(
        &mut self,
        fetch: &Fetch,
        message: &Message<'_>,
    ) -> io::Result<Result<(), ServiceError>> {
        let tells_flags = fetch.newly_seen.contains(message.uid.get());
        let extra = (tells_flags && !fetch.items.contains(&Item::Flags)).then_some(&Item::Flags);
        for (index, item) in fetch.items.iter().chain(extra).enumerate() {
            if index > 0 {
                self.out.push(b' ');
            }
            match item {
                Item::Section(section) => {
                    if let Err(error) = self.fetch_section(fetch, message, section).await? {
                        return Ok(Err(error));
                    }
                }
                item => message.write(item, &mut self.out),
            }
        }
        Ok(Ok(()))
    }

    async fn fetch_section(
        &mut self,
        fetch: &Fetch,
        message: &Message<'_>,
        section: &Section,
    ) -> io::Result<Result<(), ServiceError>> {
        self.out.extend_from_slice(&section.label());
        self.out.push(b' ');
        let piece = match self.locate(fetch, message, section).await {
            Ok(piece) => piece,
            Err(error) => return Ok(Err(error)),
        };
        let Some(row) = message.rows.rows.get(&message.uid) else { return Ok(Ok(())) };
        match piece {
            Piece::Missing => self.out.extend_from_slice(b"NIL"),
            Piece::Bytes(bytes) => {
                let range = clip(0..bytes.len() as u64, section.partial);
                let bytes = &bytes[range.start as usize..range.end as usize];
                respond::literal_head(&mut self.out, bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
            Piece::Range(range) => {
                let range = clip(range, section.partial);
                respond::literal_head(&mut self.out, range.end - range.start);
                return self.stream(fetch.actor, message.mailbox, row, range).await;
            }
        }
        Ok(Ok(()))
    }

    /// Writes bytes of a message, holding one piece of it at a time.
    async fn stream(
        &mut self,
        actor: Actor,
        mailbox: &OpenMailbox,
        row: &MessageRow,
        mut range: Range<u64>,
    ) -> io::Result<Result<(), ServiceError>> {
        let mail = self.mail();
        while range.start < range.end {
            let piece = match mail.read(actor, mailbox, row, range.clone()).await {
                Ok(piece) if !piece.is_empty() => piece,
                Ok(_) => return Err(io::Error::other("a body ends early")),
                // A literal was announced: only closing the connection is truthful now.
                Err(error) => return Err(io::Error::other(error)),
            };
            range.start += piece.len() as u64;
            self.out.extend_from_slice(&piece);
            self.flush_some().await?;
        }
        Ok(Ok(()))
    }

    async fn locate(
        &self,
        fetch: &Fetch,
        message: &Message<'_>,
        section: &Section,
    ) -> Result<Piece, ServiceError> {
        let uid = message.uid;
        let (names, matching) = match &section.text {
            Text::Fields(names) => (names, Matching::Named),
            Text::FieldsNot(names) => (names, Matching::Others),
            _ => return Ok(message.range(section).map_or(Piece::Missing, Piece::Range)),
        };
        if section.path.is_empty() {
            let header = message.rows.headers.get(&uid).map(Bytes::as_ref).unwrap_or_default();
            return Ok(Piece::Bytes(select_fields(header, names, matching)));
        }
        let whole = Section { text: Text::Header, ..section.clone() };
        let (Some(range), Some(row)) = (message.range(&whole), message.rows.rows.get(&uid)) else {
            return Ok(Piece::Missing);
        };
        let header = self.mail().read(fetch.actor, message.mailbox, row, range).await?;
        Ok(Piece::Bytes(select_fields(&header, names, matching)))
    }
}

struct Fetch {
    actor: Actor,
    items: Vec<Item>,
    needs: Needs,
    /// Messages that this FETCH made `\Seen`.
    newly_seen: UidSet,
}

impl Fetch {
    /// Whether a row is missing: the message was expunged while we read.
    fn lacks(&self, rows: &Rows, uid: Uid) -> bool {
        (self.needs.row && !rows.rows.contains_key(&uid))
            || (self.needs.header && !rows.headers.contains_key(&uid))
            || (self.needs.structure && !rows.structures.contains_key(&uid))
    }
}

struct Message<'a> {
    uid: Uid,
    mailbox: &'a OpenMailbox,
    now: &'a Snapshot,
    rows: &'a Rows,
}

impl Message<'_> {
    fn write(&self, item: &Item, out: &mut Vec<u8>) {
        let row = self.rows.rows.get(&self.uid);
        let structure = self.rows.structures.get(&self.uid);
        match item {
            Item::Uid => out.extend_from_slice(format!("UID {}", self.uid).as_bytes()),
            Item::Flags => {
                out.extend_from_slice(b"FLAGS ");
                let flags = self.now.get(self.uid).map(|entry| Arc::clone(&entry.flags));
                respond::flags(out, flags.unwrap_or_default().iter());
            }
            Item::InternalDate => {
                let date = row.map(|row| row.internal_date.to_string()).unwrap_or_default();
                out.extend_from_slice(format!("INTERNALDATE \"{date}\"").as_bytes());
            }
            Item::Size => {
                let size = row.map_or(0, MessageRow::size);
                out.extend_from_slice(format!("RFC822.SIZE {size}").as_bytes());
            }
            Item::Envelope => prepared(out, "ENVELOPE ", structure.map(|row| &row.envelope)),
            Item::Body => prepared(out, "BODY ", structure.map(|row| &row.body)),
            Item::BodyStructure => {
                prepared(out, "BODYSTRUCTURE ", structure.map(|row| &row.body_structure));
            }
            Item::Section(_) => {}
        }
    }

    /// Where a section lies in prefix and message together.
    fn range(&self, section: &Section) -> Option<Range<u64>> {
        let row = self.rows.rows.get(&self.uid)?;
        let kind = match section.text {
            Text::All => structure::Section::Body,
            Text::Text => structure::Section::Text,
            Text::Mime => structure::Section::Mime,
            Text::Header | Text::Fields(_) | Text::FieldsNot(_) => structure::Section::Header,
        };
        match (section.path.as_slice(), kind) {
            ([], structure::Section::Body) => Some(0..row.size()),
            (path, kind) => self.rows.structures.get(&self.uid)?.range(path, kind),
        }
    }
}

fn prepared(out: &mut Vec<u8>, name: &str, bytes: Option<&Vec<u8>>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(bytes.map(Vec::as_slice).unwrap_or(b"NIL"));
}

fn needs(items: &[Item]) -> Needs {
    let mut needs = Needs::default();
    for item in items {
        match item {
            Item::Flags | Item::Uid => {}
            Item::InternalDate | Item::Size => needs.row = true,
            Item::Envelope | Item::Body | Item::BodyStructure => needs.structure = true,
            Item::Section(section) => {
                needs.row = true;
                match (section.path.is_empty(), &section.text) {
                    (true, Text::All) => {}
                    (true, Text::Fields(_) | Text::FieldsNot(_)) => needs.header = true,
                    _ => needs.structure = true,
                }
            }
        }
    }
    needs
}

/// RFC 3501 §6.4.5: a partial range is cut at the end, and is empty behind it.
fn clip(range: Range<u64>, partial: Option<(u64, u64)>) -> Range<u64> {
    let Some((first, count)) = partial else { return range };
    let start = range.start.saturating_add(first).min(range.end);
    start..start.saturating_add(count).min(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_ranges_never_leave_the_section() {
        assert_eq!(clip(10..20, Some((2, 3))), 12..15);
        assert_eq!(clip(10..20, Some((2, 300))), 12..20);
        assert_eq!(clip(10..20, Some((u64::MAX, u64::MAX))), 20..20);
        assert_eq!(clip(10..20, None), 10..20);
    }
}
