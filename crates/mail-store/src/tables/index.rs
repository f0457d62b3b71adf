//! Rows of the full-text index, in the account partitions (table numbers 64 to 95). All of them
//! can be made again from the messages. What the bytes of a segment say is known to
//! `mail-service/src/index/` alone.

use std::fmt;

use bytes::Bytes;
use mail_types::{DocumentId, MailboxId, Uid};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::mail::table;
use crate::table::Table;

table!(/// Documents not indexed yet: written by the commit that brings the message in, and removed
/// by the one that indexes it.
    IndexQueue = 64, DocumentId => (MailboxId, Uid));
table!(/// One row: which segments there are.
    IndexCatalog = 65, () => IndexCatalogRow);
table!(/// Segment, stream, row: a piece of a segment, never changed once it is written.
    IndexPiece = 66, (u32, u8, u32) => Piece);

/// Bytes of a segment: written and read as one run, not as a list of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece(pub Bytes);

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Run;
        impl Visitor<'_> for Run {
            type Value = Piece;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Piece, E> {
                Ok(Piece(Bytes::copy_from_slice(bytes)))
            }
        }
        deserializer.deserialize_bytes(Run)
    }
}

/// The segments of an account's index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexCatalogRow {
    /// The next segment's number. Never goes back, so that a number names one segment for ever.
    pub next_segment: u32,
    /// A segment whose rows are being written by several commits; found at a start, they are
    /// taken away.
    pub unfinished: Option<u32>,
    /// The segments that make up the index, in any order.
    pub segments: Vec<IndexSegment>,
}

/// An immutable part of an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexSegment {
    /// Its number.
    pub number: u32,
    /// How many documents are in it.
    pub documents: u32,
    /// The lowest document in it.
    pub first: DocumentId,
    /// The highest document in it.
    pub last: DocumentId,
    /// How many rows each stream has; none when the whole segment is one row.
    pub rows: Vec<u32>,
}
