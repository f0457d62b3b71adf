//! The list of mailboxes, and the list of messages in one of them.

use hyper::{Response, StatusCode};
use mail_service::{Entry, MailboxInfo, MessageRow, Snapshot};
use mail_types::{Flag, Keyword, SpecialUse, Uid, UidSet};

use crate::account::{Signed, find};
use crate::date::{self, Calendar};
use crate::error::Error;
use crate::http::Body;
use crate::people::{Person, clean};
use crate::url;
use crate::view::{self, Folder, Page, shown_name};

#[derive(askama::Template)]
#[template(path = "folders.html")]
struct FoldersPage<'a> {
    page: Page<'a>,
}

#[derive(askama::Template)]
#[template(path = "mailbox.html")]
struct MailboxPage<'a> {
    page: Page<'a>,
    /// What the mailbox is called.
    name: String,
    /// Where its forms go.
    action: String,
    uid_validity: String,
    /// The account's version this page shows.
    version: u64,
    rows: Vec<Row>,
    /// `1–50 sur 1 234`
    range: String,
    newer: Option<String>,
    older: Option<String>,
    targets: Vec<Target>,
    is_trash: bool,
    is_archive: bool,
    /// Whether mail that came before a reset by identity alone is closed.
    is_locked: bool,
    /// The day on which its owner leaves.
    leaves_on: Option<String>,
}

/// A mailbox that messages can be moved to.
pub(crate) struct Target {
    pub(crate) value: String,
    pub(crate) name: String,
}

/// One message in a list.
pub(crate) struct Row {
    pub(crate) uid: Uid,
    pub(crate) href: String,
    /// Whom it is from, or to in mailboxes of one's own messages.
    pub(crate) person: String,
    pub(crate) is_to: bool,
    pub(crate) subject: String,
    pub(crate) preview: String,
    pub(crate) date: String,
    pub(crate) machine_date: String,
    pub(crate) unix_seconds: i64,
    pub(crate) unread: bool,
    pub(crate) flagged: bool,
    pub(crate) answered: bool,
    pub(crate) forwarded: bool,
    pub(crate) attachment: bool,
    /// The mailbox, in lists over several.
    pub(crate) mailbox: Option<String>,
}

/// `/dossiers`: for narrow screens, where the side bar is a page.
pub(crate) async fn folders(signed: &Signed) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    let page = Page::inside(signed, signed.locale().text("folders-title"), &mailboxes, "");
    view::render(&signed.visit, StatusCode::OK, &FoldersPage { page })
}

