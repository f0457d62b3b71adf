//! Units from a CSV file: new ones made, known ones brought up to date, by their code.
//!
//! The columns are `code`, `name`, `contact` and `officers`; an empty field leaves what is stored
//! as it is. Officers are addresses or academic IDs, separated by spaces.

use std::collections::HashMap;
use std::io::BufRead;

use crate::audit_record::Act;
use crate::csv_file::{Column, Fields, check_lines, open};
use crate::deed::{By, Deed};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::import_report::{ImportMode, ImportReport, RefusedLine};
use crate::unit::{UNITS_MAX, Unit, UnitCode, UnitUpdate};

const COLUMNS: [Column; 4] = [
    ("code", &["uai", "rne"]),
    ("name", &["nom", "etablissement", "établissement"]),
    ("contact", &[]),
    ("officers", &["responsables", "referents", "référents"]),
];
/// Units of one commit.
const UNITS_TOGETHER: usize = 500;

/// A line that can be read.
struct Line {
    code: UnitCode,
    name: Option<String>,
    contact: Option<String>,
    officers: Option<String>,
}

impl Directory {
    /// Reads units from a CSV file.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the file as a whole is not such a file; single lines that
    /// are wrong are in the report.
    pub async fn import_units(
        &self,
        file: impl BufRead + Send,
        mode: ImportMode,
    ) -> Result<ImportReport, DirectoryError> {
        let deed = Deed::console(Act::UnitsImported);
        let report = self.import_units_by(file, mode, &deed).await?;
        self.note_import(&deed, mode, &report).await?;
        Ok(report)
    }

    pub(crate) async fn import_units_by(
        &self,
        file: impl BufRead + Send,
        mode: ImportMode,
        by: By<'_>,
    ) -> Result<ImportReport, DirectoryError> {
        let (mut reader, header) = open(file, &COLUMNS)?;
        header.need("code")?;
        let mut report = ImportReport::default();
        let (mut seen, mut updates) = (HashMap::new(), Vec::new());
        for (before, record) in reader.records().enumerate() {
            check_lines(before as u64 + 1)?;
            let (number, line) = match header.line(before as u64, record, Line::parse) {
                Ok(line) => line,
                Err(refused) => {
                    report.refused.push(refused);
                    continue;
                }
            };
            if let Some(earlier) = seen.insert(line.code.clone(), number) {
                let reason = format!("the same code stands in line {earlier}");
                report.refused.push(RefusedLine { line: number, reason });
                continue;
            }
            match self.unit_line(line, &mut report).await {
                Ok(update) => updates.extend(update),
                Err(error) => report.refuse(number, error)?,
            }
            if self.units_now().len() + updates.len() > UNITS_MAX {
                return Err(DirectoryError::Invalid(format!("more than {UNITS_MAX} units")));
            }
        }
        if mode == ImportMode::Apply {
            for together in updates.chunks(UNITS_TOGETHER) {
                self.put_units(together, by).await?;
            }
        }
        Ok(report)
    }

    /// What a line changes; nothing when all is as it says.
    async fn unit_line(
        &self,
        line: Line,
        report: &mut ImportReport,
    ) -> Result<Option<(UnitCode, UnitUpdate)>, DirectoryError> {
        let known = self.unit(&line.code);
        let officers = match &line.officers {
            Some(text) => Some(self.officers(text).await?),
            None => None,
        };
        let differs = |new: &String, old: fn(&Unit) -> &String| {
            known.as_ref().is_none_or(|unit| old(unit) != new)
        };
        let update = UnitUpdate {
            name: line.name.filter(|name| differs(name, |unit| &unit.name)),
            contact: line.contact.filter(|contact| differs(contact, |unit| &unit.contact)),
            officers: officers
                .filter(|new| known.as_ref().is_none_or(|unit| unit.officers != *new)),
        };
        if known.is_some() && update == UnitUpdate::default() {
            report.unchanged += 1;
            return Ok(None);
        }
        if known.is_none() && update.name.is_none() {
            return Err(DirectoryError::Invalid("the name is empty".into()));
        }
        self.check_unit(&update).await?;
        match known {
            Some(_) => report.updated += 1,
            None => report.created += 1,
        }
        Ok(Some((line.code, update)))
    }

    /// The accounts that a list of addresses and academic IDs names.
    pub async fn officers(&self, text: &str) -> Result<Vec<mail_types::AccountId>, DirectoryError> {
        let mut officers = Vec::new();
        for who in text.split([' ', '|']).filter(|who| !who.is_empty()) {
            let found = self.find(who).await?;
            let account = found.ok_or_else(|| DirectoryError::no_account(who))?;
            if !officers.contains(&account.id) {
                officers.push(account.id);
            }
        }
        Ok(officers)
    }
}

impl Line {
    fn parse(fields: &Fields<'_>) -> Result<Self, String> {
        let text = |column| fields.given(column).map(str::to_owned);
        Ok(Self {
            code: fields.parsed("code")?.ok_or("the code is empty")?,
            name: text("name"),
            contact: text("contact"),
            officers: text("officers"),
        })
    }
}
