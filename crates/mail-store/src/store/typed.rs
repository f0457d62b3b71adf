//! Typed reads and commits.

use std::ops::Range;

use bytes::Bytes;

use super::Store;
use super::batch::{Batch, prefix_range, row_key};
use super::seal::{Sealer, hex};
use crate::engine::{Extra, full_key};
use crate::error::{CommitError, StoreError};
use crate::meta_store::{Class, Direction, MetaStore, Partition, Pending, Version};
use crate::table::{KeyReader, Table, TableKey};

/// Rows of one page, whatever a caller asks for.
const PAGE_ROWS_MAX: usize = 10_000;

/// Part of a scan, consistent in itself.
#[derive(Clone, Debug)]
pub struct TypedPage<T: Table> {
    /// Key and value, in scan order.
    pub rows: Vec<(T::Key, T::Value)>,
    /// The first key not returned; `None` at the end.
    pub next: Option<T::Key>,
    /// The partition's version, at least as old as the rows.
    pub version: Version,
}

impl Store {
    /// Reads a row.
    pub async fn get<T: Table>(
        &self,
        partition: Partition,
        key: &T::Key,
    ) -> Result<Option<T::Value>, StoreError> {
        let key = row_key::<T>(key);
        match self.inner.engine.get(partition, &key)? {
            Some(value) => self.open_value::<T>(partition, &key, value).map(Some),
            None => Ok(None),
        }
    }

    /// Reads several rows, in the order of the keys.
    pub async fn get_many<T: Table>(
        &self,
        partition: Partition,
        keys: &[T::Key],
    ) -> Result<Vec<Option<T::Value>>, StoreError> {
        let keys: Vec<_> = keys.iter().map(|key| full_key(partition, &row_key::<T>(key))).collect();
        let values = self.inner.engine.get_whole(&keys)?;
        let sealer = &self.inner.sealer;
        let rows = keys.into_iter().zip(values);
        rows.map(|(key, value)| value.map(|value| decode::<T>(sealer, key, value)).transpose())
            .collect()
    }

    /// Reads a table's rows from `from` on (or from its beginning), rising.
    pub async fn scan<T: Table>(
        &self,
        partition: Partition,
        from: Option<&T::Key>,
        limit: usize,
    ) -> Result<TypedPage<T>, StoreError> {
        self.scan_prefix::<T, ()>(partition, &(), from, limit, Direction::Forward).await
    }

    /// Reads the rows whose keys begin with these elements. Forward begins at `from`, backward
    /// ends there: it returns rows up to and including `from`, falling.
    pub async fn scan_prefix<T: Table, P: TableKey + Sync>(
        &self,
        partition: Partition,
        prefix: &P,
        from: Option<&T::Key>,
        limit: usize,
        direction: Direction,
    ) -> Result<TypedPage<T>, StoreError> {
        let mut range = prefix_range::<T, P>(prefix);
        match (from, direction) {
            (Some(from), Direction::Forward) => range.start = range.start.max(row_key::<T>(from)),
            (Some(from), Direction::Backward) => {
                let mut end = row_key::<T>(from).to_vec();
                end.push(0);
                range.end = range.end.min(end.into());
            }
            (None, _) => {}
        }
        self.scan_bytes::<T>(partition, range, limit, direction).await
    }

    /// Reads the rows from `range.start` up to and without `range.end`, rising.
    pub async fn scan_range<T: Table>(
        &self,
        partition: Partition,
        range: Range<&T::Key>,
        limit: usize,
    ) -> Result<TypedPage<T>, StoreError> {
        let range = row_key::<T>(range.start)..row_key::<T>(range.end);
        self.scan_bytes::<T>(partition, range, limit, Direction::Forward).await
    }

    async fn scan_bytes<T: Table>(
        &self,
        partition: Partition,
        range: Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> Result<TypedPage<T>, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let page = MetaStore::scan(&self.inner.engine, partition, range, limit, direction).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for (key, value) in page.rows {
            let value = self.open_value::<T>(partition, &key, value)?;
            rows.push((read_key::<T>(&key)?, value));
        }
        let next = page.next.map(|key| read_key::<T>(&key)).transpose()?;
        Ok(TypedPage { rows, next, version: page.version })
    }

    /// The partition's synced version.
    pub async fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        self.inner.engine.version(partition)
    }

    /// Partitions of a class that have rows, rising, after this one.
    pub async fn partitions(
        &self,
        class: Class,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        MetaStore::partitions(&self.inner.engine, class, after, limit).await
    }

    /// Checks a change and gives it its place in line; does not wait. A caller may hold its lock
    /// over this and must not hold it over the await.
    ///
    /// # Errors
    /// [`CommitError::Conflict`]: reread and rebuild. [`CommitError::DiskFull`] for guarded
    /// changes while the disk is nearly full.
    pub fn submit(&self, partition: Partition, batch: Batch) -> Result<Pending, CommitError> {
        self.submit_with(partition, batch, Extra::default())
    }

    pub(crate) fn submit_with(
        &self,
        partition: Partition,
        batch: Batch,
        extra: Extra,
    ) -> Result<Pending, CommitError> {
        if batch.guarded && self.inner.guard.is_full() {
            return Err(CommitError::DiskFull);
        }
        let commit = batch.finish(partition, &self.inner.sealer)?;
        self.inner.engine.submit(partition, commit, extra)
    }

    /// Submits a change and waits until it is done.
    ///
    /// # Errors
    /// As [`Store::submit`], and [`CommitError::Unknown`] when nobody knows.
    pub async fn commit(&self, partition: Partition, batch: Batch) -> Result<Version, CommitError> {
        self.submit(partition, batch)?.await
    }

    fn open_value<T: Table>(
        &self,
        partition: Partition,
        key: &Bytes,
        value: Bytes,
    ) -> Result<T::Value, StoreError> {
        decode::<T>(&self.inner.sealer, full_key(partition, key), value)
    }
}

/// Opens and decodes the value of the row whose whole key this is.
pub(crate) fn decode<T: Table>(
    sealer: &Sealer,
    key: Bytes,
    value: Bytes,
) -> Result<T::Value, StoreError> {
    let (version, payload) = sealer.open(T::NAME, &key, value)?;
    let decoded = match version {
        version if version == T::VERSION => postcard::from_bytes(&payload).ok(),
        older => T::migrate(older, &payload),
    };
    decoded.ok_or_else(|| StoreError::Corrupt {
        table: T::NAME,
        detail: format!("undecodable value, version {version}, at {}", hex(&key)),
    })
}

fn read_key<T: Table>(key: &[u8]) -> Result<T::Key, StoreError> {
    let mut reader = KeyReader(key.get(1..).unwrap_or_default());
    T::Key::read(&mut reader).ok_or_else(|| StoreError::Corrupt {
        table: T::NAME,
        detail: format!("unreadable key {}", hex(key)),
    })
}
