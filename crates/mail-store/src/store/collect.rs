//! The collector: removes bodies that no mailbox and no queue entry refers to, while the server
//! runs.
//!
//! It never reads every account. The index of references names the partitions that may refer to a
//! body; their own rows say whether they do. Whoever is about to refer to a body has pinned it,
//! renewed its grace and raised its shard's version, and each of the three stops the removal.

use std::ops::Range;
use std::sync::atomic::Ordering;

use mail_types::BlobHash;

use super::Store;
use super::batch::Batch;
use super::body::{chunk_count, chunk_key};
use crate::engine::{Extra, Op, Rocks};
use crate::error::{CommitError, StoreError};
use crate::meta_store::{Class, Direction, Partition};
use crate::table::Table;
use crate::tables::blob::{BodyName, BodyReferrer, BodyTouched, Referrer, UPLOADS, Upload, shard};
use crate::tables::mail::BodyUse;
use crate::tables::queue::QueueBodyUse;

/// Names read at once by the sweep.
const SWEEP_ROWS: usize = 500;
/// Pieces removed by one commit.
const PIECES_PER_COMMIT: u32 = 1000;
/// Bytes of bodies removed since the last compaction that make the next one worth it, and the part
/// of all bodies that they must be: it writes everything that is left anew.
const COMPACT_AFTER_BYTES: u64 = 64 << 20;
const COMPACT_AFTER_PART: u64 = 10;

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
        self.inner.bodies.release(hash);
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
                self.inner.bodies.release(hash);
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
            Some(rocks) => rocks.compact(store.inner.guard.free().unwrap_or_default()),
            None => Ok(()),
        });
        compacted.await.map_err(|error| StoreError::Engine(error.to_string()))?
    }

    async fn compact_after(&self, collected: &Collected) -> Result<(), StoreError> {
        metrics::counter!("facteur_store_bodies_removed_total").increment(collected.removed);
        let removed = &self.inner.bodies.removed_bytes;
        let total = removed.fetch_add(collected.bytes, Ordering::Relaxed) + collected.bytes;
        let stored = self.inner.engine.rocks().map_or(0, Rocks::body_file_bytes);
        if total < COMPACT_AFTER_BYTES.max(stored / COMPACT_AFTER_PART) {
            return Ok(());
        }
        removed.store(0, Ordering::Relaxed);
        self.compact().await
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

    /// Decides about one body. Why nothing that is referred to is removed: a reservation made
    /// after the version is read raises the version, and the removal conflicts; one made before
    /// is still held, or its commit is done and seen by [`Store::referrers`]. A reservation that
    /// was dropped early, with its task, is covered by the grace.
    async fn judge(&self, hash: BlobHash) -> Result<Verdict, StoreError> {
        let partition = shard(hash);
        let version = self.version(partition).await?;
        if self.inner.bodies.pins().contains_key(&hash) {
            return Ok(Verdict::Later);
        }
        let Some(name) = self.get::<BodyName>(partition, &hash).await? else {
            return Ok(Verdict::Keep);
        };
        let touched = self.get::<BodyTouched>(partition, &hash).await?.unwrap_or_default();
        // A clock that went back makes a touch look like the future: then the body stays.
        if self.now() - touched < self.inner.bodies.grace_seconds() {
            return Ok(Verdict::Later);
        }
        let Referrers { is_referred, stale } = self.referrers(hash).await?;
        let mut batch = Batch::new().unsynced().bump().expect(version);
        if is_referred {
            if !stale.is_empty() {
                stale.iter().for_each(|referrer| batch.delete::<BodyReferrer>(&(hash, *referrer)));
                self.outcome(partition, batch).await?;
            }
            return Ok(Verdict::Keep);
        }
        batch.delete::<BodyName>(&hash);
        batch.delete::<BodyTouched>(&hash);
        batch.delete_prefix::<BodyReferrer, _>(&hash);
        self.note_upload(name.upload, Some(hash))?;
        if !self.outcome(partition, batch).await? {
            self.remove_pieces(name.upload, 0..0).await?;
            return Ok(Verdict::Later);
        }
        self.remove_pieces(name.upload, 0..chunk_count(name.size)).await?;
        Ok(Verdict::Removed(name.size))
    }

    async fn outcome(&self, partition: Partition, batch: Batch) -> Result<bool, StoreError> {
        match self.commit(partition, batch).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the partitions that the index names, until one refers to the body.
    async fn referrers(&self, hash: BlobHash) -> Result<Referrers, StoreError> {
        let mut stale = Vec::new();
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
            for ((_, referrer), ()) in page.rows {
                if self.uses(referrer, &hash).await? {
                    return Ok(Referrers { is_referred: true, stale });
                }
                stale.push(referrer);
            }
            from = page.next;
            if from.is_none() {
                return Ok(Referrers { is_referred: false, stale });
            }
        }
    }

    async fn uses(&self, referrer: Referrer, hash: &BlobHash) -> Result<bool, StoreError> {
        let partition = referrer.partition();
        match referrer {
            Referrer::Account(_) => self.has_any::<BodyUse>(partition, hash).await,
            Referrer::QueueShard(_) => self.has_any::<QueueBodyUse>(partition, hash).await,
        }
    }

    async fn has_any<T: Table>(
        &self,
        partition: Partition,
        hash: &BlobHash,
    ) -> Result<bool, StoreError> {
        let first = self.scan_prefix::<T, _>(partition, hash, None, 1, Direction::Forward).await?;
        Ok(!first.rows.is_empty())
    }

    /// Removes pieces, and with the last of them the note that their fate is open.
    async fn remove_pieces(&self, upload: u64, pieces: Range<u32>) -> Result<(), StoreError> {
        let mut first = pieces.start;
        loop {
            let last = pieces.end.min(first + PIECES_PER_COMMIT);
            let chunks = (first..last).map(|number| Op::DeleteChunk(chunk_key(upload, number)));
            let extra = Extra { chunks: chunks.collect(), advance: 0 };
            let mut batch = Batch::new().unsynced();
            if last == pieces.end {
                batch.delete::<Upload>(&upload);
            }
            self.submit_with(UPLOADS, batch, extra)?.await?;
            if last == pieces.end {
                return Ok(());
            }
            first = last;
        }
    }

    /// Removes what an earlier start left without a name.
    async fn sweep_uploads(&self) -> Result<(), StoreError> {
        let first_of_this_start = self.inner.bodies.first_upload();
        loop {
            let page =
                self.scan_range::<Upload>(UPLOADS, &0..&first_of_this_start, SWEEP_ROWS).await?;
            for (upload, row) in page.rows {
                let named = match row.body {
                    Some(hash) => self.get::<BodyName>(shard(hash), &hash).await?,
                    None => None,
                };
                let is_named = named.is_some_and(|name| name.upload == upload);
                let count = if is_named { 0 } else { self.pieces_written(upload)? };
                self.remove_pieces(upload, 0..count).await?;
            }
            if page.next.is_none() {
                return Ok(());
            }
        }
    }

    fn pieces_written(&self, upload: u64) -> Result<u32, StoreError> {
        let mut number = 0;
        while self.inner.engine.chunk(&chunk_key(upload, number))?.is_some() {
            number += 1;
        }
        Ok(number)
    }
}

/// What the partitions that the index names say about a body.
struct Referrers {
    is_referred: bool,
    /// Those that no longer refer to it.
    stale: Vec<Referrer>,
}
