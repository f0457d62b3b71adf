//! The texts of a stored message that searches look into, folded. The indexer and the scan use
//! the same ones, so that they cannot disagree.

use std::ops::Range;

use bytes::Bytes;
use mail_message::header::{self, Field as HeaderField};
use mail_message::part::Part;
use mail_message::structure::StructureRow;
use mail_message::{address, text};
use mail_store::tables::mail::{Message, MessageHeader, MessageRow, MessageStructure};
use mail_store::{BlobStore, Partition, Store, StoreError};
use mail_types::{MailboxId, Uid};

use super::fold::fold;
use super::token::DocumentWords;
use crate::error::ServiceError;
use crate::message::unspill;

/// Bytes of one part, as it stands, that a search looks into.
const PART_BYTES_MAX: u64 = 16 << 20;
/// Bytes of decoded text that are indexed of one message; one with more is marked.
const INDEXED_BYTES_MAX: usize = 1 << 20;
/// Bytes of parts as they stand that are read to index one message.
const INDEXED_RAW_BYTES_MAX: u64 = 4 << 20;
/// From this size on, decoding a part is given to a thread that may block.
const LARGE_PART_BYTES: usize = 256 << 10;
/// Mailboxes of one address field that are searched by name and address alone.
const ADDRESSES_MAX: usize = 1000;

/// What a word was found in. The numbers are part of the stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Field {
    Subject = 1,
    From = 2,
    To = 3,
    Cc = 4,
    Bcc = 5,
    MessageId = 6,
    /// Names of attachments.
    Name = 7,
    Body = 8,
}

impl Field {
    /// One more than the highest number.
    pub(crate) const END: usize = 9;
    /// Those of the header.
    pub(crate) const HEADER: [Field; 6] =
        [Field::Subject, Field::From, Field::To, Field::Cc, Field::Bcc, Field::MessageId];
    /// The others.
    pub(crate) const CONTENT: [Field; 2] = [Field::Name, Field::Body];

    /// The field that a header field's words are in, if they are indexed. What programs write to
    /// each other is not: it would be most of the index.
    pub(crate) fn of_header(name: &str) -> Option<Self> {
        let named = ["subject", "from", "to", "cc", "bcc", "message-id"];
        let place = named.iter().position(|named| named.eq_ignore_ascii_case(name))?;
        Some(Self::HEADER[place])
    }
}

/// A field's value as it is searched: decoded, and of address fields each name and address by
/// itself as well, because a display name's quotes are not part of it.
fn folded_value(field: &HeaderField<'_>) -> String {
    let mut folded = match plain(field.value) {
        Some(folded) => folded,
        None => fold(&header::decode_text(field.value, usize::MAX)),
    };
    let lists = ["from", "to", "cc", "bcc", "reply-to", "sender"];
    if lists.iter().any(|name| field.is(name)) {
        for (name, address) in address::mailboxes(&header::unfold(field.value), ADDRESSES_MAX) {
            folded.push('\n');
            folded.push_str(&fold(&name));
            folded.push('\n');
            folded.push_str(&fold(&address));
        }
    }
    folded
}

/// The short way for a value in which nothing is encoded.
fn plain(value: &[u8]) -> Option<String> {
    let is_plain = |&byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    if !value.iter().all(is_plain) || memchr::memmem::find(value, b"=?").is_some() {
        return None;
    }
    let mut folded = String::with_capacity(value.len());
    for &byte in value.trim_ascii() {
        match byte {
            b'\r' | b'\n' => {}
            b' ' | b'\t' if folded.ends_with(' ') => {}
            b'\t' => folded.push(' '),
            byte => folded.push(char::from(byte.to_ascii_lowercase())),
        }
    }
    Some(folded)
}

/// The values of the fields of this name, folded.
pub(crate) fn values<'a>(raw: &'a [u8], name: &'a str) -> impl Iterator<Item = String> + 'a {
    header::fields(raw).filter(move |field| field.is(name)).map(|field| folded_value(&field))
}

/// A header section for TEXT: a line for each field.
pub(crate) fn whole_header(raw: &[u8]) -> String {
    let mut whole = String::with_capacity(raw.len());
    for field in header::fields(raw) {
        whole.push_str(&fold(&String::from_utf8_lossy(field.name)));
        whole.push_str(": ");
        whole.push_str(&folded_value(&field));
        whole.push('\n');
    }
    whole
}

/// The names of attachments.
pub(crate) fn names(structure: &StructureRow) -> impl Iterator<Item = String> + '_ {
    structure.parts.iter().filter_map(Part::file_name).map(|name| fold(&name))
}

