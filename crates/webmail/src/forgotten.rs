//! `/mot-de-passe-oublie`: the form, the code, the new password.
//!
//! Every answer is the same whoever was named: the same page, the same cookie's length. What
//! follows from the form is worked on after the answer has gone.

use std::sync::Arc;

use directory::{CodeVerdict, Day, ResetClaim, ResetOutcome, ResetTicket};
use hyper::{Response, StatusCode};
use mail_types::Secret;

use crate::csrf::hex;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form, Input, Visit};
use crate::login;
use crate::reset_stop;
use crate::view::{self, Page};
use crate::webmail::Port;

const FORM: &str = "/mot-de-passe-oublie";
const CODE: &str = "/mot-de-passe-oublie/code";
const NEW: &str = "/mot-de-passe-oublie/nouveau";

/// Longest field that is looked at, in bytes.
const FIELD_BYTES_MAX: usize = 1024;
/// Longest cookie that is opened, in bytes.
const COOKIE_BYTES_MAX: usize = 512;

/// Which of the three steps a page shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Form,
    Code,
    New,
}

#[derive(askama::Template)]
#[template(path = "forgotten.html")]
struct ForgottenPage<'a> {
    page: Page<'a>,
    step: Step,
    error: Option<String>,
    typed: Typed,
}

/// The form as it was filled in.
#[derive(Default)]
struct Typed {
    name: String,
    academic_id: String,
    /// Day, month and year, as they are said in French.
    born: [String; 3],
}

impl Typed {
    fn of(fields: &Form) -> Self {
        let field = |name: &str| fields.get(name).trim().to_owned();
        Self {
            name: field("nom"),
            academic_id: field("identifiant"),
            born: ["jour", "mois", "annee"].map(field),
        }
    }

    /// `Ok(None)` when it was left out.
    fn birth_date(&self) -> Result<Option<Day>, String> {
        match self.born.iter().all(String::is_empty) {
            true => Ok(None),
            false => self.born.join("/").parse().map(Some),
        }
    }

    fn is_too_long(&self) -> bool {
        let mut fields = [&self.name, &self.academic_id].into_iter().chain(&self.born);
        fields.any(|field| field.len() > FIELD_BYTES_MAX)
    }
}

impl ForgottenPage<'_> {
    fn is_form(&self) -> bool {
        self.step == Step::Form
    }

    fn is_code(&self) -> bool {
        self.step == Step::Code
    }
}

fn ticket_cookie(visit: &Visit) -> &'static str {
    if visit.connection.port == Port::Https { "__Host-facteur-oubli" } else { "facteur-oubli" }
}

