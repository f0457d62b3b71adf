//! Raw header sections: fields found, unfolded, decoded. Nothing here fails: strange headers are
//! shown as well as they can be.

use std::ops::Range;

use crate::decode::utf8_or_windows_1252;
use crate::encoded_word;

/// One field of a raw header section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name as it stands, without the colon and white space before it.
    pub name: &'a [u8],
    /// What follows the colon, folding and final line end included.
    pub value: &'a [u8],
    /// The whole field, final line end included.
    pub raw: &'a [u8],
}

impl Field<'_> {
    /// Whether the field has this name; names ignore case (RFC 5322 §1.2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The fields of a raw header section, up to its empty line. Lines without a colon are skipped.
pub fn fields(raw: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        loop {
            let length = field_length(rest)?;
            let (field, tail) = rest.split_at(length);
            rest = tail;
            if let Some(colon) = field.iter().position(|&byte| byte == b':') {
                let name = field[..colon].trim_ascii_end();
                if !name.is_empty() {
                    return Some(Field { name, value: &field[colon + 1..], raw: field });
                }
            }
        }
    })
}

/// Length of the first field: its line and the lines that continue it (RFC 5322 §2.2.3).
fn field_length(raw: &[u8]) -> Option<usize> {
    let first = raw.first()?;
    if *first == b'\n' || raw.starts_with(b"\r\n") {
        return None;
    }
    let mut end = 0;
    loop {
        match raw[end..].iter().position(|&byte| byte == b'\n') {
            Some(line) => end += line + 1,
            None => return Some(raw.len()),
        }
        if !matches!(raw.get(end), Some(b' ' | b'\t')) {
            return Some(end);
        }
    }
}

/// The value of the first field of this name, unfolded.
pub fn first(raw: &[u8], name: &str) -> Option<Vec<u8>> {
    fields(raw).find(|field| field.is(name)).map(|field| unfold(field.value))
}

/// How many fields have this name.
pub fn count(raw: &[u8], name: &str) -> usize {
    fields(raw).filter(|field| field.is(name)).count()
}

/// A field's value in one line, without the white space around it (RFC 5322 §2.2.3).
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let inner = value.trim_ascii();
    inner.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect()
}

/// Bytes of a value that are decoded for one wanted character: encoding makes three bytes of one,
/// and four bytes are a character.
const ENCODED_BYTES_PER_CHAR: usize = 16;
/// Bytes of a value that are decoded however few characters are wanted.
const DECODED_BYTES_MIN: usize = 16 << 10;

/// Unstructured text for people: encoded words decoded (RFC 2047), raw 8-bit read as UTF-8 or
/// else Windows-1252, controls and direction overrides gone, at most `chars_max` characters.
pub fn decode_text(value: &[u8], chars_max: usize) -> String {
    let wanted = chars_max.saturating_mul(ENCODED_BYTES_PER_CHAR).max(DECODED_BYTES_MIN);
    let line = unfold(&value[..value.len().min(wanted)]);
    clean(&encoded_word::decode(&utf8_or_windows_1252(&line)), chars_max)
}

/// Text without controls and direction overrides, white space folded, cut.
pub fn clean(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max.saturating_mul(4)));
    let mut space = false;
    let mut written = 0;
    for c in text.chars().filter(|c| !is_hidden(*c)) {
        if c.is_whitespace() {
            space = written > 0;
            continue;
        }
        for c in space.then_some(' ').into_iter().chain([c]) {
            if written == chars_max {
                return out;
            }
            out.push(c);
            written += 1;
        }
        space = false;
    }
    out
}

