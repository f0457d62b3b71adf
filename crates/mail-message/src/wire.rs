//! IMAP's spelling of strings and ENVELOPE, made once at delivery (RFC 9051 §7.5.2).

use crate::address::{self, Entry};
use crate::header;

/// Entries of one address list in ENVELOPE; more are cut off.
const ADDRESSES_MAX: usize = 1000;
/// Longest string in ENVELOPE; more is cut off.
const STRING_BYTES_MAX: usize = 16 << 10;

/// The ENVELOPE of a message whose header is not read.
pub const EMPTY_ENVELOPE: &[u8] = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";

/// Writes a quoted string, or a literal where a quoted string cannot be.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(STRING_BYTES_MAX)];
    // RFC 9051 §4.3: quoted strings have no CR, LF or NUL; RFC 3501 clients read no 8-bit either.
    let quotable = bytes.iter().all(|&byte| byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0));
    if !quotable || bytes.len() > 1024 {
        // RFC 9051 §4.3: a literal has no NUL either.
        let clean: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
        out.extend_from_slice(format!("{{{}}}\r\n", clean.len()).as_bytes());
        out.extend_from_slice(&clean);
        return;
    }
    out.push(b'"');
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Writes a string or `NIL`.
pub fn nstring(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Writes the ENVELOPE of a raw header section.
pub fn envelope(raw_header: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let field = |name| header::first(raw_header, name);
    out.push(b'(');
    nstring(&mut out, field("Date").as_deref());
    out.push(b' ');
    nstring(&mut out, field("Subject").as_deref());
    let from = field("From").filter(|value| !value.is_empty());
    // RFC 9051 §7.5.2: a missing Sender or Reply-To is the From.
    let or_from = |name| field(name).filter(|value| !value.is_empty()).or_else(|| from.clone());
    let lists = [
        from.clone(),
        or_from("Sender"),
        or_from("Reply-To"),
        field("To"),
        field("Cc"),
        field("Bcc"),
    ];
    for list in lists {
        out.push(b' ');
        addresses(&mut out, list.as_deref());
    }
    out.push(b' ');
    nstring(&mut out, field("In-Reply-To").as_deref());
    out.push(b' ');
    nstring(&mut out, field("Message-ID").as_deref());
    out.push(b')');
    out
}

/// `"(" 1*address ")" / nil`
fn addresses(out: &mut Vec<u8>, list: Option<&[u8]>) {
    let entries = list.map(|list| address::parse_list(list, ADDRESSES_MAX)).unwrap_or_default();
    if entries.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for entry in &entries {
        match entry {
            Entry::Mailbox(mailbox) => {
                out.push(b'(');
                nstring(out, mailbox.name.as_deref());
                out.push(b' ');
                nstring(out, mailbox.route.as_deref());
                out.push(b' ');
                string(out, &mailbox.local_part);
                out.push(b' ');
                // A NIL host would mean a group: an address without a domain gets an empty one.
                string(out, mailbox.domain.as_deref().unwrap_or_default());
                out.push(b')');
            }
            Entry::GroupStart(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                string(out, name);
                out.extend_from_slice(b" NIL)");
            }
            Entry::GroupEnd => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
        }
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &str) -> String {
        String::from_utf8(envelope(header.as_bytes())).unwrap()
    }

    #[test]
    fn sender_and_reply_to_default_to_from() {
        assert_eq!(
            shown(
                "Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nFrom: Ann <a@b.test>\r\nSubject: x\r\n"
            ),
            "(\"Tue, 24 Nov 2026 10:00:00 +0100\" \"x\" ((\"Ann\" NIL \"a\" \"b.test\")) \
             ((\"Ann\" NIL \"a\" \"b.test\")) ((\"Ann\" NIL \"a\" \"b.test\")) NIL NIL NIL NIL NIL)"
        );
    }

    #[test]
    fn groups_are_marked_at_both_ends() {
        assert!(
            shown("To: team: a@b.test;\r\n")
                .contains("((NIL NIL \"team\" NIL)(NIL NIL \"a\" \"b.test\")(NIL NIL NIL NIL))")
        );
    }

    #[test]
    fn nothing_in_a_header_can_end_a_string() {
        assert_eq!(shown("Subject: a\"b\\c\r\n").split(' ').nth(1), Some("\"a\\\"b\\\\c\""));
        let mut out = Vec::new();
        string(&mut out, b"a\r\n* BYE\0");
        assert_eq!(out, b"{8}\r\na\r\n* BYE");
        let mut utf8 = Vec::new();
        string(&mut utf8, "é".as_bytes());
        assert_eq!(utf8, "{2}\r\né".as_bytes());
    }
}
