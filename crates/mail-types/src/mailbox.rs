//! RFC 9051 §5.1: names and numbers of a mailbox.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Longest mailbox name in UTF-8 bytes.
pub const MAILBOX_NAME_BYTES_MAX: usize = 512;
/// Deepest hierarchy a name may spell.
pub const MAILBOX_DEPTH_MAX: usize = 20;

/// Names a mailbox within its account for ever; RENAME changes the name, never this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MailboxId(pub u32);

impl fmt::Display for MailboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}

/// RFC 9051 §2.3.1.1: changes only when UIDs lose their meaning. Comes from the account's
/// counter, never from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UidValidity(pub NonZeroU32);

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A mailbox name in UTF-8 NFC with `/` as hierarchy delimiter. `INBOX` in any case is INBOX.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailboxName(String);

/// Why a text cannot name a mailbox; the text of each variant may be shown to the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidMailboxName {
    /// Nothing there, or nothing between two delimiters.
    #[error("a mailbox name has no empty level")]
    EmptyLevel,
    /// More bytes than [`MAILBOX_NAME_BYTES_MAX`] or levels than [`MAILBOX_DEPTH_MAX`].
    #[error("a mailbox name has at most 512 bytes and 20 levels")]
    TooLong,
    /// A control, a text direction override, a wildcard, or a level of dots alone.
    #[error("a mailbox name has no control characters, direction marks, %, * or level of dots")]
    Forbidden,
}

impl MailboxName {
    /// The delimiter between levels.
    pub const DELIMITER: char = '/';

    /// The one mailbox that always exists.
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }

    /// Reads a name given in UTF-8; it is brought to NFC, so twins cannot be told apart.
    ///
    /// # Errors
    /// [`InvalidMailboxName`] says which rule is broken.
    pub fn parse(text: &str) -> Result<Self, InvalidMailboxName> {
        if text.len() > MAILBOX_NAME_BYTES_MAX {
            return Err(InvalidMailboxName::TooLong);
        }
        let mut name: String = text.nfc().collect();
        let levels = || name.split(Self::DELIMITER);
        if name.len() > MAILBOX_NAME_BYTES_MAX || levels().count() > MAILBOX_DEPTH_MAX {
            return Err(InvalidMailboxName::TooLong);
        }
        if levels().any(|level| level.trim().is_empty()) {
            return Err(InvalidMailboxName::EmptyLevel);
        }
        let dots = levels().any(|level| level.bytes().all(|byte| byte == b'.'));
        if dots || name.chars().any(is_forbidden) {
            return Err(InvalidMailboxName::Forbidden);
        }
        // RFC 9051 §5.1: INBOX is case-insensitive, also as the first level of a longer name.
        let first = name.find(Self::DELIMITER).unwrap_or(name.len());
        if name[..first].eq_ignore_ascii_case("INBOX") {
            name.replace_range(..first, "INBOX");
        }
        Ok(Self(name))
    }

    /// The name in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is INBOX itself.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The name one level up.
    pub fn parent(&self) -> Option<MailboxName> {
        self.0.rsplit_once(Self::DELIMITER).map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The last level.
    pub fn leaf(&self) -> &str {
        self.0.rsplit_once(Self::DELIMITER).map_or(self.0.as_str(), |(_, leaf)| leaf)
    }

    /// Whether this lies below `ancestor`.
    pub fn is_below(&self, ancestor: &MailboxName) -> bool {
        self.0.strip_prefix(ancestor.as_str()).is_some_and(|rest| rest.starts_with(Self::DELIMITER))
    }

    /// This name with its leading `from` replaced by `to`, as RENAME does to what lies below.
    ///
    /// # Errors
    /// [`InvalidMailboxName::TooLong`] when the new name would be too long or too deep.
    pub fn moved(&self, from: &Self, to: &Self) -> Result<Self, InvalidMailboxName> {
        match self.0.strip_prefix(from.as_str()) {
            Some(rest) => Self::parse(&format!("{to}{rest}")),
            None => Ok(self.clone()),
        }
    }
}

fn is_forbidden(c: char) -> bool {
    let direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    c.is_control() || direction || line || c == '%' || c == '*'
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MailboxName {
    type Error = InvalidMailboxName;

    fn try_from(text: String) -> Result<Self, InvalidMailboxName> {
        Self::parse(&text)
    }
}

impl From<MailboxName> for String {
    fn from(name: MailboxName) -> String {
        name.0
    }
}

/// RFC 6154 §2: what a mailbox is for. One use per mailbox, one mailbox per use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SpecialUse {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// All uses an account has from its first day, in the order in which people read them.
    pub const ALL: [SpecialUse; 5] = [
        SpecialUse::Drafts,
        SpecialUse::Sent,
        SpecialUse::Archive,
        SpecialUse::Junk,
        SpecialUse::Trash,
    ];

    /// The LIST attribute.
    pub fn attribute(self) -> &'static str {
        match self {
            SpecialUse::Archive => "\\Archive",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Trash => "\\Trash",
        }
    }

    /// Reads a LIST attribute in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|special_use| special_use.attribute().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_is_inbox_in_any_case_and_as_a_parent() {
        assert!(MailboxName::parse("iNbOx").unwrap().is_inbox());
        assert_eq!(MailboxName::parse("inbox/Été").unwrap().as_str(), "INBOX/Été");
        assert_eq!(MailboxName::parse("Inboxes").unwrap().as_str(), "Inboxes");
    }

    #[test]
    fn nfd_and_nfc_name_the_same_mailbox() {
        assert_eq!(MailboxName::parse("E\u{301}te\u{301}"), MailboxName::parse("Été"));
    }

    #[test]
    fn names_that_would_confuse_are_refused() {
        use InvalidMailboxName::*;
        for (text, error) in [
            ("", EmptyLevel),
            ("/a", EmptyLevel),
            ("a/", EmptyLevel),
            ("a//b", EmptyLevel),
            ("a/ /b", EmptyLevel),
            ("..", Forbidden),
            ("a/../b", Forbidden),
            ("a\u{0}b", Forbidden),
            ("a\r\nb", Forbidden),
            ("a*", Forbidden),
            ("%", Forbidden),
            ("a\u{202e}b", Forbidden),
        ] {
            assert_eq!(MailboxName::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(MailboxName::parse(&"x".repeat(513)), Err(TooLong));
        assert_eq!(MailboxName::parse(&["a"; 21].join("/")), Err(TooLong));
    }

    #[test]
    fn rename_moves_what_lies_below_and_nothing_else() {
        let name = |text| MailboxName::parse(text).unwrap();
        assert_eq!(name("a/b/c").moved(&name("a/b"), &name("x")), Ok(name("x/c")));
        assert!(name("a/b").is_below(&name("a")));
        assert!(!name("ab").is_below(&name("a")));
        assert_eq!(name("a/b").parent(), Some(name("a")));
        assert_eq!(name("a/b").leaf(), "b");
    }
}
