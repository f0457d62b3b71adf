//! Words of folded texts, and what of a needle the words can answer.
//!
//! A *run* is a longest stretch of letters, digits and the marks that hold addresses, host names
//! and compounds together; a *word* is a run without marks at its ends. Where runs end depends on
//! nothing around them, so an occurrence of a needle cuts the text's runs exactly where it cuts
//! the needle's: runs within it are whole, its first may be the end of one and its last the
//! beginning of one. A needle that is one word is therefore in a text if and only if it is in one
//! of the text's words, and nothing needs to be verified.
//!
//! Word boundaries of UAX #29 would not do: they depend on what stands around them, and needles
//! would be cut otherwise than texts.

use std::collections::HashSet;

use rust_stemmers::{Algorithm, Stemmer};

use super::extract::Field;
use super::fold::fold;

/// Longest word kept; a document with a longer one is marked.
const WORD_BYTES_MAX: usize = 192;
/// Distinct words kept of a document; beyond that it is marked.
const WORDS_MAX: usize = 20_000;
/// A word from this length on is more often a number in disguise than a word.
const LONG_WORD_BYTES: usize = 40;
/// Long words kept of a document: base64 and the like would fill the index with what nobody looks
/// for. Beyond that it is marked.
const LONG_WORDS_MAX: usize = 200;
/// Pieces of a needle that are looked up; the others are verified only.
const PIECES_MAX: usize = 6;

/// The words of one document, each once a field.
#[derive(Debug, Default)]
pub(crate) struct DocumentWords {
    /// A field's number and a word: what a segment sorts by.
    pub(crate) words: HashSet<Vec<u8>>,
    long_words: usize,
    /// Whether words were left out.
    pub(crate) is_cut: bool,
}

impl DocumentWords {
    /// Adds the words of a folded text.
    pub(crate) fn add(&mut self, field: Field, text: &str) {
        let mut key = vec![field as u8];
        for word in words(text) {
            key.truncate(1);
            key.extend_from_slice(word.as_bytes());
            if self.words.contains(&key) {
                continue;
            }
            let is_long = word.len() >= LONG_WORD_BYTES;
            let fits = word.len() <= WORD_BYTES_MAX
                && self.words.len() < WORDS_MAX
                && (!is_long || self.long_words < LONG_WORDS_MAX);
            if fits {
                self.long_words += usize::from(is_long);
                self.words.insert(key.clone());
            } else {
                self.is_cut = true;
            }
        }
    }
}

fn is_run(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

fn is_mark(c: char) -> bool {
    matches!(c, '@' | '.' | '-' | '_' | '+')
}

/// The words of a folded text, as often as they stand there.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.split(|c: char| !is_run(c));
    runs.map(|run| run.trim_matches(is_mark)).filter(|word| !word.is_empty())
}

/// What to look for in folded texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Needle {
    /// Folded.
    pub(crate) text: String,
    /// What the index can say.
    pub(crate) pattern: Pattern,
}

/// What words a text must have for the needle to be in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pattern {
    /// Each must be in the line-separated list of the text's words, where a line break stands for
    /// a word's edge. None: the index can say nothing.
    pub(crate) pieces: Vec<String>,
    /// Whether having them is enough.
    pub(crate) is_exact: bool,
}

impl Needle {
    /// Folds it.
    pub(crate) fn new(text: &str) -> Self {
        let text = fold(text);
        let pattern = Pattern::new(&text);
        Self { text, pattern }
    }

    /// Whether a folded text contains it.
    pub(crate) fn is_in(&self, folded: &str) -> bool {
        memchr::memmem::find(folded.as_bytes(), self.text.as_bytes()).is_some()
    }
}

impl Pattern {
    fn new(needle: &str) -> Self {
        let runs: Vec<&str> = needle.split(|c: char| !is_run(c)).collect();
        if let [run] = runs[..] {
            let word = run.trim_matches(is_mark);
            let pieces = if word.is_empty() { Vec::new() } else { vec![word.to_owned()] };
            return Self { pieces, is_exact: word == run && !word.is_empty() };
        }
        let last = runs.len() - 1;
        let mut pieces: Vec<String> = Vec::new();
        for (number, run) in runs.into_iter().enumerate() {
            let word = run.trim_matches(is_mark);
            if !word.is_empty() {
                let begin = if number > 0 { "\n" } else { "" };
                let end = if number < last { "\n" } else { "" };
                pieces.push(format!("{begin}{word}{end}"));
            }
        }
        // Long pieces are rare words.
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        pieces.dedup();
        pieces.truncate(PIECES_MAX);
        Self { pieces, is_exact: false }
    }
}

/// Words of one family, by French and English rules: for a person's search, never for IMAP's.
pub(crate) struct Family {
    stemmers: [Stemmer; 2],
    stems: [String; 2],
}

/// Characters that all words of a family have in common.
const FAMILY_CHARS_MIN: usize = 3;

