//! How the service is, for whoever looks after it.

use mail_store::tables::queue::{OwnCopyRow, QUEUE_SHARDS, QueueMessage};
use mail_store::tables::system::{BackupRow, VerifyRow};
use mail_store::{Upkeep, queue_partition};

use crate::error::ServiceError;
use crate::service::MailService;

/// Messages of each shard among which the one that waits longest is looked for.
const LOOKED_AT_MAX: usize = 100;

/// What an administrator looks at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Free bytes of the store's disk; `None` when nobody knows.
    pub disk_free_bytes: Option<u64>,
    /// Below how many of them new mail is refused; 0 is never.
    pub disk_floor_bytes: u64,
    /// Whether it is refused now.
    pub is_disk_full: bool,
    /// Messages in the queue.
    pub queue_length: u64,
    /// Seconds since the oldest of them came that is not held back for a time its sender chose; 0
    /// when there is none.
    pub queue_oldest_seconds: i64,
    /// Messages that wait to be indexed, about.
    pub index_waiting: u64,
    /// The last backup; `None` is never.
    pub last_backup: Option<BackupRow>,
    /// Whether it is time for another one.
    pub is_backup_due: bool,
    /// The last verification of the whole store; `None` is never.
    pub last_verify: Option<VerifyRow>,
}

impl MailService {
    /// How the service is now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn condition(&self) -> Result<Condition, ServiceError> {
        let (disk_free_bytes, disk_floor_bytes) = self.store().disk_room();
        let Upkeep { backup, verify } = self.store().upkeep().await?;
        Ok(Condition {
            disk_free_bytes,
            disk_floor_bytes,
            is_disk_full: self.store().is_disk_full(),
            queue_length: self.queue_length(),
            queue_oldest_seconds: self.waits_longest().await?,
            index_waiting: self.index_queue(),
            last_backup: backup,
            is_backup_due: self.is_backup_due(backup),
            last_verify: verify,
        })
    }

    fn is_backup_due(&self, last: Option<BackupRow>) -> bool {
        let seconds = i64::from(self.settings().backup_hours_max) * 3600;
        let age = last.map(|backup| self.now().as_second() - backup.at);
        seconds > 0 && age.is_none_or(|age| age > seconds)
    }

    async fn waits_longest(&self) -> Result<i64, ServiceError> {
        let now = self.now().as_second();
        let mut oldest = now;
        for shard in 0..QUEUE_SHARDS {
            let partition = queue_partition(shard);
            let page = self.store().scan::<QueueMessage>(partition, None, LOOKED_AT_MAX).await?;
            let is_scheduled =
                |own: &Option<OwnCopyRow>| own.as_ref().is_some_and(|own| own.is_scheduled);
            // Queue ids rise.
            let first = page.rows.iter().find(|(_, message)| !is_scheduled(&message.own));
            oldest = oldest.min(first.map_or(now, |(_, message)| message.arrived));
        }
        Ok(now - oldest)
    }
}
