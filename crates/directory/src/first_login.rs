//! From the temporary secret to a password of one's own.

use mail_store::tables::directory::{self as tables, AccountStateRow, PasswordRow, account_slice};
use mail_types::{AccountId, Secret};

use crate::account::NewPassword;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::strength::{Strength, weigh_elsewhere};
use crate::temporary_secret::is_valid;

/// The right to choose a password once: for an account, as its credentials were when the temporary
/// secret was right. Any change of them ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstLogin {
    /// Whose.
    pub account: AccountId,
    /// The credentials' version that was seen.
    pub credential_version: u64,
}

/// What became of a password that somebody chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is theirs now, and opens everything.
    Accepted(Strength),
    /// It is not good enough; the strength says why.
    Weak(Strength),
    /// The right to choose is gone: used, expired, or replaced by another secret.
    TooLate,
}

impl Directory {
    /// Stores the password that somebody chose at the first login. The temporary secret is used up
    /// by it, in the same commit.
    pub async fn choose_password(
        &self,
        right: FirstLogin,
        password: &Secret<String>,
    ) -> Result<Choice, DirectoryError> {
        // Before the hash: an old right must not make work.
        if !self.may_still_choose(right).await? {
            return Ok(Choice::TooLate);
        }
        let strength = self.weigh_password(right.account, password).await?;
        if !strength.weaknesses.is_empty() {
            return Ok(Choice::Weak(strength));
        }
        let chosen = NewPassword::Plain(password.clone());
        let phc = self.inner.hasher.store_form(&chosen).await?;
        let id = right.account;
        let _changing = self.inner.changing.lock().await;
        if !self.may_still_choose(right).await? {
            return Ok(Choice::TooLate);
        }
        let set = self
            .edit(id, None, None, |row, change| {
                if !stands(row.state, row.credential_version, right) {
                    return Err(DirectoryError::Invalid("the temporary secret was used".into()));
                }
                change.put::<tables::Password>(&id.0, &PasswordRow { phc: phc.clone() });
                change.delete::<tables::TemporarySecret>(&id.0);
                row.state = AccountStateRow::Active;
                row.credential_version += 1;
                Ok(())
            })
            .await;
        match set {
            Ok(_) => {
                self.credentials_changed(id);
                Ok(Choice::Accepted(strength))
            }
            Err(DirectoryError::Invalid(_) | DirectoryError::NotFound { .. }) => {
                Ok(Choice::TooLate)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a right to choose a password still stands.
    pub async fn may_still_choose(&self, right: FirstLogin) -> Result<bool, DirectoryError> {
        let id = right.account;
        let slice = account_slice(id);
        let rows = &self.inner.rows;
        let Some(row) = rows.get::<tables::Account>(slice, &id.0).await? else { return Ok(false) };
        let secret = rows.get::<tables::TemporarySecret>(slice, &id.0).await?;
        let valid = secret.is_some_and(|secret| is_valid(&secret, self.now()));
        Ok(valid && stands(row.state, row.credential_version, right))
    }

    /// How strong a password would be for this account, whose own words are guessed first.
    pub async fn weigh_password(
        &self,
        id: AccountId,
        password: &Secret<String>,
    ) -> Result<Strength, DirectoryError> {
        weigh_elsewhere(password, self.own_words(id).await?).await
    }

    /// What belongs to an account's owner, and so is guessed first.
    async fn own_words(&self, id: AccountId) -> Result<Vec<String>, DirectoryError> {
        let account = self.account(id).await?.ok_or_else(|| DirectoryError::no_account(id))?;
        let identity = self.identity(id).await?;
        let mut words = vec![
            account.name.clone(),
            account.academic_id.as_str().to_owned(),
            identity.given_name,
            identity.birth_name,
            identity.usage_name,
        ];
        words.extend(account.addresses().map(ToString::to_string));
        for code in &account.units {
            words.push(code.to_string());
            words.extend(self.unit(code).map(|unit| unit.name.clone()));
        }
        Ok(words)
    }
}

fn stands(state: AccountStateRow, credential_version: u64, right: FirstLogin) -> bool {
    state == AccountStateRow::AwaitingFirstLogin && credential_version == right.credential_version
}
