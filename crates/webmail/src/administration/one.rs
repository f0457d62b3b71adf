//! One account: what is known of it, and everything that is done to it.

use std::sync::Arc;

use directory::{Account, AccountState, Person, Service, UnitCode};
use hyper::{Response, StatusCode};
use mail_types::{AccountId, Role};

use super::accounts::{Choice, role_name, roles, state_name};
use super::fields::Fields;
use super::{frame, office, seen};
use crate::account::Signed;
use crate::compose::Mistake;
use crate::date;
use crate::error::Error;
use crate::http::Body;
use crate::locale::Locale;
use crate::view::{self, Page};

/// Recent logins that are shown.
const LOGINS_MAX: usize = 8;

/// An account as it is, with what a form about it needs.
pub(super) struct Known {
    pub(super) account: Arc<Account>,
    pub(super) person: Person,
    pub(super) quota_own: Option<u64>,
}

impl Known {
    /// What the form about it says before somebody types.
    pub(super) fn fields(&self) -> Fields {
        Fields::of(&self.account, self.person.clone(), self.quota_own)
    }
}

/// A way in that was lately used.
struct LoginShown {
    how: String,
    at: String,
}

/// A unit of the account.
struct UnitShown {
    code: String,
    name: String,
}

#[derive(askama::Template)]
#[template(path = "administration_account.html")]
struct AccountPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    number: u64,
    address: String,
    academic_id: String,
    state: String,
    role: String,
    used: String,
    quota: String,
    units: Vec<UnitShown>,
    aliases: Vec<String>,
    logins: Vec<LoginShown>,
    leaves_on: Option<String>,
    leaves_field: String,
    is_own: bool,
    is_gone: bool,
    is_suspended: bool,
    /// Whether a temporary secret is given here.
    is_opened_here: bool,
    /// Whether it takes two administrators, at the help desk.
    is_privileged: bool,
    /// Whether the help desk has a page about it.
    is_helped: bool,
    has_second_factor: bool,
    /// What the form is made from.
    seen: String,
    fields: Fields,
    roles: Vec<Choice>,
    errors: Vec<Mistake>,
}

impl AccountPage<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        let found = self.errors.iter().find(|mistake| mistake.field == field);
        found.map(|mistake| mistake.text.as_str())
    }
}

/// Before an account is deleted.
#[derive(askama::Template)]
#[template(path = "administration_delete.html")]
struct DeletePage<'a> {
    page: Page<'a>,
    tab: &'static str,
    number: u64,
    name: String,
    address: String,
    used: String,
    errors: Vec<Mistake>,
}

/// The account of a path.
pub(super) async fn known(signed: &Signed, number: &str) -> Result<Known, Error> {
    let id = number.parse().map(AccountId).map_err(|_| Error::NotFound)?;
    let directory = signed.service().directory();
    let account = directory.account(id).await?.ok_or(Error::NotFound)?;
    let person = directory.person(id).await?;
    Ok(Known { quota_own: directory.own_quota(id).await?, account, person })
}

/// `GET …/comptes/{number}`
pub(super) async fn show(signed: &Signed, number: &str) -> Result<Response<Body>, Error> {
    let known = known(signed, number).await?;
    page(signed, StatusCode::OK, &known, known.fields(), Vec::new()).await
}

