//! The index's part of `facteur verify`: every message is indexed or queued, and segments say
//! what they were written to say.

use mail_store::tables::index::{IndexCatalog, IndexPiece, IndexQueue, IndexSegment};
use mail_store::tables::mail::{Account, Message};
use mail_store::{Partition, Store};
use mail_types::{DocumentId, MailboxId, Uid};

use super::document_set::DocumentSet;
use super::format::Section;
use super::merge::Cursor;
use super::segment::{Lookup, Rows};
use crate::error::ServiceError;

/// Rows read at once.
const PAGE_ROWS: usize = 1000;

/// Holds an account's index against its messages. Returns what is wrong, a line each.
pub(crate) async fn verify(
    store: &Store,
    partition: Partition,
    messages: &[(DocumentId, MailboxId, Uid)],
) -> Result<Vec<String>, ServiceError> {
    let mut faults = Vec::new();
    let mut held = queue(store, partition, &mut faults).await?;
    let account = store.get::<Account>(partition, &()).await?.unwrap_or_default();
    let catalog = store.get::<IndexCatalog>(partition, &()).await?.unwrap_or_default();
    for segment in &catalog.segments {
        if segment.number >= catalog.next_segment {
            faults.push(format!("index segment {}: its number is not used yet", segment.number));
        }
        match documents(store, partition, segment, account.next_document).await {
            Ok(documents) => documents.into_iter().for_each(|document| held.insert(document)),
            Err(fault) => faults.push(format!("index segment {}: {}", segment.number, fault?)),
        }
    }
    pieces(store, partition, &catalog.segments, catalog.unfinished, &mut faults).await?;
    for (document, mailbox, uid) in messages {
        if !held.contains(document.0) {
            faults.push(format!("{mailbox} UID {uid}: neither indexed nor queued"));
        }
    }
    Ok(faults)
}

/// What is queued; each row must lead to its document.
async fn queue(
    store: &Store,
    partition: Partition,
    faults: &mut Vec<String>,
) -> Result<DocumentSet, ServiceError> {
    let mut queued = DocumentSet::default();
    let mut from = None;
    loop {
        let page = store.scan::<IndexQueue>(partition, from.as_ref(), PAGE_ROWS).await?;
        for (document, place) in page.rows {
            let row = store.get::<Message>(partition, &place).await?;
            match row.is_some_and(|row| row.document == document) {
                true => queued.insert(document.0),
                false => faults.push(format!(
                    "{} UID {}: document {} is queued there and is not there",
                    place.0, place.1, document.0
                )),
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(queued);
        }
    }
}

/// A segment's documents. The error is a line about what is wrong, unless the store failed.
async fn documents(
    store: &Store,
    partition: Partition,
    segment: &IndexSegment,
    next_document: u32,
) -> Result<Vec<u32>, Result<String, ServiceError>> {
    let rows = Rows::open(store, partition, segment).await.map_err(fault)?;
    let listed = rows.documents().await.map_err(fault)?;
    let documents: Vec<u32> = listed.iter().map(|(document, _)| *document).collect();
    let (first, last) = (documents.first().copied(), documents.last().copied());
    let said = (segment.documents as usize, Some(segment.first.0), Some(segment.last.0));
    if (documents.len(), first, last) != said || !documents.is_sorted_by(|a, b| a < b) {
        return Err(Ok("its documents are not those that the catalogue says".into()));
    }
    if last >= Some(next_document) {
        return Err(Ok("a document in it has never been".into()));
    }
    let known: DocumentSet = documents.iter().copied().collect();
    for section in Section::ALL {
        let rows = Rows::open(store, partition, segment).await.map_err(fault)?;
        tokens(Cursor::new(rows, section), &known).await?;
    }
    Ok(documents)
}

/// Every token is in order, and every list names documents of the segment.
async fn tokens(
    mut cursor: Cursor<'_>,
    known: &DocumentSet,
) -> Result<(), Result<String, ServiceError>> {
    let mut last = Vec::new();
    let mut documents = Vec::new();
    while cursor.advance().await.map_err(fault)? {
        documents.clear();
        cursor.documents(&mut documents).await.map_err(fault)?;
        if cursor.token <= last {
            return Err(Ok("its tokens are not in order".into()));
        }
        let is_known = documents.iter().all(|&document| known.contains(document));
        if documents.is_empty() || !is_known || !documents.is_sorted_by(|a, b| a < b) {
            return Err(Ok("a list names documents that are not in it".into()));
        }
        last.clone_from(&cursor.token);
    }
    Ok(())
}

fn fault(lookup: Lookup) -> Result<String, ServiceError> {
    match lookup {
        Lookup::Stale => Ok("a row is missing".into()),
        Lookup::Failed(ServiceError::Corrupt(error)) => Ok(error.to_string()),
        Lookup::Failed(error) => Err(error),
    }
}

/// No rows but those of segments in the catalogue, or of one that is being written.
async fn pieces(
    store: &Store,
    partition: Partition,
    segments: &[IndexSegment],
    unfinished: Option<u32>,
    faults: &mut Vec<String>,
) -> Result<(), ServiceError> {
    let mut from = None;
    loop {
        let page = store.scan::<IndexPiece>(partition, from.as_ref(), PAGE_ROWS).await?;
        let belongs = |number: u32| {
            unfinished == Some(number) || segments.iter().any(|segment| segment.number == number)
        };
        if let Some(((number, ..), _)) =
            page.rows.iter().find(|((number, ..), _)| !belongs(*number))
        {
            faults.push(format!("index segment {number}: has rows and is not in the catalogue"));
            return Ok(());
        }
        from = page.next;
        if from.is_none() {
            return Ok(());
        }
    }
}
