//! `/contacts/fichiers`: the address book from and into files. What is refused is told line by line.

use std::collections::BTreeMap;

use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use mail_message::decode::utf8_or_windows_1252;
use mail_service::ServiceError;
use mail_service::contacts::{
    Book, CONTACT_ADDRESSES_MAX, CONTACT_NOTES_CHARS_MAX, CONTACT_PHONES_MAX,
    CONTACT_WORD_CHARS_MAX, ContactId, ContactRow, GroupRow, folded,
};

use super::vcard::Version;
use super::{CONTACTS, csv, vcard};
use crate::account::Signed;
use crate::compose::form;
use crate::date;
use crate::error::Error;
use crate::headers::{self, Fence, attachment_disposition};
use crate::http::{Body, Input};
use crate::people::{clean, clean_lines};
use crate::view::{self, Page};

/// Bytes of a file that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Refusals that are told; of more, how many there are.
const TOLD_MAX: usize = 100;
/// Groups that one contact of a file names.
const GROUPS_MAX: usize = 20;

/// A contact of a file, and the groups it says it is in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub(super) row: ContactRow,
    pub(super) groups: Vec<String>,
}

/// A card or line that was not taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// Of the card, or of the line.
    pub(super) number: usize,
    /// What it is about.
    text: String,
    /// The sentence that says why.
    pub(super) reason: &'static str,
}

impl Refusal {
    pub(super) fn new(number: usize, text: &str, reason: &'static str) -> Self {
        Self { number, text: clean(text, 200), reason }
    }
}

/// A contact's name and the address in it that is none.
pub(super) fn unreadable_as(name: &str, wrong: &str) -> String {
    if name.is_empty() { wrong.to_owned() } else { format!("{name}, {wrong}") }
}

#[derive(askama::Template)]
#[template(path = "transfer.html")]
struct TransferPage<'a> {
    page: Page<'a>,
    limit: String,
    report: Option<Report>,
}

/// What became of a file.
struct Report {
    added: u32,
    known: u32,
    refused: Vec<String>,
    refused_count: u32,
}

/// `/contacts/fichiers`
pub(crate) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    page(signed, StatusCode::OK, None).await
}

async fn page(
    signed: &Signed,
    status: StatusCode,
    report: Option<Report>,
) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    let title = signed.locale().text("import-title");
    let template = TransferPage {
        page: Page::inside(signed, title, &mailboxes, CONTACTS),
        limit: date::size(signed.locale(), FILE_BYTES_MAX),
        report,
    };
    view::render(&signed.visit, status, &template)
}

/// `POST /contacts/fichiers`
pub(crate) async fn import(signed: &Signed, input: Input) -> Result<Response<Body>, Error> {
    let typed = form::read_own(signed, input, FILE_BYTES_MAX).await?;
    let Some(file) = typed.files.first() else {
        return page(signed, StatusCode::OK, None).await;
    };
    let content = file.content.clone();
    // A large file takes a while, which others need not wait for.
    let read = tokio::task::spawn_blocking(move || read(&content)).await;
    let (entries, mut refusals) = read.map_err(|_| Error::Worker)?;
    let (added, known) = add(signed, entries, &mut refusals).await?;
    refusals.sort_by_key(|refusal| refusal.number);
    let locale = signed.locale();
    let told = refusals.iter().take(TOLD_MAX).map(|refusal| {
        let values = [
            ("number", refusal.number.to_string()),
            ("text", refusal.text.clone()),
            ("reason", locale.text(refusal.reason)),
        ];
        let name = if refusal.text.is_empty() { "import-line" } else { "import-line-of" };
        locale.with_all(name, &values)
    });
    let report = Report {
        added,
        known,
        refused: told.collect(),
        refused_count: u32::try_from(refusals.len()).unwrap_or(u32::MAX),
    };
    page(signed, StatusCode::OK, Some(report)).await
}

/// Cards or a table, by what it begins with; UTF-8, or what spreadsheets here wrote before.
fn read(content: &[u8]) -> (Vec<(usize, Entry)>, Vec<Refusal>) {
    let text = utf8_or_windows_1252(content);
    let head = text.trim_start_matches(['\u{feff}', ' ', '\r', '\n']).get(..11);
    let is_card = head.is_some_and(|head| head.eq_ignore_ascii_case("BEGIN:VCARD"));
    let (entries, mut refusals) = if is_card { vcard::read(&text) } else { csv::read(&text) };
    let mut kept = Vec::with_capacity(entries.len());
    for (number, entry) in entries {
        match within_limits(entry) {
            Ok(entry) => kept.push((number, entry)),
            Err((text, reason)) => refusals.push(Refusal::new(number, &text, reason)),
        }
    }
    (kept, refusals)
}

