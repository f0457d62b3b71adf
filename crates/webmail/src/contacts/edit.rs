//! The pages on which a contact or a group is written, and what their buttons do.

use hyper::{Response, StatusCode};
use mail_service::ServiceError;
use mail_service::contacts::{
    CONTACT_ADDRESSES_MAX, CONTACT_NOTES_CHARS_MAX, CONTACT_PHONES_MAX, CONTACT_WORD_CHARS_MAX,
    ContactId, ContactRow, GroupId, GroupRow,
};

use super::{CONTACTS, shown_name};
use crate::account::Signed;
use crate::compose::{Mistake, mistake, read_people};
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form, Input};
use crate::people::{clean, clean_lines};
use crate::view::{self, Page};

/// What paths say of one that does not exist yet.
const NEW: &str = "nouveau";

#[derive(askama::Template)]
#[template(path = "contact.html")]
struct ContactPage<'a> {
    page: Page<'a>,
    heading: String,
    id: Option<u32>,
    fields: ContactFields,
    errors: Vec<Mistake>,
    groups: Vec<Tick>,
    asks: bool,
}

/// A contact as it is typed: an address and a number to a line.
#[derive(Default)]
struct ContactFields {
    name: String,
    organization: String,
    addresses: String,
    phones: String,
    notes: String,
}

#[derive(askama::Template)]
#[template(path = "group.html")]
struct GroupPage<'a> {
    page: Page<'a>,
    heading: String,
    id: Option<u32>,
    name: String,
    errors: Vec<Mistake>,
    members: Vec<Tick>,
    asks: bool,
}

/// Something with a box to tick.
struct Tick {
    id: u32,
    name: String,
    detail: String,
    is_ticked: bool,
}

impl ContactPage<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        text_of(&self.errors, field)
    }
}

impl GroupPage<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        text_of(&self.errors, field)
    }
}

fn text_of<'a>(errors: &'a [Mistake], field: &str) -> Option<&'a str> {
    errors.iter().find(|mistake| mistake.field == field).map(|mistake| mistake.text.as_str())
}

/// An id as paths spell it; `None` for a new one.
fn parse(text: &str) -> Result<Option<u32>, Error> {
    match text {
        NEW => Ok(None),
        text => text.parse().map(Some).map_err(|_| Error::NotFound),
    }
}

/// `/contacts/{id}` and `/contacts/nouveau`, perhaps with `?nom=` and `?adresse=`.
pub(crate) async fn show_contact(signed: &Signed, id: &str) -> Result<Response<Body>, Error> {
    let book = signed.service().address_book(signed.actor(), signed.owner()).await?;
    let id = parse(id)?.map(ContactId);
    let query = |name| clean(signed.visit.query(name).unwrap_or_default(), CONTACT_WORD_CHARS_MAX);
    let fields = match id {
        Some(id) => ContactFields::of(book.contact(id).ok_or(Error::NotFound)?),
        None => ContactFields {
            name: query("nom"),
            addresses: query("adresse"),
            ..ContactFields::default()
        },
    };
    let is_in = |group: &GroupRow| id.is_some_and(|id| group.members.contains(&id));
    contact_page(signed, StatusCode::OK, id, fields, Vec::new(), is_in, false).await
}

async fn contact_page(
    signed: &Signed,
    status: StatusCode,
    id: Option<ContactId>,
    fields: ContactFields,
    errors: Vec<Mistake>,
    is_in: impl Fn(&GroupRow) -> bool,
    asks: bool,
) -> Result<Response<Body>, Error> {
    let book = signed.service().address_book(signed.actor(), signed.owner()).await?;
    let mailboxes = signed.mailboxes().await?;
    let groups = book.groups.iter().map(|(id, group)| Tick {
        id: id.0,
        name: clean(&group.name, CONTACT_WORD_CHARS_MAX),
        detail: String::new(),
        is_ticked: is_in(group),
    });
    let name = if id.is_some() { "contact-title" } else { "contact-title-new" };
    let heading = signed.locale().text(name);
    let template = ContactPage {
        page: Page::inside(signed, heading.clone(), &mailboxes, CONTACTS),
        heading,
        id: id.map(|id| id.0),
        fields,
        errors,
        groups: groups.collect(),
        asks,
    };
    view::render(&signed.visit, status, &template)
}

