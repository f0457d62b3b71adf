//! New accounts, one or a thousand at a time.
//!
//! The commits of a batch are shared: one for its numbers, one per slice for the names, one per
//! slice for the accounts, so that forty thousand accounts are some hundreds of syncs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use mail_store::Partition;
use mail_store::tables::directory::{
    self as tables, AccountRow, CountersRow, IdentityRow, PasswordRow, ROSTER, TemporarySecretRow,
    account_slice,
};
use mail_types::{AccountId, EmailAddress, Secret};

use crate::account::{self, Account, AccountUpdate, NewAccount, NewPassword};
use crate::admin::refuse_weak;
use crate::audit_record::Act;
use crate::claim::{Name, Wanted};
use crate::deed::{By, Deed, Subject};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::person::NAME_BYTES_MAX;
use crate::rows::{Change, REBUILDS_MAX};
use crate::strength::weigh_elsewhere;
use crate::temporary_secret::{self, SecretFor, Sheet};
use crate::unit::UnitCode;

/// Schools and services of one account.
const UNITS_PER_ACCOUNT_MAX: usize = 32;
/// Accounts that one commit brings in.
const ACCOUNTS_PER_COMMIT_MAX: usize = 512;

/// A new account that has passed the checks that need no store, its password hashed.
pub(crate) struct Prepared {
    pub(crate) new: NewAccount,
    pub(crate) phc: Option<String>,
    /// A temporary secret, and when it ends.
    pub(crate) secret: Option<(Secret<String>, Timestamp)>,
}

/// A new account under way.
struct Attempt {
    id: AccountId,
    row: AccountRow,
    phc: Option<String>,
    identity: Option<IdentityRow>,
    secret: Option<TemporarySecretRow>,
    names: Vec<Name>,
    refused: Option<DirectoryError>,
}

impl Directory {
    /// Creates an account, with its number, its names and its password.
    ///
    /// # Errors
    /// [`DirectoryError::Taken`] and [`DirectoryError::Invalid`] say what stands in the way.
    pub async fn create_account(&self, new: NewAccount) -> Result<Arc<Account>, DirectoryError> {
        self.check_new(&new)?;
        self.check_first_password(&new).await?;
        let phc = match &new.password {
            Some(password) => Some(self.inner.hasher.store_form(password).await?),
            None => None,
        };
        let deed = Deed::console(Act::AccountCreated);
        self.create_one(Prepared { new, phc, secret: None }, &deed).await
    }

    /// Creates an account with a temporary secret, with which its owner chooses a password.
    ///
    /// # Errors
    /// As [`Directory::create_account`].
    pub async fn provision(&self, new: NewAccount) -> Result<Sheet, DirectoryError> {
        self.provision_by(new, &Deed::console(Act::AccountCreated)).await
    }

    pub(crate) async fn provision_by(
        &self,
        new: NewAccount,
        by: By<'_>,
    ) -> Result<Sheet, DirectoryError> {
        let new = NewAccount { password: None, ..new };
        self.check_new(&new)?;
        let secret = temporary_secret::generate();
        let expires_at = self.now() + SecretFor::FirstLogin.lifetime();
        let prepared = Prepared { new, phc: None, secret: Some((secret.clone(), expires_at)) };
        let account = self.create_one(prepared, by).await?;
        Ok(Sheet::new(&account, secret, expires_at))
    }

    async fn create_one(
        &self,
        prepared: Prepared,
        by: By<'_>,
    ) -> Result<Arc<Account>, DirectoryError> {
        let outcomes = self.create_all(vec![prepared], by).await?;
        let id = outcomes.into_iter().next().ok_or(DirectoryError::Busy { what: "creating" })??;
        self.account(id).await?.ok_or_else(|| DirectoryError::no_account(id))
    }

    /// The rules that need no store.
    pub(crate) fn check_new(&self, new: &NewAccount) -> Result<(), DirectoryError> {
        self.check_address(&new.primary_address)?;
        check_text("name", &new.name, NAME_BYTES_MAX)?;
        new.person.check()?;
        self.check_units(&new.units)
    }

    /// Refuses a first password that is not good enough for this account.
    pub(crate) async fn check_first_password(
        &self,
        new: &NewAccount,
    ) -> Result<(), DirectoryError> {
        let Some(NewPassword::Plain(password)) = &new.password else { return Ok(()) };
        let own = vec![
            new.name.clone(),
            new.primary_address.to_string(),
            new.academic_id.as_str().to_owned(),
        ];
        refuse_weak(&weigh_elsewhere(password, own).await?)
    }

