//! Segments read from the store: row by row for merges, as whole vocabularies for searches.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use mail_store::tables::index::{IndexPiece, IndexSegment, Piece};
use mail_store::{Partition, Store, StoreError};

use super::format::{
    DOCUMENTS, Entries, Malformed, PACKED, Place, ROW_BYTES, Section, read_documents, read_list,
    unpack,
};
use super::token::SEPARATOR;
use crate::error::ServiceError;

/// Rows read at once.
const PAGE_ROWS: usize = 64;
/// Dictionary rows of one vocabulary: a megabyte or two, and what a search of an index of any
/// size holds in memory besides what the cache may.
const VOCABULARY_ROWS: u32 = 64;

/// Why something of a segment could not be read.
pub(crate) enum Lookup {
    /// The segment is gone: it was merged into another. Read the catalogue again.
    Stale,
    Failed(ServiceError),
}

impl From<StoreError> for Lookup {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A segment's rows.
pub(crate) struct Rows<'a> {
    store: &'a Store,
    partition: Partition,
    pub(crate) segment: &'a IndexSegment,
    /// The streams of a packed segment.
    packed: Option<Vec<Bytes>>,
}

impl<'a> Rows<'a> {
    pub(crate) async fn open(
        store: &'a Store,
        partition: Partition,
        segment: &'a IndexSegment,
    ) -> Result<Self, Lookup> {
        let mut rows = Self { store, partition, segment, packed: None };
        if segment.rows.is_empty() {
            let key = (segment.number, PACKED, 0);
            let Piece(row) =
                store.get::<IndexPiece>(partition, &key).await?.ok_or(Lookup::Stale)?;
            rows.packed = Some(unpack(&row).ok_or_else(|| rows.malformed(PACKED))?);
        }
        Ok(rows)
    }

    /// How many rows a stream has.
    pub(crate) fn count(&self, stream: u8) -> u32 {
        match &self.packed {
            Some(streams) => u32::from(!streams[stream as usize].is_empty()),
            None => self.segment.rows.get(stream as usize).copied().unwrap_or_default(),
        }
    }

    /// A row of a stream.
    pub(crate) async fn row(&self, stream: u8, number: u32) -> Result<Bytes, Lookup> {
        if let Some(streams) = &self.packed {
            return Ok(streams[stream as usize].clone());
        }
        let key = (self.segment.number, stream, number);
        let row = self.store.get::<IndexPiece>(self.partition, &key).await?;
        row.map(|Piece(row)| row).ok_or(Lookup::Stale)
    }

    /// Some rows of a stream.
    async fn rows(&self, stream: u8, range: Range<u32>) -> Result<Vec<Bytes>, Lookup> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        if self.packed.is_some() {
            return Ok(vec![self.row(stream, 0).await?]);
        }
        let (number, count) = (self.segment.number, range.len());
        let (mut from, end) = ((number, stream, range.start), (number, stream, range.end));
        let mut rows = Vec::with_capacity(count);
        loop {
            let page =
                self.store.scan_range::<IndexPiece>(self.partition, &from..&end, PAGE_ROWS).await?;
            rows.extend(page.rows.into_iter().map(|(_, Piece(row))| row));
            match page.next {
                Some(next) => from = next,
                None if rows.len() == count => return Ok(rows),
                None => return Err(Lookup::Stale),
            }
        }
    }

    /// The documents, rising, each with whether it must be read.
    pub(crate) async fn documents(&self) -> Result<Vec<(u32, bool)>, Lookup> {
        let bytes = self.rows(DOCUMENTS, 0..self.count(DOCUMENTS)).await?.concat();
        read_documents(&bytes).map_err(|Malformed| self.malformed(DOCUMENTS))
    }

    /// Some of the tokens of a section.
    pub(crate) async fn vocabulary(
        &self,
        section: Section,
        number: u32,
    ) -> Result<Vocabulary, Lookup> {
        let stream = section.dictionary();
        let first = number * VOCABULARY_ROWS;
        let last = self.count(stream).min(first + VOCABULARY_ROWS);
        let mut vocabulary = Vocabulary::default();
        vocabulary.text.push(SEPARATOR);
        for row in self.rows(stream, first..last).await? {
            vocabulary.add_row(&row).map_err(|Malformed| self.malformed(stream))?;
        }
        vocabulary.text.shrink_to_fit();
        vocabulary.starts.shrink_to_fit();
        vocabulary.places.shrink_to_fit();
        if let Some(streams) = &self.packed {
            vocabulary.lists = Some(streams[section.lists() as usize].clone());
        }
        Ok(vocabulary)
    }

    pub(crate) fn malformed(&self, stream: u8) -> Lookup {
        malformed(self.segment.number, stream)
    }
}

/// How many vocabularies a section has.
pub(crate) fn vocabularies(segment: &IndexSegment, section: Section) -> u32 {
    match segment.rows.get(section.dictionary() as usize) {
        Some(rows) => rows.div_ceil(VOCABULARY_ROWS),
        // Packed.
        None => 1,
    }
}

fn malformed(segment: u32, stream: u8) -> Lookup {
    Lookup::Failed(ServiceError::Corrupt(StoreError::Corrupt {
        table: "IndexPiece",
        detail: format!("segment {segment}, stream {stream}: not what was written"),
    }))
}

/// Marks a place that is a document and not a list.
const INLINE: u32 = 1 << 31;

