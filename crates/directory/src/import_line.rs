//! The lines of an import file: header, separator, fields.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use csv::StringRecord;
use mail_types::{Role, Secret};

use crate::account::{NewAccount, NewPassword};
use crate::error::DirectoryError;
use crate::import::RefusedLine;

/// Longest header line.
const HEADER_BYTES_MAX: u64 = 4096;
/// Longest line, of which a field is a part.
const LINE_BYTES_MAX: usize = 8192;

/// A line that can be read.
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) new: NewAccount,
    /// Fields that were empty leave a known account as it is.
    pub(crate) role: Option<Role>,
}

/// Where the columns stand.
pub(crate) struct Columns {
    address: usize,
    name: usize,
    academic_id: usize,
    unit: Option<usize>,
    role: Option<usize>,
    quota: Option<usize>,
    password: Option<usize>,
    count: usize,
}

pub(crate) type Records<R> = csv::Reader<io::Chain<io::Cursor<Vec<u8>>, R>>;

/// Reads the header line, which tells the separator and the order of the columns.
pub(crate) fn open<R: BufRead>(mut file: R) -> Result<(Records<R>, Columns), DirectoryError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        DirectoryError::Invalid(format!("the file cannot be read: {error}"))
    };
    let mut header = Vec::new();
    file.by_ref()
        .take(HEADER_BYTES_MAX)
        .read_until(b'\n', &mut header)
        .map_err(|error| unreadable(&error))?;
    // Spreadsheets write a byte order mark, and in French a semicolon.
    let header = header.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&header).to_vec();
    let delimiter = if header.contains(&b';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(io::Cursor::new(header).chain(file));
    let columns = Columns::read(reader.headers().map_err(|error| unreadable(&error))?)?;
    Ok((reader, columns))
}

impl Columns {
    fn read(header: &StringRecord) -> Result<Self, DirectoryError> {
        let known = ["address", "name", "academic_id", "unit", "role", "quota", "password"];
        let mut places = HashMap::new();
        for (place, column) in header.iter().enumerate() {
            let column = column.to_ascii_lowercase();
            let Some(column) = known.into_iter().find(|known| *known == column) else {
                let reason = format!("unknown column {column:?}: use {}", known.join(", "));
                return Err(DirectoryError::Invalid(reason));
            };
            if places.insert(column, place).is_some() {
                return Err(DirectoryError::Invalid(format!("two columns are called {column}")));
            }
        }
        let needed = |column: &str| {
            let missing = || DirectoryError::Invalid(format!("there is no column {column}"));
            places.get(column).copied().ok_or_else(missing)
        };
        Ok(Self {
            address: needed("address")?,
            name: needed("name")?,
            academic_id: needed("academic_id")?,
            unit: places.get("unit").copied(),
            role: places.get("role").copied(),
            quota: places.get("quota").copied(),
            password: places.get("password").copied(),
            count: header.len(),
        })
    }

    /// Reads a line. `before` lines were read before it, for one that does not know its number.
    pub(crate) fn line(
        &self,
        before: u64,
        record: Result<StringRecord, csv::Error>,
    ) -> Result<Line, RefusedLine> {
        let record = record.map_err(|error| {
            let line = error.position().map_or(before + 2, csv::Position::line);
            let reason = match error.kind() {
                csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
                _ => error.to_string(),
            };
            RefusedLine { line, reason }
        })?;
        let number = record.position().map_or(before + 2, csv::Position::line);
        let refuse = |reason: String| RefusedLine { line: number, reason };
        if record.as_slice().len() > LINE_BYTES_MAX {
            return Err(refuse(format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        if record.len() > self.count {
            let reason = "it has more fields than the header: put a field with a separator in it \
                          (a password hash has commas) in quotes";
            return Err(refuse(reason.into()));
        }
        self.parse(number, &record).map_err(refuse)
    }

    fn parse(&self, number: u64, record: &StringRecord) -> Result<Line, String> {
        let field = |place: usize| record.get(place).unwrap_or_default();
        let given = |place: Option<usize>| place.map(field).filter(|text| !text.is_empty());
        let role = given(self.role).map(str::parse).transpose()?;
        let password = given(self.password).map(|text| match text.starts_with("$argon2") {
            true => NewPassword::Hash(text.to_owned()),
            false => NewPassword::Plain(Secret::from(text)),
        });
        let new = NewAccount {
            primary_address: field(self.address)
                .parse()
                .map_err(|error: mail_types::InvalidAddress| error.to_string())?,
            name: field(self.name).to_owned(),
            academic_id: field(self.academic_id)
                .parse()
                .map_err(|error: mail_types::InvalidAcademicId| error.to_string())?,
            unit: given(self.unit).map(str::to_owned),
            role: role.unwrap_or_default(),
            quota_bytes: given(self.quota).map(quota).transpose()?,
            password,
        };
        Ok(Line { number, new, role })
    }
}

/// Bytes, or `500M`, `5G`, `1T` (powers of 1,024), or `unlimited`.
fn quota(text: &str) -> Result<u64, String> {
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
