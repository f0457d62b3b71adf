//! The secret on the hand-out sheet: it opens the page on which its owner chooses a password, once,
//! and nothing else.

use jiff::{SignedDuration, Timestamp};
use mail_store::tables::directory::{AccountStateRow, TemporarySecretRow};
use mail_store::tables::security::LetterKind;
use mail_types::{AcademicId, AccountId, EmailAddress, Role, Secret};
use zeroize::Zeroizing;

use crate::account::Account;
use crate::audit_record::Act;
use crate::deed::{By, Deed};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::secure::Draft;
use crate::unit::UnitCode;
use crate::vault::{Use, Vault};

/// Letters and digits that are not taken for others when they are read or dictated, and from which
/// no words come about.
const ALPHABET: &[u8; 22] = b"bcdfghjkmnprstvwxz3467";
/// 15 of 22 are 66 bits: nobody guesses them, so that no slow hash is needed.
const CHARS: usize = 15;
const CHARS_TOGETHER: usize = 5;
/// Longer texts are no secrets of ours.
const TEXT_BYTES_MAX: usize = 64;

/// What a temporary secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFor {
    /// The first login ever.
    FirstLogin,
    /// A password that was lost.
    Replacement,
}

impl SecretFor {
    /// How long it opens the page.
    pub fn lifetime(self) -> SignedDuration {
        match self {
            SecretFor::FirstLogin => SignedDuration::from_hours(7 * 24),
            SecretFor::Replacement => SignedDuration::from_hours(24),
        }
    }
}

/// What a hand-out sheet says. The secret is nowhere else: the store keeps a keyed hash.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Whose.
    pub id: AccountId,
    /// Display name.
    pub name: String,
    /// The primary address.
    pub address: EmailAddress,
    /// The number that stands for the address at the login.
    pub academic_id: AcademicId,
    /// The first of the units.
    pub unit: Option<UnitCode>,
    /// The temporary secret.
    pub secret: Secret<String>,
    /// From then on it opens nothing.
    pub expires_at: Timestamp,
}

impl Sheet {
    pub(crate) fn new(account: &Account, secret: Secret<String>, expires_at: Timestamp) -> Self {
        Self {
            id: account.id,
            name: account.name.clone(),
            address: account.primary_address.clone(),
            academic_id: account.academic_id.clone(),
            unit: account.units.first().cloned(),
            secret,
            expires_at,
        }
    }
}

/// A new secret, in groups of five: `kf7mx-pdh3r-zwt6c`.
pub(crate) fn generate() -> Secret<String> {
    // Grown once: a string that moves leaves a copy behind.
    let mut text = String::with_capacity(CHARS + CHARS / CHARS_TOGETHER);
    for place in 0..CHARS {
        if place > 0 && place % CHARS_TOGETHER == 0 {
            text.push('-');
        }
        let chosen = rand::random_range(0..ALPHABET.len());
        text.push(char::from(ALPHABET.get(chosen).copied().unwrap_or_default()));
    }
    Secret::new(text)
}

/// What is compared: small letters and digits only, however it was typed.
fn reduced(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
    if text.len() <= TEXT_BYTES_MAX {
        let typed = text.chars().filter(char::is_ascii_alphanumeric);
        out.extend(typed.map(|c| c.to_ascii_lowercase()));
    }
    out
}

/// What is stored of a secret.
pub(crate) fn row(
    vault: &Vault,
    id: AccountId,
    secret: &Secret<String>,
    expires_at: Timestamp,
    purpose: SecretFor,
) -> TemporarySecretRow {
    let reduced = reduced(secret.expose());
    let secret = vault.hash(Use::TemporarySecret, &[&id.0.to_be_bytes(), reduced.as_bytes()]);
    let replaces = purpose == SecretFor::Replacement;
    TemporarySecretRow { secret, expires_at: expires_at.as_second(), replaces }
}

