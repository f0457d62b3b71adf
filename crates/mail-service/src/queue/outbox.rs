//! A queued message in its sender's account.
//!
//! An entry with an [`OwnCopyRow`] is one of two things in the end: it leaves, and a copy of it is
//! among its sender's messages, or it is taken back, and is a draft again. The row that decides
//! ([`OutboxFate`]) lies in the account's partition and is written once, in the commit that files
//! the copy or the draft; the entry follows. So neither a crash between two commits nor a worker
//! that begins while somebody takes back makes both of it, or nothing:
//!
//! - accepted: the entry, durable; then the draft goes and [`Outbox`] lists the message. A start
//!   makes good what is missing.
//! - leaving: fate and copy; then the entry is tried. Found again with its fate, it is just tried.
//! - taken back: fate and draft; then the entry is removed. Found again with its fate, it is
//!   removed and never tried.

use mail_message::{header, trace};
use mail_store::tables::mail::{MessageRow, Outbox, OutboxFate, OutboxFateRow, OutboxRow};
use mail_store::tables::queue::{OwnCopyRow, QueueMessage, QueueMessageRow, QueueRecipient};
use mail_store::{Batch, BlobStore, Cond, Referrer, account_partition};
use mail_types::{AccountId, Actor, QueueId, UidSet};

use super::entry::Entry;
use super::own_copy::{OldDraft, OwnMessage};
use super::partition_of;
use super::settle::remove_message;
use super::standing::{Leave, Standing};
use crate::error::ServiceError;
use crate::expunge;
use crate::insert::Ready;
use crate::load;
use crate::message::{Appended, FlagChange, OpenMailbox};
use crate::prepare::{self, Content};
use crate::service::{MailService, Right};

/// Bytes of a header section in which the sender's copy is described.
const HEADER_BYTES_MAX: u64 = 64 << 10;

/// What is written into the account about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Wait,
    Leave,
    TakeBack,
}

impl MailService {
    /// Says that an entry is about to be tried; whether it may be. Its sender's copy is filed, and
    /// nobody takes it back any more.
    ///
    /// # Errors
    /// When that could not be written: it may not be tried yet.
    pub async fn leave(&self, entry: &Entry) -> Result<Leave, ServiceError> {
        let Some(submitter) = entry.message.submitter else { return Ok(Leave::Now) };
        let id = entry.id;
        let is_filed = match self.standing(submitter, entry).await? {
            Standing::Withheld => return Ok(Leave::Later),
            Standing::Orphan => return self.cancel(id).await.map(|()| Leave::Never),
            Standing::Alone => false,
            Standing::Free => entry.message.own.is_some(),
        };
        if !is_filed {
            return Ok(Leave::Now);
        }
        let lock = self.inner.queue.lock(id);
        let _held = lock.lock().await;
        // It may be gone since it was read, and what was decided about it forgotten.
        let message = self.inner.store.get::<QueueMessage>(partition_of(id), &id).await?;
        let Some(message) = message else { return Ok(Leave::Never) };
        Ok(if self.leave_locked(id, &message).await? { Leave::Now } else { Leave::Never })
    }

    async fn leave_locked(
        &self,
        id: QueueId,
        message: &QueueMessageRow,
    ) -> Result<bool, ServiceError> {
        let Some((owner, own)) = ownership(message) else { return Ok(true) };
        match self.fate(owner, id).await? {
            Some(OutboxFateRow::Leaving) => return Ok(true),
            Some(OutboxFateRow::TakenBack) => {
                self.remove_entry(id, message).await?;
                return Ok(false);
            }
            None => {}
        }
        match self.write_own(owner, id, message, own, Turn::Leave).await {
            Ok(_) => self.mark_origin(owner, own).await,
            Err(error) if may_pass(&error) => return Err(error),
            // A copy that cannot be filed does not keep the message from its recipients.
            Err(error) => {
                tracing::warn!(queue_id = %id, account = %owner, %error, "sender's copy not kept");
            }
        }
        Ok(true)
    }

