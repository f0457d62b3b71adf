//! What FETCH answers of one message: items from memory and rows, sections streamed.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use imap_session::{Item, Section, Text, respond};
use mail_message::header::{Matching, select_fields};
use mail_message::structure;
use mail_service::{Entry, ServiceError};
use mail_store::tables::mail::MessageRow;

use super::fetch::{Fetch, Rows};
use crate::connection::{Connection, WRITE_BYTES};

/// Where the bytes of a section are.
enum Piece {
    Missing,
    Bytes(Vec<u8>),
    Range(Range<u64>),
}

impl Connection {
    /// The items of one message, between its parentheses. The response is open: when a part of it
    /// cannot be read, only closing the connection is truthful.
    pub(crate) async fn fetch_message(
        &mut self,
        fetch: &Fetch,
        entry: &Entry,
        rows: &Rows,
    ) -> io::Result<()> {
        let made_seen = fetch.newly_seen.contains(entry.uid.get());
        let tells_flags = made_seen && !fetch.items.contains(&Item::Flags);
        // RFC 7162 §3.2: whoever understands mod-sequences is told them with the flags.
        let tells_mod_seq = made_seen && self.condstore && !fetch.items.contains(&Item::ModSeq);
        let extra = tells_flags.then_some(&Item::Flags).into_iter();
        let extra = extra.chain(tells_mod_seq.then_some(&Item::ModSeq));
        for (index, item) in fetch.items.iter().chain(extra).enumerate() {
            if index > 0 {
                self.out.push(b' ');
            }
            match item {
                Item::Section(section) => {
                    let message = Message { entry, rows };
                    self.fetch_section(fetch, &message, section).await?;
                }
                item => write(item, entry, rows, &mut self.out),
            }
        }
        Ok(())
    }

    async fn fetch_section(
        &mut self,
        fetch: &Fetch,
        message: &Message<'_>,
        section: &Section,
    ) -> io::Result<()> {
        section.write_label(&mut self.out);
        self.out.push(b' ');
        let piece = self.locate(fetch, message, section).await.map_err(io::Error::other)?;
        match (piece, message.row()) {
            (Piece::Bytes(bytes), _) => {
                let range = clip(0..bytes.len() as u64, section.partial);
                let bytes = &bytes[range.start as usize..range.end as usize];
                respond::literal_head(&mut self.out, bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
            (Piece::Range(range), Some(row)) => {
                let range = clip(range, section.partial);
                respond::literal_head(&mut self.out, range.end - range.start);
                self.stream(fetch, row, range).await?;
            }
            (Piece::Missing | Piece::Range(_), _) => self.out.extend_from_slice(b"NIL"),
        }
        Ok(())
    }

    /// Writes bytes of a message, holding one piece of it at a time.
    async fn stream(
        &mut self,
        fetch: &Fetch,
        row: &MessageRow,
        mut range: Range<u64>,
    ) -> io::Result<()> {
        let mail = self.mail();
        while range.start < range.end {
            let piece = match mail.read(fetch.actor, &fetch.mailbox, row, range.clone()).await {
                Ok(piece) if !piece.is_empty() => piece,
                Ok(_) => return Err(io::Error::other("a body ends early")),
                Err(error) => return Err(io::Error::other(error)),
            };
            range.start += piece.len() as u64;
            self.out.extend_from_slice(&piece);
            if self.out.len() >= WRITE_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn locate(
        &self,
        fetch: &Fetch,
        message: &Message<'_>,
        section: &Section,
    ) -> Result<Piece, ServiceError> {
        let (names, matching) = match &section.text {
            Text::Fields(names) => (names, Matching::Named),
            Text::FieldsNot(names) => (names, Matching::Others),
            _ => return Ok(message.range(section).map_or(Piece::Missing, Piece::Range)),
        };
        if section.path.is_empty() {
            let header = message.rows.headers.get(&message.entry.uid);
            let header = header.map(Bytes::as_ref).unwrap_or_default();
            return Ok(Piece::Bytes(select_fields(header, names, matching)));
        }
        let whole = Section { text: Text::Header, ..section.clone() };
        let (Some(range), Some(row)) = (message.range(&whole), message.row()) else {
            return Ok(Piece::Missing);
        };
        let header = self.mail().read(fetch.actor, &fetch.mailbox, row, range).await?;
        Ok(Piece::Bytes(select_fields(&header, names, matching)))
    }
}

struct Message<'a> {
    entry: &'a Entry,
    rows: &'a Rows,
}

impl Message<'_> {
    fn row(&self) -> Option<&MessageRow> {
        self.rows.rows.get(&self.entry.uid)
    }

    /// Where a section lies in prefix and message together.
    fn range(&self, section: &Section) -> Option<Range<u64>> {
        let kind = match section.text {
            Text::All => structure::Section::Body,
            Text::Text => structure::Section::Text,
            Text::Mime => structure::Section::Mime,
            Text::Header | Text::Fields(_) | Text::FieldsNot(_) => structure::Section::Header,
        };
        match (section.path.as_slice(), kind) {
            ([], structure::Section::Body) => Some(0..self.row()?.size()),
            (path, kind) => self.rows.structures.get(&self.entry.uid)?.range(path, kind),
        }
    }
}

fn write(item: &Item, entry: &Entry, rows: &Rows, out: &mut Vec<u8>) {
    let structure = rows.structures.get(&entry.uid);
    match item {
        Item::Uid => {
            out.extend_from_slice(b"UID ");
            respond::number(out, entry.uid.get().into());
        }
        Item::Flags => {
            out.extend_from_slice(b"FLAGS ");
            respond::flag_set(out, &entry.flags);
        }
        Item::ModSeq => {
            out.extend_from_slice(b"MODSEQ (");
            respond::number(out, entry.mod_seq.0);
            out.push(b')');
        }
        Item::InternalDate => {
            out.extend_from_slice(format!("INTERNALDATE \"{}\"", entry.internal_date).as_bytes());
        }
        Item::Size => {
            out.extend_from_slice(b"RFC822.SIZE ");
            respond::number(out, entry.size);
        }
        Item::Envelope => prepared(out, "ENVELOPE ", structure.map(|row| &row.envelope)),
        Item::Body => prepared(out, "BODY ", structure.map(|row| &row.body)),
        Item::BodyStructure => {
            prepared(out, "BODYSTRUCTURE ", structure.map(|row| &row.body_structure));
        }
        Item::Section(_) => {}
    }
}

fn prepared(out: &mut Vec<u8>, name: &str, bytes: Option<&Vec<u8>>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(bytes.map(Vec::as_slice).unwrap_or(b"NIL"));
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
