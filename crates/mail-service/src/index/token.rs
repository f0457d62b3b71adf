//! Tokens of folded text, and what of a search key can be looked for in them.
//!
//! A token is a run of characters without white space. A key without white space occurs in a text
//! exactly when it occurs in one of the text's tokens: no word of any language has to be known,
//! and punctuation, addresses and pieces of words are found like words. Of a key with white space
//! the tokens tell which texts may contain it.

/// Longer runs are kept as pieces that overlap by [`NEEDLE_BYTES_MAX`].
const PIECE_BYTES: usize = 96;
/// Whatever is not longer than this and occurs in a run occurs in one of its pieces.
const NEEDLE_BYTES_MAX: usize = 48;
/// Needles taken of one key; a longer key is looked for by its beginning, and then in the text.
const NEEDLES_MAX: usize = 16;
/// What stands before and after each token of a vocabulary; white space, hence in no token.
pub(crate) const SEPARATOR: u8 = b'\n';

/// Calls `each` with every token of a folded text, repeated ones included.
pub(crate) fn tokens<'t>(text: &'t str, mut each: impl FnMut(&'t str)) {
    for mut run in text.split_whitespace() {
        while run.len() > PIECE_BYTES + NEEDLE_BYTES_MAX {
            let end = run.ceil_char_boundary(PIECE_BYTES);
            each(&run[..end]);
            run = &run[run.floor_char_boundary(end - NEEDLE_BYTES_MAX)..];
        }
        each(run);
    }
}

/// What a text must have in its tokens to contain a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Needles {
    /// To be found in a vocabulary's bytes, each of them. Those that begin or end with the
    /// separator are where a token begins or ends.
    pub(crate) all: Vec<Vec<u8>>,
    /// Whether having them is containing the key; otherwise it must be read.
    pub(crate) is_exact: bool,
}

impl Needles {
    /// The needles of a folded key; `None` when it has nothing but white space.
    pub(crate) fn new(key: &str) -> Option<Self> {
        let mut all = Vec::new();
        let mut is_exact = true;
        let mut rest = key;
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            let is_begun = start > 0 || !all.is_empty();
            rest = &rest[start..];
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let run = &rest[..end];
            let is_ended = end < rest.len();
            rest = &rest[end..];
            is_exact &= !is_begun && !is_ended && run.len() <= NEEDLE_BYTES_MAX;
            if all.len() < NEEDLES_MAX {
                all.push(needle(run, is_begun, is_ended));
            }
        }
        if all.is_empty() { None } else { Some(Self { all, is_exact }) }
    }
}

fn needle(run: &str, is_begun: bool, is_ended: bool) -> Vec<u8> {
    if run.len() > NEEDLE_BYTES_MAX {
        return run[..run.floor_char_boundary(NEEDLE_BYTES_MAX)].into();
    }
    let mut needle = Vec::with_capacity(run.len() + 2);
    needle.extend(is_begun.then_some(SEPARATOR));
    needle.extend_from_slice(run.as_bytes());
    needle.extend(is_ended.then_some(SEPARATOR));
    needle
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vocabulary(text: &str) -> Vec<u8> {
        let mut bytes = vec![SEPARATOR];
        tokens(text, |token| {
            bytes.extend_from_slice(token.as_bytes());
            bytes.push(SEPARATOR);
        });
        bytes
    }

    fn has_all(text: &str, needles: &Needles) -> bool {
        let bytes = vocabulary(text);
        needles.all.iter().all(|needle| memchr::memmem::find(&bytes, needle).is_some())
    }

    #[test]
    fn needles_say_where_tokens_begin_and_end() {
        let plain = |key: &str| Needles::new(key).unwrap();
        assert_eq!(plain("l'ecole"), Needles { all: vec![b"l'ecole".into()], is_exact: true });
        let phrase = plain("conseil de classe");
        let all: Vec<Vec<u8>> = vec![b"conseil\n".into(), b"\nde\n".into(), b"\nclasse".into()];
        assert_eq!(phrase, Needles { all, is_exact: false });
        assert_eq!(plain(" a").all, [b"\na"]);
        assert!(!plain(&"x".repeat(49)).is_exact);
        assert_eq!(Needles::new(" \t"), None);
        assert_eq!(plain(&"a ".repeat(1000)).all.len(), NEEDLES_MAX);
    }

    proptest! {
        #[test]
        fn what_a_text_contains_its_tokens_have(
            text in "[aé\u{20ac} ]{0,700}", from in 0usize..700, len in 0usize..200,
        ) {
            let from = text.floor_char_boundary(from.min(text.len()));
            let to = text.ceil_char_boundary((from + len).min(text.len()));
            if let Some(needles) = Needles::new(&text[from..to]) {
                prop_assert!(has_all(&text, &needles), "{:?}", &text[from..to]);
            }
        }

        #[test]
        fn exact_needles_are_found_only_where_the_key_is(
            text in "[ab€]{0,300}( [ab]{0,9}){0,3}", key in "[ab€]{1,20}",
        ) {
            let needles = Needles::new(&key).unwrap();
            if needles.is_exact {
                prop_assert_eq!(has_all(&text, &needles), text.contains(&key));
            }
        }
    }
}
