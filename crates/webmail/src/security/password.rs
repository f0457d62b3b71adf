//! The password: asked for again, changed, and replaced when somebody else was in.

use std::time::Instant;

use directory::{AuthError, DirectoryError, Service};
use hyper::{Response, StatusCode};
use mail_types::Secret;

use super::{FIELD_BYTES_MAX, HOME, Mistake, go_on, is_own, mistake, page};
use crate::account::Signed;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form};
use crate::view::{self, Page};

#[derive(askama::Template)]
#[template(path = "security_alarm.html")]
struct AlarmPage<'a> {
    page: Page<'a>,
    error: Option<String>,
    has_second_factor: bool,
}

/// Why somebody was not taken for the owner.
enum NotProven {
    Wrong,
    TooMany,
    WrongCode,
    TooManyCodes,
}

/// Whether the typed password is the account's own. Counted like a login.
async fn prove(signed: &Signed, typed: &str) -> Result<Result<(), NotProven>, Error> {
    if typed.is_empty() || typed.len() > FIELD_BYTES_MAX {
        return Ok(Err(NotProven::Wrong));
    }
    let directory = signed.service().directory();
    let login = signed.account.primary_address.to_string();
    let peer = signed.visit.connection.peer;
    let typed = Secret::from(typed);
    let outcome = directory.authenticate(&login, &typed, Service::Webmail, peer).await;
    match outcome {
        Ok(authenticated) if is_own(signed, &authenticated.account) => Ok(Ok(())),
        // The session has proven the second factor already, and what needs it again asks for it.
        Err(AuthError::NeedsSecondFactor(account)) if is_own(signed, &account) => Ok(Ok(())),
        Err(AuthError::TooMany) => Ok(Err(NotProven::TooMany)),
        Err(AuthError::TryAgain(error)) => Err(error.into()),
        Ok(_) | Err(_) => Ok(Err(NotProven::Wrong)),
    }
}

/// The password, and the second factor where there is one: who found an open session and knows the
/// password must not take away what keeps them out of all others.
async fn prove_fully(
    signed: &Signed,
    password: &str,
    code: &str,
) -> Result<Result<(), NotProven>, Error> {
    let proven = prove(signed, password).await?;
    if proven.is_err() || !signed.account.has_second_factor {
        return Ok(proven);
    }
    let typed = code.trim();
    if typed.is_empty() || typed.len() > FIELD_BYTES_MAX {
        return Ok(Err(NotProven::WrongCode));
    }
    let (directory, requester) = (signed.service().directory(), signed.visit.requester());
    match directory.verify_second_factor(&signed.account, typed, &requester).await {
        Ok(()) => Ok(Ok(())),
        Err(AuthError::TooMany) => Ok(Err(NotProven::TooManyCodes)),
        Err(AuthError::TryAgain(error)) => Err(error.into()),
        Err(_) => Ok(Err(NotProven::WrongCode)),
    }
}

impl NotProven {
    /// The field of the form that opens the page.
    fn field(&self) -> &'static str {
        match self {
            NotProven::Wrong | NotProven::TooMany => "ouvrir",
            NotProven::WrongCode | NotProven::TooManyCodes => "ouvrir-code",
        }
    }

    fn text(&self, signed: &Signed) -> String {
        signed.locale().text(match self {
            NotProven::Wrong => "security-wrong-password",
            NotProven::TooMany => "security-too-many",
            NotProven::WrongCode => "step-wrong",
            NotProven::TooManyCodes => "step-too-many",
        })
    }
}

/// `POST …/ouvrir`: everything that a login takes, again, so that the rest may change.
pub(super) async fn open(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    match prove_fully(signed, form.get("mot-de-passe"), form.get("code")).await? {
        Ok(()) => {
            signed.session.set_proven(Instant::now());
            Ok(headers::see_other(&signed.visit, HOME))
        }
        Err(why) => {
            let mistake = Mistake { field: why.field(), text: why.text(signed) };
            page(signed, StatusCode::FORBIDDEN, Some(mistake)).await
        }
    }
}

/// The new password of a form, typed twice alike.
fn new_password(form: &Form) -> Option<Secret<String>> {
    let (new, again) = (form.get("nouveau"), form.get("encore"));
    (new == again).then(|| Secret::from(new))
}

/// `POST …/mot-de-passe`
pub(super) async fn change(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let refuse =
        |field, text| page(signed, StatusCode::UNPROCESSABLE_ENTITY, Some(Mistake { field, text }));
    let Some(new) = new_password(form) else {
        return refuse("nouveau", signed.locale().text("security-not-alike")).await;
    };
    if let Err(why) = prove(signed, form.get("actuel")).await? {
        return refuse("actuel", why.text(signed)).await;
    }
    let directory = signed.service().directory();
    match directory.change_password(signed.owner(), &new, &signed.visit.requester()).await {
        Ok(()) => {
            let response = headers::see_other(&signed.visit, HOME);
            go_on(signed, response, Some("security-password-changed")).await
        }
        Err(error) => {
            let mistake = mistake(signed, error, "nouveau", "security-password-refused")?;
            page(signed, StatusCode::UNPROCESSABLE_ENTITY, Some(mistake)).await
        }
    }
}

/// `GET …/pas-moi`
pub(super) async fn show_alarm(
    signed: &Signed,
    status: StatusCode,
    error: Option<String>,
) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    let page = Page::inside(signed, signed.locale().text("alarm-title"), &mailboxes, "");
    let has_second_factor = signed.account.has_second_factor;
    view::render(&signed.visit, status, &AlarmPage { page, error, has_second_factor })
}

/// `POST …/pas-moi`: whatever opened the account before opens it no longer.
pub(super) async fn alarm(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(new) = new_password(form) else {
        let text = signed.locale().text("security-not-alike");
        return show_alarm(signed, refused, Some(text)).await;
    };
    if let Err(why) = prove_fully(signed, form.get("actuel"), form.get("code")).await? {
        return show_alarm(signed, refused, Some(why.text(signed))).await;
    }
    let directory = signed.service().directory();
    match directory.raise_alarm(signed.owner(), &new, &signed.visit.requester()).await {
        Ok(()) => {
            let response = headers::see_other(&signed.visit, HOME);
            go_on(signed, response, Some("alarm-done")).await
        }
        Err(DirectoryError::Invalid(_)) => {
            let text = signed.locale().text("security-password-refused");
            show_alarm(signed, refused, Some(text)).await
        }
        Err(error) => Err(error.into()),
    }
}
