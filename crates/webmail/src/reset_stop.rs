//! `/mot-de-passe-oublie/annuler`: the link in the notice of a reset that waits, and its button.
//! Only the button ends the reset: mail scanners follow links.

use hyper::{Response, StatusCode};

use crate::error::Error;
use crate::http::{Body, Form, Visit};
use crate::login;
use crate::view::{self, Page};

/// Longest link that is looked at, in bytes.
const LINK_BYTES_MAX: usize = 512;

#[derive(askama::Template)]
#[template(path = "reset_stop.html")]
struct StopPage<'a> {
    page: Page<'a>,
    /// What the link names, while there is a button.
    link: Option<String>,
    text: String,
}

/// `GET`: the button.
pub(crate) fn show(visit: &Visit) -> Result<Response<Body>, Error> {
    let link = visit.query("lien").filter(|link| link.len() <= LINK_BYTES_MAX);
    let directory = visit.webmail.service.directory();
    match link.filter(|link| directory.is_cancel_token(link)) {
        Some(link) => page(visit, StatusCode::OK, Some(link), "stop-text"),
        None => page(visit, StatusCode::NOT_FOUND, None, "stop-nothing"),
    }
}

/// `POST`
pub(crate) async fn submit(visit: &Visit, fields: &Form) -> Result<Response<Body>, Error> {
    let link = fields.get("lien");
    if link.len() > LINK_BYTES_MAX {
        return page(visit, StatusCode::NOT_FOUND, None, "stop-nothing");
    }
    if !login::is_door_token(visit, fields.get("jeton")) {
        return page(visit, StatusCode::FORBIDDEN, Some(link), "stop-text");
    }
    let directory = visit.webmail.service.directory();
    match directory.cancel_identity_reset(link, &visit.requester()).await? {
        true => page(visit, StatusCode::OK, None, "stop-done"),
        false => page(visit, StatusCode::NOT_FOUND, None, "stop-nothing"),
    }
}

fn page(
    visit: &Visit,
    status: StatusCode,
    link: Option<&str>,
    text: &str,
) -> Result<Response<Body>, Error> {
    let (door, token) = login::door(visit);
    let mut page = Page::outside(visit, visit.locale().text("stop-title"));
    page.token = token;
    let (link, text) = (link.map(str::to_owned), visit.locale().text(text));
    let mut response = view::render(visit, status, &StopPage { page, link, text })?;
    login::set_cookie(visit, &mut response, login::door_cookie(visit), &door);
    Ok(response)
}
