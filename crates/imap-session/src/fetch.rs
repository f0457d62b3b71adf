//! RFC 3501 §6.4.5: what FETCH asks of a message.

use crate::lex::{Bad, Lexer};
use crate::respond;

/// One item of a FETCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// FLAGS
    Flags,
    /// UID
    Uid,
    /// INTERNALDATE
    InternalDate,
    /// RFC822.SIZE
    Size,
    /// ENVELOPE
    Envelope,
    /// MODSEQ (RFC 7162 §3.1.4)
    ModSeq,
    /// BODY without a section
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// BODY[section], and RFC822 and its like.
    Section(Section),
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Part numbers.
    pub path: Vec<u32>,
    /// What of it.
    pub text: Text,
    /// First byte and count, both as given.
    pub partial: Option<(u64, u64)>,
    /// Whether `\Seen` stays as it is.
    pub peek: bool,
    /// The name under which it is answered.
    pub label: Label,
}

/// The name under which a section is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// `BODY[…]`
    Body,
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.TEXT`
    Rfc822Text,
}

/// What of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// All of it.
    All,
    /// HEADER
    Header,
    /// HEADER.FIELDS
    Fields(Vec<String>),
    /// HEADER.FIELDS.NOT
    FieldsNot(Vec<String>),
    /// TEXT
    Text,
    /// MIME
    Mime,
}

/// Items of one FETCH, names of one HEADER.FIELDS, numbers of one part: what a command has room
/// for and nobody needs more of.
const ITEMS_MAX: usize = 200;
const NAMES_MAX: usize = 500;
const PATH_MAX: usize = 100;

pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Result<Vec<Item>, Bad> {
    let mut items = Vec::new();
    if lexer.skip(b'(') {
        loop {
            items.push(item(lexer)?);
            if items.len() > ITEMS_MAX {
                return Err(Bad("Too many items"));
            }
            if lexer.skip(b')') {
                return Ok(items);
            }
            lexer.space()?;
        }
    }
    let mut copy = *lexer;
    let macro_items = match copy.word().unwrap_or_default().as_str() {
        "ALL" => &[Item::Flags, Item::InternalDate, Item::Size, Item::Envelope][..],
        "FAST" => &[Item::Flags, Item::InternalDate, Item::Size],
        "FULL" => &[Item::Flags, Item::InternalDate, Item::Size, Item::Envelope, Item::Body],
        _ => return Ok(vec![item(lexer)?]),
    };
    *lexer = copy;
    Ok(macro_items.to_vec())
}

fn item(lexer: &mut Lexer<'_>) -> Result<Item, Bad> {
    let section = |text, peek, label| {
        Item::Section(Section { path: Vec::new(), text, partial: None, peek, label })
    };
    Ok(match lexer.word()?.as_str() {
        "FLAGS" => Item::Flags,
        "UID" => Item::Uid,
        "INTERNALDATE" => Item::InternalDate,
        "RFC822.SIZE" => Item::Size,
        "MODSEQ" => Item::ModSeq,
        "ENVELOPE" => Item::Envelope,
        "BODYSTRUCTURE" => Item::BodyStructure,
        "RFC822" => section(Text::All, false, Label::Rfc822),
        "RFC822.HEADER" => section(Text::Header, true, Label::Rfc822Header),
        "RFC822.TEXT" => section(Text::Text, false, Label::Rfc822Text),
        "BODY" if lexer.peek() != Some(b'[') => Item::Body,
        "BODY" => Item::Section(body_section(lexer, false)?),
        "BODY.PEEK" => Item::Section(body_section(lexer, true)?),
        _ => return Err(Bad("Unknown FETCH item")),
    })
}

/// `section = "[" [section-spec] "]"`, `["<" number "." nz-number ">"]`
fn body_section(lexer: &mut Lexer<'_>, peek: bool) -> Result<Section, Bad> {
    lexer.expect(b'[', "Expected a section")?;
    let mut path = Vec::new();
    let mut text = Text::All;
    while lexer.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        let number = u32::try_from(lexer.number()?).ok().filter(|&number| number > 0);
        path.push(number.ok_or(Bad("A part number is out of range"))?);
        if path.len() > PATH_MAX {
            return Err(Bad("A part number has too many levels"));
        }
        if !lexer.skip(b'.') {
            // section-spec = section-msgtext / (section-part ["." section-text])
            if lexer.peek() != Some(b']') {
                return Err(Bad("A dot is missing behind a part number"));
            }
            break;
        }
        if lexer.peek() == Some(b']') {
            return Err(Bad("A part number ends with a dot"));
        }
    }
    if lexer.peek() != Some(b']') {
        text = section_text(lexer, path.is_empty())?;
    }
    lexer.expect(b']', "A section does not end")?;
    let mut partial = None;
    if lexer.skip(b'<') {
        let first = lexer.number()?;
        lexer.expect(b'.', "A partial range has two numbers")?;
        let count = lexer.number()?;
        lexer.expect(b'>', "A partial range does not end")?;
        if count == 0 {
            return Err(Bad("A partial range is empty"));
        }
        partial = Some((first, count));
    }
    Ok(Section { path, text, partial, peek, label: Label::Body })
}

fn section_text(lexer: &mut Lexer<'_>, is_whole: bool) -> Result<Text, Bad> {
    Ok(match lexer.word()?.as_str() {
        "HEADER" => Text::Header,
        "TEXT" => Text::Text,
        "MIME" if !is_whole => Text::Mime,
        "HEADER.FIELDS" => Text::Fields(names(lexer)?),
        "HEADER.FIELDS.NOT" => Text::FieldsNot(names(lexer)?),
        _ => return Err(Bad("Unknown section")),
    })
}

fn names(lexer: &mut Lexer<'_>) -> Result<Vec<String>, Bad> {
    lexer.space()?;
    lexer.expect(b'(', "Expected a list of fields")?;
    let mut names = Vec::new();
    loop {
        names.push(String::from_utf8_lossy(&lexer.astring()?).into_owned());
        if names.len() > NAMES_MAX {
            return Err(Bad("Too many fields"));
        }
        if lexer.skip(b')') {
            return Ok(names);
        }
        lexer.space()?;
    }
}

impl Section {
    /// Writes `BODY[1.HEADER.FIELDS (To)]<0>`: the name under which it is answered.
    pub fn write_label(&self, out: &mut Vec<u8>) {
        match self.label {
            Label::Rfc822 => return out.extend_from_slice(b"RFC822"),
            Label::Rfc822Header => return out.extend_from_slice(b"RFC822.HEADER"),
            Label::Rfc822Text => return out.extend_from_slice(b"RFC822.TEXT"),
            Label::Body => out.extend_from_slice(b"BODY["),
        }
        for (index, &number) in self.path.iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            respond::number(out, number.into());
        }
        let (word, names) = match &self.text {
            Text::All => ("", None),
            Text::Header => ("HEADER", None),
            Text::Text => ("TEXT", None),
            Text::Mime => ("MIME", None),
            Text::Fields(names) => ("HEADER.FIELDS", Some(names)),
            Text::FieldsNot(names) => ("HEADER.FIELDS.NOT", Some(names)),
        };
        if !word.is_empty() && !self.path.is_empty() {
            out.push(b'.');
        }
        out.extend_from_slice(word.as_bytes());
        if let Some(names) = names {
            for (index, name) in names.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b" (" } else { b" " });
                respond::astring(out, name.as_bytes());
            }
            out.push(b')');
        }
        out.push(b']');
        if let Some((first, _)) = self.partial {
            out.push(b'<');
            respond::number(out, first);
            out.push(b'>');
        }
    }
}
