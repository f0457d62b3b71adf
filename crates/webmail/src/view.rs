//! What every page has around its own content.

use hyper::{Response, StatusCode};
use mail_service::MailboxInfo;
use mail_types::SpecialUse;

use crate::account::Signed;
use crate::contacts::CONTACTS;
use crate::date;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Visit};
use crate::locale::Locale;
use crate::url;

/// The frame of a page.
pub(crate) struct Page<'a> {
    pub(crate) t: &'a Locale,
    pub(crate) title: String,
    pub(crate) product: String,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
    /// How far the service is accessible, for the foot of the page.
    pub(crate) accessibility: String,
    /// Who is logged in: name and address.
    pub(crate) user: Option<(String, String)>,
    /// Whether the help desk is theirs.
    pub(crate) is_officer: bool,
    /// Whether the administration's pages are theirs.
    pub(crate) is_administrator: bool,
    /// Whether nothing can be changed: its owner leaves.
    pub(crate) is_read_only: bool,
    pub(crate) token: String,
    pub(crate) folders: Vec<Folder>,
    pub(crate) query: String,
    /// The address book is what is shown.
    pub(crate) in_contacts: bool,
    pub(crate) notice: Option<String>,
    pub(crate) undo: Option<UndoBar>,
}

/// The message sent last, while it can be taken back.
pub(crate) struct UndoBar {
    /// What was said about its sending.
    pub(crate) text: String,
    /// Where its form goes.
    pub(crate) action: String,
    /// Seconds left.
    pub(crate) left: i64,
}

/// A mailbox in the side bar.
pub(crate) struct Folder {
    pub(crate) name: String,
    /// The name in forms.
    pub(crate) value: String,
    pub(crate) href: String,
    pub(crate) unseen: u32,
    pub(crate) icon: &'static str,
    pub(crate) is_current: bool,
    /// Levels above it.
    pub(crate) depth: usize,
}

impl Folder {
    /// How many unread ones, for people.
    pub(crate) fn unseen_shown(&self) -> String {
        date::number(u64::from(self.unseen))
    }
}

impl<'a> Page<'a> {
    /// The frame for somebody who is not logged in.
    pub(crate) fn outside(visit: &'a Visit, title: String) -> Self {
        let (settings, assets) = (visit.webmail.settings(), visit.webmail.assets());
        Self {
            t: visit.locale(),
            title,
            product: settings.theme.name.clone(),
            accessibility: visit.locale().with(
                "foot-accessibility",
                "state",
                settings.notices.accessibility.name(),
            ),
            style: assets.style.path.clone(),
            script: assets.script.path.clone(),
            icon: assets.icon.path.clone(),
            user: None,
            is_officer: false,
            is_administrator: false,
            is_read_only: false,
            token: String::new(),
            folders: Vec::new(),
            query: String::new(),
            in_contacts: false,
            notice: None,
            undo: None,
        }
    }

    /// The address of whoever is logged in.
    pub(crate) fn address(&self) -> &str {
        self.user.as_ref().map(|(_, address)| address.as_str()).unwrap_or_default()
    }

    /// The frame for somebody who is, with their mailboxes.
    pub(crate) fn inside(
        signed: &'a Signed,
        title: String,
        mailboxes: &[MailboxInfo],
        current: &str,
    ) -> Self {
        let account = &signed.account;
        let address = account.primary_address.to_string();
        let name = if account.name.is_empty() { address.clone() } else { account.name.clone() };
        Self {
            user: Some((name, address)),
            is_officer: account.helps(),
            is_administrator: account.administers(),
            is_read_only: account.is_read_only(),
            token: signed.token(),
            folders: with_scheduled(signed, folders(signed.locale(), mailboxes, current), current),
            query: match current == CONTACTS {
                true => String::new(),
                false => signed.visit.query("q").unwrap_or_default().to_owned(),
            },
            in_contacts: current == CONTACTS,
            notice: signed.session.take_notice(),
            undo: signed.session.undo(signed.service().now()).map(|(undo, left)| UndoBar {
                text: undo.text,
                action: format!("/envois/{}", undo.id),
                left,
            }),
            ..Self::outside(&signed.visit, title)
        }
    }
}

