//! RFC 2047 encoded words, undone in linear time whatever the text pretends to be.

use crate::decode::{TransferEncoding, charset_to_string, decode_transfer};

/// Longest name of a character set that is looked for; RFC 2047 §2 words have 75 characters.
const CHARSET_BYTES_MAX: usize = 64;

/// Undoes the encoded words of an unfolded line; what is none stays as it stands.
pub fn decode(line: &str) -> String {
    let mut decoder = Decoder { out: String::with_capacity(line.len()), pending: None };
    let mut rest = line;
    let mut is_last_end_behind = false;
    while let Some(start) = rest.find("=?") {
        let (before, candidate) = rest.split_at(start);
        let found = Head::parse(candidate).filter(|_| !is_last_end_behind);
        let word = found.and_then(|head| {
            let end = head.tail.find("?=");
            // Without this a line of a thousand unended words would be searched a thousand times.
            is_last_end_behind = end.is_none();
            end.map(|end| (head.charset, head.encoding, head.tail.split_at(end)))
        });
        match word {
            Some((charset, encoding, (text, tail))) => {
                decoder.literal_before_word(before);
                decoder.word(charset, unwrap_word(encoding, text));
                rest = &tail[2..];
            }
            None => {
                decoder.literal(before);
                decoder.literal("=?");
                rest = &candidate[2..];
            }
        }
    }
    decoder.literal(rest);
    decoder.out
}

/// `encoded-word = "=?" charset "?" encoding "?" encoded-text "?="`
struct Head<'a> {
    charset: &'a str,
    encoding: u8,
    tail: &'a str,
}

impl<'a> Head<'a> {
    fn parse(candidate: &'a str) -> Option<Self> {
        let inner = candidate.get(2..)?;
        let near = &inner.as_bytes()[..inner.len().min(CHARSET_BYTES_MAX)];
        let charset = inner.get(..near.iter().position(|&byte| byte == b'?')?)?;
        let encoding = *inner.as_bytes().get(charset.len() + 1)?;
        let tail = inner.get(charset.len() + 2..)?.strip_prefix('?')?;
        let known = matches!(encoding, b'b' | b'B' | b'q' | b'Q');
        // RFC 2231 §5: a language may follow the character set.
        let charset = charset.split('*').next().unwrap_or_default();
        known.then_some(Self { charset, encoding, tail })
    }
}

/// RFC 2047 §4.1 and §4.2.
fn unwrap_word(encoding: u8, text: &str) -> Vec<u8> {
    if matches!(encoding, b'b' | b'B') {
        return decode_transfer(TransferEncoding::Base64, text.as_bytes());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        let digits = bytes.get(place + 1..place + 3);
        let escaped = digits.and_then(hex_pair).filter(|_| byte == b'=');
        out.push(escaped.unwrap_or(if byte == b'_' { b' ' } else { byte }));
        place += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

/// The byte that two hexadecimal digits name.
pub(crate) fn hex_pair(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    Some(digit(*high)? << 4 | digit(*low)?)
}

struct Decoder {
    out: String,
    /// Words in one character set so far: senders cut characters in two between words.
    pending: Option<(String, Vec<u8>)>,
}

impl Decoder {
    /// RFC 2047 §6.2: white space between two words is not shown.
    fn literal_before_word(&mut self, text: &str) {
        if self.pending.is_none() || !text.trim().is_empty() {
            self.literal(text);
        }
    }

    fn literal(&mut self, text: &str) {
        if let Some((charset, bytes)) = self.pending.take() {
            self.out.push_str(&charset_to_string(&charset, &bytes));
        }
        self.out.push_str(text);
    }

    fn word(&mut self, charset: &str, mut bytes: Vec<u8>) {
        match &mut self.pending {
            Some((pending, all)) if pending.eq_ignore_ascii_case(charset) => all.append(&mut bytes),
            _ => {
                self.literal("");
                self.pending = Some((charset.to_owned(), bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_and_joined() {
        for (line, shown) in [
            ("plain", "plain"),
            ("=?utf-8?q?caf=C3=A9_noir?=", "café noir"),
            ("=?UTF-8?B?w6k=?= =?utf-8?b?dMOp?=", "été"),
            ("a =?utf-8?q?b?= c", "a b c"),
            ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
            // A character cut in two between words of one set.
            ("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"),
            ("=?utf-8?q?=C3=A9?= =?iso-8859-1?q?=E9?=", "éé"),
            ("=?utf-8*fr?q?=C3=A9?=", "é"),
            ("=?us-ascii?Q?Why??=", "Why?"),
            ("=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "テスト"),
        ] {
            assert_eq!(decode(line), shown, "{line}");
        }
    }

    #[test]
    fn what_is_no_word_stays() {
        for line in
            ["=?", "=?utf-8", "=?utf-8?q", "=?utf-8?x?a?=", "=?utf-8?q?open", "a =? b", "?="]
        {
            assert_eq!(decode(line), line);
        }
    }

    #[test]
    fn unended_words_are_searched_once() {
        let line = "=?a?q?x".repeat(100_000);
        assert_eq!(decode(&line), line);
    }
}
