//! Whether a new password is good enough, and if not, why: length and what a guesser would need,
//! no rules about kinds of characters.

use std::collections::HashSet;
use std::fmt;

use mail_types::Secret;
use unicode_normalization::UnicodeNormalization;
use zxcvbn::matching::Match;
use zxcvbn::matching::patterns::MatchPattern;

use crate::error::DirectoryError;
use crate::local_part::fold;
use crate::password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

/// What guessing it must cost at least (CNIL recommendation 2022-100, a password with throttling).
pub const PASSWORD_BITS_MIN: u32 = 50;
/// Shortest of a person's own words that counts as one.
const OWN_WORD_CHARS_MIN: usize = 3;
/// Own words that are compared.
const OWN_WORDS_MAX: usize = 64;

/// What speaks against a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It has fewer than [`PASSWORD_CHARS_MIN`] characters.
    TooShort {
        /// So many it has.
        chars: usize,
    },
    /// It has more than [`PASSWORD_BYTES_MAX`] bytes.
    TooLong,
    /// It has a character in it that nobody sees, perhaps a line end.
    ControlCharacter,
    /// Many people have it.
    Common,
    /// It is made of its owner's own words: names, school, numbers.
    OwnWords,
    /// It is of a kind that guessers try early.
    Guessable,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Weakness::TooShort { .. } => write!(
                f,
                "the password has fewer than {PASSWORD_CHARS_MIN} characters; a short sentence is \
                 a good one"
            ),
            Weakness::TooLong => {
                write!(f, "the password is longer than {PASSWORD_BYTES_MAX} bytes")
            }
            Weakness::ControlCharacter => {
                f.write_str("the password has a control character in it, perhaps a line end")
            }
            Weakness::Common => f.write_str("the password is one that many people have"),
            Weakness::OwnWords => {
                f.write_str("the password is made of words that belong to its owner")
            }
            Weakness::Guessable => f.write_str(
                "the password is easily guessed; add a word or two that have nothing to do with \
                 it (common words, years, repetitions and rows of keys count for little)",
            ),
        }
    }
}

/// How strong a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strength {
    /// Estimate of the guesses needed, as a power of two; at most 64.
    pub bits: u32,
    /// What speaks against it; nothing when it is good.
    pub weaknesses: Vec<Weakness>,
}

/// Weighs a password. `own_words` belong to its owner and are guessed first. Takes milliseconds:
/// not for a thread on which others wait.
pub fn weigh(password: &str, own_words: &[String]) -> Strength {
    if password.len() > PASSWORD_BYTES_MAX {
        return Strength { bits: 0, weaknesses: vec![Weakness::TooLong] };
    }
    if password.chars().any(char::is_control) {
        return Strength { bits: 0, weaknesses: vec![Weakness::ControlCharacter] };
    }
    let mut weaknesses = Vec::new();
    let chars = password.chars().nfc().count();
    if chars < PASSWORD_CHARS_MIN {
        weaknesses.push(Weakness::TooShort { chars });
    }
    let own: Vec<String> = words(own_words);
    let known: Vec<&str> = own.iter().map(String::as_str).chain(french_words()).collect();
    // A year costs a guesser nothing, so it is not there.
    let weighed = without_years(&fold(password));
    let estimate = zxcvbn::zxcvbn(&weighed, &known);
    let bits = estimate.guesses_log10().max(0.0) * std::f64::consts::LOG2_10;
    let bits = (bits + undervalued(estimate.sequence())).min(BITS_MAX) as u32;
    if bits < PASSWORD_BITS_MIN {
        weaknesses.push(reason(&weighed, estimate.sequence(), &own));
    }
    // Short and simple is short; the other reason is told when the first is gone.
    let keep = if weaknesses.contains(&Weakness::OwnWords) { 2 } else { 1 };
    weaknesses.truncate(keep);
    Strength { bits, weaknesses }
}

/// The estimate counts no more than 64 bits.
const BITS_MAX: f64 = 64.0;
/// What the estimate counts for a character in which it sees nothing: right for the letters of a
/// word that it does not know.
const WORD_BITS: f64 = std::f64::consts::LOG2_10;
/// What such a character is worth when chance has chosen it.
const CHANCE_BITS: f64 = 5.0;

/// What the estimate counts too little for pieces that look like chance: the kind of character
/// changes more often than at every third one, as it does in no word.
fn undervalued(sequence: &[Match]) -> f64 {
    let kind = |c: char| match c {
        c if c.is_lowercase() => 0,
        c if c.is_uppercase() => 1,
        c if c.is_numeric() => 2,
        _ => 3,
    };
    let piece = |found: &Match| {
        let kinds: Vec<_> = found.token.chars().map(kind).collect();
        let changes = kinds.windows(2).filter(|pair| pair.first() != pair.last()).count();
        let by_chance =
            matches!(found.pattern, MatchPattern::BruteForce) && changes * 3 > kinds.len();
        if by_chance { kinds.len() as f64 * (CHANCE_BITS - WORD_BITS) } else { 0.0 }
    };
    sequence.iter().map(piece).sum()
}

