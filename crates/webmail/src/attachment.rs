//! W3: parts of a message on their way to a disk or an `img`, under addresses that either need the
//! session or are signed for a few minutes.

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use mail_message::decode::{TransferDecoder, TransferEncoding};
use mail_message::structure::Section;
use mail_types::{AccountId, Actor, MailboxName, Uid};
use tokio::sync::mpsc;

use crate::account::{Signed, parse_uid};
use crate::body::{self, Found, Piece};
use crate::error::Error;
use crate::headers::{self, Fence, attachment_disposition};
use crate::http::{Body, Cut, Visit};
use crate::url;

/// How long a signed address opens.
const SIGNED_SECONDS: i64 = 300;
/// Deepest part number that is looked at.
const PATH_MAX: usize = 100;

/// Types that may be looked at without being saved; everything else is only bytes.
const SHOWN: [&str; 6] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"];

/// The type a part is served under: a listed one, or bytes.
pub(crate) fn served_type(part: &mail_message::part::Part) -> &'static str {
    let (main, sub) = part.media_type();
    let named = format!("{main}/{sub}");
    SHOWN.into_iter().find(|shown| *shown == named).unwrap_or("application/octet-stream")
}

/// Whether a part can be looked at without being saved. Not PDF: browsers refuse to show one in
/// the sandbox that everything from a message gets.
pub(crate) fn is_shown(part: &mail_message::part::Part) -> bool {
    let media_type = served_type(part);
    media_type.starts_with("image/") || media_type == "text/plain"
}

/// `/pj/{name}/{uid}/{part}`; with `?voir` to look at it.
pub(crate) async fn show(
    signed: &Signed,
    name: &str,
    uid: &str,
    part: &str,
) -> Result<Response<Body>, Error> {
    let uid = parse_uid(uid)?;
    let inline = signed.visit.query("voir").is_some();
    let wanted = if inline { format!("{part}v") } else { part.to_owned() };
    if let Some(elsewhere) = on_content_host(signed, name, uid, &wanted) {
        return Ok(elsewhere);
    }
    let mailboxes = signed.mailboxes().await?;
    let open = signed.open(&mailboxes, name).await?;
    let found = Found::look_up(signed.service(), signed.actor(), open, uid).await?;
    serve_part(&signed.visit, found, part, inline)
}

/// `/m/{name}/{uid}/source`: the message as it came.
pub(crate) async fn source(
    signed: &Signed,
    name: &str,
    uid: &str,
) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    let open = signed.open(&mailboxes, name).await?;
    let found = Found::look_up(signed.service(), signed.actor(), open, parse_uid(uid)?).await?;
    let subject = found.row.summary.subject.clone();
    let file = if subject.is_empty() { "message".to_owned() } else { subject };
    let disposition = attachment_disposition("attachment", &format!("{file}.eml"));
    let size = found.row.size();
    let body = stream(found, 0..size, TransferEncoding::Identity);
    Ok(part_response(&signed.visit, "application/octet-stream", &disposition, body))
}

/// With a second host for content: the same thing there, signed.
pub(crate) fn on_content_host(
    signed: &Signed,
    name: &str,
    uid: Uid,
    part: &str,
) -> Option<Response<Body>> {
    let settings = signed.visit.webmail.settings();
    let host = settings.content_url.as_ref()?;
    let path = signed_path(&signed.visit, signed.owner(), name, uid, part);
    let mut response = headers::see_other(&signed.visit, "/");
    let target = HeaderValue::from_str(&format!("{host}{path}")).ok()?;
    response.headers_mut().insert(header::LOCATION, target);
    Some(response)
}

/// A signed address of a part of a message, for documents that have no cookies.
pub(crate) fn sign(visit: &Visit, found: &Found, name: &str, part: &str) -> String {
    signed_path(visit, found.open.owner(), name, found.uid, part)
}

fn signed_path(visit: &Visit, owner: AccountId, name: &str, uid: Uid, part: &str) -> String {
    let until = visit.webmail.service.now().as_second() + SIGNED_SECONDS;
    let what = format!("{until}/{}/{}/{uid}/{part}", owner.0, url::encode(name));
    format!("/contenu/{}/{what}", visit.webmail.seal.sign(&what))
}

