//! Delivery out of the queue into mailboxes here.

use mail_message::scan::{Scanned, Scanner};
use mail_store::tables::mail::QueueDelivery;
use mail_store::tables::queue::{QueueMessage, QueueMessageRow};
use mail_store::{BlobStore, Referrer, account_partition};
use mail_types::{AccountId, EmailAddress, QueueId};

use super::entry::Entry;
use super::partition_of;
use crate::deliver::{Delivery, Source, check_loop, everybody};
use crate::error::ServiceError;
use crate::receive::{Judgement, Recipient};
use crate::service::MailService;

/// Queued messages that one delivery forgets at most.
const FORGOTTEN_MAX: usize = 32;

impl MailService {
    /// Delivers an entry to a recipient's INBOX, once, however often it is called and whatever the
    /// caller was told. Two recipients that are one account get it once. Durable on return.
    ///
    /// # Errors
    /// As [`MailService::deliver`].
    pub async fn deliver_queued(
        &self,
        entry: &Entry,
        recipient: &Recipient,
    ) -> Result<(), ServiceError> {
        let owner = recipient.account.id;
        let partition = account_partition(owner);
        if self.inner.store.get::<QueueDelivery>(partition, &entry.id).await?.is_some() {
            let (queue_id, to) = (entry.id, &recipient.address);
            tracing::info!(target: "mail", %queue_id, %to, account = %owner, "delivered before");
            return Ok(());
        }
        let message = &entry.message;
        let scanned = self.scan_queued(message).await?;
        check_loop(&scanned.raw_header, std::slice::from_ref(recipient))?;
        let referrers = [Referrer::Account(owner)];
        let reservation = self.inner.store.reserve(message.body, &referrers)?;
        let reservation = reservation.ok_or(ServiceError::Stale)?;
        let delivery = Delivery {
            queue_id: entry.id,
            reverse_path: message.reverse_path.clone(),
            recipients: vec![recipient.clone()],
            trace: message.prefix.clone(),
            submitter: message.submitter,
            // The queue keeps none; what it says stands in the prefix all the same.
            judgement: Judgement::default(),
            source: Source::Queue { settled: self.settled_deliveries(owner).await? },
        };
        everybody(self.deliver_body(delivery, &referrers, reservation, scanned).await?)
    }

    /// Reads a queued message's body, without its prefix.
    pub(super) async fn scan_queued(
        &self,
        message: &QueueMessageRow,
    ) -> Result<Scanned, ServiceError> {
        let outgoing = self.outgoing(message.clone(), &[]);
        let mut scanner = Scanner::new();
        let mut offset = message.prefix.len() as u64;
        while offset < outgoing.size() {
            let piece = outgoing.piece(offset).await?;
            scanner.push(&piece);
            offset += piece.len() as u64;
        }
        Ok(scanner.finish())
    }

    /// Queued messages that this account remembers and that have left the queue: nobody will try
    /// to deliver them again.
    async fn settled_deliveries(&self, owner: AccountId) -> Result<Vec<QueueId>, ServiceError> {
        let store = &self.inner.store;
        let page =
            store.scan::<QueueDelivery>(account_partition(owner), None, FORGOTTEN_MAX).await?;
        let mut settled = Vec::new();
        for (id, ()) in page.rows {
            if store.get::<QueueMessage>(partition_of(id), &id).await?.is_none() {
                settled.push(id);
            }
        }
        Ok(settled)
    }

    /// Whether an address belongs to a domain whose mailboxes are here.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    pub async fn is_hosted(&self, address: &EmailAddress) -> Result<bool, ServiceError> {
        Ok(self.inner.directory.domain(address.domain()).await?.is_some())
    }
}
