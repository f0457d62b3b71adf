//! RFC 3501 §5.1.3: modified UTF-7, in which IMAP4rev1 spells mailbox names.

/// Modified base64: `,` instead of `/`, no padding.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Not modified UTF-7, or not its one right spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf7;

/// Spells a text in modified UTF-7.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '&' {
            encoded.push_str("&-");
            rest = &rest[1..];
        } else if is_direct(first) {
            encoded.push(first);
            rest = &rest[1..];
        } else {
            let end = rest.find(is_direct).unwrap_or(rest.len());
            encode_shifted(&rest[..end], &mut encoded);
            rest = &rest[end..];
        }
    }
    encoded
}

/// Reads modified UTF-7.
///
/// # Errors
/// [`InvalidUtf7`] for 8-bit or control characters, unfinished or overlong shifts, characters
/// that must not be shifted, and half surrogates: a name has one spelling only, so that no two
/// spellings name one mailbox.
pub fn decode(encoded: &[u8]) -> Result<String, InvalidUtf7> {
    let mut text = String::with_capacity(encoded.len());
    let mut rest = encoded;
    let mut after_shift = false;
    while let Some((&byte, tail)) = rest.split_first() {
        if !matches!(byte, 0x20..=0x7e) {
            return Err(InvalidUtf7);
        }
        if byte != b'&' {
            text.push(char::from(byte));
            (rest, after_shift) = (tail, false);
            continue;
        }
        let end = tail.iter().position(|&byte| byte == b'-').ok_or(InvalidUtf7)?;
        if end == 0 {
            text.push('&');
            after_shift = false;
        } else if after_shift {
            // "&…-&…-" is one run written as two.
            return Err(InvalidUtf7);
        } else {
            decode_shifted(&tail[..end], &mut text)?;
            after_shift = true;
        }
        rest = &tail[end + 1..];
    }
    Ok(text)
}

fn is_direct(c: char) -> bool {
    matches!(c, ' '..='~')
}

fn encode_shifted(text: &str, encoded: &mut String) {
    encoded.push('&');
    let (mut bits, mut count) = (0u32, 0);
    for unit in text.encode_utf16() {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            encoded.push(char::from(ALPHABET[(bits >> count & 63) as usize]));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        encoded.push(char::from(ALPHABET[(bits << (6 - count) & 63) as usize]));
    }
    encoded.push('-');
}

fn decode_shifted(encoded: &[u8], text: &mut String) -> Result<(), InvalidUtf7> {
    let (mut bits, mut count) = (0u32, 0);
    let mut units = Vec::with_capacity(encoded.len() * 3 / 8 + 1);
    for &byte in encoded {
        let value = ALPHABET.iter().position(|&letter| letter == byte).ok_or(InvalidUtf7)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count & 0xffff) as u16);
            bits &= (1 << count) - 1;
        }
    }
    if count >= 6 || bits != 0 {
        return Err(InvalidUtf7);
    }
    for c in char::decode_utf16(units) {
        let c = c.map_err(|_| InvalidUtf7)?;
        // RFC 3501 §5.1.3: "Modified BASE64 MUST NOT be used to represent any printing US-ASCII
        // character which can represent itself."
        if is_direct(c) {
            return Err(InvalidUtf7);
        }
        text.push(c);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_spelled_as_in_the_rfc() {
        for (text, encoded) in [
            ("INBOX", "INBOX"),
            ("R&D", "R&-D"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Envoyés", "Envoy&AOk-s"),
            ("😀", "&2D3eAA-"),
            ("é&é", "&AOk-&-&AOk-"),
        ] {
            assert_eq!(encode(text), encoded);
            assert_eq!(decode(encoded.as_bytes()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for encoded in [
            &b"&"[..],
            b"&AOk",
            b"&AOk/-",
            b"&AOl-",      // bits left over
            b"&AO-",       // half a character
            b"&AOkA-",     // a superfluous digit
            b"&AGE-",      // a shifted `a`
            b"&AOk-&AOk-", // a run in two pieces
            b"&2D0-",      // half a surrogate pair
            b"\xc3\xa9",
            b"a\r\nb",
            b"a\0b",
        ] {
            assert_eq!(decode(encoded), Err(InvalidUtf7), "{}", encoded.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was_spelled(text in "\\PC*") {
            prop_assert_eq!(decode(encode(&text).as_bytes()), Ok(text));
        }

        #[test]
        fn what_is_read_has_one_spelling(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(text) = decode(&bytes) {
                prop_assert_eq!(encode(&text).into_bytes(), bytes);
            }
        }
    }
}
