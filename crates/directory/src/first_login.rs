//! From the temporary secret to a password of one's own.

use mail_store::tables::directory::{self as tables, AccountStateRow, account_slice};
use mail_store::tables::security::LetterKind;
use mail_types::{AccountId, Secret};

use crate::account::NewPassword;
use crate::audit_record::{Act, Requester};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::secure::Draft;
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
    /// It is theirs now, and opens everything together with the second factor.
    NeedsSecondFactor(Strength),
    /// It is not good enough; the strength says why.
    Weak(Strength),
    /// The right to choose is gone: used, expired, or replaced by another secret.
    TooLate,
}

impl Directory {
    /// Stores the password that somebody chose with a temporary secret, which is used up by it in
    /// the same commit. Whose password it replaces is told.
    pub async fn choose_password(
        &self,
        right: FirstLogin,
        password: &Secret<String>,
        requester: &Requester,
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
        let set = self.secure(right.account, requester, |draft| {
            if !still_stands(draft, right) {
                return Ok(None);
            }
            let replaces = draft.had_password();
            draft.set_password(phc.clone());
            draft.record(Act::PasswordChosen);
            if replaces {
                draft.tell_owner(LetterKind::PasswordReset, "", &[]);
            }
            Ok(Some(draft.security.totp.is_some()))
        });
        match set.await {
            Ok(Some(true)) => Ok(Choice::NeedsSecondFactor(strength)),
            Ok(Some(false)) => Ok(Choice::Accepted(strength)),
            // Deleted since.
            Ok(None) | Err(DirectoryError::NotFound { .. }) => Ok(Choice::TooLate),
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

fn still_stands(draft: &Draft<'_>, right: FirstLogin) -> bool {
    let is_valid = draft.secret.as_ref().is_some_and(|secret| draft.now < secret.expires_at);
    is_valid && stands(draft.account.state, draft.account.credential_version, right)
}

fn stands(state: AccountStateRow, credential_version: u64, right: FirstLogin) -> bool {
    state == AccountStateRow::AwaitingFirstLogin && credential_version == right.credential_version
}