fn is_hidden(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    control
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// RFC 9051 §6.4.5 `HEADER.FIELDS` and `HEADER.FIELDS.NOT`: the matching fields as they stand, in
/// order, and an empty line.
pub fn select_fields(raw: &[u8], names: &[String], matching: Matching) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields(raw) {
        let named = names.iter().any(|name| field.is(name));
        if named == (matching == Matching::Named) {
            out.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\n") {
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Which fields are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Those named.
    Named,
    /// All others.
    Others,
}

/// A header section without the fields for which `unwanted` is true; all else stays byte for byte,
/// also lines that are no fields and the empty line.
pub fn without(raw: &[u8], unwanted: impl Fn(&Field<'_>) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(length) = field_length(rest) {
        let (line, tail) = rest.split_at(length);
        if !fields(line).any(|field| unwanted(&field)) {
            out.extend_from_slice(line);
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out
}

/// Whether the field claims to be the verdict of this server (RFC 8601 §5): a stranger's claim
/// must not reach readers who believe it.
pub fn is_forged_verdict(field: &Field<'_>, authserv_id: &str) -> bool {
    if !field.is("Authentication-Results") {
        return false;
    }
    let value = unfold(field.value);
    let mut rest = value.trim_ascii_start();
    // RFC 8601 §2.2: comments may come first.
    while let Some(inner) = rest.strip_prefix(b"(") {
        rest = after_comment(inner).trim_ascii_start();
    }
    let id = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|&byte| byte == b'"').next(),
        None => rest.split(|byte| b" \t;/(".contains(byte)).next(),
    };
    let id = id.unwrap_or_default().trim_ascii();
    // A backslash changes nothing that a name can hold (RFC 5322 §3.2.1).
    let plain = id.iter().filter(|byte| **byte != b'\\');
    plain.map(u8::to_ascii_lowercase).eq(authserv_id.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// What follows the comment whose `(` was taken; comments nest (RFC 5322 §3.2.2).
fn after_comment(inner: &[u8]) -> &[u8] {
    let mut depth = 1usize;
    let mut is_escaped = false;
    for (place, &byte) in inner.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return &inner[place + 1..],
            b')' => depth -= 1,
            _ => {}
        }
    }
    &[]
}

/// Message ids in a `References`, `In-Reply-To` or `Message-ID` value, without their brackets.
pub fn message_ids(value: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some(range) = bracketed(rest) {
        let inner = &rest[range.clone()];
        let id: String = String::from_utf8_lossy(inner)
            .chars()
            .filter(|c| !c.is_whitespace() && !c.is_control())
            .collect();
        if !id.is_empty() && id.len() <= MESSAGE_ID_BYTES_MAX {
            ids.push(id);
        }
        rest = &rest[range.end + 1..];
    }
    ids
}

/// Longest message id kept; longer ones name nothing.
const MESSAGE_ID_BYTES_MAX: usize = 512;

fn bracketed(bytes: &[u8]) -> Option<Range<usize>> {
    let start = bytes.iter().position(|&byte| byte == b'<')? + 1;
    let end = start + bytes[start..].iter().position(|&byte| byte == b'>')?;
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] = b"From: a@b.test\r\nsubject :one\r\n two\r\nno colon\r\nX: \r\n\r\nbody: no";

    #[test]
    fn fields_end_at_the_empty_line_and_keep_their_folding() {
        let found: Vec<_> = fields(RAW).map(|field| (field.name, field.value)).collect();
        assert_eq!(
            found,
            [
                (&b"From"[..], &b" a@b.test\r\n"[..]),
                (&b"subject"[..], &b"one\r\n two\r\n"[..]),
                (&b"X"[..], &b" \r\n"[..])
            ]
        );
        assert_eq!(first(RAW, "SUBJECT").unwrap(), b"one two");
    }

    #[test]
    fn header_fields_selects_in_order_and_ends_with_an_empty_line() {
        let names = ["x".to_owned(), "from".to_owned()];
        assert_eq!(select_fields(RAW, &names, Matching::Named), b"From: a@b.test\r\nX: \r\n\r\n");
        assert_eq!(select_fields(RAW, &names, Matching::Others), b"subject :one\r\n two\r\n\r\n");
        assert_eq!(select_fields(b"", &names, Matching::Others), b"\r\n");
    }

    #[test]
    fn french_subjects_are_decoded_from_q_b_utf8_and_latin1() {
        for raw in [
            &b" =?utf-8?Q?R=C3=A9union_du_coll=C3=A8ge?="[..],
            b" =?UTF-8?B?UsOpdW5pb24gZHUgY29sbMOoZ2U=?=",
            b" =?iso-8859-1?q?R=E9union?= du =?iso-8859-1?q?coll=E8ge?=",
            "Réunion du\r\n collège".as_bytes(),
            b"R\xe9union du coll\xe8ge",
        ] {
            assert_eq!(decode_text(raw, 100), "Réunion du collège", "{raw:?}");
        }
    }

    #[test]
    fn decoded_text_hides_no_direction_override_and_is_cut() {
        assert_eq!(decode_text("a\u{202e}b\u{0}c".as_bytes(), 100), "abc");
        assert_eq!(decode_text("a\u{61c}\u{2067}b\u{e0041}c".as_bytes(), 100), "abc");
        assert_eq!(decode_text(&b"x".repeat(5000), 10), "x".repeat(10));
        assert_eq!(decode_text("é".repeat(5000).as_bytes(), 10), "é".repeat(10));
        let long = "a ".repeat(100_000);
        assert_eq!(decode_text(long.as_bytes(), usize::MAX), long.trim_end());
    }

    #[test]
    fn removing_fields_leaves_every_other_byte() {
        let raw = b"A: 1\r\nBcc: x,\r\n y\r\nno colon\r\nbcc : z\r\nB: 2\n\r\n";
        let kept = without(raw, |field| field.is("Bcc"));
        assert_eq!(kept, b"A: 1\r\nno colon\r\nB: 2\n\r\n");
        assert_eq!(without(RAW, |_| false), RAW);
    }

    #[test]
    fn only_claims_in_our_name_are_forged() {
        for (line, is_forged) in [
            ("Authentication-Results: mx.test; spf=pass\r\n", true),
            ("authentication-results:\r\n (x) MX.test 1; dkim=pass\r\n", true),
            ("Authentication-Results: \"mx.test\"; spf=pass\r\n", true),
            ("Authentication-Results: mx.test\r\n", true),
            ("Authentication-Results: (a (b\\)) c) mx.test; spf=pass\r\n", true),
            ("Authentication-Results: \"mx.te\\st\"; spf=pass\r\n", true),
            ("Authentication-Results : mx.test; spf=pass\r\n", true),
            ("Authentication-Results: other.test; spf=pass\r\n", false),
            ("Authentication-Results: (mx.test\r\n", false),
            ("Subject: mx.test; spf=pass\r\n", false),
        ] {
            let field = fields(line.as_bytes()).next().unwrap();
            assert_eq!(is_forged_verdict(&field, "mx.test"), is_forged, "{line}");
        }
    }

    #[test]
    fn message_ids_are_cut_out_of_noise() {
        assert_eq!(message_ids(b"junk <a@b> (c) < d\r\n @e > <>  <"), ["a@b", "d@e"]);
    }
}
