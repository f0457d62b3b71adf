//! RFC 9051 §2.3.2: flags of a message.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Keywords one message may carry; more are refused, so that nobody stuffs data into flags.
pub const KEYWORDS_PER_MESSAGE_MAX: usize = 64;

const SEEN: u8 = 1;
const DELETED: u8 = 1 << 3;

/// A system flag or a keyword.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Flag {
    /// `\Seen`: read.
    Seen,
    /// `\Answered`.
    Answered,
    /// `\Flagged`: urgent or special.
    Flagged,
    /// `\Deleted`: EXPUNGE removes it.
    Deleted,
    /// `\Draft`.
    Draft,
    /// Anything a client or Facteur made up.
    Keyword(Keyword),
}

/// RFC 9051 §9 `flag-keyword`: an atom that does not begin with a backslash, at most 64 bytes,
/// compared without regard to case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Keyword(String);

/// Why a text is not a keyword.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a keyword is 1 to 64 ASCII letters, digits or marks without space, quote, parenthesis, brace, per cent, asterisk or backslash"
)]
pub struct InvalidKeyword;

impl Keyword {
    /// The keyword as its first user spelled it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Keyword {
    type Error = InvalidKeyword;

    fn try_from(text: String) -> Result<Self, InvalidKeyword> {
        let atom = |byte: u8| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte);
        let valid = (1..=64).contains(&text.len()) && text.bytes().all(atom);
        if valid { Ok(Self(text)) } else { Err(InvalidKeyword) }
    }
}

impl TryFrom<&str> for Keyword {
    type Error = InvalidKeyword;

    fn try_from(text: &str) -> Result<Self, InvalidKeyword> {
        Self::try_from(text.to_owned())
    }
}

impl From<Keyword> for String {
    fn from(keyword: Keyword) -> String {
        keyword.0
    }
}

impl Keyword {
    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
    }
}

impl Flag {
    /// The system flags in the order in which they are printed.
    pub const SYSTEM: [Flag; 5] =
        [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];

    /// Reads `\Seen` or a keyword.
    ///
    /// # Errors
    /// [`InvalidKeyword`] for an unknown backslash flag (`\Recent` included: no client may set
    /// it) and for anything that is not an atom.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyword> {
        if text.starts_with('\\') {
            let system = Self::SYSTEM.into_iter();
            return system
                .into_iter()
                .find(|flag| flag.as_str().eq_ignore_ascii_case(text))
                .ok_or(InvalidKeyword);
        }
        Keyword::try_from(text).map(Flag::Keyword)
    }

    /// The flag as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Flag::Seen => "\\Seen",
            Flag::Answered => "\\Answered",
            Flag::Flagged => "\\Flagged",
            Flag::Deleted => "\\Deleted",
            Flag::Draft => "\\Draft",
            Flag::Keyword(keyword) => keyword.as_str(),
        }
    }

    fn bit(&self) -> Option<u8> {
        match self {
            Flag::Seen => Some(SEEN),
            Flag::Answered => Some(1 << 1),
            Flag::Flagged => Some(1 << 2),
            Flag::Deleted => Some(DELETED),
            Flag::Draft => Some(1 << 4),
            Flag::Keyword(_) => None,
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The flags of one message: a byte of system flags and a sorted list of keywords, which most
/// messages leave empty (and then nothing is allocated).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlagSet {
    system: u8,
    /// Sorted, without doubles.
    keywords: Vec<Keyword>,
}

impl FlagSet {
    /// No flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the flag is set.
    pub fn contains(&self, flag: &Flag) -> bool {
        match (flag.bit(), flag) {
            (Some(bit), _) => self.system & bit != 0,
            (None, Flag::Keyword(keyword)) => self.keywords.binary_search(keyword).is_ok(),
            (None, _) => false,
        }
    }

    /// Sets the flag.
    pub fn insert(&mut self, flag: Flag) {
        match (flag.bit(), flag) {
            (Some(bit), _) => self.system |= bit,
            (None, Flag::Keyword(keyword)) => {
                if let Err(place) = self.keywords.binary_search(&keyword) {
                    self.keywords.insert(place, keyword);
                }
            }
            (None, _) => {}
        }
    }

    /// Clears the flag.
    pub fn remove(&mut self, flag: &Flag) {
        match (flag.bit(), flag) {
            (Some(bit), _) => self.system &= !bit,
            (None, Flag::Keyword(keyword)) => {
                if let Ok(place) = self.keywords.binary_search(keyword) {
                    self.keywords.remove(place);
                }
            }
            (None, _) => {}
        }
    }

    /// Whether `\Seen` is set.
    pub fn is_seen(&self) -> bool {
        self.system & SEEN != 0
    }

    /// Whether `\Deleted` is set.
    pub fn is_deleted(&self) -> bool {
        self.system & DELETED != 0
    }

    /// The keywords, sorted.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// Whether no flag is set.
    pub fn is_empty(&self) -> bool {
        self.system == 0 && self.keywords.is_empty()
    }

    /// All flags, system flags first, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Flag> + '_ {
        let system = Flag::SYSTEM.into_iter().filter(|flag| self.contains(flag));
        system.chain(self.keywords.iter().cloned().map(Flag::Keyword))
    }
}

impl FromIterator<Flag> for FlagSet {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::new();
        flags.into_iter().for_each(|flag| set.insert(flag));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_ignore_case_and_keep_the_first_spelling() {
        let mut set: FlagSet = [Flag::parse("$Forwarded").unwrap()].into_iter().collect();
        set.insert(Flag::parse("$FORWARDED").unwrap());
        assert_eq!(set.keywords().len(), 1);
        assert_eq!(set.keywords()[0].as_str(), "$Forwarded");
        set.remove(&Flag::parse("$forwarded").unwrap());
        assert!(set.is_empty());
    }

    #[test]
    fn recent_and_unknown_backslash_flags_are_refused() {
        for text in ["\\Recent", "\\Nope", "\\", "", "a b", "a(", "a]", "é", "a\r\nb"] {
            assert_eq!(Flag::parse(text), Err(InvalidKeyword), "{text:?}");
        }
    }

    #[test]
    fn every_system_flag_is_read_as_it_is_printed() {
        for flag in Flag::SYSTEM {
            assert_eq!(Flag::parse(&flag.to_string().to_lowercase()), Ok(flag));
        }
    }
}
