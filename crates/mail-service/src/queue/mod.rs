//! The queue: messages that were accepted and wait for their next hop, or for their time.
//!
//! A message that has a recipient elsewhere, asks to be held back, or wants to hear of success
//! enters the queue whole: one commit decides for all of its recipients. Whoever works the queue
//! asks [`MailService::queued`] what is due, tries, and hands the outcome to
//! [`MailService::settle`], which keeps the rows and the sender's notices in one commit.
//!
//! What waits in its sender's name can be taken back. Whether it leaves or becomes a draft again is
//! decided in the sender's account by one commit there ([`MailService::leave`],
//! [`MailService::take_back`]), whoever comes first; the queue follows.
//!
//! One process works a shard, under its lease; [`MailService::work_queue`] says so.

mod accept;
mod admin;
mod entry;
mod feed;
mod history;
mod local;
mod notice;
mod outbox;
mod own_copy;
mod scheduled;
mod settle;
mod standing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use mail_store::tables::queue::{QUEUE_SHARDS, QueueFence, shard_of};
use mail_store::{Batch, Cond, Partition, queue_partition};
use mail_types::QueueId;

pub use accept::{Acceptance, Addressee, Destination};
pub use admin::{Filter, QueueChange, Queued};
pub use entry::{Entry, Outgoing};
pub use feed::Changed;
pub use history::Happened;
pub use mail_store::tables::mail::OutboxRow;
pub use mail_store::tables::queue::{
    AttemptRow, HistoryRow, OwnCopyRow, QueueMessageRow, QueueRecipientRow,
};
pub use settle::{Attempt, Settled, Told, Verdict};
pub use standing::Leave;

/// What a running service holds of its queue.
pub(crate) struct Queue {
    feed: feed::Feed,
    /// Messages in the queue.
    messages: AtomicU64,
    /// Numbers of the leases under which the shards are worked; 0 where none is held.
    fences: [AtomicU64; QUEUE_SHARDS as usize],
    /// One lock for each entry that somebody changes, held over reading, commit and sync: several
    /// next hops of one message end at the same time. Held for a look-up, no await inside.
    locks: Mutex<HashMap<QueueId, Weak<tokio::sync::Mutex<()>>>>,
}

/// Entries whose locks are remembered before unused ones are forgotten.
const LOCKS_KEPT: usize = 1024;

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            feed: feed::Feed::default(),
            messages: AtomicU64::new(0),
            fences: std::array::from_fn(|_| AtomicU64::new(0)),
            locks: Mutex::default(),
        }
    }

    /// The lock of an entry.
    fn lock(&self, id: QueueId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() > LOCKS_KEPT {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        if let Some(lock) = locks.get(&id).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(id, Arc::downgrade(&lock));
        lock
    }

    /// A change of an entry, which applies only while this process works its shard.
    fn batch(&self, id: QueueId) -> Batch {
        let mut batch = Batch::new().bump();
        let fence = self.fences[shard_of(id) as usize].load(Ordering::Acquire);
        if fence != 0 {
            batch.assert::<QueueFence>(&fence, Cond::Exists);
        }
        batch
    }
}

/// The partition of an entry's rows.
fn partition_of(id: QueueId) -> Partition {
    queue_partition(shard_of(id))
}
