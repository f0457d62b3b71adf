//! `/mail/config-v1.1.xml` and `/.well-known/autoconfig/mail/config-v1.1.xml`: the file that
//! Thunderbird made and most free mail programs read.

use std::sync::Arc;

use hyper::{Response, StatusCode};

use super::discover::{address_in_query, domain, xml};
use crate::error::Error;
use crate::http::{Body, Visit};
use crate::settings::Settings;

#[derive(askama::Template)]
#[template(path = "autoconfig.xml")]
struct Autoconfig {
    domain: String,
    settings: Arc<Settings>,
}

/// The file, in which the program itself puts the address where `%EMAILADDRESS%` stands.
pub(super) fn answer(visit: &Visit) -> Result<Response<Body>, Error> {
    let settings = visit.webmail.settings();
    let domain = domain(visit, address_in_query(visit)).ok_or(Error::NotFound)?;
    if settings.programs.incoming.is_empty() {
        return Err(Error::NotFound);
    }
    let template = Autoconfig { domain: domain.to_string(), settings };
    xml(visit, StatusCode::OK, &template)
}
