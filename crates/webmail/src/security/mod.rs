//! `/parametres/securite`: what keeps one's own account safe, and what was done with it.
//!
//! Everybody who holds an open session can read it. What would let a thief stay (second factor,
//! recovery addresses, passwords of devices) is changed only after the password was asked for
//! again, and the second factor where there is one; that counts for ten minutes.

mod actions;
mod devices;
mod factor;
mod password;

use std::sync::Arc;
use std::time::Instant;

use directory::{Account, DirectoryError, SecurityOverview};
use hyper::{Response, StatusCode};

use crate::account::Signed;
use crate::error::Error;
use crate::http::{Body, Input};
use crate::session::{Proof, Session};
use crate::view::{self, Page};
use devices::{ConnectionShown, LoginShown, SessionShown};

/// Where the page is.
pub(crate) const HOME: &str = "/parametres/securite";

/// Longest field that is looked at, in bytes.
pub(crate) const FIELD_BYTES_MAX: usize = 1024;

/// What is wrong with a form, and where.
pub(crate) struct Mistake {
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

/// A device that has a password of its own.
struct DeviceShown {
    number: u32,
    name: String,
    created: String,
    used: Option<String>,
}

/// A recovery address.
struct RecoveryShown {
    number: u32,
    address: String,
    is_proven: bool,
    is_doubted: bool,
}

#[derive(askama::Template)]
#[template(path = "security.html")]
struct SecurityPage<'a> {
    page: Page<'a>,
    /// Whether the password was asked for again.
    is_open: bool,
    mistake: Option<Mistake>,
    factor_since: Option<String>,
    codes_left: usize,
    devices: Vec<DeviceShown>,
    recovery: Vec<RecoveryShown>,
    /// Whether mail to other servers leaves at all.
    sends_out: bool,
    hold_until: Option<String>,
    sessions: Vec<SessionShown>,
    connections: Vec<ConnectionShown>,
    logins: Vec<LoginShown>,
}

impl SecurityPage<'_> {
    /// What is wrong with this field.
    fn wrong(&self, field: &str) -> Option<&str> {
        self.mistake.as_ref().filter(|one| one.field == field).map(|one| one.text.as_str())
    }
}

/// `GET /parametres/securite…`
pub(crate) async fn show(signed: &Signed, rest: &[&str]) -> Result<Response<Body>, Error> {
    match rest {
        [] => page(signed, StatusCode::OK, None).await,
        ["verification"] => factor::show(signed, None).await,
        ["pas-moi"] => password::show_alarm(signed, StatusCode::OK, None).await,
        _ => Err(Error::NotFound),
    }
}

/// `POST /parametres/securite…`
pub(crate) async fn submit(
    signed: &Signed,
    rest: &[&str],
    input: Input,
) -> Result<Response<Body>, Error> {
    let form = signed.form(input).await?;
    match rest {
        ["ouvrir"] => return password::open(signed, &form).await,
        ["mot-de-passe"] => return password::change(signed, &form).await,
        ["pas-moi"] => return password::alarm(signed, &form).await,
        ["sessions"] => return actions::end_sessions(signed, &form).await,
        _ => {}
    }
    if !signed.session.is_proven(Instant::now()) {
        let text = signed.locale().text("security-open-first");
        let mistake = Mistake { field: "ouvrir", text };
        return page(signed, StatusCode::FORBIDDEN, Some(mistake)).await;
    }
    match rest {
        ["appareils"] => actions::add_device(signed, &form).await,
        ["appareils", number] => actions::remove_device(signed, number).await,
        ["secours"] => actions::add_recovery(signed, &form).await,
        ["secours", number] => actions::on_recovery(signed, number, &form).await,
        ["verification"] => factor::turn_on(signed, &form).await,
        ["verification", "arreter"] => factor::turn_off(signed).await,
        ["verification", "codes"] => factor::renew_codes(signed).await,
        _ => Err(Error::NotFound),
    }
}

