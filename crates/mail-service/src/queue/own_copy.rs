//! What a queued message is in its sender's account: the lines that only the sender has, the copy or
//! draft that comes, and the draft that goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use mail_message::{address, header};
use mail_store::Reservation;
use mail_store::tables::mail::MessageRow;
use mail_store::tables::queue::OwnCopyRow;
use mail_types::{Flag, FlagSet, MailboxId, MailboxName, SpecialUse, Uid};

use super::accept::Acceptance;
use crate::account::{Cell, Change, View};
use crate::error::ServiceError;
use crate::expunge::{self, Log};
use crate::insert::{self, Conversation, Ready};
use crate::load;
use crate::message::Appended;
use crate::prepare::Content;
use crate::state::State;

/// Bytes of the header lines that only the sender's copy has: they are part of rows.
const OWN_BYTES_MAX: usize = 24 << 10;

/// What an accepted message is in its submitter's account.
pub(super) fn own_copy(acceptance: &Acceptance) -> Result<Option<OwnCopyRow>, ServiceError> {
    let Some(own) = &acceptance.own else { return Ok(submitted(acceptance)) };
    if own.bcc.len() + own.notes.len() > OWN_BYTES_MAX {
        return Err(ServiceError::TooMany { what: "hidden recipients" });
    }
    Ok(Some(own.clone()))
}

/// A mail program asked to hold a message back (RFC 4865): it keeps its own copy, and whoever takes
/// the message back finds recipients that its header does not name as hidden ones.
fn submitted(acceptance: &Acceptance) -> Option<OwnCopyRow> {
    acceptance.release.and(acceptance.submitter)?;
    let raw = &acceptance.message.scanned.raw_header;
    let named = |name| {
        let value = header::first(raw, name).unwrap_or_default();
        address::mailboxes(&value, acceptance.addressees.len().saturating_mul(2).max(100))
    };
    let shown: Vec<String> = ["To", "Cc", "Bcc"]
        .into_iter()
        .flat_map(named)
        .map(|(_, address)| address.to_lowercase())
        .collect();
    let addresses = acceptance.addressees.iter().map(|to| to.destination.address());
    let hidden: Vec<String> = addresses
        .filter(|address| !shown.contains(&address.to_string().to_lowercase()))
        .map(ToString::to_string)
        .collect();
    let bcc = match hidden.is_empty() {
        true => Vec::new(),
        false => format!("Bcc: {}\r\n", hidden.join(",\r\n ")).into_bytes(),
    };
    let own = OwnCopyRow { bcc, is_scheduled: true, ..OwnCopyRow::default() };
    // With more than that it cannot be taken back.
    (own.bcc.len() <= OWN_BYTES_MAX).then_some(own)
}

/// The sender's copy, but for its UID and numbers.
pub(super) struct OwnMessage {
    pub(super) ready: Ready,
    pub(super) conversation: Conversation,
    /// Keep its bodies from the collector until the commit is done.
    pub(super) _content: Content,
    pub(super) _reservation: Reservation,
}

impl OwnMessage {
    /// Puts it where sent messages or drafts are; whoever deleted that mailbox finds a draft in
    /// INBOX, and has no copy of what was sent. No quota holds it up: the room was asked for when
    /// the message was written.
    pub(super) fn put(
        &mut self,
        state: &mut State,
        change: &mut Change,
        is_draft: bool,
        keywords_max: usize,
    ) -> Result<Option<Appended>, ServiceError> {
        let (target, flags) = match is_draft {
            true => {
                let inbox = state.named(&MailboxName::inbox());
                (state.with_use(SpecialUse::Drafts).or(inbox), vec![Flag::Draft, Flag::Seen])
            }
            false => (state.with_use(SpecialUse::Sent), vec![Flag::Seen]),
        };
        let Some(target) = target else { return Ok(None) };
        let flags: FlagSet = flags.into_iter().collect();
        let (ready, conversation) = (&mut self.ready, &self.conversation);
        let uid =
            insert::insert_new(state, change, target, ready, conversation, flags, keywords_max)?;
        let mailbox = state.mailboxes.get(&target).ok_or(ServiceError::NoSuchTarget)?;
        Ok(Some(Appended { uid_validity: mailbox.row.uid_validity, uid }))
    }
}

/// The draft that became the message, ready to be removed.
pub(super) struct OldDraft {
    mailbox: MailboxId,
    pub(super) rows: BTreeMap<Uid, MessageRow>,
    queued: BTreeMap<Uid, Option<(MailboxId, Uid)>>,
    log: Log,
    /// Keeps the mailbox's snapshot in memory.
    _view: Arc<View>,
}

impl OldDraft {
    /// Looks it up; `None` when it is gone.
    pub(super) async fn find(
        cell: &Arc<Cell>,
        draft: Option<(MailboxId, Uid)>,
    ) -> Result<Option<Self>, ServiceError> {
        let Some((mailbox, uid)) = draft else { return Ok(None) };
        let mut state = cell.lock().await?;
        if !state.mailboxes.contains_key(&mailbox) {
            return Ok(None);
        }
        let view = load::open(cell, &mut state, mailbox).await?;
        drop(state);
        let rows = expunge::read(cell, mailbox, &[uid]).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let queued = expunge::index_queue(cell, mailbox, &rows).await?;
        let log = Log::new(cell, mailbox).await?;
        Ok(Some(Self { mailbox, rows, queued, log, _view: view }))
    }

    pub(super) fn remove(
        &self,
        state: &mut State,
        change: &mut Change,
    ) -> Result<Vec<Uid>, ServiceError> {
        if !state.mailboxes.contains_key(&self.mailbox) {
            return Ok(Vec::new());
        }
        let rows = &self.rows;
        let gone = expunge::remove_rows(state, change, self.mailbox, rows, &self.queued, |_| true)?;
        self.log.write(state, change, gone.iter().copied());
        Ok(gone)
    }
}
