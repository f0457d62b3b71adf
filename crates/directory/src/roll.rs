//! What an administrator looks for: accounts by name, unit and state, and how many there are.
//! Everything is read through: forty thousand accounts are some hundredths of a second, and none of
//! it is asked for often.

use std::sync::Arc;

use mail_store::tables::directory::{self as tables, account_slice};
use mail_types::{AccountId, Role};

use crate::account::{Account, AccountState};
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::name_words::name_words;
use crate::unit::UnitCode;

/// How many accounts there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// Have a temporary secret, or none yet.
    pub awaiting: u64,
    /// In use.
    pub active: u64,
    /// In use until their last day.
    pub leaving: u64,
    /// Cannot log in.
    pub suspended: u64,
    /// Gone.
    pub deleted: u64,
    /// Of those in use, how many administer.
    pub administrators: u64,
}

/// Which accounts are wanted; empty words, and `None`, are everybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountFilter {
    /// Words that names and addresses begin with.
    pub words: String,
    /// Those of this unit.
    pub unit: Option<UnitCode>,
    /// Those in this state; deleted ones only when asked for.
    pub state: Option<AccountState>,
}

impl AccountFilter {
    fn fits(&self, words: &[String], account: &Account) -> bool {
        let state = match self.state {
            Some(state) => account.state == state,
            None => account.state != AccountState::Deleted,
        };
        state
            && self.unit.as_ref().is_none_or(|unit| account.units.contains(unit))
            && begin(words, account)
    }
}

/// Whether each word begins one of the account's.
fn begin(words: &[String], account: &Account) -> bool {
    if words.is_empty() {
        return true;
    }
    let addresses: Vec<_> = account.addresses().map(ToString::to_string).collect();
    let own = name_words(&format!("{} {}", account.name, addresses.join(" ")));
    words.iter().all(|word| own.iter().any(|one| one.starts_with(word.as_str())))
}

impl Directory {
    /// Accounts that fit, in the order of their numbers, after this one; at most `limit`.
    pub async fn find_accounts(
        &self,
        filter: &AccountFilter,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Arc<Account>>, DirectoryError> {
        let words = name_words(&filter.words);
        // What was typed and has no word in it is nobody, not everybody.
        let nobody = words.is_empty() && !filter.words.trim().is_empty();
        let (mut found, mut after) = (Vec::new(), after);
        while !nobody && found.len() < limit {
            let page = self.accounts(after, ACCOUNTS_PER_PAGE_MAX).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            found.extend(page.into_iter().filter(|account| filter.fits(&words, account)));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// How many accounts there are. Reads all of them.
    pub async fn count_accounts(&self) -> Result<AccountCounts, DirectoryError> {
        let (mut counts, mut after) = (AccountCounts::default(), None);
        loop {
            let page = self.accounts(after, ACCOUNTS_PER_PAGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(counts) };
            after = Some(last.id);
            for account in &page {
                let count = match account.state {
                    AccountState::AwaitingFirstLogin => &mut counts.awaiting,
                    AccountState::Active => &mut counts.active,
                    AccountState::Leaving => &mut counts.leaving,
                    AccountState::Suspended => &mut counts.suspended,
                    AccountState::Deleted => &mut counts.deleted,
                };
                *count += 1;
                let administers = account.role == Role::Administrator && account.is_in_use();
                counts.administrators += u64::from(administers);
            }
        }
    }

    /// The account's own quota in bytes, 0 is unlimited; `None` when it has the default.
    pub async fn own_quota(&self, id: AccountId) -> Result<Option<u64>, DirectoryError> {
        let row = self.inner.rows.get::<tables::Account>(account_slice(id), &id.0).await?;
        Ok(row.and_then(|row| row.quota_bytes))
    }
}
