//! Delivery: one body, one commit per account, and no answer before all of them are synced.

use std::sync::Arc;

use mail_message::header;
use mail_message::trace::delivery_fields;
use mail_store::tables::mail::{MessageRow, Summary};
use mail_store::{BodyRef, Pending, Reservation};
use mail_types::{
    AccountId, Actor, DocumentId, EmailId, FlagSet, InternalDate, MailboxName, ThreadId, Uid,
};

use crate::account::Cell;
use crate::error::ServiceError;
use crate::insert::{self, Ready};
use crate::receive::{Incoming, Recipient};
use crate::service::{MailService, Right};

/// RFC 5321 §6.3: "a large rejection threshold, normally at least 100 Received entries" counts
/// hops of the open Internet; a message that was fifty times relayed goes round in a circle.
const RECEIVED_MAX: usize = 50;

impl MailService {
    /// Delivers to every recipient's INBOX; two recipients that are one account get it once.
    /// Returns when all of it is durable: `250` may follow.
    ///
    /// # Errors
    /// When one account's delivery failed; others may have it. The peer is told to try again.
    pub async fn deliver(&self, incoming: Incoming) -> Result<(), ServiceError> {
        let Incoming { queue_id, reverse_path, recipients, trace, message, submitter } = incoming;
        check_loop(&message.scanned.raw_header, &recipients)?;
        let mut accounts: Vec<AccountId> = recipients.iter().map(|to| to.account.id).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let summary = insert::summary(&message.scanned);
        let reservation: Reservation = message.body.finish(&accounts).await?;
        let shared = Shared {
            row: MessageRow {
                email_id: EmailId(0),
                thread_id: ThreadId(0),
                document: DocumentId(0),
                body: *reservation,
                prefix: Vec::new(),
                header_size: 0,
                internal_date: self.internal_date(),
                save_date: self.now().as_second(),
                reverse_path: Some(reverse_path),
                original_recipient: None,
                submitter,
                queue_id: Some(queue_id),
                spilled: Vec::new(),
                summary,
            },
            trace,
            scanned: message.scanned,
        };
        // Everyone is queued before anyone is waited for, so that a thousand recipients share a
        // few syncs.
        let mut waiting = Vec::with_capacity(accounts.len());
        let mut done = std::collections::HashSet::with_capacity(accounts.len());
        for recipient in &recipients {
            if done.insert(recipient.account.id) {
                waiting.push(self.queue_delivery(recipient, &shared).await?);
            }
        }
        for queued in waiting {
            queued.finish(&shared).await?;
        }
        drop(reservation);
        Ok(())
    }

    async fn queue_delivery(
        &self,
        recipient: &Recipient,
        shared: &Shared,
    ) -> Result<Queued, ServiceError> {
        let owner = recipient.account.id;
        let cell = self.cell(Actor::System, owner, Right::Write).await?;
        let reverse_path = shared.row.reverse_path.as_ref();
        let fields = reverse_path.map(|path| delivery_fields(path, &recipient.address));
        let prefix = [fields.unwrap_or_default().as_bytes(), &shared.trace].concat();
        let store = &self.inner.store;
        let (header, structure, reservations) =
            insert::prepare(store, owner, &prefix, &shared.scanned).await?;
        let (thread, thread_keys) = insert::thread(store, owner, &shared.row.summary).await?;
        let row = MessageRow {
            header_size: (prefix.len() + shared.scanned.raw_header.len()) as u32,
            prefix,
            original_recipient: Some(recipient.address.clone()),
            spilled: insert::spilled([&header, &structure]),
            ..shared.row.clone()
        };
        let ready = Ready { row, header, structure, thread_keys };
        let (uid, pending) = cell
            .queue(|state, change| {
                let inbox = state.named(&MailboxName::inbox()).ok_or(ServiceError::NoSuchTarget)?;
                change.batch = std::mem::take(&mut change.batch).guarded();
                insert::insert_new(state, change, inbox, ready, thread, FlagSet::new())
            })
            .await?;
        Ok(Queued { cell, uid, pending, _reservations: reservations })
    }
}

/// What all recipients get alike.
struct Shared {
    row: MessageRow,
    trace: Vec<u8>,
    scanned: mail_message::scan::Scanned,
}

struct Queued {
    cell: Arc<Cell>,
    uid: Uid,
    pending: Option<Pending>,
    _reservations: Vec<Reservation>,
}

impl Queued {
    async fn finish(self, shared: &Shared) -> Result<(), ServiceError> {
        if let Some(pending) = self.pending {
            self.cell.settle(pending).await?;
        }
        let BodyRef { size, .. } = shared.row.body;
        let queue_id = shared.row.queue_id.map(|id| id.to_string()).unwrap_or_default();
        tracing::info!(
            target: "mail", queue_id, account = %self.cell.id, uid = self.uid.get(), size, "delivered"
        );
        metrics::counter!("facteur_messages_delivered_total").increment(1);
        Ok(())
    }
}

/// RFC 5321 §6.3: a message that was here before, or nearly everywhere, is not taken again.
fn check_loop(raw_header: &[u8], recipients: &[Recipient]) -> Result<(), ServiceError> {
    if header::count(raw_header, "Received") > RECEIVED_MAX {
        return Err(ServiceError::Loop);
    }
    for field in header::fields(raw_header).filter(|field| field.is("Delivered-To")) {
        let value = header::unfold(field.value);
        let was_here = |to: &Recipient| value.eq_ignore_ascii_case(to.address.to_string().as_bytes());
        if recipients.iter().any(was_here) {
            return Err(ServiceError::Loop);
        }
    }
    Ok(())
}

/// A message row for APPEND: no envelope.
pub(crate) fn appended_row(
    body: BodyRef,
    header_size: usize,
    internal_date: InternalDate,
    save_date: i64,
    summary: Summary,
) -> MessageRow {
    MessageRow {
        email_id: EmailId(0),
        thread_id: ThreadId(0),
        document: DocumentId(0),
        body,
        prefix: Vec::new(),
        header_size: header_size as u32,
        internal_date,
        save_date,
        reverse_path: None,
        original_recipient: None,
        submitter: None,
        queue_id: None,
        spilled: Vec::new(),
        summary,
    }
}
