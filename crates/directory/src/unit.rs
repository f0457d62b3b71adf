//! Schools and services: who belongs together, who helps them, and how the public reaches those.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError};

use mail_store::tables::directory::{self as tables, ROSTER, UnitRow};
use mail_store::tables::policy::UnitPolicy;
use mail_types::AccountId;
use serde::{Deserialize, Serialize};

use crate::account::AccountState;
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::audit_record::Act;
use crate::create::check_text;
use crate::deed::{By, Deed, Subject, unit_changes};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX};

/// Units that are kept; all are held in memory.
pub const UNITS_MAX: usize = 20_000;
/// IT officers of one unit.
pub const OFFICERS_MAX: usize = 32;
/// Longest code, in characters.
const CODE_CHARS_MAX: usize = 32;
/// Longest name and longest contact, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// The code of a school or service, such as `0750001A`: letters, digits, `-`, `_` and `.`, in
/// capitals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitCode(String);

impl UnitCode {
    /// The code in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What was checked before it was stored.
    pub(crate) fn stored(code: String) -> Self {
        Self(code)
    }
}

impl FromStr for UnitCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let valid = (1..=CODE_CHARS_MAX).contains(&text.len())
            && text.chars().all(is_fine)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric());
        match valid {
            true => Ok(Self(text.to_ascii_uppercase())),
            false => Err(format!(
                "{text:?} is not the code of a unit: up to {CODE_CHARS_MAX} letters and digits, \
                 such as 0750001A"
            )),
        }
    }
}

impl TryFrom<String> for UnitCode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<UnitCode> for String {
    fn from(code: UnitCode) -> String {
        code.0
    }
}

impl fmt::Display for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A school or service.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Names it for ever.
    pub code: UnitCode,
    /// As people call it.
    pub name: String,
    /// Accounts that help its people.
    pub officers: Vec<AccountId>,
    /// How the public reaches them.
    pub contact: String,
}

/// What changes about a unit; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnitUpdate {
    /// As people call it.
    pub name: Option<String>,
    /// All its IT officers.
    pub officers: Option<Vec<AccountId>>,
    /// How the public reaches them.
    pub contact: Option<String>,
}

/// All units, by code.
pub(crate) type Units = BTreeMap<UnitCode, Arc<Unit>>;

impl Directory {
    /// The unit with this code.
    pub fn unit(&self, code: &UnitCode) -> Option<Arc<Unit>> {
        self.units_now().get(code).cloned()
    }

    /// All units, by code.
    pub fn units(&self) -> Vec<Arc<Unit>> {
        self.units_now().values().cloned().collect()
    }

    /// The units whose people this account helps.
    pub fn units_of_officer(&self, officer: AccountId) -> Vec<Arc<Unit>> {
        let units = self.units_now();
        units.values().filter(|unit| unit.officers.contains(&officer)).cloned().collect()
    }

    /// Makes a unit.
    ///
    /// # Errors
    /// [`DirectoryError::Taken`] when there is one with this code.
    pub async fn create_unit(&self, unit: Unit) -> Result<(), DirectoryError> {
        self.create_unit_by(unit, &Deed::console(Act::UnitCreated)).await
    }

    pub(crate) async fn create_unit_by(
        &self,
        unit: Unit,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        let update = UnitUpdate {
            name: Some(unit.name),
            officers: Some(unit.officers),
            contact: Some(unit.contact),
        };
        self.check_unit(&update).await?;
        if self.units_now().len() >= UNITS_MAX {
            return Err(DirectoryError::Invalid(format!("there are {UNITS_MAX} units already")));
        }
        let code = unit.code;
        self.change_units(&[(code.clone(), update)], by, |row| match row {
            Some(_) => Err(DirectoryError::Taken { what: format!("unit {code}") }),
            None => Ok(empty_row()),
        })
        .await
    }

    /// Changes what a unit says.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] when there is none with this code.
    pub async fn update_unit(
        &self,
        code: &UnitCode,
        update: UnitUpdate,
    ) -> Result<(), DirectoryError> {
        self.update_unit_by(code, update, &Deed::console(Act::UnitChanged)).await
    }

    pub(crate) async fn update_unit_by(
        &self,
        code: &UnitCode,
        update: UnitUpdate,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        self.check_unit(&update).await?;
        let update = [(code.clone(), update)];
        self.change_units(&update, by, |row| row.ok_or_else(|| no_unit(code))).await
    }

    /// Makes and changes units together, in one commit.
    pub(crate) async fn put_units(
        &self,
        units: &[(UnitCode, UnitUpdate)],
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        self.change_units(units, by, |row| Ok(row.unwrap_or_else(empty_row))).await
    }

    /// Deletes a unit to which nobody belongs any more.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] says how many accounts belong to it.
    pub async fn delete_unit(&self, code: &UnitCode) -> Result<(), DirectoryError> {
        self.delete_unit_by(code, &Deed::console(Act::UnitDeleted)).await
    }

