//! `/parametres/appareils`: the sheet with which people set up a telephone or a mail program, the
//! profile for Apple's devices, and the answers to programs that configure themselves.

mod apple;
pub(crate) mod discover;
mod outlook;
mod programs;
mod thunderbird;

use std::sync::Arc;

use hyper::{Response, StatusCode};

pub use programs::{Access, MailPrograms, Security};

use crate::account::Signed;
use crate::error::Error;
use crate::http::Body;
use crate::qr;
use crate::settings::Settings;
use crate::view::{self, Page};

/// Where the sheet is.
pub(crate) const HOME: &str = "/parametres/appareils";

#[derive(askama::Template)]
#[template(path = "setup.html")]
struct SetupPage<'a> {
    page: Page<'a>,
    settings: Arc<Settings>,
    /// The drawing that leads a telephone to this page.
    qr: Option<qr::Drawing>,
    /// Whether mail programs need a password of their own.
    has_factor: bool,
}

impl SetupPage<'_> {
    /// The best way in and the best way out.
    fn best(&self) -> Option<(&Access, &Access)> {
        let programs = &self.settings.programs;
        programs.incoming.first().zip(programs.outgoing.first())
    }
}

/// `GET /parametres/appareils…`
pub(crate) async fn show(signed: &Signed, rest: &[&str]) -> Result<Response<Body>, Error> {
    match rest {
        [] => page(signed).await,
        ["profil"] => apple::answer(signed),
        _ => Err(Error::NotFound),
    }
}

async fn page(signed: &Signed) -> Result<Response<Body>, Error> {
    let overview = signed.service().directory().security_overview(signed.owner()).await?;
    let mailboxes = signed.mailboxes().await?;
    let settings = signed.visit.webmail.settings();
    let template = SetupPage {
        qr: qr::Drawing::of(&format!("{}{HOME}", settings.public_url)),
        settings,
        has_factor: overview.totp_since.is_some(),
        page: Page::inside(signed, signed.locale().text("setup-title"), &mailboxes, ""),
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}
