//! RFC 9051 §6.4.4: which messages match.

use std::collections::HashMap;

use jiff::civil::Date;
use mail_message::structure::StructureRow;
use mail_message::{address, decode, header};
use mail_store::tables::mail::MessageRow;
use mail_types::{Actor, Flag, ModSeq, Uid, UidSet};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::error::ServiceError;
use crate::message::OpenMailbox;
use crate::service::MailService;
use crate::snapshot::{Entry, Snapshot};

/// Deepest nesting of keys; the edge refuses deeper ones before this does.
const DEPTH_MAX: usize = 64;
/// Bytes of one part's text that are looked into.
const TEXT_BYTES_MAX: u64 = 8 << 20;

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
        let key = Plan::new(key, 0)?;
        let mut found = Vec::new();
        for entry in snapshot.iter() {
            let mut message = Candidate::new(self, actor, mailbox, entry);
            if key.matches(&mut message).await? {
                found.push(entry.uid);
            }
        }
        Ok(found)
    }
}

/// Text in the form in which it is compared: no case, no accents, ligatures taken apart.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            c => folded.push(c),
        }
    }
    folded
}

/// A key with its texts folded once, and what costs nothing first in every conjunction.
enum Plan<'a> {
    Leaf(&'a SearchKey),
    Header(&'a str, String),
    Body(String),
    Text(String),
    Not(Box<Plan<'a>>),
    And(Vec<Plan<'a>>),
    Or(Vec<Plan<'a>>),
}

impl<'a> Plan<'a> {
    fn new(key: &'a SearchKey, depth: usize) -> Result<Self, ServiceError> {
        if depth > DEPTH_MAX {
            return Err(ServiceError::TooMany { what: "nested search keys" });
        }
        let all = |keys: &'a [SearchKey]| {
            let mut plans =
                keys.iter().map(|key| Plan::new(key, depth + 1)).collect::<Result<Vec<_>, _>>()?;
            plans.sort_by_key(Plan::cost);
            Ok::<_, ServiceError>(plans)
        };
        Ok(match key {
            SearchKey::Header(name, text) => Plan::Header(name, fold(text)),
            SearchKey::Body(text) => Plan::Body(fold(text)),
            SearchKey::Text(text) => Plan::Text(fold(text)),
            SearchKey::Not(inner) => Plan::Not(Box::new(Plan::new(inner, depth + 1)?)),
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
            Plan::Header(..) => 2,
            Plan::Body(_) | Plan::Text(_) => 3,
            Plan::Not(inner) => inner.cost(),
            Plan::And(plans) | Plan::Or(plans) => plans.iter().map(Plan::cost).max().unwrap_or(0),
        }
    }

    // Boxed, because a key may hold keys; the depth was checked when the plan was made.
    fn matches<'m>(
        &'m self,
        message: &'m mut Candidate<'_>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<bool, ServiceError>> + Send + 'm>> {
        Box::pin(async move {
            match self {
                Plan::Leaf(key) => message.matches(key).await,
                Plan::Header(name, text) => message.header_contains(name, text).await,
                Plan::Body(text) => message.body_contains(text).await,
                Plan::Text(text) => {
                    Ok(message.any_header_contains(text).await?
                        || message.body_contains(text).await?)
                }
                Plan::Not(inner) => inner.matches(message).await.map(|found| !found),
                Plan::And(plans) => {
                    for plan in plans {
                        if !plan.matches(message).await? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }
                Plan::Or(plans) => {
                    for plan in plans {
                        if plan.matches(message).await? {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                }
            }
        })
    }
}

/// A message whose rows are read when a key first needs them.
struct Candidate<'a> {
    service: &'a MailService,
    actor: Actor,
    mailbox: &'a OpenMailbox,
    entry: &'a Entry,
    only: UidSet,
    row: Option<Option<MessageRow>>,
    header: Option<Vec<u8>>,
    /// Folded texts of the body, once a key needed them.
    body: Option<Vec<String>>,
    fields: HashMap<String, Vec<String>>,
}

impl<'a> Candidate<'a> {
    fn new(
        service: &'a MailService,
        actor: Actor,
        mailbox: &'a OpenMailbox,
        entry: &'a Entry,
    ) -> Self {
        let only = UidSet::range(entry.uid.get(), entry.uid.get());
        Self {
            service,
            actor,
            mailbox,
            entry,
            only,
            row: None,
            header: None,
            body: None,
            fields: HashMap::new(),
        }
    }

    async fn matches(&mut self, key: &SearchKey) -> Result<bool, ServiceError> {
        match key {
            SearchKey::Flag(flag) => return Ok(self.entry.flags.contains(flag)),
            SearchKey::Uid(uids) => return Ok(uids.contains(self.entry.uid.get())),
            SearchKey::ModSeq(mod_seq) => return Ok(self.entry.mod_seq >= *mod_seq),
            _ => {}
        }
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
            let rows = self.service.messages(self.actor, self.mailbox, &self.only, 1).await?;
            self.row = Some(rows.into_iter().next().map(|(_, row)| row));
        }
        Ok(self.row.as_ref().and_then(Option::as_ref))
    }

    async fn header(&mut self) -> Result<&[u8], ServiceError> {
        if self.header.is_none() {
            let found = self.service.headers(self.actor, self.mailbox, &self.only, 1).await?;
            self.header =
                Some(found.into_iter().next().map(|(_, raw)| raw.to_vec()).unwrap_or_default());
        }
        Ok(self.header.as_deref().unwrap_or_default())
    }

    /// The `Date` field's day, in the zone in which the sender wrote it.
    async fn sent_day(&mut self) -> Result<Option<Date>, ServiceError> {
        let value = header::first(self.header().await?, "Date");
        let parsed = value.as_deref().and_then(mail_message::summary::parse_day);
        Ok(parsed.and_then(|(year, month, day)| Date::new(year, month, day).ok()))
    }

    async fn header_contains(&mut self, name: &str, text: &str) -> Result<bool, ServiceError> {
        let key = name.to_ascii_lowercase();
        if !self.fields.contains_key(&key) {
            let raw = self.header().await?;
            let values = header::fields(raw).filter(|field| field.is(&key)).map(folded_value);
            let values = values.collect();
            self.fields.insert(key.clone(), values);
        }
        // RFC 9051 §6.4.4: an empty string matches every message that has the field.
        Ok(self
            .fields
            .get(&key)
            .is_some_and(|values| values.iter().any(|value| value.contains(text))))
    }

    async fn any_header_contains(&mut self, text: &str) -> Result<bool, ServiceError> {
        let raw = self.header().await?;
        Ok(header::fields(raw).any(|field| {
            let name = String::from_utf8_lossy(field.name).to_lowercase();
            format!("{name}: {}", folded_value(field)).contains(text)
        }))
    }

    async fn body_contains(&mut self, text: &str) -> Result<bool, ServiceError> {
        if self.body.is_none() {
            self.body = Some(self.read_texts().await?);
        }
        Ok(self.body.as_ref().is_some_and(|texts| texts.iter().any(|body| body.contains(text))))
    }

    async fn read_texts(&mut self) -> Result<Vec<String>, ServiceError> {
        let Some(row) = self.row().await?.cloned() else { return Ok(Vec::new()) };
        let found = self.service.structures(self.actor, self.mailbox, &self.only, 1).await?;
        let Some((_, structure)) = found.into_iter().next() else { return Ok(Vec::new()) };
        let mut texts = Vec::new();
        for (range, part) in text_parts(&structure) {
            let mut raw = Vec::new();
            while (raw.len() as u64) < (range.end - range.start).min(TEXT_BYTES_MAX) {
                let from = range.start + raw.len() as u64;
                let piece =
                    self.service.read(self.actor, self.mailbox, &row, from..range.end).await?;
                if piece.is_empty() {
                    break;
                }
                raw.extend_from_slice(&piece);
            }
            let decoded = decode::decode_transfer(part.transfer_encoding(), &raw);
            let mut text = decode::charset_to_string(part.charset(), &decoded);
            if part.media_type().1 == "html" {
                text = decode::html_to_text(&text);
            }
            texts.push(fold_spaces(&fold(&text)));
        }
        Ok(texts)
    }
}

/// Line breaks count as one space, so that a phrase is found across them.
fn fold_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn folded_value(field: header::Field<'_>) -> String {
    let decoded = header::decode_text(field.value, usize::MAX);
    let mut folded = fold(&decoded);
    // A quoted display name is searched without its quotes as well.
    if ["from", "to", "cc", "bcc", "reply-to", "sender"].iter().any(|name| field.is(name)) {
        for (name, address) in address::mailboxes(&header::unfold(field.value), 1000) {
            folded.push('\n');
            folded.push_str(&fold(&name));
            folded.push('\n');
            folded.push_str(&fold(&address));
        }
    }
    folded
}

fn text_parts(
    structure: &StructureRow,
) -> impl Iterator<Item = (std::ops::Range<u64>, &mail_message::part::Part)> {
    let prefix = structure.prefix_bytes;
    structure
        .parts
        .iter()
        .filter(|part| !part.is_multipart && !part.is_message && part.media_type().0 == "text")
        .map(move |part| (part.body.start + prefix..part.body.end + prefix, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_takes_case_accents_and_ligatures_away() {
        assert_eq!(fold("ÉLÈVE Cœur Straße ﬁn"), "eleve coeur strasse fin");
        assert_eq!(fold("e\u{301}"), fold("é"));
    }

    #[test]
    fn deep_keys_are_refused_not_followed() {
        let mut key = SearchKey::All;
        for _ in 0..100 {
            key = SearchKey::Not(Box::new(key));
        }
        assert!(Plan::new(&key, 0).is_err());
    }
}
