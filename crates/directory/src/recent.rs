//! Where an account was lately used from, for its owner to look at. Written at most once an hour
//! for each way in, and unsynced: a login never waits for the disk because of it.

use std::net::IpAddr;
use std::time::Duration;

use mail_store::tables::directory::account_slice;
use mail_store::tables::security::{RecentLoginRow, RecentLogins, RecentLoginsRow};
use mail_types::AccountId;
use moka::sync::Cache;

use crate::authenticate::Service;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::Change;

/// Ways in that are kept for an account.
const ENTRIES_MAX: usize = 30;
/// How long a way in is not written again.
const NOTED_FOR: Duration = Duration::from_secs(3600);
/// Ways in that are remembered as written.
const NOTED_MAX: u64 = 200_000;

/// A way in: account, service, address, app password.
type Way = (AccountId, Service, IpAddr, Option<u32>);

/// What was written lately.
pub(crate) struct Noted(Cache<Way, ()>);

impl Noted {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(NOTED_MAX).time_to_live(NOTED_FOR).build())
    }
}

/// A way in that was lately used, as the owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentLogin {
    /// Through what.
    pub service: Service,
    /// From where.
    pub peer: IpAddr,
    /// With which app password; `None` for the account's own.
    pub app_password: Option<u32>,
    /// When last, in Unix seconds; up to an hour before the last time.
    pub at: i64,
}

impl Directory {
    /// Notes that an account was used. When it cannot be written, the login goes on.
    pub async fn note_login(
        &self,
        id: AccountId,
        service: Service,
        peer: IpAddr,
        app_password: Option<u32>,
    ) {
        let way = (id, service, peer, app_password);
        if self.inner.noted.0.contains_key(&way) {
            return;
        }
        self.inner.noted.0.insert(way, ());
        if let Err(error) = self.write_login(way).await {
            tracing::warn!(account = %id, %error, "login not noted");
        }
    }

    /// Two logins at the same moment may lose one of the entries; it comes with its next login.
    async fn write_login(&self, way: Way) -> Result<(), DirectoryError> {
        let (id, service, peer, app_password) = way;
        let slice = account_slice(id);
        let row = self.inner.rows.get::<RecentLogins>(slice, &id.0).await?;
        let mut row = row.unwrap_or_default();
        let entry = RecentLoginRow {
            service: service.number(),
            peer,
            app_password,
            at: self.now().as_second(),
        };
        row.entries.retain(|other| {
            (other.service, other.peer, other.app_password)
                != (entry.service, entry.peer, entry.app_password)
        });
        row.entries.insert(0, entry);
        row.entries.truncate(ENTRIES_MAX);
        let mut change = Change::unversioned(slice).unsynced();
        change.put::<RecentLogins>(&id.0, &row);
        self.inner.rows.commit(change).await?;
        Ok(())
    }

    /// Where the account was lately used from, the newest first.
    pub async fn recent_logins(&self, id: AccountId) -> Result<Vec<RecentLogin>, DirectoryError> {
        let row: Option<RecentLoginsRow> =
            self.inner.rows.get::<RecentLogins>(account_slice(id), &id.0).await?;
        let entries = row.unwrap_or_default().entries.into_iter();
        Ok(entries
            .filter_map(|entry| {
                Some(RecentLogin {
                    service: Service::numbered(entry.service)?,
                    peer: entry.peer,
                    app_password: entry.app_password,
                    at: entry.at,
                })
            })
            .collect())
    }
}
