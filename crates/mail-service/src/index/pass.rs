//! One batch of an account's queue, indexed; and what must be done about the segments after it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use mail_message::header;
use mail_store::tables::index::{
    IndexCatalog, IndexCatalogRow, IndexPiece, IndexQueue, IndexSegment,
};
use mail_store::tables::mail::{Account, Mailbox, MessageFlags, MessageRow};
use mail_store::{Batch, StoreError};
use mail_types::{DocumentId, MailboxId, Uid};

use super::Index;
use super::build::Builder;
use super::document_set::DocumentSet;
use super::format::Section;
use super::merge::{self, Output, Reason};
use super::segment::{Lookup, Rows};
use crate::account::Cell;
use crate::document::{Document, folded_name, folded_value};
use crate::error::ServiceError;

/// Documents that one commit indexes.
const BATCH_DOCUMENTS: usize = 256;
/// Memory that their tokens may take before the batch ends.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Rows read at once.
const PAGE_ROWS: usize = 4096;
/// Mailboxes of an account, at most.
const MAILBOXES_MAX: usize = 10_000;

/// What a pass did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// Queue rows that are gone.
    pub(crate) documents: u64,
    /// Whether nothing was left.
    pub(crate) is_drained: bool,
}

/// Indexes the oldest documents of an account's queue. The caller holds the account's index lock.
pub(crate) async fn pass(index: &Index, cell: &Cell) -> Result<Pass, ServiceError> {
    let (store, partition) = (&cell.store, cell.partition());
    let page = store.scan::<IndexQueue>(partition, None, BATCH_DOCUMENTS).await?;
    let mut catalog = store.get::<IndexCatalog>(partition, &()).await?.unwrap_or_default();
    clean(cell, &mut catalog).await?;
    let known = known(cell, &catalog, &page.rows).await?;
    let mut builder = Builder::default();
    let mut batch = Batch::new().unsynced();
    let mut lost = Vec::new();
    let mut documents = 0;
    let mut is_whole = page.next.is_none();
    for (document, key) in page.rows {
        if builder.bytes() > BATCH_BYTES_MAX {
            is_whole = false;
            break;
        }
        if !known.contains(document.0) {
            let source = Document { store, partition, key };
            match source.row().await?.filter(|row| row.document == document) {
                Some(row) => add(&mut builder, &source, &row).await?,
                None => {
                    lost.push(document);
                    continue;
                }
            }
        }
        batch.delete::<IndexQueue>(&document);
        documents += 1;
        // A batch must not keep a worker from everybody else.
        tokio::task::yield_now().await;
    }
    if documents > 0 {
        let indexed = builder.documents().to_vec();
        let output = Output::new(store, partition, &catalog);
        output.finish(&mut catalog, &mut batch, &indexed, builder.finish());
        store.commit(partition, batch).await?;
        metrics::counter!("facteur_index_documents_total").increment(indexed.len() as u64);
    }
    if !lost.is_empty() {
        documents += find_again(cell, &lost).await?;
        is_whole = false;
    }
    merge_due(index, cell, &mut catalog).await?;
    Ok(Pass { documents, is_drained: is_whole })
}

/// Takes away the rows of a segment that a stop or a failure left unfinished.
async fn clean(cell: &Cell, catalog: &mut IndexCatalogRow) -> Result<(), ServiceError> {
    if let Some(number) = catalog.unfinished.take() {
        let mut batch = Batch::new().unsynced();
        batch.delete_prefix::<IndexPiece, _>(&number);
        batch.put::<IndexCatalog>(&(), catalog);
        cell.store.commit(cell.partition(), batch).await?;
    }
    Ok(())
}

/// Which of these documents are indexed already: a MOVE may queue one again that the indexer has
/// just taken.
async fn known(
    cell: &Cell,
    catalog: &IndexCatalogRow,
    queued: &[(DocumentId, (MailboxId, Uid))],
) -> Result<DocumentSet, ServiceError> {
    let mut known = DocumentSet::default();
    let (Some((first, _)), Some((last, _))) = (queued.first(), queued.last()) else {
        return Ok(known);
    };
    for segment in catalog.segments.iter().filter(|one| one.first <= *last && one.last >= *first) {
        let rows = Rows::open(&cell.store, cell.partition(), segment).await.map_err(broken)?;
        let documents = rows.documents().await.map_err(broken)?;
        documents.into_iter().for_each(|(document, _)| known.insert(document));
    }
    Ok(known)
}

/// Under the account's index lock nothing is ever merged away: a missing row is damage.
pub(crate) fn broken(lookup: Lookup) -> ServiceError {
    match lookup {
        Lookup::Failed(error) => error,
        Lookup::Stale => ServiceError::Corrupt(StoreError::Corrupt {
            table: "IndexPiece",
            detail: "a row of a segment is missing".into(),
        }),
    }
}

