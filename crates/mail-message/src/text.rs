//! Text of parts for the index and for reading: transfer encoding and character set undone.

use crate::decode::{charset_to_string, decode_transfer};
use crate::html;
use crate::part::Part;

/// Whether there is text for people in the part: any `text/*`, and notices about delivery.
pub fn is_readable(part: &Part) -> bool {
    let (main, sub) = part.media_type();
    match main.as_str() {
        "text" => sub != "rtf" && !part.is_multipart,
        "message" => matches!(
            sub.as_str(),
            "delivery-status" | "disposition-notification" | "global-delivery-status"
        ),
        _ => false,
    }
}

/// The text of a part from the beginning of its body as it stands, at most `bytes_max` bytes of
/// UTF-8 with LF line ends; empty for what holds no text. Never fails.
pub fn decode_part(part: &Part, raw: &[u8], bytes_max: usize) -> String {
    if !is_readable(part) {
        return String::new();
    }
    let decoded = decode_transfer(part.transfer_encoding(), raw);
    let text = charset_to_string(part.charset(), &decoded);
    if part.media_type().1 == "html" {
        return cut(html::to_text(&text, bytes_max), bytes_max);
    }
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    cut(text.replace("\r\n", "\n").replace('\r', "\n").chars().filter(shown).collect(), bytes_max)
}

/// At most this many bytes, ending between characters.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(header: &str) -> Part {
        Part::from_header(header.as_bytes(), "text/plain")
    }

    #[test]
    fn every_encoding_and_charset_becomes_the_same_text() {
        for (header, raw) in [
            ("", &b"caf\xc3\xa9\r\n"[..]),
            ("Content-Type: text/plain; charset=iso-8859-15\r\n", b"caf\xe9\r\n"),
            ("Content-Type: text/plain; charset=utf-16le\r\n", b"c\0a\0f\0\xe9\0\n\0"),
            ("Content-Transfer-Encoding: quoted-printable\r\n", b"caf=C3=\r\n=A9\r\n"),
            (
                "Content-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: BASE64\r\n",
                b"Y2Fm\r\n6Q0K\r\n",
            ),
        ] {
            assert_eq!(decode_part(&part(header), raw, 100), "café\n", "{header}");
        }
        let html = part("Content-Type: text/html; charset=utf-8\r\n");
        assert_eq!(decode_part(&html, "<b>caf&eacute;</b>".as_bytes(), 100), "café");
    }

    #[test]
    fn what_is_no_text_is_empty_and_text_is_cut_between_characters() {
        assert_eq!(decode_part(&part("Content-Type: image/png\r\n"), b"x", 100), "");
        assert_eq!(decode_part(&part(""), "éé".as_bytes(), 3), "é");
        assert_eq!(decode_part(&part(""), b"a\0b\x1bc", 100), "abc");
    }
}
