//! The second factor: given to an authenticator as a QR code, proven, turned off.

use std::time::Instant;

use directory::{DirectoryError, TotpSecret};
use hyper::{Response, StatusCode, header};
use mail_types::Secret;

use super::actions::OncePage;
use super::{FIELD_BYTES_MAX, HOME, begin_again, go_on};
use crate::account::Signed;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form};
use crate::qr;
use crate::session::{Proof, lock};
use crate::setup::MailPrograms;
use crate::url;
use crate::view::{self, Page};

#[derive(askama::Template)]
#[template(path = "security_factor.html")]
struct FactorPage<'a> {
    page: Page<'a>,
    error: Option<String>,
    qr: qr::Drawing,
    /// The same, to be typed.
    secret: String,
}

/// `GET …/verification`
pub(super) async fn show(signed: &Signed, error: Option<String>) -> Result<Response<Body>, Error> {
    let overview = signed.service().directory().security_overview(signed.owner()).await?;
    if overview.totp_since.is_some() || !signed.session.is_proven(Instant::now()) {
        return Ok(headers::see_other(&signed.visit, HOME));
    }
    let secret = lock(&signed.session.enrolling).get_or_insert_with(TotpSecret::generate).clone();
    let base32 = secret.base32();
    let qr = qr::Drawing::of(&address(signed, base32.expose())).ok_or(Error::Worker)?;
    let mailboxes = signed.mailboxes().await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let template = FactorPage {
        error,
        qr,
        secret: grouped(base32.expose()),
        page: Page::inside(signed, signed.locale().text("factor-title"), &mailboxes, ""),
    };
    view::render(&signed.visit, status, &template)
}

/// The address that authenticators read: `otpauth://totp/…`.
fn address(signed: &Signed, base32: &str) -> String {
    let product = url::encode(&signed.visit.webmail.settings().theme.name);
    let account = url::encode(&signed.account.primary_address.to_string());
    format!("otpauth://totp/{product}:{account}?secret={base32}&issuer={product}")
}

fn grouped(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let groups = chars.chunks(4).map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join(" ")
}

/// `POST …/verification`: the authenticator's first code.
pub(super) async fn turn_on(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let typed = form.get("code").trim();
    let secret = lock(&signed.session.enrolling).clone();
    let Some(secret) = secret else {
        return Ok(headers::see_other(&signed.visit, &format!("{HOME}/verification")));
    };
    let wrong = || Some(signed.locale().text("step-wrong"));
    if typed.is_empty() || typed.len() > FIELD_BYTES_MAX {
        return show(signed, wrong()).await;
    }
    let directory = signed.service().directory();
    let requester = signed.visit.requester();
    match directory.turn_totp_on(signed.owner(), &secret, typed, &requester).await {
        Ok(codes) => {
            lock(&signed.session.enrolling).take();
            // The page belongs to the session that begins with it.
            let mut begun = headers::see_other(&signed.visit, HOME);
            let session = begin_again(signed, Proof::SecondFactor, &mut begun).await?;
            let token = signed.visit.webmail.seal.token(&session.key);
            let mut response = once(signed, &codes, token).await?;
            for cookie in begun.headers().get_all(header::SET_COOKIE) {
                response.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            Ok(response)
        }
        Err(DirectoryError::Invalid(_)) => show(signed, wrong()).await,
        Err(DirectoryError::OnHold { until }) => {
            let until = signed.calendar().long(until);
            show(signed, Some(signed.locale().with("security-on-hold", "until", until))).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/verification/arreter`
pub(super) async fn turn_off(signed: &Signed) -> Result<Response<Body>, Error> {
    let directory = signed.service().directory();
    directory.turn_totp_off(signed.owner(), &signed.visit.requester()).await?;
    let response = headers::see_other(&signed.visit, HOME);
    go_on(signed, response, Some("security-factor-off")).await
}

/// `POST …/verification/codes`
pub(super) async fn renew_codes(signed: &Signed) -> Result<Response<Body>, Error> {
    let directory = signed.service().directory();
    let requester = signed.visit.requester();
    match directory.renew_recovery_codes(signed.owner(), &requester).await {
        Ok(codes) => once(signed, &codes, signed.token()).await,
        Err(DirectoryError::Invalid(_)) => Ok(headers::see_other(&signed.visit, HOME)),
        Err(error) => Err(error.into()),
    }
}

/// The one-time codes, this once.
async fn once(
    signed: &Signed,
    codes: &[Secret<String>],
    token: String,
) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    let title = signed.locale().text("once-codes-title");
    let page = Page { token, ..Page::inside(signed, title, &mailboxes, "") };
    let template = OncePage {
        device: None,
        codes: codes.iter().map(|code| code.expose().clone()).collect(),
        address: String::new(),
        programs: MailPrograms::default(),
        page,
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}
