//! Who wrote a message, read strictly: what policy decides on must be what every reader shows.
//! Lists for people are read leniently in [`crate::address`].

use mail_types::EmailAddress;

use crate::header::{self, unfold};

/// Authors of one message that are told; more are a fault.
const AUTHORS_MAX: usize = 100;

/// Why the authors cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorFault {
    /// There is no `From` (RFC 5322 §3.6: exactly one).
    Missing,
    /// There are several.
    Repeated,
    /// It is no list of mailboxes (RFC 5322 §3.6.2) with addresses of ours or of the Internet.
    Unreadable,
}

/// The addresses in the one `From` field of a raw header section.
///
/// # Errors
/// [`AuthorFault`] says why the message has no author that every reader agrees on.
pub fn authors(raw_header: &[u8]) -> Result<Vec<EmailAddress>, AuthorFault> {
    let mut found = header::fields(raw_header).filter(|field| is_from(field.name));
    let field = found.next().ok_or(AuthorFault::Missing)?;
    if found.next().is_some() {
        return Err(AuthorFault::Repeated);
    }
    // A name with white space or NUL in it is `From` to some readers and nothing to others.
    let is_plain = field.is("From") && field.raw.get(4) == Some(&b':');
    if !is_plain || field.value.contains(&0) {
        return Err(AuthorFault::Unreadable);
    }
    let value = String::from_utf8(unfold(field.value)).map_err(|_| AuthorFault::Unreadable)?;
    mailbox_list(&value).ok_or(AuthorFault::Unreadable)
}

/// Whether a lenient reader could take this for `From`.
fn is_from(name: &[u8]) -> bool {
    let seen = name.iter().filter(|byte| byte.is_ascii_graphic());
    seen.map(u8::to_ascii_lowercase).eq(b"from".iter().copied())
}

/// `mailbox-list = (mailbox *("," mailbox))`
fn mailbox_list(value: &str) -> Option<Vec<EmailAddress>> {
    let mut found = Vec::new();
    let mut tokens = Tokens { rest: value };
    loop {
        let (address, is_last) = mailbox(&mut tokens)?;
        found.push(address);
        if is_last {
            return Some(found);
        }
        if found.len() == AUTHORS_MAX {
            return None;
        }
    }
}

/// `mailbox = name-addr / addr-spec`, up to its comma or the end.
fn mailbox(tokens: &mut Tokens<'_>) -> Option<(EmailAddress, bool)> {
    let mut outside = String::new();
    let mut words = 0;
    loop {
        match tokens.next()? {
            Token::Word(word) => {
                words += 1;
                outside.push_str(word);
            }
            // Deviation: `@` may stand in a display name, as many programs write the address there
            // too; what stands in the brackets is the address to every reader.
            Token::Special(b'@') => outside.push('@'),
            Token::Special(b'<') => {
                let address = bracketed(tokens)?;
                let is_last = end_of_mailbox(tokens.next()?)?;
                return Some((address, is_last));
            }
            end => {
                let is_last = end_of_mailbox(end)?;
                // Two words without brackets, as in `a @b c.test`, are no addr-spec.
                return (words == 2).then(|| outside.parse().ok()).flatten().map(|a| (a, is_last));
            }
        }
    }
}

/// `angle-addr` behind its `<`.
fn bracketed(tokens: &mut Tokens<'_>) -> Option<EmailAddress> {
    let (Token::Word(local), Token::Special(b'@'), Token::Word(domain), Token::Special(b'>')) =
        (tokens.next()?, tokens.next()?, tokens.next()?, tokens.next()?)
    else {
        return None;
    };
    format!("{local}@{domain}").parse().ok()
}

/// Whether it was the last mailbox; `None` when something else follows it.
fn end_of_mailbox(token: Token<'_>) -> Option<bool> {
    match token {
        Token::End => Some(true),
        Token::Special(b',') => Some(false),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    /// A dot-atom, or a quoted string with its quotes.
    Word(&'a str),
    Special(u8),
    End,
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    /// The next token behind white space and comments; `None` for what belongs to no mailbox.
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t']);
            match self.rest.strip_prefix('(') {
                Some(inner) => self.rest = after_comment(inner)?,
                None => break,
            }
        }
        let Some(&first) = self.rest.as_bytes().first() else { return Some(Token::End) };
        let length = match first {
            b'@' | b'<' | b'>' | b',' => {
                self.rest = &self.rest[1..];
                return Some(Token::Special(first));
            }
            b'"' => quoted_length(self.rest)?,
            _ => self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len()),
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        (length > 0).then_some(Token::Word(word))
    }
}

