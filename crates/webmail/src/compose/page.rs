//! The page on which a message is written, and the part of it that a save renews.

use hyper::{Response, StatusCode};
use mail_service::MailboxInfo;

use super::drafts;
use super::later::Later;
use super::{Fields, Kind, Mistake};
use crate::account::Signed;
use crate::attachment::name_of;
use crate::body::Found;
use crate::date;
use crate::error::Error;
use crate::http::{Body, Visit};
use crate::locale::Locale;
use crate::view::{self, Page};

#[derive(askama::Template)]
#[template(path = "compose.html")]
struct ComposePage<'a> {
    page: Page<'a>,
    heading: String,
    /// Addresses one may write as, when there are several.
    senders: Vec<String>,
    /// Asks whether the message is really to be thrown away.
    asks: bool,
    form: Form<'a>,
}

/// What a script puts in place of what it saved.
#[derive(askama::Template)]
#[template(path = "compose_saved.html")]
struct SavedPart<'a> {
    form: Form<'a>,
}

/// The form's contents and its state.
struct Form<'a> {
    t: &'a Locale,
    token: String,
    fields: Fields,
    errors: Vec<Mistake>,
    files: Vec<File>,
    /// When it was saved, for people.
    saved: Option<String>,
    /// Seconds between two saves: large files are not written again and again.
    pause: u64,
    limit: String,
    /// Times at which it can be sent; `None` when nothing can be scheduled.
    later: Option<Later>,
    /// Nobody is logged in any more; the text is here.
    rescued: bool,
}

/// A file that is in the draft.
struct File {
    part: String,
    name: String,
    size: String,
}

/// What else a page shows.
#[derive(Default)]
pub(crate) struct View<'a> {
    pub(crate) errors: Vec<Mistake>,
    /// The draft as it is on the server.
    pub(crate) saved: Option<&'a Found>,
    /// Ask before it is thrown away.
    pub(crate) asks: bool,
}

impl Form<'_> {
    /// What is wrong with this field.
    fn mistake(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|mistake| mistake.field == field).map(|m| m.text.as_str())
    }
}

impl<'a> Form<'a> {
    fn new(signed: &'a Signed, mut fields: Fields, view: View<'_>) -> Self {
        let locale = signed.locale();
        let pieces = view.saved.map(|found| drafts::files(&found.structure)).unwrap_or_default();
        let bytes: u64 = pieces.iter().map(|piece| piece.size()).sum();
        let file = |piece: &crate::body::Piece| File {
            part: piece.number(),
            name: name_of(piece),
            size: date::size(locale, piece.size()),
        };
        if view.saved.is_some() {
            // What was chosen is in the draft.
            fields.originals = Vec::new();
        }
        let saved =
            view.saved.map(|found| signed.calendar().short(found.row.internal_date.unix_seconds()));
        Self {
            t: locale,
            token: signed.token(),
            files: pieces.iter().map(file).collect(),
            saved: saved.map(|date| locale.with("compose-saved", "date", date)),
            pause: 10 + (bytes >> 20) * 5,
            limit: date::size(locale, signed.visit.webmail.settings().upload_bytes_max),
            later: Later::offer(signed),
            errors: view.errors,
            fields,
            rescued: false,
        }
    }
}

/// The page with these fields and mistakes.
pub(crate) fn page(
    signed: &Signed,
    status: StatusCode,
    mailboxes: &[MailboxInfo],
    fields: Fields,
    view: View<'_>,
) -> Result<Response<Body>, Error> {
    signed.check_writable()?;
    let locale = signed.locale();
    let heading = match fields.origin.as_ref().map(|origin| origin.kind) {
        None => locale.text("compose-title"),
        Some(Kind::Reply | Kind::ReplyAll) => locale.text("compose-title-reply"),
        Some(Kind::Forward) => locale.text("compose-title-forward"),
    };
    let title = match view.errors.is_empty() {
        true => heading.clone(),
        false => locale.with("compose-title-error", "title", heading.as_str()),
    };
    let account = &signed.account;
    let mut senders = vec![account.primary_address.to_string()];
    senders.extend(account.aliases.iter().map(ToString::to_string));
    let template = ComposePage {
        page: Page::inside(signed, title, mailboxes, ""),
        heading,
        senders: if senders.len() > 1 { senders } else { Vec::new() },
        asks: view.asks,
        form: Form::new(signed, fields, view),
    };
    view::render(&signed.visit, status, &template)
}

/// Only what a save changes on the page.
pub(crate) fn part(
    signed: &Signed,
    status: StatusCode,
    fields: Fields,
    view: View<'_>,
) -> Result<Response<Body>, Error> {
    view::render(&signed.visit, status, &SavedPart { form: Form::new(signed, fields, view) })
}

/// The page after the session's end: the text comes back, with a way to log in again beside it.
/// A script gets only the part that says so.
pub(crate) fn rescued(
    visit: &Visit,
    fields: Fields,
    is_part: bool,
) -> Result<Response<Body>, Error> {
    let locale = visit.locale();
    let heading = locale.text("compose-title");
    let text = locale.text("compose-session-over");
    let form = Form {
        t: locale,
        token: String::new(),
        fields,
        errors: vec![Mistake { field: "envoyer", text }],
        files: Vec::new(),
        saved: None,
        pause: 10,
        limit: date::size(locale, visit.webmail.settings().upload_bytes_max),
        later: None,
        rescued: true,
    };
    if is_part {
        return view::render(visit, StatusCode::UNAUTHORIZED, &SavedPart { form });
    }
    let template = ComposePage {
        page: Page::outside(visit, locale.with("compose-title-error", "title", heading.as_str())),
        heading,
        senders: Vec::new(),
        asks: false,
        form,
    };
    view::render(visit, StatusCode::UNAUTHORIZED, &template)
}