/// `POST /contacts/{id}`
pub(crate) async fn act_on_contact(
    signed: &Signed,
    id: &str,
    input: Input,
) -> Result<Response<Body>, Error> {
    let form = signed.form(input).await?;
    let id = parse(id)?.map(ContactId);
    let (service, actor, owner) = (signed.service(), signed.actor(), signed.owner());
    let ticked: Vec<GroupId> =
        form.all("groupe").filter_map(|id| id.parse().ok().map(GroupId)).collect();
    let fields = ContactFields::typed(&form);
    match (form.get("action"), id) {
        ("supprimer", Some(id)) => {
            service.delete_contact(actor, owner, id).await?;
            signed.session.set_notice(signed.locale().text("contact-deleted"));
            return Ok(headers::see_other(&signed.visit, CONTACTS));
        }
        ("demander", Some(id)) => {
            let is_in = |group: &GroupRow| group.members.contains(&id);
            let status = StatusCode::OK;
            return contact_page(signed, status, Some(id), fields, Vec::new(), is_in, true).await;
        }
        _ => {}
    }
    let book = service.address_book(actor, owner).await?;
    let saved = match fields.read(signed) {
        Ok(row) => match service.save_contact(actor, owner, id, row).await {
            Ok(saved) => Ok(saved.ok_or(Error::NotFound)?),
            Err(error) => Err(vec![full(signed, error)?]),
        },
        Err(mistakes) => Err(mistakes),
    };
    let saved = match saved {
        Ok(saved) => saved,
        Err(mistakes) => {
            let chosen = |group: &GroupRow| {
                book.groups.iter().any(|(id, known)| known == group && ticked.contains(id))
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return contact_page(signed, status, id, fields, mistakes, chosen, false).await;
        }
    };
    for (group, mut row) in book.groups {
        let (was, is) = (row.members.contains(&saved), ticked.contains(&group));
        if was == is {
            continue;
        }
        match is {
            true => row.members.push(saved),
            false => row.members.retain(|member| *member != saved),
        }
        service.save_group(actor, owner, Some(group), row).await?;
    }
    signed.session.set_notice(signed.locale().text("contact-saved"));
    Ok(headers::see_other(&signed.visit, CONTACTS))
}

/// The limit that was reached, in words; other errors go on.
fn full(signed: &Signed, error: ServiceError) -> Result<Mistake, Error> {
    match error {
        ServiceError::TooMany { .. } => Ok(mistake("nom", signed.locale().text("contacts-full"))),
        error => Err(error.into()),
    }
}

impl ContactFields {
    fn of(row: &ContactRow) -> Self {
        let lines = |lines: Vec<String>| lines.join("\n");
        Self {
            name: row.name.clone(),
            organization: row.organization.clone(),
            addresses: lines(row.addresses.iter().map(ToString::to_string).collect()),
            phones: row.phones.join("\n"),
            notes: row.notes.clone(),
        }
    }

    fn typed(form: &Form) -> Self {
        let lines = |name| form.get(name).replace("\r\n", "\n");
        Self {
            name: form.get("nom").to_owned(),
            organization: form.get("etablissement").to_owned(),
            addresses: lines("adresses"),
            phones: lines("telephones"),
            notes: lines("notes"),
        }
    }

    /// The contact, or what is wrong beside its field.
    fn read(&self, signed: &Signed) -> Result<ContactRow, Vec<Mistake>> {
        let locale = signed.locale();
        let mut mistakes = Vec::new();
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(|line| clean(line, usize::MAX)).filter(|l| !l.is_empty()).collect()
        };
        let mut addresses = Vec::new();
        let mut wrong = Vec::new();
        for line in lines(&self.addresses) {
            match read_people(&line, CONTACT_ADDRESSES_MAX) {
                Some(people) => addresses.extend(people.into_iter().map(|(_, address)| address)),
                None => wrong.push(line),
            }
        }
        if !wrong.is_empty() {
            let text = locale.with("compose-not-an-address", "addresses", wrong.join(", "));
            mistakes.push(mistake("adresses", text));
        }
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|address| seen.insert(address.lookup_key()));
        let phones = lines(&self.phones);
        let row = ContactRow {
            name: clean(&self.name, usize::MAX),
            organization: clean(&self.organization, usize::MAX),
            notes: clean_lines(&self.notes, usize::MAX),
            addresses,
            phones,
        };
        let is_long = |text: &String| text.chars().count() > CONTACT_WORD_CHARS_MAX;
        let too_long = [
            ("nom", is_long(&row.name), CONTACT_WORD_CHARS_MAX),
            ("etablissement", is_long(&row.organization), CONTACT_WORD_CHARS_MAX),
            ("telephones", row.phones.iter().any(is_long), CONTACT_WORD_CHARS_MAX),
            ("notes", row.notes.chars().count() > CONTACT_NOTES_CHARS_MAX, CONTACT_NOTES_CHARS_MAX),
        ];
        for (field, _, max) in too_long.into_iter().filter(|(_, is_long, _)| *is_long) {
            mistakes.push(mistake(field, locale.with("contact-too-long", "max", max as u32)));
        }
        let too_many = [
            ("adresses", row.addresses.len() > CONTACT_ADDRESSES_MAX, CONTACT_ADDRESSES_MAX),
            ("telephones", row.phones.len() > CONTACT_PHONES_MAX, CONTACT_PHONES_MAX),
        ];
        for (field, _, max) in too_many.into_iter().filter(|(_, is_much, _)| *is_much) {
            mistakes.push(mistake(field, locale.with("contact-too-many", "max", max as u32)));
        }
        if row.name.is_empty() && row.addresses.is_empty() && mistakes.is_empty() {
            mistakes.push(mistake("nom", locale.text("contact-nothing")));
        }
        if mistakes.is_empty() { Ok(row) } else { Err(mistakes) }
    }
}

