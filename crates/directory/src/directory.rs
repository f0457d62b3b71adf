//! The account store as a whole: what it is made of and how it is opened.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use mail_store::Store;
use mail_store::tables::directory::{self as tables, DomainRow, ROSTER};
use mail_types::{AccountId, Domain};
use tokio::sync::{Mutex, Notify, broadcast};

use crate::account::Account;
use crate::authenticate::Verified;
use crate::connections;
use crate::error::DirectoryError;
use crate::limits::Limits;
use crate::lookup::Lookup;
use crate::password::Hasher;
use crate::policy::Policies;
use crate::recent::Noted;
use crate::rows::Rows;
use crate::settings::Settings;
use crate::unit::Units;
use crate::vault::Vault;

/// Domains that are kept; all are held in memory.
pub const DOMAINS_MAX: usize = 10_000;
/// Credential changes that a slow listener may fall behind before it is told that it missed some.
const CHANGES_BUFFERED_MAX: usize = 1024;

/// Tells the time in Unix seconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The account store. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) rows: Rows,
    pub(crate) lookup: Lookup,
    pub(crate) settings: ArcSwap<Settings>,
    /// All domains. Locked for a look-up or the replacement of the whole, never over an await,
    /// therefore std.
    pub(crate) domains: RwLock<Arc<BTreeMap<Domain, DomainRow>>>,
    /// All units. Locked as the domains are.
    pub(crate) units: RwLock<Arc<Units>>,
    /// What administrators agreed on for units. Locked as the domains are.
    pub(crate) policies: RwLock<Arc<Policies>>,
    clock: Clock,
    /// Held over every change of accounts, so that two of this process never fence each other;
    /// over awaits, therefore tokio. Correctness rests on the commits' assertions, not on it.
    pub(crate) changing: Mutex<()>,
    /// Held from the count of wrong birth dates to the commit that counts one more, so that no
    /// two guesses pass for the last one that is let through. Taken before `changing`.
    pub(crate) guessing: Mutex<()>,
    pub(crate) hasher: Hasher,
    pub(crate) limits: Limits,
    pub(crate) verified: Verified,
    pub(crate) credential_changes: broadcast::Sender<AccountId>,
    pub(crate) vault: Vault,
    pub(crate) letters_due: Notify,
    pub(crate) noted: Noted,
    pub(crate) connections: connections::Open,
}

impl Directory {
    /// Opens the directory in this store.
    ///
    /// # Errors
    /// When the store cannot be read, or its random source fails.
    pub async fn open(store: Store, settings: Settings) -> Result<Self, DirectoryError> {
        Self::open_at(store, settings, Arc::new(|| Timestamp::now().as_second())).await
    }

    /// The same with a clock of one's own.
    ///
    /// # Errors
    /// As [`Directory::open`].
    pub async fn open_at(
        store: Store,
        settings: Settings,
        clock: Clock,
    ) -> Result<Self, DirectoryError> {
        let inner = Inner {
            vault: Vault::new(store.secrets()),
            rows: Rows::new(store),
            lookup: Lookup::new(settings.cached_accounts_max, settings.quota_bytes_default),
            domains: RwLock::default(),
            units: RwLock::default(),
            policies: RwLock::default(),
            clock,
            changing: Mutex::new(()),
            guessing: Mutex::new(()),
            hasher: Hasher::new(&settings)?,
            limits: Limits::new(settings.limits.clone()),
            verified: Verified::new(settings.verified_seconds_max),
            credential_changes: broadcast::channel(CHANGES_BUFFERED_MAX).0,
            settings: ArcSwap::from_pointee(settings),
            letters_due: Notify::new(),
            noted: Noted::new(),
            connections: connections::Open::default(),
        };
        let directory = Self { inner: Arc::new(inner) };
        directory.reload_domains().await?;
        directory.reload_units().await?;
        directory.reload_policies().await?;
        Ok(directory)
    }

    /// Uses of these what [`Settings::with_living_parts_of`] takes, from now on. What was counted of
    /// failed logins stays.
    pub fn reload(&self, settings: &Settings) {
        self.inner.limits.reload(settings.limits.clone());
        self.inner.lookup.set_quota_bytes_default(settings.quota_bytes_default);
        let settings = self.inner.settings.load().with_living_parts_of(settings);
        self.inner.settings.store(Arc::new(settings));
    }

    pub(crate) fn now(&self) -> Timestamp {
        // A clock that is out of all bounds stands at its end.
        Timestamp::from_second((self.inner.clock)()).unwrap_or(Timestamp::MAX)
    }

    /// The account with this number, cached. Deleted ones are there too: see their state.
    pub async fn account(&self, id: AccountId) -> Result<Option<Arc<Account>>, DirectoryError> {
        let loaded = self.inner.lookup.by_id(&self.inner.rows, id).await?;
        Ok(loaded.map(|loaded| Arc::clone(&loaded.account)))
    }

    /// Hears the number of each account whose password or state changes from now on, after the
    /// change is durable. Who is told that it lagged compares `credential_version` itself.
    pub fn subscribe_credential_changes(&self) -> broadcast::Receiver<AccountId> {
        self.inner.credential_changes.subscribe()
    }

    pub(crate) fn domains_now(&self) -> Arc<BTreeMap<Domain, DomainRow>> {
        // A poisoned lock still holds a whole map: writers only replace it.
        Arc::clone(&self.inner.domains.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn reload_domains(&self) -> Result<(), DirectoryError> {
        let page = self.inner.rows.scan::<tables::Domain>(ROSTER, None, DOMAINS_MAX).await?;
        let mut domains = BTreeMap::new();
        for (name, row) in page.rows {
            let domain = name.parse().map_err(|_| mail_store::StoreError::Corrupt {
                table: "Domain",
                detail: format!("{name:?} is not a domain"),
            })?;
            domains.insert(domain, row);
        }
        *self.inner.domains.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(domains);
        Ok(())
    }
}