/// The ticket of the browser's cookie, and the cookie, to which forms are bound.
fn ticket(visit: &Visit) -> Option<(ResetTicket, Vec<u8>)> {
    let cookie = visit.cookie(ticket_cookie(visit)).filter(|c| c.len() <= COOKIE_BYTES_MAX)?;
    let sealed = unhex(cookie)?;
    let ticket = visit.webmail.service.directory().open_ticket(&sealed)?;
    Some((ticket, sealed))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// `GET`: the form, or the step that follows it.
pub(crate) async fn show(visit: &Visit, rest: &[&str]) -> Result<Response<Body>, Error> {
    match rest {
        [] => form(visit, StatusCode::OK, Typed::default(), None),
        ["annuler"] => reset_stop::show(visit),
        [step @ ("code" | "nouveau")] => {
            let Some((_, sealed)) = ticket(visit) else {
                return Ok(headers::see_other(visit, FORM));
            };
            let step = if *step == "code" { Step::Code } else { Step::New };
            later(visit, StatusCode::OK, step, &sealed, None)
        }
        _ => Err(Error::NotFound),
    }
}

/// `POST`
pub(crate) async fn submit(
    visit: &Visit,
    rest: &[&str],
    input: Input,
) -> Result<Response<Body>, Error> {
    let fields = Form::read(visit, input).await?;
    match rest {
        [] => ask(visit, &fields).await,
        ["code"] => try_code(visit, &fields).await,
        ["nouveau"] => finish(visit, &fields).await,
        ["annuler"] => reset_stop::submit(visit, &fields).await,
        _ => Err(Error::NotFound),
    }
}

fn form(
    visit: &Visit,
    status: StatusCode,
    typed: Typed,
    error: Option<&str>,
) -> Result<Response<Body>, Error> {
    let (door, token) = login::door(visit);
    let mut page = Page::outside(visit, title(visit, error));
    page.token = token;
    let error = error.map(|name| visit.locale().text(name));
    let template = ForgottenPage { page, step: Step::Form, error, typed };
    let mut response = view::render(visit, status, &template)?;
    login::set_cookie(visit, &mut response, login::door_cookie(visit), &door);
    Ok(response)
}

fn later(
    visit: &Visit,
    status: StatusCode,
    step: Step,
    sealed: &[u8],
    error: Option<&str>,
) -> Result<Response<Body>, Error> {
    let mut page = Page::outside(visit, title(visit, error));
    page.token = visit.webmail.seal.token(sealed);
    let error = error.map(|name| visit.locale().text(name));
    let typed = Typed::default();
    view::render(visit, status, &ForgottenPage { page, step, error, typed })
}

fn title(visit: &Visit, error: Option<&str>) -> String {
    let locale = visit.locale();
    match error {
        Some(_) => locale.with("title-error", "title", locale.text("forgotten-title")),
        None => locale.text("forgotten-title"),
    }
}

/// The form: counted, answered, and only then looked at.
async fn ask(visit: &Visit, fields: &Form) -> Result<Response<Body>, Error> {
    let typed = Typed::of(fields);
    if !login::is_door_token(visit, fields.get("jeton")) {
        return form(visit, StatusCode::FORBIDDEN, typed, Some("forgotten-stale"));
    }
    if typed.name.is_empty() || typed.academic_id.is_empty() || typed.is_too_long() {
        return form(visit, StatusCode::BAD_REQUEST, typed, Some("forgotten-missing"));
    }
    let Ok(birth_date) = typed.birth_date() else {
        return form(visit, StatusCode::BAD_REQUEST, typed, Some("forgotten-date"));
    };
    let Typed { name, academic_id, .. } = typed;
    let claim = ResetClaim { name, academic_id, birth_date };
    let directory = visit.webmail.service.directory();
    let requester = visit.requester();
    let (ticket, goes_on) = directory.ask_reset(&claim, &requester).await?;
    let sealed = directory.seal_ticket(&ticket).ok_or(Error::Worker)?;
    if goes_on {
        let webmail = Arc::clone(&visit.webmail);
        tokio::spawn(async move {
            let directory = webmail.service.directory();
            if let Err(error) = directory.decide_reset(&claim, &ticket, &requester).await {
                tracing::error!(%error, "request for a new password not decided");
            }
        });
    }
    let mut response = headers::see_other(visit, CODE);
    login::set_cookie(visit, &mut response, ticket_cookie(visit), &hex(sealed));
    Ok(response)
}

/// The code.
async fn try_code(visit: &Visit, fields: &Form) -> Result<Response<Body>, Error> {
    let Some((ticket, sealed)) = bound(visit, fields)? else {
        return Ok(headers::see_other(visit, FORM));
    };
    // "Go on without a code": in some units identity alone is enough, after a day.
    let has_none = !fields.get("sans").is_empty();
    let typed = if has_none { "" } else { fields.get("code").trim() };
    if typed.is_empty() && !has_none {
        let error = Some("forgotten-code-refused");
        return later(visit, StatusCode::UNPROCESSABLE_ENTITY, Step::Code, &sealed, error);
    }
    let directory = visit.webmail.service.directory();
    let verdict = match typed.len() <= FIELD_BYTES_MAX {
        true => directory.try_reset_code(&ticket, typed, &visit.requester()).await?,
        false => CodeVerdict::Refused,
    };
    match verdict {
        CodeVerdict::Right => Ok(headers::see_other(visit, NEW)),
        CodeVerdict::Refused => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let error = if has_none { "forgotten-not-yet" } else { "forgotten-code-refused" };
            later(visit, status, Step::Code, &sealed, Some(error))
        }
    }
}

/// The new password.
async fn finish(visit: &Visit, fields: &Form) -> Result<Response<Body>, Error> {
    let Some((ticket, sealed)) = bound(visit, fields)? else {
        return Ok(headers::see_other(visit, FORM));
    };
    let refuse =
        |text| later(visit, StatusCode::UNPROCESSABLE_ENTITY, Step::New, &sealed, Some(text));
    let (new, again) = (fields.get("nouveau"), fields.get("encore"));
    if new != again {
        return refuse("security-not-alike");
    }
    let directory = visit.webmail.service.directory();
    let new = Secret::from(new);
    match directory.finish_reset(&ticket, &new, &visit.requester()).await? {
        ResetOutcome::Done => {
            let mut response = headers::see_other(visit, "/?remplace=1");
            login::set_cookie(visit, &mut response, ticket_cookie(visit), "");
            Ok(response)
        }
        ResetOutcome::Unfit(reason) => {
            tracing::debug!(reason, "new password refused");
            refuse("security-password-refused")
        }
        ResetOutcome::Refused => refuse("forgotten-over"),
    }
}

/// The ticket of a form that was made for this browser.
fn bound(visit: &Visit, fields: &Form) -> Result<Option<(ResetTicket, Vec<u8>)>, Error> {
    let Some((ticket, sealed)) = ticket(visit) else { return Ok(None) };
    match visit.webmail.seal.verify(&sealed, fields.get("jeton")) {
        true => Ok(Some((ticket, sealed))),
        false => Err(Error::StaleForm),
    }
}
