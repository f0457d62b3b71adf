//! What happened to messages: the lines of the mail log, kept for a while beside the queue, so that
//! somebody can say where a message is long after it has left.
//!
//! The log is the one source: who writes it hands its events in here. They are no part of what is
//! promised, so their commits are not synced, and a nearly full disk drops them.

use mail_store::tables::queue::{HistoryRow, QUEUE_SHARDS, QueueHistory, shard_of};
use mail_store::{Batch, Direction, queue_partition};
use mail_types::QueueId;

use super::partition_of;
use crate::error::ServiceError;
use crate::service::MailService;

/// Rows read at once.
const PAGE_ROWS: usize = 1000;
/// Events of one message that are shown: the first ones. A message to a thousand recipients that
/// were all tried thirty times has more.
const EVENTS_MAX: usize = 20_000;

/// An event of the mail log about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The message's acceptance.
    pub queue_id: QueueId,
    /// When, in microseconds of Unix time; no two events have the same.
    pub at: u64,
    /// What.
    pub row: HistoryRow,
}

impl MailService {
    /// Keeps events, in one unsynced commit for each shard.
    ///
    /// # Errors
    /// When the store fails or the disk is nearly full: those events are lost.
    pub async fn keep_history(&self, events: &[Happened]) -> Result<(), ServiceError> {
        let shards = if events.is_empty() { 0 } else { QUEUE_SHARDS };
        for shard in 0..shards {
            let mut batch = Batch::new().unsynced().guarded();
            for event in events.iter().filter(|event| shard_of(event.queue_id) == shard) {
                batch.put::<QueueHistory>(&(event.queue_id, event.at), &event.row);
            }
            if !batch.is_empty() {
                self.inner.store.commit(queue_partition(shard), batch).await?;
            }
        }
        Ok(())
    }

    /// What happened to a message, as far as it is kept, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn history(&self, queue_id: QueueId) -> Result<Vec<Happened>, ServiceError> {
        let page = self
            .inner
            .store
            .scan_prefix::<QueueHistory, QueueId>(
                partition_of(queue_id),
                &queue_id,
                None,
                EVENTS_MAX,
                Direction::Forward,
            )
            .await?;
        Ok(page.rows.into_iter().map(happened).collect())
    }

    /// What happened to the messages of a shard up to this one, the youngest first; and where to go
    /// on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn history_page(
        &self,
        shard: u64,
        from: Option<QueueId>,
    ) -> Result<(Vec<Vec<Happened>>, Option<QueueId>), ServiceError> {
        let from = from.map(|id| (id, u64::MAX));
        let page = self
            .inner
            .store
            .scan_prefix::<QueueHistory, ()>(
                queue_partition(shard),
                &(),
                from.as_ref(),
                PAGE_ROWS,
                Direction::Backward,
            )
            .await?;
        let events: Vec<_> = page.rows.into_iter().map(happened).collect();
        let is_of_one = |one: &Happened, other: &Happened| one.queue_id == other.queue_id;
        let mut messages: Vec<_> = events.chunk_by(is_of_one).map(<[_]>::to_vec).collect();
        let mut next = page.next.map(|(id, _)| id);
        // The page ends in the middle of a message.
        if let Some(last) = messages.last_mut()
            && let Some(id) = next
            && last.iter().any(|event| event.queue_id == id)
        {
            *last = self.history(id).await?;
            next = id.0.checked_sub(1).map(QueueId);
        }
        Ok((messages, next))
    }

    /// Forgets what happened before this time, in microseconds; how many events. Acceptances are
    /// numbered in order, so what is old stands at the beginning; behind a message about which
    /// something younger is known, older ones wait until that is old as well.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire_history(&self, before: u64) -> Result<u64, ServiceError> {
        let mut forgotten = 0;
        for shard in 0..QUEUE_SHARDS {
            let partition = queue_partition(shard);
            loop {
                let page =
                    self.inner.store.scan::<QueueHistory>(partition, None, PAGE_ROWS).await?;
                let old = page.rows.iter().take_while(|((_, at), _)| *at < before).count();
                let (Some((first, _)), Some((last, _))) =
                    (page.rows.first(), old.checked_sub(1).and_then(|last| page.rows.get(last)))
                else {
                    break;
                };
                let mut batch = Batch::new().unsynced();
                batch.delete_range::<QueueHistory>(first..&(last.0, last.1 + 1));
                self.inner.store.commit(partition, batch).await?;
                forgotten += old as u64;
                if old < page.rows.len() || page.next.is_none() {
                    break;
                }
            }
        }
        Ok(forgotten)
    }
}

fn happened(((queue_id, at), row): ((QueueId, u64), HistoryRow)) -> Happened {
    Happened { queue_id, at, row }
}
