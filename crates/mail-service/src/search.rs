//! RFC 9051 §6.4.4: which messages match.
//!
//! Most of a search is decided by the snapshot and the full-text index, without reading a message
//! (`decide`). What they leave open is read: messages that are not indexed yet, phrases, fields
//! that have no section of their own in the index.

use std::ops::ControlFlow;

use bytes::Bytes;
use jiff::civil::Date;
use mail_message::header;
use mail_store::tables::mail::MessageRow;
use mail_types::{Actor, Flag, ModSeq, Uid, UidSet};

use crate::account::Cell;
use crate::document::{Document, folded_name, folded_value};
use crate::error::ServiceError;
use crate::fold::fold;
use crate::index::document_set::DocumentSet;
use crate::index::format::Section;
use crate::index::reader::Reader;
use crate::index::segment::Lookup;
use crate::message::OpenMailbox;
use crate::service::{MailService, Right};
use crate::snapshot::{Entry, Snapshot};
use crate::wanted::Wanted;

/// Deepest nesting of keys; the edge refuses deeper ones before this does.
const DEPTH_MAX: usize = 64;
/// How often the index is asked again because segments were merged meanwhile.
const INDEX_TRIES: usize = 4;
/// Messages decided between two chances for others to run.
const MESSAGES_AT_ONCE: usize = 4096;

/// How texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matching {
    /// RFC 9051 §6.4.4: as substrings.
    Substring,
    /// RFC 6203: each word as a substring or by its stem.
    Fuzzy,
}

/// What to look for, free of protocol syntax. Sequence numbers have become UIDs. The edge bounds
/// depth and size before it builds one.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchKey {
    /// ALL.
    All,
    /// The flag is set.
    Flag(Flag),
    /// The UID is in the set.
    Uid(UidSet),
    /// The internal date's day, in its stored offset, is before this.
    Before(Date),
    /// The internal date's day is this.
    On(Date),
    /// The internal date's day is this or later.
    Since(Date),
    /// The `Date` field's day is before this.
    SentBefore(Date),
    /// The `Date` field's day is this.
    SentOn(Date),
    /// The `Date` field's day is this or later.
    SentSince(Date),
    /// RFC822.SIZE is greater.
    Larger(u64),
    /// RFC822.SIZE is smaller.
    Smaller(u64),
    /// The field exists and contains the text (any value when empty). BCC, CC, FROM, SUBJECT and
    /// TO are this too.
    Header(String, String),
    /// The body contains the text.
    Body(String),
    /// The header or the body contains the text.
    Text(String),
    /// RFC 7162 MODSEQ.
    ModSeq(ModSeq),
    /// RFC 6203: texts in it match when each of their words does, as a substring or by its French
    /// or English stem. Finds everything that the key alone would, and more.
    Fuzzy(Box<SearchKey>),
    /// Does not match.
    Not(Box<SearchKey>),
    /// All match; none given matches everything.
    And(Vec<SearchKey>),
    /// At least one matches.
    Or(Vec<SearchKey>),
}

