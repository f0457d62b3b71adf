//! The full-text index: an account's segments of tokens, in the account's own partition.
//!
//! A delivery writes one queue row. Tasks in the background take the queued documents in batches,
//! make a segment of each batch, and merge segments of about the same size. A document's text
//! never changes, COPY and MOVE keep its number, and a search's snapshot says which documents
//! there are: so segments are immutable, and what was expunged is dropped when they are merged.
//! Everything here can be made again from the messages; commits are therefore not synced.
//!
//! A search asks the segments only about documents that they hold as a whole and reads all others:
//! what is not indexed yet is found like everything else.
//!
//! `token` and `format` are pure; `segment` and `reader` read, `pass` and `merge` write.

mod build;
pub(crate) mod document_set;
pub(crate) mod format;
mod merge;
mod pass;
pub(crate) mod reader;
pub(crate) mod segment;
pub(crate) mod token;
pub(crate) mod verify;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mail_store::tables::index::{
    IndexCatalog, IndexCatalogRow, IndexPiece, IndexQueue, IndexSegment,
};
use mail_store::{Batch, Class};
use mail_types::{AccountId, DocumentId, MailboxId, Uid};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::account::Cell;
use crate::error::ServiceError;
use crate::service::MailService;
use document_set::DocumentSet;
use reader::VocabularyCache;
pub(crate) use waiting::Waiting;
use waiting::{Outcome, Which};

/// Accounts whose queues are counted at once at a start.
const ACCOUNTS_AT_ONCE: usize = 1000;
/// Queue rows read at once.
const QUEUE_ROWS: usize = 4096;

/// What the service keeps for the index of all accounts.
pub(crate) struct Index {
    pub(crate) cache: VocabularyCache,
    pub(crate) waiting: Arc<Waiting>,
    /// Set when the accounts that an earlier process left queued are known.
    resumed: OnceCell<()>,
}

impl Index {
    pub(crate) fn new(cache_bytes_max: u64) -> Self {
        let cache = VocabularyCache::new(cache_bytes_max);
        Self { cache, waiting: Arc::default(), resumed: OnceCell::new() }
    }
}

impl MailService {
    /// Indexes new messages in the background until `stop` is done; then returns as soon as the
    /// batches that are under way are done.
    pub async fn run_indexer(&self, stop: impl Future<Output = ()>) {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        tokio::pin!(stop);
        tokio::select! {
            () = &mut stop => return,
            () = self.resume_indexing() => {}
        }
        let waiting = &self.inner.index.waiting;
        let tasks_max = self.inner.settings.load().index_tasks.max(1);
        loop {
            let changed = waiting.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            while tasks.len() < tasks_max
                && let Some(account) = waiting.take(Which::Due)
            {
                let (service, stopping) = (self.clone(), Arc::clone(&stopping));
                tasks.spawn(async move {
                    if let Err(error) = service.index_account(account, &stopping).await {
                        tracing::error!(
                            target: "facteur", %error, %account,
                            "indexing failed; searches read the messages instead"
                        );
                    }
                });
            }
            let due = waiting.next_due().filter(|_| tasks.len() < tasks_max);
            tokio::select! {
                () = &mut stop => break,
                () = changed => {}
                Some(_) = tasks.join_next() => {}
                () = until(due) => {}
            }
        }
        stopping.store(true, Ordering::Relaxed);
        while tasks.join_next().await.is_some() {}
    }

    /// Waits until every message that has come so far is indexed, and helps. For tests and
    /// measurements; searches are right without it.
    ///
    /// # Errors
    /// When an account cannot be indexed.
    pub async fn indexed(&self) -> Result<(), ServiceError> {
        self.resume_indexing().await;
        let waiting = &self.inner.index.waiting;
        loop {
            let changed = waiting.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match waiting.take(Which::Any) {
                Some(account) => self.index_account(account, &AtomicBool::new(false)).await?,
                None if waiting.is_idle() => return Ok(()),
                None => changed.await,
            }
        }
    }

    /// How many messages wait for the indexer, about.
    pub fn index_queue(&self) -> u64 {
        self.inner.index.waiting.documents()
    }

    /// Drops an account's index and makes it again. `progress` hears how many of how many
    /// messages are done. Searches stay right, and are slow meanwhile.
    ///
    /// # Errors
    /// When the store fails, or a message is damaged.
    pub async fn reindex(
        &self,
        owner: AccountId,
        progress: impl Fn(u64, u64) + Send,
    ) -> Result<u64, ServiceError> {
        let cell = self.cell_as_is(owner).await?;
        let total = queue_all(&self.inner.index, &cell).await?;
        let mut done = 0;
        loop {
            progress(done.min(total), total);
            let held = cell.index.lock().await;
            let pass = pass::pass(&self.inner.index, &cell).await;
            drop(held);
            // What is left must not wait for the next start.
            let left = || self.inner.index.waiting.add(owner, total.saturating_sub(done));
            let pass = pass.inspect_err(|_| left())?;
            done += pass.documents;
            if pass.is_drained {
                progress(total, total);
                return Ok(total);
            }
        }
    }

