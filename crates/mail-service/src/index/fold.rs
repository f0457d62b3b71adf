//! The form in which texts are compared: no case, no accents, ligatures taken apart, one space for
//! any white space. Folding goes character by character, so that a piece of a text folds to a
//! piece of the folded text: substrings stay substrings.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Folds a text or what is looked for in it.
pub(crate) fn fold(text: &str) -> String {
    let mut folder = Folder { out: String::with_capacity(text.len()), after_space: false };
    for c in text.chars() {
        if c.is_ascii() {
            folder.push(c.to_ascii_lowercase());
        } else {
            decompose_compatible(c, |c| folder.decomposed(c));
        }
    }
    folder.out
}

struct Folder {
    out: String,
    after_space: bool,
}

impl Folder {
    fn decomposed(&mut self, c: char) {
        if !is_combining_mark(c) && !is_invisible(c) {
            c.to_lowercase().filter(|c| !is_combining_mark(*c)).for_each(|c| self.letter(c));
        }
    }

    fn letter(&mut self, c: char) {
        match c {
            'œ' => self.both('o', 'e'),
            'æ' => self.both('a', 'e'),
            'ß' => self.both('s', 's'),
            'ø' => self.push('o'),
            'ł' => self.push('l'),
            'đ' => self.push('d'),
            'ı' => self.push('i'),
            // What word processors make of an apostrophe and of a hyphen.
            '\u{2018}' | '\u{2019}' | '\u{2bc}' => self.push('\''),
            '\u{2010}' | '\u{2011}' => self.push('-'),
            c => self.push(c),
        }
    }

    fn both(&mut self, first: char, second: char) {
        self.push(first);
        self.push(second);
    }

    fn push(&mut self, c: char) {
        let is_space = c.is_whitespace();
        if !(is_space && self.after_space) {
            self.out.push(if is_space { ' ' } else { c });
        }
        self.after_space = is_space;
    }
}

/// Soft hyphens and their like: nobody types them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_takes_case_accents_and_ligatures_away() {
        assert_eq!(fold("ÉLÈVE Cœur Straße ﬁn İ"), "eleve coeur strasse fin i");
        assert_eq!(fold("e\u{301}"), fold("é"));
        assert_eq!(fold("l\u{2019}é\u{ad}cole"), "l'ecole");
        assert_eq!(fold(" a\r\n\t b\u{a0} "), " a b ");
    }

    proptest! {
        #[test]
        fn a_piece_of_a_text_folds_to_a_piece_of_the_folded_text(
            before in "[aéŒ \u{301}\u{ad}한İ]{0,5}", piece in "[^\\s\u{ad}]{0,5}", after in "\\PC{0,5}",
        ) {
            let whole = fold(&format!("{before}{piece}{after}"));
            prop_assert!(whole.contains(&fold(&piece)));
            prop_assert_eq!(fold(&whole), whole);
        }
    }
}
