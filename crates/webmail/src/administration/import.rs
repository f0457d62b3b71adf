//! Many accounts or units from a file: looked at first, with every refused line told, then
//! followed.

use std::fmt::Write;
use std::sync::Arc;

use directory::{ImportMode, ImportReport};
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use mail_types::Domain;

use super::accounts::Choice;
use super::job::{Job, Kind, SheetsOf, Stage};
use super::reasons::explained;
use super::sheets::{Format, download};
use super::{add, done, frame};
use crate::account::Signed;
use crate::compose::form;
use crate::compose::{Mistake, mistake};
use crate::date;
use crate::error::Error;
use crate::hand_out::csv_field;
use crate::headers::{self, Fence, attachment_disposition};
use crate::http::{Body, Form, Input};
use crate::view::{self, Page};

const IMPORT: &str = "/administration/import";
/// Largest file: some hundred thousand people.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Refused lines that a page names; the file beside it has all.
const TOLD_MAX: usize = 200;
/// Seconds after which a page looks again how far the work is.
const REFRESH: HeaderValue = HeaderValue::from_static("2");

/// A file that is still kept.
struct Earlier {
    href: String,
    name: String,
    state: String,
}

#[derive(askama::Template)]
#[template(path = "administration_import.html")]
struct ImportPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    limit: String,
    /// Domains of addresses that are made of names, when there are several.
    domains: Vec<Choice>,
    earlier: Vec<Earlier>,
    errors: Vec<Mistake>,
}

/// A number, and what it counts.
struct Figure {
    count: String,
    name: String,
}

/// What became of a file, or would.
struct Counts {
    created: Figure,
    updated: Figure,
    unchanged: Figure,
    refused: Figure,
    /// Whether anything is left to be done.
    is_nothing: bool,
    lines: Vec<(u64, String)>,
    is_cut: bool,
}

#[derive(askama::Template)]
#[template(path = "administration_job.html")]
struct JobPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    action: String,
    name: String,
    is_units: bool,
    /// `checking`, `checked`, `applying`, `applied`, `failed`.
    stage: &'static str,
    /// Lines done and lines there are, while it works.
    done: u64,
    lines: u64,
    progress: String,
    /// The page looks again by itself.
    is_live: bool,
    counts: Option<Counts>,
    failure: String,
    sheets: String,
    has_pages: bool,
    has_lines: bool,
    has_sheets: bool,
}

/// `GET …/import`
pub(super) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    page(signed, StatusCode::OK, Vec::new()).await
}

async fn page(
    signed: &Signed,
    status: StatusCode,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let locale = signed.locale();
    let earlier = signed.visit.webmail.imports.of(signed.owner());
    let earlier = earlier.iter().map(|job| Earlier {
        href: format!("{IMPORT}/{}", job.id),
        name: job.name.clone(),
        state: locale.text(match job.stage() {
            Stage::Checking => "admin-import-checking",
            Stage::Checked(_) => "admin-import-checked",
            Stage::Applying => "admin-import-applying",
            Stage::Applied(_) => "admin-import-applied",
            Stage::Failed(_) => "admin-import-failed",
        }),
    });
    let template = ImportPage {
        tab: "import",
        limit: date::size(locale, FILE_BYTES_MAX),
        domains: add::domains(signed, ""),
        earlier: earlier.collect(),
        errors,
        page: frame(signed, locale.text("admin-import")).await?,
    };
    view::render(&signed.visit, status, &template)
}

/// `POST …/import`: a file comes, and is looked at.
pub(super) async fn upload(signed: &Signed, input: Input) -> Result<Response<Body>, Error> {
    let typed = form::read_own(signed, input, FILE_BYTES_MAX).await?;
    let Some(file) = typed.files.first().filter(|file| !file.content.is_empty()) else {
        let wrong = mistake("fichier", signed.locale().text("admin-import-no-file"));
        return page(signed, StatusCode::UNPROCESSABLE_ENTITY, vec![wrong]).await;
    };
    let kind = match typed.get("contenu") {
        "etablissements" => Kind::Units,
        _ => Kind::Accounts,
    };
    let domain: Option<Domain> = typed.get("domaine").parse().ok();
    // Broken letters would become addresses.
    let Ok(text) = std::str::from_utf8(&file.content) else {
        let wrong = mistake("fichier", signed.locale().text("admin-import-not-utf-8"));
        return page(signed, StatusCode::UNPROCESSABLE_ENTITY, vec![wrong]).await;
    };
    let text = text.to_owned();
    let imports = &signed.visit.webmail.imports;
    let job = imports.add(signed.owner(), kind, file.name.clone(), domain, text)?;
    let address = format!("{IMPORT}/{}", job.id);
    run(signed, job, ImportMode::DryRun);
    Ok(headers::see_other(&signed.visit, &address))
}

