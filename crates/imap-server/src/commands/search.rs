//! SEARCH, and its answer as ESEARCH (RFC 4731).

use imap_session::{Numbering, Return, Search, Selected, respond};
use mail_service::{SearchKey, ServiceError};
use mail_types::{ModSeq, Uid, UidSet};

use crate::connection::{Connection, Opened};

impl Connection {
    pub(crate) async fn search(
        &mut self,
        tag: &str,
        numbering: Numbering,
        returns: Option<Return>,
        key: Search,
    ) {
        let asks_mod_seq = asks_mod_seq(&key);
        self.condstore |= asks_mod_seq;
        let Some(found) = self.find(tag, key).await else { return };
        let Some(opened) = &self.opened else { return };
        let mod_seq = asks_mod_seq.then(|| highest(opened, &found, returns)).flatten();
        let mut numbers: Vec<u32> = Vec::with_capacity(found.len());
        numbers.extend(found.iter().filter_map(|uid| opened.selected.shown(*uid, numbering)));
        match returns {
            None => answer(&mut self.out, &numbers, mod_seq),
            Some(returns) => {
                answer_extended(&mut self.out, tag, numbering, returns, &numbers, mod_seq);
            }
        }
        self.tell(Self::expunges(numbering));
        self.tagged(tag, "OK SEARCH completed");
    }

    /// The messages that match, or an answer that says why not.
    pub(crate) async fn find(&mut self, tag: &str, key: Search) -> Option<Vec<Uid>> {
        let (actor, _) = self.owner()?;
        let mail = self.mail();
        let opened = self.selected(tag)?;
        if matches!(key, Search::BadCharset) {
            self.tagged(tag, "NO [BADCHARSET (UTF-8 US-ASCII)] Unknown character set");
            return None;
        }
        let key = resolve(key, &opened.selected);
        let (mailbox, seen) = (opened.mailbox.clone(), opened.seen.clone());
        match mail.search(actor, &mailbox, &seen, &key).await {
            Ok(found) => Some(found),
            Err(error @ ServiceError::TooMany { .. }) => {
                self.refuse(tag, &error);
                None
            }
            Err(error) => {
                self.lost(tag, &error);
                None
            }
        }
    }
}

/// RFC 3501 §7.2.5, and RFC 7162 §3.1.5 for the mod-sequence.
fn answer(out: &mut Vec<u8>, numbers: &[u32], mod_seq: Option<ModSeq>) {
    out.extend_from_slice(b"* SEARCH");
    for &number in numbers {
        out.push(b' ');
        respond::number(out, number.into());
    }
    if let Some(mod_seq) = mod_seq {
        out.extend_from_slice(format!(" (MODSEQ {mod_seq})").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// RFC 4731 §3.1: what there is none of is left out, but for COUNT.
fn answer_extended(
    out: &mut Vec<u8>,
    tag: &str,
    numbering: Numbering,
    returns: Return,
    numbers: &[u32],
    mod_seq: Option<ModSeq>,
) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    respond::string(out, tag.as_bytes());
    out.push(b')');
    if numbering == Numbering::Uid {
        out.extend_from_slice(b" UID");
    }
    let mut item = |name: &str, value: String| {
        out.extend_from_slice(format!(" {name} {value}").as_bytes());
    };
    if let (true, Some(min)) = (returns.min, numbers.iter().min()) {
        item("MIN", min.to_string());
    }
    if let (true, Some(max)) = (returns.max, numbers.iter().max()) {
        item("MAX", max.to_string());
    }
    if returns.all && !numbers.is_empty() {
        item("ALL", numbers.iter().copied().collect::<UidSet>().to_string());
    }
    if returns.count {
        item("COUNT", numbers.len().to_string());
    }
    if let Some(mod_seq) = mod_seq {
        item("MODSEQ", mod_seq.to_string());
    }
    out.extend_from_slice(b"\r\n");
}

fn asks_mod_seq(key: &Search) -> bool {
    match key {
        Search::ModSeq(_) => true,
        Search::Not(key) => asks_mod_seq(key),
        Search::And(keys) | Search::Or(keys) => keys.iter().any(asks_mod_seq),
        _ => false,
    }
}

/// RFC 7162 §3.1.5: the highest mod-sequence of all messages found; §3.1.10: of those told, when
/// only MIN or MAX is.
fn highest(opened: &Opened, found: &[Uid], returns: Option<Return>) -> Option<ModSeq> {
    let mod_seq = |uid: &Uid| opened.seen.get(*uid).map(|entry| entry.mod_seq);
    let (first, last) = (found.first(), found.last());
    match returns {
        Some(Return { min, max, all: false, count: false }) => {
            let told = first.filter(|_| min).into_iter().chain(last.filter(|_| max));
            told.filter_map(mod_seq).max()
        }
        _ => found.iter().filter_map(mod_seq).max(),
    }
}

/// The key in the service's words: what counts by number counts by UID from here on. Its depth was
/// limited when it was read.
fn resolve(key: Search, selected: &Selected) -> SearchKey {
    let uids =
        |set: &_, numbering| SearchKey::Uid(selected.resolve(set, numbering).unwrap_or_default());
    let all = |keys: Vec<Search>| keys.into_iter().map(|key| resolve(key, selected)).collect();
    match key {
        Search::All | Search::BadCharset => SearchKey::All,
        Search::Nothing => SearchKey::Uid(UidSet::new()),
        Search::Flag(flag) => SearchKey::Flag(flag),
        Search::Sequence(set) => uids(&set, Numbering::Sequence),
        Search::Uid(set) => uids(&set, Numbering::Uid),
        Search::Before(date) => SearchKey::Before(date),
        Search::On(date) => SearchKey::On(date),
        Search::Since(date) => SearchKey::Since(date),
        Search::SentBefore(date) => SearchKey::SentBefore(date),
        Search::SentOn(date) => SearchKey::SentOn(date),
        Search::SentSince(date) => SearchKey::SentSince(date),
        Search::Larger(bytes) => SearchKey::Larger(bytes),
        Search::Smaller(bytes) => SearchKey::Smaller(bytes),
        Search::Header(name, text) => SearchKey::Header(name, text),
        Search::Body(text) => SearchKey::Body(text),
        Search::Text(text) => SearchKey::Text(text),
        Search::ModSeq(mod_seq) => SearchKey::ModSeq(ModSeq(mod_seq)),
        Search::Not(inner) => SearchKey::Not(Box::new(resolve(*inner, selected))),
        Search::And(keys) => SearchKey::And(all(keys)),
        Search::Or(keys) => SearchKey::Or(all(keys)),
    }
}
