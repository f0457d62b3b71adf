//! Search over all mailboxes: words that all occur, and a few fields by name.

use hyper::{Response, StatusCode};
use mail_service::SearchKey;
use mail_types::{Uid, UidSet};

use crate::account::Signed;
use crate::error::Error;
use crate::http::Body;
use crate::mailbox::{Row, row};
use crate::people::clean;
use crate::view::{self, Page, shown_name};

/// Messages that are shown: the newest ones.
const RESULTS_MAX: usize = 50;
/// Mailboxes that are searched.
const MAILBOXES_MAX: usize = 200;
/// Words of one search.
const WORDS_MAX: usize = 12;
/// Longest search.
const QUERY_CHARS_MAX: usize = 200;

#[derive(askama::Template)]
#[template(path = "search.html")]
struct SearchPage<'a> {
    page: Page<'a>,
    asked: String,
    rows: Vec<Row>,
    /// There are more than are shown.
    is_cut: bool,
}

/// `/recherche?q=`
pub(crate) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let asked = clean(signed.visit.query("q").unwrap_or_default(), QUERY_CHARS_MAX);
    let mailboxes = signed.mailboxes().await?;
    let mut rows = Vec::new();
    let mut is_cut = false;
    if let Some(key) = parse(&asked) {
        let searched = mailboxes.iter().filter(|info| !info.no_select && info.status.messages > 0);
        for info in searched.take(MAILBOXES_MAX) {
            is_cut |= search_one(signed, info, &key, &mut rows).await?;
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.unix_seconds));
    is_cut |= rows.len() > RESULTS_MAX;
    rows.truncate(RESULTS_MAX);
    let title = match asked.is_empty() {
        true => signed.locale().text("search-title"),
        false => signed.locale().with("search-title-of", "asked", asked.as_str()),
    };
    let page = Page::inside(signed, title, &mailboxes, "");
    view::render(&signed.visit, StatusCode::OK, &SearchPage { page, asked, rows, is_cut })
}

/// Adds a mailbox's newest matches; whether there were more.
async fn search_one(
    signed: &Signed,
    info: &mail_service::MailboxInfo,
    key: &SearchKey,
    rows: &mut Vec<Row>,
) -> Result<bool, Error> {
    let (service, actor) = (signed.service(), signed.actor());
    let open = match signed.session.held(&info.name).filter(|held| held.id() == info.id) {
        Some(held) => held,
        None => service.open_mailbox(actor, signed.owner(), &info.name).await?,
    };
    let snapshot = open.snapshot();
    let matches: Vec<Uid> = service.search(actor, &open, &snapshot, key).await?;
    let newest = &matches[matches.len().saturating_sub(RESULTS_MAX)..];
    let uids: UidSet = newest.iter().map(|uid| uid.get()).collect();
    let calendar = signed.calendar();
    for (uid, message) in service.messages(actor, &open, &uids, RESULTS_MAX).await? {
        let Some(entry) = snapshot.get(uid) else { continue };
        let mut found = row(&calendar, info, entry, &message);
        found.mailbox = Some(shown_name(signed.locale(), info));
        rows.push(found);
    }
    Ok(matches.len() > RESULTS_MAX)
}

/// `de:marie objet:"conseil de classe" réunion`: all of them must occur. `None` when nothing is
/// asked.
fn parse(asked: &str) -> Option<SearchKey> {
    let mut keys = Vec::new();
    for word in words(asked).into_iter().take(WORDS_MAX) {
        let field = |names: &[&str], header: &str| {
            let text = names.iter().find_map(|name| word.strip_prefix(name))?;
            (!text.is_empty()).then(|| SearchKey::Header(header.into(), text.to_owned()))
        };
        let key = field(&["de:", "from:"], "From")
            .or_else(|| field(&["à:", "a:", "to:"], "To"))
            .or_else(|| field(&["objet:", "subject:"], "Subject"))
            .unwrap_or_else(|| text(&word));
        keys.push(key);
    }
    if keys.is_empty() { None } else { Some(SearchKey::And(keys)) }
}

/// A word is found in all of its forms; several words that stand together, as they stand.
fn text(word: &str) -> SearchKey {
    let text = SearchKey::Text(word.to_owned());
    if word.contains(char::is_whitespace) { text } else { SearchKey::Fuzzy(Box::new(text)) }
}

/// Words, where quotation marks keep several together.
fn words(asked: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in asked.chars() {
        match c {
            '"' | '«' | '»' | '“' | '”' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.into_iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_words_and_fields() {
        let text = |s: &str| SearchKey::Fuzzy(Box::new(SearchKey::Text(s.into())));
        let phrase = |s: &str| SearchKey::Text(s.into());
        let header = |name: &str, s: &str| SearchKey::Header(name.into(), s.into());
        for (asked, keys) in [
            ("réunion", vec![text("réunion")]),
            (
                "de:marie objet:\"conseil de classe\"",
                vec![header("From", "marie"), header("Subject", "conseil de classe")],
            ),
            ("« deux mots » fin", vec![phrase("deux mots"), text("fin")]),
            ("à:paul de:", vec![header("To", "paul"), text("de:")]),
        ] {
            assert_eq!(parse(asked), Some(SearchKey::And(keys)), "{asked}");
        }
        assert_eq!(parse("  \" "), None);
        let many = "a ".repeat(1000);
        assert!(matches!(parse(&many), Some(SearchKey::And(keys)) if keys.len() == WORDS_MAX));
    }
}
