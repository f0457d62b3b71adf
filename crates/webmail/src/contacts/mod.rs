//! The address book: one's own contacts and groups, and everybody in the academy's directory.
//!
//! Names come from their owners, from files and from strangers: pages escape all of them, and none
//! reaches a header without the checks of whatever is typed.

mod csv;
mod edit;
mod staff;
mod suggest;
mod transfer;
mod vcard;

use hyper::{Response, StatusCode};
use mail_service::contacts::{Book, ContactId, ContactRow, GroupId, GroupRow, folded};

pub(crate) use self::edit::{act_on_contact, act_on_group, show_contact, show_group};
pub(crate) use self::staff::Staff;
pub(crate) use self::suggest::suggest;
pub use self::transfer::write_vcards;
pub(crate) use self::transfer::{export, import, show as show_transfer};
use crate::account::Signed;
use crate::compose::list_people;
use crate::error::Error;
use crate::http::Body;
use crate::mailbox::range;
use crate::people::{Person, clean};
use crate::url;
use crate::view::{self, Page};

/// Where the address book is.
pub(crate) const CONTACTS: &str = "/contacts";
/// Contacts on one page.
const ROWS_PER_PAGE: usize = 100;
/// People of the directory that a search shows.
const STAFF_MAX: usize = 30;
/// Characters of what is looked for.
const QUERY_CHARS_MAX: usize = 100;

#[derive(askama::Template)]
#[template(path = "contacts.html")]
struct ContactsPage<'a> {
    page: Page<'a>,
    query: String,
    groups: Vec<GroupLine>,
    contacts: Vec<ContactLine>,
    staff: Vec<StaffLine>,
    /// More people of the directory fit than are shown.
    is_cut: bool,
    range: String,
    newer: Option<String>,
    older: Option<String>,
}

struct GroupLine {
    id: u32,
    name: String,
    /// How many people it has.
    count: u32,
}

struct ContactLine {
    id: u32,
    name: String,
    detail: String,
    can_write: bool,
}

struct StaffLine {
    name: String,
    address: String,
    unit: String,
    /// Their address in a query.
    to: String,
    /// Their name in a query.
    encoded_name: String,
}

/// `/contacts`, perhaps with `?q=`.
pub(crate) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    let book = signed.service().address_book(signed.actor(), signed.owner()).await?;
    let query = clean(signed.visit.query("q").unwrap_or_default(), QUERY_CHARS_MAX);
    let words = words(&query);
    let groups = book.groups.iter().filter(|(_, group)| fits(&folded(&group.name), &words));
    let groups = groups.map(|(id, group)| group_line(*id, group)).collect();
    let found: Vec<_> =
        book.contacts.iter().filter(|(_, row)| fits(&folded_contact(row), &words)).collect();
    let pages = found.len().div_ceil(ROWS_PER_PAGE).max(1);
    let wanted = signed.visit.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let number: usize = wanted;
    let number = number.clamp(1, pages);
    let first = (number - 1) * ROWS_PER_PAGE;
    let shown = found.iter().skip(first).take(ROWS_PER_PAGE);
    let contacts: Vec<_> = shown.map(|(id, row)| contact_line(*id, row)).collect();
    let staff = signed.visit.webmail.staff.find(signed.service(), &words, STAFF_MAX + 1).await?;
    let is_cut = staff.len() > STAFF_MAX;
    let href = |page: usize| format!("{CONTACTS}?q={}&page={page}", url::encode(&query));
    let template = ContactsPage {
        page: Page::inside(signed, signed.locale().text("contacts-title"), &mailboxes, CONTACTS),
        range: range(signed, first, contacts.len(), found.len(), "contacts-count"),
        newer: (number > 1).then(|| href(number - 1)),
        older: (number < pages).then(|| href(number + 1)),
        groups,
        contacts,
        staff: staff.into_iter().take(STAFF_MAX).map(staff_line).collect(),
        is_cut,
        query,
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

fn group_line(id: GroupId, group: &GroupRow) -> GroupLine {
    GroupLine { id: id.0, name: clean(&group.name, 200), count: group.members.len() as u32 }
}

fn contact_line(id: ContactId, row: &ContactRow) -> ContactLine {
    let addresses = row.addresses.iter().map(|address| Person::new("", &address.to_string()).name);
    // A number is read as one: no line ends within it.
    let phones = row.phones.iter().map(|phone| clean(phone, 50).replace(' ', "\u{a0}"));
    let organization = Some(clean(&row.organization, 100)).filter(|text| !text.is_empty());
    let detail: Vec<String> = organization.into_iter().chain(addresses).chain(phones).collect();
    let can_write = !row.addresses.is_empty();
    ContactLine { id: id.0, name: shown_name(row), detail: detail.join(" · "), can_write }
}

fn staff_line(person: staff::Colleague) -> StaffLine {
    let address = person.address.to_string();
    StaffLine {
        name: clean(&person.name, 100),
        unit: person.unit.clone().unwrap_or_default(),
        to: url::encode(&format!("{} <{address}>", quoted(&person.name))),
        encoded_name: url::encode(&person.name),
        address,
    }
}

/// What a contact is called; its first address when it has no name.
pub(crate) fn shown_name(row: &ContactRow) -> String {
    let name = clean(&row.name, 200);
    match row.addresses.first() {
        Some(address) if name.is_empty() => address.to_string(),
        _ => name,
    }
}

/// A name as it can stand before an address.
fn quoted(name: &str) -> String {
    let name = clean(name, 100).replace(['"', '\\', '<', '>'], "");
    if name.contains([',', ';', '@', '(', ')', ':']) { format!("\"{name}\"") } else { name }
}

/// All addresses of these contacts, as a field of recipients takes them.
pub(crate) fn recipients<'a>(contacts: impl Iterator<Item = &'a ContactRow>) -> String {
    let mut people: Vec<(String, String)> = Vec::new();
    for row in contacts {
        for address in &row.addresses {
            let address = address.to_string();
            if !people.iter().any(|(_, known)| known.eq_ignore_ascii_case(&address)) {
                people.push((clean(&row.name, 100), address));
            }
        }
    }
    list_people(people.iter())
}

