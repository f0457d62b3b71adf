//! One message: who wrote it, its text, its files, and what can be done with it.

use hyper::{Response, StatusCode};
use mail_message::{address, header};
use mail_service::{FlagChange, MailboxInfo};
use mail_types::{Flag, FlagSet, SpecialUse, UidSet};

use crate::account::{Signed, find, parse_uid};
use crate::attachment::{is_shown, name_of};
use crate::body::{Contents, Found, Piece};
use crate::date;
use crate::error::Error;
use crate::http::Body;
use crate::mailbox::{Target, targets};
use crate::people::{Person, clean};
use crate::sanitize::text::{self, Block, Piece as TextPiece};
use crate::url;
use crate::view::{self, Page, shown_name};

/// Recipients that are shown.
const PEOPLE_MAX: usize = 100;
/// Recipients of a field that all stand before the text.
const UNFOLDED_MAX: usize = 8;

#[derive(askama::Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    page: Page<'a>,
    subject: String,
    from: Option<Person>,
    /// The display name is itself an address, and another one.
    poses: bool,
    to: Vec<Person>,
    cc: Vec<Person>,
    date: String,
    machine_date: String,
    path: String,
    back: String,
    mailbox: String,
    uid_validity: String,
    flagged: bool,
    is_trash: bool,
    is_archive: bool,
    /// Where its writing goes on, when it is a draft.
    draft: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    targets: Vec<Target>,
    files: Vec<File>,
    /// Where the HTML is, when that is shown.
    frame: Option<String>,
    /// Where the other form of the text is.
    other_form: Option<String>,
    blocks: Vec<Block>,
    is_cut: bool,
}

impl MessagePage<'_> {
    /// Those who are shown, and those behind "and so many others": on a telephone a whole staff room
    /// would stand before the text.
    fn folded<'b>(&self, people: &'b [Person]) -> (&'b [Person], &'b [Person]) {
        if people.len() <= UNFOLDED_MAX {
            return (people, &[]);
        }
        people.split_at(UNFOLDED_MAX - 2)
    }
}

/// A file of a message.
struct File {
    name: String,
    size: String,
    href: String,
    shown: Option<String>,
}

/// `/m/{name}/{uid}`; with `?forme=texte` without HTML.
pub(crate) async fn show(signed: &Signed, name: &str, uid: &str) -> Result<Response<Body>, Error> {
    let uid = parse_uid(uid)?;
    let mailboxes = signed.mailboxes().await?;
    let info = find(&mailboxes, name)?;
    let open = signed.open(&mailboxes, name).await?;
    let snapshot = open.snapshot();
    let entry = snapshot.get(uid).cloned().ok_or(Error::NotFound)?;
    let found = Found::look_up(signed.service(), signed.actor(), open, uid).await?;
    let contents = Contents::of(&found.structure);
    let as_text = signed.visit.query("forme") == Some("texte");
    let shows_html = contents.html.is_some() && !as_text;
    let bytes_max = signed.visit.webmail.settings().html_bytes_max;
    let (plain, is_cut) = match shows_html {
        true => (String::new(), false),
        false => found.plain(&contents, bytes_max).await?,
    };
    let stays_unseen = signed.visit.is_prefetch() || signed.account.is_read_only();
    let mailboxes = match entry.flags.is_seen() || stays_unseen {
        true => mailboxes.clone(),
        false => mark_seen(signed, &found).await?,
    };
    let (to, cc) = recipients(signed, &found).await?;
    let summary = &found.row.summary;
    let subject = clean(&summary.subject, 300);
    let subject = if subject.is_empty() { signed.locale().text("no-subject") } else { subject };
    let from = summary.from.as_ref().map(|(name, address)| Person::new(name, address));
    let path = format!("/m/{}/{uid}", url::encode(name));
    let sent = summary.date.unwrap_or(found.row.internal_date.unix_seconds());
    let calendar = signed.calendar();
    let place = snapshot.position(uid);
    let neighbour = |index: Option<usize>| {
        let entry = index.and_then(|index| snapshot.at(index))?;
        Some(format!("/m/{}/{}", url::encode(name), entry.uid))
    };
    let template = MessagePage {
        page: Page::inside(signed, subject.clone(), &mailboxes, name),
        poses: from.as_ref().is_some_and(Person::poses),
        from,
        subject,
        to,
        cc,
        date: calendar.long(sent),
        machine_date: calendar.machine(sent),
        back: format!("/boite/{}", url::encode(name)),
        mailbox: shown_name(signed.locale(), info),
        uid_validity: snapshot.uid_validity.to_string(),
        flagged: entry.flags.contains(&Flag::Flagged),
        is_trash: info.special_use == Some(SpecialUse::Trash),
        is_archive: info.special_use == Some(SpecialUse::Archive),
        draft: (info.special_use == Some(SpecialUse::Drafts)).then(|| format!("/ecrire/{uid}")),
        newer: neighbour(place.map(|place| place + 1)),
        older: neighbour(place.and_then(|place| place.checked_sub(1))),
        targets: targets(signed, &mailboxes, name),
        files: contents.files.iter().map(|file| shown_file(signed, name, &found, file)).collect(),
        frame: shows_html.then(|| format!("{path}/corps")),
        other_form: contents.html.is_some().then(|| match as_text {
            true => path.clone(),
            false => format!("{path}?forme=texte"),
        }),
        blocks: text::blocks(&plain),
        is_cut,
        path,
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

/// Reading a message marks it as read, as FETCH BODY[] does (RFC 9051 §6.4.5). The one thing a GET
/// changes: the cookie is not sent along from other sites, and a browser that fetches ahead is
/// told apart.
async fn mark_seen(signed: &Signed, found: &Found) -> Result<Vec<MailboxInfo>, Error> {
    let only = UidSet::range(found.uid.get(), found.uid.get());
    let seen: FlagSet = [Flag::Seen].into_iter().collect();
    let service = signed.service();
    service.store_flags(signed.actor(), &found.open, &only, FlagChange::Add, &seen, None).await?;
    signed.mailboxes().await
}

/// The people in `To` and `Cc`, from the header: the list's record keeps only a few.
pub(crate) async fn recipients(
    signed: &Signed,
    found: &Found,
) -> Result<(Vec<Person>, Vec<Person>), Error> {
    let only = UidSet::range(found.uid.get(), found.uid.get());
    let headers = signed.service().headers(signed.actor(), &found.open, &only, 1).await?;
    let raw = headers.into_iter().next().map(|(_, raw)| raw).unwrap_or_default();
    let people = |name| {
        let value = header::first(&raw, name).unwrap_or_default();
        let found = address::mailboxes(&value, PEOPLE_MAX).into_iter();
        found.map(|(name, address)| Person::new(&name, &address)).collect()
    };
    Ok((people("To"), people("Cc")))
}

fn shown_file(signed: &Signed, name: &str, found: &Found, file: &Piece) -> File {
    let href = format!("/pj/{}/{}/{}", url::encode(name), found.uid, file.number());
    File {
        name: name_of(file),
        size: date::size(signed.locale(), file.size()),
        shown: is_shown(&file.part).then(|| format!("{href}?voir=1")),
        href,
    }
}
