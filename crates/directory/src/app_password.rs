//! App passwords: 140 random bits for one device, so that a phone never holds the password that
//! opens everything, and losing it costs one line. They open IMAP and submission, not the webmail.

use mail_store::tables::security::{AppPasswordRow, KeyedHash, LetterKind, SecurityRow};
use mail_types::{AccountId, Secret};
use zeroize::Zeroizing;

use crate::audit_record::{Act, Requester};
use crate::create::check_text;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::recovery::not_on_hold;
use crate::vault::{Use, Vault};

/// App passwords that an account may have.
pub const APP_PASSWORDS_MAX: usize = 20;
/// Longest name of a device, in bytes.
pub const DEVICE_NAME_BYTES_MAX: usize = 100;
/// Characters of an app password, without the hyphens between groups.
const CHARS: usize = 28;
/// Characters between two hyphens.
const GROUP: usize = 4;
/// No letter that is taken for another when it is typed from a screen: five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// An app password as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct AppPassword {
    /// Names it within the account.
    pub number: u32,
    /// As its owner calls the device.
    pub name: String,
    /// When it was made, in Unix seconds.
    pub created: i64,
}

impl From<&AppPasswordRow> for AppPassword {
    fn from(row: &AppPasswordRow) -> Self {
        Self { number: row.number, name: row.name.clone(), created: row.created }
    }
}

/// Random characters for somebody to type.
pub(crate) fn random_text(count: usize) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(count));
    for _ in 0..count {
        // 256 is a multiple of 32: every letter is as likely as any other.
        let letter = ALPHABET[usize::from(rand::random::<u8>()) % ALPHABET.len()];
        text.push(char::from(letter));
    }
    text
}

/// What was typed, as it is hashed; `None` when it cannot be one.
pub(crate) fn folded(typed: &str, chars: usize) -> Option<Zeroizing<String>> {
    if typed.len() > 4 * chars {
        return None;
    }
    let mut text = Zeroizing::new(String::with_capacity(typed.len()));
    text.extend(typed.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_lowercase()));
    let fits = text.len() == chars && text.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then_some(text)
}

/// Groups with hyphens between them.
pub(crate) fn grouped(text: &str, group: usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / group);
    for (place, c) in text.chars().enumerate() {
        if place > 0 && place.is_multiple_of(group) {
            out.push('-');
        }
        out.push(c);
    }
    out
}

/// Which of these app passwords was typed.
pub(crate) fn find(
    vault: &Vault,
    id: AccountId,
    rows: &[(u32, KeyedHash)],
    typed: &str,
) -> Option<u32> {
    let text = folded(typed, CHARS)?;
    let parts = [&id.0.to_be_bytes()[..], text.as_bytes()];
    let found = rows.iter().find(|(_, hash)| vault.matches(Use::AppPassword, &parts, hash));
    found.map(|(number, _)| *number)
}

/// What a login is compared with.
pub(crate) fn hashes(row: &SecurityRow) -> Vec<(u32, KeyedHash)> {
    row.app_passwords.iter().map(|one| (one.number, one.hash)).collect()
}

impl Directory {
    /// Gives a device a password of its own, which is shown once.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for a name without text, or when there are too many;
    /// [`DirectoryError::OnHold`] while nothing may change after a reset.
    pub async fn add_app_password(
        &self,
        id: AccountId,
        name: &str,
        requester: &Requester,
    ) -> Result<Secret<String>, DirectoryError> {
        let name = name.trim();
        check_text("name", name, DEVICE_NAME_BYTES_MAX)?;
        let text = random_text(CHARS);
        let parts = [&id.0.to_be_bytes()[..], text.as_bytes()];
        let hash = self.inner.vault.hash(Use::AppPassword, &parts);
        self.secure(id, requester, |draft| {
            not_on_hold(draft.security.hold_until, draft.now)?;
            if draft.security.app_passwords.len() >= APP_PASSWORDS_MAX {
                let reason = format!("an account has at most {APP_PASSWORDS_MAX} app passwords");
                return Err(DirectoryError::Invalid(reason));
            }
            draft.security.next_number += 1;
            let number = draft.security.next_number;
            let row = AppPasswordRow { number, name: name.to_owned(), hash, created: draft.now };
            draft.security.app_passwords.push(row);
            draft.record(Act::AppPasswordAdded);
            draft.tell_owner(LetterKind::AppPasswordAdded, name, &[]);
            Ok(())
        })
        .await?;
        Ok(Secret::new(grouped(&text, GROUP)))
    }

    /// Takes a device's password away. Every session and connection of the account ends; devices
    /// that have another password come back by themselves. Doing it again changes nothing.
    pub async fn remove_app_password(
        &self,
        id: AccountId,
        number: u32,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        self.secure(id, requester, |draft| {
            let before = draft.security.app_passwords.len();
            draft.security.app_passwords.retain(|one| one.number != number);
            if draft.security.app_passwords.len() != before {
                draft.end_sessions();
                draft.record(Act::AppPasswordRemoved);
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_password_is_read_as_people_type_it() {
        let text = random_text(CHARS);
        let shown = grouped(&text, GROUP);
        assert_eq!(shown.len(), CHARS + CHARS / GROUP - 1);
        for typed in
            [shown.clone(), shown.to_uppercase(), shown.replace('-', " "), text.to_string()]
        {
            assert_eq!(folded(&typed, CHARS).as_deref(), Some(&*text), "{typed}");
        }
        for wrong in ["", &shown[1..], &format!("{shown}a"), &shown.replace('-', "0")] {
            assert_eq!(folded(wrong, CHARS), None, "{wrong}");
        }
        assert_ne!(random_text(CHARS), random_text(CHARS));
    }
}
