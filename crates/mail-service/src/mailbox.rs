//! Mailboxes: listed, created, renamed, deleted, opened.

use std::sync::Arc;

use mail_store::tables::mail::{Doomed, Mailbox};
use mail_types::{
    AccountId, Actor, MailboxId, MailboxName, ModSeq, SpecialUse, UidSet, UidValidity,
};
use tokio::sync::watch;

use crate::account::{Change, MailboxState, State};
use crate::error::ServiceError;
use crate::load;
use crate::message::OpenMailbox;
use crate::removal;
use crate::service::{MailService, Right};

/// A mailbox as LIST and the webmail's side bar show it.
#[derive(Clone, Debug, PartialEq)]
pub struct MailboxInfo {
    /// Its number.
    pub id: MailboxId,
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is subscribed.
    pub subscribed: bool,
    /// Whether it is only a name above others.
    pub no_select: bool,
    /// RFC 3348.
    pub has_children: bool,
    /// Its counters, from memory: listing never opens a mailbox.
    pub status: MailboxStatus,
}

/// RFC 9051 §6.3.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// MESSAGES.
    pub messages: u32,
    /// UNSEEN.
    pub unseen: u32,
    /// DELETED.
    pub deleted: u32,
    /// SIZE (RFC 8438).
    pub size: u64,
    /// UIDNEXT; above 2³²−1 when the mailbox has used all UIDs.
    pub uid_next: u64,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// HIGHESTMODSEQ.
    pub highest_mod_seq: ModSeq,
}

/// Whether LSUB lists a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// It does.
    Subscribed,
    /// It does not.
    Unsubscribed,
}

/// The name under which shared mailboxes will appear.
const OTHERS: &str = "Autres";

impl MailService {
    /// All mailboxes, INBOX first, then those with a special use, then by name.
    pub async fn mailboxes(
        &self,
        actor: Actor,
        owner: AccountId,
    ) -> Result<Vec<MailboxInfo>, ServiceError> {
        let cell = self.cell(actor, owner, Right::Read).await?;
        let state = cell.lock().await;
        let info = |(id, mailbox): (&MailboxId, &MailboxState)| info(&state, *id, mailbox);
        let mut mailboxes: Vec<_> = state.synced.iter().map(info).collect();
        let place = |special_use| SpecialUse::ALL.iter().position(|all| Some(*all) == special_use);
        mailboxes.sort_by_key(|info| {
            let order = place(info.special_use).unwrap_or(SpecialUse::ALL.len());
            (!info.name.is_inbox(), order, info.name.as_str().to_lowercase())
        });
        Ok(mailboxes)
    }

    /// One mailbox's counters.
    pub async fn status(
        &self,
        actor: Actor,
        owner: AccountId,
        name: &MailboxName,
    ) -> Result<MailboxStatus, ServiceError> {
        let cell = self.cell(actor, owner, Right::Read).await?;
        let state = cell.lock().await;
        let mut mailboxes = state.synced.values();
        let found = mailboxes.find(|mailbox| mailbox.row.name == *name && !mailbox.row.no_select);
        found.map(status).ok_or(ServiceError::NoSuchMailbox)
    }

    /// Creates a mailbox and the missing ones above it.
    pub async fn create(
        &self,
        actor: Actor,
        owner: AccountId,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxInfo, ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        let limit = self.inner.settings.mailboxes_max as usize;
        let id = cell
            .commit(|state, change| {
                check_free(name)?;
                let used = |mailbox: &MailboxState| mailbox.row.special_use == special_use;
                // RFC 6154 §5.2: one mailbox per use here.
                if special_use.is_some() && state.mailboxes.values().any(used) {
                    return Err(ServiceError::AlreadyExists);
                }
                if let Some(id) = state.named(name) {
                    return revive(state, change, id);
                }
                let mut missing = ancestors(name);
                missing.retain(|ancestor| state.named(ancestor).is_none());
                if state.mailboxes.len() + missing.len() >= limit {
                    return Err(ServiceError::TooMany { what: "mailboxes" });
                }
                for ancestor in missing {
                    load::add_mailbox(change, ancestor, None)?;
                }
                load::add_mailbox(change, name.clone(), special_use)
            })
            .await?;
        let state = cell.lock().await;
        let mailbox = state.synced.get(&id).ok_or(ServiceError::NoSuchMailbox)?;
        Ok(info(&state, id, mailbox))
    }

