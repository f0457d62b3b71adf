//! The audit log: the newest lines first, by account, by who did it, by day.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use directory::{AccountState, Act, AuditFilter, AuditPlace, AuditRecord, Day, Doer, Factor};
use hyper::{Response, StatusCode};
use mail_types::AccountId;

use super::{QUERY_CHARS_MAX, ROWS_PER_PAGE, frame, given};
use crate::account::Signed;
use crate::compose::{Mistake, mistake};
use crate::date;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form};
use crate::people::clean;
use crate::typed_id::academic_id;
use crate::url;
use crate::view::{self, Page};

const LOG: &str = "/administration/journal";

/// A line, as people read it.
struct Row {
    at: String,
    machine: String,
    act: &'static str,
    /// Whose account: number and name.
    account: Option<(u64, String)>,
    officer: Option<(u64, String)>,
    /// The sentence that says who did it instead.
    doer: Option<&'static str>,
    unit: Option<String>,
    peer: String,
    reason: String,
    /// What was compared, and whether it matched.
    factors: Vec<String>,
}

#[derive(askama::Template)]
#[template(path = "administration_audit.html")]
struct AuditPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    rows: Vec<Row>,
    account: String,
    officer: String,
    from: String,
    until: String,
    errors: Vec<Mistake>,
    /// What following every chain came to, when it was asked for.
    whole: Option<String>,
    faults: Vec<String>,
    verify: String,
    /// Lines that were looked at, when none fits and there are older ones.
    read: Option<String>,
    first: Option<String>,
    older: Option<String>,
}

impl AuditPage<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        let found = self.errors.iter().find(|mistake| mistake.field == field);
        found.map(|mistake| mistake.text.as_str())
    }
}

/// What the address of a page says.
struct Asked {
    account: Option<u64>,
    officer: Option<u64>,
    from: Option<Day>,
    until: Option<Day>,
}

impl Asked {
    fn of(signed: &Signed) -> Self {
        let query = |name: &str| signed.visit.query(name).unwrap_or_default().to_owned();
        Self {
            account: query("compte").parse().ok(),
            officer: query("auteur").parse().ok(),
            from: query("du").parse().ok(),
            until: query("au").parse().ok(),
        }
    }

    fn address(&self) -> String {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let day = |day: Option<Day>| day.map(|day| day.to_string());
        let pairs = [
            ("compte", number(self.account)),
            ("auteur", number(self.officer)),
            ("du", day(self.from)),
            ("au", day(self.until)),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let pairs: Vec<_> =
            pairs.map(|(name, value)| format!("{name}={}", url::encode(&value))).collect();
        format!("{LOG}?{}", pairs.join("&"))
    }

    /// Days begin and end where people are.
    fn filter(&self, signed: &Signed) -> AuditFilter {
        let calendar = signed.calendar();
        let begin = |day: Option<Day>, time: &str| {
            let typed = format!("{}T{time}", day?);
            calendar.parse_field(&typed).map(|instant| instant.as_second())
        };
        AuditFilter {
            account: self.account,
            officer: self.officer,
            from: begin(self.from, "00:00:00"),
            until: begin(self.until, "23:59:59").map(|end| end + 1),
        }
    }
}

/// `GET …/journal`
pub(super) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let asked = Asked::of(signed);
    let (account, officer) =
        (address_of(signed, asked.account).await?, address_of(signed, asked.officer).await?);
    page(signed, StatusCode::OK, &asked, (account, officer), Vec::new()).await
}

async fn address_of(signed: &Signed, number: Option<u64>) -> Result<String, Error> {
    let Some(number) = number else { return Ok(String::new()) };
    let account = signed.service().directory().account(AccountId(number)).await?;
    let living = account.filter(|one| one.state != AccountState::Deleted);
    // Of somebody who is gone, the number is what is found again.
    Ok(living.map_or_else(|| AccountId(number).to_string(), |one| one.primary_address.to_string()))
}

async fn page(
    signed: &Signed,
    status: StatusCode,
    asked: &Asked,
    (account, officer): (String, String),
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let directory = signed.service().directory();
    let place: Option<AuditPlace> =
        signed.visit.query("suite").and_then(|place| place.parse().ok());
    let found = directory.audit_page(&asked.filter(signed), place.as_ref(), ROWS_PER_PAGE).await?;
    let here = asked.address();
    let (whole, faults) = match signed.visit.query("verifier") {
        Some(_) => verified(signed).await?,
        None => (None, Vec::new()),
    };
    let template = AuditPage {
        tab: "journal",
        read: found.next.as_ref().map(|_| date::number(found.read as u64)),
        first: place.map(|_| here.clone()),
        older: found.next.map(|next| format!("{here}&suite={next}")),
        rows: rows(signed, found.lines).await?,
        account,
        officer,
        from: asked.from.map(|day| day.to_string()).unwrap_or_default(),
        until: asked.until.map(|day| day.to_string()).unwrap_or_default(),
        errors,
        whole,
        faults,
        verify: format!("{here}&verifier=1"),
        page: frame(signed, signed.locale().text("admin-audit")).await?,
    };
    view::render(&signed.visit, status, &template)
}

/// Follows every chain; a sentence when all is whole, the faults when not.
async fn verified(signed: &Signed) -> Result<(Option<String>, Vec<String>), Error> {
    let report = signed.service().directory().verify_audit().await?;
    let lines = date::number(report.lines);
    match report.fault_count {
        0 => Ok((Some(signed.locale().with("admin-audit-whole", "count", lines)), Vec::new())),
        _ => Ok((None, report.faults)),
    }
}

