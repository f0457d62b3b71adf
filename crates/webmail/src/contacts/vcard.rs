//! vCards (RFC 2426, RFC 6350): read with a reason for each that is refused, and written.

use super::transfer::{Entry, Refusal, unreadable_as};

/// Cards of one file.
const CARDS_MAX: usize = 10_000;
/// Bytes of one unfolded line; a longer one (a picture) is passed over.
const LINE_BYTES_MAX: usize = 32 * 1024;
/// Lines of one card; what follows is passed over.
const LINES_MAX: usize = 500;

/// Which version is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// RFC 2426.
    Three,
    /// RFC 6350.
    Four,
}

/// Reads a file of cards, in the order in which they stand; refused ones with their number.
pub(crate) fn read(text: &str) -> (Vec<(usize, Entry)>, Vec<Refusal>) {
    let (mut entries, mut refusals) = (Vec::new(), Vec::new());
    let mut card: Option<Card> = None;
    let mut number = 0;
    for line in unfold(text) {
        let Some((name, value)) = property(&line) else { continue };
        match (name.kind.as_str(), &mut card) {
            ("BEGIN", open) if value.trim().eq_ignore_ascii_case("VCARD") => {
                if open.is_some() {
                    refusals.push(Refusal::new(number, "", "import-cut"));
                }
                number += 1;
                if number > CARDS_MAX {
                    refusals.push(Refusal::new(number, "", "import-too-many"));
                    return (entries, refusals);
                }
                card = Some(Card::default());
            }
            ("END", open) => {
                if let Some(card) = open.take() {
                    match card.finish() {
                        Ok(entry) => entries.push((number, entry)),
                        Err((name, reason)) => refusals.push(Refusal::new(number, &name, reason)),
                    }
                }
            }
            (_, Some(card)) => card.take(&name, &value),
            (_, None) => {}
        }
    }
    if card.is_some() {
        refusals.push(Refusal::new(number, "", "import-cut"));
    }
    (entries, refusals)
}

/// Lines without their folds (RFC 6350 §3.2); those that are too long are left out.
fn unfold(text: &str) -> impl Iterator<Item = String> {
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).peekable();
    std::iter::from_fn(move || {
        let mut whole = lines.next()?.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            if whole.len() <= LINE_BYTES_MAX {
                whole.push_str(more.get(1..).unwrap_or_default());
            }
        }
        if whole.len() > LINE_BYTES_MAX {
            whole.clear();
        }
        Some(whole)
    })
}

/// A property's name and whether its value is encoded in the way of old cards.
struct Name {
    kind: String,
    is_encoded: bool,
}

/// `item1.EMAIL;TYPE=work:value`
fn property(line: &str) -> Option<(Name, String)> {
    let mut quoted = false;
    let colon = line.char_indices().find_map(|(place, c)| {
        quoted ^= c == '"';
        (c == ':' && !quoted).then_some(place)
    })?;
    let (head, value) = line.split_at(colon);
    let mut parts = head.split(';');
    let name = parts.next().unwrap_or_default().trim();
    let kind = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase();
    let is_encoded = parts.any(|part| {
        let part = part.to_ascii_uppercase();
        part.contains("QUOTED-PRINTABLE") || part.contains("BASE64") || part == "ENCODING=B"
    });
    Some((Name { kind, is_encoded }, value.get(1..).unwrap_or_default().to_owned()))
}

#[derive(Default)]
struct Card {
    entry: Entry,
    /// `N`, for cards without `FN`.
    parts: String,
    lines: usize,
    is_old: bool,
    wrong: Option<String>,
}

