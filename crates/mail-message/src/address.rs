//! RFC 5322 §3.4 address lists, read leniently and in linear time.

use crate::header::{clean, decode_text};

/// One entry of an address list, as ENVELOPE shows it: nothing decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A mailbox.
    Mailbox(Mailbox),
    /// The beginning of a group with its name.
    GroupStart(Vec<u8>),
    /// The end of a group.
    GroupEnd,
}

/// A mailbox of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, unquoted, encoded words as they stand.
    pub name: Option<Vec<u8>>,
    /// RFC 5322 §4.4 `obs-route`, which means nothing any more.
    pub route: Option<Vec<u8>>,
    /// What stands before the `@`, unquoted.
    pub local_part: Vec<u8>,
    /// What stands after it; `None` when there is no `@`.
    pub domain: Option<Vec<u8>>,
}

/// Reads an unfolded list; at most `max` entries, the rest is passed over. Every group that is
/// begun is ended, and none is ended that was not begun.
pub fn parse_list(value: &[u8], max: usize) -> Vec<Entry> {
    let mut parser = Parser { rest: value, ..Parser::default() };
    parser.run(max);
    parser.entries
}

/// Characters of a display name for people.
const NAME_CHARS_MAX: usize = 200;
/// RFC 5321 §4.5.3.1: 64, an `@`, 255.
const ADDRESS_CHARS_MAX: usize = 320;

/// Display name (decoded, may be empty) and address of the mailboxes of a list, for people.
pub fn mailboxes(value: &[u8], max: usize) -> Vec<(String, String)> {
    let decoded = |entry| {
        let Entry::Mailbox(mailbox) = entry else { return None };
        let name = mailbox.name.map(|name| decode_text(&name, NAME_CHARS_MAX));
        let mut address = String::from_utf8_lossy(&mailbox.local_part).into_owned();
        if let Some(domain) = mailbox.domain {
            address.push('@');
            address.push_str(&String::from_utf8_lossy(&domain));
        }
        Some((name.unwrap_or_default(), clean(&address, ADDRESS_CHARS_MAX)))
    };
    // A mailbox may stand in a group of its own.
    let entries = parse_list(value, max.saturating_mul(3));
    entries.into_iter().filter_map(decoded).take(max).collect()
}

#[derive(Default)]
struct Parser<'a> {
    rest: &'a [u8],
    entries: Vec<Entry>,
    is_in_group: bool,
    /// Words before a `<`, a `:` or the entry's end, as a display name.
    phrase: Vec<u8>,
    /// The same as an address: no white space but what was quoted.
    bare: Vec<u8>,
    /// What stood in angle brackets.
    angle: Option<Vec<u8>>,
    /// The last comment, which old programs write instead of a display name.
    comment: Vec<u8>,
}

