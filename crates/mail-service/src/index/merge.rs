//! Segments of about the same size made into one, row by row, in plain commits.

use std::collections::BTreeMap;

use bytes::Bytes;
use mail_store::tables::index::{IndexCatalog, IndexCatalogRow, IndexPiece, IndexSegment, Piece};
use mail_store::{Batch, Partition, Store};
use mail_types::DocumentId;

use super::document_set::DocumentSet;
use super::format::{Entries, PACKED, Place, Row, STREAMS, Section, Writer, read_list};
use super::segment::{Lookup, Rows};
use crate::error::ServiceError;

/// Segments of one tier that are merged. A tier's segments have up to this many times as many
/// documents as the one's below.
const TIER_SEGMENTS: usize = 8;
/// Documents without a message that any account may keep.
const GONE_KEPT: u64 = 64;
/// Bytes of rows after which a merge commits what it has: what it holds in memory.
const COMMIT_BYTES: usize = 1 << 20;
/// Tokens merged between two chances for others to run.
const TOKENS_AT_ONCE: usize = 4096;
/// Rows of a merged segment that are removed one by one; more are removed as a range.
const SINGLE_DELETES_MAX: u32 = 2000;

/// Why segments are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A tier is full.
    Full,
    /// Most of their documents are gone.
    Gone,
}

/// Which segments are to be merged now, if any.
pub(crate) fn due(catalog: &IndexCatalogRow, messages: u64) -> Option<(Reason, Vec<u32>)> {
    let mut tiers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for segment in &catalog.segments {
        let tier = segment.documents.max(1).ilog(TIER_SEGMENTS as u32);
        tiers.entry(tier).or_default().push(segment.number);
    }
    if let Some(full) = tiers.into_values().find(|numbers| numbers.len() >= TIER_SEGMENTS) {
        return Some((Reason::Full, full));
    }
    let indexed: u64 = catalog.segments.iter().map(|segment| u64::from(segment.documents)).sum();
    let is_mostly_gone = indexed > 2 * messages + GONE_KEPT;
    let all = || catalog.segments.iter().map(|segment| segment.number).collect();
    is_mostly_gone.then(|| (Reason::Gone, all()))
}

/// A segment under construction, written by as many commits as it takes.
pub(crate) struct Output<'a> {
    store: &'a Store,
    partition: Partition,
    number: u32,
    has_written: bool,
}

impl<'a> Output<'a> {
    pub(crate) fn new(store: &'a Store, partition: Partition, catalog: &IndexCatalogRow) -> Self {
        Self { store, partition, number: catalog.next_segment, has_written: false }
    }

    async fn write(
        &mut self,
        catalog: &mut IndexCatalogRow,
        rows: Vec<Row>,
    ) -> Result<(), ServiceError> {
        let mut batch = Batch::new().unsynced();
        if catalog.unfinished.is_none() {
            catalog.unfinished = Some(self.number);
            batch.put::<IndexCatalog>(&(), catalog);
        }
        put_rows(&mut batch, self.number, rows);
        self.has_written = true;
        self.store.commit(self.partition, batch).await?;
        Ok(())
    }

    /// Adds the segment's last rows and the catalogue with it to a commit.
    pub(crate) fn finish(
        self,
        catalog: &mut IndexCatalogRow,
        batch: &mut Batch,
        documents: &[(u32, bool)],
        (rows, counts): (Vec<Row>, Vec<u32>),
    ) {
        if let (Some(first), Some(last)) = (documents.first(), documents.last()) {
            put_rows(batch, self.number, rows);
            catalog.segments.push(IndexSegment {
                number: self.number,
                documents: documents.len() as u32,
                first: DocumentId(first.0),
                last: DocumentId(last.0),
                rows: counts,
            });
            catalog.next_segment += 1;
        }
        catalog.unfinished = None;
        batch.put::<IndexCatalog>(&(), catalog);
    }
}

