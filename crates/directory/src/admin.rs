//! What administrators do to accounts. Each act leaves a line in the audit log: the functions that
//! end in `_by` about who did it, the others about the command line.

use std::sync::Arc;

use mail_store::tables::directory::{
    self as tables, AccountRow, AccountStateRow, BLOCK_BITS, PersonRow, account_slice,
};
use mail_store::tables::security::{LetterKind, RecentLogins, ResetRequest, Security};
use mail_types::{AcademicId, AccountId, EmailAddress};

use crate::account::{
    self, ALIASES_MAX, Account, AccountState, AccountUpdate, Loaded, NewPassword,
};
use crate::audit_record::Act;
use crate::claim::Name;
use crate::deed::{By, Deed};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::strength::Strength;

/// Accounts that one page returns at most.
pub const ACCOUNTS_PER_PAGE_MAX: usize = 1000;

impl Directory {
    /// Accounts in the order of their numbers, after this one; deleted ones too. An empty page is
    /// the end.
    pub async fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Arc<Account>>, DirectoryError> {
        let limit = limit.min(ACCOUNTS_PER_PAGE_MAX);
        let end = self.next_number().await?;
        let mut from = after.map_or(0, |after| after.0.saturating_add(1));
        let mut accounts = Vec::new();
        while from < end && accounts.len() < limit {
            let slice = account_slice(AccountId(from));
            let block = from >> BLOCK_BITS;
            let left = limit - accounts.len();
            let page = self.inner.rows.scan::<tables::Account>(slice, Some(&from), left).await?;
            // The slice goes on with a block that others come before.
            let of_block = page.rows.into_iter().take_while(|(id, _)| id >> BLOCK_BITS == block);
            let quota = self.inner.settings.load().quota_bytes_default;
            accounts.extend(
                of_block
                    .map(|(id, row)| Loaded::new(AccountId(id), row, None, None, quota).account),
            );
            from = (block + 1) << BLOCK_BITS;
        }
        Ok(accounts)
    }

    /// The account meant by an address, an academic ID or an account number (`a12`). Deleted ones
    /// are found by their number only.
    pub async fn find(&self, who: &str) -> Result<Option<Arc<Account>>, DirectoryError> {
        let who = who.trim();
        if let Some(number) = who.strip_prefix('a').and_then(|number| number.parse().ok()) {
            return self.account(AccountId(number)).await;
        }
        let name = if let Ok(address) = who.parse::<EmailAddress>() {
            Name::of_address(&address)
        } else if let Ok(id) = who.parse::<AcademicId>() {
            Name::of_academic_id(&id)
        } else {
            return Ok(None);
        };
        let found = self.inner.lookup.by_name(&self.inner.rows, &name).await?;
        Ok(found.map(|loaded| Arc::clone(&loaded.account)))
    }

    /// Gives the account a new password. Its sessions end, and with a password that there was
    /// everything else that opened it; its owner is told.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] says in plain words which rule the password breaks.
    pub async fn set_password(
        &self,
        id: AccountId,
        password: NewPassword,
    ) -> Result<(), DirectoryError> {
        if let NewPassword::Plain(plain) = &password {
            let strength = self.weigh_password(id, plain).await?;
            refuse_weak(&strength)?;
        }
        let phc = self.inner.hasher.store_form(&password).await?;
        self.secure_by(id, &Deed::console(Act::PasswordChanged), |draft| {
            let replaces = draft.had_password();
            draft.set_password(phc.clone());
            if replaces {
                draft.security.app_passwords.clear();
                draft.tell_owner(LetterKind::PasswordChanged, "", &[]);
            }
            Ok(())
        })
        .await
    }

    /// Suspends an account or takes it back into use. Its sessions end.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for the states that are not set but come about.
    pub async fn set_state(
        &self,
        id: AccountId,
        state: AccountState,
    ) -> Result<(), DirectoryError> {
        self.set_state_by(id, state, &Deed::console(act_of(state))).await
    }

    pub(crate) async fn set_state_by(
        &self,
        id: AccountId,
        state: AccountState,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        let _changing = self.inner.changing.lock().await;
        let has_password =
            self.inner.rows.get::<tables::Password>(account_slice(id), &id.0).await?.is_some();
        let state = match state {
            AccountState::Suspended => AccountStateRow::Suspended,
            AccountState::Active if has_password => AccountStateRow::Active,
            AccountState::Active => AccountStateRow::AwaitingFirstLogin,
            AccountState::AwaitingFirstLogin | AccountState::Leaving | AccountState::Deleted => {
                return Err(DirectoryError::Invalid(
                    "an account is made active or suspended".into(),
                ));
            }
        };
        self.edit(id, None, by, |row, _| {
            if row.state != state {
                row.state = state;
                row.credential_version += 1;
            }
            Ok(())
        })
        .await?;
        self.credentials_changed(id);
        Ok(())
    }

    /// Deletes an account: no login, no mail any more, what was known of the person forgotten.
    /// Its number, addresses and academic ID stay, so that nobody else is ever given them. Its
    /// mail is for the mail service to remove.
    pub async fn delete_account(&self, id: AccountId) -> Result<(), DirectoryError> {
        self.delete_account_by(id, &Deed::console(Act::AccountDeleted)).await
    }