/// `/contenu/{signature}/{until}/{account}/{name}/{uid}/{part}`
pub(crate) async fn signed(visit: &Visit, rest: &[&str]) -> Result<Response<Body>, Error> {
    let [signature, until, account, name, uid, part] = rest else { return Err(Error::NotFound) };
    let what = format!("{until}/{account}/{}/{uid}/{part}", url::encode(name));
    let service = &visit.webmail.service;
    let is_valid = visit.webmail.seal.is_signed(&what, signature)
        && until.parse::<i64>().is_ok_and(|until| service.now().as_second() < until);
    if !is_valid {
        return Err(Error::NotFound);
    }
    let owner = AccountId(account.parse().map_err(|_| Error::NotFound)?);
    let account = service.directory().account(owner).await?;
    if account.is_none_or(|account| !account.is_in_use()) {
        return Err(Error::NotFound);
    }
    let actor = Actor::Account(owner);
    let mailbox = MailboxName::parse(name).map_err(|_| Error::NotFound)?;
    let open = service.open_mailbox(actor, owner, &mailbox).await?;
    let found = Found::look_up(service, actor, open, parse_uid(uid)?).await?;
    match part.strip_suffix('v') {
        _ if *part == "corps" => body::document(visit, &found, name).await,
        Some(part) => serve_part(visit, found, part, true),
        None => serve_part(visit, found, part, false),
    }
}

fn serve_part(
    visit: &Visit,
    found: Found,
    part: &str,
    inline: bool,
) -> Result<Response<Body>, Error> {
    let path: Option<Vec<u32>> =
        part.split('.').take(PATH_MAX).map(|number| number.parse().ok()).collect();
    let path = path.ok_or(Error::NotFound)?;
    let piece = found.structure.part(&path).cloned().ok_or(Error::NotFound)?;
    let range = found.structure.range(&path, Section::Body).ok_or(Error::NotFound)?;
    let piece = Piece { path, part: piece };
    let media_type = served_type(&piece.part);
    // A picture within a letter is asked for by an `img`, which does not mind being an attachment.
    let kind = if inline && is_shown(&piece.part) { "inline" } else { "attachment" };
    let disposition = attachment_disposition(kind, &name_of(&piece));
    let encoding = piece.part.transfer_encoding();
    let media_type = match media_type {
        "text/plain" => format!("text/plain; charset={}", served_charset(piece.part.charset())),
        other => other.to_owned(),
    };
    Ok(part_response(visit, &media_type, &disposition, stream(found, range, encoding)))
}

/// What a part is called.
pub(crate) fn name_of(piece: &Piece) -> String {
    let (main, sub) = piece.part.media_type();
    let named = piece.part.file_name().map(|name| headers::file_name(&name));
    named.unwrap_or_else(|| match (main.as_str(), sub.as_str()) {
        ("message", _) => format!("message-{}.eml", piece.number()),
        ("text", "plain") => format!("texte-{}.txt", piece.number()),
        ("image", "jpeg" | "png" | "gif" | "webp") => format!("image-{}.{sub}", piece.number()),
        _ => format!("fichier-{}", piece.number()),
    })
}

/// A character set as a header may name it.
fn served_charset(charset: &str) -> &str {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let known = !charset.eq_ignore_ascii_case("us-ascii") && charset.len() <= 40;
    if known && charset.bytes().all(harmless) && !charset.is_empty() { charset } else { "utf-8" }
}

fn part_response(visit: &Visit, media_type: &str, disposition: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let bytes = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap_or(bytes));
    let fallback = HeaderValue::from_static("attachment");
    let disposition = HeaderValue::from_str(disposition).unwrap_or(fallback);
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers::fence_in(visit, Fence::Part, &mut response);
    response
}

/// Decodes a range piece by piece while the browser takes it: constant memory.
fn stream(found: Found, range: std::ops::Range<u64>, encoding: TransferEncoding) -> Body {
    let (pieces, receiver) = mpsc::channel::<Result<Bytes, Cut>>(2);
    tokio::spawn(async move {
        let mut decoder = TransferDecoder::new(encoding);
        let mut place = range.start;
        while place < range.end {
            let read = match found.read(place..range.end).await {
                Ok(read) if !read.is_empty() => read,
                broken => {
                    let error = broken.err();
                    tracing::warn!(?error, "attachment broke off");
                    let _ = pieces.send(Err(Cut)).await;
                    return;
                }
            };
            place += read.len() as u64;
            let mut out = Vec::with_capacity(read.len());
            decoder.push(&read, &mut out);
            if !out.is_empty() && pieces.send(Ok(out.into())).await.is_err() {
                return;
            }
        }
        let mut out = Vec::new();
        decoder.finish(&mut out);
        if !out.is_empty() {
            let _ = pieces.send(Ok(out.into())).await;
        }
    });
    Body::Pieces(receiver)
}