    pub(crate) async fn delete_unit_by(
        &self,
        code: &UnitCode,
        by: By<'_>,
    ) -> Result<(), DirectoryError> {
        if self.unit(code).is_none() {
            return Err(no_unit(code));
        }
        let rows = &self.inner.rows;
        let _changing = self.inner.changing.lock().await;
        let members = self.members(code).await?;
        if members > 0 {
            return Err(DirectoryError::Invalid(format!(
                "{members} accounts belong to unit {code}: move them first"
            )));
        }
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(ROSTER).expect(rows.version(ROSTER).await?);
            change.delete::<tables::Unit>(&code.0);
            change.delete::<UnitPolicy>(&code.0);
            self.note(&mut change, by, &[(Subject::Unit(code), String::new())]).await?;
            if rows.commit(change).await? {
                self.reload_policies().await?;
                return self.reload_units().await;
            }
        }
        Err(DirectoryError::Busy { what: "deleting a unit" })
    }

    /// How many living accounts belong to a unit.
    pub async fn members(&self, code: &UnitCode) -> Result<u64, DirectoryError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.accounts(after, ACCOUNTS_PER_PAGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.id);
            let belongs = |account: &crate::Account| {
                account.state != AccountState::Deleted && account.units.contains(code)
            };
            count += page.iter().filter(|account| belongs(account)).count() as u64;
        }
    }

    /// The rules for what a unit says.
    pub(crate) async fn check_unit(&self, update: &UnitUpdate) -> Result<(), DirectoryError> {
        if let Some(name) = &update.name {
            check_text("name", name, TEXT_BYTES_MAX)?;
        }
        if let Some(contact) = update.contact.as_ref().filter(|contact| !contact.is_empty()) {
            check_text("contact", contact, TEXT_BYTES_MAX)?;
        }
        let officers = update.officers.as_deref().unwrap_or_default();
        if officers.len() > OFFICERS_MAX {
            return Err(DirectoryError::Invalid(format!(
                "a unit has at most {OFFICERS_MAX} IT officers"
            )));
        }
        for officer in officers {
            self.living(*officer).await?;
        }
        Ok(())
    }

    /// Whether accounts may belong to these.
    pub(crate) fn check_units_known(&self, codes: &[UnitCode]) -> Result<(), DirectoryError> {
        let units = self.units_now();
        match codes.iter().find(|code| !units.contains_key(*code)) {
            Some(code) => Err(no_unit(code)),
            None => Ok(()),
        }
    }

    pub(crate) fn units_now(&self) -> Arc<Units> {
        // A poisoned lock still holds a whole map: writers only replace it.
        Arc::clone(&self.inner.units.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn reload_units(&self) -> Result<(), DirectoryError> {
        let page = self.inner.rows.scan::<tables::Unit>(ROSTER, None, UNITS_MAX).await?;
        let unit = |(code, row): (String, UnitRow)| {
            let code = UnitCode::stored(code);
            let UnitRow { name, officers, contact } = row;
            (code.clone(), Arc::new(Unit { code, name, officers, contact }))
        };
        let units: Units = page.rows.into_iter().map(unit).collect();
        *self.inner.units.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(units);
        Ok(())
    }

    async fn change_units(
        &self,
        units: &[(UnitCode, UnitUpdate)],
        by: By<'_>,
        start: impl Fn(Option<UnitRow>) -> Result<UnitRow, DirectoryError>,
    ) -> Result<(), DirectoryError> {
        let rows = &self.inner.rows;
        let _changing = self.inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(ROSTER).expect(rows.version(ROSTER).await?);
            let mut lines = Vec::with_capacity(units.len());
            for (code, update) in units {
                lines.push((Subject::Unit(code), unit_changes(update)));
                let mut row = start(rows.get::<tables::Unit>(ROSTER, &code.0).await?)?;
                apply(update, &mut row);
                change.put::<tables::Unit>(&code.0, &row);
            }
            self.note(&mut change, by, &lines).await?;
            if rows.commit(change).await? {
                return self.reload_units().await;
            }
        }
        Err(DirectoryError::Busy { what: "changing a unit" })
    }
}

fn empty_row() -> UnitRow {
    UnitRow { name: String::new(), officers: Vec::new(), contact: String::new() }
}

fn apply(update: &UnitUpdate, row: &mut UnitRow) {
    if let Some(name) = &update.name {
        row.name.clone_from(name);
    }
    if let Some(officers) = &update.officers {
        row.officers.clone_from(officers);
    }
    if let Some(contact) = &update.contact {
        row.contact.clone_from(contact);
    }
}

pub(crate) fn no_unit(code: &UnitCode) -> DirectoryError {
    DirectoryError::NotFound { what: format!("unit: {code}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_short_plain_and_in_capitals() {
        assert_eq!("0750001a".parse::<UnitCode>().unwrap().as_str(), "0750001A");
        assert_eq!("rectorat-dsi".parse::<UnitCode>().unwrap().as_str(), "RECTORAT-DSI");
        for text in ["", "a b", "../x", "é", "-x", "a;b", &"x".repeat(33)] {
            assert!(text.parse::<UnitCode>().is_err(), "{text:?}");
        }
    }
}
