//! Leases over `commit`: one worker at a time, told apart by a fence.
//!
//! A lease is expired when its row has not changed for the time to live of *the observer's own*
//! monotonic clock: wall clocks of different machines are never compared.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{CommitError, StoreError};
use crate::meta_store::{Class, Cond, Partition};
use crate::store::Store;
use crate::store::batch::Batch;
use crate::tables::lease::{Lease, LeaseRow};

/// Proof of a lease: what the holder's commits assert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lease's name.
    pub name: String,
    /// The holder's name.
    pub owner: String,
    /// Which acquisition.
    pub number: u64,
}

/// Each lease has a partition of its own, so that a conflict on it means that it was lost, and not
/// that another lease changed.
fn lease_partition(name: &str) -> Partition {
    let mut id = [0; 8];
    id.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..8]);
    Partition { class: Class::Lease, id: u64::from_be_bytes(id) }
}

/// Acquires and renews leases for one node.
pub struct LeaseStore {
    store: Store,
    /// What was last seen of others' leases, and when; no await inside, hence std's mutex.
    seen: Mutex<HashMap<String, (LeaseRow, Instant)>>,
}

impl LeaseStore {
    /// Leases in this store.
    pub fn new(store: Store) -> Self {
        Self { store, seen: Mutex::default() }
    }

    /// Takes the lease if nobody holds it, or if its holder has been silent for `ttl` before
    /// `now`. `None` when it is held.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn acquire(
        &self,
        name: &str,
        owner: &str,
        ttl: Duration,
        now: Instant,
    ) -> Result<Option<Fence>, StoreError> {
        let lease = lease_partition(name);
        let version = self.store.version(lease).await?;
        let row = self.store.get::<Lease>(lease, &name.to_owned()).await?;
        if let Some(row) = &row
            && !row.owner.is_empty()
            && row.owner != owner
            && !self.is_silent(name, row, ttl, now)
        {
            return Ok(None);
        }
        let number = row.map_or(0, |row| row.fence) + 1;
        let taken = LeaseRow { owner: owner.to_owned(), fence: number, beat: 0 };
        let mut batch = Batch::new().bump().expect(version);
        batch.put::<Lease>(&name.to_owned(), &taken);
        let fence = Fence { name: name.to_owned(), owner: owner.to_owned(), number };
        self.outcome(lease, batch).await.map(|done| done.then_some(fence))
    }

    /// Says that the holder lives. `false` when the lease was lost: stop working.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn renew(&self, fence: &Fence) -> Result<bool, StoreError> {
        self.replace(fence, |row| row.beat += 1).await
    }

    /// Gives the lease back. `false` when it was lost already.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn release(&self, fence: &Fence) -> Result<bool, StoreError> {
        self.replace(fence, |row| row.owner.clear()).await
    }

    async fn replace(
        &self,
        fence: &Fence,
        change: impl FnOnce(&mut LeaseRow),
    ) -> Result<bool, StoreError> {
        let lease = lease_partition(&fence.name);
        let version = self.store.version(lease).await?;
        let row = self.store.get::<Lease>(lease, &fence.name).await?;
        let Some(mut row) = row.filter(|row| row.fence == fence.number && row.owner == fence.owner)
        else {
            return Ok(false);
        };
        change(&mut row);
        let mut batch = Batch::new().bump().expect(version);
        batch.assert::<Lease>(&fence.name, Cond::Exists);
        batch.put::<Lease>(&fence.name, &row);
        self.outcome(lease, batch).await
    }

    async fn outcome(&self, lease: Partition, batch: Batch) -> Result<bool, StoreError> {
        match self.store.commit(lease, batch).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn is_silent(&self, name: &str, row: &LeaseRow, ttl: Duration, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(name) {
            Some((before, since)) if before == row => now.duration_since(*since) >= ttl,
            _ => {
                seen.insert(name.to_owned(), (row.clone(), now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_lease_disturbs_no_holder() {
        let leases = LeaseStore::new(Store::memory());
        let (ttl, start) = (Duration::from_secs(20), Instant::now());
        let queue = leases.acquire("queue", "a", ttl, start).await.unwrap().unwrap();
        let index = leases.acquire("index", "b", ttl, start).await.unwrap().unwrap();
        let (one, other) = tokio::join!(leases.renew(&queue), leases.renew(&index));
        assert!(one.unwrap() && other.unwrap());
    }

    #[tokio::test]
    async fn one_holder_at_a_time_and_a_silent_one_is_replaced() {
        let leases = LeaseStore::new(Store::memory());
        let (ttl, start) = (Duration::from_secs(20), Instant::now());
        let first = leases.acquire("queue", "a", ttl, start).await.unwrap().unwrap();
        assert_eq!(leases.acquire("queue", "b", ttl, start).await.unwrap(), None);
        assert!(leases.renew(&first).await.unwrap());
        let later = start + ttl;
        assert_eq!(leases.acquire("queue", "b", ttl, later).await.unwrap(), None, "it beat");
        let second = leases.acquire("queue", "b", ttl, later + ttl).await.unwrap().unwrap();
        assert!(second.number > first.number);
        assert!(!leases.renew(&first).await.unwrap(), "the old holder learns that it lost");
        assert!(leases.release(&second).await.unwrap());
        assert!(leases.acquire("queue", "a", ttl, later + ttl).await.unwrap().is_some());
    }
}
