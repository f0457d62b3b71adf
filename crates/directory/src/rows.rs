//! This crate's one door to the store: typed reads and commits of the directory's partitions,
//! and a generation per partition by which the caches know that they are stale.

use std::sync::atomic::{AtomicU64, Ordering};

use mail_store::tables::directory::{
    Account, AcademicIdentifier, Address, ClaimRow, Password, SLICES, account_slice,
};
use mail_store::{Batch, CommitError, Partition, Store, StoreError, Table, Version};
use mail_types::AccountId;

use crate::account::Loaded;
use crate::claim::Name;

/// How often a change is rebuilt after others changed the same partition.
pub(crate) const REBUILDS_MAX: usize = 64;

/// Reads and commits.
pub(crate) struct Rows {
    store: Store,
    /// Rises after each commit, by partition; what was read under an older one is not used.
    generations: Vec<AtomicU64>,
    #[cfg(test)]
    pub(crate) cut: crate::tests::Cut,
}

/// One atomic change of one partition, under construction.
pub(crate) struct Change {
    partition: Partition,
    batch: Batch,
    is_empty: bool,
}

impl Change {
    pub(crate) fn of(partition: Partition) -> Self {
        // The version rises with every change, so that it can be asserted.
        Self { partition, batch: Batch::new().bump(), is_empty: true }
    }

    /// Applies only while the partition has this version.
    pub(crate) fn expect(mut self, version: Version) -> Self {
        self.batch = self.batch.expect(version);
        self
    }

    /// Applies only while there is no such row.
    pub(crate) fn absent<T: Table>(mut self, key: &T::Key) -> Self {
        self.batch = self.batch.assert_absent::<T>(key);
        self
    }

    pub(crate) fn put<T: Table>(&mut self, key: &T::Key, value: &T::Value) {
        self.batch.put::<T>(key, value);
        self.is_empty = false;
    }

    pub(crate) fn delete<T: Table>(&mut self, key: &T::Key) {
        self.batch.delete::<T>(key);
        self.is_empty = false;
    }

    pub(crate) fn put_claim(&mut self, name: &Name, row: &ClaimRow) {
        match name {
            Name::Address(key) => self.put::<Address>(key, row),
            Name::AcademicId(key) => self.put::<AcademicIdentifier>(key, row),
        }
    }

    pub(crate) fn delete_claim(&mut self, name: &Name) {
        match name {
            Name::Address(key) => self.delete::<Address>(key),
            Name::AcademicId(key) => self.delete::<AcademicIdentifier>(key),
        }
    }
}

impl Rows {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            generations: (0..=SLICES).map(|_| AtomicU64::new(0)).collect(),
            #[cfg(test)]
            cut: crate::tests::Cut::default(),
        }
    }

    /// To be read before the rows that are cached under it.
    pub(crate) fn generation(&self, partition: Partition) -> u64 {
        self.generation_of(partition).load(Ordering::Acquire)
    }

    fn generation_of(&self, partition: Partition) -> &AtomicU64 {
        &self.generations[(partition.id % (SLICES + 1)) as usize]
    }

    /// To be read before the rows on which a change that expects it is built.
    pub(crate) async fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        self.store.version(partition).await
    }

    pub(crate) async fn get<T: Table>(
        &self,
        partition: Partition,
        key: &T::Key,
    ) -> Result<Option<T::Value>, StoreError> {
        self.store.get::<T>(partition, key).await
    }

    pub(crate) async fn claim(&self, name: &Name) -> Result<Option<ClaimRow>, StoreError> {
        match name {
            Name::Address(key) => self.get::<Address>(name.slice(), key).await,
            Name::AcademicId(key) => self.get::<AcademicIdentifier>(name.slice(), key).await,
        }
    }

    pub(crate) async fn load(
        &self,
        id: AccountId,
        quota_bytes_default: u64,
    ) -> Result<Option<Loaded>, StoreError> {
        let slice = account_slice(id);
        let Some(row) = self.get::<Account>(slice, &id.0).await? else { return Ok(None) };
        let password = self.get::<Password>(slice, &id.0).await?;
        Ok(Some(Loaded::new(id, row, password.map(|row| row.phc), quota_bytes_default)))
    }

    /// Up to `limit` rows from this key on, rising.
    pub(crate) async fn scan<T: Table>(
        &self,
        partition: Partition,
        from: &T::Key,
        limit: usize,
    ) -> Result<Vec<(T::Key, T::Value)>, StoreError> {
        self.store.scan_from::<T>(partition, from, limit).await
    }

    /// Commits, synced. `Ok(false)` when others changed what the change was built on.
    pub(crate) async fn commit(&self, change: Change) -> Result<bool, StoreError> {
        if change.is_empty {
            return Ok(true);
        }
        #[cfg(test)]
        self.cut.before()?;
        let outcome = self.store.commit(change.partition, change.batch).await;
        // Also after a failure: whether it was written is then not known.
        self.generation_of(change.partition).fetch_add(1, Ordering::AcqRel);
        #[cfg(test)]
        self.cut.after()?;
        match outcome {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict | CommitError::Abandoned) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
