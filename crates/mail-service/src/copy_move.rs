//! COPY, MOVE and EXPUNGE.

use std::collections::BTreeMap;
use std::sync::Arc;

use mail_store::tables::mail::{Expunged, Message, MessageHeader, MessageStructure};
use mail_types::{Actor, MailboxId, MailboxName, Uid, UidSet};

use crate::account::{Cell, Change, State};
use crate::append::check_quota;
use crate::error::ServiceError;
use crate::flags::check_keywords;
use crate::insert::{self, Ready};
use crate::message::{Copied, OpenMailbox};
use crate::service::{MailService, Right};

/// Messages that one COPY or MOVE may name: it is one commit, so it has a size.
const MESSAGES_PER_COPY: usize = 20_000;
/// Messages expunged by one commit; a larger EXPUNGE takes several.
const MESSAGES_PER_EXPUNGE: usize = 2000;

impl MailService {
    /// Copies messages with their flags and internal dates; all or nothing. Durable on return.
    pub async fn copy(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        target: &MailboxName,
    ) -> Result<Copied, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Write).await?;
        let quota = self.quota(mailbox.owner()).await?;
        let rows = self.copies(&cell, mailbox, uids).await?;
        let keywords_max = self.inner.settings.keywords_per_mailbox_max as usize;
        // Until this commit is done nothing but the source refers to the bodies, and an EXPUNGE
        // of the source is queued behind it: the collector sees one or the other.
        cell.commit(|state, change| {
            let id = state.target(target)?;
            let bytes = rows.values().map(|ready| ready.row.size()).sum();
            check_quota(change, bytes, quota)?;
            transfer(state, change, mailbox.id, id, &rows, keywords_max)
        })
        .await
    }

    /// Moves messages (RFC 6851): one commit, never seen in both or in neither.
    pub async fn move_messages(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: &UidSet,
        target: &MailboxName,
    ) -> Result<Copied, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Write).await?;
        let rows = self.copies(&cell, mailbox, uids).await?;
        let keywords_max = self.inner.settings.keywords_per_mailbox_max as usize;
        cell.commit(|state, change| {
            let id = state.target(target)?;
            let copied = transfer(state, change, mailbox.id, id, &rows, keywords_max)?;
            let head = state.head(mailbox.id)?;
            let mut gone = UidSet::new();
            for (uid, _) in &copied.pairs {
                if let (Some(ready), Some(entry)) = (rows.get(uid), head.get(*uid)) {
                    insert::remove(state, change, mailbox.id, *uid, &ready.row, &entry.flags);
                    gone.insert(uid.get());
                }
            }
            log_expunged(change, mailbox.id, &gone);
            Ok(copied)
        })
        .await
    }

    /// Removes the messages that are `\Deleted` (of these UIDs, if given). Durable on return.
    pub async fn expunge(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        uids: Option<&UidSet>,
    ) -> Result<UidSet, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Write).await?;
        let head = cell.lock().await.head(mailbox.id)?;
        let wanted = |uid: Uid| uids.is_none_or(|uids| uids.contains(uid.get()));
        let doomed: Vec<Uid> = head
            .iter()
            .filter(|entry| entry.flags.is_deleted() && wanted(entry.uid))
            .map(|entry| entry.uid)
            .collect();
        let mut expunged = UidSet::new();
        for part in doomed.chunks(MESSAGES_PER_EXPUNGE) {
            let gone = self.expunge_part(&cell, mailbox.id, part).await?;
            gone.iter().for_each(|uid| expunged.insert(uid));
        }
        Ok(expunged)
    }

    async fn expunge_part(
        &self,
        cell: &Arc<Cell>,
        mailbox: MailboxId,
        uids: &[Uid],
    ) -> Result<UidSet, ServiceError> {
        let mut rows = BTreeMap::new();
        for &uid in uids {
            if let Some(row) = cell.store.get::<Message>(cell.partition(), &(mailbox, uid)).await? {
                rows.insert(uid, row);
            }
        }
        let gone = cell
            .commit(|state, change| {
                let head = state.head(mailbox)?;
                let mut gone = UidSet::new();
                for (&uid, row) in &rows {
                    // Another session may have expunged it or cleared \Deleted meanwhile.
                    let Some(entry) = head.get(uid).filter(|entry| entry.flags.is_deleted()) else {
                        continue;
                    };
                    insert::remove(state, change, mailbox, uid, row, &entry.flags);
                    gone.insert(uid.get());
                }
                log_expunged(change, mailbox, &gone);
                Ok(gone)
            })
            .await?;
        for row in rows.values() {
            cell.store.body_released(row.body.hash);
            row.spilled.iter().for_each(|body| cell.store.body_released(body.hash));
        }
        Ok(gone)
    }

    /// The rows of messages about to be copied, read before the lock is taken.
    async fn copies(
        &self,
        cell: &Arc<Cell>,
        mailbox: &OpenMailbox,
        uids: &UidSet,
    ) -> Result<BTreeMap<Uid, Ready>, ServiceError> {
        let snapshot = mailbox.snapshot();
        let present: Vec<Uid> = snapshot.select(uids).map(|entry| entry.uid).collect();
        if present.len() > MESSAGES_PER_COPY {
            return Err(ServiceError::TooMany { what: "messages in one command" });
        }
        let save_date = self.now().as_second();
        let (store, partition) = (&cell.store, cell.partition());
        let mut rows = BTreeMap::new();
        for uid in present {
            let key = (mailbox.id, uid);
            let (Some(mut row), Some(header), Some(structure)) = (
                store.get::<Message>(partition, &key).await?,
                store.get::<MessageHeader>(partition, &key).await?,
                store.get::<MessageStructure>(partition, &key).await?,
            ) else {
                continue;
            };
            row.save_date = save_date;
            rows.insert(uid, Ready { row, header, structure, thread_keys: Vec::new() });
        }
        Ok(rows)
    }
}

fn transfer(
    state: &mut State,
    change: &mut Change,
    source: MailboxId,
    target: MailboxId,
    rows: &BTreeMap<Uid, Ready>,
    keywords_max: usize,
) -> Result<Copied, ServiceError> {
    let uid_validity = state.mailboxes.get(&target).map(|mailbox| mailbox.row.uid_validity);
    let uid_validity = uid_validity.ok_or(ServiceError::NoSuchTarget)?;
    let head = state.head(source)?;
    let mut pairs = Vec::with_capacity(rows.len());
    for (&uid, ready) in rows {
        // Expunged meanwhile: its body may be on its way out.
        let Some(entry) = head.get(uid) else { continue };
        let flags = (*entry.flags).clone();
        check_keywords(state, target, &flags, keywords_max)?;
        pairs.push((uid, insert::insert(state, change, target, ready, flags)?));
    }
    Ok(Copied { uid_validity, pairs })
}

/// RFC 7162 §3.2.5.2: what left a mailbox, and when, for clients that come back.
fn log_expunged(change: &mut Change, mailbox: MailboxId, gone: &UidSet) {
    if !gone.is_empty() {
        let mod_seq = change.mod_seq;
        change.batch.put::<Expunged>(&(mailbox, mod_seq), gone);
    }
}
