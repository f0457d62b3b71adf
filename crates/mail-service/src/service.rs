//! The service itself: what it holds and how it is opened.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use directory::Directory;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail_store::Store;
use mail_types::{AccountId, Actor, InternalDate, MailboxName, QueueId, SpecialUse};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::account::Cell;
use crate::columns::ColumnsCache;
use crate::error::ServiceError;
use crate::index::Index;
use crate::load;
use crate::queue::Queue;

/// Tells the time; the binary owns the real clock, tests their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name of this server in `Received`, `Message-ID` and `Authentication-Results`.
    #[serde(skip)]
    pub hostname: String,
    /// Where people choose their passwords.
    #[serde(skip)]
    pub webmail_url: String,
    /// IANA time zone in which deliveries are dated.
    pub time_zone: String,
    /// Largest message in bytes.
    pub message_bytes_max: u64,
    /// Mailboxes an account may have.
    pub mailboxes_max: u32,
    /// Distinct keywords a mailbox may have.
    pub keywords_per_mailbox_max: u32,
    /// Whether our own users' mail to other domains is accepted: there is somebody to send it.
    #[serde(skip)]
    pub sends_out: bool,
    /// Hours after which another backup is due; 0 is never.
    #[serde(skip)]
    pub backup_hours_max: u32,
    /// Messages that may wait in the queue; more are refused for the time being.
    pub queue_messages_max: u64,
    /// Days for which it is known what happened to a message; 0 is not at all.
    pub history_days: u64,
    /// Contacts of one account.
    pub contacts_max: u32,
    /// Groups of contacts of one account.
    pub contact_groups_max: u32,
    /// Accounts kept in memory; idle ones beyond that are forgotten and read again.
    pub accounts_in_memory: usize,
    /// Accounts whose new messages are indexed at the same time.
    pub index_tasks: usize,
    /// Memory for vocabularies of the full-text index, all accounts together, in MiB.
    pub index_cache_mib: u64,
    /// Names of the mailboxes that every account has from its first day.
    pub mailbox_names: MailboxNames,
}

/// Names of the mailboxes with a special use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailboxNames {
    /// `\Drafts`
    pub drafts: MailboxName,
    /// `\Sent`
    pub sent: MailboxName,
    /// `\Archive`
    pub archive: MailboxName,
    /// `\Junk`
    pub junk: MailboxName,
    /// `\Trash`
    pub trash: MailboxName,
}

impl MailboxNames {
    /// The name for a special use.
    pub fn of(&self, special_use: SpecialUse) -> &MailboxName {
        match special_use {
            SpecialUse::Drafts => &self.drafts,
            SpecialUse::Sent => &self.sent,
            SpecialUse::Archive => &self.archive,
            SpecialUse::Junk => &self.junk,
            SpecialUse::Trash => &self.trash,
        }
    }
}

impl Default for MailboxNames {
    fn default() -> Self {
        let name = |text| MailboxName::parse(text).expect("a plain word is a name");
        Self {
            drafts: name("Brouillons"),
            sent: name("Envoyés"),
            archive: name("Archives"),
            junk: name("Indésirables"),
            trash: name("Corbeille"),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            webmail_url: String::new(),
            time_zone: "Europe/Paris".into(),
            message_bytes_max: 50 << 20,
            mailboxes_max: 1000,
            keywords_per_mailbox_max: 64,
            sends_out: false,
            backup_hours_max: 48,
            queue_messages_max: 1_000_000,
            history_days: 7,
            contacts_max: 5000,
            contact_groups_max: 200,
            accounts_in_memory: 10_000,
            index_tasks: 2,
            index_cache_mib: 256,
            mailbox_names: MailboxNames::default(),
        }
    }
}

impl Settings {
    /// These with what of others counts from one moment to the next; the rest is for a start.
    #[must_use]
    pub fn with_living_parts_of(&self, other: &Self) -> Self {
        Self {
            message_bytes_max: other.message_bytes_max,
            mailboxes_max: other.mailboxes_max,
            keywords_per_mailbox_max: other.keywords_per_mailbox_max,
            queue_messages_max: other.queue_messages_max,
            contacts_max: other.contacts_max,
            contact_groups_max: other.contact_groups_max,
            accounts_in_memory: other.accounts_in_memory,
            backup_hours_max: other.backup_hours_max,
            webmail_url: other.webmail_url.clone(),
            ..self.clone()
        }
    }
}

/// The mail service. Cheap to clone.
#[derive(Clone)]
pub struct MailService {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) settings: ArcSwap<Settings>,
    pub(crate) mailbox_names: Arc<MailboxNames>,
    pub(crate) zone: TimeZone,
    pub(crate) queue: Queue,
    pub(crate) index: Index,
    clock: Clock,
    next_queue_id: AtomicU64,
    /// Accounts in use; held for a look-up, no await inside.
    accounts: Mutex<HashMap<AccountId, Slot>>,
    /// What SORT and THREAD compare, of the mailboxes sorted lately.
    pub(crate) columns: ColumnsCache,
}

type Slot = Arc<OnceCell<Arc<Cell>>>;

