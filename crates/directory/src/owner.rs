//! What owners do to their own account, after they have proven again that it is theirs.

use mail_store::tables::security::LetterKind;
use mail_types::{AccountId, Secret};

use crate::account::NewPassword;
use crate::app_password::AppPassword;
use crate::audit_record::{Act, Requester};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::recovery::{RecoveryAddress, not_on_hold};

/// What keeps an account safe, as its owner sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecurityOverview {
    /// Passwords of single devices.
    pub app_passwords: Vec<AppPassword>,
    /// Since when the second factor is on, in Unix seconds.
    pub totp_since: Option<i64>,
    /// One-time codes that are left.
    pub recovery_codes_left: usize,
    /// Addresses elsewhere.
    pub recovery: Vec<RecoveryAddress>,
    /// Until when none of this may change, in Unix seconds.
    pub hold_until: Option<i64>,
}

impl Directory {
    /// What keeps this account safe.
    pub async fn security_overview(
        &self,
        id: AccountId,
    ) -> Result<SecurityOverview, DirectoryError> {
        let row = self.security(id).await?;
        let now = self.now().as_second();
        Ok(SecurityOverview {
            app_passwords: row.app_passwords.iter().map(AppPassword::from).collect(),
            totp_since: row.totp.as_ref().map(|totp| totp.since),
            recovery_codes_left: row.totp.as_ref().map_or(0, |totp| totp.recovery_codes.len()),
            recovery: row.recovery.iter().map(RecoveryAddress::from).collect(),
            hold_until: row.hold_until.filter(|until| *until > now),
        })
    }

    /// A password that this account's owner chose, as it is stored.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for one that is too easily guessed.
    pub(crate) async fn fit_form(
        &self,
        id: AccountId,
        password: &Secret<String>,
    ) -> Result<String, DirectoryError> {
        let strength = self.weigh_password(id, password).await?;
        if !strength.weaknesses.is_empty() {
            return Err(DirectoryError::Invalid("the password is too easily guessed".into()));
        }
        self.inner.hasher.store_form(&NewPassword::Plain(password.clone())).await
    }

    /// The owner's new password. Every session and connection ends, and a reset that is under way;
    /// app passwords stay.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] says in plain words which rule the password breaks.
    pub async fn change_password(
        &self,
        id: AccountId,
        password: &Secret<String>,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        let phc = self.fit_form(id, password).await?;
        self.secure(id, requester, |draft| {
            draft.set_password(phc.clone());
            draft.record(Act::PasswordChanged);
            draft.tell_owner(LetterKind::PasswordChanged, "", &[]);
            Ok(())
        })
        .await
    }

    /// "This was not me": a new password, and nothing that opened the account before opens it any
    /// more, neither sessions nor connections nor app passwords nor recovery addresses, which are
    /// told. The second factor stays. So do recovery addresses while nothing may change after a
    /// reset: it may be the thief who says so.
    ///
    /// # Errors
    /// As [`Directory::change_password`].
    pub async fn raise_alarm(
        &self,
        id: AccountId,
        password: &Secret<String>,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        let phc = self.fit_form(id, password).await?;
        self.secure(id, requester, |draft| {
            draft.set_password(phc.clone());
            draft.security.app_passwords.clear();
            let recovery = match not_on_hold(draft.security.hold_until, draft.now) {
                Ok(()) => std::mem::take(&mut draft.security.recovery),
                Err(_) => Vec::new(),
            };
            let proven = recovery.into_iter().filter(|one| one.code.is_none());
            let removed: Vec<_> = proven.map(|one| one.address).collect();
            draft.record(Act::Alarm);
            draft.tell_owner(LetterKind::PasswordChanged, "", &removed);
            for address in removed {
                draft.record(Act::RecoveryRemoved).notices = vec!["recovery".into()];
                let about = address.to_string();
                draft.send(LetterKind::RecoveryChanged, vec![address], Vec::new(), &about);
            }
            Ok(())
        })
        .await
    }
}
