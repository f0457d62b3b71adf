//! Whether two spellings are the same name: accents, capitals, hyphens and order do not matter.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Characters of a name that are looked at.
const NAME_CHARS_MAX: usize = 200;

/// Whether two spellings are the same words, in any order: `MARTIN Marie-Hélène` is
/// `Marie Hélène Martin`.
pub(crate) fn same_name(stored: &str, typed: &str) -> bool {
    let words = name_words(stored);
    !words.is_empty() && words == name_words(typed)
}

/// The words of a name, folded and sorted.
pub(crate) fn name_words(name: &str) -> Vec<String> {
    let mut folded = String::with_capacity(name.len());
    for c in name.chars().take(NAME_CHARS_MAX).nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'œ' | 'Œ' => folded.push_str("oe"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'ß' | 'ẞ' => folded.push_str("ss"),
            c if c.is_alphanumeric() => folded.extend(c.to_lowercase()),
            // Hyphens, apostrophes, spaces.
            _ => folded.push(' '),
        }
    }
    let mut words: Vec<_> = folded.split_whitespace().map(str::to_owned).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_however_people_type_them() {
        for (stored, typed, same) in [
            ("Marie Martin", "marie martin", true),
            ("Marie Martin", "MARTIN Marie", true),
            ("Marie-Hélène d’Ormesson", "marie helene d'ormesson", true),
            ("Hélène Lœuille", "Helene Loeuille", true),
            ("He\u{301}le\u{300}ne Roux", "Hélène Roux", true),
            ("Jürgen Weiß", "jurgen WEISS", true),
            ("Marie Martin", "Marie Martine", false),
            ("Marie Martin", "Martin", false),
            ("Marie Martin", "", false),
            ("", "", false),
            ("—", "-", false),
        ] {
            assert_eq!(same_name(stored, typed), same, "{stored} / {typed}");
        }
    }
}
