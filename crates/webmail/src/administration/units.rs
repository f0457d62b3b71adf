//! Schools and services: the list, and the page on which one is written.

use directory::{Unit, UnitCode, UnitUpdate};
use hyper::{Response, StatusCode};

use super::{
    QUERY_CHARS_MAX, ROWS_PER_PAGE, done, frame, given, is_stale, office, parsed, refused, seen,
};
use crate::account::Signed;
use crate::compose::{Mistake, mistake};
use crate::error::Error;
use crate::http::{Body, Form};
use crate::people::clean;
use crate::url;
use crate::view::{self, Page};

const UNITS: &str = "/administration/etablissements";
/// What paths say of one that does not exist yet.
const NEW: &str = "nouveau";

/// A unit in a list.
struct Row {
    code: String,
    name: String,
    contact: String,
    /// Whether nobody helps its people.
    is_alone: bool,
}

#[derive(askama::Template)]
#[template(path = "administration_units.html")]
struct UnitsPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    words: String,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// A unit as it is typed.
#[derive(Default, Hash)]
struct Fields {
    code: String,
    name: String,
    contact: String,
    /// Addresses, one to a line.
    officers: String,
}

#[derive(askama::Template)]
#[template(path = "administration_unit.html")]
struct UnitPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    /// Where the form goes.
    action: String,
    is_new: bool,
    /// What the form is made from.
    seen: String,
    fields: Fields,
    errors: Vec<Mistake>,
    /// How many accounts belong to it.
    members: Option<u64>,
    /// Whether a lost password is replaced by identity alone.
    identity: String,
}

impl UnitPage<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        let found = self.errors.iter().find(|mistake| mistake.field == field);
        found.map(|mistake| mistake.text.as_str())
    }
}

/// `GET …/etablissements`, perhaps with `?nom=` and `?page=`.
pub(super) async fn list(signed: &Signed) -> Result<Response<Body>, Error> {
    let visit = &signed.visit;
    let words = clean(visit.query("nom").unwrap_or_default().trim(), QUERY_CHARS_MAX);
    let number: usize = visit.query("page").and_then(|page| page.parse().ok()).unwrap_or(0);
    let directory = signed.service().directory();
    let units = match words.is_empty() {
        true => directory.units(),
        false => directory.find_units(&words),
    };
    let skip = number.saturating_mul(ROWS_PER_PAGE);
    let rows = units.iter().skip(skip).take(ROWS_PER_PAGE).map(|unit| Row {
        code: unit.code.to_string(),
        name: unit.name.clone(),
        contact: unit.contact.clone(),
        is_alone: unit.officers.is_empty(),
    });
    let link = |number: usize| match words.is_empty() {
        true => format!("{UNITS}?page={number}"),
        false => format!("{UNITS}?nom={}&page={number}", url::encode(&words)),
    };
    let template = UnitsPage {
        tab: "etablissements",
        rows: rows.collect(),
        newer: number.checked_sub(1).map(link),
        older: (units.len() > skip.saturating_add(ROWS_PER_PAGE)).then(|| link(number + 1)),
        words,
        page: frame(signed, signed.locale().text("admin-units")).await?,
    };
    view::render(visit, StatusCode::OK, &template)
}

/// `GET …/etablissements/{code}` and `…/nouveau`
pub(super) async fn show(signed: &Signed, code: &str) -> Result<Response<Body>, Error> {
    let fields = match code {
        NEW => Fields::default(),
        code => fields_of(signed, &*known(signed, code)?).await?,
    };
    page(signed, StatusCode::OK, code, fields, Vec::new()).await
}

fn known(signed: &Signed, code: &str) -> Result<std::sync::Arc<Unit>, Error> {
    let code: UnitCode = code.parse().map_err(|_| Error::NotFound)?;
    signed.service().directory().unit(&code).ok_or(Error::NotFound)
}

async fn fields_of(signed: &Signed, unit: &Unit) -> Result<Fields, Error> {
    let mut officers = Vec::new();
    for officer in &unit.officers {
        let account = signed.service().directory().account(*officer).await?;
        let living = account.filter(|one| one.state != directory::AccountState::Deleted);
        officers.extend(living.map(|one| one.primary_address.to_string()));
    }
    Ok(Fields {
        code: unit.code.to_string(),
        name: unit.name.clone(),
        contact: unit.contact.clone(),
        officers: officers.join("\n"),
    })
}