/// The page, with what somebody typed on it. An ID that is shown is a line in the log; the same page
/// after a button is not another.
pub(super) async fn page(
    signed: &Signed,
    status: StatusCode,
    known: &Known,
    fields: Fields,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let account = &*known.account;
    let (service, locale) = (signed.service(), signed.locale());
    let overview = service.directory().security_overview(account.id).await?;
    let is_gone = account.state == AccountState::Deleted;
    if !is_gone && signed.session.looks_anew_at(account.id) {
        let requester = signed.visit.requester();
        office(signed, &requester).note_lookup(account.id).await?;
    }
    let is_own = account.id == signed.owner();
    let is_privileged = account.role == Role::Administrator
        || (account.is_privileged() && account.state != AccountState::AwaitingFirstLogin);
    let is_fixed = account.is_privileged();
    // What is privileged is given and taken away at the command line.
    let mut roles = roles(locale, if is_fixed { account.role } else { fields.role });
    roles.retain(|choice| choice.is_chosen || !is_fixed);
    let template = AccountPage {
        tab: "comptes",
        number: account.id.0,
        address: account.primary_address.to_string(),
        academic_id: account.academic_id.as_str().to_owned(),
        state: locale.text(state_name(account.state)),
        role: locale.text(role_name(account.role)),
        used: used(signed, account).await?,
        quota: match account.quota_bytes {
            Some(bytes) => quota(locale, bytes),
            None => locale.text("admin-quota-none"),
        },
        units: units(signed, account),
        aliases: account.aliases.iter().map(ToString::to_string).collect(),
        logins: logins(signed, account.id).await?,
        leaves_on: account.leaves_on.map(|day| day.french()),
        leaves_field: account.leaves_on.map(|day| day.to_string()).unwrap_or_default(),
        is_own,
        is_gone,
        is_suspended: account.state == AccountState::Suspended,
        is_opened_here: !is_privileged && account.state != AccountState::Suspended,
        is_privileged,
        is_helped: service.directory().helped(&signed.account, account.id).await.is_ok(),
        has_second_factor: overview.totp_since.is_some(),
        roles,
        seen: seen(&known.fields()),
        fields,
        errors,
        page: frame(signed, account.name.clone()).await?,
    };
    view::render(&signed.visit, status, &template)
}

/// Quotas are given in powers of 1,024, and said as they were given.
fn quota(locale: &Locale, bytes: u64) -> String {
    match bytes {
        bytes if bytes.is_multiple_of(1 << 30) => {
            format!("{}\u{a0}{}", bytes >> 30, locale.text("size-gigabytes"))
        }
        bytes if bytes.is_multiple_of(1 << 20) => {
            format!("{}\u{a0}{}", bytes >> 20, locale.text("size-megabytes"))
        }
        bytes => date::size(locale, bytes),
    }
}

async fn used(signed: &Signed, account: &Account) -> Result<String, Error> {
    let bytes = signed.service().bytes_used(account.id).await?;
    Ok(date::size(signed.locale(), bytes))
}

fn units(signed: &Signed, account: &Account) -> Vec<UnitShown> {
    let directory = signed.service().directory();
    let shown = |code: &UnitCode| UnitShown {
        code: code.to_string(),
        name: directory.unit(code).map(|unit| unit.name.clone()).unwrap_or_default(),
    };
    account.units.iter().map(shown).collect()
}

async fn logins(signed: &Signed, id: AccountId) -> Result<Vec<LoginShown>, Error> {
    let (locale, calendar) = (signed.locale(), signed.calendar());
    let recent = signed.service().directory().recent_logins(id).await?;
    let shown = recent.into_iter().take(LOGINS_MAX).map(|one| LoginShown {
        how: locale.text(match one.service {
            Service::Webmail => "desk-by-webmail",
            Service::Imap => "desk-by-imap",
            Service::Submission => "desk-by-submission",
        }),
        at: calendar.short(one.at),
    });
    Ok(shown.collect())
}

/// `GET …/comptes/{number}/supprimer`
pub(super) async fn ask(signed: &Signed, number: &str) -> Result<Response<Body>, Error> {
    let account = known(signed, number).await?.account;
    ask_page(signed, StatusCode::OK, &account, Vec::new()).await
}

/// The question, perhaps with what was wrong with the answer.
pub(super) async fn ask_page(
    signed: &Signed,
    status: StatusCode,
    account: &Account,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    if account.id == signed.owner() || account.state == AccountState::Deleted {
        return Err(Error::NotFound);
    }
    let template = DeletePage {
        tab: "comptes",
        number: account.id.0,
        name: account.name.clone(),
        address: account.primary_address.to_string(),
        used: used(signed, account).await?,
        errors,
        page: frame(signed, signed.locale().text("admin-delete-title")).await?,
    };
    view::render(&signed.visit, status, &template)
}
