//! Writing: a new message, an answer, a forward, a draft. Whatever goes wrong, what was typed
//! stays.

mod answer;
mod drafts;
pub(crate) mod form;
mod later;
mod page;
mod recipients;
mod send;
mod submit;
mod writing;

use hyper::{Response, StatusCode};

pub(crate) use self::answer::answer;
use self::drafts::DraftId;
pub(crate) use self::drafts::{message_id, open as open_draft, open_mailbox as drafts_mailbox};
use self::form::Typed;
use self::page::{View, page};
pub(crate) use self::recipients::{list as list_people, read as read_people};
pub(crate) use self::submit::{rescue, submit};
use crate::account::Signed;
use crate::contacts;
use crate::csrf::hex;
use crate::error::Error;
use crate::http::Body;
use crate::people::clean;

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
    /// When it is to leave, as typed.
    pub(crate) when: String,
    pub(crate) origin: Option<Origin>,
    /// The draft that this page shows or saved last.
    pub(crate) draft: Option<DraftId>,
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

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mistake {
    /// The field's id on the page.
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

pub(crate) fn mistake(field: &'static str, text: String) -> Mistake {
    Mistake { field, text }
}

/// Why a message was not sent.
pub(crate) enum Failure {
    /// Somebody can mend it.
    Mistakes(Vec<Mistake>),
    /// Nobody can.
    Error(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Error(error.into())
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
            when: typed.get("quand").to_owned(),
            origin,
            draft: DraftId::parse(typed.get("brouillon")),
            originals: Vec::new(),
        }
    }
}

fn new_id() -> String {
    hex(rand::random::<[u8; 16]>())
}

/// `/ecrire`, perhaps with `?a=`, `?contact=` or `?groupe=`.
pub(crate) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let to = match contacts::named_in_query(signed).await? {
        Some(people) => people,
        None => clean(signed.visit.query("a").unwrap_or_default(), 500),
    };
    // Parents of a class need not learn each other's addresses.
    let is_hidden = signed.visit.query("cci").is_some();
    let (to, bcc) = if is_hidden { (String::new(), to) } else { (to, String::new()) };
    let fields = Fields { id: new_id(), to, bcc, ..Fields::default() };
    let mailboxes = signed.mailboxes().await?;
    page(signed, StatusCode::OK, &mailboxes, fields, View::default())
}
