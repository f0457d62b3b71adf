//! What the buttons of an account's page do.

use directory::{AccountState, Day, DirectoryError};
use hyper::{Response, StatusCode};
use mail_service::ServiceError;
use mail_types::EmailAddress;

use super::fields::{Fields, Said};
use super::one::{self, Known};
use super::{add, done, given, is_stale, office, parsed, refused};
use crate::account::Signed;
use crate::compose::{Mistake, mistake};
use crate::error::Error;
use crate::http::{Body, Form};

/// `POST …/comptes/{number}`
pub(super) async fn submit(
    signed: &Signed,
    number: &str,
    form: &Form,
) -> Result<Response<Body>, Error> {
    let known = one::known(signed, number).await?;
    if known.account.state == AccountState::Deleted {
        return Err(Error::NotFound);
    }
    let requester = signed.visit.requester();
    let (office, id) = (office(signed, &requester), known.account.id);
    let (outcome, notice, field) = match form.get("action") {
        "modifier" => return change(signed, &known, form).await,
        "ajouter-adresse" => return add_alias(signed, &known, form).await,
        "depart" => return leave(signed, &known, form).await,
        "supprimer" => return delete(signed, &known, form).await,
        "code" => {
            return match office.issue_secret(id).await {
                Ok(sheet) => add::made(signed, &sheet).await,
                Err(error) => {
                    let wrong = refused(signed, error, "acces")?;
                    wrong_with(signed, &known, wrong).await
                }
            };
        }
        "retirer-adresse" => {
            let alias: EmailAddress =
                form.get("adresse").parse().map_err(|_| Error::BadRequest("no such address"))?;
            (office.remove_alias(id, &alias).await, "admin-alias-removed", "alias")
        }
        "suspendre" => {
            (office.set_state(id, AccountState::Suspended).await, "admin-suspended", "acces")
        }
        "reprendre" => (office.set_state(id, AccountState::Active).await, "admin-resumed", "acces"),
        "reste" => (office.set_leaving(id, None).await, "admin-stays", "depart"),
        _ => return Err(Error::BadRequest("no such action")),
    };
    finish(signed, &known, outcome, notice, field).await
}

/// After an act: the page again, with what became of it.
async fn finish(
    signed: &Signed,
    known: &Known,
    outcome: Result<(), DirectoryError>,
    notice: &str,
    field: &'static str,
) -> Result<Response<Body>, Error> {
    match outcome {
        Ok(()) => {
            signed.visit.webmail.figures.forget().await;
            Ok(done(signed, &path(known), notice))
        }
        Err(error) => {
            let wrong = refused(signed, error, field)?;
            wrong_with(signed, known, wrong).await
        }
    }
}

fn path(known: &Known) -> String {
    format!("/administration/comptes/{}", known.account.id.0)
}

async fn wrong_with(
    signed: &Signed,
    known: &Known,
    wrong: Mistake,
) -> Result<Response<Body>, Error> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    one::page(signed, status, known, known.fields(), vec![wrong]).await
}

async fn change(signed: &Signed, known: &Known, form: &Form) -> Result<Response<Body>, Error> {
    if is_stale(form, &known.fields()) {
        let wrong = mistake("nom", signed.locale().text("admin-changed-meanwhile"));
        return wrong_with(signed, known, wrong).await;
    }
    let mut errors = Vec::new();
    let said = Said::read(signed, form, &mut errors);
    let role = if given(form, "role").is_some() { said.role } else { known.account.role };
    let said = Said { role, ..said };
    if errors.is_empty() {
        let update = said.update(&known.account, &known.person, known.quota_own);
        let requester = signed.visit.requester();
        let outcome = match update.is_empty() {
            true => Ok(()),
            false => office(signed, &requester).update_account(known.account.id, update).await,
        };
        match outcome {
            Ok(()) => {
                signed.visit.webmail.figures.forget().await;
                return Ok(done(signed, &path(known), "admin-saved"));
            }
            Err(error) => errors.push(refused(signed, error, "nom")?),
        }
    }
    let fields = Fields { role, ..Fields::typed(form) };
    one::page(signed, StatusCode::UNPROCESSABLE_ENTITY, known, fields, errors).await
}

async fn add_alias(signed: &Signed, known: &Known, form: &Form) -> Result<Response<Body>, Error> {
    let mut errors = Vec::new();
    let alias: Option<EmailAddress> = parsed(signed, form, "alias", &mut errors);
    if given(form, "alias").is_none() {
        errors.push(mistake("alias", signed.locale().text("why-no-at")));
    }
    match (alias, errors.pop()) {
        (Some(alias), None) => {
            let requester = signed.visit.requester();
            let outcome = office(signed, &requester).add_alias(known.account.id, &alias).await;
            finish(signed, known, outcome, "admin-alias-added", "alias").await
        }
        (_, Some(wrong)) => wrong_with(signed, known, wrong).await,
        (None, None) => Err(Error::BadRequest("no address")),
    }
}

async fn leave(signed: &Signed, known: &Known, form: &Form) -> Result<Response<Body>, Error> {
    let mut errors = Vec::new();
    let day: Option<Day> = parsed(signed, form, "depart", &mut errors);
    if given(form, "depart").is_none() {
        errors.push(mistake("depart", signed.locale().text("admin-leave-missing")));
    }
    if let Some(wrong) = errors.pop() {
        return wrong_with(signed, known, wrong).await;
    }
    let requester = signed.visit.requester();
    let outcome = office(signed, &requester).set_leaving(known.account.id, day).await;
    finish(signed, known, outcome, "admin-leaves", "depart").await
}

/// Whoever deletes types the address: a slip of the mouse is not enough.
async fn delete(signed: &Signed, known: &Known, form: &Form) -> Result<Response<Body>, Error> {
    let account = &known.account;
    let typed: Option<EmailAddress> =
        given(form, "confirmation").and_then(|text| text.parse().ok());
    let is_it = typed.is_some_and(|one| one.lookup_key() == account.primary_address.lookup_key());
    if !is_it {
        let wrong = mistake("confirmation", signed.locale().text("admin-delete-mismatch"));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return one::ask_page(signed, status, account, vec![wrong]).await;
    }
    let requester = signed.visit.requester();
    let office = office(signed, &requester);
    let deletion = office.delete_account(account.id);
    match signed.service().delete_account(account.id, deletion).await {
        Ok(()) => {}
        Err(ServiceError::Directory(error)) => {
            let wrong = refused(signed, error, "confirmation")?;
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return one::ask_page(signed, status, account, vec![wrong]).await;
        }
        Err(error) => return Err(error.into()),
    }
    signed.visit.webmail.figures.forget().await;
    Ok(done(signed, "/administration/comptes", "admin-deleted"))
}