/// What the list of scheduled messages is called among the mailboxes.
pub(crate) const SCHEDULED: &str = "/envois";

/// Scheduled messages stand before the sent ones, when there are any.
fn with_scheduled(signed: &Signed, mut folders: Vec<Folder>, current: &str) -> Vec<Folder> {
    if signed.has_scheduled() || current == SCHEDULED {
        let place = folders.iter().position(|folder| folder.icon == "sent");
        let scheduled = Folder {
            name: signed.locale().text("outbox-title"),
            value: String::new(),
            href: SCHEDULED.into(),
            unseen: 0,
            icon: "clock",
            is_current: current == SCHEDULED,
            depth: 0,
        };
        folders.insert(place.unwrap_or(folders.len()), scheduled);
    }
    folders
}

/// The mailboxes people see: those with a use first, in the order in which people read them.
pub(crate) fn folders(locale: &Locale, mailboxes: &[MailboxInfo], current: &str) -> Vec<Folder> {
    let rank = |info: &MailboxInfo| match info.special_use {
        _ if info.name.is_inbox() => 0,
        Some(special_use) => {
            1 + SpecialUse::ALL.iter().position(|one| *one == special_use).unwrap_or(0)
        }
        None => 10,
    };
    let mut sorted: Vec<_> = mailboxes.iter().filter(|info| !info.no_select).collect();
    sorted.sort_by_key(|info| rank(info));
    let folder = |info: &MailboxInfo| Folder {
        name: shown_name(locale, info),
        value: info.name.to_string(),
        href: format!("/boite/{}", url::encode(info.name.as_str())),
        unseen: info.status.unseen,
        icon: icon(info),
        is_current: info.name.as_str() == current,
        depth: if rank(info) < 10 { 0 } else { info.name.as_str().matches('/').count().min(4) },
    };
    sorted.into_iter().map(folder).collect()
}

/// What a mailbox is called here, whatever it is called on the wire.
pub(crate) fn shown_name(locale: &Locale, info: &MailboxInfo) -> String {
    match info.special_use {
        _ if info.name.is_inbox() => locale.text("folder-inbox"),
        Some(SpecialUse::Drafts) => locale.text("folder-drafts"),
        Some(SpecialUse::Sent) => locale.text("folder-sent"),
        Some(SpecialUse::Archive) => locale.text("folder-archive"),
        Some(SpecialUse::Junk) => locale.text("folder-junk"),
        Some(SpecialUse::Trash) => locale.text("folder-trash"),
        None => info.name.leaf().to_owned(),
    }
}

fn icon(info: &MailboxInfo) -> &'static str {
    match info.special_use {
        _ if info.name.is_inbox() => "inbox",
        Some(SpecialUse::Drafts) => "draft",
        Some(SpecialUse::Sent) => "sent",
        Some(SpecialUse::Archive) => "archive",
        Some(SpecialUse::Junk) => "junk",
        Some(SpecialUse::Trash) => "trash",
        None => "folder",
    }
}

/// Renders a template into a page.
pub(crate) fn render(
    visit: &Visit,
    status: StatusCode,
    template: &impl askama::Template,
) -> Result<Response<Body>, Error> {
    Ok(headers::page(visit, status, template.render()?))
}

/// A page with one sentence on it.
#[derive(askama::Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Page<'a>,
    explanation: String,
}

/// The page that explains an error.
pub(crate) fn explain(visit: &Visit, error: &Error) -> Response<Body> {
    let (status, name) = error.explain();
    if status.is_server_error() {
        tracing::warn!(path = visit.path.first().map(String::as_str), %error, "page failed");
    }
    let page = Page::outside(visit, visit.locale().text("error-title"));
    let explanation = visit.locale().text(name);
    render(visit, status, &ErrorPage { page, explanation })
        .unwrap_or_else(|_| headers::page(visit, status, String::new()))
}