    /// Takes a message back that its sender submitted and that does not leave yet: it is a draft
    /// again, with everything. `None` when it is too late. Durable on return.
    ///
    /// # Errors
    /// [`ServiceError::Leaving`], or when the store fails.
    pub async fn take_back(
        &self,
        actor: Actor,
        id: QueueId,
    ) -> Result<Option<Appended>, ServiceError> {
        let lock = self.inner.queue.lock(id);
        let _held = lock.lock().await;
        let Some((owner, message)) = self.waiting_of(actor, id).await? else { return Ok(None) };
        let Some(own) = &message.own else { return Ok(None) };
        let draft = self.write_own(owner, id, &message, own, Turn::TakeBack).await?;
        tracing::info!(target: "mail", queue_id = %id, "taken back");
        // From here on it is a draft whatever happens: whoever finds the entry removes it.
        if let Err(error) = self.remove_entry(id, &message).await {
            tracing::warn!(queue_id = %id, %error, "a message taken back is still in the queue");
        }
        self.inner.queue.feed.tell(id);
        Ok(draft)
    }

    /// Lets a message of its sender's leave now instead of later; whether it still waited.
    ///
    /// # Errors
    /// [`ServiceError::Leaving`], or when the store fails.
    pub async fn send_now(&self, actor: Actor, id: QueueId) -> Result<bool, ServiceError> {
        let queue = &self.inner.queue;
        let lock = queue.lock(id);
        let _held = lock.lock().await;
        let Some((_, message)) = self.waiting_of(actor, id).await? else { return Ok(false) };
        let now = self.now().as_second();
        let mut batch = queue.batch(id);
        // A message is dated when it leaves.
        if !date_of(&message).is_empty() {
            let prefix = header::without(&message.prefix, |field| field.is("Date"));
            let date = trace::date_field(self.internal_date());
            let prefix = [&prefix[..], date.as_bytes()].concat();
            batch.put::<QueueMessage>(&id, &QueueMessageRow { prefix, ..message });
        }
        for (number, mut row) in self.queued_recipients(id).await? {
            (row.next_attempt, row.due_since) = (now, now);
            batch.put::<QueueRecipient>(&(id, number), &row);
        }
        self.inner.store.commit(partition_of(id), batch).await?;
        queue.feed.tell(id);
        Ok(true)
    }

    /// An entry of the actor's own about which nothing is decided.
    async fn waiting_of(
        &self,
        actor: Actor,
        id: QueueId,
    ) -> Result<Option<(AccountId, QueueMessageRow)>, ServiceError> {
        let message = self.inner.store.get::<QueueMessage>(partition_of(id), &id).await?;
        let Some(message) = message else { return Ok(None) };
        match ownership(&message) {
            Some((owner, _)) if actor == Actor::Account(owner) => {
                if !self.may_write(actor, owner).await? {
                    return Err(ServiceError::Leaving);
                }
                let fate = self.fate(owner, id).await?;
                Ok(fate.is_none().then_some((owner, message)))
            }
            _ => Ok(None),
        }
    }

    async fn fate(
        &self,
        owner: AccountId,
        id: QueueId,
    ) -> Result<Option<OutboxFateRow>, ServiceError> {
        Ok(self.inner.store.get::<OutboxFate>(account_partition(owner), &id).await?)
    }

    /// Tells the sender's account of an entry that is durable. The caller holds its lock. What
    /// fails here is made good when the entry leaves, or by the next start.
    pub(super) async fn note_in_account(
        &self,
        id: QueueId,
        message: &QueueMessageRow,
        waits: bool,
    ) {
        let Some((owner, own)) = ownership(message) else { return };
        let noted = match waits {
            true => self.write_own(owner, id, message, own, Turn::Wait).await.map(|_| ()),
            false => self.leave_locked(id, message).await.map(|_| ()),
        };
        if let Err(error) = noted {
            tracing::warn!(queue_id = %id, account = %owner, %error, "queued, but not yet noted");
        }
    }

