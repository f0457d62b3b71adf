//! Writing: a new message, an answer, a forward. Whatever goes wrong, what was typed stays.

mod answer;
mod form;
pub(crate) mod parked;
mod send;

use std::sync::Arc;

use hyper::{Response, StatusCode};
use mail_service::MailboxInfo;

pub(crate) use self::answer::answer;
use self::form::{Files, Typed};
use crate::account::Signed;
use crate::csrf::hex;
use crate::date;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Input, Visit};
use crate::people::clean;
use crate::view::{self, Page};

#[derive(askama::Template)]
#[template(path = "compose.html")]
struct ComposePage<'a> {
    page: Page<'a>,
    heading: String,
    fields: Fields,
    errors: Vec<Mistake>,
    /// Addresses one may write as, when there are several.
    senders: Vec<String>,
    waiting: Vec<Waiting>,
    limit: String,
    /// Nobody is logged in any more; the text is here.
    rescued: bool,
}

/// What the form holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// Names this message in the making.
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cc: String,
    pub(crate) bcc: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) origin: Option<Origin>,
    /// Files of the message that is forwarded.
    pub(crate) originals: Vec<Original>,
}

/// The message that is answered or forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) kind: Kind,
    pub(crate) mailbox: String,
    pub(crate) uid: String,
    pub(crate) uid_validity: String,
}

/// What is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Reply,
    ReplyAll,
    Forward,
}

impl Kind {
    /// As addresses and forms spell it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "repondre" => Some(Self::Reply),
            "repondre-a-tous" => Some(Self::ReplyAll),
            "transferer" => Some(Self::Forward),
            _ => None,
        }
    }

    /// As addresses and forms spell it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Reply => "repondre",
            Self::ReplyAll => "repondre-a-tous",
            Self::Forward => "transferer",
        }
    }
}

/// A file of the message that is forwarded.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    /// Its part's number.
    pub(crate) part: String,
    pub(crate) name: String,
    pub(crate) size: String,
    pub(crate) is_chosen: bool,
}

/// A file that has come and waits.
struct Waiting {
    index: usize,
    name: String,
    size: String,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mistake {
    /// The field's id on the page.
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

impl ComposePage<'_> {
    /// What is wrong with this field.
    fn mistake(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|mistake| mistake.field == field).map(|m| m.text.as_str())
    }
}

impl Fields {
    fn of(typed: &Typed) -> Self {
        let origin = Kind::parse(typed.get("origine")).map(|kind| Origin {
            kind,
            mailbox: typed.get("origine-dossier").to_owned(),
            uid: typed.get("origine-uid").to_owned(),
            uid_validity: typed.get("origine-validite").to_owned(),
        });
        let id = typed.get("envoi");
        let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        Self {
            id: if is_id { id.to_owned() } else { new_id() },
            from: typed.get("de").to_owned(),
            to: typed.get("a").to_owned(),
            cc: typed.get("cc").to_owned(),
            bcc: typed.get("cci").to_owned(),
            subject: typed.get("objet").to_owned(),
            text: typed.get("texte").replace("\r\n", "\n"),
            origin,
            originals: Vec::new(),
        }
    }
}

fn new_id() -> String {
    hex(rand::random::<[u8; 16]>())
}

/// `/ecrire`, perhaps with `?a=`.
pub(crate) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let to = clean(signed.visit.query("a").unwrap_or_default(), 500);
    let fields = Fields { id: new_id(), to, ..Fields::default() };
    let mailboxes = signed.mailboxes().await?;
    page(signed, StatusCode::OK, &mailboxes, fields, Vec::new())
}