/// Whether this is the secret and still opens something. The same work whatever is stored.
pub(crate) fn matches(
    vault: &Vault,
    id: AccountId,
    stored: Option<&TemporarySecretRow>,
    typed: &str,
    now: Timestamp,
) -> bool {
    let compared = stored.map_or_else(|| vault.nothing(), |row| row.secret);
    let typed = reduced(typed);
    let parts = [&id.0.to_be_bytes()[..], typed.as_bytes()];
    let equal = vault.matches(Use::TemporarySecret, &parts, &compared);
    equal && stored.is_some_and(|row| is_valid(row, now))
}

pub(crate) fn is_valid(row: &TemporarySecretRow, now: Timestamp) -> bool {
    now.as_second() < row.expires_at
}

impl Directory {
    /// Gives an account a new temporary secret: its password, an earlier secret and its sessions
    /// end, and its owner chooses a new password at the webmail.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for an account that is suspended.
    pub async fn issue_secret(&self, id: AccountId) -> Result<Sheet, DirectoryError> {
        self.issue_secret_by(id, &Deed::console(Act::SecretIssued), "").await
    }

    /// `who` is what the owner of a password that is replaced is told. App passwords end with it,
    /// and for a while nothing changes that would give the account away for good.
    pub(crate) async fn issue_secret_by(
        &self,
        id: AccountId,
        by: By<'_>,
        who: &str,
    ) -> Result<Sheet, DirectoryError> {
        let (secret, now) = (generate(), self.now());
        let expires_at = self
            .secure_by(id, by, |draft| {
                may_issue(draft, by)?;
                let replaces = draft.had_password();
                let purpose = if replaces { SecretFor::Replacement } else { SecretFor::FirstLogin };
                let expires_at = now + purpose.lifetime();
                draft.await_password(row(&self.inner.vault, id, &secret, expires_at, purpose));
                if replaces {
                    draft.security.app_passwords.clear();
                    draft.begin_hold();
                    draft.tell_owner(LetterKind::ResetApproved, who, &[]);
                }
                Ok(expires_at)
            })
            .await?;
        let account = self.account(id).await?.ok_or_else(|| DirectoryError::no_account(id))?;
        Ok(Sheet::new(&account, secret, expires_at))
    }
}

/// One administrator alone gives no other a secret, in whatever state that account is, and nobody
/// privileged one that stands in for a password: the help desk does, with two of them.
fn may_issue(draft: &Draft<'_>, by: By<'_>) -> Result<(), DirectoryError> {
    let takes_two = match draft.account.role {
        Role::Administrator => true,
        Role::ItOfficer => draft.had_password(),
        Role::Agent | Role::System => false,
    };
    if by.administrator().is_some() && takes_two {
        return Err(DirectoryError::NotAllowed(
            "the code of a privileged account takes two administrators",
        ));
    }
    match draft.account.state {
        AccountStateRow::Suspended => {
            Err(DirectoryError::Invalid("the account is suspended".into()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_secret_has_sixty_bits_and_no_letter_that_is_taken_for_another() {
        let bits = (ALPHABET.len() as f64).log2() * CHARS as f64;
        assert!(bits >= 60.0, "{bits}");
        let different: HashSet<_> = ALPHABET.iter().collect();
        assert_eq!(different.len(), ALPHABET.len());
        for confusing in b"01ilo2589qaeuy" {
            assert!(!ALPHABET.contains(confusing), "{}", char::from(*confusing));
        }
        let secrets: HashSet<_> = (0..1000).map(|_| generate().expose().clone()).collect();
        assert_eq!(secrets.len(), 1000);
        for secret in secrets {
            let groups: Vec<_> = secret.split('-').map(str::len).collect();
            assert_eq!(groups, [5, 5, 5], "{secret}");
        }
    }

    #[test]
    fn a_secret_is_the_same_in_capitals_with_spaces_and_without_hyphens() {
        assert_eq!(*reduced(" KF7MX pdh3r-zwt6c\n"), "kf7mxpdh3rzwt6c");
        assert_eq!(*reduced(&"k".repeat(65)), "", "and of bounded length");
    }
}
