//! Messages of one's own that wait in the queue: taken back, or sent at once after all.

use hyper::{Response, StatusCode};
use mail_message::{address, header};
use mail_service::queue::Entry;
use mail_types::QueueId;

use crate::account::Signed;
use crate::compose;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Input};
use crate::people::{Person, clean};
use crate::view::{self, Page, SCHEDULED};

/// Bytes of a header section that are looked at.
const HEADER_BYTES_MAX: u64 = 64 << 10;
/// Recipients named in a row.
const NAMED_MAX: usize = 8;

#[derive(askama::Template)]
#[template(path = "outbox.html")]
struct OutboxPage<'a> {
    page: Page<'a>,
    rows: Vec<Row>,
    zone: String,
}

/// A message that waits.
struct Row {
    id: QueueId,
    people: String,
    subject: String,
    /// When it leaves.
    date: String,
    machine_date: String,
    release: i64,
}

/// `/envois`: what is scheduled, the next one first.
pub(crate) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let entries = signed.service().scheduled(signed.actor()).await?;
    let mailboxes = signed.mailboxes().await?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.push(row(signed, entry).await?);
    }
    rows.sort_by_key(|row| row.release);
    let title = signed.locale().text("outbox-title");
    let template = OutboxPage {
        page: Page::inside(signed, title, &mailboxes, SCHEDULED),
        rows,
        zone: signed.service().settings().time_zone.clone(),
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

async fn row(signed: &Signed, entry: Entry) -> Result<Row, Error> {
    let locale = signed.locale();
    let release = entry.recipients.iter().map(|(_, row)| row.next_attempt).min().unwrap_or(0);
    let outgoing = signed.service().outgoing(entry.message, &[]);
    let raw = outgoing.header(HEADER_BYTES_MAX).await?;
    let value = |name| header::first(&raw, name).unwrap_or_default();
    let mut people = address::mailboxes(&value("To"), NAMED_MAX);
    if people.is_empty() {
        // All are hidden, or named as copies only.
        let addresses = entry.recipients.iter().take(NAMED_MAX);
        people = addresses.map(|(_, row)| (String::new(), row.address.to_string())).collect();
    }
    let names = people.iter().map(|(name, address)| Person::new(name, address).into_label());
    let subject = clean(&header::decode_text(&value("Subject"), 200), 200);
    let calendar = signed.calendar();
    Ok(Row {
        id: entry.id,
        people: names.collect::<Vec<_>>().join(", "),
        subject: if subject.is_empty() { locale.text("no-subject") } else { subject },
        date: calendar.long(release),
        machine_date: calendar.machine(release),
        release,
    })
}

/// `POST /envois/{id}`: back into a draft, or out at once.
pub(crate) async fn act(signed: &Signed, id: &str, input: Input) -> Result<Response<Body>, Error> {
    let form = signed.form(input).await?;
    let id = parse(id).ok_or(Error::NotFound)?;
    match form.get("action") {
        "reprendre" => take_back(signed, id).await,
        "maintenant" => {
            let sent = signed.service().send_now(signed.actor(), id).await?;
            let name = if sent { "outbox-now" } else { "outbox-too-late" };
            signed.session.set_notice(signed.locale().text(name));
            Ok(headers::see_other(&signed.visit, SCHEDULED))
        }
        _ => Err(Error::BadRequest("unknown action")),
    }
}

async fn take_back(signed: &Signed, id: QueueId) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    // There is one afterwards, whoever deleted theirs.
    compose::drafts_mailbox(signed, &mailboxes).await?;
    let own = signed.service().outbox(signed.actor()).await?;
    let (service, actor) = (signed.service().clone(), signed.actor());
    // A task of its own: a browser that goes away leaves nothing half done.
    let taken = tokio::spawn(async move { service.take_back(actor, id).await });
    let taken = taken.await.map_err(|_| Error::Worker)??;
    signed.session.undone(id);
    let locale = signed.locale();
    let Some(draft) = taken else {
        signed.session.set_notice(locale.text("outbox-too-late"));
        return Ok(headers::see_other(&signed.visit, "/boite/INBOX"));
    };
    // The page that wrote it may go on: it saves and sends again.
    let message_id = own.into_iter().find(|(waiting, _)| *waiting == id);
    if let Some(message_id) = message_id.and_then(|(_, row)| row.message_id) {
        let is_it = |closed: &String| compose::message_id(signed, closed) == message_id;
        signed.session.closed.lock().await.retain(|closed| !is_it(closed));
    }
    signed.session.set_notice(locale.text("outbox-taken-back"));
    Ok(headers::see_other(&signed.visit, &format!("/ecrire/{}", draft.uid)))
}

/// An id as paths spell it.
fn parse(text: &str) -> Option<QueueId> {
    let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| is_id).map(QueueId)
}
