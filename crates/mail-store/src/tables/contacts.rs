//! Rows of an account's address book (table numbers 96 to 111 of its partition).

use mail_types::EmailAddress;
use serde::{Deserialize, Serialize};

use super::mail::table;
use crate::table::{KeyBytes, KeyReader, Table, TableKey};

table!(/// Somebody in the address book.
    Contact = 96, ContactId => ContactRow);
table!(/// People who are written to together.
    ContactGroup = 97, GroupId => GroupRow);
table!(/// Whom the account wrote to lately, by the look-up form of the address.
    Correspondent = 98, String => CorrespondentRow);
table!(/// One row: the address book's counters.
    AddressBook = 99, () => AddressBookRow);

/// A contact's number. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContactId(pub u32);

/// A group's number. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId(pub u32);

impl TableKey for ContactId {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u32(self.0)
    }

    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u32().map(Self)
    }
}

impl TableKey for GroupId {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u32(self.0)
    }

    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u32().map(Self)
    }
}

/// The address book's counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AddressBookRow {
    /// The next contact's or group's number.
    pub next: u32,
    /// How many contacts there are.
    pub contacts: u32,
    /// How many groups there are.
    pub groups: u32,
}

/// Somebody in the address book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRow {
    /// What they are called.
    pub name: String,
    /// Where they work, or which class they are in.
    pub organization: String,
    /// All their addresses: of a pupil, those of both parents.
    pub addresses: Vec<EmailAddress>,
    /// Their telephone numbers, as typed.
    pub phones: Vec<String>,
    /// Anything else.
    pub notes: String,
}

/// People who are written to together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// What it is called.
    pub name: String,
    /// Who is in it, sorted; with all addresses they have.
    pub members: Vec<ContactId>,
}

/// Somebody who was written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrespondentRow {
    /// The name beside the address, when there was one.
    pub name: String,
    /// The address.
    pub address: EmailAddress,
    /// When last, in Unix seconds.
    pub last: i64,
    /// How often.
    pub times: u32,
}
