//! What FETCH answers about a message's structure, made once at delivery: the part tree, and
//! ENVELOPE, BODY and BODYSTRUCTURE as they go over the wire (RFC 9051 §7.5.2).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::content::Parameterized;
use crate::part::Part;
use crate::scan::Scanned;
use crate::wire::{self, EMPTY_ENVELOPE, nstring, string};

/// A message's structure as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StructureRow {
    /// Bytes that Facteur put in front of the message as received.
    pub prefix_bytes: u64,
    /// All parts; the first is the message itself. Ranges are without the prefix.
    pub parts: Vec<Part>,
    /// ENVELOPE.
    pub envelope: Vec<u8>,
    /// BODY.
    pub body: Vec<u8>,
    /// BODYSTRUCTURE.
    pub body_structure: Vec<u8>,
}

/// RFC 9051 §6.4.5 `section-text`: what of a part is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The part's body; of no part, the whole message.
    Body,
    /// `HEADER` of a message.
    Header,
    /// `TEXT` of a message.
    Text,
    /// `MIME`: the part's own header.
    Mime,
}

impl StructureRow {
    /// The structure of a scanned message with a prefix of this many bytes that says nothing
    /// ENVELOPE would tell.
    pub fn new(scanned: &Scanned, prefix_bytes: u64) -> Self {
        let envelope = scanned.parts.first().and_then(|part| part.envelope.clone());
        Self::with_envelope(scanned, prefix_bytes, envelope.unwrap_or_default())
    }

    /// The structure of a scanned message behind these header lines; what they say, a missing
    /// `Message-ID` or `Date`, is in ENVELOPE.
    pub fn behind(prefix: &[u8], scanned: &Scanned) -> Self {
        let envelope = wire::envelope(&[prefix, &scanned.raw_header].concat());
        Self::with_envelope(scanned, prefix.len() as u64, envelope)
    }

    fn with_envelope(scanned: &Scanned, prefix_bytes: u64, envelope: Vec<u8>) -> Self {
        let mut parts = scanned.parts.clone();
        let body = describe(&parts, Form::Body);
        let body_structure = describe(&parts, Form::BodyStructure);
        // They are written into what was just described; nobody asks for them alone.
        parts.iter_mut().for_each(|part| part.envelope = None);
        Self { prefix_bytes, parts, envelope, body, body_structure }
    }

    /// The bytes of a section, counted in prefix and message together; `None` when there is no
    /// such part or it has no such section.
    pub fn range(&self, path: &[u32], section: Section) -> Option<Range<u64>> {
        let root = self.parts.first()?;
        let shift =
            |range: &Range<u64>| range.start + self.prefix_bytes..range.end + self.prefix_bytes;
        if path.is_empty() {
            return match section {
                Section::Body => Some(0..root.body.end + self.prefix_bytes),
                Section::Header => Some(0..root.header.end + self.prefix_bytes),
                Section::Text => Some(shift(&root.body)),
                Section::Mime => None,
            };
        }
        let part = self.part(path)?;
        match section {
            Section::Body => Some(shift(&part.body)),
            Section::Mime => Some(shift(&part.header)),
            // RFC 9051 §6.4.5: HEADER and TEXT of a part are those of the message within it.
            Section::Header | Section::Text if part.is_message => {
                let inner = self.child(part, 0)?;
                Some(shift(if section == Section::Header { &inner.header } else { &inner.body }))
            }
            Section::Header | Section::Text => None,
        }
    }

    /// The part with this number (RFC 9051 §6.4.5): part 1 of what is no multipart is itself.
    pub fn part(&self, path: &[u32]) -> Option<&Part> {
        let mut part = self.parts.first()?;
        let mut is_entity = true;
        for &number in path {
            if part.is_message && !is_entity {
                part = self.child(part, 0)?;
                is_entity = true;
            }
            let index = number.checked_sub(1)? as usize;
            if part.is_multipart {
                part = self.child(part, index)?;
            } else if index != 0 || !is_entity {
                return None;
            }
            is_entity = false;
        }
        Some(part)
    }

    /// The number of each part that holds something, with the part, in order.
    pub fn leaves(&self) -> Vec<(Vec<u32>, &Part)> {
        let mut found = Vec::new();
        let mut todo = vec![(Vec::new(), 0u32, true)];
        while let Some((path, number, is_entity)) = todo.pop() {
            let Some(part) = self.parts.get(number as usize) else { continue };
            if part.is_multipart {
                for (index, &child) in part.children.iter().enumerate().rev() {
                    let path = [&path[..], &[index as u32 + 1]].concat();
                    todo.push((path, child, false));
                }
                continue;
            }
            let path = if is_entity { [&path[..], &[1]].concat() } else { path };
            found.push((path, part));
        }
        found
    }

