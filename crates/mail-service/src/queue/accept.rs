//! Acceptance: what may go straight into mailboxes, and what enters the queue.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use mail_message::header;
use mail_store::Referrer;
use mail_store::tables::queue::{
    OwnCopyRow, QueueBodyUse, QueueMessage, QueueMessageRow, QueueRecipient, QueueRecipientRow,
    shard_of,
};
use mail_types::{
    AccountId, EmailAddress, EnvelopeId, Notify, OriginalRecipient, QueueId, Ret, ReversePath,
};

use super::{own_copy, partition_of};
use crate::deliver::{Missed, RECEIVED_MAX, everybody};
use crate::error::ServiceError;
use crate::receive::{Incoming, ReceivedMessage, Recipient};
use crate::service::MailService;

/// One transaction's message with its envelope, and what its sender asks for.
pub struct Acceptance {
    /// The acceptance's name.
    pub queue_id: QueueId,
    /// Envelope sender.
    pub reverse_path: ReversePath,
    /// Accepted recipients.
    pub addressees: Vec<Addressee>,
    /// Header lines the edge puts in front of the message, each ended by CRLF.
    pub trace: Vec<u8>,
    /// The message.
    pub message: ReceivedMessage,
    /// Who logged in to submit it.
    pub submitter: Option<AccountId>,
    /// RFC 3461 §4.4.
    pub envelope_id: Option<EnvelopeId>,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// RFC 4865: not to be delivered before this.
    pub release: Option<Timestamp>,
    /// What is to become of it in the submitter's account; it passes through the queue then.
    pub own: Option<OwnCopyRow>,
}

/// An accepted recipient.
#[derive(Clone, Debug)]
pub struct Addressee {
    /// Where it is.
    pub destination: Destination,
    /// RFC 3461 §4.1; `None` when the sender did not say.
    pub notify: Option<Notify>,
    /// RFC 3461 §4.2.
    pub original_recipient: Option<OriginalRecipient>,
}

/// Where a recipient is.
#[derive(Clone, Debug)]
pub enum Destination {
    /// In a mailbox here.
    Here(Recipient),
    /// At an address of a domain that is not ours.
    Elsewhere(EmailAddress),
}

impl Destination {
    /// The address as the envelope spelled it.
    pub fn address(&self) -> &EmailAddress {
        match self {
            Destination::Here(recipient) => &recipient.address,
            Destination::Elsewhere(address) => address,
        }
    }
}

impl Addressee {
    /// A recipient about whom the sender said nothing more.
    pub fn new(destination: Destination) -> Self {
        Self { destination, notify: None, original_recipient: None }
    }

    /// The mailbox it goes into at once; `None` when it has to pass through the queue.
    fn direct(&self) -> Option<&Recipient> {
        match &self.destination {
            Destination::Here(recipient) if !self.notify.is_some_and(|notify| notify.success) => {
                Some(recipient)
            }
            _ => None,
        }
    }
}

impl MailService {
    /// Makes a message ours: into all mailboxes, or into the queue. Returns when it is durable:
    /// `250` may follow.
    ///
    /// # Errors
    /// When nothing was accepted, or, without the queue, not by everyone. The peer tries again.
    pub async fn accept(&self, acceptance: Acceptance) -> Result<(), ServiceError> {
        everybody(self.accept_each(acceptance).await?)
    }

    /// The same, and says whom it did not reach: nobody else may be given it again.
    ///
    /// # Errors
    /// When it was accepted for nobody, for a reason that is not one account's.
    pub async fn accept_each(&self, acceptance: Acceptance) -> Result<Vec<Missed>, ServiceError> {
        self.accept_below(self.inner.settings.load().queue_messages_max, acceptance).await
    }

    /// As [`MailService::accept`] for a letter about an account, which also a full queue takes:
    /// somebody's code ends in minutes, and whoever fills the queue must not keep people from
    /// hearing what is done to their account. They are few: the directory limits what they are
    /// written about.
    ///
    /// # Errors
    /// As [`MailService::accept`].
    pub async fn accept_letter(&self, acceptance: Acceptance) -> Result<(), ServiceError> {
        everybody(self.accept_below(u64::MAX, acceptance).await?)
    }