impl Parser<'_> {
    fn run(&mut self, max: usize) {
        while self.entries.len() < max
            && let Some(byte) = self.take()
        {
            match byte {
                b'"' => {
                    let quoted = self.quoted();
                    self.phrase.extend_from_slice(&quoted);
                    self.bare.extend_from_slice(&quoted);
                }
                b'(' => self.comment = self.commented(),
                b'<' => {
                    // Two in a row: the comma between them was forgotten.
                    if self.angle.is_some() {
                        self.end_mailbox();
                    }
                    self.angle = Some(self.bracketed());
                }
                b',' => self.end_mailbox(),
                b':' if self.angle.is_none() => self.begin_group(),
                b';' => {
                    self.end_mailbox();
                    self.end_group();
                }
                b' ' | b'\t' if self.phrase.last().is_none_or(|&last| last == b' ') => {}
                b' ' | b'\t' => self.phrase.push(b' '),
                _ => {
                    self.phrase.push(byte);
                    self.bare.push(byte);
                }
            }
        }
        if self.entries.len() < max {
            self.end_mailbox();
        }
        self.end_group();
    }

    fn take(&mut self) -> Option<u8> {
        let (&byte, tail) = self.rest.split_first()?;
        self.rest = tail;
        Some(byte)
    }

    /// A quoted string's text; an unterminated one ends with the value.
    fn quoted(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some(byte) = self.take() {
            match byte {
                b'"' => break,
                b'\\' => text.extend(self.take()),
                _ => text.push(byte),
            }
        }
        text
    }

    /// A comment's text; comments nest (RFC 5322 §3.2.2), so depth is counted, not descended.
    fn commented(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut depth = 1usize;
        while let Some(byte) = self.take() {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 1 => break,
                b')' => depth -= 1,
                _ => {}
            }
            text.extend(if byte == b'\\' { self.take() } else { Some(byte) });
        }
        text
    }

    /// What stands before the `>`, as an address.
    fn bracketed(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some(byte) = self.take() {
            match byte {
                b'>' => break,
                b'"' => text.append(&mut self.quoted()),
                b'(' => drop(self.commented()),
                b' ' | b'\t' => {}
                _ => text.push(byte),
            }
        }
        text
    }

    fn begin_group(&mut self) {
        self.end_group();
        let name = std::mem::take(&mut self.phrase);
        self.bare.clear();
        self.entries.push(Entry::GroupStart(name.trim_ascii().to_vec()));
        self.is_in_group = true;
    }

    /// Outside a group a semicolon is what some programs write for a comma.
    fn end_group(&mut self) {
        if std::mem::take(&mut self.is_in_group) {
            self.entries.push(Entry::GroupEnd);
        }
    }

    fn end_mailbox(&mut self) {
        let phrase = std::mem::take(&mut self.phrase);
        let bare = std::mem::take(&mut self.bare);
        let comment = std::mem::take(&mut self.comment);
        let (name, address) = match self.angle.take() {
            Some(address) => (phrase.trim_ascii(), address),
            None if bare.is_empty() => return,
            None => (&b""[..], bare),
        };
        let name = if name.is_empty() { comment.trim_ascii() } else { name };
        let name = Some(name.to_vec()).filter(|name| !name.is_empty());
        // RFC 5322 §4.4: `obs-route = obs-domain-list ":"`
        let colon = address.iter().position(|&byte| byte == b':');
        let colon = colon.filter(|_| address.first() == Some(&b'@'));
        let route = colon.map(|colon| address[..colon].to_vec());
        let address = &address[colon.map_or(0, |colon| colon + 1)..];
        let (local_part, domain) = match address.iter().rposition(|&byte| byte == b'@') {
            Some(at) => (&address[..at], Some(address[at + 1..].to_vec())),
            None => (address, None),
        };
        let local_part = local_part.to_vec();
        self.entries.push(Entry::Mailbox(Mailbox { name, route, local_part, domain }));
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
            ("a@b.test (a (nested) comment)", vec![pair("a (nested) comment", "a@b.test")]),
            ("=?utf-8?q?=C3=89lise?= <e@b.test>", vec![pair("Élise", "e@b.test")]),
            ("<@relay.test:a@b.test>", vec![pair("", "a@b.test")]),
            ("undisclosed-recipients:;", vec![]),
            ("team: a@b.test, c@d.test;", vec![pair("", "a@b.test"), pair("", "c@d.test")]),
            (",,", vec![]),
            ("<", vec![pair("", "")]),
            ("a@b.test; c@d.test", vec![pair("", "a@b.test"), pair("", "c@d.test")]),
            ("<a@b.test> <c@d.test>", vec![pair("", "a@b.test"), pair("", "c@d.test")]),
            ("\"a b\"@c.test", vec![pair("", "a b@c.test")]),
            ("x <\"a>b\"@c.test>", vec![pair("x", "a>b@c.test")]),
            ("a @ b . test", vec![pair("", "a@b.test")]),
            ("", vec![]),
        ] {
            assert_eq!(shown(value), wanted, "{value}");
        }
    }

    #[test]
    fn every_group_that_begins_ends() {
        let borders = |value: &str, max| {
            let shown = |entry: &Entry| match entry {
                Entry::Mailbox(_) => 'm',
                Entry::GroupStart(_) => '(',
                Entry::GroupEnd => ')',
            };
            parse_list(value.as_bytes(), max).iter().map(shown).collect::<String>()
        };
        assert_eq!(borders("team: a@b.test;", 10), "(m)");
        assert_eq!(borders("team: a@b.test, c@d.test", 10), "(mm)");
        assert_eq!(borders("a@b.test; c@d.test;", 10), "mm");
        assert_eq!(borders("a:b:c@d.test;;", 10), "()(m)");
        assert_eq!(borders("a:;b@c.test", 10), "()m");
        assert_eq!(borders("team: a@b.test, c@d.test, e@f.test", 2), "(m)");
        assert_eq!(
            parse_list(b"My Team : a@b.test;", 10)[0],
            Entry::GroupStart(b"My Team".to_vec())
        );
    }

    #[test]
    fn an_old_route_is_kept_apart() {
        let entries = parse_list(b"<@one.test,@two.test:a@b.test>", 10);
        let [Entry::Mailbox(mailbox)] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(mailbox.route.as_deref(), Some(&b"@one.test,@two.test"[..]));
        assert_eq!(mailbox.local_part, b"a");
    }

    #[test]
    fn half_a_million_addresses_cost_only_what_is_kept() {
        let value = b"a@b.test, ".repeat(500_000);
        assert_eq!(mailboxes(&value, 8).len(), 8);
    }
}