/// What somebody wants to do with somebody's mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Read,
    Write,
}

impl MailService {
    /// Opens the service over a store and its directory.
    ///
    /// # Errors
    /// When the store cannot be read or the time zone is unknown.
    pub async fn open(
        store: Store,
        directory: Directory,
        settings: Settings,
        clock: Clock,
    ) -> Result<Self, ServiceError> {
        let zone = TimeZone::get(&settings.time_zone)
            .map_err(|_| ServiceError::UnknownTimeZone(settings.time_zone.clone()))?;
        // Queue ids begin where no earlier start's can be: at the clock, in its finest unit. One
        // that goes back could repeat an id, never a message.
        let first = u64::try_from(clock().as_microsecond()).unwrap_or_default() << 8;
        let inner = Inner {
            queue: Queue::new(),
            index: Index::new(settings.index_cache_mib << 20),
            store,
            directory,
            mailbox_names: Arc::new(settings.mailbox_names.clone()),
            settings: ArcSwap::from_pointee(settings),
            zone,
            clock,
            next_queue_id: AtomicU64::new(first),
            accounts: Mutex::default(),
            columns: ColumnsCache::default(),
        };
        let service = Self { inner: Arc::new(inner) };
        service.count_queue().await?;
        Ok(service)
    }

    /// The directory this service asks.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// The settings of this moment.
    pub fn settings(&self) -> Arc<Settings> {
        self.inner.settings.load_full()
    }

    /// Uses of these what [`Settings::with_living_parts_of`] takes, from now on. What is there beyond
    /// new limits stays.
    pub fn reload(&self, settings: &Settings) {
        self.inner.settings.store(Arc::new(self.settings().with_living_parts_of(settings)));
    }

    /// The store beneath.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// A name for one acceptance of a message, unique within the installation.
    pub fn new_queue_id(&self) -> QueueId {
        self.take_queue_ids(1)
    }

    /// So many names; the first of them.
    pub(crate) fn take_queue_ids(&self, count: u64) -> QueueId {
        QueueId(self.inner.next_queue_id.fetch_add(count, Ordering::Relaxed))
    }

    /// The time by this service's clock.
    pub fn now(&self) -> Timestamp {
        (self.inner.clock)()
    }

    /// The time in the configured zone.
    pub fn internal_date(&self) -> InternalDate {
        InternalDate::at(self.now(), &self.inner.zone)
    }

    /// The account's cell, loaded when needed, if the actor may do that with it: the one place
    /// where rights are checked.
    pub(crate) async fn cell(
        &self,
        actor: Actor,
        owner: AccountId,
        right: Right,
    ) -> Result<Arc<Cell>, ServiceError> {
        check(actor, owner)?;
        if right == Right::Write && !self.may_write(actor, owner).await? {
            return Err(ServiceError::Leaving);
        }
        let cell = self.cell_as_is(owner).await?;
        if right == Right::Read {
            cell.be_born().await?;
        }
        Ok(cell)
    }

    /// Whether the actor may change anything of the owner's: not while the owner leaves. Looked up
    /// each time, so that a day that is set or taken back counts from the next command on.
    ///
    /// # Errors
    /// When the actor may not even read it, or the directory does not answer.
    pub async fn may_write(&self, actor: Actor, owner: AccountId) -> Result<bool, ServiceError> {
        check(actor, owner)?;
        match actor {
            // Deliveries go on, and so does what Facteur does for itself.
            Actor::System => Ok(true),
            Actor::Account(_) => {
                let account = self.inner.directory.account(owner).await?;
                Ok(!account.is_some_and(|account| account.is_read_only()))
            }
        }
    }

    /// The account's cell for Facteur itself, even when its first day's mailboxes are not stored.
    pub(crate) async fn cell_as_is(&self, owner: AccountId) -> Result<Arc<Cell>, ServiceError> {
        let slot = self.slot(owner);
        let cell = slot.get_or_try_init(|| load::account(self, owner)).await?;
        Ok(Arc::clone(cell))
    }

    fn slot(&self, owner: AccountId) -> Slot {
        let mut accounts = self.accounts();
        if accounts.len() > self.inner.settings.load().accounts_in_memory {
            let in_use = |slot: &Slot| {
                let held = |cell: &Arc<Cell>| {
                    Arc::strong_count(cell) > 1 || cell.changes.receiver_count() > 0
                };
                Arc::strong_count(slot) > 1 || slot.get().is_some_and(held)
            };
            accounts.retain(|_, slot| in_use(slot));
        }
        Arc::clone(accounts.entry(owner).or_default())
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, Slot>> {
        self.inner.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the actor may know of the owner's mail. Owners may, and so may Facteur itself; rights
/// given to others will be looked up here.
fn check(actor: Actor, owner: AccountId) -> Result<(), ServiceError> {
    match actor {
        Actor::System => Ok(()),
        Actor::Account(account) if account == owner => Ok(()),
        // RFC 4314 §6: who may not know of a mailbox is told that there is none.
        Actor::Account(_) => Err(ServiceError::NoSuchMailbox),
    }
}
