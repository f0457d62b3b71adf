//! Putting a message into a mailbox: the rows that delivery, APPEND, COPY and MOVE share.

use mail_store::tables::index::IndexQueue;
use mail_store::tables::mail::{
    BodyUse, Message, MessageFlags, MessageFlagsRow, MessageHeader, MessageRow, MessageStructure,
    Prepared, StructureStored, Thread,
};
use mail_types::{DocumentId, EmailId, FlagSet, Keyword, MailboxId, ThreadId, Uid};

use crate::account::{Change, MailboxState};
use crate::error::ServiceError;
use crate::snapshot::Entry;
use crate::state::State;

/// A message's rows, ready but for its UID and, when it is new, its numbers.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) row: MessageRow,
    pub(crate) header: Prepared,
    pub(crate) structure: StructureStored,
}

/// Which conversation a message belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversation {
    /// The one that stored messages lead to; `None` when it begins one.
    pub(crate) known: Option<ThreadId>,
    /// Keys under which its next message will find it, its own first.
    pub(crate) keys: Vec<Vec<u8>>,
}

/// Adds a message that is new to the account: gives it its e-mail, document and thread numbers.
pub(crate) fn insert_new(
    state: &mut State,
    change: &mut Change,
    mailbox: MailboxId,
    ready: &mut Ready,
    conversation: &Conversation,
    flags: FlagSet,
    keywords_max: usize,
) -> Result<Uid, ServiceError> {
    let account = &mut change.account;
    let email = EmailId(account.next_email);
    account.next_email += 1;
    let document = DocumentId(account.next_document);
    account.next_document =
        account.next_document.checked_add(1).ok_or(ServiceError::TooMany { what: "documents" })?;
    let recent = state.recent_thread(&conversation.keys);
    let thread = recent.or(conversation.known).unwrap_or(ThreadId(email.0));
    ready.row.email_id = email;
    ready.row.document = document;
    ready.row.thread_id = thread;
    for key in &conversation.keys {
        change.batch.put::<Thread>(key, &thread);
        change.threads.push((key.clone(), thread));
    }
    let uid = insert(state, change, mailbox, ready, flags, keywords_max)?;
    change.batch.put::<IndexQueue>(&document, &(mailbox, uid));
    change.queued += 1;
    Ok(uid)
}

/// Adds a message's rows to a mailbox and counts it.
pub(crate) fn insert(
    state: &mut State,
    change: &mut Change,
    mailbox: MailboxId,
    ready: &Ready,
    flags: FlagSet,
    keywords_max: usize,
) -> Result<Uid, ServiceError> {
    let mod_seq = change.mod_seq;
    let size = ready.row.size();
    learn_keywords(state, change, mailbox, &flags, keywords_max)?;
    let target = change.mailbox(state, mailbox).ok_or(ServiceError::NoSuchTarget)?;
    let counters = &mut target.counters;
    let uid = u32::try_from(counters.uid_next).ok().and_then(Uid::new);
    let uid = uid.ok_or(ServiceError::TooMany { what: "messages" })?;
    counters.uid_next += 1;
    counters.messages += 1;
    counters.unseen += u32::from(!flags.is_seen());
    counters.deleted += u32::from(flags.is_deleted());
    counters.bytes += size;
    change.account.bytes_used += size;
    change.account.messages += 1;
    let key = (mailbox, uid);
    let batch = &mut change.batch;
    batch.put::<Message>(&key, &ready.row);
    batch.put::<MessageHeader>(&key, &ready.header);
    batch.put::<MessageStructure>(&key, &ready.structure);
    let (document, internal_date) = (ready.row.document, ready.row.internal_date);
    let row = MessageFlagsRow { flags, mod_seq, document, size, internal_date };
    batch.put::<MessageFlags>(&key, &row);
    batch.put::<BodyUse>(&(ready.row.body.hash, mailbox, uid), &());
    for body in &ready.row.spilled {
        batch.put::<BodyUse>(&(body.hash, mailbox, uid), &());
    }
    let flags = state.shared(row.flags);
    let entry = Entry { uid, document, mod_seq, flags, size, internal_date };
    change.delta(mailbox).entries.push(entry);
    Ok(uid)
}

/// Takes a message's rows out of a mailbox and uncounts it. The caller logs the UID.
pub(crate) fn remove(
    state: &State,
    change: &mut Change,
    mailbox: MailboxId,
    uid: Uid,
    row: &MessageRow,
    flags: &FlagSet,
) {
    let size = row.size();
    if let Some(source) = change.mailbox(state, mailbox) {
        let counters = &mut source.counters;
        counters.messages = counters.messages.saturating_sub(1);
        counters.unseen = counters.unseen.saturating_sub(u32::from(!flags.is_seen()));
        counters.deleted = counters.deleted.saturating_sub(u32::from(flags.is_deleted()));
        counters.bytes = counters.bytes.saturating_sub(size);
    }
    change.account.bytes_used = change.account.bytes_used.saturating_sub(size);
    change.account.messages = change.account.messages.saturating_sub(1);
    delete_rows(&mut change.batch, mailbox, uid, row);
    change.delta(mailbox).expunged.insert(uid.get());
}

/// Deletes the rows of a message.
pub(crate) fn delete_rows(
    batch: &mut mail_store::Batch,
    mailbox: MailboxId,
    uid: Uid,
    row: &MessageRow,
) {
    let key = (mailbox, uid);
    batch.delete::<Message>(&key);
    batch.delete::<MessageHeader>(&key);
    batch.delete::<MessageStructure>(&key);
    batch.delete::<MessageFlags>(&key);
    batch.delete::<BodyUse>(&(row.body.hash, mailbox, uid));
    for body in &row.spilled {
        batch.delete::<BodyUse>(&(body.hash, mailbox, uid));
    }
}

/// Adds these flags' keywords to those of the mailbox, and refuses one too many. Keywords that no
/// message carries any more make room first, when the mailbox is open and that can be seen.
pub(crate) fn learn_keywords(
    state: &State,
    change: &mut Change,
    mailbox: MailboxId,
    flags: &FlagSet,
    keywords_max: usize,
) -> Result<(), ServiceError> {
    if flags.keywords().is_empty() {
        return Ok(());
    }
    let head = state.head(mailbox).ok();
    let Some(MailboxState { row, .. }) = change.mailbox(state, mailbox) else { return Ok(()) };
    let is_new = |keyword: &&Keyword| row.keywords.binary_search(keyword).is_err();
    let added: Vec<Keyword> = flags.keywords().iter().filter(is_new).cloned().collect();
    if added.is_empty() {
        return Ok(());
    }
    if let (true, Some(head)) = (row.keywords.len() + added.len() > keywords_max, head) {
        let carried = head.iter().flat_map(|entry| entry.flags.keywords());
        row.keywords =
            carried.cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    }
    row.keywords.extend(added);
    row.keywords.sort();
    row.keywords.dedup();
    if row.keywords.len() > keywords_max {
        return Err(ServiceError::TooMany { what: "keywords" });
    }
    Ok(())
}
