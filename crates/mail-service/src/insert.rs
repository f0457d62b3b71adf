//! Putting a message into a mailbox: the rows that delivery, APPEND, COPY and MOVE share.

use mail_message::scan::Scanned;
use mail_message::structure::StructureRow;
use mail_message::summary::Summary as MessageSummary;
use mail_store::tables::index::IndexQueue;
use mail_store::tables::mail::{
    BodyUse, Message, MessageFlags, MessageFlagsRow, MessageHeader, MessageRow, MessageStructure,
    Prepared, Summary, Thread,
};
use mail_store::{BlobStore, BodyRef, Reservation, Store, account_partition};
use mail_types::{AccountId, EmailId, FlagSet, MailboxId, ThreadId, Uid};

use crate::account::{Change, State};
use crate::error::ServiceError;
use crate::snapshot::Entry;

/// What stays in a row; larger things get a body of their own.
const INLINE_BYTES_MAX: usize = 48 << 10;
/// Ancestors that are looked up to find a message's conversation.
const THREAD_LOOKUPS_MAX: usize = 16;

/// A message's rows, ready but for its UID.
pub(crate) struct Ready {
    pub(crate) row: MessageRow,
    pub(crate) header: Prepared,
    pub(crate) structure: Prepared,
    /// Keys under which the conversation is found by its next message.
    pub(crate) thread_keys: Vec<Vec<u8>>,
}

/// The message's summary as it is stored.
pub(crate) fn summary(scanned: &Scanned) -> Summary {
    let made = MessageSummary::new(scanned);
    Summary {
        subject: made.subject,
        base_subject: made.base_subject,
        is_reply: made.is_reply,
        date: made.date,
        from: made.from,
        to: made.to,
        cc: made.cc,
        message_id: made.message_id,
        references: made.references,
        preview: made.preview,
        has_attachment: made.has_attachment,
    }
}

/// Header section and structure of a message with this prefix, spilled when they are large. The
/// reservations keep what was spilled from the collector until the commit is done.
pub(crate) async fn prepare(
    store: &Store,
    account: AccountId,
    prefix: &[u8],
    scanned: &Scanned,
) -> Result<(Prepared, Prepared, Vec<Reservation>), ServiceError> {
    let header = [prefix, &scanned.raw_header[..]].concat();
    let structure = StructureRow::new(scanned, prefix.len() as u64);
    let encoded = postcard::to_stdvec(&structure).map_err(|error| {
        ServiceError::TryAgain(mail_store::StoreError::Engine(format!("encode structure: {error}")))
    })?;
    let mut reservations = Vec::new();
    let header = spill(store, account, header, &mut reservations).await?;
    let structure = spill(store, account, encoded, &mut reservations).await?;
    Ok((header, structure, reservations))
}

async fn spill(
    store: &Store,
    account: AccountId,
    bytes: Vec<u8>,
    reservations: &mut Vec<Reservation>,
) -> Result<Prepared, ServiceError> {
    if bytes.len() <= INLINE_BYTES_MAX {
        return Ok(Prepared::Inline(bytes));
    }
    let mut writer = store.body_writer();
    writer.write(&bytes).await?;
    let reservation = writer.finish(&[account]).await?;
    let body = *reservation;
    reservations.push(reservation);
    Ok(Prepared::Spilled(body))
}

/// Bodies that these rows keep outside.
pub(crate) fn spilled(rows: [&Prepared; 2]) -> Vec<BodyRef> {
    let body = |row: &Prepared| match row {
        Prepared::Inline(_) => None,
        Prepared::Spilled(body) => Some(*body),
    };
    rows.into_iter().filter_map(body).collect()
}

/// Finds the conversation that a message belongs to, and the keys that lead to it afterwards.
/// `None` when it begins one.
pub(crate) async fn thread(
    store: &Store,
    account: AccountId,
    summary: &Summary,
) -> Result<(Option<ThreadId>, Vec<Vec<u8>>), ServiceError> {
    let nearest = summary.references.iter().rev().take(THREAD_LOOKUPS_MAX);
    let ids = summary.message_id.iter().chain(nearest);
    let keys: Vec<Vec<u8>> =
        ids.map(|id| blake3::hash(id.as_bytes()).as_bytes()[..16].to_vec()).collect();
    for key in &keys {
        if let Some(found) = store.get::<Thread>(account_partition(account), key).await? {
            return Ok((Some(found), keys));
        }
    }
    Ok((None, keys))
}

/// Adds a message that is new to the account: gives it its e-mail, document and thread numbers.
pub(crate) fn insert_new(
    state: &mut State,
    change: &mut Change,
    mailbox: MailboxId,
    mut ready: Ready,
    thread: Option<ThreadId>,
    flags: FlagSet,
) -> Result<Uid, ServiceError> {
    let account = &mut change.account;
    let email = EmailId(account.next_email);
    account.next_email += 1;
    let document = mail_types::DocumentId(account.next_document);
    account.next_document =
        account.next_document.checked_add(1).ok_or(ServiceError::TooMany { what: "documents" })?;
    let thread = thread.unwrap_or(ThreadId(email.0));
    ready.row.email_id = email;
    ready.row.document = document;
    ready.row.thread_id = thread;
    for key in &ready.thread_keys {
        change.batch.put::<Thread>(key, &thread);
    }
    let uid = insert(state, change, mailbox, &ready, flags)?;
    change.batch.put::<IndexQueue>(&document, &(mailbox, uid));
    Ok(uid)
}

/// Adds a message's rows to a mailbox and counts it.
pub(crate) fn insert(
    state: &mut State,
    change: &mut Change,
    mailbox: MailboxId,
    ready: &Ready,
    flags: FlagSet,
) -> Result<Uid, ServiceError> {
    let mod_seq = change.mod_seq;
    let size = ready.row.size();
    let uid = {
        let target = change.mailbox(state, mailbox).ok_or(ServiceError::NoSuchTarget)?;
        let counters = &mut target.counters;
        let uid = u32::try_from(counters.uid_next).ok().and_then(Uid::new);
        let uid = uid.ok_or(ServiceError::TooMany { what: "messages" })?;
        counters.uid_next += 1;
        counters.messages += 1;
        counters.unseen += u32::from(!flags.is_seen());
        counters.deleted += u32::from(flags.is_deleted());
        counters.bytes += size;
        uid
    };
    change.account.bytes_used += size;
    change.account.messages += 1;
    let key = (mailbox, uid);
    let batch = &mut change.batch;
    batch.put::<Message>(&key, &ready.row);
    batch.put::<MessageHeader>(&key, &ready.header);
    batch.put::<MessageStructure>(&key, &ready.structure);
    let row = MessageFlagsRow { flags, mod_seq, document: ready.row.document };
    batch.put::<MessageFlags>(&key, &row);
    batch.put::<BodyUse>(&(ready.row.body.hash, mailbox, uid), &());
    for body in &ready.row.spilled {
        batch.put::<BodyUse>(&(body.hash, mailbox, uid), &());
    }
    let flags = state.shared(row.flags);
    let entry = Entry { uid, document: row.document, mod_seq, flags };
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
