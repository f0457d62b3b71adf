//! `/verification`: the second step of a login. Between the two the browser holds a cookie that
//! opens nothing but this page.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use directory::{Account, AuthError, Service};
use hyper::{Response, StatusCode};
use mail_types::AccountId;

use crate::csrf::{hex, unhex};
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form, Input, Visit};
use crate::login;
use crate::session::{Proof, lock};
use crate::view::{self, Page};
use crate::webmail::Port;

/// How long the second step may take.
const STEP_TIME: Duration = Duration::from_secs(300);
/// Wrong codes after which the password is asked for again.
const TRIES: u8 = 5;
/// Logins that may be between the steps; the oldest gives way.
const WAITING_MAX: usize = 10_000;
/// Longest code that is looked at.
const CODE_BYTES_MAX: usize = 64;

/// A login whose password was right.
#[derive(Clone, Copy)]
struct Half {
    account: AccountId,
    credential_version: u64,
    since: Instant,
    tries: u8,
}

/// All of them, under the hash of the cookie.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<HashMap<[u8; 32], Half>>);

impl Waiting {
    fn insert(&self, key: [u8; 32], half: Half) {
        let mut all = lock(&self.0);
        if all.len() >= WAITING_MAX {
            all.retain(|_, half| half.since.elapsed() < STEP_TIME);
        }
        if all.len() >= WAITING_MAX {
            let oldest = all.iter().min_by_key(|(_, half)| half.since).map(|(key, _)| *key);
            oldest.map(|key| all.remove(&key));
        }
        all.insert(key, half);
    }

    fn find(&self, key: &[u8; 32]) -> Option<Half> {
        let found = lock(&self.0).get(key).copied();
        found.filter(|half| half.since.elapsed() < STEP_TIME)
    }

    /// Takes one try; `None` when there is none left.
    fn take_try(&self, key: &[u8; 32]) -> Option<Half> {
        let mut all = lock(&self.0);
        let half = all.get_mut(key).filter(|half| half.since.elapsed() < STEP_TIME)?;
        half.tries = half.tries.checked_sub(1)?;
        Some(*half)
    }

    fn remove(&self, key: &[u8; 32]) {
        lock(&self.0).remove(key);
    }
}

#[derive(askama::Template)]
#[template(path = "second_step.html")]
struct StepPage<'a> {
    page: Page<'a>,
    error: Option<String>,
}

fn step_cookie(visit: &Visit) -> &'static str {
    if visit.connection.port == Port::Https { "__Host-facteur-etape" } else { "facteur-etape" }
}

fn key(visit: &Visit) -> Option<[u8; 32]> {
    let id = unhex::<16>(visit.cookie(step_cookie(visit))?)?;
    Some(*blake3::hash(&id).as_bytes())
}

/// After the right password: on to the second step.
pub(crate) fn begin(visit: &Visit, account: &Account) -> Response<Body> {
    let id: [u8; 16] = rand::random();
    let half = Half {
        account: account.id,
        credential_version: account.credential_version,
        since: Instant::now(),
        tries: TRIES,
    };
    visit.webmail.waiting.insert(*blake3::hash(&id).as_bytes(), half);
    let mut response = headers::see_other(visit, "/verification");
    login::set_cookie(visit, &mut response, step_cookie(visit), &hex(id));
    response
}

/// `GET /verification`
pub(crate) async fn show(visit: &Visit) -> Result<Response<Body>, Error> {
    match key(visit).filter(|key| visit.webmail.waiting.find(key).is_some()) {
        Some(key) => form(visit, &key, StatusCode::OK, None),
        None => Ok(headers::see_other(visit, "/")),
    }
}

fn form(
    visit: &Visit,
    key: &[u8; 32],
    status: StatusCode,
    error: Option<&str>,
) -> Result<Response<Body>, Error> {
    let mut page = Page::outside(visit, visit.locale().text("step-title"));
    page.token = visit.webmail.seal.token(key);
    let error = error.map(|name| visit.locale().text(name));
    view::render(visit, status, &StepPage { page, error })
}

/// `POST /verification`
pub(crate) async fn submit(visit: &Visit, input: Input) -> Result<Response<Body>, Error> {
    let fields = Form::read(visit, input).await?;
    let typed = fields.get("code").trim();
    let webmail = &visit.webmail;
    let Some(key) = key(visit) else { return Ok(headers::see_other(visit, "/")) };
    if !webmail.seal.verify(&key, fields.get("jeton")) {
        return Err(Error::StaleForm);
    }
    if typed.is_empty() || typed.len() > CODE_BYTES_MAX {
        return form(visit, &key, StatusCode::BAD_REQUEST, Some("step-wrong"));
    }
    let Some(half) = webmail.waiting.take_try(&key) else {
        webmail.waiting.remove(&key);
        return Ok(headers::see_other(visit, "/"));
    };
    let directory = webmail.service.directory();
    let account = directory.account(half.account).await?;
    let unchanged =
        |account: &&std::sync::Arc<Account>| account.credential_version == half.credential_version;
    let Some(account) = account.as_ref().filter(unchanged) else {
        webmail.waiting.remove(&key);
        return Ok(headers::see_other(visit, "/"));
    };
    match directory.verify_second_factor(account, typed, &visit.requester()).await {
        Ok(()) => {
            webmail.waiting.remove(&key);
            let peer = visit.connection.peer;
            directory.note_login(account.id, Service::Webmail, peer, None).await;
            tracing::info!(account = %account.id, %peer, "webmail login, two factors");
            Ok(login::enter(visit, account, Proof::SecondFactor, None))
        }
        Err(AuthError::TooMany) => {
            form(visit, &key, StatusCode::UNAUTHORIZED, Some("step-too-many"))
        }
        Err(AuthError::TryAgain(error)) => Err(error.into()),
        Err(_) => form(visit, &key, StatusCode::UNAUTHORIZED, Some("step-wrong")),
    }
}
