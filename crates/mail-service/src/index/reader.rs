//! An account's index as a search sees it.

use std::sync::Arc;

use mail_store::tables::index::{IndexCatalog, IndexCatalogRow, IndexSegment};
use mail_store::{Partition, Store, account_partition};
use mail_types::AccountId;
use memchr::memmem::Finder;
use moka::sync::Cache;

use super::document_set::DocumentSet;
use super::format::{DOCUMENTS, Section};
use super::segment::{Kept, Lists, Lookup, Rows, Vocabulary, vocabularies};
use super::token::Needles;

/// Whose, which segment, which stream, which part of it.
type CacheKey = (AccountId, u32, u8, u32);

/// Vocabularies of all accounts, up to a number of bytes; those used least are forgotten first.
pub(crate) struct VocabularyCache(Cache<CacheKey, Kept>);

impl VocabularyCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let builder = Cache::builder().max_capacity(bytes_max);
        Self(builder.weigher(|_, kept: &Kept| kept.bytes()).build())
    }

    /// Forgets a segment that is no longer there.
    pub(crate) fn forget(&self, account: AccountId, segment: &IndexSegment) {
        for section in Section::ALL {
            for number in 0..vocabularies(segment, section) {
                self.0.invalidate(&(account, segment.number, section.dictionary(), number));
            }
        }
        self.0.invalidate(&(account, segment.number, DOCUMENTS, 0));
    }
}

/// The segments of one catalogue.
pub(crate) struct Reader<'a> {
    store: &'a Store,
    cache: &'a VocabularyCache,
    account: AccountId,
    partition: Partition,
    catalog: IndexCatalogRow,
}

impl<'a> Reader<'a> {
    /// Reads the catalogue.
    pub(crate) async fn open(
        store: &'a Store,
        cache: &'a VocabularyCache,
        account: AccountId,
    ) -> Result<Self, Lookup> {
        let partition = account_partition(account);
        let catalog = store.get::<IndexCatalog>(partition, &()).await?.unwrap_or_default();
        Ok(Self { store, cache, account, partition, catalog })
    }

    /// The documents that are indexed as a whole.
    pub(crate) async fn complete(&self) -> Result<DocumentSet, Lookup> {
        let mut complete = DocumentSet::default();
        for segment in &self.catalog.segments {
            for &(document, is_partial) in self.documents(segment).await?.iter() {
                if !is_partial {
                    complete.insert(document);
                }
            }
        }
        Ok(complete)
    }

    /// Documents that have all needles in tokens of these sections.
    pub(crate) async fn having(
        &self,
        sections: &[Section],
        needles: &Needles,
    ) -> Result<DocumentSet, Lookup> {
        let mut all: Option<DocumentSet> = None;
        for needle in &needles.all {
            let found = self.matching(sections, needle, |_| true).await?;
            match &mut all {
                Some(all) => all.intersect(&found),
                None => all = Some(found),
            }
        }
        Ok(all.unwrap_or_default())
    }

    /// Documents of the tokens that contain a needle and fulfil the condition.
    pub(crate) async fn matching(
        &self,
        sections: &[Section],
        needle: &[u8],
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<DocumentSet, Lookup> {
        let finder = Finder::new(needle);
        let mut found = DocumentSet::default();
        for segment in &self.catalog.segments {
            for &section in sections {
                let mut lists = Lists::new(self.store, self.partition, segment, section);
                for number in 0..vocabularies(segment, section) {
                    let vocabulary = self.vocabulary(segment, section, number).await?;
                    let mut from = 0;
                    while let Some(step) = finder.find(&vocabulary.text[from..]) {
                        let place = from + step + usize::from(is_begun(needle));
                        let number = vocabulary.token_at(place);
                        let (token, end) = vocabulary.token(number);
                        if is_wanted(token) {
                            let add = |document| found.insert(document);
                            lists.read(&vocabulary, number, add).await?;
                        }
                        // The separator behind this token is the one before the next.
                        from = end;
                    }
                }
            }
        }
        Ok(found)
    }

    async fn vocabulary(
        &self,
        segment: &IndexSegment,
        section: Section,
        number: u32,
    ) -> Result<Arc<Vocabulary>, Lookup> {
        let key = (self.account, segment.number, section.dictionary(), number);
        if let Some(Kept::Vocabulary(kept)) = self.cache.0.get(&key) {
            return Ok(kept);
        }
        let rows = Rows::open(self.store, self.partition, segment).await?;
        let read = Arc::new(rows.vocabulary(section, number).await?);
        self.cache.0.insert(key, Kept::Vocabulary(Arc::clone(&read)));
        Ok(read)
    }

    async fn documents(&self, segment: &IndexSegment) -> Result<Arc<Vec<(u32, bool)>>, Lookup> {
        let key = (self.account, segment.number, DOCUMENTS, 0);
        if let Some(Kept::Documents(kept)) = self.cache.0.get(&key) {
            return Ok(kept);
        }
        let rows = Rows::open(self.store, self.partition, segment).await?;
        let read = Arc::new(rows.documents().await?);
        self.cache.0.insert(key, Kept::Documents(Arc::clone(&read)));
        Ok(read)
    }
}

fn is_begun(needle: &[u8]) -> bool {
    needle.first() == Some(&super::token::SEPARATOR)
}
