//! `/identifiant-perdu`: who lost an academic ID chooses the school and sees who helps there. The
//! page knows units and their public contacts; it never looks anybody's ID up.

use std::sync::Arc;

use directory::Unit;
use hyper::{Response, StatusCode};

use crate::error::Error;
use crate::http::{Body, Visit};
use crate::view::{self, Page};

/// Units that one search shows.
const FOUND_MAX: usize = 30;
/// Longest search, in bytes.
const TYPED_BYTES_MAX: usize = 200;

#[derive(askama::Template)]
#[template(path = "lost_id.html")]
struct LostIdPage<'a> {
    page: Page<'a>,
    typed: String,
    /// `None` before a search.
    found: Option<Vec<Arc<Unit>>>,
    is_cut: bool,
}

/// `GET /identifiant-perdu`
pub(crate) async fn show(visit: &Visit) -> Result<Response<Body>, Error> {
    let typed = visit.query("ecole").unwrap_or_default().trim().to_owned();
    let wanted = Some(&typed).filter(|typed| !typed.is_empty() && typed.len() <= TYPED_BYTES_MAX);
    let mut found = wanted.map(|typed| visit.webmail.service.directory().find_units(typed));
    let is_cut = found.as_ref().is_some_and(|found| found.len() > FOUND_MAX);
    if let Some(found) = &mut found {
        found.truncate(FOUND_MAX);
    }
    let page = Page::outside(visit, visit.locale().text("lost-id-title"));
    view::render(visit, StatusCode::OK, &LostIdPage { page, typed, found, is_cut })
}
