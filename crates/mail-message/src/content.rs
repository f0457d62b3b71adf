//! RFC 2045 §5 and RFC 2183: `Content-Type`, `Content-Disposition` and their parameters.

use serde::{Deserialize, Serialize};

use crate::decode::utf8_or_windows_1252;
use crate::encoded_word::hex_pair;
use crate::header::{clean, decode_text};
use crate::text::cut;

/// Parameters kept of one field; a hundred thousand of them cost only their bytes.
const PARAMETERS_MAX: usize = 32;
/// Longest parameter name kept.
const NAME_BYTES_MAX: usize = 128;
/// Longest value kept.
const VALUE_BYTES_MAX: usize = 2048;

/// A value and its parameters, as they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameterized {
    /// `text/plain`, `attachment`.
    pub value: String,
    /// Names in lower case, values unquoted but otherwise as they stand.
    pub parameters: Vec<(String, String)>,
}

impl Parameterized {
    /// Reads an unfolded field value.
    pub fn parse(field: &[u8]) -> Self {
        let text = utf8_or_windows_1252(field);
        let mut pieces = Pieces { rest: &text };
        let value = pieces.next().and_then(|piece| piece.split('(').next()).unwrap_or_default();
        let value = cut(value.trim().to_owned(), VALUE_BYTES_MAX);
        let mut parameters = Vec::new();
        for piece in pieces {
            if parameters.len() == PARAMETERS_MAX {
                break;
            }
            if let Some((name, value)) = piece.split_once('=') {
                let name = name.trim().to_ascii_lowercase();
                let value = unquote(value.trim());
                let fits = name.len() <= NAME_BYTES_MAX && value.len() <= VALUE_BYTES_MAX;
                if !name.is_empty() && fits {
                    parameters.push((name, value));
                }
            }
        }
        Self { value, parameters }
    }

    /// A parameter as it stands.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters.find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A parameter for people: RFC 2231 pieces joined and decoded, else RFC 2047 words decoded.
    pub fn decoded(&self, name: &str) -> Option<String> {
        if let Some(value) = self.get(name) {
            return Some(decode_text(value.as_bytes(), 255));
        }
        let mut joined = Vec::new();
        let mut charset = String::from("utf-8");
        let single = format!("{name}*");
        let pieces =
            std::iter::once((single, true)).chain((0..PARAMETERS_MAX).flat_map(|number| {
                [(format!("{name}*{number}*"), true), (format!("{name}*{number}"), false)]
            }));
        for (piece, is_encoded) in pieces {
            let Some(value) = self.get(&piece) else { continue };
            if !is_encoded {
                joined.extend_from_slice(value.as_bytes());
                continue;
            }
            let mut text = value;
            if joined.is_empty()
                && let Some((named, rest)) = value.split_once('\'')
            {
                charset = named.to_owned();
                text = rest.split_once('\'').map_or(rest, |(_, text)| text);
            }
            percent_decode(text, &mut joined);
        }
        if joined.is_empty() {
            return None;
        }
        Some(clean(&crate::decode::charset_to_string(&charset, &joined), 255))
    }

    /// The two halves of a media type in lower case; RFC 2045 §5.2's default when unreadable.
    pub fn media_type(&self) -> (String, String) {
        match self.value.split_once('/') {
            Some((main, sub)) if !main.trim().is_empty() && !sub.trim().is_empty() => {
                let sub = sub.trim().split(|c: char| c.is_whitespace()).next().unwrap_or_default();
                (main.trim().to_ascii_lowercase(), sub.to_ascii_lowercase())
            }
            _ => ("text".into(), "plain".into()),
        }
    }
}

/// Splits at `;` outside quotes.
struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let mut escaped = false;
        for (place, byte) in self.rest.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b';' if !quoted => {
                    let piece = &self.rest[..place];
                    self.rest = &self.rest[place + 1..];
                    return Some(piece);
                }
                _ => {}
            }
        }
        Some(std::mem::take(&mut self.rest))
    }
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else {
        // A comment may follow a token (RFC 2045 §5.1). White space may not be in one, but is in the
        // file names that some programs write.
        let commented = value.ends_with(')').then(|| value.rfind(" (")).flatten();
        return value[..commented.unwrap_or(value.len())].trim_end().to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => text.extend(chars.next()),
            _ => text.push(c),
        }
    }
    text
}

fn percent_decode(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut place = 0;
    while place < bytes.len() {
        let escaped = bytes.get(place + 1..place + 3).and_then(hex_pair);
        match (bytes[place], escaped) {
            (b'%', Some(byte)) => {
                out.push(byte);
                place += 3;
            }
            (byte, _) => {
                out.push(byte);
                place += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_unquoted_and_named_in_lower_case() {
        let parsed =
            Parameterized::parse(b"Text/Plain; CHARSET=\"utf-8; \\\"x\"; format = flowed (c)");
        assert_eq!(parsed.media_type(), ("text".into(), "plain".into()));
        assert_eq!(parsed.get("charset"), Some("utf-8; \"x"));
        assert_eq!(parsed.get("format"), Some("flowed"));
    }

    #[test]
    fn file_names_are_decoded_from_every_spelling() {
        for field in [
            "attachment; filename=\"r\u{e9}union.pdf\"",
            "attachment; filename=\"=?utf-8?q?r=C3=A9union.pdf?=\"",
            "attachment; filename*=utf-8'fr'r%C3%A9union.pdf",
            "attachment; filename = r\u{e9}union.pdf (the minutes)",
            "attachment; filename*0*=iso-8859-1''r%E9; filename*1=union.pdf",
        ] {
            let parsed = Parameterized::parse(field.as_bytes());
            assert_eq!(parsed.decoded("filename").as_deref(), Some("réunion.pdf"), "{field}");
        }
    }

    #[test]
    fn unquoted_and_latin_1_file_names_are_shown_whole() {
        let named = |field: &[u8]| Parameterized::parse(field).decoded("filename");
        assert_eq!(
            named(b"attachment; filename=my file (1).pdf").as_deref(),
            Some("my file (1).pdf")
        );
        assert_eq!(named(b"attachment; filename=\"r\xe9.pdf\"").as_deref(), Some("r\u{e9}.pdf"));
        assert_eq!(
            named(b"attachment; filename*=utf-8''100%+5%zz%4").as_deref(),
            Some("100%+5%zz%4")
        );
    }

    #[test]
    fn a_hundred_thousand_parameters_are_bounded() {
        let field = format!("text/plain{}", "; filename*1=a".repeat(100_000));
        assert_eq!(Parameterized::parse(field.as_bytes()).parameters.len(), PARAMETERS_MAX);
    }

    #[test]
    fn an_unreadable_type_is_plain_text() {
        for field in ["", "text", "/", "text/", ";charset=x"] {
            let parsed = Parameterized::parse(field.as_bytes());
            assert_eq!(parsed.media_type(), ("text".into(), "plain".into()), "{field}");
        }
    }
}