    /// Ends what a crash left half done between an entry and its sender's account.
    pub(super) async fn resume_in_account(&self, id: QueueId, message: &QueueMessageRow) {
        let Some((owner, own)) = ownership(message) else { return };
        let resumed = async {
            let partition = account_partition(owner);
            let listed = self.inner.store.get::<Outbox>(partition, &id).await?;
            match (listed, self.fate(owner, id).await?) {
                (_, Some(OutboxFateRow::TakenBack)) => self.remove_entry(id, message).await,
                (None, None) => {
                    self.write_own(owner, id, message, own, Turn::Wait).await.map(|_| ())
                }
                _ => Ok(()),
            }
        };
        if let Err(error) = resumed.await {
            tracing::warn!(queue_id = %id, account = %owner, %error, "not resumed");
        }
    }

    /// An entry has left the queue: its account need not know of it any more.
    pub(super) fn forget_in_account(&self, id: QueueId, message: &QueueMessageRow) {
        if let Some((owner, _)) = ownership(message) {
            self.forget(owner, id);
        }
    }

    /// Not synced: it stands behind the commit by which the entry left, and whoever finds these
    /// rows without an entry forgets them again.
    pub(super) fn forget(&self, owner: AccountId, id: QueueId) {
        let mut batch = Batch::new().unsynced();
        batch.delete::<Outbox>(&id);
        batch.delete::<OutboxFate>(&id);
        if let Err(error) = self.inner.store.submit(account_partition(owner), batch) {
            tracing::debug!(queue_id = %id, %error, "not forgotten");
        }
    }

    /// Takes an entry that was taken back out of the queue.
    pub(super) async fn remove_entry(
        &self,
        id: QueueId,
        message: &QueueMessageRow,
    ) -> Result<(), ServiceError> {
        let mut batch = self.inner.queue.batch(id);
        batch.delete_prefix::<QueueRecipient, QueueId>(&id);
        remove_message(&mut batch, id, message);
        self.inner.store.commit(partition_of(id), batch).await?;
        self.message_left(id, message);
        Ok(())
    }

    /// One commit in the sender's account: the draft goes, the copy comes, and what is decided is
    /// written down, unless it was before.
    async fn write_own(
        &self,
        owner: AccountId,
        id: QueueId,
        message: &QueueMessageRow,
        own: &OwnCopyRow,
        turn: Turn,
    ) -> Result<Option<Appended>, ServiceError> {
        let cell = self.cell(Actor::System, owner, Right::Write).await?;
        let draft = OldDraft::find(&cell, own.draft).await?;
        let lines = match turn {
            Turn::Leave if own.keeps_copy => Some(copy_lines(message, own)),
            Turn::TakeBack => Some([&own.bcc[..], &own.notes].concat()),
            Turn::Leave | Turn::Wait => None,
        };
        let mut copy = match &lines {
            Some(lines) => Some(self.own_message(owner, id, message, lines).await?),
            None => None,
        };
        let listed = OutboxRow {
            is_scheduled: own.is_scheduled,
            message_id: match turn {
                Turn::Wait => self.message_id(message).await?,
                Turn::Leave | Turn::TakeBack => None,
            },
        };
        let keywords_max = self.keywords_max();
        let (appended, gone) = cell
            .commit(|state, change| {
                let gone = match &draft {
                    Some(draft) => draft.remove(state, change)?,
                    None => Vec::new(),
                };
                let appended = match &mut copy {
                    Some(copy) => copy.put(state, change, turn == Turn::TakeBack, keywords_max)?,
                    None => None,
                };
                decide(&mut change.batch, id, turn, &listed);
                Ok((appended, gone))
            })
            .await?;
        if let Some(draft) = &draft {
            expunge::release_all(&cell, &draft.rows, &gone);
        }
        Ok(appended)
    }

