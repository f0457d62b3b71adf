//! This crate's one door to the store: typed reads and commits of the directory's partitions.

use std::time::Duration;

use mail_store::tables::directory::{
    AcademicIdentifier, Account, AccountStateRow, Address, ClaimRow, Password, TemporarySecret,
    account_slice,
};
use mail_store::tables::security::Security;
use mail_store::{
    Batch, CommitError, Cond, Direction, Partition, Store, StoreError, Table, Version,
};
use mail_types::AccountId;

use crate::account::Loaded;
use crate::claim::Name;

/// How often a change is rebuilt after others changed the same partition.
pub(crate) const REBUILDS_MAX: usize = 200;
/// How long to wait before: what stood in the way is on its way to the disk.
const REBUILD_PAUSE: Duration = Duration::from_millis(5);

/// Reads and commits.
pub(crate) struct Rows {
    store: Store,
}

/// One atomic change of one partition, under construction.
pub(crate) struct Change {
    partition: Partition,
    batch: Batch,
}

impl Change {
    pub(crate) fn of(partition: Partition) -> Self {
        // The version rises with every change, so that it can be asserted.
        Self { partition, batch: Batch::new().bump() }
    }

    /// A change that nothing is built on and that lets what is cached stay: it asserts no version
    /// and gives none.
    pub(crate) fn unversioned(partition: Partition) -> Self {
        Self { partition, batch: Batch::new() }
    }

    /// Counts as done before it is synced.
    pub(crate) fn unsynced(mut self) -> Self {
        self.batch = self.batch.unsynced();
        self
    }

    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    /// Applies only while the partition has this version.
    pub(crate) fn expect(mut self, version: Version) -> Self {
        self.batch = self.batch.expect(version);
        self
    }

    /// Applies only while there is no such row.
    pub(crate) fn absent<T: Table>(mut self, key: &T::Key) -> Self {
        self.assert_absent::<T>(key);
        self
    }

    pub(crate) fn assert_absent<T: Table>(&mut self, key: &T::Key) {
        self.batch.assert::<T>(key, Cond::Absent);
    }

    pub(crate) fn put<T: Table>(&mut self, key: &T::Key, value: &T::Value) {
        self.batch.put::<T>(key, value);
    }

    pub(crate) fn delete<T: Table>(&mut self, key: &T::Key) {
        self.batch.delete::<T>(key);
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
        Self { store }
    }

    /// To be read before the rows that are built on or cached under it.
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
        let secret = match row.state {
            AccountStateRow::AwaitingFirstLogin => {
                self.get::<TemporarySecret>(slice, &id.0).await?
            }
            _ => None,
        };
        let phc = password.map(|row| row.phc);
        let security = self.get::<Security>(slice, &id.0).await?.unwrap_or_default();
        let loaded = Loaded::new(id, row, phc, secret, quota_bytes_default);
        Ok(Some(loaded.secured(&security)))
    }

    /// Up to `limit` rows from this key on (or from the first), rising.
    pub(crate) async fn scan<T: Table>(
        &self,
        partition: Partition,
        from: Option<&T::Key>,
        limit: usize,
    ) -> Result<mail_store::TypedPage<T>, StoreError> {
        self.store.scan::<T>(partition, from, limit).await
    }

    /// Up to `limit` rows up to this key (or from the last), falling.
    pub(crate) async fn scan_back<T: Table>(
        &self,
        partition: Partition,
        from: Option<&T::Key>,
        limit: usize,
    ) -> Result<mail_store::TypedPage<T>, StoreError> {
        let falling = Direction::Backward;
        self.store.scan_prefix::<T, ()>(partition, &(), from, limit, falling).await
    }

    /// Commits, synced. `Ok(false)` when others changed what the change was built on: reread and
    /// rebuild.
    pub(crate) async fn commit(&self, change: Change) -> Result<bool, StoreError> {
        if change.batch.is_empty() {
            return Ok(true);
        }
        match self.store.commit(change.partition, change.batch).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict) => {
                tokio::time::sleep(REBUILD_PAUSE).await;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
