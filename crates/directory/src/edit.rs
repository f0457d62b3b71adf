//! Changes of account rows: built on what is stored, committed, and rebuilt when somebody was
//! faster.

use std::collections::BTreeMap;

use mail_store::Partition;
use mail_store::tables::directory::{
    self as tables, AccountRow, AccountStateRow, PasswordRow, account_slice,
};
use mail_types::{AccountId, EmailAddress};

use crate::account::{self, AccountUpdate, Loaded};
use crate::claim::{Name, Wanted};
use crate::deed::{By, Subject, account_changes};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::office;
use crate::rows::{Change, REBUILDS_MAX};

impl Directory {
    /// Changes many accounts, with one commit per slice. Addresses do not change here. Returns those
    /// that are deleted; the others are changed all the same.
    pub(crate) async fn update_all(
        &self,
        updates: &[(AccountId, AccountUpdate)],
        by: By<'_>,
    ) -> Result<Vec<AccountId>, DirectoryError> {
        let _changing = self.inner.changing.lock().await;
        let mut gone = Vec::new();
        let mut slices: BTreeMap<Partition, Vec<_>> = BTreeMap::new();
        for (id, update) in updates.iter().filter(|(_, update)| !update.is_empty()) {
            slices.entry(account_slice(*id)).or_default().push((id, update));
        }
        for (slice, updates) in slices {
            let mut attempts = Attempts::of(slice);
            loop {
                let mut change = attempts.next(self).await?;
                let mut lines = Vec::with_capacity(updates.len());
                for (id, update) in &updates {
                    let mut row = match self.living(**id).await {
                        Ok(row) => row,
                        Err(DirectoryError::NotFound { .. }) => {
                            gone.push(**id);
                            continue;
                        }
                        Err(error) => return Err(error),
                    };
                    lines.push((Subject::Account(**id), account_changes(update)));
                    office::may_get_role(by, row.role, update.role)?;
                    apply(update, &mut row);
                    change.put::<tables::Account>(&id.0, &row);
                    if !update.person.is_empty() {
                        let known = self.identity(**id).await?;
                        let identity = update.person.over(known, **id, &self.inner.vault);
                        change.put::<tables::Identity>(&id.0, &identity);
                    }
                }
                self.note(&mut change, by, &lines).await?;
                if self.inner.rows.commit(change).await? {
                    break;
                }
            }
        }
        Ok(gone)
    }

    /// Stores the same password's hash at today's cost. Sessions go on: nothing changed for the
    /// person. When it fails, the next login does it.
    pub(crate) async fn upgrade(&self, loaded: &Loaded, old: &str, upgraded: String) {
        let id = loaded.account.id;
        let slice = account_slice(id);
        let _changing = self.inner.changing.lock().await;
        let outcome = self.replace_hash(id, slice, old, &upgraded).await;
        if let Err(error) = outcome {
            tracing::warn!(account = %id, %error, "the password hash keeps its old cost");
        }
    }

    async fn replace_hash(
        &self,
        id: AccountId,
        slice: Partition,
        old: &str,
        upgraded: &str,
    ) -> Result<(), DirectoryError> {
        let mut attempts = Attempts::of(slice);
        loop {
            let mut change = attempts.next(self).await?;
            let stored = self.inner.rows.get::<tables::Password>(slice, &id.0).await?;
            if stored.is_some_and(|row| row.phc == old) {
                change.put::<tables::Password>(&id.0, &PasswordRow { phc: upgraded.to_owned() });
            }
            if self.inner.rows.commit(change).await? {
                break;
            }
        }
        Ok(())
    }

