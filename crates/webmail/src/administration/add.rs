//! A new account, one by one: what is typed, and the sheet that comes of it.

use directory::{DirectoryError, NewAccount, Sheet};
use hyper::{Response, StatusCode};
use mail_types::{Domain, EmailAddress};

use super::accounts::{Choice, roles};
use super::fields::{Fields, Said};
use super::{frame, given, office, refused};
use crate::account::Signed;
use crate::compose::{Mistake, mistake};
use crate::error::Error;
use crate::hand_out::HandOut;
use crate::http::{Body, Form};
use crate::view::{self, Page};

/// How often an address made of names is tried when others are faster.
const ADDRESS_TRIES: usize = 5;

#[derive(askama::Template)]
#[template(path = "administration_add.html")]
struct AddPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    fields: Fields,
    roles: Vec<Choice>,
    /// Domains of addresses that are made of names, when there are several.
    domains: Vec<Choice>,
    errors: Vec<Mistake>,
}

impl AddPage<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        let found = self.errors.iter().find(|mistake| mistake.field == field);
        found.map(|mistake| mistake.text.as_str())
    }
}

/// The secret, this once, on the sheet that is printed.
#[derive(askama::Template)]
#[template(path = "administration_sheet.html")]
struct SheetPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    number: u64,
    name: String,
    secret: String,
    /// The sheet, as the files of the command line have it.
    sheet: String,
}

/// `GET …/comptes/nouveau`, perhaps with `?unite=`.
pub(super) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let units = signed.visit.query("unite").unwrap_or_default().to_owned();
    let fields = Fields { units, ..Fields::default() };
    page(signed, StatusCode::OK, fields, "", Vec::new()).await
}

async fn page(
    signed: &Signed,
    status: StatusCode,
    fields: Fields,
    domain: &str,
    errors: Vec<Mistake>,
) -> Result<Response<Body>, Error> {
    let template = AddPage {
        tab: "comptes",
        roles: roles(signed.locale(), fields.role),
        domains: domains(signed, domain),
        fields,
        errors,
        page: frame(signed, signed.locale().text("admin-account-new")).await?,
    };
    view::render(&signed.visit, status, &template)
}

/// The hosted domains, when there is a choice.
pub(super) fn domains(signed: &Signed, chosen: &str) -> Vec<Choice> {
    let directory = signed.service().directory();
    if directory.only_domain().is_ok() {
        return Vec::new();
    }
    let choice = |name: String| Choice { is_chosen: name == chosen, value: name.clone(), name };
    let domains = directory.list_domains().into_iter();
    domains.map(|entry| choice(entry.domain.to_string())).collect()
}

/// `POST …/comptes/nouveau`
pub(super) async fn submit(signed: &Signed, form: &Form) -> Result<Response<Body>, Error> {
    let mut errors = Vec::new();
    let said = Said::read(signed, form, &mut errors);
    let locale = signed.locale();
    if given(form, "identifiant").is_none() {
        errors.push(mistake("identifiant", locale.text("why-bad-id")));
    }
    let name = said.name.clone().or_else(|| said.person.display_name());
    if name.is_none() {
        errors.push(mistake("prenom", locale.text("why-no-name")));
    }
    if let (Some(name), Some(academic_id), true) = (name, &said.academic_id, errors.is_empty()) {
        let new = |primary_address| NewAccount {
            primary_address,
            name: name.clone(),
            person: said.person.clone(),
            academic_id: academic_id.clone(),
            units: said.units.clone(),
            role: said.role,
            quota_bytes: said.quota_bytes,
            password: None,
        };
        match create(signed, &said, new, given(form, "domaine")).await {
            Ok(sheet) => return made(signed, &sheet).await,
            Err(error) => errors.push(refused(signed, error, field_of(form))?),
        }
    }
    let (fields, domain) = (Fields::typed(form), form.get("domaine"));
    page(signed, StatusCode::UNPROCESSABLE_ENTITY, fields, domain, errors).await
}

/// Where most refusals of the directory belong.
fn field_of(form: &Form) -> &'static str {
    if given(form, "adresse").is_some() { "adresse" } else { "identifiant" }
}

async fn create(
    signed: &Signed,
    said: &Said,
    new: impl Fn(EmailAddress) -> NewAccount,
    domain: Option<&str>,
) -> Result<Sheet, DirectoryError> {
    let requester = signed.visit.requester();
    let office = office(signed, &requester);
    if let Some(address) = &said.address {
        return office.add_account(new(address.clone())).await;
    }
    let directory = signed.service().directory();
    let local = said.person.local_part()?;
    let domain: Domain = match domain.and_then(|domain| domain.parse().ok()) {
        Some(domain) => domain,
        None => directory.only_domain()?,
    };
    let mut tries = ADDRESS_TRIES;
    loop {
        let address = directory.free_address(&local, &domain).await?;
        tries -= 1;
        match office.add_account(new(address)).await {
            // Somebody of the same name was faster.
            Err(DirectoryError::Taken { what }) if tries > 0 && what.starts_with("address") => {}
            outcome => return outcome,
        }
    }
}

/// The page that shows a new secret, and is printed.
pub(super) async fn made(signed: &Signed, sheet: &Sheet) -> Result<Response<Body>, Error> {
    signed.visit.webmail.figures.forget().await;
    let service = signed.service();
    let hand_out = HandOut::new(service.directory(), &service.settings().time_zone, sheet);
    let template = SheetPage {
        tab: "comptes",
        number: sheet.id.0,
        name: sheet.name.clone(),
        secret: sheet.secret.expose().clone(),
        sheet: hand_out.section(&signed.visit.webmail.settings().public_url),
        page: frame(signed, signed.locale().text("admin-sheet-title")).await?,
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}
