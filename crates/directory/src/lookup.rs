//! Look-ups kept in memory: which account a name points to, and the accounts themselves.
//!
//! An entry carries the version its partition had before it was read and is used only while the
//! partition still has it, so a change is seen at once whatever raced with it and whoever made it.
//! What strangers can make up (names that do not exist) has a cache of its own, so that it
//! displaces nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mail_store::tables::directory::{ClaimState, account_slice};
use mail_store::{StoreError, Version};
use mail_types::AccountId;
use moka::sync::Cache;

use crate::account::Loaded;
use crate::claim::Name;
use crate::rows::Rows;

/// Names known not to exist that are kept; a name is at most 400 bytes long.
const UNKNOWN_NAMES_MAX: u64 = 10_000;
/// How long at most.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);
/// How long what exists is kept without being asked for.
const IDLE_FOR: Duration = Duration::from_secs(3600);

/// A value and the version under which it was read.
#[derive(Clone)]
struct Seen<T> {
    version: Version,
    value: T,
}

/// The caches in front of the rows.
pub(crate) struct Lookup {
    names: Cache<Name, Seen<AccountId>>,
    unknown: Cache<Name, Seen<()>>,
    accounts: Cache<AccountId, Seen<Arc<Loaded>>>,
    quota_bytes_default: AtomicU64,
}

impl Lookup {
    pub(crate) fn new(entries_max: u64, quota_bytes_default: u64) -> Self {
        Self {
            names: Cache::builder()
                // Three names an account, more or less.
                .max_capacity(entries_max.saturating_mul(3))
                .time_to_idle(IDLE_FOR)
                .build(),
            unknown: Cache::builder()
                .max_capacity(UNKNOWN_NAMES_MAX)
                .time_to_live(UNKNOWN_FOR)
                .build(),
            accounts: Cache::builder().max_capacity(entries_max).time_to_idle(IDLE_FOR).build(),
            quota_bytes_default: AtomicU64::new(quota_bytes_default),
        }
    }

    /// The quota of accounts without their own, from now on.
    pub(crate) fn set_quota_bytes_default(&self, bytes: u64) {
        self.quota_bytes_default.store(bytes, Ordering::Relaxed);
    }

    /// The account that answers to this name today.
    pub(crate) async fn by_name(
        &self,
        rows: &Rows,
        name: &Name,
    ) -> Result<Option<Arc<Loaded>>, StoreError> {
        let Some(id) = self.owner(rows, name).await? else { return Ok(None) };
        Ok(self.by_id(rows, id).await?.filter(|loaded| loaded.answers_to(name)))
    }

    /// The account with this number, deleted ones too.
    pub(crate) async fn by_id(
        &self,
        rows: &Rows,
        id: AccountId,
    ) -> Result<Option<Arc<Loaded>>, StoreError> {
        let version = rows.version(account_slice(id)).await?;
        let quota = self.quota_bytes_default.load(Ordering::Relaxed);
        match self.accounts.get(&id) {
            Some(seen) if seen.version == version && seen.value.quota_bytes_default == quota => {
                return Ok(Some(seen.value));
            }
            _ => {}
        }
        let Some(loaded) = rows.load(id, quota).await? else { return Ok(None) };
        let value = Arc::new(loaded);
        self.accounts.insert(id, Seen { version, value: Arc::clone(&value) });
        Ok(Some(value))
    }

    /// The account that this name points to. A reservation counts: whether the account got the
    /// name is for its own row to say.
    async fn owner(&self, rows: &Rows, name: &Name) -> Result<Option<AccountId>, StoreError> {
        let version = rows.version(name.slice()).await?;
        match self.names.get(name) {
            Some(seen) if seen.version == version => return Ok(Some(seen.value)),
            _ => {}
        }
        match self.unknown.get(name) {
            Some(seen) if seen.version == version => return Ok(None),
            _ => {}
        }
        let claim = rows.claim(name).await?.filter(|row| row.state != ClaimState::Retired);
        match claim {
            Some(row) => {
                self.names.insert(name.clone(), Seen { version, value: row.account });
                Ok(Some(row.account))
            }
            None => {
                self.unknown.insert(name.clone(), Seen { version, value: () });
                Ok(None)
            }
        }
    }
}
