//! Accounts as the rest of Facteur sees them, and how they lie in the store.

use std::sync::Arc;

use mail_store::tables::directory::{AccountRow, AccountStateRow, PersonRow, TemporarySecretRow};
use mail_store::tables::security::{KeyedHash, SecurityRow};
use mail_types::{AcademicId, AccountId, EmailAddress, Role, Secret};
use serde::{Deserialize, Serialize};

use crate::claim::Name;
use crate::person::{Day, Person};
use crate::unit::UnitCode;
use crate::{app_password, totp};

/// Addresses an account may have besides its primary one.
pub const ALIASES_MAX: usize = 32;

/// What the rest of Facteur may know about an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Where its own mail goes and what it writes as.
    pub primary_address: EmailAddress,
    /// Further addresses it receives for and may write as.
    pub aliases: Vec<EmailAddress>,
    /// Display name, as `From` shows it.
    pub name: String,
    /// The number on the hand-out sheet.
    pub academic_id: AcademicId,
    /// Its schools and services, its own first.
    pub units: Vec<UnitCode>,
    /// What it may do.
    pub role: Role,
    /// Bytes its mailboxes may hold; `None` is unlimited.
    pub quota_bytes: Option<u64>,
    /// The day on which it is deleted.
    pub leaves_on: Option<Day>,
    /// Where it stands in its life.
    pub state: AccountState,
    /// Rises with every change of a credential or of the state; sessions that saw another end.
    pub credential_version: u64,
    /// Until when a reset keeps it from sending much and from changing what would give it away, in
    /// Unix seconds; perhaps past.
    pub hold_until: Option<i64>,
    /// Mail that came before is closed, in Unix seconds: its password was replaced by identity
    /// alone, and no officer has said yet that it was the owner.
    pub mail_locked_before: Option<i64>,
    /// Whether the password alone is not enough.
    pub has_second_factor: bool,
}

impl Account {
    /// Whether its owner may log in and read.
    pub fn is_in_use(&self) -> bool {
        matches!(self.state, AccountState::Active | AccountState::Leaving)
    }

    /// Whether its owner leaves: reads and takes along what is theirs, and changes nothing of it.
    pub fn is_read_only(&self) -> bool {
        self.state == AccountState::Leaving
    }

    /// Whether it administers. Somebody who leaves no longer does.
    pub fn administers(&self) -> bool {
        self.role == Role::Administrator && self.state == AccountState::Active
    }

    /// Whether it helps others in with lost passwords: those of its units, or everybody.
    pub fn helps(&self) -> bool {
        self.role == Role::ItOfficer || self.administers()
    }

    /// Whether it helps or administers others, so that no one person opens it alone.
    pub fn is_privileged(&self) -> bool {
        matches!(self.role, Role::ItOfficer | Role::Administrator)
    }

    /// All its addresses, the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = &EmailAddress> {
        std::iter::once(&self.primary_address).chain(&self.aliases)
    }
}

/// Where an account stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// Has a temporary secret and no mail access yet.
    AwaitingFirstLogin,
    /// In use.
    Active,
    /// In use until the day on which it is deleted; sends nothing any more.
    Leaving,
    /// Receives mail, cannot log in.
    Suspended,
    /// Gone; its addresses and academic ID stay reserved for ever.
    Deleted,
}

impl AccountState {
    fn of(row: AccountStateRow, leaves_on: Option<i32>) -> Self {
        match row {
            AccountStateRow::AwaitingFirstLogin => AccountState::AwaitingFirstLogin,
            AccountStateRow::Active if leaves_on.is_some() => AccountState::Leaving,
            AccountStateRow::Active => AccountState::Active,
            AccountStateRow::Suspended => AccountState::Suspended,
            AccountStateRow::Deleted => AccountState::Deleted,
        }
    }
}

impl std::fmt::Display for AccountState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AccountState::AwaitingFirstLogin => "awaiting first login",
            AccountState::Active => "active",
            AccountState::Leaving => "leaving",
            AccountState::Suspended => "suspended",
            AccountState::Deleted => "deleted",
        })
    }
}

/// A new account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its first address.
    pub primary_address: EmailAddress,
    /// Display name.
    pub name: String,
    /// What else is known of its owner.
    pub person: Person,
    /// The number on the hand-out sheet.
    pub academic_id: AcademicId,
    /// Its schools and services, its own first.
    pub units: Vec<UnitCode>,
    /// What it may do.
    pub role: Role,
    /// Its own quota, 0 is unlimited; `None` takes the default.
    pub quota_bytes: Option<u64>,
    /// Its first password; `None` leaves it unable to log in until one is set or a temporary
    /// secret given.
    pub password: Option<NewPassword>,
}

