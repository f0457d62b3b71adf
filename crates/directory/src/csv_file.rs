//! CSV files as administrators send them: a header that names the columns, commas or semicolons,
//! UTF-8 with or without a byte order mark.

use std::io::{self, BufRead, Read};

use csv::StringRecord;

use crate::error::DirectoryError;
use crate::import_report::RefusedLine;

/// Longest header line.
const HEADER_BYTES_MAX: u64 = 4096;
/// Longest line, of which a field is a part.
const LINE_BYTES_MAX: usize = 8192;

/// Lines of one file: more people than any authority has.
const LINES_MAX: u64 = 200_000;

pub(crate) type Records<R> = csv::Reader<io::Chain<io::Cursor<Vec<u8>>, R>>;

/// A column: its name, and what it is called in French.
pub(crate) type Column = (&'static str, &'static [&'static str]);

/// Where the columns stand.
pub(crate) struct Header {
    places: Vec<(&'static str, usize)>,
    count: usize,
    /// 1 for a file whose lines end in CR LF: the reader counts a line at its LF, which it takes
    /// only when it goes on.
    lines_behind: u64,
}

/// A line's fields by the names of their columns.
pub(crate) struct Fields<'a> {
    header: &'a Header,
    record: &'a StringRecord,
}

impl Fields<'_> {
    /// What stands in a column, unless it is missing or empty.
    pub(crate) fn given(&self, column: &str) -> Option<&str> {
        let place = self.header.place(column)?;
        self.record.get(place).filter(|text| !text.is_empty())
    }

    /// What stands in a column, parsed.
    pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, String> {
        let given = self.given(column);
        given.map(|text| text.parse().map_err(|error: T::Err| error.to_string())).transpose()
    }
}

/// Reads the header line, which tells the separator and the order of the columns.
pub(crate) fn open<R: BufRead>(
    mut file: R,
    known: &[Column],
) -> Result<(Records<R>, Header), DirectoryError> {
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
    let ends_in_cr_lf = header.ends_with(b"\r\n");
    let delimiter = if header.contains(&b';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(io::Cursor::new(header).chain(file));
    let mut header = Header::read(reader.headers().map_err(|error| unreadable(&error))?, known)?;
    header.lines_behind = u64::from(ends_in_cr_lf);
    Ok((reader, header))
}

/// Refuses a file of which so many lines have been read, when that is too many.
pub(crate) fn check_lines(read: u64) -> Result<(), DirectoryError> {
    match read > LINES_MAX {
        true => Err(DirectoryError::Invalid(format!("more than {LINES_MAX} lines"))),
        false => Ok(()),
    }
}

impl Header {
    fn read(header: &StringRecord, known: &[Column]) -> Result<Self, DirectoryError> {
        let mut places: Vec<(&'static str, usize)> = Vec::new();
        for (place, column) in header.iter().enumerate() {
            let asked = column.to_lowercase().replace([' ', '-'], "_");
            let is_it = |(name, others): &&Column| {
                *name == asked || others.iter().any(|other| *other == asked)
            };
            let Some((name, _)) = known.iter().find(is_it) else {
                let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
                return Err(DirectoryError::Invalid(format!(
                    "unknown column {column:?}: use {}",
                    names.join(", ")
                )));
            };
            if places.iter().any(|(known, _)| known == name) {
                return Err(DirectoryError::Invalid(format!("two columns are called {name}")));
            }
            places.push((name, place));
        }
        Ok(Self { places, count: header.len(), lines_behind: 0 })
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.places.iter().find(|(name, _)| *name == column).map(|(_, place)| *place)
    }

    /// Whether there is such a column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.place(column).is_some()
    }

    /// Refuses a file without this column.
    pub(crate) fn need(&self, column: &str) -> Result<(), DirectoryError> {
        match self.has(column) {
            true => Ok(()),
            false => Err(DirectoryError::Invalid(format!("there is no column {column}"))),
        }
    }

    /// Reads a line with `parse`, and gives its number. `before` lines were read before it, for
    /// one that does not know its number.
    pub(crate) fn line<T>(
        &self,
        before: u64,
        record: Result<StringRecord, csv::Error>,
        parse: impl Fn(&Fields<'_>) -> Result<T, String>,
    ) -> Result<(u64, T), RefusedLine> {
        let number = |position: Option<&csv::Position>| {
            position.map_or(before + 2, |position| position.line() + self.lines_behind)
        };
        let record = record.map_err(|error| {
            let line = number(error.position());
            let reason = match error.kind() {
                csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
                _ => error.to_string(),
            };
            RefusedLine { line, reason }
        })?;
        let line = number(record.position());
        let refuse = |reason: String| RefusedLine { line, reason };
        if record.as_slice().len() > LINE_BYTES_MAX {
            return Err(refuse(format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        if record.len() > self.count {
            let reason = "it has more fields than the header: put a field with a separator in it \
                          (a password hash has commas) in quotes";
            return Err(refuse(reason.into()));
        }
        let fields = Fields { header: self, record: &record };
        parse(&fields).map(|parsed| (line, parsed)).map_err(refuse)
    }
}