/// The page.
async fn page(
    signed: &Signed,
    status: StatusCode,
    mistake: Option<Mistake>,
) -> Result<Response<Body>, Error> {
    let (directory, id) = (signed.service().directory(), signed.owner());
    let overview = directory.security_overview(id).await?;
    let recent = directory.recent_logins(id).await?;
    let mailboxes = signed.mailboxes().await?;
    let locale = signed.locale();
    let title = match mistake {
        Some(_) => locale.with("title-error", "title", locale.text("security-title")),
        None => locale.text("security-title"),
    };
    let calendar = signed.calendar();
    let used = |number: u32| {
        let used = recent.iter().find(|one| one.app_password == Some(number));
        used.map(|one| calendar.short(one.at))
    };
    let SecurityOverview { app_passwords, totp_since, recovery_codes_left, recovery, hold_until } =
        overview;
    let names: Vec<_> = app_passwords.iter().map(|one| (one.number, one.name.clone())).collect();
    let devices = app_passwords.into_iter().map(|one| DeviceShown {
        number: one.number,
        name: one.name,
        created: calendar.short(one.created),
        used: used(one.number),
    });
    let recovery = recovery.into_iter().map(|one| RecoveryShown {
        number: one.number,
        address: one.address.to_string(),
        is_proven: one.is_proven,
        is_doubted: one.is_doubted,
    });
    let template = SecurityPage {
        is_open: signed.session.is_proven(Instant::now()),
        mistake,
        factor_since: totp_since.map(|at| calendar.short(at)),
        codes_left: recovery_codes_left,
        devices: devices.collect(),
        recovery: recovery.collect(),
        sends_out: signed.service().settings().sends_out,
        hold_until: hold_until.map(|at| calendar.long(at)),
        sessions: devices::sessions(signed),
        connections: devices::connections(signed, &names),
        logins: devices::logins(signed, recent, &names),
        page: Page::inside(signed, title, &mailboxes, ""),
    };
    view::render(&signed.visit, status, &template)
}

/// After a change that ends every session: this browser gets a new one, which goes on.
async fn go_on(
    signed: &Signed,
    mut response: Response<Body>,
    notice: Option<&str>,
) -> Result<Response<Body>, Error> {
    let proof = signed.session.browser.proof;
    let session = begin_again(signed, proof, &mut response).await?;
    if let Some(notice) = notice {
        session.set_notice(signed.locale().text(notice));
    }
    Ok(response)
}

/// W5: a new session, whose cookie goes with this answer.
async fn begin_again(
    signed: &Signed,
    proof: Proof,
    response: &mut Response<Body>,
) -> Result<Arc<Session>, Error> {
    let visit = &signed.visit;
    let account = signed.service().directory().account(signed.owner()).await?;
    let Some(account) = account else { return Err(Error::LoggedOut) };
    visit.webmail.sessions.end(&signed.session.key);
    let session = crate::login::start(visit, &account, proof, response);
    if signed.session.is_proven(Instant::now()) {
        session.set_proven(Instant::now());
    }
    Ok(session)
}

/// Whether this account is what a password proved.
fn is_own(signed: &Signed, account: &Account) -> bool {
    account.id == signed.owner()
}

/// A refusal of the directory as a mistake of this form, when it is one.
fn mistake(
    signed: &Signed,
    error: DirectoryError,
    field: &'static str,
    invalid: &str,
) -> Result<Mistake, Error> {
    let locale = signed.locale();
    match error {
        DirectoryError::Invalid(reason) => {
            tracing::debug!(account = %signed.owner(), reason, "refused");
            Ok(Mistake { field, text: locale.text(invalid) })
        }
        DirectoryError::OnHold { until } => {
            let until = signed.calendar().long(until);
            Ok(Mistake { field, text: locale.with("security-on-hold", "until", until) })
        }
        DirectoryError::TooManyCodes => {
            Ok(Mistake { field, text: locale.text("security-too-many-codes") })
        }
        other => Err(other.into()),
    }
}
