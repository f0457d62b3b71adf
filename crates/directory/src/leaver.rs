//! People who leave: from a day's announcement to the day on which their account is deleted.

use mail_types::AccountId;

use crate::account::AccountState;
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::deed::By;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::person::Day;

impl Directory {
    /// Says on which day an account is deleted; until then its owner reads and takes along what is
    /// theirs and sends nothing any more. `None` takes it back. Sessions end.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for a day that is past.
    pub async fn set_leaving(
        &self,
        id: AccountId,
        leaves_on: Option<Day>,
    ) -> Result<(), DirectoryError> {
        self.set_leaving_by(id, leaves_on, None).await
    }

    pub(crate) async fn set_leaving_by(
        &self,
        id: AccountId,
        leaves_on: Option<Day>,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        if leaves_on.is_some_and(|day| day <= Day::of(self.now())) {
            return Err(DirectoryError::Invalid(
                "the day must be to come; `account delete` deletes at once".into(),
            ));
        }
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

    /// The accounts whose day has come. Reads all accounts: once an hour is often enough.
    pub async fn due_to_leave(&self) -> Result<Vec<AccountId>, DirectoryError> {
        let today = Day::of(self.now());
        let (mut due, mut after) = (Vec::new(), None);
        loop {
            let page = self.accounts(after, ACCOUNTS_PER_PAGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(due) };
            after = Some(last.id);
            let is_due = |account: &crate::Account| {
                account.state != AccountState::Deleted
                    && account.leaves_on.is_some_and(|day| day <= today)
            };
            due.extend(page.iter().filter(|account| is_due(account)).map(|account| account.id));
        }
    }
}