/// RFC 5322 §3.2.3 `atext` and the dot, with RFC 6532 §3.2's UTF-8. A colon or semicolon (groups),
/// brackets (domain literals) and controls are none.
fn is_word(c: char) -> bool {
    let hidden = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    !hidden
        && !matches!(
            c,
            ' ' | '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' | '"'
        )
}

fn quoted_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(place + 1),
            _ => {}
        }
    }
    None
}

/// What follows the comment whose `(` was taken; comments nest (RFC 5322 §3.2.2).
fn after_comment(inner: &str) -> Option<&str> {
    let mut depth = 1usize;
    let mut is_escaped = false;
    for (place, byte) in inner.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(&inner[place + 1..]),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Vec<String>, AuthorFault> {
        Ok(authors(raw.as_bytes())?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_author_is_told_however_it_is_written() {
        for from in [
            "a@b.test",
            "<a@b.test>",
            "Ann <a@b.test>",
            "Ann (x) <a@b.test> (y (z))",
            "\"Ann, B\" <a@b.test>",
            "=?utf-8?q?=C3=89lise?= E. <a@b.test>",
            "Élise <a@b.test>",
            "other@b.test <a@b.test>",
            "Ann\r\n\t<a@b.test>",
            "a@B.test.",
        ] {
            assert_eq!(
                read(&format!("From: {from}\r\n\r\n")),
                Ok(vec!["a@b.test".into()]),
                "{from}"
            );
        }
        assert_eq!(read("fRoM:a@b.test, C <c@d.test>\r\n").map(|all| all.len()), Ok(2));
        assert_eq!(read("From: \"a b\"@c.test\r\n"), Ok(vec!["\"a b\"@c.test".into()]));
    }

    // "Composition Kills": headers that two programs read as two authors.
    #[test]
    fn what_two_readers_could_read_differently_has_no_author() {
        use AuthorFault::*;
        for (raw, fault) in [
            ("To: a@b.test\r\n", Missing),
            ("\r\nFrom: a@b.test\r\n", Missing),
            ("From: a@b.test\r\nFrom: c@d.test\r\n", Repeated),
            ("From : a@b.test\r\nFrom: c@d.test\r\n", Repeated),
            ("Fro\0m: a@b.test\r\nFrom: c@d.test\r\n", Repeated),
            ("From : a@b.test\r\n", Unreadable),
            ("From\0: a@b.test\r\n", Unreadable),
            ("From:\r\n", Unreadable),
            ("From: a@b.test,\r\n", Unreadable),
            ("From: <a@b.test> <c@d.test>\r\n", Unreadable),
            ("From: <a@b.test> c@d.test\r\n", Unreadable),
            ("From: a@b.test c@d.test\r\n", Unreadable),
            ("From: <a@b.test>c@d.test\r\n", Unreadable),
            ("From: <a@b.test,c@d.test>\r\n", Unreadable),
            ("From: <@d.test:a@b.test>\r\n", Unreadable),
            ("From: g: a@b.test;\r\n", Unreadable),
            ("From: a@b.test\0@d.test\r\n", Unreadable),
            ("From: a@b.test(\r\n", Unreadable),
            ("From: \"a@b.test\r\n", Unreadable),
            ("From: a@[192.0.2.1]\r\n", Unreadable),
            ("From: a@=?utf-8?q?b.test?=\r\n", Unreadable),
            ("From: a@b@c.test\r\n", Unreadable),
            ("From: Ann\r\n", Unreadable),
            ("From: <>\r\n", Unreadable),
        ] {
            assert_eq!(read(raw), Err(fault), "{raw:?}");
        }
        assert_eq!(authors(b"From: \xe9 <a@b.test>\r\n"), Err(Unreadable));
    }

    #[test]
    fn half_a_million_authors_are_a_fault() {
        let raw = format!("From: {}\r\n", "a@b.test,".repeat(500_000));
        assert_eq!(authors(raw.as_bytes()), Err(AuthorFault::Unreadable));
        let raw = format!("From: {}\r\n", "(".repeat(1_000_000));
        assert_eq!(authors(raw.as_bytes()), Err(AuthorFault::Unreadable));
    }
}