/// The page with these fields and mistakes.
pub(crate) fn page(
    signed: &Signed,
    status: StatusCode,
    mailboxes: &[MailboxInfo],
    fields: Fields,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let locale = signed.locale();
    let heading = match fields.origin.as_ref().map(|origin| origin.kind) {
        None => locale.text("compose-title"),
        Some(Kind::Reply | Kind::ReplyAll) => locale.text("compose-title-reply"),
        Some(Kind::Forward) => locale.text("compose-title-forward"),
    };
    let title = match errors.is_empty() {
        true => heading.clone(),
        false => locale.with("compose-title-error", "title", heading.as_str()),
    };
    let account = &signed.account;
    let mut senders = vec![account.primary_address.to_string()];
    senders.extend(account.aliases.iter().map(ToString::to_string));
    let waiting = signed.session.parked.files(&fields.id).into_iter().enumerate();
    let waiting = waiting.map(|(index, file)| Waiting {
        index,
        size: date::size(locale, file.content.len() as u64),
        name: file.name,
    });
    let template = ComposePage {
        page: Page::inside(signed, title, mailboxes, ""),
        heading,
        errors,
        senders: if senders.len() > 1 { senders } else { Vec::new() },
        waiting: waiting.collect(),
        limit: date::size(locale, signed.visit.webmail.settings().upload_bytes_max),
        fields,
        rescued: false,
    };
    view::render(&signed.visit, status, &template)
}

/// `POST /ecrire`: send, or attach and go on writing.
pub(crate) async fn submit(signed: &Signed, input: Input) -> Result<Response<Body>, Error> {
    let visit = &signed.visit;
    let bytes_max = visit.webmail.settings().upload_bytes_max;
    let memory = Arc::clone(&visit.webmail.upload_memory);
    let mut typed = form::read(visit, input, Files::Keep { bytes_max, memory }).await?;
    let mut fields = Fields::of(&typed);
    let parked = &signed.session.parked;
    let files = std::mem::take(&mut typed.files);
    let added: u64 = files.iter().map(|file| file.content.len() as u64).sum();
    let fits = parked.size(&fields.id) + added <= bytes_max;
    if fits {
        parked.add(&fields.id, files);
    }
    let mailboxes = signed.mailboxes().await?;
    answer::list_originals(signed, &mailboxes, &mut fields, Some(&typed)).await?;
    let mut errors = Vec::new();
    if typed.is_too_large || !fits {
        let limit = date::size(signed.locale(), bytes_max);
        let text = signed.locale().with("compose-files-too-large", "limit", limit);
        errors.push(Mistake { field: "fichiers", text });
    }
    // The request came from one of our own pages (that was checked), but of an older session:
    // nothing is sent, and nothing that was typed is lost.
    if !signed.is_own_token(typed.get("jeton")) {
        let text = signed.locale().text("compose-stale");
        errors.insert(0, Mistake { field: "envoyer", text });
        return page(signed, StatusCode::FORBIDDEN, &mailboxes, fields, errors);
    }
    match typed.get("action") {
        "envoyer" if errors.is_empty() => {}
        action => {
            let index = action.strip_prefix("retirer-").and_then(|index| index.parse().ok());
            if let Some(index) = index {
                parked.remove(&fields.id, index);
            }
            let status = match errors.is_empty() {
                true => StatusCode::OK,
                false => StatusCode::UNPROCESSABLE_ENTITY,
            };
            return page(signed, status, &mailboxes, fields, errors);
        }
    }
    if !parked.begin_sending(&fields.id) {
        return Ok(headers::see_other(visit, "/boite/INBOX"));
    }
    match send::send(signed, &mailboxes, &fields).await {
        Ok(notice) => {
            parked.sent(&fields.id);
            signed.session.set_notice(notice);
            Ok(headers::see_other(visit, "/boite/INBOX"))
        }
        Err(errors) => {
            parked.not_sent(&fields.id);
            page(signed, StatusCode::UNPROCESSABLE_ENTITY, &mailboxes, fields, errors)
        }
    }
}

/// `POST /ecrire` after the session's end: the text comes back, with a way to log in again beside
/// it.
pub(crate) async fn rescue(visit: &Visit, input: Input) -> Result<Response<Body>, Error> {
    let typed = form::read(visit, input, Files::Skip).await?;
    let locale = visit.locale();
    let heading = locale.text("compose-title");
    let text = locale.text("compose-session-over");
    let template = ComposePage {
        page: Page::outside(visit, locale.with("compose-title-error", "title", heading.as_str())),
        heading,
        fields: Fields::of(&typed),
        errors: vec![Mistake { field: "envoyer", text }],
        senders: Vec::new(),
        waiting: Vec::new(),
        limit: date::size(locale, visit.webmail.settings().upload_bytes_max),
        rescued: true,
    };
    view::render(visit, StatusCode::UNAUTHORIZED, &template)
}
