//! What is made ready before a message is inserted: summary, structure, header section, thread.

use mail_message::header;
use mail_message::scan::Scanned;
use mail_message::structure::StructureRow;
use mail_message::summary::Summary as MessageSummary;
use mail_message::wire;
use mail_store::tables::mail::{Prepared, StructureStored, Summary, Thread};
use mail_store::{BlobStore, BodyRef, Referrer, Reservation, Store, StoreError, account_partition};
use mail_types::AccountId;

use crate::error::ServiceError;
use crate::insert::Conversation;

/// What stays in a row; larger things get a body of their own.
const INLINE_BYTES_MAX: usize = 48 << 10;
/// Ancestors that are looked up to find a message's conversation.
const THREAD_LOOKUPS_MAX: usize = 16;

/// What all recipients of a message have in common.
pub(crate) struct Content {
    pub(crate) summary: Summary,
    structure: Prepared,
    raw_header: Vec<u8>,
    /// Length of the whole header section; `raw_header` may be cut.
    header_bytes: u64,
    body: BodyRef,
    /// Keeps a spilled structure from the collector until the commits are done.
    _structure: Option<Reservation>,
}

impl Content {
    /// Prepares a message that these accounts get, or the queue. `trace` is what stands in front: a
    /// `Message-ID`, `Date` or `Bcc` there is the message's own.
    pub(crate) async fn new(
        store: &Store,
        referrers: &[Referrer],
        body: BodyRef,
        trace: &[u8],
        mut scanned: Scanned,
    ) -> Result<Self, ServiceError> {
        let raw_header = std::mem::take(&mut scanned.raw_header);
        let header_bytes = scanned.parts.first().map_or(0, |part| part.header.end);
        scanned.raw_header = [trace, &raw_header[..]].concat();
        let adds = |name: &str| header::first(trace, name).is_some();
        let changes_envelope = ["Message-ID", "Date", "Bcc"].into_iter().any(adds);
        if let (true, Some(root)) = (changes_envelope, scanned.parts.first_mut()) {
            root.envelope = Some(wire::envelope(&scanned.raw_header));
        }
        let summary = summary(&scanned);
        let encoded = postcard::to_stdvec(&StructureRow::new(&scanned, 0)).map_err(|error| {
            ServiceError::TryAgain(StoreError::Engine(format!("encode structure: {error}")))
        })?;
        let (structure, reservation) = spill(store, referrers, encoded).await?;
        let _structure = reservation;
        Ok(Self { summary, structure, raw_header, header_bytes, body, _structure })
    }

    /// Length of the header section with this prefix.
    pub(crate) fn header_size(&self, prefix: &[u8]) -> u32 {
        u32::try_from(prefix.len() as u64 + self.header_bytes).unwrap_or(u32::MAX)
    }

    /// The header section with this prefix.
    pub(crate) fn header(&self, prefix: &[u8]) -> Prepared {
        let is_whole = self.raw_header.len() as u64 == self.header_bytes;
        if is_whole && prefix.len() + self.raw_header.len() <= INLINE_BYTES_MAX {
            return Prepared::Inline([prefix, &self.raw_header[..]].concat());
        }
        let section = BodyRef { hash: self.body.hash, size: self.header_bytes };
        Prepared::Behind(prefix.to_vec(), section)
    }

    /// The structure with this prefix.
    pub(crate) fn structure(&self, prefix: &[u8]) -> StructureStored {
        StructureStored { prefix_bytes: prefix.len() as u64, structure: self.structure.clone() }
    }

    /// Bodies besides the message's own.
    pub(crate) fn spilled(&self) -> Vec<BodyRef> {
        match self.structure {
            Prepared::Spilled(body) => vec![body],
            Prepared::Inline(_) | Prepared::Behind(..) => Vec::new(),
        }
    }
}

/// The message's summary as it is stored.
fn summary(scanned: &Scanned) -> Summary {
    let made = MessageSummary::new(scanned);
    Summary {
        subject: made.subject,
        base_subject: made.base_subject,
        is_reply: made.is_reply,
        date: made.date,
        from: made.from,
        to: made.to,
        cc: made.cc,
        message_id: made.message_id,
        references: made.references,
        preview: made.preview,
        has_attachment: made.has_attachment,
    }
}

async fn spill(
    store: &Store,
    referrers: &[Referrer],
    bytes: Vec<u8>,
) -> Result<(Prepared, Option<Reservation>), ServiceError> {
    if bytes.len() <= INLINE_BYTES_MAX {
        return Ok((Prepared::Inline(bytes), None));
    }
    let mut writer = store.body_writer();
    writer.write(&bytes).await?;
    let reservation = writer.finish(referrers).await?;
    Ok((Prepared::Spilled(*reservation), Some(reservation)))
}

/// Finds the conversation that a message belongs to, and the keys that lead to it afterwards.
pub(crate) async fn conversation(
    store: &Store,
    account: AccountId,
    summary: &Summary,
) -> Result<Conversation, ServiceError> {
    let nearest = summary.references.iter().rev().take(THREAD_LOOKUPS_MAX);
    let ids = summary.message_id.iter().chain(nearest);
    let keys: Vec<Vec<u8>> = ids.map(|id| thread_key(id)).collect();
    for key in &keys {
        if let Some(found) = store.get::<Thread>(account_partition(account), key).await? {
            return Ok(Conversation { known: Some(found), keys });
        }
    }
    Ok(Conversation { known: None, keys })
}

/// Under which key a message id leads to its conversation.
pub(crate) fn thread_key(message_id: &str) -> Vec<u8> {
    blake3::hash(message_id.as_bytes()).as_bytes()[..16].to_vec()
}
