//! RocksDB behind the committer.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    ColumnFamily, CompactOptions, DB, DEFAULT_COLUMN_FAMILY_NAME, FlushOptions, ReadOptions,
    WriteBatch, WriteOptions,
};

use super::GROUP_KEY;
use super::backend::{Backend, Op, Rows};
use super::group::{GroupRecord, RECORD_BYTES};
use super::mark::Mark;
use crate::error::StoreError;
use crate::meta_store::Direction;

/// Column family of body chunks; rows are in the default one.
pub(crate) const CHUNKS: &str = "chunks";

/// Passes of a compaction when there is little room.
const COMPACT_PASSES_MAX: u64 = 20;

/// An open database. Its lock file is held as long as this lives.
pub(crate) struct Rocks {
    pub(crate) db: DB,
    pub(crate) mark: Mark,
    pub(crate) _lock: std::fs::File,
}

fn engine_error(error: rocksdb::Error) -> StoreError {
    match error.kind() {
        rocksdb::ErrorKind::Corruption => {
            StoreError::Corrupt { table: "engine", detail: error.into_string() }
        }
        _ => StoreError::Engine(error.into_string()),
    }
}

impl Rocks {
    fn chunks(&self) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(CHUNKS).ok_or_else(|| StoreError::Engine("no chunks table".into()))
    }

    /// A consistent copy by hard links, while serving.
    pub(crate) fn checkpoint(&self, dir: &Path) -> Result<(), StoreError> {
        let checkpoint = Checkpoint::new(&self.db).map_err(engine_error)?;
        checkpoint.create_checkpoint(dir).map_err(engine_error)
    }

    fn flush(&self) -> Result<(), StoreError> {
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        // Both: a log file can go when all families have flushed what stands in it.
        self.db.flush_opt(&flush).map_err(engine_error)?;
        self.db.flush_cf_opt(self.chunks()?, &flush).map_err(engine_error)
    }

    /// Bytes that the files with bodies take.
    pub(crate) fn body_file_bytes(&self) -> u64 {
        self.chunk_property("rocksdb.total-blob-file-size")
    }

    fn chunk_property(&self, name: &str) -> u64 {
        let chunks = self.db.cf_handle(CHUNKS);
        let value = chunks.map(|chunks| self.db.property_int_value_cf(chunks, name));
        value.and_then(Result::ok).flatten().unwrap_or_default()
    }

    /// Gives the space of deleted rows and bodies back to the file system. What it writes anew
    /// must fit into the free space before the old files go.
    pub(crate) fn compact(&self, free: u64) -> Result<(), StoreError> {
        self.flush()?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(rocksdb::BottommostLevelCompaction::Force);
        self.compact_bodies(free / 2, &options)?;
        let rows = self.db.property_int_value("rocksdb.total-sst-files-size");
        if rows.map_err(engine_error)?.unwrap_or_default() <= free / 2 {
            self.db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &options);
        }
        Ok(())
    }

    /// Live bodies move out of the oldest files, as many at a time as there is room for, until each
    /// old file had its turn.
    fn compact_bodies(&self, room: u64, options: &CompactOptions) -> Result<(), StoreError> {
        let chunks = self.chunks()?;
        let cutoff = |value: &str| {
            let options = [("blob_garbage_collection_age_cutoff", value)];
            self.db.set_options_cf(chunks, &options).map_err(engine_error)
        };
        let passes = self.body_file_bytes().div_ceil(room.max(1)).clamp(1, COMPACT_PASSES_MAX);
        cutoff(&format!("{:.3}", 1.0 / passes as f64))?;
        for _ in 0..passes {
            self.db.compact_range_cf_opt(chunks, None::<&[u8]>, None::<&[u8]>, options);
        }
        cutoff("0.25")
    }
}

impl Backend for Rocks {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.db.get_pinned(key).map_err(engine_error)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let rows = self.db.cf_handle(DEFAULT_COLUMN_FAMILY_NAME);
        let rows = rows.ok_or_else(|| StoreError::Engine("no default family".into()))?;
        let values = self.db.batched_multi_get_cf(rows, keys.iter().map(|key| &key[..]), false);
        let read = values.into_iter().map(|value| match value {
            Ok(value) => Ok(value.map(|value| Bytes::copy_from_slice(&value))),
            Err(error) => Err(engine_error(error)),
        });
        read.collect()
    }

    fn scan(
        &self,
        range: &Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> Result<Rows, StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(&range.start[..]);
        options.set_iterate_upper_bound(&range.end[..]);
        let mut rows = Vec::new();
        let mut cursor = self.db.raw_iterator_opt(options);
        match direction {
            Direction::Forward => cursor.seek_to_first(),
            Direction::Backward => cursor.seek_to_last(),
        }
        while let Some((key, value)) = cursor.item() {
            let key = Bytes::copy_from_slice(key);
            if rows.len() == limit {
                return Ok((rows, Some(key)));
            }
            rows.push((key, Bytes::copy_from_slice(value)));
            match direction {
                Direction::Forward => cursor.next(),
                Direction::Backward => cursor.prev(),
            }
        }
        cursor.status().map_err(engine_error)?;
        Ok((rows, None))
    }

    fn chunk(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.db.get_cf(self.chunks()?, key).map_err(engine_error)?;
        Ok(value.map(Bytes::from))
    }

    // RocksDB syncs the log before it puts the batch where readers see it, so that nobody reads
    // what a power cut could take back, except for groups that asked for no sync.
    fn write(&self, record: &GroupRecord, ops: &[Op], sync: bool) -> Result<(), String> {
        let chunks = self.chunks().map_err(|error| error.to_string())?;
        let bytes = RECORD_BYTES + ops.iter().map(|op| op.size() + 16).sum::<usize>();
        let mut batch = WriteBatch::with_capacity_bytes(bytes);
        batch.put(GROUP_KEY, record.encode());
        for op in ops {
            match op {
                Op::Put(key, value) => batch.put(key, value),
                Op::Delete(key) => batch.delete(key),
                Op::DeleteRange(range) => batch.delete_range(&range.start, &range.end),
                Op::PutChunk(key, value) => batch.put_cf(chunks, key, value),
                Op::DeleteChunk(key) => batch.delete_cf(chunks, key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.write_opt(batch, &options).map_err(rocksdb::Error::into_string)?;
        if sync {
            self.mark
                .set(record.number)
                .map_err(|error| format!("mark of synced group: {error}"))?;
        }
        Ok(())
    }

    fn chunk_count(&self) -> u64 {
        self.chunk_property("rocksdb.estimate-num-keys")
    }

    fn close(&self) -> Result<(), String> {
        self.flush().map_err(|error| error.to_string())?;
        self.db.cancel_all_background_work(true);
        Ok(())
    }
}