impl Card {
    fn take(&mut self, name: &Name, value: &str) {
        self.lines += 1;
        if self.lines > LINES_MAX || name.is_encoded {
            return;
        }
        let entry = &mut self.entry;
        match name.kind.as_str() {
            "VERSION" => self.is_old = !matches!(value.trim(), "3.0" | "4.0"),
            "FN" if entry.row.name.is_empty() => entry.row.name = unescape(value),
            "N" => {
                let mut parts = split(value, ';').into_iter().take(2);
                let (family, given) = (parts.next(), parts.next());
                let both = [given.unwrap_or_default(), family.unwrap_or_default()];
                self.parts = both.join(" ").trim().to_owned();
            }
            "ORG" => entry.row.organization = split(value, ';').join(", "),
            "NOTE" => entry.row.notes = unescape(value),
            "EMAIL" if !value.trim().is_empty() => match unescape(value).trim().parse() {
                Ok(address) => entry.row.addresses.push(address),
                Err(_) => self.wrong = Some(unescape(value)),
            },
            "TEL" if !value.trim().is_empty() => {
                let number = unescape(value);
                let number = number.trim().strip_prefix("tel:").unwrap_or(number.trim()).to_owned();
                entry.row.phones.push(number);
            }
            "CATEGORIES" => entry.groups.extend(split(value, ',')),
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Entry, (String, &'static str)> {
        if self.entry.row.name.is_empty() {
            self.entry.row.name = std::mem::take(&mut self.parts);
        }
        let name = self.entry.row.name.clone();
        if self.is_old {
            return Err((name, "import-version"));
        }
        match self.wrong {
            Some(wrong) => Err((unreadable_as(&name, &wrong), "import-address")),
            None => Ok(self.entry),
        }
    }
}

/// RFC 6350 §3.4.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(c) => out.push(c),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

/// The components of a value; empty ones are left out.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == separator && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    let parts = parts.iter().map(|part| unescape(part).trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// Writes cards.
pub(crate) fn write<'a>(entries: impl Iterator<Item = &'a Entry>, version: Version) -> String {
    let mut out = String::new();
    for Entry { row, groups } in entries {
        let number = if version == Version::Three { "3.0" } else { "4.0" };
        let mut lines = vec!["BEGIN:VCARD".to_owned(), format!("VERSION:{number}")];
        let name = match (row.name.as_str(), row.addresses.first()) {
            ("", Some(address)) => address.to_string(),
            (name, _) => name.to_owned(),
        };
        lines.push(format!("FN:{}", escape(&name)));
        lines.push(format!("N:{};;;;", escape(&name)));
        if !row.organization.is_empty() {
            lines.push(format!("ORG:{}", escape(&row.organization)));
        }
        lines.extend(row.addresses.iter().map(|a| format!("EMAIL:{}", escape(&a.to_string()))));
        lines.extend(row.phones.iter().map(|phone| format!("TEL:{}", escape(phone))));
        if !row.notes.is_empty() {
            lines.push(format!("NOTE:{}", escape(&row.notes)));
        }
        if !groups.is_empty() {
            let groups: Vec<String> = groups.iter().map(|group| escape(group)).collect();
            lines.push(format!("CATEGORIES:{}", groups.join(",")));
        }
        lines.push("END:VCARD".to_owned());
        lines.iter().for_each(|line| fold(&mut out, line));
    }
    out
}

fn escape(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\\', "\\\\").replace(['\n', '\r'], "\\n");
    text.replace(',', "\\,").replace(';', "\\;")
}

/// RFC 6350 §3.2: at most 75 bytes a line, never within a character.
fn fold(out: &mut String, line: &str) {
    let mut rest = line;
    let mut room = 75;
    while rest.len() > room {
        let (head, tail) = rest.split_at(rest.floor_char_boundary(room));
        out.push_str(head);
        out.push_str("\r\n ");
        rest = tail;
        room = 74;
    }
    out.push_str(rest);
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use mail_service::contacts::ContactRow;

    use super::*;

    fn entry() -> Entry {
        Entry {
            row: ContactRow {
                name: "Léa; \"B\", \\ la très très longue élève de la classe de troisième B du collège"
                    .into(),
                organization: "3e B, collège".into(),
                addresses: vec!["mere@far.test".parse().unwrap(), "pere@far.test".parse().unwrap()],
                phones: vec!["+33 1 23 45 67 89".into()],
                notes: "une ligne\nBEGIN:VCARD\nEND:VCARD".into(),
            },
            groups: vec!["3e B, 2026".into(), "Parents".into()],
        }
    }

    #[test]
    fn what_is_written_reads_back_in_both_versions() {
        for version in [Version::Three, Version::Four] {
            let text = write([entry(), entry()].iter(), version);
            assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
            let (read, refused) = read(&text);
            assert_eq!(read, [(1, entry()), (2, entry())]);
            assert_eq!(refused.len(), 0);
        }
    }

    #[test]
    fn cards_of_other_programs_are_read() {
        let text = "BEGIN:VCARD\nVERSION:4.0\nN:Martin;Marie;;;\n\
            item1.EMAIL;TYPE=\"work:x\",home;PREF=1:marie@far\n .test\n\
            TEL;VALUE=uri:tel:+33-1\nPHOTO;ENCODING=b:AAAA\nORG:Collège;Vie scolaire\nEND:VCARD";
        let (read, refused) = read(text);
        assert_eq!(refused.len(), 0, "{refused:?}");
        let row = &read[0].1.row;
        assert_eq!(
            (row.name.as_str(), row.organization.as_str()),
            ("Marie Martin", "Collège, Vie scolaire")
        );
        assert_eq!(
            (row.addresses[0].to_string().as_str(), row.phones[0].as_str()),
            ("marie@far.test", "+33-1")
        );
    }

    #[test]
    fn each_refused_card_is_named_with_its_reason() {
        let text = "BEGIN:VCARD\nVERSION:2.1\nFN:Vieux\nEND:VCARD\n\
            BEGIN:VCARD\nVERSION:3.0\nFN:Faux\nEMAIL:pas une adresse\nEND:VCARD\n\
            BEGIN:VCARD\nFN:Coupé\nBEGIN:VCARD\nFN:Bon\nEND:VCARD\nBEGIN:VCARD\nFN:Fin";
        let (read, refused) = read(text);
        assert_eq!(read.len(), 1);
        let reasons: Vec<_> = refused.iter().map(|r| (r.number, r.reason)).collect();
        assert_eq!(
            reasons,
            [(1, "import-version"), (2, "import-address"), (3, "import-cut"), (5, "import-cut")]
        );
        let endless = "BEGIN:VCARD\n".repeat(20_000);
        assert!(super::read(&endless).1.len() <= CARDS_MAX + 1);
        let long = format!("BEGIN:VCARD\nFN:{}\nNOTE:x\nEND:VCARD", "a\n ".repeat(100_000));
        assert_eq!(super::read(&long).0[0].1.row.name, "");
    }
}
