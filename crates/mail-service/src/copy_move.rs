//! COPY and MOVE within an account.
//!
//! Both take one commit up to a size. A larger MOVE takes several, each of which leaves every
//! message in exactly one mailbox (RFC 9051 §6.4.8). A larger COPY takes several as well and keeps
//! a note of what it has copied, so that a failure or a stop takes all of it away again
//! (RFC 9051 §6.4.7: the target is restored to what it was).

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use mail_store::Store;
use mail_store::tables::index::IndexQueue;
use mail_store::tables::mail::{CopyUnderWay, Message, MessageHeader, MessageStructure, Prepared};
use mail_types::{AccountId, Actor, MailboxId, MailboxName, Uid, UidSet, UidValidity};

use crate::account::{Cell, Change};
use crate::append::check_quota;
use crate::error::ServiceError;
use crate::expunge::{self, Log};
use crate::insert::{self, Ready};
use crate::message::{self, Copied, OpenMailbox};
use crate::service::{MailService, Right};
use crate::state::State;

/// Messages that one commit copies or moves.
const MESSAGES_PER_COMMIT: usize = 5000;
/// Messages read at once.
const PAGE_MESSAGES: usize = 256;
/// Bytes of their rows, about.
const BYTES_PER_COMMIT: usize = 8 << 20;

impl MailService {
    /// Copies messages with their flags and internal dates; all or nothing. Durable on return.
    pub async fn copy(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        target: &MailboxName,
    ) -> Result<Copied, ServiceError> {
        let transfer = self.transfer(actor, mailbox, uids, target).await?;
        // A task of its own: a session that goes away must not leave half a COPY behind.
        finished(tokio::spawn(transfer.copy())).await
    }

    /// Moves messages (RFC 6851): none is ever seen in both mailboxes or in neither. Durable on
    /// return.
    pub async fn move_messages(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        target: &MailboxName,
    ) -> Result<Copied, ServiceError> {
        let transfer = self.transfer(actor, mailbox, uids, target).await?;
        finished(tokio::spawn(transfer.move_messages())).await
    }

    async fn transfer(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        target: &MailboxName,
    ) -> Result<Transfer, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Write).await?;
        let state = cell.lock().await?;
        let source = state.head(mailbox.id())?;
        let target = state.target(target)?;
        let uid_validity = state.mailboxes.get(&target).map(|mailbox| mailbox.row.uid_validity);
        drop(state);
        Ok(Transfer {
            quota: self.quota(mailbox.owner()).await?,
            uids: source.select(uids).map(|entry| entry.uid).collect(),
            uid_validity: uid_validity.ok_or(ServiceError::NoSuchTarget)?,
            owner: mailbox.owner(),
            // Held, so that the source's snapshot stays open.
            source: mailbox.clone(),
            target,
            save_date: self.now().as_second(),
            keywords_max: self.keywords_max(),
            cell,
        })
    }
}

async fn finished(
    task: tokio::task::JoinHandle<Result<Copied, ServiceError>>,
) -> Result<Copied, ServiceError> {
    task.await.unwrap_or_else(|error| {
        let detail = format!("copying ended early: {error}");
        Err(ServiceError::TryAgain(mail_store::StoreError::Engine(detail)))
    })
}

/// A COPY or MOVE that is being done.
struct Transfer {
    cell: Arc<Cell>,
    owner: AccountId,
    source: OpenMailbox,
    target: MailboxId,
    uid_validity: UidValidity,
    uids: Vec<Uid>,
    quota: Option<u64>,
    save_date: i64,
    keywords_max: usize,
}

