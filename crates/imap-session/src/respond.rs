//! Responses as bytes. Nothing that came from mail or from people leaves here but as an atom, a
//! quoted string or a literal.

use mail_types::{Flag, FlagSet, MailboxName};

use crate::utf7;

/// Writes `astring`.
pub fn astring(out: &mut Vec<u8>, bytes: &[u8]) {
    let is_atom = |&byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\".contains(&byte);
    // An atom that reads NIL could be taken for one.
    if !bytes.is_empty() && bytes.iter().all(is_atom) && !bytes.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(bytes);
    } else {
        string(out, bytes);
    }
}

/// Writes a quoted string, or a literal where a quoted string cannot be.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let quotable = |&byte: &u8| byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0);
    if bytes.len() > 1000 || !bytes.iter().all(quotable) {
        literal_head(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
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

/// Writes a literal's announcement; its bytes must follow.
pub fn literal_head(out: &mut Vec<u8>, size: u64) {
    out.push(b'{');
    number(out, size);
    out.extend_from_slice(b"}\r\n");
}

/// Writes a number; responses are made of little else, so it allocates nothing.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let (mut place, mut rest) = (digits.len(), number);
    loop {
        place -= 1;
        digits[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[place..]);
}

/// Writes a mailbox name in modified UTF-7.
pub fn mailbox(out: &mut Vec<u8>, name: &MailboxName) {
    astring(out, utf7::encode(name.as_str()).as_bytes());
}

/// Writes `(\Seen $x)`.
pub fn flags(out: &mut Vec<u8>, flags: impl Iterator<Item = Flag>) {
    out.push(b'(');
    for (index, flag) in flags.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(flag.as_str().as_bytes());
    }
    out.push(b')');
}

/// Writes a message's flags.
pub fn flag_set(out: &mut Vec<u8>, flags: &FlagSet) {
    out.push(b'(');
    let start = out.len();
    for flag in Flag::SYSTEM.iter().filter(|flag| flags.contains(flag)) {
        out.extend_from_slice(flag.as_str().as_bytes());
        out.push(b' ');
    }
    for keyword in flags.keywords() {
        out.extend_from_slice(keyword.as_str().as_bytes());
        out.push(b' ');
    }
    if out.len() > start {
        out.pop();
    }
    out.push(b')');
}

/// Writes a line.
pub fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes a tagged line. A tag is made of atom characters, so it cannot end the line.
pub fn tagged(out: &mut Vec<u8>, tag: &str, text: &str) {
    out.extend_from_slice(tag.as_bytes());
    out.push(b' ');
    line(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_ends_a_line_early() {
        assert_eq!(shown(|out| string(out, b"a\r\nb")), "{4}\r\na\r\nb");
        assert_eq!(shown(|out| string(out, b"a\"\\b")), "\"a\\\"\\\\b\"");
        assert_eq!(shown(|out| astring(out, b"nil")), "\"nil\"");
        assert_eq!(shown(|out| astring(out, b"")), "\"\"");
        assert_eq!(shown(|out| astring(out, b"a b")), "\"a b\"");
    }

    #[test]
    fn mailbox_names_go_out_in_modified_utf7() {
        let name = MailboxName::parse("Envoyés/Été 2026").unwrap();
        assert_eq!(shown(|out| mailbox(out, &name)), "\"Envoy&AOk-s/&AMk-t&AOk- 2026\"");
    }
}
