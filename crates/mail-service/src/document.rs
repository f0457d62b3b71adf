//! A stored message's texts, folded, as searches compare them and as the index holds them.

use std::ops::ControlFlow;

use bytes::Bytes;
use mail_message::part::Part;
use mail_message::structure::StructureRow;
use mail_message::{address, decode, header};
use mail_store::tables::mail::{Message, MessageHeader, MessageRow, MessageStructure};
use mail_store::{Partition, Store};
use mail_types::{MailboxId, Uid};

use crate::error::ServiceError;
use crate::fold::{fold, fold_lines};
use crate::message::{read_range, structure, unspill};

/// Bytes of one part's text that are looked into.
const TEXT_BYTES_MAX: u64 = 8 << 20;
/// Mailboxes of one header field that are looked into one by one.
const FIELD_MAILBOXES_MAX: usize = 1000;
/// Header fields in which a display name is searched without its quotes as well.
const ADDRESS_FIELDS: [&str; 6] = ["from", "to", "cc", "bcc", "reply-to", "sender"];

/// Where a message's rows are.
#[derive(Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) store: &'a Store,
    pub(crate) partition: Partition,
    pub(crate) key: (MailboxId, Uid),
}

impl Document<'_> {
    /// Its record; `None` when it was expunged.
    pub(crate) async fn row(&self) -> Result<Option<MessageRow>, ServiceError> {
        Ok(self.store.get::<Message>(self.partition, &self.key).await?)
    }

    /// Its header section; empty when it was expunged.
    pub(crate) async fn header(&self) -> Result<Bytes, ServiceError> {
        match self.store.get::<MessageHeader>(self.partition, &self.key).await? {
            Some(row) => unspill(self.store, row).await,
            None => Ok(Bytes::new()),
        }
    }

    /// Reads the texts of its body, one at a time, until `each` has enough.
    pub(crate) async fn texts(
        &self,
        row: &MessageRow,
        mut each: impl FnMut(String) -> ControlFlow<()>,
    ) -> Result<(), ServiceError> {
        let stored = self.store.get::<MessageStructure>(self.partition, &self.key).await?;
        let Some(stored) = stored else { return Ok(()) };
        let structure = structure(self.store, stored, self.key).await?;
        for (range, part) in text_parts(&structure) {
            let mut raw = Vec::new();
            while (raw.len() as u64) < (range.end - range.start).min(TEXT_BYTES_MAX) {
                let from = range.start + raw.len() as u64;
                let piece = read_range(self.store, row, from..range.end).await?;
                if piece.is_empty() {
                    break;
                }
                raw.extend_from_slice(&piece);
            }
            if each(part_text(part, &raw)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn part_text(part: &Part, raw: &[u8]) -> String {
    let decoded = decode::decode_transfer(part.transfer_encoding(), raw);
    let mut text = decode::charset_to_string(part.charset(), &decoded);
    if part.media_type().1 == "html" {
        text = decode::html_to_text(&text);
    }
    fold_lines(&text)
}

fn text_parts(structure: &StructureRow) -> impl Iterator<Item = (std::ops::Range<u64>, &Part)> {
    let prefix = structure.prefix_bytes;
    structure
        .parts
        .iter()
        .filter(|part| !part.is_multipart && !part.is_message && part.media_type().0 == "text")
        .map(move |part| (part.body.start + prefix..part.body.end + prefix, part))
}

/// A field's name and the colon, as TEXT compares them.
pub(crate) fn folded_name(field: &header::Field<'_>) -> String {
    let mut name = String::from_utf8_lossy(field.name).to_lowercase();
    name.push(':');
    name
}

/// A field's value; of address lists also each name and address, a line each.
pub(crate) fn folded_value(field: &header::Field<'_>) -> String {
    let decoded = header::decode_text(field.value, usize::MAX);
    let mut folded = fold(&decoded);
    if ADDRESS_FIELDS.iter().any(|name| field.is(name)) {
        for (name, address) in address::mailboxes(&header::unfold(field.value), FIELD_MAILBOXES_MAX)
        {
            folded.push('\n');
            folded.push_str(&fold(&name));
            folded.push('\n');
            folded.push_str(&fold(&address));
        }
    }
    folded
}
