//! Rows of the full-text index, in the account partitions (table numbers 64 to 95).
//!
//! The index is a few sorted *segments*: each holds words and, for each, the documents that have
//! it. Indexing a batch of messages adds a segment; small ones are merged into larger ones. What
//! the bytes mean is the service's.

use std::fmt;

use mail_types::{DocumentId, MailboxId, Uid};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::mail::table;
use crate::table::Table;

table!(/// Documents not indexed yet: written by the commit that brings the message in, and removed
/// by the one that indexes it.
    IndexQueue = 64, DocumentId => (MailboxId, Uid));
table!(/// One row: which segments there are.
    IndexState = 65, () => IndexStateRow);
table!(/// Which documents the segments cover; the key is the document's number without its lowest
/// [`DOCUMENT_BITS`] bits.
    IndexDocuments = 66, u32 => DocumentsRow);
table!(/// A segment's words, sorted: segment and piece.
    IndexWords = 67, (u32, u32) => Packed);
table!(/// A segment's lists of documents, cut into pages: segment and page.
    IndexPostings = 68, (u32, u32) => Packed);

/// How many bits of a document's number one [`IndexDocuments`] row covers.
pub const DOCUMENT_BITS: u32 = 12;

/// Which segments there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexStateRow {
    /// The next segment's number; never given twice.
    pub next_segment: u32,
    /// Rising by number.
    pub segments: Vec<SegmentRow>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentRow {
    /// Its number.
    pub number: u32,
    /// Rows of words.
    pub word_pieces: u32,
    /// Rows of lists.
    pub pages: u32,
    /// Bytes of all of it.
    pub bytes: u64,
}

/// Documents as bits, lowest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentsRow {
    /// The segments cover it. A document without this bit is searched by reading it.
    pub indexed: Packed,
    /// Some of its words were left out: a search that does not find it reads it.
    pub cut: Packed,
}

/// Bytes that are written and read in one piece and not one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed(pub Vec<u8>);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(PackedVisitor).map(Packed)
    }
}

struct PackedVisitor;

impl<'de> Visitor<'de> for PackedVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bytes_are_stored_like_any_bytes() {
        let packed = postcard::to_stdvec(&Packed(vec![1, 2, 200])).unwrap();
        assert_eq!(packed, postcard::to_stdvec(&vec![1u8, 2, 200]).unwrap());
        assert_eq!(postcard::from_bytes::<Packed>(&packed).unwrap(), Packed(vec![1, 2, 200]));
    }
}
