//! Mail programs that configure themselves ask here, without a login: `autoconfig.DOMAIN` and
//! `autodiscover.DOMAIN` lead to this server.
//!
//! Everything said is the same for every person of a domain, so that nobody learns which addresses
//! exist. `Host` and the address that a program gives only choose among the domains that are
//! hosted; the answer is made of configured names.

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Response, StatusCode};
use mail_types::Domain;

use super::{outlook, thunderbird};
use crate::error::Error;
use crate::headers::{self, Fence};
use crate::http::{Body, Input, Visit};
use crate::url;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Thunderbird's file, which K-9, FairEmail, Evolution and others read as well.
    Autoconfig,
    /// Outlook's XML ("plain old XML").
    Autodiscover,
    /// Where Outlook's XML is.
    AutodiscoverJson,
}

/// What is asked at this path, if it is one of these. Outlook spells its own in several ways.
pub(crate) fn question(path: &[String]) -> Option<Question> {
    let is = |wanted: &[&str]| {
        path.len() == wanted.len()
            && path.iter().zip(wanted).all(|(one, two)| one.eq_ignore_ascii_case(two))
    };
    if is(&["mail", "config-v1.1.xml"])
        || is(&[".well-known", "autoconfig", "mail", "config-v1.1.xml"])
    {
        return Some(Question::Autoconfig);
    }
    if is(&["autodiscover", "autodiscover.xml"]) {
        return Some(Question::Autodiscover);
    }
    // Two forms: the address in the query, or at the end of the path.
    let json = path.len() >= 2
        && path[0].eq_ignore_ascii_case("autodiscover")
        && path[1].eq_ignore_ascii_case("autodiscover.json");
    (json && path.len() <= 4).then_some(Question::AutodiscoverJson)
}

/// Answers a program. `POST` is Outlook's way of asking and changes nothing.
pub(crate) async fn answer(
    visit: &Visit,
    question: Question,
    input: Input,
) -> Result<Response<Body>, Error> {
    match (question, visit.method == Method::POST) {
        (Question::Autoconfig, false) => thunderbird::answer(visit),
        (Question::Autodiscover, is_post) => outlook::answer(visit, is_post.then_some(input)).await,
        (Question::AutodiscoverJson, false) => outlook::answer_json(visit),
        _ => Err(Error::MethodNotAllowed),
    }
}

/// On the port without TLS, programs are sent on to the configured name; the domain they ask about
/// goes along, the person does not.
pub(crate) fn over_tls(visit: &Visit) -> Option<Response<Body>> {
    let question = question(&visit.path)?;
    if !matches!(visit.method, Method::GET | Method::HEAD) {
        return None;
    }
    let public_url = visit.webmail.settings().public_url.to_string();
    let target = match (question, asked_domain(visit, address_in_query(visit))) {
        (Question::Autoconfig, Some(domain)) => {
            let domain = url::encode(domain.as_str());
            format!("{public_url}/mail/config-v1.1.xml?emailaddress=%40{domain}")
        }
        (Question::Autoconfig, None) => format!("{public_url}/mail/config-v1.1.xml"),
        (Question::Autodiscover | Question::AutodiscoverJson, _) => {
            format!("{public_url}/autodiscover/autodiscover.xml")
        }
    };
    let mut response = Response::new(Body::Whole(Bytes::new()));
    // Outlook follows a 302 and nothing else.
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&target).ok()?);
    headers::fence_in(visit, Fence::Part, &mut response);
    Some(response)
}

/// The address in the query, whatever the program calls it.
pub(super) fn address_in_query(visit: &Visit) -> Option<&str> {
    let is_name = |name: &str| {
        name.eq_ignore_ascii_case("emailaddress") || name.eq_ignore_ascii_case("email")
    };
    let found = visit.query.iter().find(|(name, _)| is_name(name));
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The hosted domain a program asks about: by the address it gives, else by the name it came to,
/// else the only one there is.
pub(super) fn domain(visit: &Visit, address: Option<&str>) -> Option<Domain> {
    let hosted = visit.webmail.service.directory().list_domains();
    match asked_domain(visit, address) {
        Some(asked) if hosted.iter().any(|entry| entry.domain == asked) => Some(asked),
        // An address elsewhere gets no answer; a host may be the webmail's own.
        Some(_) if address.is_some() => None,
        _ => match hosted.as_slice() {
            [only] => Some(only.domain.clone()),
            _ => None,
        },
    }
}

/// What stands after the `@`; the person before it is never looked at.
fn asked_domain(visit: &Visit, address: Option<&str>) -> Option<Domain> {
    let text = match address {
        Some(address) => address.rsplit_once('@').map_or(address, |(_, domain)| domain),
        None => {
            let host = visit.host()?;
            let at = |prefix| host.get(..prefix).filter(|_| host.len() > prefix);
            let is_prefix = |prefix: &str| {
                at(prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            };
            let prefix = ["autoconfig.", "autodiscover."].into_iter().find(|one| is_prefix(one));
            &host[prefix.map_or(0, str::len)..]
        }
    };
    text.parse().ok()
}

/// An answer in XML.
pub(super) fn xml(
    visit: &Visit,
    status: StatusCode,
    template: &impl askama::Template,
) -> Result<Response<Body>, Error> {
    let text = template.render()?;
    Ok(headers::text(visit, status, Fence::Part, "text/xml; charset=utf-8", text.into()))
}
