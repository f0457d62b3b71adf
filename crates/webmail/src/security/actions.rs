//! Passwords of devices, recovery addresses, sessions.

use std::time::Instant;

use directory::CodeOutcome;
use hyper::{Response, StatusCode};
use mail_types::EmailAddress;

use super::{FIELD_BYTES_MAX, HOME, Mistake, mistake, page};
use crate::account::Signed;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form};
use crate::session::Limits;
use crate::setup::MailPrograms;
use crate::view::{self, Page};

/// A secret that is shown once.
#[derive(askama::Template)]
#[template(path = "security_once.html")]
pub(super) struct OncePage<'a> {
    pub(super) page: Page<'a>,
    /// The password of a device and its name.
    pub(super) device: Option<(String, String)>,
    /// One-time codes.
    pub(super) codes: Vec<String>,
    pub(super) address: String,
    /// Where the device reads and sends.
    pub(super) programs: MailPrograms,
}

/// `POST …/appareils`
pub(super) async fn add_device(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let name = form.get("nom").trim();
    let directory = signed.service().directory();
    let made = directory.add_app_password(signed.owner(), name, &signed.visit.requester()).await;
    let password = match made {
        Ok(password) => password,
        Err(error) => {
            let mistake = mistake(signed, error, "nom", "security-device-refused")?;
            return page(signed, StatusCode::UNPROCESSABLE_ENTITY, Some(mistake)).await;
        }
    };
    let mailboxes = signed.mailboxes().await?;
    let title = signed.locale().text("once-device-title");
    let template = OncePage {
        device: Some((name.to_owned(), password.expose().clone())),
        codes: Vec::new(),
        address: signed.account.primary_address.to_string(),
        programs: signed.visit.webmail.settings().programs.clone(),
        page: Page::inside(signed, title, &mailboxes, ""),
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

/// `POST …/appareils/{number}`
pub(super) async fn remove_device(signed: &Signed, number: &str) -> Result<Response<Body>, Error> {
    let number = number.parse().map_err(|_| Error::NotFound)?;
    let directory = signed.service().directory();
    directory.remove_app_password(signed.owner(), number, &signed.visit.requester()).await?;
    let response = headers::see_other(&signed.visit, HOME);
    super::go_on(signed, response, Some("security-device-removed")).await
}

/// `POST …/secours`
pub(super) async fn add_recovery(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let typed = form.get("adresse").trim();
    let refuse = |text| {
        let mistake = Mistake { field: "adresse", text };
        page(signed, StatusCode::UNPROCESSABLE_ENTITY, Some(mistake))
    };
    let address = Some(typed).filter(|typed| typed.len() <= FIELD_BYTES_MAX);
    let Some(address) = address.and_then(|typed| typed.parse::<EmailAddress>().ok()) else {
        return refuse(signed.locale().text("security-not-an-address")).await;
    };
    let directory = signed.service().directory();
    let requester = signed.visit.requester();
    match directory.add_recovery_address(signed.owner(), &address, &requester).await {
        Ok(_) => {
            signed.session.set_notice(signed.locale().text("security-code-sent"));
            Ok(headers::see_other(&signed.visit, HOME))
        }
        Err(error) => {
            let mistake = mistake(signed, error, "adresse", "security-recovery-refused")?;
            page(signed, StatusCode::UNPROCESSABLE_ENTITY, Some(mistake)).await
        }
    }
}

/// `POST …/secours/{number}`: the code, or the address's removal.
pub(super) async fn on_recovery(
    signed: &Signed,
    number: &str,
    form: &Form,
) -> Result<Response<Body>, Error> {
    let number = number.parse().map_err(|_| Error::NotFound)?;
    let (directory, id) = (signed.service().directory(), signed.owner());
    let requester = signed.visit.requester();
    let outcome = match form.get("action") {
        "retirer" => directory
            .remove_recovery_address(id, number, &requester)
            .await
            .map(|()| Ok("security-recovery-removed")),
        _ => {
            let typed = form.get("code");
            directory.prove_recovery_address(id, number, typed, &requester).await.map(|outcome| {
                match outcome {
                    CodeOutcome::Right => Ok("security-recovery-proven"),
                    CodeOutcome::Wrong => Err("security-code-wrong"),
                    CodeOutcome::Gone => Err("security-code-gone"),
                }
            })
        }
    };
    let mistake = match outcome {
        Ok(Ok(notice)) => {
            signed.session.set_notice(signed.locale().text(notice));
            return Ok(headers::see_other(&signed.visit, HOME));
        }
        Ok(Err(name)) => Mistake { field: "code", text: signed.locale().text(name) },
        Err(error) => mistake(signed, error, "adresse", "security-recovery-refused")?,
    };
    page(signed, StatusCode::UNPROCESSABLE_ENTITY, Some(mistake)).await
}

/// `POST …/sessions`: ends one of the account's sessions, or all but this one.
pub(super) async fn end_sessions(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let webmail = &signed.visit.webmail;
    let limits = Limits::from(&*webmail.settings());
    let wanted = form.get("session");
    for (session, _) in webmail.sessions.of(&signed.account, &limits, Instant::now()) {
        let is_other = session.key != signed.session.key;
        if is_other && (wanted == "autres" || session.label() == wanted) {
            webmail.sessions.end(&session.key);
        }
    }
    signed.session.set_notice(signed.locale().text("security-sessions-ended"));
    Ok(headers::see_other(&signed.visit, HOME))
}
