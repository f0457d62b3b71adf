//! Mail on its way in: recipients, and the message as it streams into the store.

use std::sync::Arc;

use directory::{Account, Resolution};
use mail_message::scan::{Scanned, Scanner};
use mail_store::{BlobStore, BodyWriter};
use mail_types::{AccountId, Authentication, EmailAddress, QueueId, ReversePath};
use thiserror::Error;

use crate::error::ServiceError;
use crate::service::MailService;

/// A recipient that was accepted.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Whose INBOX it goes to.
    pub account: Arc<Account>,
    /// The address as the envelope spelled it.
    pub address: EmailAddress,
}

/// A recipient that was not.
#[derive(Debug, Error)]
pub enum RecipientError {
    /// The domain is not ours.
    #[error("not a local domain")]
    NotHosted,
    /// The domain is ours and has no such address.
    #[error("unknown user")]
    UnknownUser,
    /// The mailbox has no room for a message of the declared size.
    #[error("over quota")]
    OverQuota,
    /// Not now.
    #[error("try again")]
    TryAgain(#[source] ServiceError),
}

/// A message that streams into the store: bodies are chunked, so memory stays bounded.
pub struct MessageWriter {
    body: BodyWriter,
    scanner: Scanner,
    is_8bit: bool,
    bytes_max: u64,
}

impl MessageWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`], [`ServiceError::DiskFull`], or a store failure. After an error
    /// the writer is only good for dropping, which discards what it wrote.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ServiceError> {
        if self.body.size() + bytes.len() as u64 > self.bytes_max {
            return Err(ServiceError::TooLarge { bytes_max: self.bytes_max });
        }
        self.scanner.push(bytes);
        self.is_8bit |= !bytes.is_ascii();
        Ok(self.body.write(bytes).await?)
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.body.size()
    }

    /// Ends the message.
    ///
    /// # Errors
    /// As [`MessageWriter::write`].
    pub async fn finish(self) -> Result<ReceivedMessage, ServiceError> {
        let Self { body, scanner, is_8bit, .. } = self;
        let judgement = Judgement::default();
        Ok(ReceivedMessage { body, scanned: scanner.finish(), is_8bit, judgement })
    }
}

/// A message whose last byte has come; nothing refers to it yet. Dropping it discards it.
pub struct ReceivedMessage {
    pub(crate) body: BodyWriter,
    pub(crate) scanned: Scanned,
    /// Whether it has bytes over 127.
    pub(crate) is_8bit: bool,
    pub(crate) judgement: Judgement,
}

/// What the edge found out about a message, and where it is to go therefore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The results of SPF, DKIM and DMARC, kept with the message.
    pub authentication: Option<Authentication>,
    /// Which mailbox it is delivered to.
    pub placement: Placement,
}

/// Which mailbox a message is delivered to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// INBOX.
    #[default]
    Inbox,
    /// The mailbox with the special use `\Junk`; INBOX where there is none.
    Junk,
}

impl ReceivedMessage {
    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.scanned.size
    }

    /// Says what was found out about it.
    pub fn judge(&mut self, judgement: Judgement) {
        self.judgement = judgement;
    }

    /// The header section as received, for the edge's checks (loops, `From`).
    pub fn raw_header(&self) -> &[u8] {
        &self.scanned.raw_header
    }
}

/// One transaction's message with its envelope.
pub struct Incoming {
    /// The acceptance's name.
    pub queue_id: QueueId,
    /// Envelope sender.
    pub reverse_path: ReversePath,
    /// Accepted recipients.
    pub recipients: Vec<Recipient>,
    /// Header lines the edge puts in front of the message for every recipient (`Received`,
    /// `Authentication-Results`, a missing `Message-ID` or `Date`), each ended by CRLF. The
    /// service adds `Return-Path` and `Delivered-To` before them.
    pub trace: Vec<u8>,
    /// The message.
    pub message: ReceivedMessage,
    /// Who logged in to submit it.
    pub submitter: Option<AccountId>,
}

impl MailService {
    /// Whether this recipient can be given a message of that size now.
    ///
    /// # Errors
    /// [`RecipientError`] says why not.
    pub async fn recipient(
        &self,
        address: &EmailAddress,
        declared_size: Option<u64>,
    ) -> Result<Recipient, RecipientError> {
        let recipient = self.recipient_of_notice(address).await?;
        if let Some(quota) = recipient.account.quota_bytes {
            let used = self.bytes_used(recipient.account.id).await;
            let used = used.map_err(RecipientError::TryAgain)?;
            if used.saturating_add(declared_size.unwrap_or(0)) > quota {
                return Err(RecipientError::OverQuota);
            }
        }
        Ok(recipient)
    }

    /// The recipient of a notice of ours about their account, which arrives however full the
    /// mailbox is.
    ///
    /// # Errors
    /// [`RecipientError`] says why there is none.
    pub async fn recipient_of_notice(
        &self,
        address: &EmailAddress,
    ) -> Result<Recipient, RecipientError> {
        let resolved = self.inner.directory.resolve(address).await;
        match resolved.map_err(|error| RecipientError::TryAgain(error.into()))? {
            Resolution::Account(account) => Ok(Recipient { account, address: address.clone() }),
            Resolution::UnknownUser => Err(RecipientError::UnknownUser),
            Resolution::NotHosted => Err(RecipientError::NotHosted),
        }
    }

    /// Starts a message.
    pub fn message_writer(&self) -> MessageWriter {
        MessageWriter {
            body: self.inner.store.body_writer(),
            scanner: Scanner::new(),
            is_8bit: false,
            bytes_max: self.inner.settings.load().message_bytes_max,
        }
    }

    /// Bytes that the account's mailboxes hold.
    pub async fn bytes_used(&self, owner: AccountId) -> Result<u64, ServiceError> {
        let cell = self.cell_as_is(owner).await?;
        let used = cell.lock().await?.account.bytes_used;
        Ok(used)
    }
}
