//! One queued message: its rows, its bytes, and who works its shard.

use std::ops::Range;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use mail_store::tables::queue::{
    QUEUE_SHARDS, QueueFence, QueueMessage, QueueMessageRow, QueueRecipient, QueueRecipientRow,
};
use mail_store::{Batch, BlobStore, Direction, Store, queue_partition};
use mail_types::QueueId;

use super::{Changed, partition_of};
use crate::error::ServiceError;
use crate::service::MailService;

/// Rows read at once.
const PAGE_ROWS: usize = 1000;
/// Bytes read at once: a body's piece.
const PIECE_BYTES: u64 = 256 << 10;

/// A queued message with all recipients whose fate is open.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The acceptance.
    pub id: QueueId,
    /// The message.
    pub message: QueueMessageRow,
    /// Its recipients by number.
    pub recipients: Vec<(u32, QueueRecipientRow)>,
}

/// A queued message's bytes, as they go out: its prefix and its body.
#[derive(Clone)]
pub struct Outgoing {
    store: Store,
    message: QueueMessageRow,
}

impl Outgoing {
    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.message.prefix.len() as u64 + self.message.body.size
    }

    /// The bytes from `offset` on, at most one piece of them; empty at the end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn piece(&self, offset: u64) -> Result<Bytes, ServiceError> {
        let prefix = &self.message.prefix;
        if let Some(rest) = usize::try_from(offset).ok().and_then(|offset| prefix.get(offset..))
            && !rest.is_empty()
        {
            return Ok(Bytes::copy_from_slice(rest));
        }
        let start = offset - prefix.len() as u64;
        self.body(start..start + PIECE_BYTES).await
    }

    /// The header section, cut at `bytes_max`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn header(&self, bytes_max: u64) -> Result<Vec<u8>, ServiceError> {
        let end = self.message.header_size.min(bytes_max).min(PIECE_BYTES);
        let own = self.body(0..end).await?;
        Ok([&self.message.prefix[..], &own].concat())
    }

    async fn body(&self, range: Range<u64>) -> Result<Bytes, ServiceError> {
        let body = self.message.body;
        let range = range.start.min(body.size)..range.end.min(body.size);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        Ok(self.store.read_body(body, range).await?)
    }
}

impl MailService {
    /// Waits for entries that came or changed.
    pub async fn queue_changed(&self) -> Changed {
        self.inner.queue.feed.next().await
    }

    /// An entry; `None` when all of its recipients are settled.
    pub async fn queued(&self, id: QueueId) -> Result<Option<Entry>, ServiceError> {
        let Some(message) = self.inner.store.get::<QueueMessage>(partition_of(id), &id).await?
        else {
            return Ok(None);
        };
        let recipients = self.queued_recipients(id).await?;
        Ok(Some(Entry { id, message, recipients }))
    }

    pub(super) async fn queued_recipients(
        &self,
        id: QueueId,
    ) -> Result<Vec<(u32, QueueRecipientRow)>, ServiceError> {
        let mut recipients = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .inner
                .store
                .scan_prefix::<QueueRecipient, QueueId>(
                    partition_of(id),
                    &id,
                    from.as_ref(),
                    PAGE_ROWS,
                    Direction::Forward,
                )
                .await?;
            recipients.extend(page.rows.into_iter().map(|((_, number), row)| (number, row)));
            from = page.next;
            if from.is_none() {
                return Ok(recipients);
            }
        }
    }

    /// Ids of a shard's entries after this one, rising; fewer than a page at the end.
    pub async fn queue_page(
        &self,
        shard: u64,
        after: Option<QueueId>,
    ) -> Result<Vec<QueueId>, ServiceError> {
        let from = after.map(|id| QueueId(id.0.saturating_add(1)));
        let page = self
            .inner
            .store
            .scan::<QueueMessage>(queue_partition(shard), from.as_ref(), PAGE_ROWS)
            .await?;
        Ok(page.rows.into_iter().map(|(id, _)| id).collect())
    }

    /// The bytes of an entry as they go out, behind these header lines.
    pub fn outgoing(&self, mut message: QueueMessageRow, front: &[u8]) -> Outgoing {
        message.prefix.splice(0..0, front.iter().copied());
        Outgoing { store: self.inner.store.clone(), message }
    }

    /// Says that this process works a shard, under the lease of this number: from now on a commit
    /// about its entries applies only while nobody else has taken the lease.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn work_queue(&self, shard: u64, lease: u64) -> Result<(), ServiceError> {
        let mut batch = Batch::new();
        batch.delete_prefix::<QueueFence, ()>(&());
        batch.put::<QueueFence>(&lease, &());
        self.inner.store.commit(queue_partition(shard), batch).await?;
        if let Some(fence) = self.inner.queue.fences.get(shard as usize) {
            fence.store(lease, Ordering::Release);
        }
        Ok(())
    }

    /// How many messages wait.
    pub fn queue_length(&self) -> u64 {
        self.inner.queue.messages.load(Ordering::Relaxed)
    }

    /// Seconds since the oldest message in the queue was accepted; 0 when it is empty.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queue_oldest(&self) -> Result<i64, ServiceError> {
        let now = self.now().as_second();
        let mut oldest = now;
        for shard in 0..QUEUE_SHARDS {
            // Queue ids rise.
            let page = self.inner.store.scan::<QueueMessage>(queue_partition(shard), None, 1);
            let first = page.await?.rows.into_iter().next();
            oldest = oldest.min(first.map_or(now, |(_, message)| message.arrived));
        }
        Ok(now - oldest)
    }

    /// Counts what an earlier start left in the queue, and ends what it left half done between an
    /// entry and its sender's account.
    pub(crate) async fn count_queue(&self) -> Result<(), ServiceError> {
        let mut messages = 0;
        for shard in 0..QUEUE_SHARDS {
            let mut from = None;
            loop {
                let page = self
                    .inner
                    .store
                    .scan::<QueueMessage>(queue_partition(shard), from.as_ref(), PAGE_ROWS)
                    .await?;
                messages += page.rows.len() as u64;
                for (id, message) in page.rows {
                    self.resume_in_account(id, &message).await;
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        // What was resumed may have left.
        self.inner.queue.messages.fetch_add(messages, Ordering::Relaxed);
        Ok(())
    }
}