    pub(crate) async fn delete_account_by(
        &self,
        id: AccountId,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        let _changing = self.inner.changing.lock().await;
        let row = self
            .edit(id, None, by, |row, change| {
                change.delete::<tables::Password>(&id.0);
                change.delete::<tables::TemporarySecret>(&id.0);
                change.delete::<tables::Identity>(&id.0);
                change.delete::<Security>(&id.0);
                change.delete::<RecentLogins>(&id.0);
                change.delete::<ResetRequest>(&id.0);
                row.state = AccountStateRow::Deleted;
                row.credential_version += 1;
                row.person = PersonRow::default();
                row.units = Vec::new();
                Ok(())
            })
            .await?;
        self.credentials_changed(id);
        // From here on a crash leaves names that point to a deleted account: they resolve to
        // nobody already, and the next repair marks them.
        Ok(self.inner.rows.retire(id, &account::names(&row)).await?)
    }

    /// Gives the account one more address.
    ///
    /// # Errors
    /// [`DirectoryError::Taken`] also when a deleted account once had it.
    pub async fn add_alias(
        &self,
        id: AccountId,
        alias: &EmailAddress,
    ) -> Result<(), DirectoryError> {
        let deed = Deed::console(Act::AliasAdded).saying(alias.to_string());
        self.add_alias_by(id, alias, &deed).await
    }

    pub(crate) async fn add_alias_by(
        &self,
        id: AccountId,
        alias: &EmailAddress,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        self.gain_address(id, alias, by, |row| {
            row.aliases.push(alias.clone());
            within_aliases(row)
        })
        .await
    }

    /// Takes an alias away; it stays reserved for this account. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for the primary address.
    pub async fn remove_alias(
        &self,
        id: AccountId,
        alias: &EmailAddress,
    ) -> Result<(), DirectoryError> {
        let deed = Deed::console(Act::AliasRemoved).saying(alias.to_string());
        self.remove_alias_by(id, alias, &deed).await
    }

    pub(crate) async fn remove_alias_by(
        &self,
        id: AccountId,
        alias: &EmailAddress,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        let key = alias.lookup_key();
        let name = Name::of_address(alias);
        let _changing = self.inner.changing.lock().await;
        let claim = self.inner.rows.claim(&name).await?;
        if claim.is_none_or(|claim| claim.account != id) {
            return Err(DirectoryError::NotFound { what: format!("alias: {alias}") });
        }
        self.edit(id, None, by, |row, _| {
            if row.primary_address.lookup_key() == key {
                return Err(DirectoryError::Invalid(
                    "the primary address cannot be removed".into(),
                ));
            }
            row.aliases.retain(|own| own.lookup_key() != key);
            Ok(())
        })
        .await?;
        Ok(self.inner.rows.retire(id, &[name]).await?)
    }

    /// Sets the account's own quota in bytes, 0 is unlimited; `None` goes back to the default.
    pub async fn set_quota(
        &self,
        id: AccountId,
        quota_bytes: Option<u64>,
    ) -> Result<(), DirectoryError> {
        let quota_bytes = Some(quota_bytes);
        self.update_account(id, AccountUpdate { quota_bytes, ..AccountUpdate::default() }).await
    }

    /// Changes what an account says about its owner.
    pub async fn update_account(
        &self,
        id: AccountId,
        update: AccountUpdate,
    ) -> Result<(), DirectoryError> {
        self.update_account_by(id, update, &Deed::console(Act::AccountChanged)).await
    }

    pub(crate) async fn update_account_by(
        &self,
        id: AccountId,
        mut update: AccountUpdate,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        self.follow_names(id, &mut update).await?;
        self.check_update(&update)?;
        if let Some(address) = update.primary_address.take() {
            let deed = by.as_act(by.act, &format!("address={address}"));
            self.gain_address(id, &address, &deed, |row| {
                let old = std::mem::replace(&mut row.primary_address, address.clone());
                row.aliases.push(old);
                within_aliases(row)
            })
            .await?;
        }
        let gone = self.update_all(&[(id, update)], by).await?;
        match gone.is_empty() {
            true => Ok(()),
            false => Err(DirectoryError::no_account(id)),
        }
    }

    pub(crate) fn credentials_changed(&self, id: AccountId) {
        // Nobody listening is fine.
        let _ = self.inner.credential_changes.send(id);
    }
}

/// What setting an account's state is called.
pub(crate) fn act_of(state: AccountState) -> Act {
    match state {
        AccountState::Suspended => Act::AccountSuspended,
        _ => Act::AccountResumed,
    }
}

/// An error that names everything that speaks against a password.
pub(crate) fn refuse_weak(strength: &Strength) -> Result<(), DirectoryError> {
    let reasons: Vec<_> = strength.weaknesses.iter().map(ToString::to_string).collect();
    match reasons.is_empty() {
        true => Ok(()),
        false => Err(DirectoryError::Invalid(reasons.join("; "))),
    }
}

fn within_aliases(row: &AccountRow) -> Result<(), DirectoryError> {
    match row.aliases.len() > ALIASES_MAX {
        true => {
            Err(DirectoryError::Invalid(format!("an account has at most {ALIASES_MAX} aliases")))
        }
        false => Ok(()),
    }
}