fn run(signed: &Signed, job: Arc<Job>, mode: ImportMode) {
    let (webmail, account) = (Arc::clone(&signed.visit.webmail), Arc::clone(&signed.account));
    job.run(webmail, account, signed.visit.requester(), mode);
}

/// `GET …/import/{id}`
pub(super) async fn progress(signed: &Signed, id: &str) -> Result<Response<Body>, Error> {
    let job = signed.visit.webmail.imports.find(signed.owner(), id)?;
    let locale = signed.locale();
    let (stage, report, failure) = match job.stage() {
        Stage::Checking => ("checking", None, String::new()),
        Stage::Checked(report) => ("checked", Some(report), String::new()),
        Stage::Applying => ("applying", None, String::new()),
        Stage::Applied(report) => ("applied", Some(report), String::new()),
        Stage::Failed(reason) if reason.is_empty() => ("failed", None, locale.text("error-busy")),
        Stage::Failed(reason) => ("failed", None, explained(locale, &reason)),
    };
    let works = matches!(stage, "checking" | "applying");
    let is_live = works && signed.visit.query("arret").is_none();
    let numbers = [("done", date::number(job.done())), ("lines", date::number(job.lines))];
    let template = JobPage {
        tab: "import",
        action: format!("{IMPORT}/{}", job.id),
        name: job.name.clone(),
        is_units: job.kind == Kind::Units,
        stage,
        done: job.done(),
        lines: job.lines.max(1),
        progress: locale.with_all("admin-import-progress", &numbers),
        is_live,
        counts: report.map(|report| counts(signed, &report)),
        failure,
        sheets: date::number(job.sheets.count()),
        has_pages: job.sheets.is_left(Format::Pages),
        has_lines: job.sheets.is_left(Format::Lines),
        has_sheets: job.sheets.count() > 0 && stage == "applied",
        page: frame(signed, locale.text("admin-import")).await?,
    };
    let mut response = view::render(&signed.visit, StatusCode::OK, &template)?;
    if is_live {
        response.headers_mut().insert(header::REFRESH, REFRESH);
    }
    Ok(response)
}

fn counts(signed: &Signed, report: &ImportReport) -> Counts {
    let lines = report.refused.iter().take(TOLD_MAX);
    let lines = lines.map(|one| (one.line, explained(signed.locale(), &one.reason)));
    let figure = |count: u64, name: &str| Figure {
        count: date::number(count),
        name: signed.locale().with(name, "count", count),
    };
    Counts {
        created: figure(report.created, "admin-import-created"),
        updated: figure(report.updated, "admin-import-updated"),
        unchanged: figure(report.unchanged, "admin-import-unchanged"),
        refused: figure(report.refused.len() as u64, "admin-import-refused"),
        is_nothing: report.created + report.updated == 0,
        lines: lines.collect(),
        is_cut: report.refused.len() > TOLD_MAX,
    }
}

/// `GET …/import/{id}/refus.csv`: every refused line.
pub(super) fn refused(signed: &Signed, id: &str) -> Result<Response<Body>, Error> {
    let job = signed.visit.webmail.imports.find(signed.owner(), id)?;
    let (Stage::Checked(report) | Stage::Applied(report)) = job.stage() else {
        return Err(Error::NotFound);
    };
    let mut text = "\u{feff}line;reason\r\n".to_owned();
    for one in &report.refused {
        let reason = csv_field(&explained(signed.locale(), &one.reason));
        let _ = write!(text, "{};{reason}\r\n", one.line);
    }
    let kind = "text/csv; charset=utf-8";
    let mut response = headers::text(&signed.visit, StatusCode::OK, Fence::Part, kind, text.into());
    if let Ok(value) = HeaderValue::from_str(&attachment_disposition("attachment", "refus.csv")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// `POST …/import/{id}`
pub(super) async fn act(signed: &Signed, id: &str, form: &Form) -> Result<Response<Body>, Error> {
    let job = signed.visit.webmail.imports.find(signed.owner(), id)?;
    let address = format!("{IMPORT}/{}", job.id);
    let format = match form.get("action") {
        "appliquer" => {
            // Pressed twice, it is followed once.
            if job.begin() {
                run(signed, job, ImportMode::Apply);
            }
            return Ok(headers::see_other(&signed.visit, &address));
        }
        "oublier" if !matches!(job.stage(), Stage::Checking | Stage::Applying) => {
            signed.visit.webmail.imports.forget(&job);
            return Ok(done(signed, IMPORT, "admin-import-forgotten"));
        }
        "pages" => Format::Pages,
        "lignes" => Format::Lines,
        _ => return Err(Error::BadRequest("no such action")),
    };
    if !matches!(job.stage(), Stage::Applied(_)) {
        return Err(Error::NotFound);
    }
    match download(signed, SheetsOf(job), format) {
        Some(response) => Ok(response),
        None => Ok(done(signed, &address, "admin-import-taken")),
    }
}
