//! `/accessibilite`, `/mentions-legales`, `/donnees-personnelles`: what the law wants said in public,
//! with the names of whoever runs the service.

use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::{Body, Visit};
use crate::locale::Locale;
use crate::view::{self, Page};

/// Who answers for the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// Who publishes it: name and postal address.
    pub publisher: Option<String>,
    /// Who is responsible for what it says.
    pub director: Option<String>,
    /// Whose machines it runs on: name and postal address.
    pub host: Option<String>,
    /// Where people get help: telephone, address, opening hours.
    pub support: Option<String>,
    /// How the data protection officer is reached.
    pub data_protection_officer: Option<String>,
    /// Where an obstacle is told.
    pub accessibility_contact: Option<String>,
    /// Who audited the accessibility, when, with which result.
    pub accessibility_audit: Option<String>,
    /// What the audit found.
    pub accessibility: Conformity,
}

/// How far a service complies with RGAA 4.1: all criteria, at least half of them, or less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conformity {
    /// Less than half, or nobody has looked.
    #[default]
    Not,
    /// At least half.
    Partial,
    /// All.
    Full,
}

impl Conformity {
    /// Its name in sentences and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Conformity::Not => "not",
            Conformity::Partial => "partial",
            Conformity::Full => "full",
        }
    }
}

impl Notices {
    /// What a page lacks: the setting, and the page.
    pub fn missing(&self) -> Vec<(&'static str, &'static str)> {
        let is_audited =
            self.accessibility == Conformity::Not || self.accessibility_audit.is_some();
        [
            ("publisher", "/mentions-legales", self.publisher.is_some()),
            ("director", "/mentions-legales", self.director.is_some()),
            ("host", "/mentions-legales", self.host.is_some()),
            ("support", "/aide", self.support.is_some()),
            (
                "data_protection_officer",
                "/donnees-personnelles",
                self.data_protection_officer.is_some(),
            ),
            ("accessibility_contact", "/accessibilite", self.accessibility_contact.is_some()),
            ("accessibility_audit", "/accessibilite", is_audited),
        ]
        .into_iter()
        .filter_map(|(setting, page, is_there)| (!is_there).then_some((setting, page)))
        .collect()
    }
}

/// A heading and what stands under it.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) paragraphs: Vec<String>,
    /// The rest, as a list.
    pub(crate) items: Vec<String>,
}

#[derive(askama::Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    page: Page<'a>,
    intro: Option<String>,
    sections: Vec<Section>,
}

/// One of these pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// `/accessibilite`
    Accessibility,
    /// `/mentions-legales`
    Legal,
    /// `/donnees-personnelles`
    Data,
}

/// The page.
pub(crate) fn show(visit: &Visit, notice: Notice) -> Result<Response<Body>, Error> {
    let words = Words::new(visit);
    let (title, intro, sections) = match notice {
        Notice::Accessibility => {
            ("accessibility-title", Some(words.text("accessibility-intro")), accessibility(&words))
        }
        Notice::Legal => ("legal-title", None, legal(&words)),
        Notice::Data => ("data-title", None, data(&words)),
    };
    let page = Page::outside(visit, visit.locale().text(title));
    view::render(visit, StatusCode::OK, &NoticePage { page, intro, sections })
}

/// The sentences, with the configured names in them.
struct Words<'a> {
    locale: &'a Locale,
    names: Vec<(&'static str, String)>,
    has_audit: bool,
}

impl<'a> Words<'a> {
    fn new(visit: &'a Visit) -> Self {
        let (locale, settings) = (visit.locale(), visit.webmail.settings());
        let notices = &settings.notices;
        let name =
            |name: &Option<String>| name.clone().unwrap_or_else(|| locale.text("notice-missing"));
        let days = visit.webmail.service.settings().history_days;
        let names = vec![
            ("product", settings.theme.name.clone()),
            ("publisher", name(&notices.publisher)),
            ("director", name(&notices.director)),
            ("host", name(&notices.host)),
            ("support", name(&notices.support)),
            ("officer", name(&notices.data_protection_officer)),
            ("contact", name(&notices.accessibility_contact)),
            ("audit", name(&notices.accessibility_audit)),
            ("state", notices.accessibility.name().to_owned()),
            ("days", days.to_string()),
        ];
        Self { locale, names, has_audit: notices.accessibility_audit.is_some() }
    }

    fn text(&self, name: &str) -> String {
        self.locale.with_all(name, &self.names)
    }

    /// One sentence under a title.
    fn section(&self, title: &str, text: &str) -> Section {
        let paragraphs = vec![self.text(text)];
        Section { title: self.text(title), paragraphs, items: Vec::new() }
    }

    /// A list under a title.
    fn list(&self, title: &str, text: &str) -> Section {
        let items = lines(&self.text(text));
        Section { title: self.text(title), paragraphs: Vec::new(), items }
    }
}

/// The lines of a sentence that has several.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn accessibility(words: &Words<'_>) -> Vec<Section> {
    let mut tests = words.section("accessibility-audit-title", "accessibility-tests");
    if words.has_audit {
        tests.paragraphs.insert(0, words.text("accessibility-audit"));
    }
    let mut recourse = words.list("accessibility-recourse-title", "accessibility-recourse");
    // The first line introduces the others.
    recourse.paragraphs.extend(recourse.items.drain(..1.min(recourse.items.len())));
    vec![
        words.section("accessibility-state-title", "accessibility-state"),
        tests,
        words.section("accessibility-exempt-title", "accessibility-exempt"),
        words.section("accessibility-contact-title", "accessibility-contact"),
        recourse,
    ]
}

fn legal(words: &Words<'_>) -> Vec<Section> {
    vec![
        words.section("legal-publisher-title", "legal-publisher"),
        words.section("legal-director-title", "legal-director"),
        words.section("legal-host-title", "legal-host"),
        words.section("legal-contact-title", "legal-contact"),
        words.section("legal-software-title", "legal-software"),
    ]
}

fn data(words: &Words<'_>) -> Vec<Section> {
    let mut rights = words.section("data-rights-title", "data-rights");
    rights.paragraphs.push(words.text("data-complaint"));
    vec![
        words.section("data-purpose-title", "data-purpose"),
        words.list("data-what-title", "data-what"),
        words.list("data-keep-title", "data-keep"),
        words.section("data-access-title", "data-access"),
        words.section("data-cookies-title", "data-cookies"),
        rights,
    ]
}