    /// The sender's copy of a queued message, ready to be put into a mailbox.
    async fn own_message(
        &self,
        owner: AccountId,
        id: QueueId,
        message: &QueueMessageRow,
        lines: &[u8],
    ) -> Result<OwnMessage, ServiceError> {
        let store = &self.inner.store;
        let scanned = self.scan_queued(message).await?;
        let referrers = [Referrer::Account(owner)];
        let reservation = store.reserve(message.body, &referrers)?.ok_or(ServiceError::Stale)?;
        let content = Content::new(store, &referrers, message.body, lines, scanned).await?;
        let conversation = prepare::conversation(store, owner, &content.summary).await?;
        let row = MessageRow {
            prefix: lines.to_vec(),
            header_size: content.header_size(lines),
            submitter: Some(owner),
            queue_id: Some(id),
            ..self.row(&content, message.body, self.internal_date())
        };
        let (header, structure) = (content.header(lines), content.structure(lines));
        let ready = Ready { row, header, structure };
        Ok(OwnMessage { ready, conversation, _content: content, _reservation: reservation })
    }

    async fn message_id(&self, message: &QueueMessageRow) -> Result<Option<String>, ServiceError> {
        let header = self.outgoing(message.clone(), &[]).header(HEADER_BYTES_MAX).await?;
        let value = header::first(&header, "Message-ID").unwrap_or_default();
        Ok(header::message_ids(&value).into_iter().next())
    }

    /// The message that this one answers shows it. Worth no error.
    async fn mark_origin(&self, owner: AccountId, own: &OwnCopyRow) {
        let Some((mailbox, uid, flags)) = &own.origin else { return };
        let marked = async {
            let cell = self.cell(Actor::System, owner, Right::Write).await?;
            let mut state = cell.lock().await?;
            let view = load::open(&cell, &mut state, *mailbox).await?;
            drop(state);
            let open = OpenMailbox::new(cell, *mailbox, view);
            let only = UidSet::range(uid.get(), uid.get());
            self.store_flags(Actor::System, &open, &only, FlagChange::Add, flags, None).await
        };
        if let Err(error) = marked.await {
            tracing::info!(account = %owner, %error, "answered message not marked");
        }
    }
}

/// Whose account an entry concerns, and how.
fn ownership(message: &QueueMessageRow) -> Option<(AccountId, &OwnCopyRow)> {
    message.submitter.zip(message.own.as_ref())
}

/// What stands in front of the body in the sender's copy.
pub(super) fn copy_lines(message: &QueueMessageRow, own: &OwnCopyRow) -> Vec<u8> {
    [&own.bcc[..], &date_of(message)].concat()
}

/// The field `Date` where it stands in front of the body: a copy of the body alone lacks it.
fn date_of(message: &QueueMessageRow) -> Vec<u8> {
    let date = header::fields(&message.prefix).find(|field| field.is("Date"));
    date.map_or(Vec::new(), |field| field.raw.to_vec())
}

fn may_pass(error: &ServiceError) -> bool {
    use ServiceError::{Directory, DiskFull, Stale, TryAgain};
    matches!(error, TryAgain(_) | Stale | DiskFull | Directory(_))
}

fn decide(batch: &mut Batch, id: QueueId, turn: Turn, listed: &OutboxRow) {
    // Decided once: of two that decide at the same time, the second finds this.
    batch.assert::<OutboxFate>(&id, Cond::Absent);
    let fate = match turn {
        Turn::Wait => return batch.put::<Outbox>(&id, listed),
        Turn::Leave => OutboxFateRow::Leaving,
        Turn::TakeBack => OutboxFateRow::TakenBack,
    };
    batch.delete::<Outbox>(&id);
    batch.put::<OutboxFate>(&id, &fate);
}
