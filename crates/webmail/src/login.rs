//! The way in and the way out.

use std::sync::Arc;
use std::time::Instant;

use directory::{AuthError, Service};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use mail_types::Secret;

use crate::account::{Signed, cookie_attributes, session_cookie};
use crate::csrf::hex;
use crate::error::Error;
use crate::first_login;
use crate::headers;
use crate::http::{Body, Form, Input, Visit};
use crate::second_step;
use crate::session::{Browser, Limits, Proof, Session};
use crate::view::{self, Page};
use crate::webmail::Port;

/// Where people go after logging in. Never an address that a request named: no open redirect.
const HOME: &str = "/boite/INBOX";

/// Longest login and password that are looked at.
const CREDENTIAL_BYTES_MAX: usize = 1024;

#[derive(askama::Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    page: Page<'a>,
    login: String,
    error: Option<String>,
}

/// The login page's own cookie, to which its form is bound: nobody logs a stranger's browser
/// into an account of their own (login CSRF).
pub(crate) fn door_cookie(visit: &Visit) -> &'static str {
    if visit.connection.port == Port::Https { "__Host-facteur-porte" } else { "facteur-porte" }
}

/// The door's cookie and a token for its form.
pub(crate) fn door(visit: &Visit) -> (String, String) {
    let known = visit.cookie(door_cookie(visit)).filter(|value| value.len() == 32);
    let door = known.map_or_else(|| hex(rand::random::<[u8; 16]>()), str::to_owned);
    let token = visit.webmail.seal.token(door.as_bytes());
    (door, token)
}

/// Whether a form was made for this browser's door.
pub(crate) fn is_door_token(visit: &Visit, token: &str) -> bool {
    let door = visit.cookie(door_cookie(visit)).unwrap_or_default();
    !door.is_empty() && visit.webmail.seal.verify(door.as_bytes(), token)
}

/// `/`: the login page, or the mailbox of whoever is logged in.
pub(crate) async fn show(visit: &Visit) -> Result<Response<Body>, Error> {
    if visit.session().await?.is_some() {
        return Ok(headers::see_other(visit, HOME));
    }
    let left = match (visit.query("sortie"), visit.query("remplace")) {
        (Some(_), _) => Some(visit.locale().text("login-left")),
        (_, Some(_)) => Some(visit.locale().text("forgotten-done")),
        _ => None,
    };
    form(visit, StatusCode::OK, String::new(), None, left)
}

/// The page itself.
pub(crate) fn form(
    visit: &Visit,
    status: StatusCode,
    login: String,
    error: Option<String>,
    notice: Option<String>,
) -> Result<Response<Body>, Error> {
    let (door, token) = door(visit);
    let mut page = Page::outside(visit, visit.locale().text("login-title"));
    page.token = token;
    page.notice = notice;
    let mut response = view::render(visit, status, &LoginPage { page, login, error })?;
    set_cookie(visit, &mut response, door_cookie(visit), &door);
    Ok(response)
}

/// `/connexion`
pub(crate) async fn submit(visit: &Visit, input: Input) -> Result<Response<Body>, Error> {
    let fields = Form::read(visit, input).await?;
    let login = fields.get("identifiant").trim().to_owned();
    let password = Secret::new(fields.get("mot-de-passe").to_owned());
    let locale = visit.locale();
    if !is_door_token(visit, fields.get("jeton")) {
        let text = locale.text("login-stale");
        return form(visit, StatusCode::FORBIDDEN, login, Some(text), None);
    }
    if login.is_empty() || password.expose().is_empty() {
        let text = locale.text("login-missing");
        return form(visit, StatusCode::BAD_REQUEST, login, Some(text), None);
    }
    let too_long = login.len().max(password.expose().len()) > CREDENTIAL_BYTES_MAX;
    let directory = visit.webmail.service.directory();
    let peer = visit.connection.peer;
    let outcome = match too_long {
        true => Err(AuthError::Refused),
        false => directory.authenticate(&login, &password, Service::Webmail, peer).await,
    };
    let (status, text) = match outcome {
        Ok(authenticated) => {
            tracing::info!(account = %authenticated.account.id, %peer, "webmail login");
            return Ok(enter(visit, &authenticated.account, Proof::Password, None));
        }
        Err(AuthError::NeedsSecondFactor(account)) => {
            return Ok(second_step::begin(visit, &account));
        }
        // Unknown, suspended, wrong and too many read the same.
        Err(AuthError::Refused | AuthError::TooMany) => (StatusCode::UNAUTHORIZED, "login-refused"),
        Err(AuthError::MustChangePassword(right)) => return Ok(first_login::begin(visit, right)),
        // The directory's log says why.
        Err(AuthError::TryAgain(_)) => (StatusCode::SERVICE_UNAVAILABLE, "error-busy"),
    };
    form(visit, status, login, Some(locale.text(text)), None)
}

/// Starts a session with an id of its own; one that the browser brought along ends.
pub(crate) fn enter(
    visit: &Visit,
    account: &directory::Account,
    proof: Proof,
    notice: Option<String>,
) -> Response<Body> {
    let limits = Limits::from(&*visit.webmail.settings());
    let (sessions, now) = (&visit.webmail.sessions, Instant::now());
    if let Some(old) = visit.cookie(session_cookie(visit))
        && let Some(old) = sessions.find(old, &limits, now, crate::session::Touch::Background)
    {
        sessions.end(&old.key);
    }
    let mut response = headers::see_other(visit, HOME);
    let session = start(visit, account, proof, &mut response);
    if let Some(notice) = notice {
        session.set_notice(notice);
    }
    response
}

/// Starts a session and gives its cookie to the browser.
pub(crate) fn start(
    visit: &Visit,
    account: &directory::Account,
    proof: Proof,
    response: &mut Response<Body>,
) -> Arc<Session> {
    let limits = Limits::from(&*visit.webmail.settings());
    let browser = Browser {
        peer: visit.connection.peer,
        user_agent: visit.user_agent(),
        since: visit.webmail.service.now().as_second(),
        proof,
    };
    let sessions = &visit.webmail.sessions;
    let (session, cookie) = sessions.start(account, browser, &limits, Instant::now());
    set_cookie(visit, response, session_cookie(visit), &cookie);
    session
}

/// `/deconnexion`
pub(crate) async fn leave(signed: &Signed, input: Input) -> Result<Response<Body>, Error> {
    signed.form(input).await?;
    let visit = &signed.visit;
    visit.webmail.sessions.end(&signed.session.key);
    let mut response = headers::see_other(visit, "/?sortie=1");
    let expired = format!("{}=; Max-Age=0{}", session_cookie(visit), cookie_attributes(visit));
    if let Ok(value) = HeaderValue::from_str(&expired) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    // W5: a shared computer keeps nothing of it. Not "cookies": the login page's own one stays.
    let everything = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), everything);
    Ok(response)
}

/// Adds a cookie to an answer.
pub(crate) fn set_cookie(visit: &Visit, response: &mut Response<Body>, name: &str, value: &str) {
    let cookie = format!("{name}={value}{}", cookie_attributes(visit));
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
