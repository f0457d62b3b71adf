//! How the service is, for whoever looks after it.

use crate::error::ServiceError;
use crate::service::MailService;

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
    /// Seconds since the oldest of them came; 0 when there is none.
    pub queue_oldest_seconds: i64,
    /// Messages that wait to be indexed, about.
    pub index_waiting: u64,
}

impl MailService {
    /// How the service is now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn condition(&self) -> Result<Condition, ServiceError> {
        let (disk_free_bytes, disk_floor_bytes) = self.store().disk_room();
        Ok(Condition {
            disk_free_bytes,
            disk_floor_bytes,
            is_disk_full: self.store().is_disk_full(),
            queue_length: self.queue_length(),
            queue_oldest_seconds: self.queue_oldest().await?,
            index_waiting: self.index_queue(),
        })
    }
}
