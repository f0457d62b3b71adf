//! Who an account's owner is: names, and a birth date of which only a keyed hash is kept.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use mail_store::tables::directory::{self as tables, IdentityRow, account_slice};
use mail_store::tables::security::KeyedHash;
use mail_types::AccountId;
use serde::{Deserialize, Serialize};

use crate::account::AccountUpdate;
use crate::create::check_text;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::local_part::local_part;
use crate::vault::{Use, Vault};

/// Longest name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// A day: `1985-03-21`, or `21/03/1985` as it is written in French.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(civil::Date);

impl Day {
    /// The day on which this moment falls, in UTC.
    pub(crate) fn of(moment: jiff::Timestamp) -> Self {
        Self(jiff::tz::Offset::UTC.to_datetime(moment).date())
    }

    /// Days since 1970-01-01.
    pub(crate) fn number(self) -> i32 {
        let epoch = civil::Date::constant(1970, 1, 1);
        // Fits: a date's year has four digits.
        (self.0.duration_since(epoch).as_hours() / 24) as i32
    }

    /// The day so many days after 1970-01-01; the last day there is when there are too many.
    pub(crate) fn numbered(number: i32) -> Self {
        let epoch = civil::Date::constant(1970, 1, 1);
        Self(epoch.saturating_add(jiff::SignedDuration::from_hours(24 * i64::from(number))))
    }

    /// As people in France write it.
    pub fn french(self) -> String {
        format!("{:02}/{:02}/{:04}", self.0.day(), self.0.month(), self.0.year())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a date: write 1985-03-21 or 21/03/1985");
        let separator = if text.contains('/') { '/' } else { '-' };
        let parts: Vec<&str> = text.split(separator).collect();
        let [first, month, last] = parts.as_slice() else { return Err(refuse()) };
        let (year, day) = if separator == '/' { (last, first) } else { (first, last) };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || ![year, month, day].into_iter().all(|part| digits(part)) {
            return Err(refuse());
        }
        let year = year.parse().map_err(|_| refuse())?;
        let month = month.parse().map_err(|_| refuse())?;
        let day = day.parse().map_err(|_| refuse())?;
        civil::Date::new(year, month, day).map(Self).map_err(|_| refuse())
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

/// What is known of a person. Nothing of it need be known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// First name in use.
    pub given_name: Option<String>,
    /// Family name at birth.
    pub birth_name: Option<String>,
    /// Family name in use, when it is another one.
    pub usage_name: Option<String>,
    /// When they were born. Only a keyed hash of it is kept.
    pub birth_date: Option<Day>,
}

impl Person {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn family_name(&self) -> Option<&str> {
        self.usage_name.as_deref().or(self.birth_name.as_deref())
    }

    /// The name as `From` shows it, if both parts are known.
    pub fn display_name(&self) -> Option<String> {
        Some(format!("{} {}", self.given_name.as_deref()?, self.family_name()?))
    }

    /// The part before the `@` that this person gets when nobody else has it.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when a name is missing or cannot be written in ASCII.
    pub fn local_part(&self) -> Result<String, DirectoryError> {
        let missing = "an address, or a given name and a family name, is needed";
        let (given, family) = (self.given_name.as_deref(), self.family_name());
        let names = given.zip(family);
        let (given, family) = names.ok_or_else(|| DirectoryError::Invalid(missing.into()))?;
        local_part(given, family)
    }

    /// With the names that another one says in place of its own.
    #[must_use]
    pub fn overlaid(self, said: &Self) -> Self {
        let name = |new: &Option<String>, old| new.clone().or(old);
        Self {
            given_name: name(&said.given_name, self.given_name),
            birth_name: name(&said.birth_name, self.birth_name),
            usage_name: name(&said.usage_name, self.usage_name),
            birth_date: said.birth_date.or(self.birth_date),
        }
    }