/// A part of the body that holds text.
enum Piece {
    /// The text of a part.
    Text(Part),
    /// The header of a message within: it is part of the body.
    Header,
}

fn pieces(structure: &StructureRow) -> Vec<(Range<u64>, Piece)> {
    let mut found = Vec::new();
    for part in &structure.parts {
        if part.is_message
            && let Some(inner) = part.children.first().and_then(|&n| structure.parts.get(n as usize))
        {
            found.push((inner.header.clone(), Piece::Header));
        }
        if text::is_readable(part) && !part.is_message {
            found.push((part.body.clone(), Piece::Text(part.clone())));
        }
    }
    found
}

/// The messages of one mailbox.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) store: &'a Store,
    pub(crate) partition: Partition,
    pub(crate) mailbox: MailboxId,
}

impl Source<'_> {
    pub(crate) async fn row(&self, uid: Uid) -> Result<Option<MessageRow>, ServiceError> {
        Ok(self.store.get::<Message>(self.partition, &(self.mailbox, uid)).await?)
    }

    pub(crate) async fn header(&self, uid: Uid) -> Result<Option<Bytes>, ServiceError> {
        match self.store.get::<MessageHeader>(self.partition, &(self.mailbox, uid)).await? {
            Some(row) => unspill(self.store, row).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn structure(&self, uid: Uid) -> Result<Option<StructureRow>, ServiceError> {
        let key = (self.mailbox, uid);
        let Some(row) = self.store.get::<MessageStructure>(self.partition, &key).await? else {
            return Ok(None);
        };
        let bytes = unspill(self.store, row.structure).await?;
        postcard::from_bytes(&bytes).map(Some).map_err(|error| {
            ServiceError::Corrupt(StoreError::Corrupt {
                table: "MessageStructure",
                detail: format!("{:?} {} UID {uid}: {error}", self.partition, self.mailbox),
            })
        })
    }

    /// Whether a text of the body, or an attachment's name if those are wanted, is one that
    /// `is_wanted`. One part is in memory at a time.
    pub(crate) async fn any_text(
        &self,
        uid: Uid,
        with_names: bool,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<bool, ServiceError> {
        let (Some(row), Some(structure)) = (self.row(uid).await?, self.structure(uid).await?)
        else {
            return Ok(false);
        };
        if with_names && names(&structure).any(|name| is_wanted(&name)) {
            return Ok(true);
        }
        for (range, piece) in pieces(&structure) {
            let raw = self.read(&row, range, PART_BYTES_MAX).await?;
            if is_wanted(&decoded(piece, raw, usize::MAX).await?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The words of a message; `None` when it is not there.
    pub(crate) async fn words(&self, uid: Uid) -> Result<Option<DocumentWords>, ServiceError> {
        let (Some(row), Some(structure), Some(raw)) =
            (self.row(uid).await?, self.structure(uid).await?, self.header(uid).await?)
        else {
            return Ok(None);
        };
        let mut words = DocumentWords::default();
        for field in header::fields(&raw) {
            let name = std::str::from_utf8(field.name).ok();
            if let Some(indexed) = name.and_then(Field::of_header) {
                words.add(indexed, &folded_value(&field));
            }
        }
        names(&structure).for_each(|name| words.add(Field::Name, &name));
        let (mut text_left, mut raw_left) = (INDEXED_BYTES_MAX, INDEXED_RAW_BYTES_MAX);
        for (range, piece) in pieces(&structure) {
            let size = range.end.saturating_sub(range.start);
            let raw = self.read(&row, range, raw_left).await?;
            raw_left -= raw.len() as u64;
            let text = decoded(piece, raw, text_left).await?;
            // A text as long as what was left may be cut; folding can make it a little shorter.
            words.is_cut |= size > raw_left + size.min(INDEXED_RAW_BYTES_MAX) || text.is_cut;
            text_left = text_left.saturating_sub(text.bytes);
            words.add(Field::Body, &text);
        }
        Ok(Some(words))
    }

    /// Reads a range of the body, up to a bound.
    async fn read(
        &self,
        row: &MessageRow,
        range: Range<u64>,
        bytes_max: u64,
    ) -> Result<Vec<u8>, ServiceError> {
        let end = range.end.min(range.start.saturating_add(bytes_max));
        let mut raw = Vec::new();
        while range.start + (raw.len() as u64) < end {
            let from = range.start + raw.len() as u64;
            let piece = self.store.read_body(row.body, from..end).await?;
            if piece.is_empty() {
                break;
            }
            raw.extend_from_slice(&piece);
        }
        Ok(raw)
    }
}
