//! RFC 5321 §4.1.2: addresses of the envelope.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// RFC 5321 §4.5.3.1.1.
const LOCAL_PART_BYTES_MAX: usize = 64;
/// RFC 5321 §4.5.3.1.2.
const DOMAIN_BYTES_MAX: usize = 255;

/// A domain in lower-case A-label form without a trailing dot, so that equal domains are equal
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// Why a text is not a domain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a domain name")]
pub struct InvalidDomain;

impl Domain {
    /// The A-label form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = InvalidDomain;

    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() || text.len() > DOMAIN_BYTES_MAX {
            return Err(InvalidDomain);
        }
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| InvalidDomain)?;
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let valid = ascii.len() <= DOMAIN_BYTES_MAX && ascii.split('.').all(label);
        if valid { Ok(Self(ascii)) } else { Err(InvalidDomain) }
    }
}

impl TryFrom<String> for Domain {
    type Error = InvalidDomain;

    fn try_from(text: String) -> Result<Self, InvalidDomain> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address with a domain name: the local part unquoted as its owner spells it, the domain
/// normalised. Equality is exact; look-ups go through [`EmailAddress::lookup_key`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    local_part: String,
    domain: Domain,
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidAddress {
    /// There is no `@`.
    #[error("an address has an @ between its local part and its domain")]
    NoAt,
    /// Empty, too long, or with characters RFC 5321 §4.1.2 (RFC 6531 §3.3) does not allow.
    #[error("the part before the @ is empty, too long or has a forbidden character")]
    LocalPart,
    /// Not a domain name.
    #[error("the part after the @ is not a domain name")]
    Domain,
}

impl EmailAddress {
    /// The character that starts a subaddress (RFC 5233).
    pub const SUBADDRESS_DELIMITER: char = '+';

    /// Puts an address together from its unquoted local part and its domain.
    ///
    /// # Errors
    /// [`InvalidAddress::LocalPart`] when the local part could not be written in an envelope.
    pub fn new(local_part: &str, domain: Domain) -> Result<Self, InvalidAddress> {
        let local_part: String = local_part.nfc().collect();
        let writable =
            |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
        let valid = (1..=LOCAL_PART_BYTES_MAX).contains(&local_part.len())
            && local_part.chars().all(writable);
        if valid { Ok(Self { local_part, domain }) } else { Err(InvalidAddress::LocalPart) }
    }

    /// The local part, unquoted.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The local part before the first `+`; all of it when nothing stands before the `+`.
    pub fn base_local_part(&self) -> &str {
        match self.local_part.split_once(Self::SUBADDRESS_DELIMITER) {
            Some((base, _)) if !base.is_empty() => base,
            _ => &self.local_part,
        }
    }

    /// What stands after the first `+`, if anything does.
    pub fn subaddress(&self) -> Option<&str> {
        let (base, tag) = self.local_part.split_once(Self::SUBADDRESS_DELIMITER)?;
        (!base.is_empty() && !tag.is_empty()).then_some(tag)
    }

    /// The address without its subaddress.
    pub fn base(&self) -> EmailAddress {
        EmailAddress { local_part: self.base_local_part().to_owned(), domain: self.domain.clone() }
    }

    /// The form under which a hosted address is stored and found: lower case, so that nobody is
    /// given `Marie@` when `marie@` exists.
    pub fn lookup_key(&self) -> String {
        format!("{}@{}", self.local_part.to_lowercase(), self.domain)
    }

    /// Whether writing it needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.local_part.is_ascii()
    }

    fn is_dot_string(&self) -> bool {
        self.local_part.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
    }
}

/// RFC 5322 §3.2.3 `atext`, with RFC 6531 §3.3's UTF-8.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

impl FromStr for EmailAddress {
    type Err = InvalidAddress;

    /// Reads `Mailbox` of RFC 5321 §4.1.2: a dot-string or a quoted string, `@`, a domain.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::NoAt)?;
        let domain = domain.parse().map_err(|_| InvalidAddress::Domain)?;
        let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
        if quoted {
            return Self::new(&unquote(&local[1..local.len() - 1])?, domain);
        }
        let address = Self::new(local, domain)?;
        if address.is_dot_string() { Ok(address) } else { Err(InvalidAddress::LocalPart) }
    }
}

fn unquote(inner: &str) -> Result<String, InvalidAddress> {
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Err(InvalidAddress::LocalPart),
            '\\' => text.push(chars.next().ok_or(InvalidAddress::LocalPart)?),
            _ => text.push(c),
        }
    }
    Ok(text)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_dot_string() {
            return write!(f, "{}@{}", self.local_part, self.domain);
        }
        f.write_str("\"")?;
        for c in self.local_part.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        write!(f, "\"@{}", self.domain)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> String {
        address.to_string()
    }
}

/// RFC 5321 §4.1.2 `Reverse-path`: who is told when delivery fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReversePath {
    /// `<>`: nobody; a notice itself.
    Null,
    /// This address.
    Address(EmailAddress),
}

impl ReversePath {
    /// The address, if there is one.
    pub fn address(&self) -> Option<&EmailAddress> {
        match self {
            ReversePath::Null => None,
            ReversePath::Address(address) => Some(address),
        }
    }
}

/// With its angle brackets, as `MAIL FROM` and `Return-Path` write it.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => f.write_str("<>"),
            ReversePath::Address(address) => write!(f, "<{address}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    #[test]
    fn domains_are_equal_in_any_case_script_or_trailing_dot() {
        let domain = |text: &str| text.parse::<Domain>().unwrap();
        assert_eq!(domain("AC-Paris.TEST."), domain("ac-paris.test"));
        assert_eq!(domain("école.test"), domain("xn--cole-9oa.test"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use InvalidAddress::*;
        for (text, error) in [
            ("", NoAt),
            ("marie", NoAt),
            ("@ac.test", LocalPart),
            ("a..b@ac.test", LocalPart),
            (".a@ac.test", LocalPart),
            ("a b@ac.test", LocalPart),
            ("a@b@ac.test", LocalPart),
            ("\"a\"b\"@ac.test", LocalPart),
            ("\"\"@ac.test", LocalPart),
            ("a\r@ac.test", LocalPart),
            ("a@", Domain),
            ("a@-x.test", Domain),
            ("a@a..test", Domain),
            ("a@[127.0.0.1]", Domain),
            ("a@ac.test\n", Domain),
        ] {
            assert_eq!(text.parse::<EmailAddress>(), Err(error), "{text:?}");
        }
        assert_eq!(format!("{}@ac.test", "x".repeat(65)).parse::<EmailAddress>(), Err(LocalPart));
    }

    #[test]
    fn quoted_local_parts_are_unquoted_and_quoted_again() {
        assert_eq!(address("\"a b\"@ac.test").local_part(), "a b");
        assert_eq!(address("\"a b\"@ac.test").to_string(), "\"a b\"@ac.test");
        assert_eq!(address("\"ab\"@ac.test").to_string(), "ab@ac.test");
        assert_eq!(address(r#""a\"\\b"@ac.test"#).to_string(), r#""a\"\\b"@ac.test"#);
    }

    #[test]
    fn subaddress_is_after_the_first_plus() {
        assert_eq!(address("marie+a+b@ac.test").subaddress(), Some("a+b"));
        assert_eq!(address("marie+a@ac.test").base(), address("marie@ac.test"));
        assert_eq!(address("+a@ac.test").base_local_part(), "+a");
        assert_eq!(address("marie+@ac.test").subaddress(), None);
        assert_eq!(address("marie+@ac.test").base(), address("marie@ac.test"));
    }
}
