//! SEARCH.

use imap_session::{Numbering, Search, Selected, respond};
use mail_service::SearchKey;
use mail_types::UidSet;

use crate::connection::Connection;

impl Connection {
    pub(crate) async fn search(&mut self, tag: &str, numbering: Numbering, key: Search) {
        let Some((actor, _)) = self.owner() else { return };
        let mail = self.mail();
        let Some(opened) = self.selected(tag) else { return };
        if matches!(key, Search::BadCharset) {
            return self.tagged(tag, "NO [BADCHARSET (UTF-8 US-ASCII)] Unknown character set");
        }
        let key = resolve(key, &opened.selected);
        let (mailbox, seen) = (opened.mailbox.clone(), opened.seen.clone());
        let found = match mail.search(actor, &mailbox, &seen, &key).await {
            Ok(found) => found,
            Err(error) => return self.lost(tag, &error),
        };
        let Some(opened) = &self.opened else { return };
        let mut line = String::from("* SEARCH");
        for uid in found {
            let Some(number) = opened.selected.number(uid.get()) else { continue };
            let shown = if numbering == Numbering::Uid { uid.get() } else { number };
            line.push_str(&format!(" {shown}"));
        }
        respond::line(&mut self.out, &line);
        self.tell(Self::expunges(numbering));
        self.tagged(tag, "OK SEARCH completed");
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
        Search::Not(inner) => SearchKey::Not(Box::new(resolve(*inner, selected))),
        Search::And(keys) => SearchKey::And(all(keys)),
        Search::Or(keys) => SearchKey::Or(all(keys)),
    }
}
