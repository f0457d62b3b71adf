//! The service itself: what it holds and how it is opened.

use std::sync::Arc;

use directory::Directory;
use jiff::Timestamp;
use mail_store::Store;
use mail_types::QueueId;
use serde::{Deserialize, Serialize};

use crate::error::ServiceError;

/// Tells the time; the binary owns the real clock, tests their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name of this server in `Received`, `Message-ID` and `Authentication-Results`.
    pub hostname: String,
    /// IANA time zone in which deliveries are dated.
    pub time_zone: String,
    /// Largest message in bytes.
    pub message_bytes_max: u64,
    /// Mailboxes an account may have.
    pub mailboxes_max: u32,
    /// Distinct keywords a mailbox may have.
    pub keywords_per_mailbox_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            time_zone: "Europe/Paris".into(),
            message_bytes_max: 50 << 20,
            mailboxes_max: 1000,
            keywords_per_mailbox_max: 64,
        }
    }
}

/// The mail service. Cheap to clone.
#[derive(Clone)]
pub struct MailService {}

impl MailService {
    /// Opens the service over a store and its directory, and starts its background work
    /// (indexing) on the current tokio runtime.
    ///
    /// # Errors
    /// When the store cannot be read or the time zone is unknown.
    pub async fn open(
        _store: Store,
        _directory: Directory,
        _settings: Settings,
        _clock: Clock,
    ) -> Result<Self, ServiceError> {
        todo!()
    }

    /// The directory this service asks.
    pub fn directory(&self) -> &Directory {
        todo!()
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        todo!()
    }

    /// A name for one acceptance of a message, unique within the installation.
    pub fn new_queue_id(&self) -> QueueId {
        todo!()
    }

    /// The time by this service's clock.
    pub fn now(&self) -> Timestamp {
        todo!()
    }
}
