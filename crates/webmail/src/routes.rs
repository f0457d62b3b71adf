//! Which address leads where, and what is checked before anybody gets there.

use std::pin::Pin;
use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use crate::account::Signed;
use crate::csrf;
use crate::error::Error;
use crate::headers::{self, Fence};
use crate::http::{Body, Input, Visit};
use crate::notices::Notice;
use crate::settings::PlainHttp;
use crate::setup::{self, discover};
use crate::url;
use crate::view;
use crate::webmail::{Connection, Port, Webmail};
use crate::{
    action, administration, assets, assistance, attachment, body, compose, contacts, events,
    first_login, forgotten, help, login, lost_id, mailbox, message, notices, outbox, search,
    second_step, security,
};

/// Answers a request; every error becomes a page. Boxed: the future is large, and one of many.
pub(crate) fn answer(
    webmail: Arc<Webmail>,
    parts: Parts,
    input: Input,
    connection: Connection,
) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
    Box::pin(answer_one(webmail, parts, input, connection))
}

async fn answer_one(
    webmail: Arc<Webmail>,
    parts: Parts,
    input: Input,
    connection: Connection,
) -> Response<Body> {
    let raw_path = parts.uri.path().to_owned();
    let visit = Visit {
        webmail,
        connection,
        method: parts.method,
        path: url::parse_path(&raw_path).unwrap_or_else(|| vec![String::new()]),
        query: url::parse_query(parts.uri.query().unwrap_or_default()),
        raw_path,
        authority: parts.uri.host().map(str::to_owned),
        headers: parts.headers,
    };
    if let Some(elsewhere) = to_tls(&visit) {
        return elsewhere;
    }
    let is_head = visit.method == Method::HEAD;
    let mut response = dispatch(visit, input).await;
    if is_head && matches!(response.body(), Body::Pieces(_)) {
        *response.body_mut() = Body::Whole(bytes::Bytes::new());
    }
    response
}

