//! Delivery out of the queue into mailboxes here.

use mail_message::scan::{Scanned, Scanner};
use mail_store::tables::queue::QueueMessageRow;
use mail_store::{BlobStore, Referrer};
use mail_types::EmailAddress;

use super::entry::Entry;
use crate::deliver::{Delivery, check_loop};
use crate::error::ServiceError;
use crate::receive::{Judgement, Recipient};
use crate::service::MailService;

impl MailService {
    /// Delivers an entry to a recipient's INBOX. Durable on return; a second call delivers again.
    ///
    /// # Errors
    /// As [`MailService::deliver`].
    pub async fn deliver_queued(
        &self,
        entry: &Entry,
        recipient: &Recipient,
    ) -> Result<(), ServiceError> {
        let message = &entry.message;
        let scanned = self.scan_queued(message).await?;
        check_loop(&scanned.raw_header, std::slice::from_ref(recipient))?;
        let referrers = [Referrer::Account(recipient.account.id)];
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
        };
        self.deliver_body(delivery, &referrers, reservation, scanned).await
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

    /// Whether an address belongs to a domain whose mailboxes are here.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    pub async fn is_hosted(&self, address: &EmailAddress) -> Result<bool, ServiceError> {
        Ok(self.inner.directory.domain(address.domain()).await?.is_some())
    }
}
