//! Text in the form in which it is compared: no case, no accents, ligatures taken apart.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Folds a text.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.bytes().position(|byte| !byte.is_ascii()) {
        let (plain, tail) = rest.split_at(place);
        push_ascii(&mut folded, plain);
        let end = tail.bytes().position(|byte| byte.is_ascii()).unwrap_or(tail.len());
        tail[..end].chars().for_each(|c| push(&mut folded, c));
        rest = &tail[end..];
    }
    push_ascii(&mut folded, rest);
    folded
}

fn push_ascii(folded: &mut String, text: &str) {
    let from = folded.len();
    folded.push_str(text);
    folded[from..].make_ascii_lowercase();
}

fn push(folded: &mut String, c: char) {
    decompose_compatible(c, |c| {
        if is_combining_mark(c) {
            return;
        }
        for c in c.to_lowercase() {
            match c {
                'œ' => folded.push_str("oe"),
                'æ' => folded.push_str("ae"),
                'ß' => folded.push_str("ss"),
                'ø' => folded.push('o'),
                'ł' => folded.push('l'),
                c => folded.push(c),
            }
        }
    });
}

/// Folds a text and counts line breaks and other white space as one space each, so that a phrase
/// is found across them.
pub(crate) fn fold_lines(text: &str) -> String {
    let folded = fold(text);
    let mut joined = String::with_capacity(folded.len());
    for word in folded.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    #[test]
    fn folding_takes_case_accents_and_ligatures_away() {
        assert_eq!(fold("ÉLÈVE Cœur Straße ﬁn Łukasz"), "eleve coeur strasse fin lukasz");
        assert_eq!(fold("e\u{301}"), fold("é"));
        assert_eq!(fold_lines(" Un\r\n\tdeux\u{a0}trois "), "un deux trois");
    }

    proptest! {
        // RFC 9051 §6.4.4 asks for more than ASCII case: the normal form decides, and what is
        // taken one character at a time must be what the whole text would give.
        #[test]
        fn characters_fold_as_the_whole_text_does(text in "\\PC{0,40}") {
            let whole = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
            let whole: String = whole.map(|c| match c {
                'œ' => "oe".to_owned(),
                'æ' => "ae".to_owned(),
                'ß' => "ss".to_owned(),
                'ø' => "o".to_owned(),
                'ł' => "l".to_owned(),
                c => c.to_string(),
            }).collect();
            prop_assert_eq!(fold(&text), whole);
        }
    }
}
