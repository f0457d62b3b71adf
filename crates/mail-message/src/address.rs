//! RFC 5322 §3.4 address lists, read leniently and in linear time.

use crate::header::{clean, decode_text};

/// One entry of an address list, as ENVELOPE shows it: nothing decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A mailbox.
    Mailbox {
        /// The display name, unquoted, encoded words as they stand.
        name: Option<Vec<u8>>,
        /// What stands before the `@`.
        local_part: Vec<u8>,
        /// What stands after it; `None` when there is no `@`.
        domain: Option<Vec<u8>>,
    },
    /// The beginning of a group with its name.
    GroupStart(Vec<u8>),
    /// The end of a group.
    GroupEnd,
}

/// Reads an unfolded list; at most `max` entries, the rest is passed over.
pub fn parse_list(value: &[u8], max: usize) -> Vec<Entry> {
    let mut parser = Parser { rest: value, entries: Vec::new(), phrase: Vec::new(), addr: None };
    parser.run(max);
    parser.entries
}

/// Display name (decoded, may be empty) and address of the mailboxes of a list, for people.
pub fn mailboxes(value: &[u8], max: usize) -> Vec<(String, String)> {
    let decoded = |entry| match entry {
        Entry::Mailbox { name, local_part, domain } => {
            let name = name.map(|name| decode_text(&name, 200)).unwrap_or_default();
            let mut address = String::from_utf8_lossy(&local_part).into_owned();
            if let Some(domain) = domain {
                address.push('@');
                address.push_str(&String::from_utf8_lossy(&domain));
            }
            Some((name, clean(&address, 320)))
        }
        Entry::GroupStart(_) | Entry::GroupEnd => None,
    };
    parse_list(value, max).into_iter().filter_map(decoded).collect()
}

struct Parser<'a> {
    rest: &'a [u8],
    entries: Vec<Entry>,
    /// Words before a `<`, a `:` or the entry's end.
    phrase: Vec<u8>,
    /// What stood in angle brackets.
    addr: Option<Vec<u8>>,
}

impl Parser<'_> {
    fn run(&mut self, max: usize) {
        while let Some((&byte, tail)) = self.rest.split_first() {
            if self.entries.len() >= max {
                return;
            }
            self.rest = tail;
            match byte {
                b'"' => {
                    let quoted = self.quoted(b'"');
                    self.phrase.extend(quoted);
                }
                b'(' => self.comment(),
                b'<' => self.addr = Some(self.quoted(b'>')),
                b',' => self.end_mailbox(),
                b':' if self.addr.is_none() => {
                    let name = std::mem::take(&mut self.phrase);
                    self.entries.push(Entry::GroupStart(name.trim_ascii().to_vec()));
                }
                b';' => {
                    self.end_mailbox();
                    self.entries.push(Entry::GroupEnd);
                }
                b' ' | b'\t' if self.phrase.last().is_none_or(|&last| last == b' ') => {}
                b'\t' => self.phrase.push(b' '),
                _ => self.phrase.push(byte),
            }
        }
        self.end_mailbox();
    }

    /// Text up to `end`, with quoted pairs undone; unterminated text ends with the value.
    fn quoted(&mut self, end: u8) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some((&byte, tail)) = self.rest.split_first() {
            self.rest = tail;
            match byte {
                byte if byte == end => break,
                b'\\' if end == b'"' => {
                    if let Some((&escaped, tail)) = self.rest.split_first() {
                        self.rest = tail;
                        text.push(escaped);
                    }
                }
                _ => text.push(byte),
            }
        }
        text
    }

    fn comment(&mut self) {
        let mut depth = 1usize;
        while let Some((&byte, tail)) = self.rest.split_first() {
            self.rest = tail;
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => self.rest = self.rest.get(1..).unwrap_or_default(),
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn end_mailbox(&mut self) {
        let phrase = std::mem::take(&mut self.phrase);
        let phrase = phrase.trim_ascii();
        let (name, addr) = match self.addr.take() {
            Some(addr) => (Some(phrase.to_vec()).filter(|name| !name.is_empty()), addr),
            None if phrase.is_empty() => return,
            None => (None, phrase.to_vec()),
        };
        // RFC 5322 §4.4: an obsolete source route before the colon means nothing any more.
        let addr = match addr.iter().rposition(|&byte| byte == b':') {
            Some(colon) if addr.first() == Some(&b'@') => &addr[colon + 1..],
            _ => &addr[..],
        };
        let addr: Vec<u8> =
            addr.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let (local_part, domain) = match addr.iter().rposition(|&byte| byte == b'@') {
            Some(at) => (addr[..at].to_vec(), Some(addr[at + 1..].to_vec())),
            None => (addr, None),
        };
        self.entries.push(Entry::Mailbox { name, local_part, domain });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> Vec<(String, String)> {
        mailboxes(value.as_bytes(), 10)
    }

    #[test]
    fn mailboxes_are_read_with_names_comments_and_quotes() {
        let pair = |name: &str, address: &str| (name.to_owned(), address.to_owned());
        for (value, wanted) in [
            ("a@b.test", vec![pair("", "a@b.test")]),
            ("Ann <a@b.test>, c@d.test", vec![pair("Ann", "a@b.test"), pair("", "c@d.test")]),
            ("\"Last, First\" <a@b.test>", vec![pair("Last, First", "a@b.test")]),
            ("\"a \\\" b\" <a@b.test>", vec![pair("a \" b", "a@b.test")]),
            ("a@b.test (a (nested) comment)", vec![pair("", "a@b.test")]),
            ("=?utf-8?q?=C3=89lise?= <e@b.test>", vec![pair("Élise", "e@b.test")]),
            ("<@relay.test:a@b.test>", vec![pair("", "a@b.test")]),
            ("undisclosed-recipients:;", vec![]),
            ("team: a@b.test, c@d.test;", vec![pair("", "a@b.test"), pair("", "c@d.test")]),
            (",,", vec![]),
            ("<", vec![pair("", "")]),
            ("", vec![]),
        ] {
            assert_eq!(shown(value), wanted, "{value}");
        }
    }

    #[test]
    fn groups_keep_their_borders() {
        let entries = parse_list(b"team: a@b.test;", 10);
        assert_eq!(entries[0], Entry::GroupStart(b"team".to_vec()));
        assert_eq!(entries[2], Entry::GroupEnd);
    }

    #[test]
    fn half_a_million_addresses_cost_only_what_is_kept() {
        let value = b"a@b.test, ".repeat(500_000);
        assert_eq!(mailboxes(&value, 8).len(), 8);
    }
}