/// `/boite/{name}`
pub(crate) async fn show(signed: &Signed, name: &str) -> Result<Response<Body>, Error> {
    let (actor, owner) = (signed.actor(), signed.owner());
    // Before the list is read: whatever comes later is then seen to be later.
    let version = *signed.service().account_changes(actor, owner).await?.borrow();
    let mailboxes = signed.mailboxes().await?;
    let info = find(&mailboxes, name)?;
    let open = signed.open(&mailboxes, name).await?;
    let snapshot = open.snapshot();
    let rows_per_page = signed.visit.webmail.settings().rows_per_page.clamp(1, 500);
    let pages = snapshot.len().div_ceil(rows_per_page).max(1);
    let wanted = signed.visit.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let number = wanted.clamp(1, pages);
    let first = (number - 1) * rows_per_page;
    let entries = entries_from_the_end(&snapshot, first, rows_per_page);
    let uids: UidSet = entries.iter().map(|entry| entry.uid.get()).collect();
    let found = signed.service().messages(actor, &open, &uids, rows_per_page).await?;
    let calendar = signed.calendar();
    let rows: Vec<Row> = entries
        .iter()
        .filter_map(|entry| {
            let place = found.binary_search_by_key(&entry.uid, |(uid, _)| *uid).ok()?;
            Some(row(&calendar, info, entry, &found[place].1))
        })
        .collect();
    let locale = signed.locale();
    let shown = shown_name(locale, info);
    let title = match info.status.unseen {
        0 => shown.clone(),
        unseen => format!("{shown} ({unseen})"),
    };
    let href = |page: usize| format!("/boite/{}?page={page}", url::encode(name));
    let template = MailboxPage {
        page: Page::inside(signed, title, &mailboxes, name),
        name: shown,
        action: format!("/boite/{}", url::encode(name)),
        uid_validity: snapshot.uid_validity.to_string(),
        version,
        range: range(signed, first, rows.len(), snapshot.len(), "messages-count"),
        rows,
        newer: (number > 1).then(|| href(number - 1)),
        older: (number < pages).then(|| href(number + 1)),
        targets: targets(signed, &mailboxes, name),
        is_trash: info.special_use == Some(SpecialUse::Trash),
        is_archive: info.special_use == Some(SpecialUse::Archive),
        is_locked: signed.account.mail_locked_before.is_some(),
        leaves_on: signed.account.leaves_on.map(|day| day.french()),
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

/// Newest first.
fn entries_from_the_end(snapshot: &Snapshot, skip: usize, take: usize) -> Vec<Entry> {
    let end = snapshot.len().saturating_sub(skip);
    let start = end.saturating_sub(take);
    (start..end).rev().filter_map(|index| snapshot.at(index).cloned()).collect()
}

/// `51–60 sur 60`; what there is, with its noun, when one page shows all of it.
pub(crate) fn range(
    signed: &Signed,
    first: usize,
    count: usize,
    all: usize,
    noun: &'static str,
) -> String {
    let locale = signed.locale();
    let shown = |number: usize| date::number(number as u64);
    match count {
        0 => String::new(),
        _ if count == all => locale.with(noun, "count", all as u64),
        _ => {
            let (first, last) = (shown(first + 1), shown(first + count));
            let values = [("first", first), ("last", last), ("all", shown(all))];
            locale.with_all("list-range", &values)
        }
    }
}

/// Where messages of this mailbox can be moved to.
pub(crate) fn targets(signed: &Signed, mailboxes: &[MailboxInfo], name: &str) -> Vec<Target> {
    let all = view::folders(signed.locale(), mailboxes, name).into_iter();
    let others = all.filter(|folder: &Folder| !folder.is_current);
    others.map(|folder| Target { value: folder.value, name: folder.name }).collect()
}

/// A message as lists show it. Everything comes from its record: nothing is parsed here.
pub(crate) fn row(
    calendar: &Calendar<'_>,
    info: &MailboxInfo,
    entry: &Entry,
    message: &MessageRow,
) -> Row {
    let locale = calendar.locale;
    let summary = &message.summary;
    let is_to = matches!(info.special_use, Some(SpecialUse::Sent | SpecialUse::Drafts));
    let names = |people: &[(String, String)]| {
        let names = people.iter().map(|(name, address)| Person::new(name, address).into_label());
        names.collect::<Vec<_>>().join(", ")
    };
    let person = match is_to {
        true => names(&summary.to),
        false => names(summary.from.as_slice()),
    };
    let or = |text: String, name: &str| if text.is_empty() { locale.text(name) } else { text };
    let date = message.internal_date.unix_seconds();
    let path = match info.special_use {
        Some(SpecialUse::Drafts) => format!("/ecrire/{}", entry.uid),
        _ => format!("/m/{}/{}", url::encode(info.name.as_str()), entry.uid),
    };
    Row {
        uid: entry.uid,
        href: path,
        person: or(person, if is_to { "list-no-recipient" } else { "list-nobody" }),
        is_to,
        subject: or(clean(&summary.subject, 200), "no-subject"),
        preview: clean(&summary.preview, 140),
        date: calendar.list(date),
        machine_date: calendar.machine(date),
        unix_seconds: date,
        unread: !entry.flags.is_seen(),
        flagged: entry.flags.contains(&Flag::Flagged),
        answered: entry.flags.contains(&Flag::Answered),
        forwarded: forwarded().is_some_and(|flag| entry.flags.contains(&flag)),
        attachment: summary.has_attachment,
        mailbox: None,
    }
}

/// The keyword of messages that were forwarded (RFC 9051 §2.3.2).
pub(crate) fn forwarded() -> Option<Flag> {
    Keyword::try_from("$Forwarded").ok().map(Flag::Keyword)
}
