//! Tables of contacts (RFC 4180) as spreadsheets and other address books write them.

use super::transfer::{Entry, Refusal, unreadable_as};

/// Lines of one file.
const LINES_MAX: usize = 10_000;
/// Columns of one line; further ones are passed over.
const COLUMNS_MAX: usize = 200;
/// What begins a formula in a spreadsheet: such a cell is written behind an apostrophe.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Given,
    Family,
    Organization,
    Address,
    Phone,
    Notes,
    Groups,
    Other,
}

impl Column {
    /// By its title, in French or English, as Thunderbird, Google and Outlook write it.
    fn named(title: &str) -> Self {
        let title = mail_service::contacts::folded(title.trim());
        let has = |words: &[&str]| words.iter().any(|word| title.contains(word));
        match title.as_str() {
            "nom" | "name" | "nom complet" | "display name" | "nom a afficher" | "full name" => {
                Self::Name
            }
            _ if has(&["type", "label", "phonetic", "yomi"]) => Self::Other,
            _ if has(&["mail", "courriel", "adresses"]) => Self::Address,
            _ if has(&["phone", "tel", "mobile", "portable", "pager"]) => Self::Phone,
            _ if has(&["given name", "first name", "prenom"]) => Self::Given,
            _ if has(&["family name", "last name", "nom de famille"]) => Self::Family,
            _ if has(&["organi", "company", "societe", "etablissement"]) => Self::Organization,
            _ if has(&["note", "remarque"]) => Self::Notes,
            _ if has(&["group", "categor", "categories"]) => Self::Groups,
            _ => Self::Other,
        }
    }
}

/// Reads a table whose first line names its columns; refused lines with their number.
pub(crate) fn read(text: &str) -> (Vec<(usize, Entry)>, Vec<Refusal>) {
    let (mut entries, mut refusals) = (Vec::new(), Vec::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Records { rest: text, separator: separator(text), line: 1 };
    let columns: Vec<Column> = match records.next() {
        Some((_, titles)) => titles.iter().map(|title| Column::named(title)).collect(),
        None => Vec::new(),
    };
    if !columns.iter().any(|column| matches!(column, Column::Name | Column::Address)) {
        refusals.push(Refusal::new(1, "", "import-columns"));
        return (entries, refusals);
    }
    for (count, (line, cells)) in records.enumerate() {
        if count >= LINES_MAX {
            refusals.push(Refusal::new(line, "", "import-too-many"));
            break;
        }
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match entry(&columns, &cells) {
            Ok(entry) => entries.push((line, entry)),
            Err(text) => refusals.push(Refusal::new(line, &text, "import-address")),
        }
    }
    (entries, refusals)
}

fn entry(columns: &[Column], cells: &[String]) -> Result<Entry, String> {
    let mut entry = Entry::default();
    let (mut given, mut family, mut wrong) = (String::new(), String::new(), None);
    for (column, cell) in columns.iter().zip(cells) {
        let cell = cell.trim();
        let cell = cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell);
        if cell.is_empty() {
            continue;
        }
        // Several values of one cell stand on lines of their own, as we write them, or between
        // signs.
        let values = |signs: &'static [char]| {
            cell.split(signs).map(str::trim).filter(|value| !value.is_empty())
        };
        let row = &mut entry.row;
        match column {
            Column::Name => row.name = cell.to_owned(),
            Column::Given => given = cell.to_owned(),
            Column::Family => family = cell.to_owned(),
            Column::Organization => row.organization = cell.to_owned(),
            Column::Notes => row.notes = cell.to_owned(),
            Column::Phone => row.phones.extend(values(&['\n', ';']).map(str::to_owned)),
            Column::Groups => {
                let groups = cell.split(['\n', ';']).flat_map(|part| part.split(":::"));
                let groups = groups.map(|group| group.trim().trim_start_matches("* "));
                entry.groups.extend(groups.filter(|group| !group.is_empty()).map(str::to_owned));
            }
            Column::Address => {
                for value in values(&['\n', ';', ',', ' ']).filter(|value| *value != ":::") {
                    match value.parse() {
                        Ok(address) => row.addresses.push(address),
                        Err(_) => wrong = Some(value.to_owned()),
                    }
                }
            }
            Column::Other => {}
        }
    }
    // "Nom" is the family name where there is a "Prénom".
    if entry.row.name.is_empty() || (family.is_empty() && !given.is_empty()) {
        let family = if family.is_empty() { &entry.row.name } else { &family };
        entry.row.name = format!("{given} {family}").trim().to_owned();
    }
    match wrong {
        Some(wrong) => Err(unreadable_as(&entry.row.name, &wrong)),
        None => Ok(entry),
    }
}