    fn child(&self, part: &Part, index: usize) -> Option<&Part> {
        self.parts.get(*part.children.get(index)? as usize)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Body,
    BodyStructure,
}

enum Step {
    Part(u32),
    AfterParts(u32),
    AfterMessage(u32),
}

/// Writes the tree without recursion.
fn describe(parts: &[Part], form: Form) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 * parts.len().min(64));
    let mut todo = vec![Step::Part(0)];
    while let Some(step) = todo.pop() {
        match step {
            Step::Part(number) => {
                let Some(part) = parts.get(number as usize) else { continue };
                out.push(b'(');
                if part.is_multipart {
                    todo.push(Step::AfterParts(number));
                    todo.extend(part.children.iter().rev().map(|&child| Step::Part(child)));
                } else if let (true, Some(&inner)) = (part.is_message, part.children.first()) {
                    fields(&mut out, part);
                    out.push(b' ');
                    let envelope =
                        parts.get(inner as usize).and_then(|inner| inner.envelope.as_ref());
                    out.extend_from_slice(envelope.map_or(EMPTY_ENVELOPE, Vec::as_slice));
                    out.push(b' ');
                    todo.push(Step::AfterMessage(number));
                    todo.push(Step::Part(inner));
                } else {
                    leaf(&mut out, part, form);
                }
            }
            Step::AfterParts(number) => after_parts(&mut out, &parts[number as usize], form),
            Step::AfterMessage(number) => {
                let part = &parts[number as usize];
                out.extend_from_slice(format!(" {}", part.lines).as_bytes());
                extension(&mut out, part, form);
                out.push(b')');
            }
        }
    }
    out
}

/// `body-fields` with type and subtype before them.
fn fields(out: &mut Vec<u8>, part: &Part) {
    let (main, sub) = part.media_type();
    let is_opaque = part.content_type.media_type().0 == "multipart";
    string(out, main.as_bytes());
    out.push(b' ');
    string(out, sub.as_bytes());
    out.push(b' ');
    // A boundary says nothing about the text that a multipart without parts is shown as.
    parameters(out, if is_opaque { &[] } else { &part.content_type.parameters });
    out.push(b' ');
    nstring(out, part.content_id.as_deref().map(str::as_bytes));
    out.push(b' ');
    nstring(out, part.description.as_deref().map(str::as_bytes));
    out.push(b' ');
    string(out, part.encoding.as_deref().unwrap_or("7bit").trim().as_bytes());
    out.extend_from_slice(format!(" {}", part.body.end - part.body.start).as_bytes());
}

fn leaf(out: &mut Vec<u8>, part: &Part, form: Form) {
    fields(out, part);
    let (main, sub) = part.media_type();
    if main == "text" {
        out.extend_from_slice(format!(" {}", part.lines).as_bytes());
    } else if main == "message" && matches!(sub.as_str(), "rfc822" | "global") {
        // A message that is encoded or too deep to look into: empty envelope, opaque body.
        out.push(b' ');
        out.extend_from_slice(EMPTY_ENVELOPE);
        out.push(b' ');
        out.extend_from_slice(b"(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)");
        out.extend_from_slice(format!(" {}", part.lines).as_bytes());
    }
    extension(out, part, form);
    out.push(b')');
}

/// `body-ext-1part`.
fn extension(out: &mut Vec<u8>, part: &Part, form: Form) {
    if form == Form::BodyStructure {
        out.push(b' ');
        nstring(out, part.md5.as_deref().map(str::as_bytes));
        common_extension(out, part);
    }
}

/// Disposition, language and location, which both kinds of parts have.
fn common_extension(out: &mut Vec<u8>, part: &Part) {
    out.push(b' ');
    disposition(out, part.disposition.as_ref());
    out.push(b' ');
    languages(out, &part.languages);
    out.push(b' ');
    nstring(out, part.location.as_deref().map(str::as_bytes));
}

/// `body-fld-lang = nstring / "(" string *(SP string) ")"`
fn languages(out: &mut Vec<u8>, languages: &[String]) {
    if languages.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    for (index, language) in languages.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        string(out, language.as_bytes());
    }
    out.push(b')');
}

/// Subtype and `body-ext-mpart`.
fn after_parts(out: &mut Vec<u8>, part: &Part, form: Form) {
    out.push(b' ');
    string(out, part.media_type().1.as_bytes());
    if form == Form::BodyStructure {
        out.push(b' ');
        parameters(out, &part.content_type.parameters);
        common_extension(out, part);
    }
    out.push(b')');
}