/// `/contacts/groupes/{id}` and `/contacts/groupes/nouveau`
pub(crate) async fn show_group(signed: &Signed, id: &str) -> Result<Response<Body>, Error> {
    let book = signed.service().address_book(signed.actor(), signed.owner()).await?;
    let id = parse(id)?.map(GroupId);
    let row = match id {
        Some(id) => book.group(id).cloned().ok_or(Error::NotFound)?,
        None => GroupRow::default(),
    };
    group_page(signed, StatusCode::OK, id, row, Vec::new(), false).await
}

async fn group_page(
    signed: &Signed,
    status: StatusCode,
    id: Option<GroupId>,
    row: GroupRow,
    errors: Vec<Mistake>,
    asks: bool,
) -> Result<Response<Body>, Error> {
    let book = signed.service().address_book(signed.actor(), signed.owner()).await?;
    let mailboxes = signed.mailboxes().await?;
    let members = book.contacts.iter().map(|(id, contact)| {
        let addresses = contact.addresses.iter().map(ToString::to_string);
        Tick {
            id: id.0,
            name: shown_name(contact),
            detail: addresses.collect::<Vec<_>>().join(" · "),
            is_ticked: row.members.contains(id),
        }
    });
    let mut members: Vec<_> = members.collect();
    // Who is in it is seen without scrolling.
    members.sort_by_key(|tick| !tick.is_ticked);
    let name = if id.is_some() { "group-title" } else { "group-title-new" };
    let heading = signed.locale().text(name);
    let template = GroupPage {
        page: Page::inside(signed, heading.clone(), &mailboxes, CONTACTS),
        heading,
        id: id.map(|id| id.0),
        name: row.name,
        errors,
        members,
        asks,
    };
    view::render(&signed.visit, status, &template)
}

/// `POST /contacts/groupes/{id}`
pub(crate) async fn act_on_group(
    signed: &Signed,
    id: &str,
    input: Input,
) -> Result<Response<Body>, Error> {
    let form = signed.form(input).await?;
    let id = parse(id)?.map(GroupId);
    let (service, actor, owner) = (signed.service(), signed.actor(), signed.owner());
    let row = GroupRow {
        name: clean(form.get("nom"), usize::MAX),
        members: form.all("membre").filter_map(|id| id.parse().ok().map(ContactId)).collect(),
    };
    match (form.get("action"), id) {
        ("supprimer", Some(id)) => {
            service.delete_group(actor, owner, id).await?;
            signed.session.set_notice(signed.locale().text("group-deleted"));
            return Ok(headers::see_other(&signed.visit, CONTACTS));
        }
        ("demander", Some(_)) => {
            return group_page(signed, StatusCode::OK, id, row, Vec::new(), true).await;
        }
        _ => {}
    }
    let max = CONTACT_WORD_CHARS_MAX;
    let wrong = match row.name.chars().count() {
        0 => Some(mistake("nom", signed.locale().text("group-no-name"))),
        count if count > max => {
            Some(mistake("nom", signed.locale().with("contact-too-long", "max", max as u32)))
        }
        _ => match service.save_group(actor, owner, id, row.clone()).await {
            Ok(saved) => saved.map_or(Err(Error::NotFound), |_| Ok(None))?,
            Err(error) => Some(full(signed, error)?),
        },
    };
    if let Some(wrong) = wrong {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return group_page(signed, status, id, row, vec![wrong], false).await;
    }
    signed.session.set_notice(signed.locale().text("group-saved"));
    Ok(headers::see_other(&signed.visit, CONTACTS))
}