/// Plain HTTP leads to `public_url`; the host a browser named plays no part.
fn to_tls(visit: &Visit) -> Option<Response<Body>> {
    let settings = visit.webmail.settings();
    let served = visit.connection.port == Port::Https
        || (settings.plain_http == PlainHttp::ServeLoopback && visit.connection.peer.is_loopback());
    if served {
        return None;
    }
    if let Some(elsewhere) = discover::over_tls(visit) {
        return Some(elsewhere);
    }
    let mut response = Response::new(Body::Whole(bytes::Bytes::new()));
    if matches!(visit.method, Method::GET | Method::HEAD) {
        // A path of one slash: `//evil.test` would be a host.
        let path = format!("/{}", visit.raw_path.trim_start_matches('/'));
        let target = format!("{}{path}", settings.public_url);
        let value = HeaderValue::from_str(&target).ok()?;
        response.headers_mut().insert(header::LOCATION, value);
        *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    } else {
        // What was sent in the clear is already lost; it must not look as if it worked.
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    headers::fence_in(visit, Fence::Page, &mut response);
    Some(response)
}

async fn dispatch(visit: Visit, input: Input) -> Response<Body> {
    let path: Vec<String> = visit.path.clone();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let get = matches!(visit.method, Method::GET | Method::HEAD);
    if !get && visit.method != Method::POST {
        return view::explain(&visit, &Error::MethodNotAllowed);
    }
    if let Some(question) = discover::question(&visit.path) {
        let answered = discover::answer(&visit, question, input).await;
        return answered.unwrap_or_else(|error| view::explain(&visit, &error));
    }
    // W6: whatever changes something comes from one of our pages.
    if !get && !csrf::is_from_us(&visit.headers, &visit.origins()) {
        return view::explain(&visit, &Error::StaleForm);
    }
    let answered = match (get, path.as_slice()) {
        (true, ["statique", name]) => return assets::answer(&visit, name),
        (true, []) => login::show(&visit).await,
        (false, ["connexion"]) => login::submit(&visit, input).await,
        (true, ["premiere-connexion"]) => first_login::show(&visit).await,
        (false, ["premiere-connexion"]) => first_login::submit(&visit, input).await,
        (true, ["aide"]) => help::show(&visit),
        (true, ["accessibilite"]) => notices::show(&visit, Notice::Accessibility),
        (true, ["mentions-legales"]) => notices::show(&visit, Notice::Legal),
        (true, ["donnees-personnelles"]) => notices::show(&visit, Notice::Data),
        (true, ["identifiant-perdu"]) => lost_id::show(&visit).await,
        (true, ["mot-de-passe-oublie", rest @ ..]) => forgotten::show(&visit, rest).await,
        (false, ["mot-de-passe-oublie", rest @ ..]) => forgotten::submit(&visit, rest, input).await,
        (true, ["verification"]) => second_step::show(&visit).await,
        (false, ["verification"]) => second_step::submit(&visit, input).await,
        (true, ["contenu", rest @ ..]) => attachment::signed(&visit, rest).await,
        _ => return inside(visit, get, &path, input).await,
    };
    answered.unwrap_or_else(|error| view::explain(&visit, &error))
}

/// Pages behind the login.
async fn inside(visit: Visit, get: bool, path: &[&str], input: Input) -> Response<Body> {
    let found = match visit.session().await {
        Ok(found) => found,
        Err(error) => return view::explain(&visit, &error),
    };
    let Some((session, account)) = found else {
        return outside(visit, get, path, input).await;
    };
    let signed = Signed::new(visit, session, account);
    let answered = match (get, path) {
        (true, ["dossiers"]) => mailbox::folders(&signed).await,
        (true, ["boite", name]) => mailbox::show(&signed, name).await,
        (false, ["boite", name]) => action::on_list(&signed, name, input).await,
        (true, ["m", name, uid]) => message::show(&signed, name, uid).await,
        (false, ["m", name, uid]) => action::on_message(&signed, name, uid, input).await,
        (true, ["m", name, uid, "corps"]) => body::show(&signed, name, uid).await,
        (true, ["m", name, uid, "source"]) => attachment::source(&signed, name, uid).await,
        (true, ["m", name, uid, kind]) => compose::answer(&signed, name, uid, kind).await,
        (true, ["pj", name, uid, part]) => attachment::show(&signed, name, uid, part).await,
        (true, ["ecrire"]) => compose::show(&signed).await,
        (true, ["ecrire", uid]) => compose::open_draft(&signed, uid).await,
        (false, ["ecrire"]) => compose::submit(&signed, input).await,
        (true, ["envois"]) => outbox::show(&signed).await,
        (false, ["envois", id]) => outbox::act(&signed, id, input).await,
        (true, ["contacts"]) => contacts::show(&signed).await,
        (true, ["contacts", "suggestions"]) => contacts::suggest(&signed).await,
        (true, ["contacts", "groupes", id]) => contacts::show_group(&signed, id).await,
        (false, ["contacts", "groupes", id]) => contacts::act_on_group(&signed, id, input).await,
        (true, ["contacts", "fichiers"]) => contacts::show_transfer(&signed).await,
        (false, ["contacts", "fichiers"]) => contacts::import(&signed, input).await,
        (true, ["contacts", "fichiers", name]) => contacts::export(&signed, name).await,
        (true, ["contacts", id]) => contacts::show_contact(&signed, id).await,
        (false, ["contacts", id]) => contacts::act_on_contact(&signed, id, input).await,
        (true, ["recherche"]) => search::show(&signed).await,
        (true, ["evenements"]) => events::listen(&signed).await,
        (true, ["assistance", rest @ ..]) => assistance::show(&signed, rest).await,
        (false, ["assistance", rest @ ..]) => assistance::submit(&signed, rest, input).await,
        (true, ["parametres", "appareils", rest @ ..]) => setup::show(&signed, rest).await,
        (true, ["administration", rest @ ..]) => administration::show(&signed, rest).await,
        (false, ["administration", rest @ ..]) => {
            administration::submit(&signed, rest, input).await
        }
        (true, ["parametres", "securite", rest @ ..]) => security::show(&signed, rest).await,
        (false, ["parametres", "securite", rest @ ..]) => {
            security::submit(&signed, rest, input).await
        }
        (false, ["deconnexion"]) => login::leave(&signed, input).await,
        _ => Err(Error::NotFound),
    };
    answered.unwrap_or_else(|error| view::explain(&signed.visit, &error))
}

/// Nobody is logged in: pages lead to the login, and what was typed is not lost.
async fn outside(visit: Visit, get: bool, path: &[&str], input: Input) -> Response<Body> {
    match (get, path) {
        (false, ["ecrire"]) => compose::rescue(&visit, input)
            .await
            .unwrap_or_else(|error| view::explain(&visit, &error)),
        (true, ["evenements"]) => view::explain(&visit, &Error::LoggedOut),
        (true, ["m", _, _, "corps"]) | (true, ["pj", ..]) => {
            view::explain(&visit, &Error::LoggedOut)
        }
        _ => headers::see_other(&visit, "/"),
    }
}
