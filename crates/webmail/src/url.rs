//! Paths and queries: percent-encoding both ways.

/// Fields of one form or query; a page of a list sends one for each message that is ticked.
const FIELDS_MAX: usize = 2_000;

/// The decoded segments of a path; `None` when it is not UTF-8 or has no leading slash.
pub(crate) fn parse_path(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(|segment| decode(segment, Plus::IsPlus)).collect()
}

/// The decoded pairs of a query or form; what is not UTF-8 is left out.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, Plus::IsSpace)?, decode(value, Plus::IsSpace)?))
    };
    query.split('&').filter(|p| !p.is_empty()).take(FIELDS_MAX).filter_map(pair).collect()
}

/// The first value of this name.
pub(crate) fn get<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// A segment or query value with everything encoded that is not RFC 3986 §2.3 `unreserved`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Plus {
    IsPlus,
    IsSpace,
}

fn decode(text: &str, plus: Plus) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                out.push((digit()? << 4 | digit()?) as u8);
            }
            b'+' if plus == Plus::IsSpace => out.push(b' '),
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_name_survives_a_path() {
        for name in ["INBOX", "Envoyés", "a/b c", "50 %", "a+b", "été?#&="] {
            assert_eq!(parse_path(&format!("/boite/{}", encode(name))).unwrap()[1], name);
        }
    }

    #[test]
    fn broken_encodings_are_refused() {
        for path in ["", "x", "/%", "/%4", "/%zz", "/%ff"] {
            assert_eq!(parse_path(path), None, "{path:?}");
        }
        assert_eq!(parse_path("/"), Some(vec![]));
    }

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let form = parse_query("a=1+2&b=%C3%A9%0D%0A&c&&a=3");
        assert_eq!(get(&form, "a"), Some("1 2"));
        assert_eq!(get(&form, "b"), Some("é\r\n"));
        assert_eq!(get(&form, "c"), Some(""));
        assert_eq!(parse_query(&"a=1&".repeat(100_000)).len(), FIELDS_MAX);
    }
}
