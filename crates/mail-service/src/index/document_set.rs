//! A set of document numbers: bits in pages, so that one look-up is one shift and gaps that a
//! restore leaves between numbers cost nothing.

const PAGE_BITS: u32 = 16;
const PAGE_WORDS: usize = 1 << (PAGE_BITS - 6);

/// Document numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DocumentSet {
    pages: Vec<Option<Box<[u64; PAGE_WORDS]>>>,
}

impl DocumentSet {
    /// Adds a document.
    pub(crate) fn insert(&mut self, document: u32) {
        let page = (document >> PAGE_BITS) as usize;
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        let words = self.pages[page].get_or_insert_with(|| Box::new([0; PAGE_WORDS]));
        words[word(document)] |= bit(document);
    }

    /// Whether a document is in it.
    pub(crate) fn contains(&self, document: u32) -> bool {
        match self.pages.get((document >> PAGE_BITS) as usize) {
            Some(Some(words)) => words[word(document)] & bit(document) != 0,
            _ => false,
        }
    }

    /// Adds what is in the other set.
    pub(crate) fn unite(&mut self, other: &Self) {
        if self.pages.len() < other.pages.len() {
            self.pages.resize(other.pages.len(), None);
        }
        for (page, others) in self.pages.iter_mut().zip(&other.pages) {
            match (page.as_mut(), others) {
                (Some(words), Some(others)) => {
                    words.iter_mut().zip(others.iter()).for_each(|(word, other)| *word |= other);
                }
                (None, Some(_)) => page.clone_from(others),
                (_, None) => {}
            }
        }
    }

    /// Keeps what is in the other set as well.
    pub(crate) fn intersect(&mut self, other: &Self) {
        for (number, page) in self.pages.iter_mut().enumerate() {
            match (page.as_mut(), other.pages.get(number).and_then(Option::as_ref)) {
                (Some(words), Some(others)) => {
                    words.iter_mut().zip(others.iter()).for_each(|(word, other)| *word &= other);
                }
                _ => *page = None,
            }
        }
    }
}

fn word(document: u32) -> usize {
    (document >> 6) as usize % PAGE_WORDS
}

fn bit(document: u32) -> u64 {
    1 << (document % 64)
}

impl FromIterator<u32> for DocumentSet {
    fn from_iter<I: IntoIterator<Item = u32>>(documents: I) -> Self {
        let mut set = Self::default();
        documents.into_iter().for_each(|document| set.insert(document));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(prop_oneof![0u32..99, 0u32..300_000], 0..60)
    }

    proptest! {
        #[test]
        fn a_document_set_behaves_like_a_set(a in numbers(), b in numbers(), c in numbers()) {
            let set = |numbers: &BTreeSet<u32>| numbers.iter().copied().collect::<DocumentSet>();
            let mut mixed = set(&a);
            mixed.unite(&set(&b));
            mixed.intersect(&set(&c));
            for number in a.iter().chain(&b).chain(&c) {
                let expected = (a.contains(number) || b.contains(number)) && c.contains(number);
                prop_assert_eq!(mixed.contains(*number), expected, "{}", number);
            }
        }
    }
}