impl Family {
    /// The family of a folded word; `None` for what is no single word of some length.
    pub(crate) fn of(word: &str) -> Option<Self> {
        let is_word = word.chars().count() > FAMILY_CHARS_MIN && word.chars().all(char::is_alphabetic);
        if !is_word || word.len() > WORD_BYTES_MAX {
            return None;
        }
        let stemmers = [Algorithm::French, Algorithm::English].map(Stemmer::create);
        let stems = [0, 1].map(|number| stemmers[number].stem(word).into_owned());
        Some(Self { stemmers, stems })
    }

    /// How all of its words begin. Stemming changes endings only.
    pub(crate) fn beginning(&self) -> &str {
        let shared = self.stems[0].char_indices().zip(self.stems[1].chars());
        let mut shared = shared.take(FAMILY_CHARS_MIN).take_while(|((_, a), b)| a == b);
        let end = shared.by_ref().map(|((place, c), _)| place + c.len_utf8()).last().unwrap_or(0);
        &self.stems[0][..end]
    }

    /// Whether a word is of the family.
    pub(crate) fn has(&self, word: &str) -> bool {
        let mut both = self.stemmers.iter().zip(&self.stems);
        word.len() <= WORD_BYTES_MAX && both.any(|(stemmer, stem)| stemmer.stem(word) == *stem)
    }

    /// Whether a folded text has a word of the family.
    pub(crate) fn is_in(&self, folded: &str) -> bool {
        words(folded).any(|word| word.starts_with(self.beginning()) && self.has(word))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_runs_without_marks_at_their_ends() {
        for (text, expected) in [
            ("bonjour, a tous.", &["bonjour", "a", "tous"][..]),
            ("l'ecole rendez-vous", &["l", "ecole", "rendez-vous"]),
            ("<jean.dupont@ac-test.example>", &["jean.dupont@ac-test.example"]),
            ("https://www.example/a_b?c=1", &["https", "www.example", "a_b", "c", "1"]),
            ("-- \n...___ @", &[]),
            ("", &[]),
            ("漢字かな", &["漢字かな"]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn needles_are_cut_like_texts() {
        for (needle, pieces, is_exact) in [
            ("Dupont", &["dupont"][..], true),
            ("pont@ac", &["pont@ac"], true),
            ("@ac", &["ac"], false),
            ("fin.", &["fin"], false),
            ("élève absent", &["eleve\n", "\nabsent"], false),
            ("a bc d", &["\nbc\n", "a\n", "\nd"], false),
            (" mot", &["\nmot"], false),
            ("mot!", &["mot\n"], false),
            ("...", &[], false),
            ("\u{20ac}", &[], false),
            ("", &[], false),
        ] {
            let pattern = Needle::new(needle).pattern;
            assert_eq!((&pattern.pieces[..], pattern.is_exact), (&pieces.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>()[..], is_exact), "{needle}");
        }
    }

    #[test]
    fn what_is_left_out_is_marked() {
        let mut document = DocumentWords::default();
        document.add(Field::Body, &"x".repeat(WORD_BYTES_MAX));
        assert!(!document.is_cut);
        document.add(Field::Body, &"x".repeat(WORD_BYTES_MAX + 1));
        assert!(document.is_cut);
        let mut noise = DocumentWords::default();
        (0..=LONG_WORDS_MAX).for_each(|n| noise.add(Field::Body, &format!("{n:064}")));
        assert!(noise.is_cut && noise.words.len() == LONG_WORDS_MAX);
        let mut many = DocumentWords::default();
        (0..=WORDS_MAX).for_each(|n| many.add(Field::Body, &n.to_string()));
        assert!(many.is_cut && many.words.len() == WORDS_MAX);
    }

    #[test]
    fn families_have_their_words() {
        for (word, other, related) in [
            ("absence", "absences", true),
            ("inscription", "inscriptions", true),
            ("inscrire", "inscrites", false),
            ("meeting", "meetings", true),
            ("nationale", "national", true),
            ("absence", "abeille", false),
        ] {
            let family = Family::of(word).unwrap();
            assert_eq!(family.is_in(&format!("les {other} !")), related, "{word} {other}");
        }
        assert!(Family::of("a1b2").is_none() && Family::of("de").is_none());
    }

    proptest! {
        /// The argument at the head of this file.
        #[test]
        fn a_contained_needle_has_its_pieces_among_the_words(
            text in "[ab.@é' -]{0,24}", from in 0usize..24, len in 0usize..10,
        ) {
            let chars: Vec<char> = text.chars().collect();
            let from = from.min(chars.len());
            let inner: String = chars[from..(from + len).min(chars.len())].iter().collect();
            let folded = fold(&text);
            let list = format!("\n{}\n", words(&folded).collect::<Vec<_>>().join("\n"));
            for piece in &Needle::new(&inner).pattern.pieces {
                prop_assert!(list.contains(piece), "{:?} of {:?} in {:?}", piece, inner, list);
            }
        }

        #[test]
        fn an_exact_pattern_needs_no_verification(text in "[ab.@é' -]{0,24}", needle in "[ab.@é' -]{0,3}") {
            let (folded, needle) = (fold(&text), Needle::new(&needle));
            let list = format!("\n{}\n", words(&folded).collect::<Vec<_>>().join("\n"));
            if needle.pattern.is_exact {
                prop_assert_eq!(needle.is_in(&folded), list.contains(&needle.pattern.pieces[0]));
            }
        }
    }
}