    /// As [`Directory::check_new`], for an update.
    pub(crate) fn check_update(&self, update: &AccountUpdate) -> Result<(), DirectoryError> {
        if let Some(name) = &update.name {
            check_text("name", name, NAME_BYTES_MAX)?;
        }
        update.person.check()?;
        self.check_units(update.units.as_deref().unwrap_or_default())
    }

    fn check_units(&self, units: &[UnitCode]) -> Result<(), DirectoryError> {
        if units.len() > UNITS_PER_ACCOUNT_MAX {
            return Err(DirectoryError::Invalid(format!(
                "an account has at most {UNITS_PER_ACCOUNT_MAX} units"
            )));
        }
        self.check_units_known(units)
    }

    /// Whether an account may be given this address.
    pub(crate) fn check_address(&self, address: &EmailAddress) -> Result<(), DirectoryError> {
        let refuse = |reason: &str| Err(DirectoryError::Invalid(format!("{address}: {reason}")));
        if !self.domains_now().contains_key(address.domain()) {
            return refuse("its domain is not hosted here");
        }
        if address.local_part().contains(EmailAddress::SUBADDRESS_DELIMITER) {
            return refuse("what stands after a + is a subaddress and belongs to its owner");
        }
        // A quoted local part is legal, and few programs let anybody write to it.
        if address.to_string().starts_with('"') {
            return refuse("it would have to be quoted");
        }
        Ok(())
    }

    /// Creates accounts together. The outer error is the store's; then, nobody knows which of
    /// them exist, and a repeated attempt or a repair finds out.
    pub(crate) async fn create_all(
        &self,
        prepared: Vec<Prepared>,
        by: By<'_>,
    ) -> Result<Vec<Result<AccountId, DirectoryError>>, DirectoryError> {
        let _changing = self.inner.changing.lock().await;
        let first = self.take_numbers(prepared.len() as u64).await?;
        let mut attempts = self.attempts(prepared, first);
        let token = rand::random();
        let taken = self.inner.rows.reserve(&wanted(&attempts, token, false)).await?;
        let taken: HashSet<Name> = taken.into_iter().collect();
        for attempt in &mut attempts {
            if let Some(name) = attempt.names.iter().find(|name| taken.contains(name)) {
                attempt.refused.get_or_insert_with(|| name.taken());
            }
        }
        self.publish(&mut attempts, token, by).await?;
        self.inner.rows.release(&wanted(&attempts, token, true)).await?;
        self.inner.rows.confirm(&wanted(&attempts, token, false)).await?;
        Ok(attempts
            .into_iter()
            .map(|attempt| attempt.refused.map_or(Ok(attempt.id), Err))
            .collect())
    }

    fn attempts(&self, prepared: Vec<Prepared>, first: u64) -> Vec<Attempt> {
        let vault = &self.inner.vault;
        let mut seen = HashSet::new();
        let attempt = |(place, prepared): (usize, Prepared)| {
            let Prepared { new, phc, secret } = prepared;
            let id = AccountId(first + place as u64);
            let row = account::new_row(&new);
            let names = account::names(&row);
            let twice = names.iter().find(|name| seen.contains(*name)).map(Name::taken);
            if twice.is_none() {
                seen.extend(names.iter().cloned());
            }
            let known = !new.person.is_empty();
            let identity = known.then(|| new.person.over(IdentityRow::default(), id, vault));
            let secret = secret.map(|(secret, expires_at)| {
                temporary_secret::row(vault, id, &secret, expires_at, SecretFor::FirstLogin)
            });
            Attempt { id, row, phc, identity, secret, names, refused: twice }
        };
        prepared.into_iter().enumerate().map(attempt).collect()
    }

    /// Account numbers, never given to anybody before: the first of so many.
    async fn take_numbers(&self, count: u64) -> Result<u64, DirectoryError> {
        let rows = &self.inner.rows;
        for _ in 0..REBUILDS_MAX {
            let version = rows.version(ROSTER).await?;
            let first = self.next_number().await?;
            let mut change = Change::of(ROSTER).expect(version);
            change.put::<tables::Counters>(&(), &CountersRow { next_account: first + count });
            if rows.commit(change).await? {
                return Ok(first);
            }
        }
        Err(DirectoryError::Busy { what: "taking account numbers" })
    }