    /// Indexes an account until its queue is empty.
    async fn index_account(
        &self,
        account: AccountId,
        stopping: &AtomicBool,
    ) -> Result<(), ServiceError> {
        let waiting = &self.inner.index.waiting;
        let (outcome, result) = loop {
            if stopping.load(Ordering::Relaxed) {
                break (Outcome::Interrupted, Ok(()));
            }
            match self.index_batch(account).await {
                Ok(pass) if pass.is_drained => break (Outcome::Drained, Ok(())),
                Ok(pass) if pass.documents == 0 => break (Outcome::Failed, Ok(())),
                Ok(pass) => waiting.indexed(account, pass.documents),
                Err(error) => break (Outcome::Failed, Err(error)),
            }
        };
        waiting.done(account, outcome);
        result
    }

    async fn index_batch(&self, account: AccountId) -> Result<pass::Pass, ServiceError> {
        let cell = self.cell_as_is(account).await?;
        let _held = cell.index.lock().await;
        let pass = pass::pass(&self.inner.index, &cell).await?;
        let waiting = self.index_queue();
        tracing::debug!(%account, documents = pass.documents, waiting, "indexed");
        Ok(pass)
    }

    /// Finds the accounts that an earlier process left with something to index.
    async fn resume_indexing(&self) {
        let resumed = self.inner.index.resumed.get_or_try_init(|| self.count_queues()).await;
        if let Err(error) = resumed {
            tracing::error!(target: "facteur", %error, "reading the index queues failed");
        }
        self.inner.index.waiting.show();
    }

    async fn count_queues(&self) -> Result<(), ServiceError> {
        let store = &self.inner.store;
        let mut after = None;
        loop {
            let accounts = store.partitions(Class::Account, after, ACCOUNTS_AT_ONCE).await?;
            let Some(&last) = accounts.last() else { return Ok(()) };
            for account in accounts.into_iter().map(AccountId) {
                let queued = count_queue(store, account).await?;
                if queued > 0 {
                    self.inner.index.waiting.add(account, queued);
                }
                tokio::task::yield_now().await;
            }
            after = Some(last);
        }
    }
}

async fn until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn count_queue(store: &mail_store::Store, account: AccountId) -> Result<u64, ServiceError> {
    let partition = mail_store::account_partition(account);
    let (mut from, mut count) = (None, 0);
    loop {
        let page = store.scan::<IndexQueue>(partition, from.as_ref(), QUEUE_ROWS).await?;
        count += page.rows.len() as u64;
        from = page.next;
        if from.is_none() {
            return Ok(count);
        }
    }
}

/// Queues every message of an account and drops its segments with the last commit: a message is
/// always indexed or queued. Returns how many documents there are.
async fn queue_all(index: &Index, cell: &Cell) -> Result<u64, ServiceError> {
    let _held = cell.index.lock().await;
    let mut seen = DocumentSet::default();
    let mut queued: Vec<(DocumentId, (MailboxId, Uid))> = Vec::new();
    pass::places(cell, |document, place| {
        if !seen.contains(document.0) {
            seen.insert(document.0);
            queued.push((document, place));
        }
    })
    .await?;
    for part in queued.chunks(QUEUE_ROWS) {
        let mut batch = Batch::new().unsynced();
        part.iter().for_each(|(document, place)| batch.put::<IndexQueue>(document, place));
        cell.store.commit(cell.partition(), batch).await?;
    }
    let dropped = Dropped::new(cell).await?;
    let mut batch = Batch::new();
    dropped.write(&mut batch);
    cell.store.commit(cell.partition(), batch).await?;
    dropped.forget(index, cell.id);
    Ok(queued.len() as u64)
}

/// An index that is dropped. The caller holds the account's index lock until that is done.
pub(crate) struct Dropped {
    segments: Vec<IndexSegment>,
    empty: IndexCatalogRow,
}

impl Dropped {
    pub(crate) async fn new(cell: &Cell) -> Result<Self, ServiceError> {
        let catalog = cell.store.get::<IndexCatalog>(cell.partition(), &()).await?;
        let catalog = catalog.unwrap_or_default();
        // The number of an unfinished segment is not used again either.
        let next_segment = catalog.next_segment + 1;
        let empty = IndexCatalogRow { next_segment, unfinished: None, segments: Vec::new() };
        Ok(Self { segments: catalog.segments, empty })
    }

    /// Lets a commit drop it. The number of the next segment stays.
    pub(crate) fn write(&self, batch: &mut Batch) {
        batch.delete_prefix::<IndexPiece, _>(&());
        batch.put::<IndexCatalog>(&(), &self.empty);
    }

    /// Gives its memory back.
    pub(crate) fn forget(&self, index: &Index, account: AccountId) {
        self.segments.iter().for_each(|segment| index.cache.forget(account, segment));
    }
}