/// Tokens of a section of a segment, in memory.
#[derive(Default)]
pub(crate) struct Vocabulary {
    /// All tokens in order, with the separator before, between and behind them.
    pub(crate) text: Vec<u8>,
    /// Where each token begins in `text`.
    starts: Vec<u32>,
    /// For each token its one document with [`INLINE`], or where its list begins.
    places: Vec<u32>,
    /// Where the last list ends.
    lists_end: u32,
    /// The lists, when the segment is packed.
    lists: Option<Bytes>,
}

impl Vocabulary {
    fn add_row(&mut self, row: &[u8]) -> Result<(), Malformed> {
        let mut entries = Entries::new(row)?;
        loop {
            let list = u32::try_from(entries.lists).map_err(|_| Malformed)?;
            let place = match entries.next()? {
                Some(Place::Document(document)) => document | INLINE,
                Some(Place::List(_)) if list < INLINE => list,
                Some(Place::List(_)) => return Err(Malformed),
                None => {
                    self.lists_end = list;
                    return Ok(());
                }
            };
            self.starts.push(u32::try_from(self.text.len()).map_err(|_| Malformed)?);
            self.text.extend_from_slice(&entries.token);
            self.text.push(SEPARATOR);
            self.places.push(place);
        }
    }

    /// Memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let lists = self.lists.as_ref().map_or(0, Bytes::len);
        size_of::<Self>() + self.text.capacity() + 8 * self.places.capacity() + lists
    }

    /// The token that the byte at this place of `text` belongs to; a separator belongs to the
    /// token after it.
    pub(crate) fn token_at(&self, place: usize) -> usize {
        self.starts.partition_point(|&start| (start as usize) <= place).saturating_sub(1)
    }

    /// The token's bytes, and where the separator behind it is.
    pub(crate) fn token(&self, number: usize) -> (&[u8], usize) {
        let start = self.starts[number] as usize;
        let end = self.starts.get(number + 1).map_or(self.text.len(), |&next| next as usize) - 1;
        (&self.text[start..end], end)
    }

    /// Where a token's list is, or its one document.
    fn place(&self, number: usize) -> Result<u32, Range<u32>> {
        let place = self.places[number];
        if place & INLINE != 0 {
            return Ok(place & !INLINE);
        }
        let later = self.places[number + 1..].iter().find(|&&place| place & INLINE == 0);
        Err(place..later.copied().unwrap_or(self.lists_end))
    }
}

/// Reads lists, and keeps the row it read last: tokens come in order, and so do their lists.
pub(crate) struct Lists<'a> {
    store: &'a Store,
    partition: Partition,
    segment: u32,
    stream: u8,
    held: Option<(u32, Bytes)>,
}

impl<'a> Lists<'a> {
    pub(crate) fn new(
        store: &'a Store,
        partition: Partition,
        segment: &IndexSegment,
        section: Section,
    ) -> Self {
        let (segment, stream) = (segment.number, section.lists());
        Self { store, partition, segment, stream, held: None }
    }

    /// Adds the documents of a token.
    pub(crate) async fn read(
        &mut self,
        vocabulary: &Vocabulary,
        token: usize,
        mut each: impl FnMut(u32),
    ) -> Result<(), Lookup> {
        let range = match vocabulary.place(token) {
            Ok(document) => {
                each(document);
                return Ok(());
            }
            Err(range) => range.start as usize..range.end as usize,
        };
        let (segment, stream) = (self.segment, self.stream);
        let broken = |_| malformed(segment, stream);
        if let Some(lists) = &vocabulary.lists {
            let list = lists.get(range).ok_or_else(|| broken(Malformed))?;
            return read_list(list, each).map_err(broken);
        }
        let first = range.start / ROW_BYTES;
        let last = range.end.saturating_sub(1) / ROW_BYTES;
        if first == last {
            let row = self.row(first as u32).await?;
            let list = row.get(range.start % ROW_BYTES..range.end - first * ROW_BYTES);
            return read_list(list.ok_or_else(|| broken(Malformed))?, each).map_err(broken);
        }
        let mut list = Vec::with_capacity(range.len());
        for number in first..=last {
            let row = self.row(number as u32).await?;
            let begin = number * ROW_BYTES;
            let from = range.start.saturating_sub(begin);
            let to = (range.end - begin).min(ROW_BYTES);
            list.extend_from_slice(row.get(from..to).ok_or_else(|| broken(Malformed))?);
        }
        read_list(&list, each).map_err(broken)
    }

    async fn row(&mut self, number: u32) -> Result<Bytes, Lookup> {
        if let Some((held, row)) = &self.held
            && *held == number
        {
            return Ok(row.clone());
        }
        let key = (self.segment, self.stream, number);
        let row = self.store.get::<IndexPiece>(self.partition, &key).await?;
        let Piece(row) = row.ok_or(Lookup::Stale)?;
        self.held = Some((number, row.clone()));
        Ok(row)
    }
}

/// What of a segment is kept in memory between searches.
#[derive(Clone)]
pub(crate) enum Kept {
    Vocabulary(Arc<Vocabulary>),
    Documents(Arc<Vec<(u32, bool)>>),
}

impl Kept {
    /// Memory it takes.
    pub(crate) fn bytes(&self) -> u32 {
        const OVERHEAD_BYTES: usize = 200;
        let bytes = match self {
            Self::Vocabulary(vocabulary) => vocabulary.bytes(),
            Self::Documents(documents) => documents.capacity() * size_of::<(u32, bool)>(),
        };
        u32::try_from(bytes + OVERHEAD_BYTES).unwrap_or(u32::MAX)
    }
}
