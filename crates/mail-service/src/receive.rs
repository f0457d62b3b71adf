//! Mail on its way in: recipients, the message as it streams in, delivery.

use std::sync::Arc;

use directory::Account;
use mail_types::{AccountId, EmailAddress, QueueId, ReversePath};
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
pub struct MessageWriter {}

impl MessageWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`], [`ServiceError::DiskFull`], or a store failure. After an error
    /// the writer is only good for dropping, which discards what it wrote.
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), ServiceError> {
        todo!()
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// Ends the message.
    ///
    /// # Errors
    /// As [`MessageWriter::write`].
    pub async fn finish(self) -> Result<ReceivedMessage, ServiceError> {
        todo!()
    }
}

/// A message whose last byte has come; nothing refers to it yet.
pub struct ReceivedMessage {}

impl ReceivedMessage {
    /// Length in bytes.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// The header section as received, for the edge's checks (loops, `From`).
    pub fn raw_header(&self) -> &[u8] {
        todo!()
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
        _address: &EmailAddress,
        _declared_size: Option<u64>,
    ) -> Result<Recipient, RecipientError> {
        todo!()
    }

    /// Starts a message.
    pub fn message_writer(&self) -> MessageWriter {
        todo!()
    }

    /// Delivers to every recipient's INBOX; two recipients that are one account get it once.
    /// Returns when all of it is durable: `250` may follow.
    ///
    /// # Errors
    /// When one account's delivery failed; others may have it. The peer is told to try again.
    pub async fn deliver(&self, _incoming: Incoming) -> Result<(), ServiceError> {
        todo!()
    }
}
