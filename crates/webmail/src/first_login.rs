//! `/premiere-connexion`: where the temporary secret leads. Its owner chooses a password here, and
//! nothing else is within reach before.
//!
//! There is no session yet. A sealed cookie says for whom the secret was right, as their
//! credentials were then; the directory ends that right with any change of them.

use std::time::{SystemTime, UNIX_EPOCH};

use directory::{
    Choice, FirstLogin, PASSWORD_BITS_MIN, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, Strength,
    Weakness,
};
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use mail_types::{AccountId, Secret};
use subtle::ConstantTimeEq;

use crate::account::cookie_attributes;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form, Input, Visit};
use crate::locale::Locale;
use crate::login::{enter, set_cookie};
use crate::second_step;
use crate::session::Proof;
use crate::view::{self, Page};
use crate::webmail::Port;

/// Where the page is.
const PAGE: &str = "/premiere-connexion";
/// How long the page may stay open.
const SECONDS: u64 = 30 * 60;

#[derive(askama::Template)]
#[template(path = "first_login.html")]
struct FirstLoginPage<'a> {
    page: Page<'a>,
    name: String,
    address: String,
    /// What speaks against the password that was tried.
    reasons: Vec<String>,
    /// Its strength in percent of what is needed, and in words.
    strength: Option<(u32, String)>,
    chars_min: usize,
}

fn cookie_name(visit: &Visit) -> &'static str {
    match visit.connection.port {
        Port::Https => "__Host-facteur-premiere",
        Port::Http => "facteur-premiere",
    }
}

/// The way from the login page to this one.
pub(crate) fn begin(visit: &Visit, right: FirstLogin) -> Response<Body> {
    let expires = now() + SECONDS;
    let mut response = headers::see_other(visit, PAGE);
    set_cookie(visit, &mut response, cookie_name(visit), &seal(visit, right, expires));
    response
}

/// `account.version.expires.signature`: nothing in it is secret, and nobody else can make one.
fn seal(visit: &Visit, right: FirstLogin, expires: u64) -> String {
    let text = format!("{}.{}.{expires}", right.account.0, right.credential_version);
    let signature = visit.webmail.seal.sign(&signed_text(&text));
    format!("{text}.{signature}")
}

/// What is signed begins as no address of content does.
fn signed_text(text: &str) -> String {
    format!("first login {text}")
}

