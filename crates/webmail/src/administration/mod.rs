//! `/administration`: the IT department's pages. They need the administrator role and a second
//! factor, leave a line in the audit log for everything they do, and open neither a mailbox nor a
//! password.

mod accounts;
mod add;
mod audit;
mod change;
mod fields;
mod import;
mod job;
mod one;
mod overview;
mod policies;
mod reasons;
mod sheets;
mod units;

use std::hash::{DefaultHasher, Hash, Hasher};

use directory::{DirectoryError, Office, Requester};
use hyper::Response;

pub(crate) use self::job::Imports;
pub(crate) use self::overview::Figures;
pub(crate) use self::reasons::explained;
use crate::account::Signed;
use crate::assistance;
use crate::compose::{Mistake, mistake};
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form, Input};
use crate::view::Page;

/// Rows of one page of a list.
const ROWS_PER_PAGE: usize = 50;
/// Characters of what is looked for.
const QUERY_CHARS_MAX: usize = 100;

/// Whether these pages are open to the account: the answer when they are not, `None` when they are.
/// Who is no administrator finds nothing here.
async fn closed(signed: &Signed) -> Result<Option<Response<Body>>, Error> {
    if !signed.account.administers() {
        return Err(Error::NotFound);
    }
    match assistance::has_second_factor(signed).await? {
        true => Ok(None),
        false => {
            let title = signed.locale().text("admin-title");
            assistance::factor_first(signed, title).await.map(Some)
        }
    }
}

/// `GET /administration…`
pub(crate) async fn show(signed: &Signed, rest: &[&str]) -> Result<Response<Body>, Error> {
    if let Some(answer) = closed(signed).await? {
        return Ok(answer);
    }
    match rest {
        [] => overview::show(signed).await,
        ["comptes"] => accounts::show(signed).await,
        ["comptes", "nouveau"] => add::show(signed).await,
        ["comptes", number] => one::show(signed, number).await,
        ["comptes", number, "supprimer"] => one::ask(signed, number).await,
        ["etablissements"] => units::list(signed).await,
        ["etablissements", code] => units::show(signed, code).await,
        ["import"] => import::show(signed).await,
        ["import", id] => import::progress(signed, id).await,
        ["import", id, "refus.csv"] => import::refused(signed, id),
        ["journal"] => audit::show(signed).await,
        ["identite"] => policies::show(signed).await,
        ["identite", code] => policies::show_unit(signed, code).await,
        _ => Err(Error::NotFound),
    }
}

/// `POST /administration…`
pub(crate) async fn submit(
    signed: &Signed,
    rest: &[&str],
    input: Input,
) -> Result<Response<Body>, Error> {
    if let Some(answer) = closed(signed).await? {
        return Ok(answer);
    }
    if let ["import"] = rest {
        return import::upload(signed, input).await;
    }
    let form = signed.form(input).await?;
    match rest {
        ["comptes"] => accounts::find(signed, &form).await,
        ["comptes", "nouveau"] => add::submit(signed, &form).await,
        ["comptes", number] => change::submit(signed, number, &form).await,
        ["etablissements", code] => units::submit(signed, code, &form).await,
        ["import", id] => import::act(signed, id, &form).await,
        ["journal"] => audit::find(signed, &form).await,
        ["identite"] => policies::act(signed, &form).await,
        ["identite", code] => policies::act_on_unit(signed, code, &form).await,
        _ => Err(Error::NotFound),
    }
}

/// The frame of one of these pages.
async fn frame(signed: &Signed, title: String) -> Result<Page<'_>, Error> {
    let mailboxes = signed.mailboxes().await?;
    Ok(Page::inside(signed, title, &mailboxes, ""))
}

/// What this administrator may do.
fn office<'a>(signed: &'a Signed, requester: &'a Requester) -> Office<'a> {
    signed.service().directory().office(&signed.account, requester)
}

/// After an act: the page that shows what became of it, with a sentence on it.
fn done(signed: &Signed, path: &str, notice: &str) -> Response<Body> {
    signed.session.set_notice(signed.locale().text(notice));
    headers::see_other(&signed.visit, path)
}

/// A refusal of the directory as a mistake of this form, when it is one.
fn refused(signed: &Signed, error: DirectoryError, field: &'static str) -> Result<Mistake, Error> {
    match error {
        DirectoryError::Invalid(_)
        | DirectoryError::Taken { .. }
        | DirectoryError::NotAllowed(_)
        | DirectoryError::Busy { .. }
        | DirectoryError::NotFound { .. } => {
            Ok(mistake(field, explained(signed.locale(), &error.to_string())))
        }
        DirectoryError::OnHold { .. } | DirectoryError::TooManyCodes | DirectoryError::Store(_) => {
            Err(error.into())
        }
    }
}

/// Names what a form is made from; the form sends it back.
fn seen(fields: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    fields.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Whether a form was made from something else than what is stored now. All of it is sent, also
/// what nobody touched: an old tab would put an old role or unit back.
fn is_stale(form: &Form, stored: &impl Hash) -> bool {
    form.get("vu") != seen(stored)
}

/// What stands in a field, without spaces around it; `None` when there is nothing.
fn given<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    Some(form.get(name).trim()).filter(|text| !text.is_empty())
}

/// Reads a field, or says what is wrong with it.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    signed: &Signed,
    form: &Form,
    name: &'static str,
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    match given(form, name)?.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let error: T::Err = error;
            mistakes.push(mistake(name, explained(signed.locale(), &error.to_string())));
            None
        }
    }
}
