//! `/contacts/suggestions`: who may be meant by what is typed so far, for our script.

use hyper::{Response, StatusCode};
use serde::Serialize;

use super::{QUERY_CHARS_MAX, fits, folded_contact, quoted, recipients, words};
use crate::account::Signed;
use crate::error::Error;
use crate::headers::{self, Fence};
use crate::http::Body;
use crate::people::clean;

/// Suggestions for one word.
const SUGGESTED_MAX: usize = 8;

/// Somebody, or a group, as our script shows and inserts it.
#[derive(Serialize)]
struct Suggestion {
    /// What is shown.
    name: String,
    /// What is shown beside it.
    detail: String,
    /// What is put into the field.
    value: String,
}

/// `?q=`: groups, contacts, people written to lately, and the directory, in this order.
pub(crate) async fn suggest(signed: &Signed) -> Result<Response<Body>, Error> {
    let query = clean(signed.visit.query("q").unwrap_or_default(), QUERY_CHARS_MAX);
    let words = words(&query);
    let found = if words.is_empty() { Vec::new() } else { find(signed, &words).await? };
    let json = serde_json::to_string(&found).map_err(|_| Error::Worker)?;
    let json =
        headers::text(&signed.visit, StatusCode::OK, Fence::Page, "application/json", json.into());
    Ok(json)
}

async fn find(signed: &Signed, words: &[String]) -> Result<Vec<Suggestion>, Error> {
    let (service, locale) = (signed.service(), signed.locale());
    let book = service.address_book(signed.actor(), signed.owner()).await?;
    let mut found: Vec<Suggestion> = Vec::new();
    for (_, group) in &book.groups {
        let name = mail_service::contacts::folded(&group.name);
        if fits(&name, words) && !group.members.is_empty() {
            let members = group.members.iter().filter_map(|id| book.contact(*id));
            found.push(Suggestion {
                name: clean(&group.name, 100),
                detail: locale.with("contacts-members", "count", group.members.len() as u32),
                value: recipients(members),
            });
        }
    }
    let mut add = |name: &str, address: &str| {
        let name = clean(name, 100);
        let is_known =
            |one: &Suggestion| one.detail.eq_ignore_ascii_case(address) || one.name == address;
        if found.len() >= SUGGESTED_MAX || found.iter().any(is_known) {
            return;
        }
        let value = match name.as_str() {
            "" => address.to_owned(),
            name => format!("{} <{address}>", quoted(name)),
        };
        let (name, detail) = match name.is_empty() {
            true => (address.to_owned(), String::new()),
            false => (name, address.to_owned()),
        };
        found.push(Suggestion { name, detail, value });
    };
    for (_, row) in book.contacts.iter().filter(|(_, row)| fits(&folded_contact(row), words)) {
        row.addresses.iter().for_each(|address| add(&row.name, &address.to_string()));
    }
    for row in service.correspondents(signed.actor(), signed.owner()).await? {
        let text = mail_service::contacts::folded(&format!("{} {}", row.name, row.address));
        if fits(&text, words) {
            add(&row.name, &row.address.to_string());
        }
    }
    let staff = &signed.visit.webmail.staff;
    for person in staff.find(service, words, SUGGESTED_MAX).await? {
        add(&person.name, &person.address.to_string());
    }
    found.truncate(SUGGESTED_MAX);
    Ok(found)
}
