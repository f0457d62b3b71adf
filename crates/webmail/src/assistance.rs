//! `/assistance`: the help desk of an IT officer, for the people of their own unit, and of
//! administrators, for everybody. It needs their second factor, and never opens a mailbox.

use directory::{Account, AccountState, Approval, DirectoryError, Service};
use hyper::{Response, StatusCode};
use mail_types::{AccountId, Role};

use crate::account::Signed;
use crate::administration::explained;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form, Input};
use crate::people::clean;
use crate::typed_id::academic_id;
use crate::url;
use crate::view::{self, Page};

const HOME: &str = "/assistance";
/// Characters of what is looked for.
const QUERY_CHARS_MAX: usize = 200;
/// Recent logins that an officer sees.
const LOGINS_MAX: usize = 5;

/// A person in a list.
struct PersonShown {
    number: u64,
    name: String,
    address: String,
    asked: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "assistance.html")]
struct DeskPage<'a> {
    page: Page<'a>,
    /// Whose people these are; `None` for everybody.
    unit: Option<String>,
    typed: String,
    waiting: Vec<PersonShown>,
    /// `None` before a search.
    found: Option<Vec<PersonShown>>,
}

#[derive(askama::Template)]
#[template(path = "assistance_person.html")]
struct HelpPage<'a> {
    page: Page<'a>,
    number: u64,
    name: String,
    address: String,
    academic_id: String,
    state: String,
    logins: Vec<(String, String)>,
    asked: Option<String>,
    /// From when identity alone is enough, unless the request is refused.
    identity_from: Option<String>,
    /// Why it takes another administrator, or does no longer.
    agreement: Option<String>,
    /// Whether this administrator has agreed already and another one must.
    has_agreed: bool,
    error: Option<String>,
    /// The activation code, this once.
    code: Option<String>,
    site: String,
}

/// What an officer without a second factor is told.
#[derive(askama::Template)]
#[template(path = "assistance_factor.html")]
struct FactorPage<'a> {
    page: Page<'a>,
}

/// Whether the account has a second factor; without one these pages stay closed.
pub(crate) async fn has_second_factor(signed: &Signed) -> Result<bool, Error> {
    let overview = signed.service().directory().security_overview(signed.owner()).await?;
    Ok(overview.totp_since.is_some())
}

/// `GET /assistance…`. Who helps nobody finds nothing here.
pub(crate) async fn show(signed: &Signed, rest: &[&str]) -> Result<Response<Body>, Error> {
    if !signed.account.helps() {
        return Err(Error::NotFound);
    }
    if !has_second_factor(signed).await? {
        let title = signed.locale().text("desk-title");
        return factor_first(signed, title).await;
    }
    match rest {
        [] => desk(signed).await,
        [number] => person(signed, number_of(number)?, StatusCode::OK, Outcome::default()).await,
        _ => Err(Error::NotFound),
    }
}

/// `POST /assistance`, which looks for somebody, and `POST /assistance/{number}`
pub(crate) async fn submit(
    signed: &Signed,
    rest: &[&str],
    input: Input,
) -> Result<Response<Body>, Error> {
    let form = signed.form(input).await?;
    if !signed.account.helps() || !has_second_factor(signed).await? {
        return Err(Error::NotFound);
    }
    let number = match rest {
        [] => return find(signed, &form).await,
        [number] => number,
        _ => return Err(Error::NotFound),
    };
    let id = number_of(number)?;
    match form.get("action") {
        "refuser" => refuse(signed, id, &form).await,
        "code" => issue(signed, id, &form).await,
        "deverrouiller" => unlock(signed, id, &form).await,
        _ => Err(Error::BadRequest("no such action")),
    }
}

fn number_of(text: &str) -> Result<AccountId, Error> {
    text.parse().map(AccountId).map_err(|_| Error::NotFound)
}

/// People of other units do not exist here.
fn hidden(error: DirectoryError) -> Error {
    match error {
        DirectoryError::NotFound { .. } => Error::NotFound,
        other => other.into(),
    }
}