/// Adds a message to the segment.
async fn add(
    builder: &mut Builder,
    source: &Document<'_>,
    row: &MessageRow,
) -> Result<(), ServiceError> {
    builder.begin(row.document.0);
    match add_texts(builder, source, row).await {
        // One damaged message must not keep all later ones out of the index.
        Err(ServiceError::Corrupt(error)) => {
            tracing::warn!(target: "facteur", %error, "a message cannot be indexed");
            builder.mark_partial();
            Ok(())
        }
        outcome => outcome,
    }
}

async fn add_texts(
    builder: &mut Builder,
    source: &Document<'_>,
    row: &MessageRow,
) -> Result<(), ServiceError> {
    let raw = source.header().await?;
    for field in header::fields(&raw) {
        builder.text(Section::Other, &folded_name(&field));
        builder.text(Section::of_field(field.name), &folded_value(&field));
        if builder.is_partial() {
            return Ok(());
        }
    }
    source
        .texts(row, |text| {
            builder.text(Section::Body, &text);
            if builder.is_partial() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await
}

/// Queues documents again that are not where the queue says: they were moved by somebody who did
/// not know that they were queued, or are gone. Returns of how many it knows.
async fn find_again(cell: &Cell, lost: &[DocumentId]) -> Result<u64, ServiceError> {
    let version = cell.store.version(cell.partition()).await?;
    let wanted: DocumentSet = lost.iter().map(|document| document.0).collect();
    let mut found = BTreeMap::new();
    places(cell, |document, place| {
        if wanted.contains(document.0) {
            found.insert(document, place);
        }
    })
    .await?;
    // What was moved meanwhile may have been passed by.
    let is_certain = cell.store.version(cell.partition()).await? == version;
    let mut batch = Batch::new().unsynced();
    for document in lost {
        match found.get(document) {
            Some(place) => batch.put::<IndexQueue>(document, place),
            None if is_certain => batch.delete::<IndexQueue>(document),
            None => {}
        }
    }
    if !batch.is_empty() {
        cell.store.commit(cell.partition(), batch).await?;
    }
    Ok(if is_certain { lost.len() } else { found.len() } as u64)
}

/// Calls `each` with the document of every message that is in a mailbox.
pub(crate) async fn places(
    cell: &Cell,
    mut each: impl FnMut(DocumentId, (MailboxId, Uid)),
) -> Result<(), ServiceError> {
    let (store, partition) = (&cell.store, cell.partition());
    let mailboxes = store.scan::<Mailbox>(partition, None, MAILBOXES_MAX).await?;
    let exists =
        |id: MailboxId| mailboxes.rows.binary_search_by_key(&id, |(held, _)| *held).is_ok();
    let mut from = None;
    loop {
        let page = store.scan::<MessageFlags>(partition, from.as_ref(), PAGE_ROWS).await?;
        for (place, row) in page.rows {
            if exists(place.0) {
                each(row.document, place);
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// Merges segments as long as there are too many.
async fn merge_due(
    index: &Index,
    cell: &Cell,
    catalog: &mut IndexCatalogRow,
) -> Result<(), ServiceError> {
    let account = cell.store.get::<Account>(cell.partition(), &()).await?.unwrap_or_default();
    while let Some((reason, numbers)) = merge::due(catalog, account.messages) {
        let chosen = catalog.segments.iter().filter(|one| numbers.contains(&one.number));
        let chosen: Vec<IndexSegment> = chosen.cloned().collect();
        let documents: u64 = chosen.iter().map(|segment| u64::from(segment.documents)).sum();
        // Which documents are alive costs a look at all messages.
        let alive = match 4 * documents >= account.messages {
            true => alive(cell).await?,
            false => None,
        };
        if reason == Reason::Gone && alive.is_none() {
            return Ok(());
        }
        merge::merge(&cell.store, cell.partition(), catalog, &chosen, alive.as_ref())
            .await
            .map_err(broken)?;
        chosen.iter().for_each(|segment| index.cache.forget(cell.id, segment));
    }
    Ok(())
}

/// The documents of all messages, if nothing changed while they were read.
async fn alive(cell: &Cell) -> Result<Option<DocumentSet>, ServiceError> {
    let version = cell.store.version(cell.partition()).await?;
    let mut alive = DocumentSet::default();
    places(cell, |document, _| alive.insert(document.0)).await?;
    let is_certain = cell.store.version(cell.partition()).await? == version;
    Ok(is_certain.then_some(alive))
}
