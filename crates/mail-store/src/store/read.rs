//! Bodies read back, a range at a time.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::Store;
use super::body::{BodyWriter, CHUNK_BYTES, Reservation, chunk_key};
use crate::blob_store::{BlobStore, BodyRef};
use crate::error::StoreError;
use crate::tables::blob::{BodyName, Referrer, shard};

impl BlobStore for Store {
    fn body_writer(&self) -> BodyWriter {
        BodyWriter::new(self.clone())
    }

    fn reserve(
        &self,
        body: BodyRef,
        referrers: &[Referrer],
    ) -> Result<Option<Reservation>, StoreError> {
        self.reserve_body(body, referrers)
    }

    async fn read_body(&self, body: BodyRef, range: Range<u64>) -> Result<Bytes, StoreError> {
        let end = range.end.min(body.size).min(range.start.saturating_add(Self::READ_BYTES_MAX));
        if range.start >= end {
            return Ok(Bytes::new());
        }
        let missing = |what: &str| StoreError::Corrupt {
            table: "body",
            detail: format!("{what} of {}", body.hash),
        };
        let name = self.get::<BodyName>(shard(body.hash), &body.hash).await?;
        let name = name.ok_or_else(|| missing("no name row"))?;
        let chunk_bytes = CHUNK_BYTES as u64;
        let first = range.start / chunk_bytes;
        let last = (end - 1) / chunk_bytes;
        let mut joined = BytesMut::new();
        for number in first..=last {
            let chunk = self.chunk(name.upload, number as u32)?;
            let chunk = chunk.ok_or_else(|| missing("a piece is missing"))?;
            let begin = number * chunk_bytes;
            let from = range.start.saturating_sub(begin) as usize;
            let to = (end - begin).min(chunk_bytes) as usize;
            if to > chunk.len() || from > to {
                return Err(missing("a short piece"));
            }
            if first == last {
                return Ok(chunk.slice(from..to));
            }
            joined.extend_from_slice(&chunk[from..to]);
        }
        Ok(joined.freeze())
    }
}

impl Store {
    /// Reads one piece and opens it.
    pub(crate) fn chunk(&self, upload: u64, number: u32) -> Result<Option<Bytes>, StoreError> {
        let key = chunk_key(upload, number);
        match self.inner.engine.chunk(&key)? {
            Some(value) => {
                self.inner.sealer.open("body", &key, value).map(|(_, chunk)| Some(chunk))
            }
            None => Ok(None),
        }
    }
}
