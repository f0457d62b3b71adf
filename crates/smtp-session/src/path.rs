//! RFC 5321 §4.1.2: reverse-path and forward-path.
//!
//! Read here and not by smtp-proto, which forgets whether a local part was quoted and reads both
//! `<>` and `<"">` as it reads `<postmaster>`.

use mail_types::{EmailAddress, ReversePath};

/// RFC 5321 §4.1.1.3 `Forward-path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<postmaster>` without a domain (RFC 5321 §4.5.1): of this server.
    Postmaster,
    /// A mailbox.
    Address(EmailAddress),
}

/// What stands between the angle brackets, and what follows them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    inner: &'a str,
    /// The parameters: empty, or starting with a space.
    pub(crate) tail: &'a str,
}

/// Not a path, or not one we take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidPath;

impl<'a> Path<'a> {
    /// Splits `<path> parameters`. A `>` inside a quoted string does not end the path.
    pub(crate) fn split(text: &'a str) -> Result<Self, InvalidPath> {
        let inner = text.strip_prefix('<').ok_or(InvalidPath)?;
        let mut quoted = false;
        let mut escaped = false;
        for (index, byte) in inner.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'>' if !quoted => {
                    let (inner, tail) = (&inner[..index], &inner[index + 1..]);
                    let separate = tail.is_empty() || tail.starts_with(' ');
                    return if separate { Ok(Self { inner, tail }) } else { Err(InvalidPath) };
                }
                _ => {}
            }
        }
        Err(InvalidPath)
    }

    /// Whether MAIL must carry SMTPUTF8 for it (RFC 6531 §3.4).
    pub(crate) fn needs_smtputf8(&self) -> bool {
        !self.inner.is_ascii()
    }

    // Reverse-path = Path / "<>"
    pub(crate) fn reverse_path(&self) -> Result<ReversePath, InvalidPath> {
        if self.inner.is_empty() {
            return Ok(ReversePath::Null);
        }
        self.address().map(ReversePath::Address)
    }

    // Forward-path = Path, and "<Postmaster>" in any case.
    pub(crate) fn forward_path(&self) -> Result<ForwardPath, InvalidPath> {
        if self.inner.eq_ignore_ascii_case("postmaster") {
            return Ok(ForwardPath::Postmaster);
        }
        self.address().map(ForwardPath::Address)
    }

    fn address(&self) -> Result<EmailAddress, InvalidPath> {
        // Address literals do not parse as a domain: nobody has a mailbox at one here.
        without_source_route(self.inner)?.parse().map_err(|_| InvalidPath)
    }
}

/// RFC 5321 §4.1.1.3: "Receiving systems MUST recognize source route syntax but SHOULD strip off
/// the source route specification and utilize the domain name associated with the mailbox as if
/// the source route had not been provided." So a route never decides where mail goes.
fn without_source_route(inner: &str) -> Result<&str, InvalidPath> {
    if !inner.starts_with('@') {
        return Ok(inner);
    }
    // An IPv6 literal has colons too; the one that ends the route is the last before the mailbox.
    let mailbox = inner.rfind('@').filter(|&at| at > 0).ok_or(InvalidPath)?;
    let colon = inner[..mailbox].rfind(':').ok_or(InvalidPath)?;
    let (route, address) = (&inner[..colon], &inner[colon + 1..]);
    let hop = |hop: &str| hop.len() > 1 && hop.starts_with('@') && !hop[1..].contains('@');
    if route.split(',').all(hop) { Ok(address) } else { Err(InvalidPath) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(text: &str) -> Option<String> {
        match Path::split(text).ok()?.forward_path().ok()? {
            ForwardPath::Postmaster => Some("postmaster".into()),
            ForwardPath::Address(address) => Some(address.to_string()),
        }
    }

    #[test]
    fn paths_are_read_strictly() {
        for (text, expect) in [
            ("<a@b.test>", Some("a@b.test")),
            ("<a@B.test.> X", Some("a@b.test")),
            ("<\"a b\"@b.test>", Some("\"a b\"@b.test")),
            ("<\"a>\\\"b\"@b.test>", Some("\"a>\\\"b\"@b.test")),
            ("<PostMaster>", Some("postmaster")),
            ("<@x.test,@[IPv6:::1]:a@b.test>", Some("a@b.test")),
            ("<>", None),
            ("<\"\">", None),
            ("<\"\">@b.test", None),
            ("<\"\"@b.test>", None),
            ("<a>", None),
            ("<a@b.test", None),
            ("a@b.test", None),
            ("<a@b.test>SIZE=1", None),
            ("< a@b.test>", None),
            ("<a@[127.0.0.1]>", None),
            ("<a@[IPv6:::1]>", None),
            ("<@x.test>", None),
            ("<@:a@b.test>", None),
            ("<x@y.test:a@b.test>", None),
            ("<a@b@c.test>", None),
        ] {
            assert_eq!(forward(text).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn only_mail_takes_the_null_path() {
        assert_eq!(Path::split("<> SIZE=1").unwrap().reverse_path(), Ok(ReversePath::Null));
        assert_eq!(Path::split("<postmaster>").unwrap().reverse_path(), Err(InvalidPath));
    }
}
