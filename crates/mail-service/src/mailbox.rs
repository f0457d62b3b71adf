//! Mailboxes: listed, created, renamed, deleted, opened.

use std::collections::BTreeSet;

use mail_types::{
    AccountId, Actor, MailboxId, MailboxName, ModSeq, SpecialUse, UidSet, UidValidity,
};
use tokio::sync::watch;

use crate::account::MailboxState;
use crate::error::ServiceError;
use crate::hierarchy::{
    add_ancestors, add_named, check_free, has_children, lose, remove_childless_ancestors,
    remove_mailbox, revive,
};
use crate::load;
use crate::message::OpenMailbox;
use crate::removal;
use crate::service::{MailService, Right};
use crate::state::State;

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

impl MailService {
    /// All mailboxes, INBOX first, then those with a special use, then by name.
    pub async fn mailboxes(
        &self,
        actor: Actor,
        owner: AccountId,
    ) -> Result<Vec<MailboxInfo>, ServiceError> {
        let cell = self.cell(actor, owner, Right::Read).await?;
        let state = cell.lock().await?;
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
        let state = cell.lock().await?;
        let mut mailboxes = state.synced.values();
        let found = mailboxes.find(|mailbox| mailbox.row.name == *name && !mailbox.row.no_select);
        found.map(status).ok_or(ServiceError::NoSuchMailbox)
    }

    /// Creates a mailbox and the missing ones above it. It is not subscribed, unless its name was.
    pub async fn create(
        &self,
        actor: Actor,
        owner: AccountId,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxInfo, ServiceError> {
        let cell = self.cell(actor, owner, Right::Write).await?;
        let mailboxes_max = self.mailboxes_max();
        let id = cell
            .commit(|state, change| {
                check_free(name)?;
                let used = |mailbox: &MailboxState| mailbox.row.special_use == special_use;
                // RFC 6154 §5.2: one mailbox per use here.
                if special_use.is_some() && state.mailboxes.values().any(used) {
                    return Err(ServiceError::AlreadyExists);
                }
                match state.named(name) {
                    Some(id) => revive(state, change, id, special_use),
                    None => {
                        add_ancestors(state, change, name, 1, mailboxes_max)?;
                        add_named(state, change, name, special_use)
                    }
                }
            })
            .await?;
        let state = cell.lock().await?;
        let mailbox = state.synced.get(&id).ok_or(ServiceError::NoSuchMailbox)?;
        Ok(info(&state, id, mailbox))
    }

    /// Deletes a mailbox and its messages (RFC 9051 §6.3.5); a name with inferiors stays as
    /// `\Noselect`, and goes when the last of them goes.
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
                // RFC 9051 §6.3.5: a \Noselect name with inferiors cannot be deleted.
                if old.row.no_select && has_children {
                    return Err(ServiceError::HasChildren);
                }
                remove_mailbox(change, id, &old);
                if has_children {
                    let stays = load::add_mailbox(change, name.clone(), None)?;
                    if let Some(mailbox) = change.mailbox(state, stays) {
                        mailbox.row.no_select = true;
                        mailbox.row.subscribed = old.row.subscribed;
                    }
                } else {
                    lose(change, &old);
                    remove_childless_ancestors(state, change, id, name);
                }
                Ok(id)
            })
            .await?;
        removal::remove_in_background(&cell, doomed);
        Ok(())
    }

    /// Renames a mailbox and what lies below it, with their subscriptions; renaming INBOX moves
    /// its messages (RFC 9051 §6.3.6).
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
        let mailboxes_max = self.mailboxes_max();
        cell.commit(|state, change| {
            check_free(to)?;
            state.named(from).ok_or(ServiceError::NoSuchMailbox)?;
            if state.named(to).is_some() {
                return Err(ServiceError::AlreadyExists);
            }
            if to.is_below(from) {
                return Err(ServiceError::ReservedName);
            }
            add_ancestors(state, change, to, 0, mailboxes_max)?;
            let moved: Vec<_> = state
                .mailboxes
                .iter()
                .filter(|(_, mailbox)| mailbox.row.name == *from || mailbox.row.name.is_below(from))
                .map(|(id, mailbox)| (*id, mailbox.row.name.clone()))
                .collect();
            for (id, name) in moved {
                let renamed = name.moved(from, to)?;
                if let Some(mailbox) = change.mailbox(state, id) {
                    mailbox.row.subscribed |= state.lost_subscriptions.contains(&renamed);
                    mailbox.row.name = renamed.clone();
                }
                if state.lost_subscriptions.contains(&renamed) {
                    change.lost_subscriptions.insert(renamed, false);
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
        // Its inferiors stay where they are (RFC 9051 §6.3.6). Messages that arrive meanwhile are
        // in the new INBOX already.
        self.create(actor, owner, to, None).await?;
        let inbox = self.open_mailbox(actor, owner, &MailboxName::inbox()).await?;
        let all: UidSet = inbox.snapshot().iter().map(|entry| entry.uid.get()).collect();
        self.move_messages(actor, &inbox, &all, to).await.map(drop)
    }

    fn mailboxes_max(&self) -> usize {
        self.inner.settings.load().mailboxes_max as usize
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
        let wanted = subscription == Subscription::Subscribed;
        cell.commit(|state, change| {
            let Some(id) = state.named(name) else {
                if wanted || !state.lost_subscriptions.contains(name) {
                    return Err(ServiceError::NoSuchMailbox);
                }
                change.lost_subscriptions.insert(name.clone(), false);
                return Ok(());
            };
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

    /// All subscribed names, those without a mailbox included, sorted: what LSUB lists.
    /// RFC 9051 §6.3.7: a server does not take a name off the list because its mailbox is gone.
    pub async fn subscriptions(
        &self,
        actor: Actor,
        owner: AccountId,
    ) -> Result<Vec<MailboxName>, ServiceError> {
        let cell = self.cell(actor, owner, Right::Read).await?;
        let state = cell.lock().await?;
        let mailboxes = state.synced.values().filter(|mailbox| mailbox.row.subscribed);
        let names: BTreeSet<MailboxName> = mailboxes
            .map(|mailbox| mailbox.row.name.clone())
            .chain(state.lost_subscriptions.iter().cloned())
            .collect();
        Ok(names.into_iter().collect())
    }

    /// Opens a mailbox for a session; cheap when another session has it open.
    pub async fn open_mailbox(
        &self,
        actor: Actor,
        owner: AccountId,
        name: &MailboxName,
    ) -> Result<OpenMailbox, ServiceError> {
        let cell = self.cell(actor, owner, Right::Read).await?;
        let mut state = cell.lock().await?;
        let id = state.named(name).ok_or(ServiceError::NoSuchMailbox)?;
        if state.mailboxes.get(&id).is_none_or(|mailbox| mailbox.row.no_select) {
            return Err(ServiceError::NoSuchMailbox);
        }
        let view = load::open(&cell, &mut state, id).await?;
        drop(state);
        let opened = OpenMailbox::new(cell, id, view);
        // What the store and the indexer do concerns all of it.
        let account = match actor {
            Actor::Account(_) => self.inner.directory.account(owner).await?,
            Actor::System => None,
        };
        Ok(opened.without_before(account.and_then(|account| account.mail_locked_before)))
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
