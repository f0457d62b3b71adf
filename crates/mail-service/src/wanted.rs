//! A folded text that is looked for: as it stands, or word by word with stems.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

use crate::index::format::Section;
use crate::index::reader::Reader;
use crate::index::segment::Lookup;
use crate::index::token::Needles;
use crate::search::{Answer, Matching};

/// Characters of a word with which another of the same stem must begin.
const COMMON_CHARS: usize = 3;
/// Words of a fuzzy key that are looked for.
const WORDS_MAX: usize = 16;

/// What is looked for.
pub(crate) enum Wanted {
    /// This text, anywhere.
    Text(String),
    /// Each of these words, anywhere.
    Words(Vec<Word>),
}

/// A word of a fuzzy key.
pub(crate) struct Word {
    text: String,
    /// What a word of the same stem begins with.
    beginning: String,
    stems: [String; 2],
}

impl Wanted {
    pub(crate) fn new(text: &str, matching: Matching) -> Self {
        let words: Vec<Word> = text.split_whitespace().take(WORDS_MAX).map(Word::new).collect();
        match matching {
            Matching::Fuzzy if !words.is_empty() => Self::Words(words),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// Begins to look through the texts of a message.
    pub(crate) fn begin(&self) -> Found<'_> {
        let missing = match self {
            Self::Text(_) => Vec::new(),
            Self::Words(words) => words.iter().collect(),
        };
        Found { wanted: self, missing }
    }

    /// What the index says about it; `None` when messages must be read.
    pub(crate) async fn look_up(
        &self,
        reader: &Reader<'_>,
        sections: &[Section],
    ) -> Result<Option<Answer>, Lookup> {
        let words = match self {
            Self::Words(words) => words,
            Self::Text(text) => {
                let Some(needles) = Needles::new(text) else { return Ok(None) };
                let documents = reader.having(sections, &needles).await?;
                return Ok(Some(Answer { documents, is_exact: needles.is_exact }));
            }
        };
        let mut all = None;
        for word in words {
            let Some(needles) = Needles::new(&word.text) else { continue };
            let mut found = reader.having(sections, &needles).await?;
            let is_wanted = |token: &[u8]| {
                let token = std::str::from_utf8(token).unwrap_or_default();
                words_of(token).any(|other| word.has_stem_of(other))
            };
            let beginning = word.beginning.as_bytes();
            found.unite(&reader.matching(sections, beginning, is_wanted).await?);
            match &mut all {
                None => all = Some(found),
                Some(all) => all.intersect(&found),
            }
        }
        Ok(all.map(|documents| Answer { documents, is_exact: true }))
    }
}

impl Word {
    fn new(text: &str) -> Self {
        let plain = words_of(text).max_by_key(|word| word.len()).unwrap_or(text);
        let chars = plain.char_indices().nth(COMMON_CHARS).map_or(plain.len(), |(end, _)| end);
        let stems = [Algorithm::French, Algorithm::English].map(|algorithm| stem(algorithm, plain));
        Self { text: text.to_owned(), beginning: plain[..chars].to_owned(), stems }
    }

    fn is_in(&self, text: &str) -> bool {
        text.contains(&self.text) || words_of(text).any(|other| self.has_stem_of(other))
    }

    fn has_stem_of(&self, other: &str) -> bool {
        other.starts_with(&self.beginning)
            && (stem(Algorithm::French, other) == self.stems[0]
                || stem(Algorithm::English, other) == self.stems[1])
    }
}

/// What has been found of it in a message.
pub(crate) struct Found<'a> {
    wanted: &'a Wanted,
    missing: Vec<&'a Word>,
}

impl Found<'_> {
    /// Looks through a further text; whether everything has been found.
    pub(crate) fn text(&mut self, text: &str) -> bool {
        match self.wanted {
            Wanted::Text(wanted) => text.contains(wanted),
            Wanted::Words(_) => {
                self.missing.retain(|word| !word.is_in(text));
                self.missing.is_empty()
            }
        }
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn stem(algorithm: Algorithm, word: &str) -> String {
    match Stemmer::create(algorithm).stem(word) {
        Cow::Borrowed(stem) => stem.to_owned(),
        Cow::Owned(stem) => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(key: &str, texts: &[&str]) -> bool {
        let wanted = Wanted::new(key, Matching::Fuzzy);
        let mut found = wanted.begin();
        texts.iter().any(|text| found.text(text))
    }

    #[test]
    fn fuzzy_words_are_found_by_stem_in_any_order_and_text() {
        assert!(is_found("reunion conseils", &["le conseil", "les reunions"]));
        assert!(is_found("meetings", &["a meeting, today"]));
        assert!(is_found("l'ecole", &["toutes les ecoles"]));
        assert!(is_found("union", &["reunion"]));
        assert!(!is_found("reunion conseil", &["les reunions"]));
        assert!(!is_found("cantine", &["canton"]));
    }
}
