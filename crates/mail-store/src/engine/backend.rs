//! What an engine must be able to do: ordered bytes, read and written in one group at a time.

use std::ops::Range;

use bytes::Bytes;

use super::group::GroupRecord;
use crate::error::StoreError;
use crate::meta_store::Direction;

/// One change of one key. Keys are whole: class, partition and key.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Writes a row.
    Put(Bytes, Bytes),
    /// Removes a row.
    Delete(Bytes),
    /// Removes a range of rows, end excluded.
    DeleteRange(Range<Bytes>),
    /// Writes a piece of a body.
    PutChunk(Bytes, Bytes),
    /// Removes a piece of a body.
    DeleteChunk(Bytes),
}

impl Op {
    /// Bytes it brings into the log.
    pub(crate) fn size(&self) -> usize {
        match self {
            Op::Put(key, value) | Op::PutChunk(key, value) => key.len() + value.len(),
            Op::Delete(key) | Op::DeleteChunk(key) => key.len(),
            Op::DeleteRange(range) => range.start.len() + range.end.len(),
        }
    }

    /// What it does to the row `key`: `Some(true)` when the row is there afterwards,
    /// `Some(false)` when it is not, `None` when it leaves it alone.
    pub(crate) fn effect_on(&self, key: &[u8]) -> Option<bool> {
        match self {
            Op::Put(put, _) if put == key => Some(true),
            Op::Delete(deleted) if deleted == key => Some(false),
            Op::DeleteRange(range) if *range.start <= *key && *key < *range.end => Some(false),
            _ => None,
        }
    }
}

/// Rows of a scan, and where the next page starts.
pub(crate) type Rows = (Vec<(Bytes, Bytes)>, Option<Bytes>);

/// An engine under the committer. Reads see whole groups only, and a group that asked for a sync
/// only after the sync.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Reads a row.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Reads several rows, in the order of the keys.
    fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// Reads up to `limit` rows.
    fn scan(
        &self,
        range: &Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> Result<Rows, StoreError>;

    /// Reads a piece of a body.
    fn chunk(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Writes a group atomically, its record first, and, when asked, syncs the log before it
    /// returns.
    ///
    /// # Errors
    /// What the engine said. Nobody knows whether the group is durable: the committer stops.
    fn write(&self, record: &GroupRecord, ops: &[Op], sync: bool) -> Result<(), String>;

    /// About how many pieces of bodies there are.
    fn chunk_count(&self) -> u64;

    /// Flushes and releases what the engine holds.
    fn close(&self) -> Result<(), String>;
}