    pub(crate) fn check(&self) -> Result<(), DirectoryError> {
        for (what, name) in [
            ("given name", &self.given_name),
            ("birth name", &self.birth_name),
            ("usage name", &self.usage_name),
        ] {
            if let Some(name) = name {
                check_text(what, name, NAME_BYTES_MAX)?;
            }
        }
        Ok(())
    }

    /// What is to be stored when this is what is known, and that was before.
    pub(crate) fn over(&self, before: IdentityRow, id: AccountId, vault: &Vault) -> IdentityRow {
        let name = |new: &Option<String>, old: String| new.clone().unwrap_or(old);
        let hashed = |day: Day| match before.birth_date {
            Some(known) if is_born_on(vault, id, day, &known) => known,
            _ => vault.hash(Use::BirthDate, &[&id.0.to_be_bytes(), day.to_string().as_bytes()]),
        };
        IdentityRow {
            given_name: name(&self.given_name, before.given_name),
            birth_name: name(&self.birth_name, before.birth_name),
            usage_name: name(&self.usage_name, before.usage_name),
            birth_date: self.birth_date.map(hashed).or(before.birth_date),
        }
    }
}

/// Whether this is the hash of that day for this account.
fn is_born_on(vault: &Vault, id: AccountId, day: Day, stored: &KeyedHash) -> bool {
    vault.matches(Use::BirthDate, &[&id.0.to_be_bytes(), day.to_string().as_bytes()], stored)
}

impl Directory {
    /// The names that an account's owner is known by. The birth date is not among them: it is
    /// compared, never told.
    pub async fn person(&self, id: AccountId) -> Result<Person, DirectoryError> {
        let row = self.identity(id).await?;
        let name = |name: String| (!name.is_empty()).then_some(name);
        Ok(Person {
            given_name: name(row.given_name),
            birth_name: name(row.birth_name),
            usage_name: name(row.usage_name),
            birth_date: None,
        })
    }

    /// A display name that was made of the names follows when they change; one of its own stays.
    pub(crate) async fn follow_names(
        &self,
        id: AccountId,
        update: &mut AccountUpdate,
    ) -> Result<(), DirectoryError> {
        let said = &update.person;
        let names = [&said.given_name, &said.birth_name, &said.usage_name];
        if update.name.is_some() || names.iter().all(|name| name.is_none()) {
            return Ok(());
        }
        let (known, shown) = (self.person(id).await?, self.living(id).await?.person.display_name);
        if known.display_name().is_some_and(|made| made == shown) {
            update.name = known.overlaid(said).display_name();
        }
        Ok(())
    }

    /// Whether the owner was born on this day; `None` when that is not known. The same work
    /// whatever is stored.
    pub async fn was_born_on(
        &self,
        id: AccountId,
        day: Day,
    ) -> Result<Option<bool>, DirectoryError> {
        let vault = &self.inner.vault;
        let stored = self.identity(id).await?.birth_date;
        let compared = stored.unwrap_or_else(|| vault.nothing());
        let matches = is_born_on(vault, id, day, &compared);
        Ok(stored.map(|_| matches))
    }

    pub(crate) async fn identity(&self, id: AccountId) -> Result<IdentityRow, DirectoryError> {
        let row = self.inner.rows.get::<tables::Identity>(account_slice(id), &id.0).await?;
        Ok(row.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written_here_and_elsewhere() {
        for text in ["1985-03-21", "21/03/1985"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), "1985-03-21");
        }
        assert_eq!("1985-03-21".parse::<Day>().unwrap().french(), "21/03/1985");
        for text in ["", "1985", "31/02/1985", "85-03-21", "1985/03/21", "21-03-1985", "+985-01-01"]
        {
            assert!(text.parse::<Day>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_day_has_a_number_and_the_number_a_day() {
        for (text, number) in [("1970-01-01", 0), ("2026-08-31", 20_696), ("1969-12-31", -1)] {
            let day: Day = text.parse().unwrap();
            assert_eq!((day.number(), Day::numbered(number)), (number, day), "{text}");
        }
        assert_eq!(Day::of("2026-08-31T23:59:59Z".parse().unwrap()).to_string(), "2026-08-31");
    }
}