    async fn accept_below(
        &self,
        max: u64,
        acceptance: Acceptance,
    ) -> Result<Vec<Missed>, ServiceError> {
        if let Some(submitter) = acceptance.submitter {
            let count = acceptance.addressees.len();
            self.inner.directory.charge_recipients(submitter, count).await?;
        }
        let direct: Option<Vec<Recipient>> =
            acceptance.addressees.iter().map(|to| to.direct().cloned()).collect();
        match direct.filter(|_| acceptance.release.is_none() && acceptance.own.is_none()) {
            Some(recipients) => {
                let Acceptance { queue_id, reverse_path, trace, message, submitter, .. } =
                    acceptance;
                let incoming =
                    Incoming { queue_id, reverse_path, recipients, trace, message, submitter };
                self.deliver_each(incoming).await
            }
            None => self.enqueue(max, acceptance).await.map(|()| Vec::new()),
        }
    }

    async fn enqueue(&self, max: u64, acceptance: Acceptance) -> Result<(), ServiceError> {
        let queue = &self.inner.queue;
        if queue.messages.load(Ordering::Relaxed) >= max {
            return Err(ServiceError::TooMany { what: "queued messages" });
        }
        let id = acceptance.queue_id;
        let scanned = &acceptance.message.scanned;
        if header::count(&scanned.raw_header, "Received") > RECEIVED_MAX {
            return Err(ServiceError::Loop);
        }
        let now = self.now().as_second();
        let due = acceptance.release.map_or(now, Timestamp::as_second).max(now);
        let header_size = scanned.parts.first().map_or(0, |part| part.header.end);
        let is_utf8 = !scanned.raw_header.is_ascii() || !acceptance.trace.is_ascii();
        let is_8bit = acceptance.message.is_8bit;
        let referrer = Referrer::QueueShard(shard_of(id));
        let own = own_copy::own_copy(&acceptance)?;
        let reservation = acceptance.message.body.finish(&[referrer]).await?;
        let mut batch = queue.batch(id).guarded();
        let row = QueueMessageRow {
            reverse_path: acceptance.reverse_path,
            envelope_id: acceptance.envelope_id,
            ret: acceptance.ret,
            body: *reservation,
            prefix: acceptance.trace,
            header_size,
            is_8bit,
            is_utf8,
            arrived: now,
            submitter: acceptance.submitter,
            is_notice: false,
            own,
        };
        batch.put::<QueueMessage>(&id, &row);
        batch.put::<QueueBodyUse>(&(reservation.hash, id), &());
        let waiting = |addressee| waiting(addressee, due);
        let recipients: Vec<_> = acceptance.addressees.into_iter().map(waiting).collect();
        for (number, recipient) in (0..).zip(&recipients) {
            batch.put::<QueueRecipient>(&(id, number), recipient);
        }
        // Held until the sender's account knows of it: nobody may take it up before.
        let lock = queue.lock(id);
        let held = lock.lock().await;
        self.inner.store.commit(partition_of(id), batch).await?;
        for recipient in &recipients {
            let wait = due - now;
            tracing::info!(target: "mail", queue_id = %id, to = %recipient.address, wait, "queued");
        }
        drop(reservation);
        queue.messages.fetch_add(1, Ordering::Relaxed);
        self.note_in_account(id, &row, due > now).await;
        drop(held);
        queue.feed.tell(id);
        Ok(())
    }
}

fn waiting(addressee: Addressee, due: i64) -> QueueRecipientRow {
    QueueRecipientRow {
        address: addressee.destination.address().clone(),
        notify: addressee.notify,
        original_recipient: addressee.original_recipient,
        next_attempt: due,
        attempts: 0,
        due_since: due,
        is_held: false,
        delay_told: false,
        last: None,
    }
}
