//! People who leave: from a day's announcement to the day on which their account is deleted, and on
//! to the moment when their mail is gone, too.

use jiff::Timestamp;
use mail_store::tables::directory::{Purged, account_slice};
use mail_types::AccountId;

use crate::account::{Account, AccountState};
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::audit_record::Act;
use crate::believed_time::BelievedTime;
use crate::deed::{By, Deed};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::person::Day;
use crate::rows::Change;

impl Directory {
    /// Says on which day an account is deleted; until then its owner reads and takes along what is
    /// theirs, changes nothing of it and sends nothing any more. `None` takes it back. Sessions end.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for a day that is past.
    pub async fn set_leaving(
        &self,
        id: AccountId,
        leaves_on: Option<Day>,
    ) -> Result<(), DirectoryError> {
        let reason = leaves_on.map_or_else(|| "stays".to_owned(), |day| day.to_string());
        let deed = Deed::console(Act::LeavingSet).saying(reason);
        self.set_leaving_by(id, leaves_on, &deed).await
    }

    pub(crate) async fn set_leaving_by(
        &self,
        id: AccountId,
        leaves_on: Option<Day>,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        self.check_last_day(leaves_on)?;
        let _changing = self.inner.changing.lock().await;
        let leaves_on = leaves_on.map(Day::number);
        self.edit(id, None, by, |row, _| {
            if row.leaves_on != leaves_on {
                row.leaves_on = leaves_on;
                row.credential_version += 1;
            }
            Ok(())
        })
        .await?;
        self.credentials_changed(id);
        Ok(())
    }

    /// Refuses a last day that is past: who leaves keeps time to take along what is theirs.
    pub(crate) fn check_last_day(&self, leaves_on: Option<Day>) -> Result<(), DirectoryError> {
        match leaves_on.is_some_and(|day| day <= Day::of(self.now())) {
            true => Err(DirectoryError::Invalid(
                "the day must be to come; `account delete` deletes at once".into(),
            )),
            false => Ok(()),
        }
    }

    /// The accounts whose day has come. Reads all accounts: once an hour is often enough.
    pub async fn due_to_leave(&self, now: BelievedTime) -> Result<Vec<AccountId>, DirectoryError> {
        let today = Day::of(Timestamp::from_second(now.0).unwrap_or(Timestamp::MAX));
        self.accounts_that(|account| {
            account.state != AccountState::Deleted
                && account.leaves_on.is_some_and(|day| day <= today)
        })
        .await
    }

    /// Deleted accounts whose mail is not known to be gone. Reads all accounts, as
    /// [`Directory::due_to_leave`] does.
    pub async fn unpurged(&self) -> Result<Vec<AccountId>, DirectoryError> {
        let deleted = self.accounts_that(|account| account.state == AccountState::Deleted).await?;
        let mut unpurged = Vec::new();
        for id in deleted {
            let known = self.inner.rows.get::<Purged>(account_slice(id), &id.0).await?;
            unpurged.extend(known.is_none().then_some(id));
        }
        Ok(unpurged)
    }

    /// Remembers that a deleted account's mail is gone.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for an account that is not deleted: its mail would be forgotten
    /// when it is.
    pub async fn note_purged(&self, id: AccountId) -> Result<(), DirectoryError> {
        let account = self.account(id).await?;
        if account.is_none_or(|account| account.state != AccountState::Deleted) {
            return Err(DirectoryError::Invalid(format!("{id} is not deleted")));
        }
        // Nothing is built on it, and a deleted account stays deleted.
        let mut change = Change::unversioned(account_slice(id));
        change.put::<Purged>(&id.0, &());
        self.inner.rows.commit(change).await?;
        Ok(())
    }

    async fn accounts_that(
        &self,
        fits: impl Fn(&Account) -> bool,
    ) -> Result<Vec<AccountId>, DirectoryError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.accounts(after, ACCOUNTS_PER_PAGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.id);
            found.extend(page.iter().filter(|account| fits(account)).map(|account| account.id));
        }
    }

    /// Deletes an account whose day has come, as [`Directory::delete_account`] does.
    pub async fn delete_leaver(&self, id: AccountId) -> Result<(), DirectoryError> {
        self.delete_account_by(id, &Deed::server(Act::AccountDeleted)).await
    }
}
