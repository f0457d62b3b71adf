//! Documents on their way into a segment.

use std::collections::HashMap;

use super::format::{Row, Section, Writer};
use super::token::tokens;

/// Tokens of one document that are indexed; one with more is read by each search.
const DOCUMENT_TOKENS_MAX: usize = 20_000;
/// Their bytes.
const DOCUMENT_TOKEN_BYTES_MAX: usize = 512 << 10;
/// About what a token costs in memory besides its bytes.
const TOKEN_OVERHEAD_BYTES: usize = 100;

/// Gathers the tokens of documents, which come in rising order.
#[derive(Default)]
pub(crate) struct Builder {
    sections: [HashMap<Box<str>, Vec<u32>>; Section::ALL.len()],
    documents: Vec<(u32, bool)>,
    /// About how much memory all of this takes.
    bytes: usize,
    tokens_left: usize,
    token_bytes_left: usize,
}

impl Builder {
    /// Begins the next document.
    pub(crate) fn begin(&mut self, document: u32) {
        self.documents.push((document, false));
        self.tokens_left = DOCUMENT_TOKENS_MAX;
        self.token_bytes_left = DOCUMENT_TOKEN_BYTES_MAX;
    }

    /// Adds a folded text of the document.
    pub(crate) fn text(&mut self, section: Section, text: &str) {
        let Some((document, is_partial)) = self.documents.last_mut() else { return };
        let document = *document;
        let words = &mut self.sections[section as usize];
        tokens(text, |token| {
            if *is_partial {
                return;
            }
            let is_known = match words.get_mut(token) {
                Some(list) if list.last() == Some(&document) => return,
                Some(list) => {
                    list.push(document);
                    self.bytes += size_of::<u32>();
                    true
                }
                None => false,
            };
            if self.tokens_left == 0 || self.token_bytes_left < token.len() {
                *is_partial = true;
                return;
            }
            self.tokens_left -= 1;
            self.token_bytes_left -= token.len();
            if !is_known {
                words.insert(token.into(), vec![document]);
                self.bytes += token.len() + TOKEN_OVERHEAD_BYTES;
            }
        });
    }

    /// Says that the document cannot be indexed as a whole: searches read it.
    pub(crate) fn mark_partial(&mut self) {
        if let Some((_, is_partial)) = self.documents.last_mut() {
            *is_partial = true;
        }
    }

    /// Whether the document has more than is indexed: the rest of it need not be read.
    pub(crate) fn is_partial(&self) -> bool {
        self.documents.last().is_some_and(|(_, is_partial)| *is_partial)
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The documents so far.
    pub(crate) fn documents(&self) -> &[(u32, bool)] {
        &self.documents
    }

    /// The segment's rows, and how many each stream has.
    pub(crate) fn finish(self) -> (Vec<Row>, Vec<u32>) {
        let mut writer = Writer::default();
        for (section, words) in Section::ALL.into_iter().zip(self.sections) {
            writer.section(section);
            let mut words: Vec<_> = words.into_iter().collect();
            words.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            for (token, documents) in words {
                writer.token(token.as_bytes(), &documents);
            }
        }
        writer.documents(&self.documents);
        writer.finish(true)
    }
}
