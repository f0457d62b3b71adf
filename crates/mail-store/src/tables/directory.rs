//! Rows of the directory partitions: accounts, what points to them, domains.
//!
//! Partition [`ROSTER`] holds what there is little of (counters, domains, units); the others are
//! [`SLICES`] equal slices. Accounts lie in slices by blocks of consecutive numbers, addresses
//! and academic IDs by hash, so a name and its account are seldom in one partition: the rows that
//! point to an account say how sure they are ([`ClaimState`]).

use mail_types::{AcademicId, AccountId, EmailAddress, Role};
use serde::{Deserialize, Serialize};

use super::mail::table;
use super::security::KeyedHash;
use crate::meta_store::{Class, Partition};
use crate::table::Table;

/// The partition of counters, domains and units.
pub const ROSTER: Partition = Partition { class: Class::Directory, id: 0 };

/// How many slices there are besides; part of the storage format.
pub const SLICES: u64 = 64;

/// Accounts whose numbers differ only in these low bits share a slice, so that a list in number
/// order reads few partitions.
pub const BLOCK_BITS: u32 = 10;

/// The slice that holds this account and its credentials.
pub fn account_slice(account: AccountId) -> Partition {
    slice(account.0 >> BLOCK_BITS)
}

/// The slice that holds what this name points to.
pub fn name_slice(name: &str) -> Partition {
    slice(u64::from(blake3::hash(name.as_bytes()).as_bytes()[0]))
}

fn slice(number: u64) -> Partition {
    Partition { class: Class::Directory, id: 1 + number % SLICES }
}

table!(/// One row, in the roster.
    Counters = 1, () => CountersRow);
table!(/// A domain by its A-label form, in the roster.
    Domain = 2, String => DomainRow);
table!(/// An account by its number. Never removed.
    Account = 3, u64 => AccountRow);
table!(/// An account's password; absent when it has none.
    Password = 4, u64 => PasswordRow);
table!(/// Whose an address is, by its look-up form. Removed only when a reservation is given up.
    Address = 5, String => ClaimRow);
table!(/// Whose an academic ID is.
    AcademicIdentifier = 6, String => ClaimRow);
table!(/// (account, token): the reservations under this token have been given to somebody else, so
    /// the commit that would make them good must not happen any more.
    Fence = 7, (u64, u64) => ());
table!(/// A school or service by its code, in the roster.
    Unit = 8, String => UnitRow);
table!(/// What proves who an account's owner is, and is not shown.
    Identity = 9, u64 => IdentityRow);
table!(/// The secret that opens the page on which a password is chosen; absent when there is none.
    TemporarySecret = 10, u64 => TemporarySecretRow);
table!(/// A deleted account whose mail is known to be gone.
    Purged = 11, u64 => ());
table!(/// One row, in the roster: the time as maintenance last saw it.
    ClockSeen = 12, () => ClockSeenRow);

/// The directory's counters. Never go back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountersRow {
    /// The number the next account gets.
    pub next_account: u64,
}

/// The time as maintenance last saw it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockSeenRow {
    /// The newest time that was believed, in Unix seconds.
    pub believed: i64,
    /// A clock that is far ahead of it.
    pub doubt: Option<ClockDoubtRow>,
}

/// A clock that is far ahead of the time that was believed last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockDoubtRow {
    /// What it told first, in Unix seconds.
    pub since: i64,
    /// What it told last.
    pub last: i64,
}

/// A domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainRow {
    /// What it is to us.
    pub kind: DomainKindRow,
    /// Who reads mail to its `postmaster`; `None` takes the setting.
    pub postmaster: Option<EmailAddress>,
}

/// What a domain is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DomainKindRow {
    /// Its mailboxes are here.
    Hosted,
}

/// An account. That its names point here is said by their own rows; that it answers to them is
/// said here and decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Where its own mail goes and what it writes as.
    pub primary_address: EmailAddress,
    /// Further addresses.
    pub aliases: Vec<EmailAddress>,
    /// What is known of the person.
    pub person: PersonRow,
    /// The number on the hand-out sheet.
    pub academic_id: AcademicId,
    /// Codes of its schools and services, the first one its own.
    pub units: Vec<String>,
    /// What it may do.
    pub role: Role,
    /// Bytes its mailboxes may hold: `None` takes the setting, 0 is unlimited.
    pub quota_bytes: Option<u64>,
    /// Days since 1970-01-01 on which it is deleted.
    pub leaves_on: Option<i32>,
    /// Where it stands in its life.
    pub state: AccountStateRow,
    /// Rises with every change of a credential or of the state.
    pub credential_version: u64,
}

/// What is known of the person. What identifies but is not shown (birth date) has its own table
/// in the same slice, so that look-ups do not carry it along.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonRow {
    /// As `From` shows it.
    pub display_name: String,
}

/// Where an account stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountStateRow {
    /// Has no password of its own yet.
    AwaitingFirstLogin,
    /// In use.
    Active,
    /// Receives mail, cannot log in.
    Suspended,
    /// Gone; keeps its names.
    Deleted,
}

/// An account's password.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PasswordRow {
    /// Argon2id, with its parameters and salt, as a PHC string; until the first right login after
    /// an import perhaps another system's `{SSHA}`, `{CRYPT}$6$` or bcrypt.
    pub phc: String,
}

/// A school or service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitRow {
    /// As people call it.
    pub name: String,
    /// Accounts that help its people.
    pub officers: Vec<AccountId>,
    /// How the public reaches them: a room, a telephone number.
    pub contact: String,
}

/// What proves who an account's owner is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdentityRow {
    /// First name in use.
    pub given_name: String,
    /// Family name at birth.
    pub birth_name: String,
    /// Family name in use, when it is another one.
    pub usage_name: String,
    /// Over account and date; the date itself is nowhere.
    pub birth_date: Option<KeyedHash>,
}

/// A temporary secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemporarySecretRow {
    /// Over account and secret.
    pub secret: KeyedHash,
    /// Unix seconds from which on it opens nothing.
    pub expires_at: i64,
    /// Whether it stands in for a password that there was before.
    pub replaces: bool,
}

/// Never shows the hash.
impl std::fmt::Debug for PasswordRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordRow(***)")
    }
}

/// Whose a name is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The account, which need not exist (yet) while the name is only reserved.
    pub account: AccountId,
    /// How sure that is.
    pub state: ClaimState,
}

/// How sure a name's owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimState {
    /// Somebody wants it; the account row says whether they got it.
    Reserved {
        /// Names the attempt.
        token: u64,
        /// Whether it was retired before and is again when the attempt fails.
        retired: bool,
    },
    /// The account answers to it.
    Held,
    /// The account once answered to it; nobody else ever will.
    Retired,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_accounts_shares_a_slice_and_none_lies_in_the_roster() {
        assert_eq!(account_slice(AccountId(0)), account_slice(AccountId(1023)));
        assert_ne!(account_slice(AccountId(1023)), account_slice(AccountId(1024)));
        for number in 0..100 {
            assert_ne!(account_slice(AccountId(number << BLOCK_BITS)), ROSTER);
            assert_ne!(name_slice(&number.to_string()), ROSTER);
        }
    }

    #[test]
    fn a_password_row_prints_no_hash() {
        let row = PasswordRow { phc: "$argon2id$".into() };
        assert!(!format!("{row:?}").contains("argon2id"));
    }
}