fn parameters(out: &mut Vec<u8>, parameters: &[(String, String)]) {
    if parameters.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    for (index, (name, value)) in parameters.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        string(out, name.as_bytes());
        out.push(b' ');
        string(out, value.as_bytes());
    }
    out.push(b')');
}

fn disposition(out: &mut Vec<u8>, disposition: Option<&Parameterized>) {
    let Some(disposition) = disposition else { return out.extend_from_slice(b"NIL") };
    out.push(b'(');
    string(out, disposition.value.as_bytes());
    out.push(b' ');
    parameters(out, &disposition.parameters);
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    const MIXED: &[u8] = b"Subject: out\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
--x\r\n\r\nplain\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n\
Subject: in\r\n\r\ninner\r\n--x\r\nContent-Type: application/pdf; name=a.pdf\r\n\
Content-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n";

    fn section(row: &StructureRow, path: &[u32], section: Section) -> Option<String> {
        let whole = [&b"P: x\r\n"[..], MIXED].concat();
        let range = row.range(path, section)?;
        Some(String::from_utf8(whole[range.start as usize..range.end as usize].to_vec()).unwrap())
    }

    #[test]
    fn sections_are_numbered_as_rfc_9051_6_4_5_says() {
        let row = StructureRow::new(&scan(MIXED), 6);
        let get = |path: &[u32], kind| section(&row, path, kind);
        assert!(get(&[], Section::Body).unwrap().starts_with("P: x\r\nSubject"));
        assert!(get(&[], Section::Header).unwrap().ends_with("boundary=x\r\n\r\n"));
        assert_eq!(get(&[1], Section::Body).as_deref(), Some("plain"));
        assert_eq!(get(&[1], Section::Mime).as_deref(), Some("\r\n"));
        assert_eq!(get(&[2], Section::Body).as_deref(), Some("Subject: in\r\n\r\ninner"));
        assert_eq!(get(&[2], Section::Header).as_deref(), Some("Subject: in\r\n\r\n"));
        assert_eq!(get(&[2], Section::Text).as_deref(), Some("inner"));
        assert_eq!(get(&[2, 1], Section::Body).as_deref(), Some("inner"));
        assert_eq!(get(&[3], Section::Body).as_deref(), Some("AAAA"));
        for missing in [&[4][..], &[0], &[1, 1], &[2, 2], &[2, 1, 1]] {
            assert_eq!(get(missing, Section::Body), None, "{missing:?}");
        }
        assert_eq!(get(&[1], Section::Header), None);
        assert_eq!(get(&[], Section::Mime), None);
    }

    // The edge adds a Message-ID or Date that is missing (RFC 6409 §8); clients thread by them.
    #[test]
    fn what_was_put_in_front_is_in_the_envelope() {
        let prefix = b"Return-Path: <>\r\nMessage-ID: <m@b.test>\r\n";
        let row = StructureRow::behind(prefix, &scan(b"Subject: x\r\n\r\nhello"));
        assert!(row.envelope.ends_with(b" NIL \"<m@b.test>\")"));
        assert_eq!(row.range(&[], Section::Header), Some(0..55));
        assert_eq!(row.range(&[], Section::Text), Some(55..60));
        assert_eq!(row.range(&[1], Section::Mime), Some(41..55));
    }

    #[test]
    fn the_only_part_of_a_plain_message_is_part_one() {
        let row = StructureRow::new(&scan(b"A: b\r\n\r\nhello\r\n"), 0);
        assert_eq!(row.range(&[1], Section::Body), Some(8..15));
        assert_eq!(row.leaves().len(), 1);
        assert_eq!(row.leaves()[0].0, [1]);
        assert_eq!(
            String::from_utf8_lossy(&row.body),
            "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 7 1)"
        );
    }

    #[test]
    fn body_structure_tells_parts_messages_and_dispositions() {
        let row = StructureRow::new(&scan(MIXED), 0);
        assert_eq!(
            String::from_utf8_lossy(&row.body_structure),
            "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL)\
             (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 20 \
             (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) \
             (\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)\
             (\"application\" \"pdf\" (\"name\" \"a.pdf\") NIL NIL \"base64\" 4 NIL \
             (\"attachment\" (\"filename\" \"a.pdf\")) NIL NIL) \
             \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)"
        );
    }

    #[test]
    fn a_multipart_without_parts_is_shown_as_text() {
        let row =
            StructureRow::new(&scan(b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno\r\n"), 0);
        assert!(row.body.starts_with(b"(\"text\" \"plain\""));
    }
}
