//! Where a lost password is replaced by identity alone (name, academic ID and date of birth): units
//! for which two administrators opened it, with a reason and a last day, and the switch that closes
//! it everywhere.

use directory::{DirectoryError, IdentityOpen, IdentityProposal, POLICY_DAYS_MAX, UnitCode};
use hyper::{Response, StatusCode};
use mail_types::AccountId;

use super::{done, frame, parsed, refused};
use crate::account::Signed;
use crate::compose::{Mistake, mistake};
use crate::error::Error;
use crate::http::{Body, Form};
use crate::url;
use crate::view::{self, Page};

const POLICIES: &str = "/administration/identite";

/// A unit that has it open, or for which it is proposed.
struct Row {
    code: String,
    name: String,
    state: String,
}

#[derive(askama::Template)]
#[template(path = "administration_policies.html")]
struct PoliciesPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    /// Since when, and by whom, it is closed everywhere.
    closed: Option<String>,
    rows: Vec<Row>,
    errors: Vec<Mistake>,
}

/// What is open or proposed, and who said so.
struct Shown {
    last_day: String,
    reason: String,
    said: String,
}

#[derive(askama::Template)]
#[template(path = "administration_policy.html")]
struct PolicyPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    action: String,
    code: String,
    days_max: i32,
    open: Option<Shown>,
    proposal: Option<Shown>,
    /// Names the proposal that is shown: who agrees, agrees to what they saw.
    number: String,
    is_own: bool,
    last_day: String,
    reason: String,
    errors: Vec<Mistake>,
}

impl PolicyPage<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        let found = self.errors.iter().find(|mistake| mistake.field == field);
        found.map(|mistake| mistake.text.as_str())
    }
}

/// `GET …/identite`
pub(super) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    page(signed, StatusCode::OK, Vec::new()).await
}

async fn page(
    signed: &Signed,
    status: StatusCode,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let (directory, locale) = (signed.service().directory(), signed.locale());
    let closed = match directory.identity_guard().closed {
        None => None,
        Some(closed) => {
            let date = signed.calendar().long(closed.at);
            Some(match closed.by {
                Some(by) => {
                    let values = [("date", date), ("name", name_of(signed, by).await?)];
                    locale.with_all("identity-closed-by", &values)
                }
                None => locale.with("identity-closed-itself", "date", date),
            })
        }
    };
    let rows = directory.unit_policies().into_iter().map(|(code, policy)| Row {
        name: directory.unit(&code).map(|unit| unit.name.clone()).unwrap_or_default(),
        code: code.to_string(),
        state: match (policy.open, policy.proposal) {
            (Some(open), None) => locale.with("identity-open-until", "day", open.last_day.french()),
            (Some(open), Some(_)) => {
                locale.with("identity-renewal-waits", "day", open.last_day.french())
            }
            (None, _) => locale.text("identity-waits"),
        },
    });
    let template = PoliciesPage {
        tab: "identite",
        closed,
        rows: rows.collect(),
        errors,
        page: frame(signed, locale.text("identity-title")).await?,
    };
    view::render(&signed.visit, status, &template)
}

async fn name_of(signed: &Signed, id: AccountId) -> Result<String, Error> {
    let account = signed.service().directory().account(id).await?;
    Ok(account.map_or_else(|| id.to_string(), |account| account.name.clone()))
}

/// `POST …/identite`: the switch for everywhere.
pub(super) async fn act(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let (directory, by) = (signed.service().directory(), &signed.account);
    let (reason, requester) = (form.get("motif"), signed.visit.requester());
    let (outcome, notice) = match form.get("action") {
        "fermer" => (
            directory.close_identity_everywhere(by, reason, &requester).await,
            "identity-closed-now",
        ),
        "rouvrir" => (
            directory.reopen_identity_everywhere(by, reason, &requester).await,
            "identity-reopened-now",
        ),
        _ => return Err(Error::BadRequest("no such action")),
    };
    match outcome {
        Ok(()) => Ok(done(signed, POLICIES, notice)),
        Err(error) => {
            let wrong = refused(signed, error, "motif")?;
            page(signed, StatusCode::UNPROCESSABLE_ENTITY, vec![wrong]).await
        }
    }
}

/// `GET …/identite/{code}`
pub(super) async fn show_unit(signed: &Signed, code: &str) -> Result<Response<Body>, Error> {
    let code = known(signed, code)?;
    unit_page(signed, StatusCode::OK, &code, ("", ""), Vec::new()).await
}

