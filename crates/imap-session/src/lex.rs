//! RFC 3501 §9's small words: atoms, strings, numbers, sets. The parser's only look at bytes.

use mail_types::{Flag, InternalDate, MailboxName, UidSet};

use crate::utf7;

/// What is left of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'a> {
    rest: &'a [u8],
}

/// Why a command was not understood; the text goes into the tagged BAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad(pub &'static str);

type Parsed<T> = Result<T, Bad>;

/// RFC 3501 §9 `sequence-set` before `*` is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceSet {
    /// Ranges as given; `None` is `*`.
    pub ranges: Vec<(Option<u32>, Option<u32>)>,
}

impl SequenceSet {
    /// The numbers, with `*` standing for `largest`.
    pub fn resolve(&self, largest: u32) -> UidSet {
        let number = |end: Option<u32>| end.unwrap_or(largest);
        let ranges = self.ranges.iter().map(|&(a, b)| (number(a), number(b)));
        UidSet::from_ranges(ranges.filter(|&(a, b)| a > 0 && b > 0))
    }

    /// Whether all numbers lie between 1 and `largest`.
    pub fn is_within(&self, largest: u32) -> bool {
        let within = |end: Option<u32>| end.unwrap_or(largest) <= largest && largest > 0;
        self.ranges.iter().all(|&(a, b)| within(a) && within(b))
    }
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(command: &'a [u8]) -> Self {
        let line = command.strip_suffix(b"\n").unwrap_or(command);
        Self { rest: line.strip_suffix(b"\r").unwrap_or(line) }
    }