    /// Deletes a mailbox and its messages (RFC 9051 §6.3.5); a name with inferiors stays as
    /// `\Noselect`.
    pub async fn delete(
        &self,
        actor: Actor,
        owner: AccountId,
        name: &MailboxName,
    ) -> Result<(), ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        let doomed = cell
            .commit(|state, change| {
                if name.is_inbox() {
                    return Err(ServiceError::ReservedName);
                }
                let id = state.named(name).ok_or(ServiceError::NoSuchMailbox)?;
                let old = state.mailboxes.get(&id).ok_or(ServiceError::NoSuchMailbox)?.clone();
                let has_children = has_children(state, name);
                if old.row.no_select && has_children {
                    return Err(ServiceError::HasChildren);
                }
                change.account.bytes_used =
                    change.account.bytes_used.saturating_sub(old.counters.bytes);
                change.account.messages =
                    change.account.messages.saturating_sub(u64::from(old.counters.messages));
                change.remove_mailbox(id);
                change.batch.put::<Doomed>(&id, &());
                if has_children {
                    let stays = load::add_mailbox(change, name.clone(), None)?;
                    if let Some(mailbox) = change.mailbox(state, stays) {
                        mailbox.row.no_select = true;
                        mailbox.row.subscribed = old.row.subscribed;
                    }
                }
                Ok(id)
            })
            .await?;
        // The name is gone already; the messages go in the background, and after a stop at the
        // next load.
        tokio::spawn(async move {
            if let Err(error) = removal::remove_messages(&cell, doomed).await {
                tracing::error!(target: "facteur", %error, mailbox = %doomed, "removal interrupted");
            }
        });
        Ok(())
    }

    /// Renames a mailbox and what lies below it; renaming INBOX moves its messages
    /// (RFC 9051 §6.3.6).
    pub async fn rename(
        &self,
        actor: Actor,
        owner: AccountId,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Result<(), ServiceError> {
        if from.is_inbox() {
            return self.rename_inbox(actor, owner, to).await;
        }
        let cell = self.cell(actor, owner, Right::Write).await?;
        cell.commit(|state, change| {
            check_free(to)?;
            state.named(from).ok_or(ServiceError::NoSuchMailbox)?;
            if to.is_below(from) {
                return Err(ServiceError::ReservedName);
            }
            if state.named(to).is_some() {
                return Err(ServiceError::AlreadyExists);
            }
            for ancestor in ancestors(to) {
                if state.named(&ancestor).is_none() {
                    load::add_mailbox(change, ancestor, None)?;
                }
            }
            let moved: Vec<_> = state
                .mailboxes
                .iter()
                .filter(|(_, mailbox)| mailbox.row.name == *from || mailbox.row.name.is_below(from))
                .map(|(id, mailbox)| (*id, mailbox.row.name.clone()))
                .collect();
            for (id, name) in moved {
                let renamed = name.moved(from, to)?;
                if let Some(mailbox) = change.mailbox(state, id) {
                    mailbox.row.name = renamed;
                }
            }
            Ok(())
        })
        .await
    }

    async fn rename_inbox(
        &self,
        actor: Actor,
        owner: AccountId,
        to: &MailboxName,
    ) -> Result<(), ServiceError> {
        self.create(actor, owner, to, None).await?;
        let inbox = self.open_mailbox(actor, owner, &MailboxName::inbox()).await?;
        let all: UidSet = inbox.snapshot().iter().map(|entry| entry.uid.get()).collect();
        self.move_messages(actor, &inbox, &all, to).await.map(drop)
    }

    /// SUBSCRIBE and UNSUBSCRIBE.
    pub async fn subscribe(
        &self,
        actor: Actor,
        owner: AccountId,
        name: &MailboxName,
        subscription: Subscription,
    ) -> Result<(), ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        cell.commit(|state, change| {
            let id = state.named(name).ok_or(ServiceError::NoSuchMailbox)?;
            let wanted = subscription == Subscription::Subscribed;
            let held = state.mailboxes.get(&id).map(|mailbox| mailbox.row.subscribed);
            if held == Some(wanted) {
                return Ok(());
            }
            if let Some(mailbox) = change.mailbox(state, id) {
                mailbox.row.subscribed = wanted;
            }
            Ok(())
        })
        .await
    }

    /// Opens a mailbox for a session; cheap when another session has it open.
    pub async fn open_mailbox(
        &self,
        actor: Actor,
        owner: AccountId,
        name: &MailboxName,
    ) -> Result<OpenMailbox, ServiceError> {
        let cell = self.cell(actor, owner, Right::Read).await?;
        let mut state = cell.lock().await;
        let id = state.named(name).ok_or(ServiceError::NoSuchMailbox)?;
        if state.mailboxes.get(&id).is_none_or(|mailbox| mailbox.row.no_select) {
            return Err(ServiceError::NoSuchMailbox);
        }
        let view = match state.open.get(&id) {
            Some((_, view)) => Arc::clone(view),
            None => {
                let rows = load::snapshot(&cell, &mut state, id).await?;
                state.open_mailbox(id, rows)
            }
        };
        drop(state);
        Ok(OpenMailbox::new(cell, id, view))
    }

    /// Wakes whenever anything in the account's mailboxes has changed (the value is the account's
    /// version), for the webmail's live list.
    pub async fn account_changes(
        &self,
        actor: Actor,
        owner: AccountId,
    ) -> Result<watch::Receiver<u64>, ServiceError> {
        Ok(self.cell(actor, owner, Right::Read).await?.changes.subscribe())
    }
}

