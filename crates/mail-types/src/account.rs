//! Who exists and who acts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Names an account for ever: opaque, never reused, and the key of its partition.
///
/// Addresses and the academic ID only point to it, so all of them may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(pub u64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0)
    }
}

/// On whose behalf a service call is made. Every call takes it together with whose mailbox it
/// means; the service compares the two and nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person or system that has logged in to this account.
    Account(AccountId),
    /// Facteur itself: delivery, the indexer, the collector, `facteur verify`.
    System,
}

/// What an account may do beyond owning a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Owns a mailbox.
    #[default]
    Agent,
    /// Also helps the people of their own units. Never sees mail or passwords.
    ItOfficer,
    /// The IT department.
    Administrator,
    /// A school's mail server, a copier, an application that sends mail.
    System,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Agent => "agent",
            Role::ItOfficer => "it-officer",
            Role::Administrator => "administrator",
            Role::System => "system",
        })
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "agent" => Ok(Role::Agent),
            "it-officer" => Ok(Role::ItOfficer),
            "administrator" => Ok(Role::Administrator),
            "system" => Ok(Role::System),
            _ => Err(format!(
                "unknown role {text:?}: use agent, it-officer, administrator or system"
            )),
        }
    }
}

/// The number printed on the hand-out sheet: 4 to 16 ASCII digits, unique, personal data.
///
/// `Debug` masks all but the last two digits, so that no log holds it whole.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AcademicId(String);

/// Why a text is not an academic ID.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an academic ID is 4 to 16 digits")]
pub struct InvalidAcademicId;

impl AcademicId {
    /// The digits, for look-up and for the page that shows them to their owner.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AcademicId {
    type Err = InvalidAcademicId;

    fn from_str(text: &str) -> Result<Self, InvalidAcademicId> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for AcademicId {
    type Error = InvalidAcademicId;

    fn try_from(text: String) -> Result<Self, InvalidAcademicId> {
        let valid = (4..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if valid { Ok(Self(text)) } else { Err(InvalidAcademicId) }
    }
}

impl From<AcademicId> for String {
    fn from(id: AcademicId) -> String {
        id.0
    }
}

impl fmt::Debug for AcademicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn academic_id_is_masked_in_debug() {
        let id: AcademicId = "0123456789".parse().unwrap();
        assert_eq!(format!("{id:?}"), "…89");
    }

    #[test]
    fn academic_id_refuses_anything_but_digits() {
        for text in ["", "123", "12345678901234567", "12a4", "１２３４"] {
            assert_eq!(text.parse::<AcademicId>(), Err(InvalidAcademicId), "{text}");
        }
    }

    #[test]
    fn role_parses_what_it_prints() {
        for role in [Role::Agent, Role::ItOfficer, Role::Administrator, Role::System] {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
    }
}