fn known(signed: &Signed, code: &str) -> Result<UnitCode, Error> {
    let code: UnitCode = code.parse().map_err(|_| Error::NotFound)?;
    let unit = signed.service().directory().unit(&code).ok_or(Error::NotFound)?;
    Ok(unit.code.clone())
}

async fn unit_page(
    signed: &Signed,
    status: StatusCode,
    code: &UnitCode,
    (last_day, reason): (&str, &str),
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let (directory, locale) = (signed.service().directory(), signed.locale());
    let policy = directory.unit_policy(code);
    let number = policy.proposal.as_ref().map(|one| one.number.to_string());
    let is_own = policy.proposal.as_ref().is_some_and(|one| one.by == signed.owner());
    let name = directory.unit(code).map(|unit| unit.name.clone()).unwrap_or_default();
    let open = match policy.open {
        Some(open) => Some(shown_open(signed, open).await?),
        None => None,
    };
    let proposal = match policy.proposal {
        Some(proposal) => Some(shown_proposal(signed, proposal).await?),
        None => None,
    };
    let template = PolicyPage {
        tab: "identite",
        action: format!("{POLICIES}/{}", url::encode(code.as_str())),
        code: code.to_string(),
        days_max: POLICY_DAYS_MAX,
        open,
        proposal,
        number: number.unwrap_or_default(),
        is_own,
        last_day: last_day.to_owned(),
        reason: reason.to_owned(),
        errors,
        page: frame(signed, locale.with("identity-of", "unit", name)).await?,
    };
    view::render(&signed.visit, status, &template)
}

async fn shown_open(signed: &Signed, open: IdentityOpen) -> Result<Shown, Error> {
    let values = [
        ("date", signed.calendar().long(open.since)),
        ("one", name_of(signed, open.proposed_by).await?),
        ("other", name_of(signed, open.approved_by).await?),
    ];
    Ok(Shown {
        last_day: open.last_day.french(),
        reason: open.reason,
        said: signed.locale().with_all("identity-opened", &values),
    })
}

async fn shown_proposal(signed: &Signed, proposal: IdentityProposal) -> Result<Shown, Error> {
    let values = [
        ("date", signed.calendar().long(proposal.at)),
        ("name", name_of(signed, proposal.by).await?),
    ];
    Ok(Shown {
        last_day: proposal.last_day.french(),
        reason: proposal.reason,
        said: signed.locale().with_all("identity-proposed", &values),
    })
}

/// `POST …/identite/{code}`
pub(super) async fn act_on_unit(
    signed: &Signed,
    code: &str,
    form: &Form,
) -> Result<Response<Body>, Error> {
    let code = known(signed, code)?;
    let (directory, by) = (signed.service().directory(), &signed.account);
    let (reason, requester) = (form.get("motif"), signed.visit.requester());
    let mut errors = Vec::new();
    let (outcome, notice) = match form.get("action") {
        "proposer" => {
            let day = parsed(signed, form, "jour", &mut errors);
            let Some(day) = day else {
                if errors.is_empty() {
                    errors.push(mistake("jour", signed.locale().text("admin-leave-missing")));
                }
                return wrong(signed, &code, form, errors).await;
            };
            let proposed = directory.propose_identity_reset(by, &code, day, reason, &requester);
            (proposed.await.map(drop), "identity-proposed-now")
        }
        "accepter" => {
            let number = form.get("proposition").parse().unwrap_or_default();
            let agreed = directory.approve_identity_reset(by, &code, number, &requester);
            (agreed.await, "identity-opened-now")
        }
        "fermer" => {
            let was_open = directory.unit_policy(&code).open.is_some();
            let closed = directory.close_identity_reset(by, &code, reason, &requester);
            (closed.await, if was_open { "identity-unit-closed" } else { "identity-withdrawn" })
        }
        _ => return Err(Error::BadRequest("no such action")),
    };
    match outcome {
        Ok(()) => Ok(done(signed, &format!("{POLICIES}/{}", code.as_str()), notice)),
        Err(error) => {
            let field = field_of(&error);
            errors.push(refused(signed, error, field)?);
            wrong(signed, &code, form, errors).await
        }
    }
}

/// Days are wrong by their bounds, everything else by its reason.
fn field_of(error: &DirectoryError) -> &'static str {
    if error.to_string().starts_with("the last day") { "jour" } else { "motif" }
}

async fn wrong(
    signed: &Signed,
    code: &UnitCode,
    form: &Form,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let typed = (form.get("jour"), form.get("motif"));
    unit_page(signed, StatusCode::UNPROCESSABLE_ENTITY, code, typed, errors).await
}
