//! Transfer encodings and character sets, undone: streaming, tolerant, in linear time.

use encoding_rs::Encoding;

/// RFC 2045 §6: how a part's bytes were made fit for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEncoding {
    /// 7bit, 8bit, binary, and what we do not know.
    Identity,
    /// Quoted-printable.
    QuotedPrintable,
    /// Base64.
    Base64,
}

impl TransferEncoding {
    /// Reads a `Content-Transfer-Encoding`.
    pub fn parse(text: &str) -> Self {
        // What follows the word is a comment or a mistake.
        let word = text.trim().split(|c: char| c.is_whitespace() || matches!(c, ';' | '('));
        match word.map(str::to_ascii_lowercase).next().unwrap_or_default().as_str() {
            "quoted-printable" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            _ => Self::Identity,
        }
    }
}

/// Undoes a transfer encoding piece by piece, in constant memory.
#[derive(Debug)]
pub struct TransferDecoder {
    encoding: TransferEncoding,
    /// Bits of base64 not yet a byte.
    bits: u32,
    bit_count: u8,
    /// Quoted-printable held back: `=` and what follows it, or white space that may end a line.
    held: Vec<u8>,
}

/// White space before a line end that quoted-printable holds back; more is let through.
const HELD_BYTES_MAX: usize = 1024;

impl TransferDecoder {
    /// A decoder at the beginning of a part.
    pub fn new(encoding: TransferEncoding) -> Self {
        Self { encoding, bits: 0, bit_count: 0, held: Vec::new() }
    }

    /// Decodes the next bytes into `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            TransferEncoding::Identity => out.extend_from_slice(bytes),
            TransferEncoding::Base64 => bytes.iter().for_each(|&byte| self.base64(byte, out)),
            TransferEncoding::QuotedPrintable => {
                bytes.iter().for_each(|&byte| self.quoted_printable(byte, out));
            }
        }
    }

    /// Lets go what was held back.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let soft_break = self.held.first() == Some(&b'=') && self.held.len() == 1;
        if !soft_break {
            out.append(&mut self.held);
        }
    }

    fn base64(&mut self, byte: u8, out: &mut Vec<u8>) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                // Padding ends a run; some senders put several runs into one part.
                (self.bits, self.bit_count) = (0, 0);
                return;
            }
            // RFC 2045 §6.8: all other characters are ignored.
            _ => return,
        };
        self.bits = self.bits << 6 | u32::from(value);
        self.bit_count += 6;
        if self.bit_count >= 8 {
            self.bit_count -= 8;
            out.push((self.bits >> self.bit_count) as u8);
            self.bits &= (1 << self.bit_count) - 1;
        }
    }

    fn quoted_printable(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.held.first().copied(), byte) {
            (Some(b'='), byte) => self.escape(byte, out),
            // RFC 2045 §6.7 (3): white space at a line's end was added on the way.
            (Some(_), b'\r' | b'\n') => {
                self.held.clear();
                out.push(byte);
            }
            (_, b' ' | b'\t') if self.held.len() < HELD_BYTES_MAX => self.held.push(byte),
            (_, b'=') => {
                out.append(&mut self.held);
                self.held.push(b'=');
            }
            (_, byte) => {
                out.append(&mut self.held);
                out.push(byte);
            }
        }
    }

    /// The bytes after a `=`: a soft line break, two digits, or neither and then shown as is.
    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.held.push(byte);
        let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        match self.held[1..] {
            [b'\n'] | [b'\r', b'\n'] => self.held.clear(),
            [b'\r'] => {}
            [b' ' | b'\t'] => drop(self.held.pop()),
            [high] if hex(high).is_some() => {}
            [high, low] => {
                match (hex(high), hex(low)) {
                    (Some(high), Some(low)) => out.push(high << 4 | low),
                    _ => out.extend_from_slice(&self.held),
                }
                self.held.clear();
            }
            _ => {
                out.extend_from_slice(&self.held);
                self.held.clear();
            }
        }
    }
}

/// Decodes a whole, bounded piece.
pub fn decode_transfer(encoding: TransferEncoding, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut decoder = TransferDecoder::new(encoding);
    decoder.push(bytes, &mut out);
    decoder.finish(&mut out);
    out
}

/// Text in this character set as a string. What says nothing of its set, or names one we do not
/// know, is read as UTF-8, and as Windows-1252 when it is not that.
pub fn charset_to_string(charset: &str, bytes: &[u8]) -> String {
    let label = charset.trim().trim_matches(['"', '\'']);
    let is_unsaid = label.is_empty() || label.eq_ignore_ascii_case("us-ascii");
    let named = Encoding::for_label(label.as_bytes()).filter(|_| !is_unsaid);
    match named {
        // The "replacement" encoding would show nothing at all.
        Some(encoding)
            if encoding != encoding_rs::UTF_8 && encoding != encoding_rs::REPLACEMENT =>
        {
            encoding.decode(bytes).0.into_owned()
        }
        _ => utf8_or_windows_1252(bytes),
    }
}

/// Bytes of unknown origin as text.
pub fn utf8_or_windows_1252(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // Cut in the middle of its last character.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned()
        }
        Err(_) => encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned(),
    }
}

/// The text of HTML: tags dropped, references undone, linear time.
pub fn html_to_text(html: &str) -> String {
    crate::html::to_text(html, usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64_skips_what_is_not_base64() {
        let decode = |text: &[u8]| decode_transfer(TransferEncoding::Base64, text);
        assert_eq!(decode(b"Qm9u\r\nam91\r\ncg==\r\n"), b"Bonjour");
        assert_eq!(decode(b"Qm9u!!am91 cg"), b"Bonjour");
        assert_eq!(decode(b"Qg==Qg=="), b"BB");
    }

    #[test]
    fn quoted_printable_is_undone_leniently() {
        let decode = |text: &[u8]| decode_transfer(TransferEncoding::QuotedPrintable, text);
        assert_eq!(decode(b"caf=C3=A9=\r\n noir  \r\nfin"), "café noir\r\nfin".as_bytes());
        assert_eq!(decode(b"1=2 =zz a=\n b="), b"1=2 =zz a b");
        assert_eq!(decode(b"a=  \r\nb"), b"ab");
    }

    proptest! {
        #[test]
        fn pieces_decode_like_the_whole(
            text in proptest::collection::vec(prop_oneof![Just(b'='), Just(b'\r'), Just(b'\n'), Just(b' '), Just(b'4'), Just(b'A'), any::<u8>()], 0..200),
            cut in 0usize..200,
        ) {
            for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable] {
                let cut = cut.min(text.len());
                let mut decoder = TransferDecoder::new(encoding);
                let mut pieces = Vec::new();
                decoder.push(&text[..cut], &mut pieces);
                decoder.push(&text[cut..], &mut pieces);
                decoder.finish(&mut pieces);
                prop_assert_eq!(pieces, decode_transfer(encoding, &text));
            }
        }
    }

    #[test]
    fn unknown_and_wrong_character_sets_are_shown_somehow() {
        assert_eq!(charset_to_string("iso-8859-1", b"caf\xe9"), "café");
        assert_eq!(charset_to_string("utf-8", b"caf\xe9 x"), "café x");
        assert_eq!(charset_to_string("nope", "café".as_bytes()), "café");
        assert_eq!(charset_to_string("utf-8", b"caf\xc3"), "caf");
        assert_eq!(charset_to_string("us-ascii", "café".as_bytes()), "café");
        assert_eq!(charset_to_string("iso-2022-kr", b"abc"), "abc");
    }
}