impl MailService {
    /// The UIDs of the snapshot's messages that match, rising. Substrings, without regard to case
    /// and accents.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`] when the keys are nested too deeply, or a store failure.
    pub async fn search(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        snapshot: &Snapshot,
        key: &SearchKey,
    ) -> Result<Vec<Uid>, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Read).await?;
        let mut plan = Plan::new(key, Matching::Substring, 0)?;
        let complete = self.ask_index(&cell, &mut plan).await?;
        let mut found = Vec::new();
        for (place, entry) in snapshot.iter().enumerate() {
            let matches = match plan.decide(entry, &complete) {
                Some(known) => known,
                None => {
                    let mut message = Candidate::new(&cell, snapshot, entry);
                    plan.matches(&mut message, &complete).await?
                }
            };
            if matches {
                found.push(entry.uid);
            }
            if place % MESSAGES_AT_ONCE == MESSAGES_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        Ok(found)
    }

    /// Looks the key's texts up. Returns the documents about which the answers are whole; none
    /// when the index cannot be read, since every message can.
    async fn ask_index(
        &self,
        cell: &Cell,
        plan: &mut Plan<'_>,
    ) -> Result<DocumentSet, ServiceError> {
        let mut texts = Vec::new();
        plan.texts(&mut texts);
        if texts.is_empty() {
            return Ok(DocumentSet::default());
        }
        for _ in 0..INDEX_TRIES {
            match self.look_up(cell, &mut texts).await {
                Ok(complete) => return Ok(complete),
                Err(Lookup::Stale) => {}
                Err(Lookup::Failed(ServiceError::Corrupt(error))) => {
                    tracing::error!(
                        target: "facteur", %error, account = %cell.id,
                        "the index is damaged: facteur reindex makes it again"
                    );
                    return Ok(DocumentSet::default());
                }
                Err(Lookup::Failed(error)) => return Err(error),
            }
        }
        Ok(DocumentSet::default())
    }

    async fn look_up(
        &self,
        cell: &Cell,
        texts: &mut [&mut TextKey<'_>],
    ) -> Result<DocumentSet, Lookup> {
        let reader = Reader::open(&cell.store, &self.inner.index.cache, cell.id).await?;
        for text in texts {
            text.answer = text.wanted.look_up(&reader, text.place.sections()).await?;
            if let (Place::Header(name), Some(answer)) = (text.place, &mut text.answer) {
                // Other fields share a section: having the text there is not having it here.
                answer.is_exact &= Section::of_field(name.as_bytes()) != Section::Other;
            }
        }
        reader.complete().await
    }
}

/// Where a text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'a> {
    Header(&'a str),
    Body,
    Text,
}

impl Place<'_> {
    fn sections(self) -> &'static [Section] {
        match self {
            Place::Body => &[Section::Body],
            Place::Text => &Section::ALL,
            Place::Header(name) => match Section::of_field(name.as_bytes()) {
                Section::Subject => &[Section::Subject],
                Section::From => &[Section::From],
                Section::To => &[Section::To],
                Section::Cc => &[Section::Cc],
                Section::Bcc => &[Section::Bcc],
                Section::Other | Section::Body => &[Section::Other],
            },
        }
    }
}

/// What the index says about a text.
pub(crate) struct Answer {
    /// The documents that contain it, or may.
    pub(crate) documents: DocumentSet,
    /// Whether they do; otherwise each must be read.
    pub(crate) is_exact: bool,
}

/// A text that is looked for.
struct TextKey<'a> {
    place: Place<'a>,
    wanted: Wanted,
    /// What the index said.
    answer: Option<Answer>,
}