impl Transfer {
    async fn copy(self) -> Result<Copied, ServiceError> {
        let mut copied = Copied { uid_validity: self.uid_validity, pairs: Vec::new() };
        let mut made = UidSet::new();
        let mut rest = &self.uids[..];
        while !rest.is_empty() {
            let part = self.read(rest).await;
            let done = match part {
                Ok(part) => {
                    rest = &rest[part.len..];
                    self.copy_part(&part, &mut copied, &mut made, rest.is_empty()).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                if let Some(&(_, first)) = copied.pairs.first() {
                    undo_copy(&self.cell, (self.target, first), &made).await?;
                }
                return Err(error);
            }
        }
        Ok(copied)
    }

    /// Until its commit is done nothing but the source refers to the bodies, and an EXPUNGE of
    /// the source is queued behind it: the collector sees one reference or the other.
    async fn copy_part(
        &self,
        part: &Part,
        copied: &mut Copied,
        made: &mut UidSet,
        is_last: bool,
    ) -> Result<(), ServiceError> {
        let first = copied.pairs.first().map(|&(_, first)| first);
        let pairs = self
            .cell
            .commit(|state, change| {
                let bytes = part.rows.values().map(|ready| ready.row.size()).sum();
                check_quota(change, bytes, self.quota)?;
                change.guard();
                let pairs = self.insert(state, change, part)?;
                let all: UidSet =
                    made.iter().chain(pairs.iter().map(|pair| pair.1.get())).collect();
                match (first.or(pairs.first().map(|&(_, first)| first)), is_last) {
                    (Some(first), false) => {
                        change.batch.put::<CopyUnderWay>(&(self.target, first), &all);
                    }
                    (Some(_), true) if first.is_some() => {
                        first.iter().for_each(|&first| {
                            change.batch.delete::<CopyUnderWay>(&(self.target, first));
                        });
                    }
                    _ => {}
                }
                Ok(pairs)
            })
            .await?;
        pairs.iter().for_each(|pair| made.insert(pair.1.get()));
        copied.pairs.extend(pairs);
        Ok(())
    }

    async fn move_messages(self) -> Result<Copied, ServiceError> {
        let mut copied = Copied { uid_validity: self.uid_validity, pairs: Vec::new() };
        let mut rest = &self.uids[..];
        while !rest.is_empty() {
            let part = self.read(rest).await?;
            rest = &rest[part.len..];
            let unindexed = self.unindexed(&part).await?;
            let log = Log::new(&self.cell, self.source.id()).await?;
            let pairs = self
                .cell
                .commit(|state, change| {
                    let pairs = self.insert(state, change, &part)?;
                    self.remove(state, change, &part, &unindexed, &pairs)?;
                    log.write(state, change, pairs.iter().map(|pair| pair.0));
                    Ok(pairs)
                })
                .await?;
            copied.pairs.extend(pairs);
        }
        Ok(copied)
    }

    fn insert(
        &self,
        state: &mut State,
        change: &mut Change,
        part: &Part,
    ) -> Result<Vec<(Uid, Uid)>, ServiceError> {
        if !state.mailboxes.contains_key(&self.target) {
            return Err(ServiceError::NoSuchTarget);
        }
        let head = state.head(self.source.id())?;
        let mut pairs = Vec::with_capacity(part.rows.len());
        for (&uid, ready) in &part.rows {
            // Expunged meanwhile: its body may be on its way out.
            let Some(entry) = head.get(uid) else { continue };
            let flags = (*entry.flags).clone();
            let made = insert::insert(state, change, self.target, ready, flags, self.keywords_max)?;
            pairs.push((uid, made));
        }
        Ok(pairs)
    }

    fn remove(
        &self,
        state: &mut State,
        change: &mut Change,
        part: &Part,
        unindexed: &UidSet,
        pairs: &[(Uid, Uid)],
    ) -> Result<(), ServiceError> {
        let source = self.source.id();
        let head = state.head(source)?;
        for (uid, made) in pairs {
            let (Some(ready), Some(entry)) = (part.rows.get(uid), head.get(*uid)) else { continue };
            insert::remove(state, change, source, *uid, &ready.row, &entry.flags);
            // The indexer must find the message where it is now.
            if unindexed.contains(uid.get()) {
                change.batch.put::<IndexQueue>(&ready.row.document, &(self.target, *made));
            }
        }
        Ok(())
    }

    /// Reads the rows of as many of these messages as one commit takes, before the lock is taken.
    async fn read(&self, uids: &[Uid]) -> Result<Part, ServiceError> {
        let mut part = Part::default();
        let mut bytes = 0;
        for page in uids.chunks(PAGE_MESSAGES) {
            part.len += page.len();
            bytes += self.read_page(page, &mut part).await?;
            if bytes > BYTES_PER_COMMIT || part.len >= MESSAGES_PER_COMMIT {
                break;
            }
        }
        Ok(part)
    }

    async fn read_page(&self, page: &[Uid], part: &mut Part) -> Result<usize, ServiceError> {
        let (cell, source) = (&self.cell, &self.source);
        let uids: UidSet = page.iter().map(|uid| uid.get()).collect();
        let rows = message::rows::<Message>(cell, source, &uids, page.len()).await?;
        let headers = message::rows::<MessageHeader>(cell, source, &uids, page.len()).await?;
        let structures = message::rows::<MessageStructure>(cell, source, &uids, page.len()).await?;
        let mut headers = headers.into_iter().peekable();
        let mut structures = structures.into_iter().peekable();
        let mut bytes = 0;
        for (uid, mut row) in rows {
            // A message that is expunged meanwhile loses all of its rows at once.
            let (header, structure) = (take(&mut headers, uid), take(&mut structures, uid));
            let (Some(header), Some(structure)) = (header, structure) else { continue };
            bytes += 1024 + row.prefix.len() + len(&header) + len(&structure.structure);
            row.save_date = self.save_date;
            part.rows.insert(uid, Ready { row, header, structure });
        }
        Ok(bytes)
    }

    /// Messages that the indexer expects to find here.
    async fn unindexed(&self, part: &Part) -> Result<UidSet, ServiceError> {
        let mut unindexed = UidSet::new();
        for (&uid, ready) in &part.rows {
            let place = (self.source.id(), uid);
            if is_unindexed(&self.cell.store, self.owner, place, ready.row.document).await? {
                unindexed.insert(uid.get());
            }
        }
        Ok(unindexed)
    }
}

/// What one commit copies or moves.
#[derive(Default)]
struct Part {
    /// How many UIDs it covers, those without rows included.
    len: usize,
    rows: BTreeMap<Uid, Ready>,
}

/// The row of this message, out of rows in UID order.
fn take<T>(rows: &mut Peekable<impl Iterator<Item = (Uid, T)>>, uid: Uid) -> Option<T> {
    while rows.next_if(|(other, _)| *other < uid).is_some() {}
    rows.next_if(|(other, _)| *other == uid).map(|(_, row)| row)
}

fn len(prepared: &Prepared) -> usize {
    match prepared {
        Prepared::Inline(bytes) | Prepared::Behind(bytes, _) => bytes.len(),
        Prepared::Spilled(_) => 0,
    }
}

/// Whether the indexer has the document still before it and will look for it there.
pub(crate) async fn is_unindexed(
    store: &Store,
    owner: AccountId,
    place: (MailboxId, Uid),
    document: mail_types::DocumentId,
) -> Result<bool, ServiceError> {
    let queued = store.get::<IndexQueue>(mail_store::account_partition(owner), &document).await?;
    Ok(queued == Some(place))
}

/// Takes away what a COPY that was not finished has made.
pub(crate) async fn undo_copy(
    cell: &Arc<Cell>,
    key: (MailboxId, Uid),
    copied: &UidSet,
) -> Result<(), ServiceError> {
    expunge::remove_all(cell, key.0, copied).await?;
    cell.commit(|_, change| {
        change.batch.delete::<CopyUnderWay>(&key);
        Ok(())
    })
    .await
}
