//! Letters about an account, from the commit that made them due to the queue of outgoing mail.
//! Whoever sends them takes them away afterwards: each leaves at least once.

use mail_store::tables::directory::SLICES;
use mail_store::tables::security::{Letter, LetterKind, LetterRow};
use mail_store::{Class, Partition};
use mail_types::{AccountId, EmailAddress, Secret};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::Change;
use crate::vault::Use;

/// A letter that could not be sent for so long is dropped: what it says is no longer news.
pub const LETTER_SECONDS_MAX: i64 = 3 * 24 * 3600;

/// A letter to be sent.
#[derive(Clone, Debug)]
pub struct DueLetter {
    /// The partition whose commit made it due.
    slice: Partition,
    /// Names it there.
    key: (u64, u64),
    /// Whose account it is about.
    pub account: AccountId,
    /// What it says.
    pub kind: LetterKind,
    /// To whom.
    pub to: Vec<EmailAddress>,
    /// `fr` or `en`.
    pub language: String,
    /// When what it tells of happened, in Unix seconds.
    pub at: i64,
    /// From where.
    pub peer: Option<std::net::IpAddr>,
    /// The code in it.
    pub code: Option<Secret<String>>,
    /// A device or an address.
    pub about: String,
}

impl Directory {
    /// Returns when a letter may be due.
    pub async fn letters_due(&self) {
        self.inner.letters_due.notified().await;
    }

    /// Letters that wait, at most this many.
    pub async fn due_letters(&self, limit: usize) -> Result<Vec<DueLetter>, DirectoryError> {
        let mut due = Vec::new();
        for id in 0..=SLICES {
            let slice = Partition { class: Class::Directory, id };
            let left = limit.saturating_sub(due.len());
            if left == 0 {
                break;
            }
            let page = self.inner.rows.scan::<Letter>(slice, None, left).await?;
            due.extend(page.rows.into_iter().map(|(key, row)| self.due(slice, key, row)));
        }
        Ok(due)
    }

    fn due(&self, slice: Partition, key: (u64, u64), row: LetterRow) -> DueLetter {
        let sealed = (!row.sealed.is_empty()).then_some(row.sealed);
        let code = sealed.and_then(|sealed| {
            let text = self.inner.vault.open(Use::MailedCode, &key.0.to_be_bytes(), &sealed)?;
            std::str::from_utf8(&text).ok().map(Secret::from)
        });
        DueLetter {
            slice,
            key,
            account: AccountId(key.0),
            kind: row.kind,
            to: row.to,
            language: row.language,
            at: row.at,
            peer: row.peer,
            code,
            about: row.about,
        }
    }

    /// Takes a letter away that was sent, or that nobody needs any more.
    pub async fn letter_done(&self, letter: &DueLetter) -> Result<(), DirectoryError> {
        let mut change = Change::unversioned(letter.slice);
        change.delete::<Letter>(&letter.key);
        self.inner.rows.commit(change).await?;
        Ok(())
    }

    /// Whether a letter is too old to be sent.
    pub fn is_stale(&self, letter: &DueLetter) -> bool {
        // The link that stops a reset is of use for as long as the letter is.
        let code_is_over = letter.code.is_some()
            && letter.kind != LetterKind::IdentityBegun
            && self.now().as_second() - letter.at > crate::recovery::CODE_SECONDS;
        code_is_over || self.now().as_second() - letter.at > LETTER_SECONDS_MAX
    }
}