    /// Reserves an address, lets `list` write it into the account's row, and confirms it.
    pub(crate) async fn gain_address(
        &self,
        id: AccountId,
        address: &EmailAddress,
        by: By<'_>,
        list: impl Fn(&mut AccountRow) -> Result<(), DirectoryError>,
    ) -> Result<(), DirectoryError> {
        self.check_address(address)?;
        let name = Name::of_address(address);
        let rows = &self.inner.rows;
        let _changing = self.inner.changing.lock().await;
        if account::names(&self.living(id).await?).contains(&name) {
            // Already its own: only its spelling and which of them is primary can change.
            return self.edit(id, None, by, |row, _| relist(row, &list, address)).await.map(drop);
        }
        let wanted = Wanted { token: rand::random(), names: vec![(name.clone(), id)] };
        if !rows.reserve(&wanted).await?.is_empty() {
            return Err(name.taken());
        }
        let token = Some((wanted.token, &name));
        let listed = self.edit(id, token, by, |row, _| relist(row, &list, address)).await;
        match listed {
            Ok(_) => rows.confirm(&wanted).await,
            // Whether it was written is not known: the next who wants the name finds out.
            Err(error @ DirectoryError::Store(_)) => Err(error),
            Err(error) => rows.release(&wanted).await.and(Err(error)),
        }
    }

    /// Changes one living account, with the line of who does it. A token is that of the reservation
    /// that the change relies on.
    pub(crate) async fn edit(
        &self,
        id: AccountId,
        token: Option<(u64, &Name)>,
        by: By<'_>,
        edit: impl Fn(&mut AccountRow, &mut Change) -> Result<(), DirectoryError>,
    ) -> Result<AccountRow, DirectoryError> {
        let slice = account_slice(id);
        let mut attempts = Attempts::of(slice);
        loop {
            let mut change = attempts.next(self).await?;
            if let Some((token, name)) = token {
                let fence = (id.0, token);
                if self.inner.rows.get::<tables::Fence>(slice, &fence).await?.is_some() {
                    return Err(name.taken());
                }
                change.assert_absent::<tables::Fence>(&fence);
            }
            let before = self.living(id).await?;
            let mut row = before.clone();
            edit(&mut row, &mut change)?;
            if row != before {
                change.put::<tables::Account>(&id.0, &row);
            }
            self.note(&mut change, by, &[(Subject::Account(id), String::new())]).await?;
            if self.inner.rows.commit(change).await? {
                return Ok(row);
            }
        }
    }

    pub(crate) async fn living(&self, id: AccountId) -> Result<AccountRow, DirectoryError> {
        let row = self.inner.rows.get::<tables::Account>(account_slice(id), &id.0).await?;
        row.filter(|row| row.state != AccountStateRow::Deleted)
            .ok_or_else(|| DirectoryError::no_account(id))
    }
}

/// Builds a change on what is stored, again and again until nobody was faster. A loop and no
/// closure: the compiler cannot see that a future with an async closure may be sent.
struct Attempts {
    partition: Partition,
    left: usize,
}

impl Attempts {
    fn of(partition: Partition) -> Self {
        Self { partition, left: REBUILDS_MAX }
    }

    /// A fresh change of the partition as it is now; the error when too many were in vain.
    async fn next(&mut self, directory: &Directory) -> Result<Change, DirectoryError> {
        if self.left == 0 {
            return Err(DirectoryError::Busy { what: "changing an account" });
        }
        self.left -= 1;
        let version = directory.inner.rows.version(self.partition).await?;
        Ok(Change::of(self.partition).expect(version))
    }
}

/// Lets `list` put the address into the row, which keeps each address once, as spelled last.
fn relist(
    row: &mut AccountRow,
    list: impl Fn(&mut AccountRow) -> Result<(), DirectoryError>,
    address: &EmailAddress,
) -> Result<(), DirectoryError> {
    let key = address.lookup_key();
    if row.primary_address.lookup_key() == key {
        row.primary_address = address.clone();
        return Ok(());
    }
    row.aliases.retain(|alias| alias.lookup_key() != key);
    list(row)
}

fn apply(update: &AccountUpdate, row: &mut AccountRow) {
    if let Some(name) = &update.name {
        row.person.display_name.clone_from(name);
    }
    if let Some(units) = &update.units {
        row.units = units.iter().map(|code| code.as_str().to_owned()).collect();
    }
    if let Some(role) = update.role {
        row.role = role;
    }
    if let Some(quota_bytes) = update.quota_bytes {
        row.quota_bytes = quota_bytes;
    }
}