fn put_rows(batch: &mut Batch, segment: u32, rows: Vec<Row>) {
    for (stream, row, bytes) in rows {
        batch.put::<IndexPiece>(&(segment, stream, row), &Piece(bytes.into()));
    }
}

/// Merges these segments into one, without the documents that are not alive, if that is known.
pub(crate) async fn merge(
    store: &Store,
    partition: Partition,
    catalog: &mut IndexCatalogRow,
    merged: &[IndexSegment],
    alive: Option<&DocumentSet>,
) -> Result<(), Lookup> {
    let is_alive = |document| alive.is_none_or(|alive| alive.contains(document));
    let documents = documents(store, partition, merged, &is_alive).await?;
    let mut output = Output::new(store, partition, catalog);
    let mut writer = Writer::default();
    for section in Section::ALL {
        writer.section(section);
        let mut inputs = Inputs::open(store, partition, merged, section).await?;
        let mut count = 0;
        while let Some(token) = inputs.next().await? {
            inputs.documents.retain(|&document| is_alive(document));
            if !inputs.documents.is_empty() {
                writer.token(&token, &inputs.documents);
            }
            count += 1;
            if count % TOKENS_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
            if writer.ready_bytes() >= COMMIT_BYTES {
                output.write(catalog, writer.take_rows()).await.map_err(Lookup::Failed)?;
            }
        }
    }
    writer.documents(&documents);
    let last = writer.finish(!output.has_written);
    let mut batch = Batch::new().unsynced();
    catalog.segments.retain(|kept| merged.iter().all(|one| one.number != kept.number));
    output.finish(catalog, &mut batch, &documents, last);
    merged.iter().for_each(|segment| delete_segment(&mut batch, segment));
    store.commit(partition, batch).await.map_err(|error| Lookup::Failed(error.into()))?;
    Ok(())
}

/// The documents of all of them. One that is in two is indexed as a whole if either says so.
async fn documents(
    store: &Store,
    partition: Partition,
    segments: &[IndexSegment],
    is_alive: &impl Fn(u32) -> bool,
) -> Result<Vec<(u32, bool)>, Lookup> {
    let mut documents = Vec::new();
    for segment in segments {
        let rows = Rows::open(store, partition, segment).await?;
        let all = rows.documents().await?.into_iter();
        documents.extend(all.filter(|(document, _)| is_alive(*document)));
    }
    // Whole comes before partial, and stays.
    documents.sort_unstable();
    documents.dedup_by_key(|(document, _)| *document);
    Ok(documents)
}

fn delete_segment(batch: &mut Batch, segment: &IndexSegment) {
    if segment.rows.iter().sum::<u32>() > SINGLE_DELETES_MAX {
        return batch.delete_prefix::<IndexPiece, _>(&segment.number);
    }
    if segment.rows.is_empty() {
        batch.delete::<IndexPiece>(&(segment.number, PACKED, 0));
    }
    for (stream, &count) in (0..STREAMS).zip(&segment.rows) {
        (0..count).for_each(|row| batch.delete::<IndexPiece>(&(segment.number, stream, row)));
    }
}

/// The tokens of a section of several segments, in order.
struct Inputs<'a> {
    cursors: Vec<Cursor<'a>>,
    /// The documents of the token last read, rising.
    documents: Vec<u32>,
}

