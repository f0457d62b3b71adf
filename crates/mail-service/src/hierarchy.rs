//! The rules of names: what lies above and below, what is reserved, what a deletion leaves.

use mail_store::tables::mail::Doomed;
use mail_types::{MailboxId, MailboxName, SpecialUse};

use crate::account::{Change, MailboxState};
use crate::error::ServiceError;
use crate::load;
use crate::state::State;

/// The name under which shared mailboxes will appear.
const OTHERS: &str = "Autres";

/// Adds the mailbox itself; its name may have been subscribed before it was deleted.
pub(crate) fn add_named(
    state: &State,
    change: &mut Change,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> Result<MailboxId, ServiceError> {
    let id = load::add_mailbox(change, name.clone(), special_use)?;
    if state.lost_subscriptions.contains(name) {
        change.lost_subscriptions.insert(name.clone(), false);
        if let Some(mailbox) = change.mailbox(state, id) {
            mailbox.row.subscribed = true;
        }
    }
    Ok(id)
}

/// Adds the mailboxes that are missing above a name, if they and `more` others fit.
pub(crate) fn add_ancestors(
    state: &State,
    change: &mut Change,
    name: &MailboxName,
    more: usize,
    mailboxes_max: usize,
) -> Result<(), ServiceError> {
    let mut missing = ancestors(name);
    missing.retain(|ancestor| state.named(ancestor).is_none());
    if state.mailboxes.len() + missing.len() + more > mailboxes_max {
        return Err(ServiceError::TooMany { what: "mailboxes" });
    }
    for ancestor in missing {
        add_named(state, change, &ancestor, None)?;
    }
    Ok(())
}

/// A deleted name that still has inferiors becomes a mailbox again. It has a number and a
/// UIDVALIDITY of its own since its deletion.
pub(crate) fn revive(
    state: &State,
    change: &mut Change,
    id: MailboxId,
    special_use: Option<SpecialUse>,
) -> Result<MailboxId, ServiceError> {
    match change.mailbox(state, id) {
        Some(mailbox) if mailbox.row.no_select => {
            mailbox.row.no_select = false;
            mailbox.row.special_use = special_use;
            Ok(id)
        }
        _ => Err(ServiceError::AlreadyExists),
    }
}

pub(crate) fn remove_mailbox(change: &mut Change, id: MailboxId, old: &MailboxState) {
    let account = &mut change.account;
    account.bytes_used = account.bytes_used.saturating_sub(old.counters.bytes);
    account.messages = account.messages.saturating_sub(u64::from(old.counters.messages));
    change.remove_mailbox(id);
    change.batch.put::<Doomed>(&id, &());
}

/// Keeps a deleted mailbox's subscription.
pub(crate) fn lose(change: &mut Change, old: &MailboxState) {
    if old.row.subscribed {
        change.lost_subscriptions.insert(old.row.name.clone(), true);
    }
}

/// Takes away the `\Noselect` names above a deleted mailbox that have nothing below them any
/// more: nobody could see why they are there.
pub(crate) fn remove_childless_ancestors(
    state: &State,
    change: &mut Change,
    deleted: MailboxId,
    name: &MailboxName,
) {
    let mut gone = vec![deleted];
    for ancestor in ancestors(name).into_iter().rev() {
        let Some(id) = state.named(&ancestor) else { return };
        let Some(mailbox) = state.mailboxes.get(&id) else { return };
        let has_others = state
            .mailboxes
            .iter()
            .any(|(other, below)| !gone.contains(other) && below.row.name.is_below(&ancestor));
        if !mailbox.row.no_select || has_others {
            return;
        }
        lose(change, mailbox);
        change.remove_mailbox(id);
        gone.push(id);
    }
}

pub(crate) fn check_free(name: &MailboxName) -> Result<(), ServiceError> {
    let first = name.as_str().split(MailboxName::DELIMITER).next().unwrap_or_default();
    if name.is_inbox() {
        return Err(ServiceError::AlreadyExists);
    }
    if first == OTHERS { Err(ServiceError::ReservedName) } else { Ok(()) }
}

/// The names above, the topmost first.
pub(crate) fn ancestors(name: &MailboxName) -> Vec<MailboxName> {
    let mut above: Vec<_> = std::iter::successors(name.parent(), MailboxName::parent).collect();
    above.reverse();
    above
}

pub(crate) fn has_children(state: &State, name: &MailboxName) -> bool {
    state.mailboxes.values().any(|mailbox| mailbox.row.name.is_below(name))
}
