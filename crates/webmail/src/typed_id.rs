//! Academic IDs in what somebody types into a search field: alone, with spaces, hyphens or dots, or
//! beside a name. They are personal data and stand in no address, so what has one in it is looked
//! for without one.

/// Digits of the shortest academic ID.
const DIGITS_MIN: usize = 4;

/// What may be an academic ID in a text: digits that no letter touches, without what separates them.
pub(crate) fn academic_id(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut digits = String::new();
    for word in words {
        match word.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.push_str(word),
            false if digits.len() >= DIGITS_MIN => break,
            false => digits.clear(),
        }
    }
    Some(digits).filter(|digits| digits.len() >= DIGITS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_however_it_is_typed_and_codes_and_homonyms_are_none() {
        for (typed, id) in [
            ("0000000105", Some("0000000105")),
            ("0000 000 105", Some("0000000105")),
            ("0000\u{a0}000\u{202f}105", Some("0000000105")),
            ("00-00.00/0105", Some("0000000105")),
            ("Marie Martin 0000 0105", Some("00000105")),
            ("n° 1 0 1 05, Martin", Some("10105")),
            ("10105 Martin 77", Some("10105")),
            ("marie.martin2@ac.test", None),
            ("0750001A", None),
            ("ce.0750001a", None),
            ("a1234", None),
            ("Martin 123", None),
            ("12 Martin 34", None),
            ("", None),
        ] {
            assert_eq!(academic_id(typed).as_deref(), id, "{typed}");
        }
    }
}
