//! `/aide`: what people ask most, for whoever is logged in and for whoever cannot log in.

use hyper::{Response, StatusCode};

use crate::error::Error;
use crate::http::{Body, Visit};
use crate::notices::lines;
use crate::view::{self, Page};

/// Anchor, name of the sentences, and where the link under them leads.
const TOPICS: [(&str, &str, &str); 7] = [
    ("premiere-connexion", "help-first", "/"),
    ("mot-de-passe-oublie", "help-password", "/mot-de-passe-oublie"),
    ("identifiant-perdu", "help-id", "/identifiant-perdu"),
    ("carnet-d-adresses", "help-contacts", "/contacts"),
    ("telephone", "help-phone", "/parametres/appareils"),
    ("securite", "help-safety", "/parametres/securite"),
    ("responsables", "help-officer", "/assistance"),
];

/// One subject.
struct Topic {
    anchor: &'static str,
    title: String,
    text: String,
    steps: Vec<String>,
    href: &'static str,
    link: String,
}

#[derive(askama::Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    page: Page<'a>,
    topics: Vec<Topic>,
    support: Option<String>,
}

/// `GET /aide`
pub(crate) fn show(visit: &Visit) -> Result<Response<Body>, Error> {
    let locale = visit.locale();
    let topic = |(anchor, name, href)| {
        let text = |part: &str| locale.text(&format!("{name}-{part}"));
        Topic {
            anchor,
            title: text("title"),
            text: text("text"),
            steps: lines(&text("steps")),
            href,
            link: text("link"),
        }
    };
    let support = visit.webmail.settings().notices.support.clone();
    let template = HelpPage {
        topics: TOPICS.map(topic).into(),
        support: support.map(|support| locale.with("help-support-text", "support", support)),
        page: Page::outside(visit, locale.text("help-title")),
    };
    view::render(visit, StatusCode::OK, &template)
}