/// A key with its texts folded once, and what costs nothing first in every conjunction.
enum Plan<'a> {
    Leaf(&'a SearchKey),
    Text(TextKey<'a>),
    Not(Box<Plan<'a>>),
    And(Vec<Plan<'a>>),
    Or(Vec<Plan<'a>>),
}

impl<'a> Plan<'a> {
    fn new(key: &'a SearchKey, matching: Matching, depth: usize) -> Result<Self, ServiceError> {
        if depth > DEPTH_MAX {
            return Err(ServiceError::TooMany { what: "nested search keys" });
        }
        let inner = |key: &'a SearchKey| Plan::new(key, matching, depth + 1);
        let all = |keys: &'a [SearchKey]| {
            let mut plans = keys.iter().map(inner).collect::<Result<Vec<_>, _>>()?;
            plans.sort_by_key(Plan::cost);
            Ok::<_, ServiceError>(plans)
        };
        let text = |place, text: &str| {
            Plan::Text(TextKey { place, wanted: Wanted::new(&fold(text), matching), answer: None })
        };
        Ok(match key {
            SearchKey::Header(name, value) => text(Place::Header(name), value),
            SearchKey::Body(value) => text(Place::Body, value),
            SearchKey::Text(value) => text(Place::Text, value),
            SearchKey::Fuzzy(key) => Plan::new(key, Matching::Fuzzy, depth + 1)?,
            SearchKey::Not(key) => Plan::Not(Box::new(inner(key)?)),
            SearchKey::And(keys) => Plan::And(all(keys)?),
            SearchKey::Or(keys) => Plan::Or(all(keys)?),
            leaf => Plan::Leaf(leaf),
        })
    }

    /// Snapshot, row, header section, body: each about ten times the one before.
    fn cost(&self) -> u8 {
        match self {
            Plan::Leaf(
                SearchKey::All | SearchKey::Flag(_) | SearchKey::Uid(_) | SearchKey::ModSeq(_),
            ) => 0,
            Plan::Leaf(_) => 1,
            Plan::Text(TextKey { place: Place::Header(_), .. }) => 2,
            Plan::Text(_) => 3,
            Plan::Not(inner) => inner.cost(),
            Plan::And(plans) | Plan::Or(plans) => plans.iter().map(Plan::cost).max().unwrap_or(0),
        }
    }

    /// Its texts.
    fn texts<'p>(&'p mut self, texts: &mut Vec<&'p mut TextKey<'a>>) {
        match self {
            Plan::Leaf(_) => {}
            Plan::Text(text) => texts.push(text),
            Plan::Not(inner) => inner.texts(texts),
            Plan::And(plans) | Plan::Or(plans) => {
                plans.iter_mut().for_each(|plan| plan.texts(texts));
            }
        }
    }

    /// Whether a message matches, if snapshot and index say so.
    fn decide(&self, entry: &Entry, complete: &DocumentSet) -> Option<bool> {
        match self {
            Plan::Leaf(SearchKey::All) => Some(true),
            Plan::Leaf(SearchKey::Flag(flag)) => Some(entry.flags.contains(flag)),
            Plan::Leaf(SearchKey::Uid(uids)) => Some(uids.contains(entry.uid.get())),
            Plan::Leaf(SearchKey::ModSeq(mod_seq)) => Some(entry.mod_seq >= *mod_seq),
            Plan::Leaf(_) => None,
            Plan::Text(text) => {
                let document = entry.document.0;
                let answer = text.answer.as_ref().filter(|_| complete.contains(document))?;
                match answer.documents.contains(document) {
                    false => Some(false),
                    true => answer.is_exact.then_some(true),
                }
            }
            Plan::Not(inner) => inner.decide(entry, complete).map(|matches| !matches),
            Plan::And(plans) => settle(plans, false, |plan| plan.decide(entry, complete)),
            Plan::Or(plans) => settle(plans, true, |plan| plan.decide(entry, complete)),
        }
    }

    // Boxed, because a key may hold keys; the depth was checked when the plan was made.
    fn matches<'m>(
        &'m self,
        message: &'m mut Candidate<'_>,
        complete: &'m DocumentSet,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<bool, ServiceError>> + Send + 'm>> {
        Box::pin(async move {
            if let Some(known) = self.decide(message.entry, complete) {
                return Ok(known);
            }
            match self {
                Plan::Leaf(key) => message.matches(key).await,
                Plan::Text(text) => message.has(text).await,
                Plan::Not(inner) => inner.matches(message, complete).await.map(|found| !found),
                Plan::And(plans) => {
                    for plan in plans {
                        if !plan.matches(message, complete).await? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }
                Plan::Or(plans) => {
                    for plan in plans {
                        if plan.matches(message, complete).await? {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                }
            }
        })
    }
}

/// `decisive` when one of them is; the contrary when all are that; otherwise nobody knows yet.
fn settle<'p, 'a: 'p>(
    plans: &'p [Plan<'a>],
    decisive: bool,
    decide: impl Fn(&'p Plan<'a>) -> Option<bool>,
) -> Option<bool> {
    let mut settled = Some(!decisive);
    for plan in plans {
        match decide(plan) {
            Some(known) if known == decisive => return Some(decisive),
            Some(_) => {}
            None => settled = None,
        }
    }
    settled
}

/// A message whose rows are read when a key first needs them.
struct Candidate<'a> {
    document: Document<'a>,
    entry: &'a Entry,
    row: Option<Option<MessageRow>>,
    header: Option<Bytes>,
    /// Folded texts of the body, once a key needed them.
    body: Option<Vec<String>>,
}

impl<'a> Candidate<'a> {
    fn new(cell: &'a Cell, snapshot: &Snapshot, entry: &'a Entry) -> Self {
        let key = (snapshot.mailbox, entry.uid);
        let document = Document { store: &cell.store, partition: cell.partition(), key };
        Self { document, entry, row: None, header: None, body: None }
    }

    async fn matches(&mut self, key: &SearchKey) -> Result<bool, ServiceError> {
        let Some(row) = self.row().await? else { return Ok(false) };
        let day = row.internal_date.civil_date();
        let size = row.size();
        Ok(match key {
            SearchKey::Before(date) => day < *date,
            SearchKey::On(date) => day == *date,
            SearchKey::Since(date) => day >= *date,
            SearchKey::Larger(bytes) => size > *bytes,
            SearchKey::Smaller(bytes) => size < *bytes,
            SearchKey::SentBefore(_) | SearchKey::SentOn(_) | SearchKey::SentSince(_) => {
                let sent = self.sent_day().await?;
                match key {
                    SearchKey::SentBefore(date) => sent.is_some_and(|sent| sent < *date),
                    SearchKey::SentOn(date) => sent == Some(*date),
                    SearchKey::SentSince(date) => sent.is_some_and(|sent| sent >= *date),
                    _ => false,
                }
            }
            _ => true,
        })
    }

    async fn row(&mut self) -> Result<Option<&MessageRow>, ServiceError> {
        if self.row.is_none() {
            self.row = Some(self.document.row().await?);
        }
        Ok(self.row.as_ref().and_then(Option::as_ref))
    }

    async fn header(&mut self) -> Result<Bytes, ServiceError> {
        if self.header.is_none() {
            self.header = Some(self.document.header().await?);
        }
        Ok(self.header.clone().unwrap_or_default())
    }

    /// The `Date` field's day, in the zone in which the sender wrote it.
    async fn sent_day(&mut self) -> Result<Option<Date>, ServiceError> {
        let value = header::first(&self.header().await?, "Date");
        let parsed = value.as_deref().and_then(mail_message::summary::parse_day);
        Ok(parsed.and_then(|(year, month, day)| Date::new(year, month, day).ok()))
    }

    async fn has(&mut self, text: &TextKey<'_>) -> Result<bool, ServiceError> {
        let mut found = text.wanted.begin();
        if text.place != Place::Body {
            let raw = self.header().await?;
            for field in header::fields(&raw) {
                let line = match text.place {
                    // RFC 9051 §6.4.4: an empty string matches every message with the field.
                    Place::Header(name) if field.is(name) => folded_value(&field),
                    Place::Header(_) => continue,
                    Place::Text | Place::Body => {
                        format!("{} {}", folded_name(&field), folded_value(&field))
                    }
                };
                if found.text(&line) {
                    return Ok(true);
                }
            }
        }
        if matches!(text.place, Place::Header(_)) {
            return Ok(false);
        }
        Ok(self.body().await?.iter().any(|body| found.text(body)))
    }

    async fn body(&mut self) -> Result<&[String], ServiceError> {
        if self.body.is_none() {
            let mut texts = Vec::new();
            if let Some(row) = self.row().await?.cloned() {
                let keep = |text| {
                    texts.push(text);
                    ControlFlow::Continue(())
                };
                self.document.texts(&row, keep).await?;
            }
            self.body = Some(texts);
        }
        Ok(self.body.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_keys_are_refused_not_followed() {
        let mut key = SearchKey::All;
        for _ in 0..100 {
            key = SearchKey::Not(Box::new(key));
        }
        assert!(Plan::new(&key, Matching::Substring, 0).is_err());
    }
}