/// The right that the cookie gives, unless it is forged or old.
fn opened(visit: &Visit) -> Option<FirstLogin> {
    let (text, signature) = visit.cookie(cookie_name(visit))?.rsplit_once('.')?;
    if !visit.webmail.seal.is_signed(&signed_text(text), signature) {
        return None;
    }
    let mut parts = text.split('.').map(str::parse::<u64>);
    let (account, version, expires) = (parts.next()?, parts.next()?, parts.next()?);
    let right = FirstLogin { account: AccountId(account.ok()?), credential_version: version.ok()? };
    (now() < expires.ok()?).then_some(right)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `GET /premiere-connexion`
pub(crate) async fn show(visit: &Visit) -> Result<Response<Body>, Error> {
    let Some(right) = opened(visit) else { return Ok(headers::see_other(visit, "/")) };
    if !visit.webmail.service.directory().may_still_choose(right).await? {
        return too_late(visit);
    }
    form(visit, right, StatusCode::OK, Vec::new(), None).await
}

/// `POST /premiere-connexion`
pub(crate) async fn submit(visit: &Visit, input: Input) -> Result<Response<Body>, Error> {
    let fields = Form::read(visit, input).await?;
    let Some(right) = opened(visit) else { return too_late(visit) };
    if !visit.webmail.seal.verify(&bound_to(right), fields.get("jeton")) {
        return Err(Error::StaleForm);
    }
    let locale = visit.locale();
    let password = Secret::new(fields.get("mot-de-passe").to_owned());
    let again = Secret::new(fields.get("encore").to_owned());
    // Whoever types something else the second time does not know what the first time was.
    let same = password.expose().as_bytes().ct_eq(again.expose().as_bytes());
    if !bool::from(same) {
        let reasons = vec![locale.text("first-login-differs")];
        return form(visit, right, StatusCode::UNPROCESSABLE_ENTITY, reasons, None).await;
    }
    let directory = visit.webmail.service.directory();
    match directory.choose_password(right, &password, &visit.requester()).await? {
        Choice::Weak(strength) => {
            let reasons = reasons(locale, &strength);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            form(visit, right, status, reasons, Some(&strength)).await
        }
        Choice::TooLate => too_late(visit),
        Choice::Accepted(_) => {
            let account = directory.account(right.account).await?.ok_or(Error::NotFound)?;
            let peer = visit.connection.peer;
            tracing::info!(account = %account.id, %peer, "password chosen at the first login");
            let notice = Some(locale.text("first-login-done"));
            let mut response = enter(visit, &account, Proof::Password, notice);
            forget(visit, &mut response);
            Ok(response)
        }
        Choice::NeedsSecondFactor(_) => {
            let account = directory.account(right.account).await?.ok_or(Error::NotFound)?;
            let mut response = second_step::begin(visit, &account);
            forget(visit, &mut response);
            Ok(response)
        }
    }
}

/// The token of the form is bound to the right, so that another person's form chooses nothing.
fn bound_to(right: FirstLogin) -> Vec<u8> {
    format!("first login {} {}", right.account.0, right.credential_version).into_bytes()
}

async fn form(
    visit: &Visit,
    right: FirstLogin,
    status: StatusCode,
    reasons: Vec<String>,
    strength: Option<&Strength>,
) -> Result<Response<Body>, Error> {
    let account = visit.webmail.service.directory().account(right.account).await?;
    let account = account.ok_or(Error::NotFound)?;
    let locale = visit.locale();
    let title = match reasons.is_empty() {
        true => locale.text("first-login-title"),
        false => locale.with("first-login-title-error", "title", locale.text("first-login-title")),
    };
    let mut page = Page::outside(visit, title);
    page.token = visit.webmail.seal.token(&bound_to(right));
    let strength = strength.map(|strength| {
        let percent = (strength.bits * 100 / PASSWORD_BITS_MIN).min(100);
        let values =
            [("bits", strength.bits.to_string()), ("needed", PASSWORD_BITS_MIN.to_string())];
        (percent, locale.with_all("first-login-strength", &values))
    });
    let template = FirstLoginPage {
        page,
        name: account.name.clone(),
        address: account.primary_address.to_string(),
        reasons,
        strength,
        chars_min: PASSWORD_CHARS_MIN,
    };
    view::render(visit, status, &template)
}

fn reasons(locale: &Locale, strength: &Strength) -> Vec<String> {
    let reason = |weakness: &Weakness| match weakness {
        Weakness::TooShort { chars } => {
            let values = [("chars", chars.to_string()), ("min", PASSWORD_CHARS_MIN.to_string())];
            locale.with_all("weak-short", &values)
        }
        Weakness::TooLong => locale.with("weak-long", "max", PASSWORD_BYTES_MAX.to_string()),
        Weakness::ControlCharacter => locale.text("weak-control"),
        Weakness::Common => locale.text("weak-common"),
        Weakness::OwnWords => locale.text("weak-own-words"),
        Weakness::Guessable => locale.text("weak-guessable"),
    };
    strength.weaknesses.iter().map(reason).collect()
}

/// The right is gone: used in another tab, expired, or replaced.
fn too_late(visit: &Visit) -> Result<Response<Body>, Error> {
    let mut response = crate::login::form(
        visit,
        StatusCode::FORBIDDEN,
        String::new(),
        Some(visit.locale().text("first-login-over")),
        None,
    )?;
    forget(visit, &mut response);
    Ok(response)
}

fn forget(visit: &Visit, response: &mut Response<Body>) {
    let expired = format!("{}=; Max-Age=0{}", cookie_name(visit), cookie_attributes(visit));
    if let Ok(value) = HeaderValue::from_str(&expired) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
