//! The lines of an import file.

use mail_types::{AcademicId, EmailAddress, Role, Secret};

use crate::account::NewPassword;
use crate::csv_file::{Column, Fields, Header};
use crate::error::DirectoryError;
use crate::foreign_hash;
use crate::person::{Day, Person};
use crate::unit::UnitCode;

/// The columns, and what they are called in French.
pub(crate) const COLUMNS: [Column; 12] = [
    ("academic_id", &["identifiant", "numen", "matricule"]),
    ("address", &["adresse", "courriel", "mail"]),
    ("name", &["nom_affiche", "nom_affiché"]),
    ("given_name", &["prenom", "prénom"]),
    ("birth_name", &["nom", "nom_de_famille", "nom_de_naissance"]),
    ("usage_name", &["nom_d'usage", "nom_usage", "nom_d’usage"]),
    ("birth_date", &["date_de_naissance", "naissance"]),
    ("unit", &["units", "etablissement", "établissement", "uai", "rne"]),
    ("role", &["rôle", "fonction"]),
    ("quota", &[]),
    ("password", &["mot_de_passe"]),
    ("leaves_on", &["depart", "départ"]),
];

/// A line that can be read. What is not given leaves a known account as it is.
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) academic_id: AcademicId,
    pub(crate) address: Option<EmailAddress>,
    pub(crate) name: Option<String>,
    pub(crate) person: Person,
    pub(crate) units: Option<Vec<UnitCode>>,
    pub(crate) role: Option<Role>,
    pub(crate) quota_bytes: Option<u64>,
    pub(crate) password: Option<NewPassword>,
    pub(crate) leaves_on: Option<Day>,
}

/// Refuses a file from which no account can come.
pub(crate) fn check_header(header: &Header) -> Result<(), DirectoryError> {
    let names = header.has("given_name") && (header.has("birth_name") || header.has("usage_name"));
    if !names {
        header.need("address")?;
        header.need("name")?;
    }
    header.need("academic_id")
}

impl Line {
    pub(crate) fn parse(fields: &Fields<'_>) -> Result<Self, String> {
        let text = |column| fields.given(column).map(str::to_owned);
        let academic_id = fields.parsed("academic_id")?;
        Ok(Self {
            number: 0,
            academic_id: academic_id.ok_or_else(|| mail_types::InvalidAcademicId.to_string())?,
            address: fields.parsed("address")?,
            name: text("name"),
            person: Person {
                given_name: text("given_name"),
                birth_name: text("birth_name"),
                usage_name: text("usage_name"),
                birth_date: fields.parsed("birth_date")?,
            },
            units: fields.given("unit").map(units).transpose()?,
            role: fields.parsed("role")?,
            quota_bytes: fields.given("quota").map(quota_bytes).transpose()?,
            password: fields.given("password").map(password),
            leaves_on: fields.parsed("leaves_on")?,
        })
    }
}

/// Codes separated by spaces or bars.
fn units(text: &str) -> Result<Vec<UnitCode>, String> {
    let mut units = Vec::new();
    for code in text.split([' ', '|', '+']).filter(|code| !code.is_empty()) {
        let code: UnitCode = code.parse()?;
        if !units.contains(&code) {
            units.push(code);
        }
    }
    Ok(units)
}

fn password(text: &str) -> NewPassword {
    match text.starts_with("$argon2") || foreign_hash::parse(text).is_some() {
        true => NewPassword::Hash(text.to_owned()),
        false => NewPassword::Plain(Secret::from(text)),
    }
}

/// A quota: bytes, or `500M`, `5G`, `1T` (powers of 1,024), or `unlimited`, which is 0.
///
/// # Errors
/// What to write instead.
pub fn quota_bytes(text: &str) -> Result<u64, String> {
    let refuse = || format!("{text:?} is not a quota: write 5G, 500M or unlimited");
    if text.eq_ignore_ascii_case("unlimited") {
        return Ok(0);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(refuse()),
    };
    let number: u64 = digits.parse().map_err(|_| refuse())?;
    number.checked_mul(1 << shift).ok_or_else(refuse)
}