/// Weighs a password on a thread that may take its time.
pub(crate) async fn weigh_elsewhere(
    password: &Secret<String>,
    own_words: Vec<String>,
) -> Result<Strength, DirectoryError> {
    let password = password.clone();
    tokio::task::spawn_blocking(move || weigh(password.expose(), &own_words))
        .await
        .map_err(|_| DirectoryError::Busy { what: "weighing a password" })
}

/// What makes it so weak, in the order in which it helps to know.
fn reason(weighed: &str, sequence: &[Match], own: &[String]) -> Weakness {
    // The estimate sees a word that is only repeated as a repetition.
    if own.iter().any(|word| weighed.contains(word.as_str())) {
        return Weakness::OwnWords;
    }
    let own: HashSet<&str> = own.iter().map(String::as_str).collect();
    let word = |found: &Match| match &found.pattern {
        MatchPattern::Dictionary(word) => Some(word.matched_word.clone()),
        _ => None,
    };
    let words: Vec<String> = sequence.iter().filter_map(word).collect();
    if words.iter().any(|word| own.contains(word.as_str())) {
        return Weakness::OwnWords;
    }
    match (sequence.len(), words.len()) {
        (1, 1) => Weakness::Common,
        _ => Weakness::Guessable,
    }
}

/// The owner's words one by one, folded as the password is, without those too short to be words.
fn words(texts: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in texts {
        let text = fold(text);
        let whole = text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        for word in parts.chain([whole]) {
            let counts = word.chars().count() >= OWN_WORD_CHARS_MIN;
            if counts && out.len() < OWN_WORDS_MAX && !out.contains(&word) {
                out.push(word);
            }
        }
    }
    out
}

/// Takes out what reads as a year: `19` or `20` and two digits, at the beginning or end of a row
/// of digits or alone, as often as it occurs.
fn without_years(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (mut digits, after) = from.split_at(end);
        let is_year = |digits: &str| digits.starts_with("19") || digits.starts_with("20");
        while let Some((_, more)) = digits.split_at_checked(4).filter(|(y, _)| is_year(y)) {
            digits = more;
        }
        while digits.len() >= 4 && is_year(&digits[digits.len() - 4..]) {
            digits = &digits[..digits.len() - 4];
        }
        out.push_str(before);
        out.push_str(digits);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What people in France choose, and the rows of their keyboards: the estimate's own lists are
/// English. The order is that in which guessers try.
fn french_words<'a>() -> impl Iterator<Item = &'a str> {
    include_str!("french_passwords.txt").lines().filter(|word| !word.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<String> {
        ["Hélène Lefèvre-Martin", "helene.lefevre@ac.test", "0750001A", "Collège Victor-Hugo"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn a_password_is_refused_for_a_reason_that_helps() {
        let short = |chars| Weakness::TooShort { chars };
        for (password, reasons) in [
            ("", vec![short(0)]),
            ("k8Xm2!pQ", vec![short(8)]),
            ("Helene2024", vec![short(10), Weakness::OwnWords]),
            ("lefevremartin", vec![Weakness::OwnWords]),
            ("HELENE-LEFEVRE!", vec![Weakness::OwnWords]),
            ("hélène.lefèvre", vec![Weakness::OwnWords]),
            ("Victor-Hugo 2026 !", vec![Weakness::OwnWords]),
            ("college0750001a", vec![Weakness::OwnWords]),
            ("motdepassemotdepasse", vec![Weakness::Guessable]),
            ("azertyuiopqsdfghjklm", vec![Weakness::Guessable]),
            ("qwertyuiop1234567890", vec![Weakness::Guessable]),
            ("aaaaaaaaaaaaaaaaaaaa", vec![Weakness::Guessable]),
            ("123456789101112", vec![Weakness::Guessable]),
            ("197019801990200020102020", vec![Weakness::Guessable]),
            ("soleil1987soleil1987", vec![Weakness::Guessable]),
            ("password12345", vec![Weakness::Guessable]),
            ("un mot\tde passe assez long", vec![Weakness::ControlCharacter]),
            (&"correct cheval ".repeat(100), vec![Weakness::TooLong]),
        ] {
            let strength = weigh(password, &own());
            assert_eq!(strength.weaknesses, reasons, "{password}: {} bits", strength.bits);
        }
    }

    #[test]
    fn what_nobody_guesses_is_taken_however_it_is_made() {
        for password in [
            "girafe bleue sous la pluie",
            "tramway-lagune-violon-34",
            "Hélène aime les girafes sous la pluie",
            "k8Xm2!pQ4vR#",
            &"phrase de passe sans fin, ".repeat(30),
            "ключ под ковриком у двери",
        ] {
            let strength = weigh(password, &own());
            assert_eq!(strength.weaknesses, [], "{password}: {} bits", strength.bits);
            assert!(strength.bits >= PASSWORD_BITS_MIN);
        }
    }

    #[test]
    fn a_year_counts_as_nothing() {
        for (text, rest) in [
            ("girafe1987", "girafe"),
            ("1987girafe2024", "girafe"),
            ("19872024", ""),
            ("21031987", "2103"),
            ("1234", "1234"),
            ("x2", "x2"),
            ("éé1999", "éé"),
        ] {
            assert_eq!(without_years(text), rest, "{text}");
        }
        let bits = |password| weigh(password, &own()).bits;
        assert_eq!(bits("k8Xm2pQ4vR#1987"), bits("k8Xm2pQ4vR#"));
    }
}