/// Says that the page of this name needs a second factor.
pub(crate) async fn factor_first(signed: &Signed, title: String) -> Result<Response<Body>, Error> {
    let mailboxes = signed.mailboxes().await?;
    let page = Page::inside(signed, title, &mailboxes, "");
    view::render(&signed.visit, StatusCode::FORBIDDEN, &FactorPage { page })
}

async fn desk(signed: &Signed) -> Result<Response<Body>, Error> {
    let (directory, officer) = (signed.service().directory(), &signed.account);
    let calendar = signed.calendar();
    let waiting = directory.waiting_requests(officer).await?.into_iter();
    let waiting = waiting.map(|request| PersonShown {
        asked: Some(calendar.short(request.asked)),
        ..shown(&request.account)
    });
    let typed = signed.visit.query("nom").unwrap_or_default().trim().to_owned();
    let found = match typed.is_empty() {
        true => None,
        false => {
            let people = directory.find_helped(officer, &typed).await?;
            Some(people.iter().map(|account| shown(account)).collect())
        }
    };
    let units = directory.units_of_officer(officer.id);
    let units: Vec<_> = units.iter().map(|unit| unit.name.clone()).collect();
    let unit = (!officer.administers()).then(|| units.join(", "));
    let mailboxes = signed.mailboxes().await?;
    let template = DeskPage {
        unit,
        typed,
        waiting: waiting.collect(),
        found,
        page: Page::inside(signed, signed.locale().text("desk-title"), &mailboxes, ""),
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

/// An academic ID leads to its owner, if that is somebody whom this officer helps; words to a list,
/// whose address holds them.
async fn find(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let words = clean(form.get("nom").trim(), QUERY_CHARS_MAX);
    let Some(id) = academic_id(&words) else {
        let target = format!("{HOME}?nom={}", url::encode(&words));
        return Ok(headers::see_other(&signed.visit, &target));
    };
    let directory = signed.service().directory();
    let found = match directory.find(&id).await? {
        Some(account) => match directory.helped(&signed.account, account.id).await {
            Ok(account) => Some(account),
            Err(DirectoryError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let target = match found {
        Some(account) => format!("{HOME}/{}", account.id.0),
        None => {
            signed.session.set_notice(signed.locale().text("desk-id-unknown"));
            HOME.to_owned()
        }
    };
    Ok(headers::see_other(&signed.visit, &target))
}

fn shown(account: &Account) -> PersonShown {
    PersonShown {
        number: account.id.0,
        name: account.name.clone(),
        address: account.primary_address.to_string(),
        asked: None,
    }
}

/// What a form led to.
#[derive(Default)]
struct Outcome {
    error: Option<String>,
    code: Option<String>,
}

async fn person(
    signed: &Signed,
    id: AccountId,
    status: StatusCode,
    outcome: Outcome,
) -> Result<Response<Body>, Error> {
    let (directory, locale) = (signed.service().directory(), signed.locale());
    // An ID that is shown is a line in the log, beside whatever else is shown with it.
    let noted = directory.note_lookup(&signed.account, id, &signed.visit.requester()).await;
    noted.map_err(hidden)?;
    let account = directory.helped(&signed.account, id).await.map_err(hidden)?;
    let calendar = signed.calendar();
    let recent = directory.recent_logins(id).await?.into_iter().take(LOGINS_MAX);
    let logins = recent.map(|one| {
        let how = match one.service {
            Service::Webmail => "desk-by-webmail",
            Service::Imap => "desk-by-imap",
            Service::Submission => "desk-by-submission",
        };
        (locale.text(how), calendar.short(one.at))
    });
    let lost = directory.lost_password(&signed.account, id).await.map_err(hidden)?;
    let state = match account.state {
        AccountState::AwaitingFirstLogin => "desk-state-first",
        AccountState::Active | AccountState::Leaving => "desk-state-active",
        _ => "desk-state-other",
    };
    let mailboxes = signed.mailboxes().await?;
    let template = HelpPage {
        number: id.0,
        name: account.name.clone(),
        address: account.primary_address.to_string(),
        academic_id: account.academic_id.as_str().to_owned(),
        state: locale.text(state),
        logins: logins.collect(),
        asked: lost.asked.map(|at| calendar.long(at)),
        identity_from: lost.identity_from.map(|at| calendar.long(at)),
        agreement: agreement(signed, &account, lost.approved_by).await?,
        has_agreed: lost.approved_by == Some(signed.owner()),
        error: outcome.error,
        code: outcome.code,
        site: signed.visit.webmail.settings().public_url.to_string(),
        page: Page::inside(signed, account.name.clone(), &mailboxes, ""),
    };
    view::render(&signed.visit, status, &template)
}

/// What is said of the code of somebody privileged.
async fn agreement(
    signed: &Signed,
    account: &Account,
    approved_by: Option<AccountId>,
) -> Result<Option<String>, Error> {
    let locale = signed.locale();
    Ok(match approved_by {
        _ if account.role == Role::Agent => None,
        None => Some(locale.text("desk-takes-two")),
        Some(by) if by == signed.owner() => Some(locale.text("desk-agreed-yourself")),
        Some(by) => {
            let first = signed.service().directory().account(by).await?;
            let name = first.map_or_else(|| by.to_string(), |first| first.name.clone());
            Some(locale.with("desk-agreed-by", "name", name))
        }
    })
}

async fn issue(signed: &Signed, id: AccountId, form: &Form) -> Result<Response<Body>, Error> {
    let (directory, requester) = (signed.service().directory(), signed.visit.requester());
    let reason = form.get("motif");
    match directory.issue_activation_code(&signed.account, id, reason, &requester).await {
        Ok(Approval::Code(code)) => {
            let outcome = Outcome { code: Some(code.expose().clone()), error: None };
            person(signed, id, StatusCode::OK, outcome).await
        }
        Ok(Approval::First) => {
            signed.session.set_notice(signed.locale().text("desk-agreed"));
            Ok(headers::see_other(&signed.visit, HOME))
        }
        Err(error) => mistaken(signed, id, reason, error).await,
    }
}

async fn refuse(signed: &Signed, id: AccountId, form: &Form) -> Result<Response<Body>, Error> {
    let (directory, requester) = (signed.service().directory(), signed.visit.requester());
    let reason = form.get("motif");
    match directory.refuse_reset(&signed.account, id, reason, &requester).await {
        Ok(()) => {
            signed.session.set_notice(signed.locale().text("desk-refused"));
            Ok(headers::see_other(&signed.visit, HOME))
        }
        Err(error) => mistaken(signed, id, reason, error).await,
    }
}

async fn unlock(signed: &Signed, id: AccountId, form: &Form) -> Result<Response<Body>, Error> {
    let (directory, requester) = (signed.service().directory(), signed.visit.requester());
    let reason = form.get("motif");
    match directory.unlock_reset(&signed.account, id, reason, &requester).await {
        Ok(()) => {
            signed.session.set_notice(signed.locale().text("desk-unlocked"));
            Ok(headers::see_other(&signed.visit, HOME))
        }
        Err(error) => mistaken(signed, id, reason, error).await,
    }
}

async fn mistaken(
    signed: &Signed,
    id: AccountId,
    reason: &str,
    error: DirectoryError,
) -> Result<Response<Body>, Error> {
    let DirectoryError::Invalid(_) = &error else { return Err(hidden(error)) };
    let error = match reason.trim().is_empty() {
        true => signed.locale().text("desk-reason-missing"),
        false => explained(signed.locale(), &error.to_string()),
    };
    let outcome = Outcome { error: Some(error), code: None };
    person(signed, id, StatusCode::UNPROCESSABLE_ENTITY, outcome).await
}
