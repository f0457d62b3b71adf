//! The collector: removes bodies that no mailbox refers to, while the server runs.
//!
//! It never reads every account. The index of references names the accounts that may refer to a
//! body; their `BodyUse` rows say whether they do. Whoever is about to refer to a body has pinned
//! it, renewed its grace and raised its shard's version, and each of the three stops the removal.

use mail_types::BlobHash;

use super::Store;
use super::batch::Batch;
use super::body::{chunk_count, chunk_key};
use crate::engine::{Extra, Op};
use crate::error::{CommitError, StoreError};
use crate::meta_store::{Class, Direction, Partition};
use crate::tables::blob::{
    BodyName, BodyReferrer, BodyTouched, UPLOADS, Upload, account_partition, shard,
};
use crate::tables::mail::BodyUse;

/// Names read at once by the sweep.
const SWEEP_ROWS: usize = 500;
/// Pieces removed by one commit.
const PIECES_PER_COMMIT: u32 = 1000;
/// Bodies removed since the last compaction that make the next one worth it.
const COMPACT_AFTER_BYTES: u64 = 64 << 20;

/// What a run of the collector did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Bodies looked at.
    pub examined: u64,
    /// Bodies removed.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
}

enum Verdict {
    Keep,
    Later,
    Removed(u64),
}

impl Store {
    /// Tells the collector that a reference to this body is gone.
    pub fn body_released(&self, hash: BlobHash) {
        self.inner.bodies.released().insert(hash);
    }

    /// Looks at the bodies that lost a reference since the last run.
    ///
    /// # Errors
    /// When the engine fails; what was not looked at yet is left to the sweep.
    pub async fn collect_released(&self) -> Result<Collected, StoreError> {
        let candidates = std::mem::take(&mut *self.inner.bodies.released());
        let mut collected = Collected::default();
        for hash in candidates {
            if let Verdict::Later = self.examine(hash, &mut collected).await? {
                self.inner.bodies.released().insert(hash);
            }
        }
        self.compact_after(&collected).await?;
        Ok(collected)
    }

    /// Looks at all bodies and at uploads that an earlier start left unfinished.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn collect_all(&self) -> Result<Collected, StoreError> {
        let mut collected = Collected::default();
        self.sweep_uploads().await?;
        for id in self.partitions(Class::Blob, None, usize::MAX).await? {
            let partition = Partition { class: Class::Blob, id };
            let mut from = None;
            loop {
                let page = self.scan::<BodyName>(partition, from.as_ref(), SWEEP_ROWS).await?;
                for (hash, _) in page.rows {
                    self.examine(hash, &mut collected).await?;
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        self.compact_after(&collected).await?;
        Ok(collected)
    }

    /// Gives the space of removed bodies back to the file system; slow, and served meanwhile.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn compact(&self) -> Result<(), StoreError> {
        let store = self.clone();
        let compacted = tokio::task::spawn_blocking(move || match store.inner.engine.rocks() {
            Some(rocks) => rocks.compact_chunks(),
            None => Ok(()),
        });
        compacted.await.map_err(|error| StoreError::Engine(error.to_string()))?
    }

    async fn compact_after(&self, collected: &Collected) -> Result<(), StoreError> {
        metrics::counter!("facteur_store_bodies_removed_total").increment(collected.removed);
        if collected.bytes >= COMPACT_AFTER_BYTES { self.compact().await } else { Ok(()) }
    }

    async fn examine(
        &self,
        hash: BlobHash,
        collected: &mut Collected,
    ) -> Result<Verdict, StoreError> {
        collected.examined += 1;
        let verdict = self.judge(hash).await?;
        if let Verdict::Removed(bytes) = verdict {
            collected.removed += 1;
            collected.bytes += bytes;
        }
        Ok(verdict)
    }

    async fn judge(&self, hash: BlobHash) -> Result<Verdict, StoreError> {
        let partition = shard(hash);
        // The version is read before anything else: whoever touches the body after that raises
        // it, and the removal below is refused.
        let version = self.version(partition).await?;
        let Some(name) = self.get::<BodyName>(partition, &hash).await? else {
            return Ok(Verdict::Keep);
        };
        let touched = self.get::<BodyTouched>(partition, &hash).await?.unwrap_or_default();
        // A clock that went back makes a touch look like the future: then the body stays.
        if self.now() - touched < self.inner.bodies.grace_seconds() {
            return Ok(Verdict::Later);
        }
        if self.is_referred(hash).await? {
            return Ok(Verdict::Keep);
        }
        let mut batch = Batch::new().unsynced().bump().expect(version);
        batch.delete::<BodyName>(&hash);
        batch.delete::<BodyTouched>(&hash);
        batch.delete_prefix::<BodyReferrer, _>(&hash);
        let submitted = {
            let pins = self.inner.bodies.pins();
            if pins.contains_key(&hash) {
                return Ok(Verdict::Later);
            }
            self.submit(partition, batch)
        };
        match submitted {
            Ok(pending) => pending.await?,
            Err(CommitError::Conflict) => return Ok(Verdict::Later),
            Err(error) => return Err(error.into()),
        };
        self.remove_pieces(name.upload, chunk_count(name.size)).await?;
        Ok(Verdict::Removed(name.size))
    }

    async fn is_referred(&self, hash: BlobHash) -> Result<bool, StoreError> {
        let mut from = None;
        loop {
            let page = self
                .scan_prefix::<BodyReferrer, _>(
                    shard(hash),
                    &hash,
                    from.as_ref(),
                    SWEEP_ROWS,
                    Direction::Forward,
                )
                .await?;
            for ((_, account), ()) in page.rows {
                let partition = account_partition(mail_types::AccountId(account));
                let used = self
                    .scan_prefix::<BodyUse, _>(partition, &hash, None, 1, Direction::Forward)
                    .await?;
                if !used.rows.is_empty() {
                    return Ok(true);
                }
            }
            from = page.next;
            if from.is_none() {
                return Ok(false);
            }
        }
    }

    async fn remove_pieces(&self, upload: u64, count: u32) -> Result<(), StoreError> {
        let mut first = 0;
        while first < count {
            let last = count.min(first + PIECES_PER_COMMIT);
            let pieces = (first..last).map(|number| Op::DeleteChunk(chunk_key(upload, number)));
            let extra = Extra { chunks: pieces.collect(), advance: 0 };
            self.submit_with(UPLOADS, Batch::new().unsynced(), extra)?.await?;
            first = last;
        }
        Ok(())
    }

    async fn sweep_uploads(&self) -> Result<(), StoreError> {
        let first_of_this_start = self.inner.bodies.first_upload();
        let page = self.scan_range::<Upload>(UPLOADS, &0..&first_of_this_start, SWEEP_ROWS).await?;
        for (upload, _) in page.rows {
            let mut number = 0;
            while self.chunk(upload, number)?.is_some() {
                number += 1;
            }
            self.remove_pieces(upload, number).await?;
            let mut batch = Batch::new().unsynced();
            batch.delete::<Upload>(&upload);
            self.commit(UPLOADS, batch).await?;
        }
        Ok(())
    }
}
