//! Bodies: content-addressed, immutable, stored once, in pieces.

use std::future::Future;
use std::ops::Range;

use bytes::Bytes;
use mail_types::BlobHash;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::store::body::{BodyWriter, Reservation};
use crate::tables::blob::Referrer;

/// A stored body's name and plaintext length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BodyRef {
    /// Its name.
    pub hash: BlobHash,
    /// Its length in bytes.
    pub size: u64,
}

/// Bodies by name. Writing one is [`crate::BodyWriter`]'s.
pub trait BlobStore: Send + Sync {
    /// The most that one `read` returns; longer ranges take several.
    const READ_BYTES_MAX: u64 = 1 << 20;

    /// Starts an upload.
    fn body_writer(&self) -> BodyWriter;

    /// Promises that rows of these partitions are about to refer to the body: records them in the
    /// index of references, renews the body's grace, and keeps the collector away from it until the
    /// reservation is dropped. `None` when the body is not (or no longer) there.
    ///
    /// # Errors
    /// When the engine fails.
    fn reserve(
        &self,
        body: BodyRef,
        referrers: &[Referrer],
    ) -> Result<Option<Reservation>, StoreError>;

    /// Reads a byte range, at most [`BlobStore::READ_BYTES_MAX`] of it; clipped at the end.
    fn read_body(
        &self,
        body: BodyRef,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Bytes, StoreError>> + Send;
}
