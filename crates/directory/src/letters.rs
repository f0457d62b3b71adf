//! Letters about an account, from the commit that made them due to the queue of outgoing mail.
//! Whoever sends them takes them away afterwards: each leaves at least once.

use mail_store::tables::directory::SLICES;
use mail_store::tables::security::{Letter, LetterKind, LetterRow};
use mail_store::{Class, Partition};
use mail_types::{AccountId, EmailAddress, Role, Secret};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::Change;
use crate::vault::Use;

/// A letter that could not be sent for so long is dropped: what it says is no longer news.
pub const LETTER_SECONDS_MAX: i64 = 3 * 24 * 3600;

/// Officers who are told of one person at most.
const OFFICERS_TOLD_MAX: usize = 32;

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
        let (mut due, mut administrators) = (Vec::new(), None);
        for id in 0..=SLICES {
            let slice = Partition { class: Class::Directory, id };
            let left = limit.saturating_sub(due.len());
            if left == 0 {
                break;
            }
            let page = self.inner.rows.scan::<Letter>(slice, None, left).await?;
            for (key, row) in page.rows {
                let mut letter = self.due(slice, key, row);
                if letter.kind.is_to_helpers() && letter.to.is_empty() {
                    letter.to = self.helpers_of(letter.account, &mut administrators).await?;
                }
                due.push(letter);
            }
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

    /// Where those who may help this account read their mail: the IT officers of its units, or, for
    /// somebody privileged, administrators, whom finding takes a while.
    async fn helpers_of(
        &self,
        id: AccountId,
        administrators: &mut Option<Vec<(AccountId, EmailAddress)>>,
    ) -> Result<Vec<EmailAddress>, DirectoryError> {
        let Some(account) = self.account(id).await? else { return Ok(Vec::new()) };
        if account.role != Role::Agent {
            if administrators.is_none() {
                *administrators = Some(self.administrators().await?);
            }
            let others = administrators.iter().flatten().filter(|(other, _)| *other != id);
            return Ok(others.map(|(_, to)| to.clone()).collect());
        }
        let mut addresses = Vec::new();
        let units = account.units.iter().filter_map(|code| self.unit(code));
        for officer in units.flat_map(|unit| unit.officers.clone()) {
            if officer == account.id || addresses.len() == OFFICERS_TOLD_MAX {
                continue;
            }
            let officer = self.account(officer).await?.filter(|officer| officer.is_in_use());
            let address = officer.map(|officer| officer.primary_address.clone());
            addresses.extend(address.filter(|address| !addresses.contains(address)));
        }
        Ok(addresses)
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