/// The sign that stands most often in the first line.
fn separator(text: &str) -> char {
    let first = text.lines().next().unwrap_or_default();
    let count = |sign: &char| first.matches(*sign).count();
    [';', ',', '\t'].into_iter().max_by_key(count).unwrap_or(',')
}

/// The lines of a table; a quoted cell may hold line ends.
struct Records<'a> {
    rest: &'a str,
    separator: char,
    line: usize,
}

impl Iterator for Records<'_> {
    type Item = (usize, Vec<String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let begin = self.line;
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = self.rest.char_indices().peekable();
        while let Some((place, c)) = chars.next() {
            match c {
                '"' if quoted && chars.peek().is_some_and(|(_, next)| *next == '"') => {
                    chars.next();
                    cell.push('"');
                }
                '"' if quoted || cell.is_empty() => quoted = !quoted,
                '\n' if !quoted => {
                    self.line += 1;
                    self.rest = self.rest.get(place + 1..).unwrap_or_default();
                    cells.push(cell.trim_end_matches('\r').to_owned());
                    return Some((begin, cells));
                }
                c if c == self.separator && !quoted => {
                    if cells.len() < COLUMNS_MAX {
                        cells.push(std::mem::take(&mut cell));
                    }
                }
                c => {
                    self.line += usize::from(c == '\n');
                    cell.push(c);
                }
            }
        }
        self.rest = "";
        cells.push(cell);
        Some((begin, cells))
    }
}

/// Writes a table that French spreadsheets open as one.
pub(crate) fn write<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut out = String::from("\u{feff}nom;etablissement;adresses;telephones;notes;groupes\r\n");
    for Entry { row, groups } in entries {
        let addresses: Vec<String> = row.addresses.iter().map(ToString::to_string).collect();
        let cells = [
            cell(&row.name),
            cell(&row.organization),
            cell(&addresses.join("\n")),
            cell(&row.phones.join("\n")),
            cell(&row.notes),
            cell(&groups.join("\n")),
        ];
        out.push_str(&cells.join(";"));
        out.push_str("\r\n");
    }
    out
}

/// A cell; never a formula.
fn cell(text: &str) -> String {
    let text = if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() };
    let needs_quotes = text.contains([';', '"', '\n', '\r']);
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use mail_service::contacts::ContactRow;

    use super::*;

    #[test]
    fn what_is_written_reads_back_and_is_no_formula() {
        let entry = Entry {
            row: ContactRow {
                name: "=cmd|' /C calc'!A0".into(),
                organization: "3e B; \"bis\"".into(),
                addresses: vec!["mere@far.test".parse().unwrap(), "pere@far.test".parse().unwrap()],
                phones: vec!["+33 1".into(), "06".into()],
                notes: "a\nb".into(),
            },
            groups: vec!["Parents".into()],
        };
        let text = write([entry.clone()].iter());
        assert!(text.contains("\n'=cmd"), "{text}");
        assert_eq!(read(&text), (vec![(2, entry)], Vec::new()));
    }

    #[test]
    fn tables_of_other_programs_are_read_and_refused_lines_named() {
        let text = "First Name,Last Name,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Value,Group Membership\r\n\
            Marie,Martin,* Work,marie@far.test ::: m@far.test,01,* myContacts ::: Parents\r\n\
            \"Paul \"\"P\"\"\",Durand,,faux,,\r\n\r\n,,,,,\r\nZoé,,,,\"06\n07\",\r\n";
        let (read, refused) = read(text);
        let names: Vec<_> = read.iter().map(|(line, e)| (*line, e.row.name.as_str())).collect();
        assert_eq!(names, [(2, "Marie Martin"), (6, "Zoé")]);
        assert_eq!(read[0].1.row.addresses.len(), 2);
        assert_eq!(read[0].1.groups, ["myContacts", "Parents"]);
        assert_eq!(read[1].1.row.phones, ["06", "07"]);
        assert_eq!(refused, [Refusal::new(3, "Paul \"P\" Durand, faux", "import-address")]);
        let school = super::read("Nom;Prénom;Mail\nMartin;Marie;m@far.test").0;
        assert_eq!(school[0].1.row.name, "Marie Martin");
        assert_eq!(super::read("a,b\n1,2").1[0].reason, "import-columns");
        assert_eq!(super::read("").1.len(), 1);
    }
}