/// The people of a group: of each, all addresses.
pub(crate) fn group_recipients(book: &Book, id: GroupId) -> Option<String> {
    let group = book.group(id)?;
    Some(recipients(group.members.iter().filter_map(|id| book.contact(*id))))
}

/// Whom `/ecrire?contact=` or `?groupe=` is for.
pub(crate) async fn named_in_query(signed: &Signed) -> Result<Option<String>, Error> {
    let number = |name| signed.visit.query(name).and_then(|text| text.parse::<u32>().ok());
    let (contact, group) = (number("contact").map(ContactId), number("groupe").map(GroupId));
    if contact.is_none() && group.is_none() {
        return Ok(None);
    }
    let book = signed.service().address_book(signed.actor(), signed.owner()).await?;
    let one = contact.and_then(|id| book.contact(id)).map(|row| recipients(std::iter::once(row)));
    Ok(one.or_else(|| group.and_then(|id| group_recipients(&book, id))))
}

/// What is looked for, word by word.
fn words(query: &str) -> Vec<String> {
    folded(query).split_whitespace().take(8).map(str::to_owned).collect()
}

/// Whether each word begins a word of the text, or stands in an address of it.
fn fits(text: &str, words: &[String]) -> bool {
    let is_start = |place: usize| {
        let before = text.get(..place).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric())
    };
    words.iter().all(|word| text.match_indices(word.as_str()).any(|(place, _)| is_start(place)))
}

fn folded_contact(row: &ContactRow) -> String {
    let addresses = row.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    folded(&format!("{} {} {addresses}", row.name, row.organization))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(name: &str, addresses: &[&str]) -> ContactRow {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        ContactRow { name: name.into(), addresses, ..ContactRow::default() }
    }

    #[test]
    fn a_search_finds_beginnings_of_words_whatever_their_accents() {
        let row = contact("Élise Lefèvre-Dupré", &["e.lefevre@ac.test"]);
        for query in ["elise", "LEF", "dupre eli", "lefevre@ac", "", "ac.test"] {
            assert!(fits(&folded_contact(&row), &words(query)), "{query}");
        }
        for query in ["lise", "elise martin", "fevre"] {
            assert!(!fits(&folded_contact(&row), &words(query)), "{query}");
        }
    }

    #[test]
    fn all_addresses_of_a_group_are_taken_each_once() {
        let parents = contact("Léa \"B\", 3e\r\nBcc: x@y.test", &["un@ac.test", "deux@ac.test"]);
        let other = contact("Max", &["UN@ac.test", "trois@ac.test"]);
        let book = Book {
            contacts: vec![(ContactId(1), parents), (ContactId(2), other)],
            groups: vec![(
                GroupId(3),
                GroupRow { name: "3e B".into(), members: vec![ContactId(1), ContactId(2)] },
            )],
        };
        let typed = group_recipients(&book, GroupId(3)).unwrap();
        let read = mail_message::address::mailboxes(typed.as_bytes(), 10);
        let addresses: Vec<_> = read.iter().map(|(_, address)| address.as_str()).collect();
        assert_eq!(addresses, ["un@ac.test", "deux@ac.test", "trois@ac.test"]);
        assert!(!typed.contains(['\r', '\n']), "{typed:?}");
        assert_eq!(group_recipients(&book, GroupId(4)), None);
    }
}
