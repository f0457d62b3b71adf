//! What a form says of an account's owner, read and shown again.

use directory::{Account, AccountUpdate, Day, Person, UnitCode, quota_bytes};
use mail_types::{AcademicId, EmailAddress, Role};

use super::reasons::explained;
use super::{given, parsed};
use crate::account::Signed;
use crate::compose::{Mistake, mistake};
use crate::http::Form;

/// As it is typed. What stands in it has no meaning yet.
#[derive(Default, Hash)]
pub(super) struct Fields {
    pub(super) given_name: String,
    pub(super) birth_name: String,
    pub(super) usage_name: String,
    pub(super) birth_date: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) academic_id: String,
    pub(super) units: String,
    pub(super) quota: String,
    pub(super) role: Role,
}

/// What it means.
pub(super) struct Said {
    pub(super) person: Person,
    pub(super) name: Option<String>,
    pub(super) address: Option<EmailAddress>,
    pub(super) academic_id: Option<AcademicId>,
    pub(super) units: Vec<UnitCode>,
    /// 0 is unlimited; `None` the default.
    pub(super) quota_bytes: Option<u64>,
    pub(super) role: Role,
}

impl Fields {
    /// As a form has them.
    pub(super) fn typed(form: &Form) -> Self {
        let typed = |name: &str| form.get(name).trim().to_owned();
        Self {
            given_name: typed("prenom"),
            birth_name: typed("nom-naissance"),
            usage_name: typed("nom-usage"),
            birth_date: typed("naissance"),
            name: typed("nom"),
            address: typed("adresse"),
            academic_id: typed("identifiant"),
            units: typed("unites"),
            quota: typed("quota"),
            role: typed("role").parse().unwrap_or_default(),
        }
    }

    /// As an account is now. The birth date is never shown: nobody here knows it.
    pub(super) fn of(account: &Account, person: Person, quota_own: Option<u64>) -> Self {
        let units: Vec<_> = account.units.iter().map(UnitCode::as_str).collect();
        Self {
            given_name: person.given_name.unwrap_or_default(),
            birth_name: person.birth_name.unwrap_or_default(),
            usage_name: person.usage_name.unwrap_or_default(),
            birth_date: String::new(),
            name: account.name.clone(),
            address: account.primary_address.to_string(),
            academic_id: String::new(),
            units: units.join(" "),
            quota: quota_own.map_or_else(String::new, quota_text),
            role: account.role,
        }
    }
}

/// `5G`, `500M`, `0` for unlimited: what the field takes.
fn quota_text(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        bytes if bytes.is_multiple_of(1 << 30) => format!("{}G", bytes >> 30),
        bytes if bytes.is_multiple_of(1 << 20) => format!("{}M", bytes >> 20),
        bytes => bytes.to_string(),
    }
}

impl Said {
    /// Reads a form; what is wrong with it goes to `mistakes`.
    pub(super) fn read(signed: &Signed, form: &Form, mistakes: &mut Vec<Mistake>) -> Self {
        let text = |name| given(form, name).map(str::to_owned);
        let birth_date: Option<Day> = parsed(signed, form, "naissance", mistakes);
        let address = parsed(signed, form, "adresse", mistakes);
        let academic_id = parsed(signed, form, "identifiant", mistakes);
        let role: Option<Role> = parsed(signed, form, "role", mistakes);
        Self {
            person: Person {
                given_name: text("prenom"),
                birth_name: text("nom-naissance"),
                usage_name: text("nom-usage"),
                birth_date,
            },
            name: text("nom"),
            address,
            academic_id,
            units: units(signed, form, mistakes),
            quota_bytes: quota(signed, form, mistakes),
            role: role.unwrap_or_default(),
        }
    }

    /// What differs from the account as it is.
    pub(super) fn update(
        self,
        account: &Account,
        person: &Person,
        quota_own: Option<u64>,
    ) -> AccountUpdate {
        let differs =
            |new: Option<String>, old: &Option<String>| new.filter(|new| old.as_ref() != Some(new));
        // An empty field asks for the one that is made of the names.
        let name = self.name.or_else(|| person.clone().overlaid(&self.person).display_name());
        AccountUpdate {
            primary_address: self.address.filter(|one| *one != account.primary_address),
            name: name.filter(|name| *name != account.name),
            person: Person {
                given_name: differs(self.person.given_name, &person.given_name),
                birth_name: differs(self.person.birth_name, &person.birth_name),
                usage_name: differs(self.person.usage_name, &person.usage_name),
                birth_date: self.person.birth_date,
            },
            units: Some(self.units).filter(|units| *units != account.units),
            role: Some(self.role).filter(|role| *role != account.role),
            quota_bytes: Some(self.quota_bytes).filter(|quota| *quota != quota_own),
        }
    }
}

/// Codes separated by spaces, commas or lines.
fn units(signed: &Signed, form: &Form, mistakes: &mut Vec<Mistake>) -> Vec<UnitCode> {
    let mut units = Vec::new();
    let typed = form.get("unites").split([' ', ',', ';', '\n', '\r', '\t']);
    for code in typed.filter(|code| !code.is_empty()) {
        match code.parse::<UnitCode>() {
            Ok(code) if units.contains(&code) => {}
            Ok(code) => units.push(code),
            Err(error) => {
                mistakes.push(mistake("unites", explained(signed.locale(), &error)));
                break;
            }
        }
    }
    units
}

fn quota(signed: &Signed, form: &Form, mistakes: &mut Vec<Mistake>) -> Option<u64> {
    let typed = given(form, "quota")?.replace([' ', '\u{a0}', '\u{202f}'], "");
    // As French people write it: 5 Go.
    let typed = typed.strip_suffix(['o', 'O']).unwrap_or(&typed);
    match quota_bytes(typed) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            mistakes.push(mistake("quota", explained(signed.locale(), &error)));
            None
        }
    }
}
