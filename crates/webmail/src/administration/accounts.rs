//! The list of accounts. What is looked for comes by a form, because it may be an academic ID,
//! which never stands in an address.

use std::sync::Arc;

use directory::{Account, AccountFilter, AccountState, UnitCode};
use hyper::{Response, StatusCode};
use mail_types::{AccountId, Role};

use super::{QUERY_CHARS_MAX, ROWS_PER_PAGE, frame};
use crate::account::Signed;
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form};
use crate::locale::Locale;
use crate::people::clean;
use crate::typed_id::academic_id;
use crate::url;
use crate::view::{self, Page};

const ACCOUNTS: &str = "/administration/comptes";

/// States by the names that addresses give them.
const STATES: [(AccountState, &str); 5] = [
    (AccountState::Active, "active"),
    (AccountState::AwaitingFirstLogin, "awaiting-first-login"),
    (AccountState::Leaving, "leaving"),
    (AccountState::Suspended, "suspended"),
    (AccountState::Deleted, "deleted"),
];

/// An account in a list.
struct Row {
    number: u64,
    name: String,
    address: String,
    unit: String,
    /// Said when it is not an agent's account in use.
    marks: Vec<String>,
}

/// Something to choose.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) is_chosen: bool,
}

#[derive(askama::Template)]
#[template(path = "administration_accounts.html")]
struct AccountsPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    words: String,
    unit: String,
    states: Vec<Choice>,
    rows: Vec<Row>,
    /// Whether anything narrows the list.
    is_narrow: bool,
    first: Option<String>,
    next: Option<String>,
}

/// The sentence that names a state.
pub(super) fn state_name(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => "admin-state-active",
        AccountState::AwaitingFirstLogin => "admin-state-awaiting",
        AccountState::Leaving => "admin-state-leaving",
        AccountState::Suspended => "admin-state-suspended",
        AccountState::Deleted => "admin-state-deleted",
    }
}

/// The sentence that names a role.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Agent => "admin-role-agent",
        Role::ItOfficer => "admin-role-officer",
        Role::Administrator => "admin-role-administrator",
        Role::System => "admin-role-system",
    }
}

/// All roles to choose from: who is an administrator may stay one, and nobody becomes one here.
pub(super) fn roles(locale: &Locale, chosen: Role) -> Vec<Choice> {
    let roles = [Role::Agent, Role::ItOfficer, Role::Administrator, Role::System].into_iter();
    let choice = |role: Role| Choice {
        value: role.to_string(),
        name: locale.text(role_name(role)),
        is_chosen: role == chosen,
    };
    roles.filter(|role| *role != Role::Administrator || *role == chosen).map(choice).collect()
}

/// `GET …/comptes`, perhaps with `?nom=`, `unite=`, `etat=`, `apres=`.
pub(super) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let query = |name| clean(signed.visit.query(name).unwrap_or_default().trim(), QUERY_CHARS_MAX);
    let (words, unit, state) = (query("nom"), query("unite"), query("etat"));
    let filter = AccountFilter {
        words: words.clone(),
        unit: unit.parse().ok(),
        state: STATES.iter().find(|(_, name)| *name == state).map(|(state, _)| *state),
    };
    let after = signed.visit.query("apres").and_then(|number| number.parse().ok()).map(AccountId);
    let directory = signed.service().directory();
    let mut found = directory.find_accounts(&filter, after, ROWS_PER_PAGE + 1).await?;
    // A code that is none has nobody.
    if !unit.is_empty() && filter.unit.is_none() {
        found.clear();
    }
    let is_more = found.len() > ROWS_PER_PAGE;
    found.truncate(ROWS_PER_PAGE);
    let here = address(&words, &unit, &state);
    let join = if here.contains('?') { '&' } else { '?' };
    let last = found.last().filter(|_| is_more).map(|last| last.id.0);
    let locale = signed.locale();
    let states = std::iter::once(Choice {
        value: String::new(),
        name: locale.text("admin-state-any"),
        is_chosen: filter.state.is_none(),
    });
    let states = states.chain(STATES.iter().map(|(one, value)| Choice {
        value: (*value).to_owned(),
        name: locale.text(state_name(*one)),
        is_chosen: filter.state == Some(*one),
    }));
    let template = AccountsPage {
        tab: "comptes",
        states: states.collect(),
        rows: found.iter().map(|account| row(locale, account)).collect(),
        is_narrow: here != ACCOUNTS,
        first: after.map(|_| here.clone()),
        next: last.map(|last| format!("{here}{join}apres={last}")),
        words,
        unit,
        page: frame(signed, locale.text("admin-accounts")).await?,
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

fn address(words: &str, unit: &str, state: &str) -> String {
    let pairs = [("nom", words), ("unite", unit), ("etat", state)].into_iter();
    let pairs = pairs.filter(|(_, value)| !value.is_empty());
    let pairs: Vec<_> =
        pairs.map(|(name, value)| format!("{name}={}", url::encode(value))).collect();
    match pairs.is_empty() {
        true => ACCOUNTS.to_owned(),
        false => format!("{ACCOUNTS}?{}", pairs.join("&")),
    }
}

fn row(locale: &Locale, account: &Arc<Account>) -> Row {
    let mut marks = Vec::new();
    if account.role != Role::Agent {
        marks.push(locale.text(role_name(account.role)));
    }
    if account.state != AccountState::Active {
        marks.push(locale.text(state_name(account.state)));
    }
    Row {
        number: account.id.0,
        name: account.name.clone(),
        address: account.primary_address.to_string(),
        unit: account.units.iter().map(UnitCode::as_str).collect::<Vec<_>>().join(" "),
        marks,
    }
}

/// `POST …/comptes`: a whole address or an academic ID leads to its account, words to a list.
pub(super) async fn find(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let words = clean(form.get("nom").trim(), QUERY_CHARS_MAX);
    let id = academic_id(&words);
    let whole = if words.contains('@') { Some(&words) } else { id.as_ref() };
    let found = match whole {
        Some(whole) => signed.service().directory().find(whole).await?,
        None => None,
    };
    if let Some(account) = found {
        return Ok(headers::see_other(&signed.visit, &format!("{ACCOUNTS}/{}", account.id.0)));
    }
    // Digits that are nobody's ID must not get into an address either: they are a slip of one.
    if id.is_some() {
        signed.session.set_notice(signed.locale().text("admin-id-unknown"));
        return Ok(headers::see_other(&signed.visit, ACCOUNTS));
    }
    let typed = |name| clean(form.get(name).trim(), QUERY_CHARS_MAX);
    let target = address(&words, &typed("unite"), &typed("etat"));
    Ok(headers::see_other(&signed.visit, &target))
}
