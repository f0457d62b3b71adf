//! Names and addresses as people may trust them: no hidden characters, no look-alike domains.

use mail_message::header;

/// Text for people: controls and direction marks gone, at most `chars_max` characters.
pub(crate) fn clean(text: &str, chars_max: usize) -> String {
    header::clean(text, chars_max)
}

/// The same of several lines.
pub(crate) fn clean_lines(text: &str, chars_max: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| clean(line, chars_max)).collect();
    lines.join("\n").trim().chars().take(chars_max).collect()
}

/// A sender or recipient as pages show one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    /// Display name; the address when there is none.
    pub(crate) name: String,
    /// The real address, always shown beside the name.
    pub(crate) address: String,
}

impl Person {
    /// From a header's display name and address.
    pub(crate) fn new(name: &str, address: &str) -> Self {
        let address = shown_address(&clean(address, 320));
        let name = clean(name, 100);
        let name = if name.is_empty() { address.clone() } else { name };
        Self { name, address }
    }

    /// W9: the display name is itself an address, and another one.
    pub(crate) fn poses(&self) -> bool {
        self.name.contains('@') && !self.name.eq_ignore_ascii_case(&self.address)
    }

    /// One word for lists: the name, or the address when the name is not to be trusted.
    pub(crate) fn into_label(self) -> String {
        if self.poses() { self.address } else { self.name }
    }

    /// Whether name and address say different things.
    pub(crate) fn has_name(&self) -> bool {
        self.name != self.address
    }
}

/// The address with its domain in letters when these cannot be mistaken, else in punycode.
fn shown_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", shown_domain(domain)),
        None => address.to_owned(),
    }
}

/// French letters are shown; any other script, or a mixture, stays in its A-label form.
pub(crate) fn shown_domain(domain: &str) -> String {
    let ascii =
        idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.escape_default().to_string());
    let (unicode, result) = idna::domain_to_unicode(&ascii);
    let readable = |c: char| {
        c.is_ascii_alphanumeric() || ".-".contains(c) || "àâäçéèêëîïôöùûüÿœæñ".contains(c)
    };
    if result.is_ok() && unicode.chars().all(readable) { unicode } else { ascii }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_of_another_script_is_shown_in_punycode() {
        for (address, shown) in [
            ("a@ac-paris.test", "a@ac-paris.test"),
            ("a@xn--cole-9oa.test", "a@école.test"),
            ("a@école.test", "a@école.test"),
            // The first letter is Cyrillic.
            ("a@аc-paris.test", "a@xn--c-paris-1fg.test"),
            ("sans arobase", "sans arobase"),
        ] {
            assert_eq!(Person::new("", address).address, shown, "{address}");
        }
    }

    #[test]
    fn nothing_hidden_stays_in_a_name() {
        let person = Person::new("Ma\u{202e}rie\r\nBcc: x", "m@x.test\u{0}");
        assert_eq!((person.name.as_str(), person.address.as_str()), ("Marie Bcc: x", "m@x.test"));
        assert!(person.has_name());
        assert!(!Person::new("", "m@x.test").has_name());
    }

    #[test]
    fn a_name_that_is_another_address_is_told_and_not_shown_in_lists() {
        let person = Person::new("chef@ac-paris.test", "x@evil.test");
        assert!(person.poses());
        assert_eq!(person.into_label(), "x@evil.test");
        for honest in
            [Person::new("x@evil.test", "x@evil.test"), Person::new("Le Chef", "x@evil.test")]
        {
            assert!(!honest.poses());
            assert_eq!(honest.clone().into_label(), honest.name);
        }
    }
}