    /// The next byte, left in place.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn end(&self) -> Parsed<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Bad("Unexpected text after the command")) }
    }

    /// Takes this byte if it comes next.
    pub(crate) fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    pub(crate) fn expect(&mut self, byte: u8, otherwise: &'static str) -> Parsed<()> {
        if self.skip(byte) { Ok(()) } else { Err(Bad(otherwise)) }
    }

    pub(crate) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ', "Expected a space")
    }

    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| !wanted(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// `tag = 1*<any ASTRING-CHAR except "+">`
    pub(crate) fn tag(&mut self) -> Parsed<&'a str> {
        ascii(self.take_while(|byte| is_astring(byte) && byte != b'+')).ok_or(Bad("Expected a tag"))
    }

    /// A word in upper case: a command, an item, a key.
    pub(crate) fn word(&mut self) -> Parsed<String> {
        let word =
            self.take_while(|byte| byte.is_ascii_alphanumeric() || b"-.=_&/".contains(&byte));
        ascii(word).map(str::to_ascii_uppercase).ok_or(Bad("Expected a word"))
    }

    pub(crate) fn atom(&mut self) -> Parsed<&'a str> {
        ascii(self.take_while(is_atom)).ok_or(Bad("Expected an atom"))
    }

    pub(crate) fn number(&mut self) -> Parsed<u64> {
        let digits = ascii(self.take_while(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok());
        number.ok_or(Bad("Expected a number"))
    }

    /// `astring = 1*ASTRING-CHAR / string`
    pub(crate) fn astring(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{' | b'~') => self.string(),
            _ => match self.take_while(is_astring) {
                b"" => Err(Bad("Expected a string")),
                atom => Ok(atom.to_vec()),
            },
        }
    }

    /// `string = quoted / literal`
    pub(crate) fn string(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => Err(Bad("Expected a string")),
        }
    }

    /// `nstring = string / nil`
    pub(crate) fn nstring(&mut self) -> Parsed<Option<Vec<u8>>> {
        if self.rest.get(..3).is_some_and(|nil| nil.eq_ignore_ascii_case(b"NIL")) {
            self.rest = &self.rest[3..];
            return Ok(None);
        }
        self.string().map(Some)
    }

    fn quoted(&mut self) -> Parsed<Vec<u8>> {
        self.expect(b'"', "Expected a quoted string")?;
        let mut text = Vec::new();
        loop {
            text.extend_from_slice(
                self.take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0)),
            );
            let escaped = match self.peek() {
                Some(b'"') => {
                    self.rest = &self.rest[1..];
                    return Ok(text);
                }
                Some(b'\\') => self.rest.get(1).copied(),
                _ => None,
            };
            match escaped {
                Some(byte @ (b'"' | b'\\')) => {
                    text.push(byte);
                    self.rest = &self.rest[2..];
                }
                _ => return Err(Bad("A quoted string does not end")),
            }
        }
    }

    /// `literal = "{" number ["+"] "}" CRLF *CHAR8`
    fn literal(&mut self) -> Parsed<Vec<u8>> {
        self.expect(b'{', "Expected a literal")?;
        let size = self.number()?;
        self.skip(b'+');
        self.expect(b'}', "A literal's size does not end")?;
        self.skip(b'\r');
        self.expect(b'\n', "A literal does not begin on its own line")?;
        let size = usize::try_from(size).map_err(|_| Bad("A literal is too long"))?;
        let Some((text, rest)) = self.rest.split_at_checked(size) else {
            return Err(Bad("A literal is shorter than announced"));
        };
        self.rest = rest;
        // RFC 3501 §9: CHAR8 has no NUL.
        if text.contains(&0) { Err(Bad("A literal holds a NUL")) } else { Ok(text.to_vec()) }
    }

    /// A mailbox name in modified UTF-7, or in UTF-8 as some clients send it.
    pub(crate) fn mailbox(&mut self) -> Parsed<Mailbox> {
        self.astring().map(|name| Mailbox::from_wire(&name))
    }

    /// `list-mailbox = 1*list-char / string`
    pub(crate) fn list_mailbox(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => {
                let pattern = |byte| is_astring(byte) || matches!(byte, b'%' | b'*');
                match self.take_while(pattern) {
                    [] => Err(Bad("Expected a pattern")),
                    pattern => Ok(pattern.to_vec()),
                }
            }
        }
    }

    pub(crate) fn sequence_set(&mut self) -> Parsed<SequenceSet> {
        let mut ranges = Vec::new();
        loop {
            let first = self.sequence_number()?;
            let last = if self.skip(b':') { self.sequence_number()? } else { first };
            ranges.push((first, last));
            if !self.skip(b',') {
                return Ok(SequenceSet { ranges });
            }
        }
    }

    fn sequence_number(&mut self) -> Parsed<Option<u32>> {
        if self.skip(b'*') {
            return Ok(None);
        }
        let number = self.number().map_err(|_| Bad("Expected a sequence number"))?;
        match u32::try_from(number) {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(Bad("A sequence number is out of range")),
        }
    }

    /// `flag-list = "(" [flag *(SP flag)] ")"`, `\Recent` passed over: no client may set it.
    pub(crate) fn flag_list(&mut self) -> Parsed<Vec<Flag>> {
        self.expect(b'(', "Expected a list of flags")?;
        let mut flags = Vec::new();
        if self.skip(b')') {
            return Ok(flags);
        }
        loop {
            flags.extend(self.flag()?);
            if self.skip(b')') {
                return Ok(flags);
            }
            self.expect(b' ', "A list of flags does not end")?;
        }
    }

    pub(crate) fn flag(&mut self) -> Parsed<Option<Flag>> {
        let text = self.take_while(|byte| is_atom(byte) || byte == b'\\');
        let text = ascii(text).ok_or(Bad("Expected a flag"))?;
        if text.eq_ignore_ascii_case("\\Recent") {
            return Ok(None);
        }
        Flag::parse(text).map(Some).map_err(|_| Bad("Unknown flag"))
    }

    /// `date-time`
    pub(crate) fn date_time(&mut self) -> Parsed<InternalDate> {
        let text = self.quoted()?;
        let text = std::str::from_utf8(&text).map_err(|_| Bad("Unreadable date"))?;
        InternalDate::parse(text).map_err(|_| Bad("Unreadable date"))
    }
}

/// A mailbox name as a client gave it: usable, or not and then it names nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mailbox {
    /// A name.
    Named(MailboxName),
    /// Why it cannot be one.
    Invalid(String),
}

impl Mailbox {
    pub(crate) fn from_wire(name: &[u8]) -> Self {
        let Ok(decoded) = utf7::decode(name) else {
            return Mailbox::Invalid("mailbox name is not modified UTF-7".into());
        };
        match MailboxName::parse(decoded.strip_suffix('/').unwrap_or(&decoded)) {
            Ok(name) => Mailbox::Named(name),
            Err(error) => Mailbox::Invalid(error.to_string()),
        }
    }
}

fn ascii(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() { None } else { std::str::from_utf8(bytes).ok() }
}

/// `ATOM-CHAR`
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte)
}

/// `ASTRING-CHAR = ATOM-CHAR / resp-specials`
fn is_astring(byte: u8) -> bool {
    is_atom(byte) || byte == b']' || byte >= 0x80
}