/// A password to be stored.
#[derive(Clone, Debug)]
pub enum NewPassword {
    /// Hashed here.
    Plain(Secret<String>),
    /// Already an Argon2id PHC string (the demo shares one among its agents), or the `{SSHA}`,
    /// `{CRYPT}$6$` or bcrypt of another system, which the first right login replaces.
    Hash(String),
}

/// What changes about an account; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountUpdate {
    /// The new primary address; the old one stays as an alias.
    pub primary_address: Option<EmailAddress>,
    /// Display name.
    pub name: Option<String>,
    /// What else is known of its owner; what is not given stays.
    pub person: Person,
    /// All its schools and services, its own first.
    pub units: Option<Vec<UnitCode>>,
    /// What it may do.
    pub role: Option<Role>,
    /// Its own quota, 0 is unlimited; `Some(None)` goes back to the default.
    pub quota_bytes: Option<Option<u64>>,
}

impl AccountUpdate {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An account with what must not leave this crate.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) account: Arc<Account>,
    pub(crate) phc: Option<Arc<str>>,
    /// While it awaits its first login.
    pub(crate) secret: Option<TemporarySecretRow>,
    /// Its own quota as stored; the account carries what it comes to.
    pub(crate) quota_own: Option<u64>,
    /// What it came to without its own.
    pub(crate) quota_bytes_default: u64,
    /// What its devices log in with.
    pub(crate) app_passwords: Vec<(u32, KeyedHash)>,
    /// Whether a reset by identity alone waits, which any login ends.
    pub(crate) is_being_reset: bool,
}

impl Loaded {
    pub(crate) fn new(
        id: AccountId,
        row: AccountRow,
        phc: Option<String>,
        secret: Option<TemporarySecretRow>,
        quota_bytes_default: u64,
    ) -> Self {
        let quota = row.quota_bytes.unwrap_or(quota_bytes_default);
        let account = Account {
            id,
            primary_address: row.primary_address,
            aliases: row.aliases,
            name: row.person.display_name,
            academic_id: row.academic_id,
            units: row.units.into_iter().map(UnitCode::stored).collect(),
            role: row.role,
            quota_bytes: (quota != 0).then_some(quota),
            leaves_on: row.leaves_on.map(Day::numbered),
            state: AccountState::of(row.state, row.leaves_on),
            credential_version: row.credential_version,
            hold_until: None,
            mail_locked_before: None,
            has_second_factor: false,
        };
        Self {
            account: Arc::new(account),
            phc: phc.map(Arc::from),
            secret,
            quota_own: row.quota_bytes,
            quota_bytes_default,
            app_passwords: Vec::new(),
            is_being_reset: false,
        }
    }

    /// With what logins are compared with besides the password.
    pub(crate) fn secured(self, security: &SecurityRow) -> Self {
        let app_passwords = app_password::hashes(security);
        let is_being_reset = security.identity.is_some();
        let mut account = Arc::unwrap_or_clone(self.account);
        account.hold_until = security.hold_until;
        account.mail_locked_before = security.mail_locked_before;
        account.has_second_factor = totp::is_on(security);
        Self { account: Arc::new(account), app_passwords, is_being_reset, ..self }
    }

    /// Whether the account answers to this name today.
    pub(crate) fn answers_to(&self, name: &Name) -> bool {
        self.account.state != AccountState::Deleted && lists(&self.account, name)
    }
}

/// Whether this is one of the account's names, in whatever state it is.
pub(crate) fn lists(account: &Account, name: &Name) -> bool {
    match name {
        Name::Address(key) => account.addresses().any(|address| address.lookup_key() == *key),
        Name::AcademicId(id) => account.academic_id.as_str() == id,
    }
}

/// All names in an account's row.
pub(crate) fn names(row: &AccountRow) -> Vec<Name> {
    std::iter::once(&row.primary_address)
        .chain(&row.aliases)
        .map(Name::of_address)
        .chain([Name::of_academic_id(&row.academic_id)])
        .collect()
}

/// The first row of an account.
pub(crate) fn new_row(new: &NewAccount) -> AccountRow {
    let state = match new.password {
        Some(_) => AccountStateRow::Active,
        None => AccountStateRow::AwaitingFirstLogin,
    };
    AccountRow {
        primary_address: new.primary_address.clone(),
        aliases: Vec::new(),
        person: PersonRow { display_name: new.name.clone() },
        academic_id: new.academic_id.clone(),
        units: new.units.iter().map(|code| code.as_str().to_owned()).collect(),
        role: new.role,
        quota_bytes: new.quota_bytes,
        leaves_on: None,
        state,
        credential_version: 1,
    }
}
