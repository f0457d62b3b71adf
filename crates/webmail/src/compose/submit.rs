//! `POST /ecrire`: what each button of the form does.

use std::sync::Arc;

use hyper::header::HeaderName;
use hyper::{Response, StatusCode};
use jiff::Timestamp;

use super::answer::originals;
use super::form::{self, Files, Typed};
use super::page::{self, View};
use super::send::Sent;
use super::writing::Writing;
use super::{Fields, Mistake, drafts, later, mistake, send};
use crate::account::Signed;
use crate::date;
use crate::error::Error;
use crate::events;
use crate::headers;
use crate::http::{Body, Input, Visit};
use crate::session::Undo;
use crate::view;

/// Messages sent lately that a session remembers, so that a second click sends nothing and a late
/// save brings no draft back.
const CLOSED_MAX: usize = 64;

/// Whether our script asks, and wants only the part of the page that changes.
fn is_part(visit: &Visit) -> bool {
    visit.headers.contains_key(HeaderName::from_static("x-part"))
}

/// Send, save, attach, remove a file, throw away.
pub(crate) async fn submit(signed: &Signed, input: Input) -> Result<Response<Body>, Error> {
    signed.check_writable()?;
    let visit = &signed.visit;
    let bytes_max = visit.webmail.settings().upload_bytes_max;
    let memory = Arc::clone(&visit.webmail.upload_memory);
    let mut typed = form::read(visit, input, Files::Keep { bytes_max, memory }).await?;
    let fields = Fields::of(&typed);
    // One at a time: a save must not overtake a sending of the same message.
    let mut closed = signed.session.closed.lock().await;
    if closed.contains(&fields.id) {
        return Ok(if is_part(visit) { events::nothing(visit) } else { home(signed) });
    }
    let mailboxes = signed.mailboxes().await?;
    let mut writing = Writing::new(signed, &mailboxes, fields, &mut typed).await?;
    writing.fields.originals =
        originals(signed, &writing.fields, writing.origin.as_ref(), Some(&typed));
    // The request came from one of our own pages (that was checked), but of an older session:
    // nothing is done, and nothing that was typed is lost.
    if !signed.is_own_token(typed.get("jeton")) {
        let stale = mistake("envoyer", signed.locale().text("compose-stale"));
        return answer(writing, StatusCode::FORBIDDEN, vec![stale]);
    }
    let mut errors = Vec::new();
    if typed.is_too_large || !writing.fits() {
        writing.drop_uploads();
        let limit = date::size(signed.locale(), bytes_max);
        let text = signed.locale().with("compose-files-too-large", "limit", limit);
        errors.push(mistake("fichiers", text));
    }
    let id = writing.fields.id.clone();
    let at = match later::chosen(signed, &typed).transpose() {
        Ok(at) => at,
        Err(mistake) => {
            errors.push(mistake);
            None
        }
    };
    let sends = at.is_some() || typed.get("action") == "envoyer";
    let done = match typed.get("action") {
        _ if sends && errors.is_empty() => {
            if send::was_sent(&writing).await? {
                Some(Next::Home)
            } else {
                match send::send(&writing, at).await {
                    Ok(sent) => Some(after_sending(signed, sent, at)),
                    Err(mistakes) => {
                        errors = mistakes;
                        None
                    }
                }
            }
        }
        "abandonner" if writing.is_empty() => return Ok(home(signed)),
        "abandonner" => return ask(writing),
        "supprimer" => {
            drafts::remove(&writing).await?;
            signed.session.set_notice(signed.locale().text("notice-draft-deleted"));
            Some(Next::Home)
        }
        _ => None,
    };
    let Some(next) = done else { return keep(writing, &typed, errors).await };
    closed.push_back(id);
    if closed.len() > CLOSED_MAX {
        closed.pop_front();
    }
    Ok(match next {
        Next::Home => home(signed),
        Next::Scheduled => headers::see_other(&signed.visit, view::SCHEDULED),
    })
}

/// Where somebody goes who has finished writing.
enum Next {
    Home,
    Scheduled,
}

/// Says what became of the message, and for a while how to take it back.
fn after_sending(signed: &Signed, sent: Sent, at: Option<Timestamp>) -> Next {
    let locale = signed.locale();
    if let Some(at) = at {
        let date = signed.calendar().long(at.as_second());
        signed.session.set_notice(locale.with("notice-scheduled", "date", date));
        return Next::Scheduled;
    }
    let text = locale.text(if sent.has_copy { "notice-sent" } else { "notice-sent-no-copy" });
    match sent.until {
        Some(until) => signed.session.offer_undo(Undo { id: sent.id, text, until }),
        None => signed.session.set_notice(text),
    }
    Next::Home
}

fn home(signed: &Signed) -> Response<Body> {
    headers::see_other(&signed.visit, "/boite/INBOX")
}

/// Saves, and goes on writing.
async fn keep(
    mut writing: Writing<'_>,
    typed: &Typed,
    mut errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let signed = writing.signed;
    if writing.is_empty() {
        let nothing = signed.locale().text("compose-nothing");
        errors.push(mistake("envoyer", nothing));
        return answer(writing, StatusCode::UNPROCESSABLE_ENTITY, errors);
    }
    if writing.is_lost {
        let elsewhere = mistake("envoyer", signed.locale().text("compose-lost"));
        errors.push(elsewhere);
    }
    if let Err(error) = drafts::save(&mut writing).await {
        tracing::warn!(account = %signed.owner(), %error, "draft not saved");
        let (status, reason) = error.explain();
        let reason = signed.locale().text(reason);
        let text = signed.locale().with("compose-not-saved", "reason", reason);
        errors.insert(0, mistake("envoyer", text));
        return answer(writing, status, errors);
    }
    if !errors.is_empty() {
        return answer(writing, StatusCode::UNPROCESSABLE_ENTITY, errors);
    }
    if is_part(&signed.visit) {
        return answer(writing, StatusCode::OK, errors);
    }
    let uid = writing.fields.draft.map(|draft| draft.uid).unwrap_or_default();
    let place = if typed.get("action") == "enregistrer" { "" } else { "#fichiers" };
    Ok(headers::see_other(&signed.visit, &format!("/ecrire/{uid}{place}")))
}

/// The page, or the part of it that a script asked for.
fn answer(
    writing: Writing<'_>,
    status: StatusCode,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let Writing { signed, mailboxes, fields, saved, .. } = writing;
    let view = View { errors, saved: saved.as_ref(), asks: false };
    match is_part(&signed.visit) {
        true => page::part(signed, status, fields, view),
        false => page::page(signed, status, mailboxes, fields, view),
    }
}

/// Nothing is thrown away without a question.
fn ask(writing: Writing<'_>) -> Result<Response<Body>, Error> {
    let Writing { signed, mailboxes, fields, saved, .. } = writing;
    let view = View { saved: saved.as_ref(), asks: true, ..View::default() };
    page::page(signed, StatusCode::OK, mailboxes, fields, view)
}

/// `POST /ecrire` after the session's end: the text comes back.
pub(crate) async fn rescue(visit: &Visit, input: Input) -> Result<Response<Body>, Error> {
    let typed = form::read(visit, input, Files::Skip).await?;
    page::rescued(visit, Fields::of(&typed), is_part(visit))
}