/// W8: no controls, nothing hidden; nothing longer than a contact may be.
fn within_limits(entry: Entry) -> Result<Entry, (String, &'static str)> {
    let Entry { row, groups } = entry;
    let mut seen = std::collections::HashSet::new();
    let row = ContactRow {
        name: clean(&row.name, CONTACT_WORD_CHARS_MAX + 1),
        organization: clean(&row.organization, CONTACT_WORD_CHARS_MAX + 1),
        phones: row.phones.iter().map(|phone| clean(phone, CONTACT_WORD_CHARS_MAX + 1)).collect(),
        notes: clean_lines(&row.notes, CONTACT_NOTES_CHARS_MAX + 1),
        addresses: row.addresses.into_iter().filter(|a| seen.insert(a.lookup_key())).collect(),
    };
    if row.name.is_empty() && row.addresses.is_empty() {
        return Err((String::new(), "import-empty"));
    }
    let is_long = |text: &String| text.chars().count() > CONTACT_WORD_CHARS_MAX;
    let too_large = is_long(&row.name)
        || is_long(&row.organization)
        || row.phones.iter().any(is_long)
        || row.notes.chars().count() > CONTACT_NOTES_CHARS_MAX
        || row.addresses.len() > CONTACT_ADDRESSES_MAX
        || row.phones.len() > CONTACT_PHONES_MAX;
    if too_large {
        return Err((row.name, "import-too-large"));
    }
    let groups = groups.iter().take(GROUPS_MAX).map(|group| clean(group, CONTACT_WORD_CHARS_MAX));
    Ok(Entry { row, groups: groups.filter(|group| !group.is_empty()).collect() })
}

/// Adds what is not there yet, and puts it into its groups; how many were added, and were known.
async fn add(
    signed: &Signed,
    entries: Vec<(usize, Entry)>,
    refusals: &mut Vec<Refusal>,
) -> Result<(u32, u32), Error> {
    let (service, actor, owner) = (signed.service(), signed.actor(), signed.owner());
    let book = service.address_book(actor, owner).await?;
    let mut rows: std::collections::HashSet<_> =
        book.contacts.iter().map(|(_, row)| key(row)).collect();
    let room = (service.settings().contacts_max as usize).saturating_sub(book.contacts.len());
    let (mut new, mut known) = (Vec::new(), 0);
    for (number, entry) in entries {
        if !rows.insert(key(&entry.row)) {
            known += 1;
        } else if new.len() < room {
            new.push(entry);
        } else {
            refusals.push(Refusal::new(number, &entry.row.name, "contacts-full"));
        }
    }
    let ids = service
        .add_contacts(actor, owner, new.iter().map(|entry| entry.row.clone()).collect())
        .await?;
    let mut groups: BTreeMap<String, (String, Vec<ContactId>)> = BTreeMap::new();
    for (id, entry) in ids.iter().zip(&new) {
        for name in &entry.groups {
            let group = groups.entry(folded(name)).or_insert_with(|| (name.clone(), Vec::new()));
            group.1.push(*id);
        }
    }
    join(signed, &book, groups, refusals).await?;
    Ok((u32::try_from(ids.len()).unwrap_or(u32::MAX), known))
}

async fn join(
    signed: &Signed,
    book: &Book,
    groups: BTreeMap<String, (String, Vec<ContactId>)>,
    refusals: &mut Vec<Refusal>,
) -> Result<(), Error> {
    for (key, (name, members)) in groups {
        let there = book.groups.iter().find(|(_, group)| folded(&group.name) == key);
        let (id, mut row) = match there {
            Some((id, group)) => (Some(*id), group.clone()),
            None => (None, GroupRow { name: name.clone(), members: Vec::new() }),
        };
        row.members.extend(members);
        match signed.service().save_group(signed.actor(), signed.owner(), id, row).await {
            Ok(_) => {}
            Err(ServiceError::TooMany { .. }) => {
                refusals.push(Refusal::new(0, &name, "import-groups-full"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Two contacts with the same name and addresses are one.
fn key(row: &ContactRow) -> (String, Vec<String>) {
    let mut addresses: Vec<_> = row.addresses.iter().map(|a| a.lookup_key()).collect();
    addresses.sort();
    (folded(&row.name), addresses)
}

/// `/contacts/fichiers/contacts.vcf`, `…/contacts-4.vcf`, `…/contacts.csv`
pub(crate) async fn export(signed: &Signed, name: &str) -> Result<Response<Body>, Error> {
    let book = signed.service().address_book(signed.actor(), signed.owner()).await?;
    let entries = entries(&book);
    let (text, kind) = match name {
        "contacts.vcf" => {
            (vcard::write(entries.iter(), Version::Three), "text/vcard; charset=utf-8")
        }
        "contacts-4.vcf" => {
            (vcard::write(entries.iter(), Version::Four), "text/vcard; charset=utf-8")
        }
        "contacts.csv" => (csv::write(entries.iter()), "text/csv; charset=utf-8"),
        _ => return Err(Error::NotFound),
    };
    let mut response =
        headers::text(&signed.visit, StatusCode::OK, Fence::Content, kind, text.into());
    let disposition = attachment_disposition("attachment", name);
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Every contact with the names of its groups.
fn entries(book: &Book) -> Vec<Entry> {
    let entry = |(id, row): &(ContactId, ContactRow)| {
        let groups = book.groups.iter().filter(|(_, group)| group.members.contains(id));
        let groups = groups.map(|(_, group)| group.name.clone()).collect();
        Entry { row: row.clone(), groups }
    };
    book.contacts.iter().map(entry).collect()
}

/// An address book as vCard 4 (RFC 6350), groups as categories.
pub fn write_vcards(book: &Book) -> String {
    vcard::write(entries(book).iter(), Version::Four)
}