    /// The number that the next account gets.
    pub(crate) async fn next_number(&self) -> Result<u64, DirectoryError> {
        let counters = self.inner.rows.get::<tables::Counters>(ROSTER, &()).await?;
        Ok(counters.map_or(1, |counters| counters.next_account))
    }

    /// Writes the account rows of those not refused so far: the moment from which they exist.
    async fn publish(
        &self,
        attempts: &mut [Attempt],
        token: u64,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        let mut slices: BTreeMap<Partition, Vec<&mut Attempt>> = BTreeMap::new();
        for attempt in attempts.iter_mut().filter(|attempt| attempt.refused.is_none()) {
            slices.entry(account_slice(attempt.id)).or_default().push(attempt);
        }
        for (slice, mut attempts) in slices {
            for together in attempts.chunks_mut(ACCOUNTS_PER_COMMIT_MAX) {
                let whole: Vec<_> = together.iter().map(|attempt| &**attempt).collect();
                if self.publish_together(slice, &whole, token, by).await? {
                    continue;
                }
                // Somebody else has taken a name of at least one of them: find out of which.
                for attempt in together {
                    let alone = &[&**attempt];
                    if !self.publish_alone(slice, alone, token, by).await? {
                        attempt.refused = Some(attempt.row_taken());
                    }
                }
            }
        }
        Ok(())
    }

    /// One try; `false` when something stands in the way.
    async fn publish_together(
        &self,
        slice: Partition,
        attempts: &[&Attempt],
        token: u64,
        by: By<'_>,
    ) -> Result<bool, DirectoryError> {
        let version = self.inner.rows.version(slice).await?;
        let mut change = publication(slice, attempts, token).expect(version);
        let line = |attempt: &&Attempt| (Subject::Account(attempt.id), attempt.described());
        let lines: Vec<_> = attempts.iter().map(line).collect();
        self.note(&mut change, by, &lines).await?;
        Ok(self.inner.rows.commit(change).await?)
    }

    /// Tries until nothing but a taken name can stand in the way.
    async fn publish_alone(
        &self,
        slice: Partition,
        attempt: &[&Attempt; 1],
        token: u64,
        by: By<'_>,
    ) -> Result<bool, DirectoryError> {
        let fence = (attempt[0].id.0, token);
        for _ in 0..REBUILDS_MAX {
            if self.publish_together(slice, attempt, token, by).await? {
                return Ok(true);
            }
            if self.inner.rows.get::<tables::Fence>(slice, &fence).await?.is_some() {
                return Ok(false);
            }
        }
        Err(DirectoryError::Busy { what: "creating an account" })
    }
}

impl Attempt {
    /// For the log.
    fn described(&self) -> String {
        format!("role={}, units={}", self.row.role, self.row.units.join(" "))
    }

    fn row_taken(&self) -> DirectoryError {
        Name::of_address(&self.row.primary_address).taken()
    }
}

/// The names of those refused, or of those not.
fn wanted(attempts: &[Attempt], token: u64, refused: bool) -> Wanted {
    let chosen = attempts.iter().filter(|attempt| attempt.refused.is_some() == refused);
    let names =
        chosen.flat_map(|attempt| attempt.names.iter().map(|name| (name.clone(), attempt.id)));
    Wanted { token, names: names.collect() }
}

fn publication(slice: Partition, attempts: &[&Attempt], token: u64) -> Change {
    let mut change = Change::of(slice);
    for Attempt { id, row, phc, identity, secret, .. } in attempts {
        change = change.absent::<tables::Account>(&id.0).absent::<tables::Fence>(&(id.0, token));
        change.put::<tables::Account>(&id.0, row);
        if let Some(phc) = phc {
            change.put::<tables::Password>(&id.0, &PasswordRow { phc: phc.clone() });
        }
        if let Some(identity) = identity {
            change.put::<tables::Identity>(&id.0, identity);
        }
        if let Some(secret) = secret {
            change.put::<tables::TemporarySecret>(&id.0, secret);
        }
    }
    change
}

/// The rules for names and codes: something, not too much, nothing that breaks a header line.
pub(crate) fn check_text(what: &str, text: &str, bytes_max: usize) -> Result<(), DirectoryError> {
    let reason = if text.trim().is_empty() {
        "is empty".to_owned()
    } else if text.len() > bytes_max {
        format!("is longer than {bytes_max} bytes")
    } else if text.chars().any(char::is_control) {
        "has a control character in it".to_owned()
    } else {
        return Ok(());
    };
    Err(DirectoryError::Invalid(format!("the {what} {reason}")))
}