async fn page(
    signed: &Signed,
    status: StatusCode,
    code: &str,
    fields: Fields,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let locale = signed.locale();
    let is_new = code == NEW;
    let (heading, members, seen) = match is_new {
        true => (locale.text("admin-unit-new"), None, String::new()),
        false => {
            let unit = known(signed, code)?;
            let members = signed.service().directory().members(&unit.code).await?;
            (unit.name.clone(), Some(members), seen(&fields_of(signed, &unit).await?))
        }
    };
    let template = UnitPage {
        tab: "etablissements",
        action: format!("{UNITS}/{}", url::encode(code)),
        is_new,
        seen,
        identity: identity(signed, &fields.code),
        fields,
        errors,
        members,
        page: frame(signed, heading).await?,
    };
    view::render(&signed.visit, status, &template)
}

fn identity(signed: &Signed, code: &str) -> String {
    let policy = code.parse().ok().map(|code| signed.service().directory().unit_policy(&code));
    match policy.and_then(|policy| policy.open) {
        Some(open) => signed.locale().with("identity-open-until", "day", open.last_day.french()),
        None => signed.locale().text("identity-shut"),
    }
}

/// `POST …/etablissements/{code}` and `…/nouveau`
pub(super) async fn submit(
    signed: &Signed,
    code: &str,
    form: &Form,
) -> Result<Response<Body>, Error> {
    let requester = signed.visit.requester();
    let office = office(signed, &requester);
    let outcome = match (code, form.get("action")) {
        (NEW, _) => return save(signed, NEW, form).await,
        (code, "enregistrer") => return save(signed, code, form).await,
        (code, "supprimer") => office.delete_unit(&known(signed, code)?.code).await,
        _ => return Err(Error::BadRequest("no such action")),
    };
    match outcome {
        Ok(()) => Ok(done(signed, UNITS, "admin-unit-deleted")),
        Err(error) => {
            let fields = fields_of(signed, &*known(signed, code)?).await?;
            let errors = vec![refused(signed, error, "supprimer")?];
            page(signed, StatusCode::UNPROCESSABLE_ENTITY, code, fields, errors).await
        }
    }
}

async fn save(signed: &Signed, code: &str, form: &Form) -> Result<Response<Body>, Error> {
    let typed = |name: &str| form.get(name).trim().to_owned();
    let fields = Fields {
        code: if code == NEW { typed("code") } else { known(signed, code)?.code.to_string() },
        name: typed("nom"),
        contact: typed("contact"),
        officers: form.get("responsables").trim().to_owned(),
    };
    let mut errors = Vec::new();
    if code != NEW {
        let stored = fields_of(signed, &*known(signed, code)?).await?;
        if is_stale(form, &stored) {
            errors.push(mistake("nom", signed.locale().text("admin-unit-changed-meanwhile")));
            return page(signed, StatusCode::UNPROCESSABLE_ENTITY, code, stored, errors).await;
        }
    }
    let directory = signed.service().directory();
    let words: Vec<_> = fields.officers.split([' ', '\n', '\r', ',', ';']).collect();
    let officers = match directory.officers(&words.join(" ")).await {
        Ok(officers) => officers,
        Err(error) => {
            errors.push(refused(signed, error, "responsables")?);
            Vec::new()
        }
    };
    let requester = signed.visit.requester();
    let office = office(signed, &requester);
    if code == NEW {
        let code: Option<UnitCode> = parsed(signed, form, "code", &mut errors);
        if given(form, "code").is_none() {
            errors.push(mistake("code", signed.locale().text("why-no-code")));
        }
        if let (Some(code), true) = (code, errors.is_empty()) {
            let (name, contact) = (fields.name.clone(), fields.contact.clone());
            match office.create_unit(Unit { code, name, officers, contact }).await {
                Ok(()) => return Ok(done(signed, UNITS, "admin-unit-made")),
                Err(error) => errors.push(refused(signed, error, "nom")?),
            }
        }
    } else if errors.is_empty() {
        let unit = known(signed, code)?;
        let update = UnitUpdate {
            name: Some(fields.name.clone()).filter(|name| *name != unit.name),
            officers: Some(officers).filter(|officers| *officers != unit.officers),
            contact: Some(fields.contact.clone()).filter(|contact| *contact != unit.contact),
        };
        let outcome = match update == UnitUpdate::default() {
            true => Ok(()),
            false => office.update_unit(&unit.code, update).await,
        };
        match outcome {
            Ok(()) => return Ok(done(signed, UNITS, "admin-saved")),
            Err(error) => errors.push(refused(signed, error, "nom")?),
        }
    }
    page(signed, StatusCode::UNPROCESSABLE_ENTITY, code, fields, errors).await
}