/// A deleted name that still has inferiors becomes a mailbox again.
fn revive(
    state: &State,
    change: &mut Change,
    id: MailboxId,
) -> Result<MailboxId, ServiceError> {
    match change.mailbox(state, id) {
        Some(mailbox) if mailbox.row.no_select => {
            mailbox.row.no_select = false;
            change.batch.assert::<Mailbox>(&id, mail_store::Cond::Exists);
            Ok(id)
        }
        _ => Err(ServiceError::AlreadyExists),
    }
}

fn check_free(name: &MailboxName) -> Result<(), ServiceError> {
    let first = name.as_str().split(MailboxName::DELIMITER).next().unwrap_or_default();
    if name.is_inbox() {
        return Err(ServiceError::AlreadyExists);
    }
    if first == OTHERS { Err(ServiceError::ReservedName) } else { Ok(()) }
}

/// The names above, the topmost first.
fn ancestors(name: &MailboxName) -> Vec<MailboxName> {
    let mut above: Vec<_> = std::iter::successors(name.parent(), MailboxName::parent).collect();
    above.reverse();
    above
}

fn has_children(state: &State, name: &MailboxName) -> bool {
    state.mailboxes.values().any(|mailbox| mailbox.row.name.is_below(name))
}

fn info(state: &State, id: MailboxId, mailbox: &MailboxState) -> MailboxInfo {
    let row = &mailbox.row;
    let below = |other: &MailboxState| other.row.name.is_below(&row.name);
    MailboxInfo {
        id,
        name: row.name.clone(),
        special_use: row.special_use,
        subscribed: row.subscribed,
        no_select: row.no_select,
        has_children: state.synced.values().any(below),
        status: status(mailbox),
    }
}

fn status(mailbox: &MailboxState) -> MailboxStatus {
    let counters = &mailbox.counters;
    MailboxStatus {
        messages: counters.messages,
        unseen: counters.unseen,
        deleted: counters.deleted,
        size: counters.bytes,
        uid_next: counters.uid_next,
        uid_validity: mailbox.row.uid_validity,
        highest_mod_seq: counters.highest_mod_seq,
    }
}