impl<'a> Inputs<'a> {
    async fn open(
        store: &'a Store,
        partition: Partition,
        segments: &'a [IndexSegment],
        section: Section,
    ) -> Result<Self, Lookup> {
        let mut cursors = Vec::with_capacity(segments.len());
        for segment in segments {
            let rows = Rows::open(store, partition, segment).await?;
            let mut cursor = Cursor::new(rows, section);
            if cursor.advance().await? {
                cursors.push(cursor);
            }
        }
        Ok(Self { cursors, documents: Vec::new() })
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, Lookup> {
        let Some(lowest) = self.cursors.iter().map(|cursor| &cursor.token).min() else {
            return Ok(None);
        };
        let token = lowest.clone();
        self.documents.clear();
        let mut number = 0;
        while let Some(cursor) = self.cursors.get_mut(number) {
            if cursor.token == token {
                cursor.documents(&mut self.documents).await?;
                if !cursor.advance().await? {
                    self.cursors.swap_remove(number);
                    continue;
                }
            }
            number += 1;
        }
        self.documents.sort_unstable();
        self.documents.dedup();
        Ok(Some(token))
    }
}

/// The tokens of a section of one segment, in order. Each token's documents are read once.
pub(crate) struct Cursor<'a> {
    rows: Rows<'a>,
    section: Section,
    next_row: u32,
    row: Bytes,
    position: usize,
    /// The token it stands at.
    pub(crate) token: Vec<u8>,
    place: Place,
    next_list_row: u32,
    /// Bytes of lists not yet read.
    lists: Vec<u8>,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(rows: Rows<'a>, section: Section) -> Self {
        Self {
            rows,
            section,
            next_row: 0,
            row: Bytes::new(),
            position: 0,
            token: Vec::new(),
            place: Place::Document(0),
            next_list_row: 0,
            lists: Vec::new(),
        }
    }

    /// Goes to the next token; whether there is one.
    pub(crate) async fn advance(&mut self) -> Result<bool, Lookup> {
        let stream = self.section.dictionary();
        if self.position == self.row.len() {
            if self.next_row == self.rows.count(stream) {
                return Ok(false);
            }
            self.row = self.rows.row(stream, self.next_row).await?;
            self.next_row += 1;
            self.position = 0;
            self.token.clear();
        }
        let token = std::mem::take(&mut self.token);
        let mut entries = match self.position {
            0 => Entries::new(&self.row).map_err(|_| self.rows.malformed(stream))?,
            position => Entries::at(&self.row, position, token),
        };
        match entries.next() {
            Ok(Some(place)) => self.place = place,
            _ => return Err(self.rows.malformed(stream)),
        }
        self.position = self.row.len() - entries.left();
        self.token = entries.token;
        Ok(true)
    }

    /// Adds the documents of the token.
    pub(crate) async fn documents(&mut self, documents: &mut Vec<u32>) -> Result<(), Lookup> {
        let length = match self.place {
            Place::Document(document) => {
                documents.push(document);
                return Ok(());
            }
            Place::List(length) => length as usize,
        };
        let stream = self.section.lists();
        while self.lists.len() < length {
            if self.next_list_row == self.rows.count(stream) {
                return Err(self.rows.malformed(stream));
            }
            let row = self.rows.row(stream, self.next_list_row).await?;
            self.lists.extend_from_slice(&row);
            self.next_list_row += 1;
        }
        let rest = self.lists.split_off(length);
        let list = std::mem::replace(&mut self.lists, rest);
        read_list(&list, |document| documents.push(document))
            .map_err(|_| self.rows.malformed(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(documents: &[u32]) -> IndexCatalogRow {
        let segment = |(number, &documents): (usize, &u32)| IndexSegment {
            number: number as u32,
            documents,
            first: DocumentId(1),
            last: DocumentId(1),
            rows: Vec::new(),
        };
        let segments = documents.iter().enumerate().map(segment).collect();
        IndexCatalogRow { next_segment: 100, unfinished: None, segments }
    }

    #[test]
    fn full_tiers_are_merged_smallest_first() {
        assert_eq!(due(&catalog(&[256, 1, 2, 3, 4, 5, 6, 7]), 10_000), None);
        let merged = due(&catalog(&[1, 2, 300, 3, 4, 5, 6, 7, 1]), 10_000);
        assert_eq!(merged, Some((Reason::Full, vec![0, 1, 3, 4, 5, 6, 7, 8])));
    }

    #[test]
    fn an_index_of_deleted_mail_is_made_anew() {
        assert_eq!(due(&catalog(&[5000, 10]), 3000), None);
        assert_eq!(due(&catalog(&[5000, 10]), 1000), Some((Reason::Gone, vec![0, 1])));
    }
}