async fn rows(signed: &Signed, lines: Vec<AuditRecord>) -> Result<Vec<Row>, Error> {
    let mut names: HashMap<u64, String> = HashMap::new();
    for line in &lines {
        for number in [line.account, line.officer].into_iter().flatten() {
            if let Entry::Vacant(place) = names.entry(number) {
                let account = signed.service().directory().account(AccountId(number)).await?;
                place.insert(account.map(|one| one.name.clone()).unwrap_or_default());
            }
        }
    }
    let named = |number: Option<u64>| {
        let number = number?;
        let name = names.get(&number).filter(|name| !name.is_empty()).cloned();
        Some((number, name.unwrap_or_else(|| AccountId(number).to_string())))
    };
    let calendar = signed.calendar();
    let row = |line: AuditRecord| Row {
        at: calendar.exact(line.at),
        machine: calendar.machine(line.at),
        act: act_name(line.act),
        account: named(line.account),
        officer: named(line.officer),
        doer: line.doer.map(doer_name),
        unit: line.unit,
        peer: line.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        reason: line.reason,
        factors: line.factors.into_iter().map(|pair| factor(signed, pair)).collect(),
    };
    Ok(lines.into_iter().map(row).collect())
}

/// `POST …/journal`: accounts are typed as addresses or IDs, and stand in the address as numbers.
pub(super) async fn find(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let mut errors = Vec::new();
    let account = number_of(signed, form, "compte", &mut errors).await?;
    let officer = number_of(signed, form, "auteur", &mut errors).await?;
    let from = super::parsed(signed, form, "du", &mut errors);
    let until = super::parsed(signed, form, "au", &mut errors);
    let asked = Asked { account, officer, from, until };
    if errors.is_empty() {
        return Ok(headers::see_other(&signed.visit, &asked.address()));
    }
    let typed = |name| clean(form.get(name), QUERY_CHARS_MAX);
    let typed = (typed("compte"), typed("auteur"));
    page(signed, StatusCode::UNPROCESSABLE_ENTITY, &asked, typed, errors).await
}

async fn number_of(
    signed: &Signed,
    form: &Form,
    name: &'static str,
    errors: &mut Vec<Mistake>,
) -> Result<Option<u64>, Error> {
    let Some(who) = given(form, name) else { return Ok(None) };
    let id = academic_id(who).filter(|_| !who.contains('@'));
    let found = signed.service().directory().find(id.as_deref().unwrap_or(who)).await?;
    if found.is_none() {
        errors.push(mistake(name, signed.locale().text("admin-audit-nobody")));
    }
    Ok(found.map(|account| account.id.0))
}

fn factor(signed: &Signed, (factor, matched): (Factor, bool)) -> String {
    let name = signed.locale().text(match factor {
        Factor::Name => "admin-factor-name",
        Factor::AcademicId => "admin-factor-id",
        Factor::BirthDate => "admin-factor-birth-date",
        Factor::Code => "admin-factor-code",
        Factor::Activation => "admin-factor-activation",
        Factor::Totp => "admin-factor-totp",
        Factor::RecoveryCode => "admin-factor-recovery-code",
        Factor::State => "admin-factor-state",
        Factor::Limit => "admin-factor-limit",
    });
    let sentence = if matched { "admin-factor-match" } else { "admin-factor-no-match" };
    signed.locale().with(sentence, "factor", name)
}

fn doer_name(doer: Doer) -> &'static str {
    match doer {
        Doer::CommandLine => "admin-audit-command-line",
        Doer::Server => "admin-audit-server",
    }
}

/// The sentence that names an act.
pub(super) fn act_name(act: Act) -> &'static str {
    match act {
        Act::PasswordChanged => "act-password-changed",
        Act::PasswordChosen => "act-password-chosen",
        Act::Alarm => "act-alarm",
        Act::AppPasswordAdded => "act-app-password-added",
        Act::AppPasswordRemoved => "act-app-password-removed",
        Act::SecondFactorOn => "act-second-factor-on",
        Act::SecondFactorOff => "act-second-factor-off",
        Act::RecoveryCodesMade => "act-recovery-codes-made",
        Act::SecondFactorTried => "act-second-factor-tried",
        Act::RecoveryNamed => "act-recovery-named",
        Act::RecoveryProven => "act-recovery-proven",
        Act::RecoveryRemoved => "act-recovery-removed",
        Act::ResetAsked => "act-reset-asked",
        Act::ResetCodeTried => "act-reset-code-tried",
        Act::ResetDone => "act-reset-done",
        Act::ActivationIssued => "act-activation-issued",
        Act::ActivationApproved => "act-activation-approved",
        Act::ResetRefused => "act-reset-refused",
        Act::Unlocked => "act-unlocked",
        Act::PersonShown => "act-person-shown",
        Act::PolicyProposed => "act-policy-proposed",
        Act::PolicyOpened => "act-policy-opened",
        Act::PolicyClosed => "act-policy-closed",
        Act::IdentityClosed => "act-identity-closed",
        Act::IdentityReopened => "act-identity-reopened",
        Act::ResetStopped => "act-reset-stopped",
        Act::AccountCreated => "act-account-created",
        Act::AccountChanged => "act-account-changed",
        Act::AccountSuspended => "act-account-suspended",
        Act::AccountResumed => "act-account-resumed",
        Act::LeavingSet => "act-leaving-set",
        Act::SecretIssued => "act-secret-issued",
        Act::AliasAdded => "act-alias-added",
        Act::AliasRemoved => "act-alias-removed",
        Act::AccountDeleted => "act-account-deleted",
        Act::AccountExported => "act-account-exported",
        Act::UnitCreated => "act-unit-created",
        Act::UnitChanged => "act-unit-changed",
        Act::UnitDeleted => "act-unit-deleted",
        Act::AccountsImported => "act-accounts-imported",
        Act::UnitsImported => "act-units-imported",
    }
}
