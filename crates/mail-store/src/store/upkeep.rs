//! When the store was last backed up and last verified, for whoever looks after it.
//!
//! The store says it of itself: a backup holds what was known before it was made, and a restored
//! store has neither been backed up nor verified.

use std::path::Path;

use super::batch::Batch;
use super::{Store, block_on};
use crate::error::StoreError;
use crate::tables::system::{BackupRow, LastBackup, LastVerify, SYSTEM, VerifyRow};

/// The last backup and the last verification that came to an end; `None` is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// The last backup.
    pub backup: Option<BackupRow>,
    /// The last verification.
    pub verify: Option<VerifyRow>,
}

impl Store {
    /// What is known of backups and verifications.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn upkeep(&self) -> Result<Upkeep, StoreError> {
        Ok(Upkeep {
            backup: self.get::<LastBackup>(SYSTEM, &()).await?,
            verify: self.get::<LastVerify>(SYSTEM, &()).await?,
        })
    }

    /// Keeps that everything was walked, in so many seconds, and how many faults were found.
    ///
    /// # Errors
    /// When that could not be written.
    pub async fn note_verified(&self, seconds: u64, faults: u64) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put::<LastVerify>(&(), &VerifyRow { at: self.now(), seconds, faults });
        self.submit(SYSTEM, batch)?.await?;
        show(&self.upkeep().await?);
        Ok(())
    }

    /// Keeps that a backup, begun at that second, is whole.
    pub(super) fn note_backup(&self, began: i64, dir: &Path) -> Result<(), StoreError> {
        let at = self.now();
        let seconds = u64::try_from(at - began).unwrap_or_default();
        let mut batch = Batch::new();
        batch.put::<LastBackup>(&(), &BackupRow { at, seconds, bytes: bytes_in(dir) });
        self.commit_now(batch)?;
        self.show_upkeep()
    }

    /// Forgets both: this is another copy.
    pub(super) fn forget_upkeep(&self) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.delete::<LastBackup>(&());
        batch.delete::<LastVerify>(&());
        self.commit_now(batch)
    }

    /// Tells monitoring.
    pub(super) fn show_upkeep(&self) -> Result<(), StoreError> {
        show(&block_on(self.upkeep())?);
        Ok(())
    }
}

/// 0 is never: an alarm on the age of a backup then rings for one that was never made, too.
fn show(upkeep: &Upkeep) {
    let backup = upkeep.backup.unwrap_or_default();
    metrics::gauge!("facteur_last_backup_timestamp_seconds").set(backup.at as f64);
    metrics::gauge!("facteur_last_backup_duration_seconds").set(backup.seconds as f64);
    metrics::gauge!("facteur_last_backup_size_bytes").set(backup.bytes as f64);
    let verify = upkeep.verify.unwrap_or_default();
    metrics::gauge!("facteur_last_verify_timestamp_seconds").set(verify.at as f64);
    metrics::gauge!("facteur_last_verify_duration_seconds").set(verify.seconds as f64);
    metrics::gauge!("facteur_last_verify_faults").set(verify.faults as f64);
}

/// A backup has no directories within.
fn bytes_in(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
}
