//! `facteur account …`.

use std::sync::Arc;

use directory::{
    Account, AccountState, AccountUpdate, Day, ImportMode, ImportReport, NewPassword, Person,
    UnitCode,
};
use mail_service::ServiceError;
use mail_types::Secret;
use serde_json::Value;

use super::{Reporter, Services, export, provision};
use crate::cli::{AccountCommand, EditAccount};

/// Accounts read at once for a list.
const LIST_PAGE: usize = 500;

/// Runs an account command. The error is one line for the person who typed it.
pub(super) async fn execute(
    services: &Services,
    command: AccountCommand,
    reporter: &Reporter,
) -> Result<(), String> {
    match command {
        AccountCommand::Add(add) => provision::add(services, *add, reporter).await,
        AccountCommand::Import(import) => provision::import(services, import, reporter).await,
        AccountCommand::Secret(issue) => provision::issue(services, issue, reporter).await,
        AccountCommand::Edit(edit) => change(services, *edit, reporter).await,
        AccountCommand::Leave { who, on, .. } => leave(services, &who, on, reporter).await,
        AccountCommand::List { json, unit } => list(services, json, unit.as_ref(), reporter).await,
        AccountCommand::Show { who, json } => {
            let account = find(services, &who).await?;
            show(services, &account, json, reporter).await
        }
        AccountCommand::Password { who, password } => {
            let id = find(services, &who).await?.id;
            let password = NewPassword::Plain(Secret::new(password));
            let set = services.directory.set_password(id, password).await;
            set.map_err(text)?;
            reporter.line(format!("{id}: password set; its open sessions end"));
            Ok(())
        }
        AccountCommand::SecondFactor { who, .. } => {
            let id = find(services, &who).await?.id;
            services.directory.drop_second_factor(id).await.map_err(text)?;
            reporter.line(format!("{id}: the second factor is off; its open sessions end"));
            Ok(())
        }
        AccountCommand::Suspend { who } => {
            set_state(services, &who, AccountState::Suspended, reporter).await
        }
        AccountCommand::Resume { who } => {
            set_state(services, &who, AccountState::Active, reporter).await
        }
        AccountCommand::Export(export) => export::run(services, &export, reporter).await,
        AccountCommand::Delete { who, yes } => delete(services, &who, yes, reporter).await,
    }
}

async fn list(
    services: &Services,
    json: bool,
    unit: Option<&UnitCode>,
    reporter: &Reporter,
) -> Result<(), String> {
    let mut after = None;
    loop {
        let page = services.directory.accounts(after, LIST_PAGE).await.map_err(text)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        let wanted = |account: &&Arc<Account>| unit.is_none_or(|unit| account.units.contains(unit));
        for account in page.iter().filter(wanted) {
            reporter.line(match json {
                true => as_json(account).to_string(),
                false => format!(
                    "{}\t{}\t{}\t{}\t{}",
                    account.id,
                    account.primary_address,
                    account.name,
                    units(account),
                    account.state
                ),
            });
        }
    }
}

async fn show(
    services: &Services,
    account: &Account,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let used = services.mail.bytes_used(account.id).await.map_err(text)?;
    let person = services.directory.person(account.id).await.map_err(text)?;
    if json {
        reporter.line(whole_json(account, &person, used).to_string());
        return Ok(());
    }
    let aliases: Vec<_> = account.aliases.iter().map(ToString::to_string).collect();
    let quota = account.quota_bytes.map_or("unlimited".into(), |bytes| bytes.to_string());
    reporter.line(format!("number       {}", account.id));
    reporter.line(format!("address      {}", account.primary_address));
    reporter.line(format!("aliases      {}", aliases.join(", ")));
    reporter.line(format!("name         {}", account.name));
    for (what, name) in [
        ("given name ", &person.given_name),
        ("birth name ", &person.birth_name),
        ("usage name ", &person.usage_name),
    ] {
        if let Some(name) = name {
            reporter.line(format!("{what}  {name}"));
        }
    }
    reporter.line(format!("academic ID  {}", account.academic_id.as_str()));
    reporter.line(format!("units        {}", units(account)));
    reporter.line(format!("role         {}", account.role));
    let leaves = account.leaves_on.map_or_else(String::new, |day| format!(", deleted on {day}"));
    reporter.line(format!("state        {}{leaves}", account.state));
    reporter.line(format!("used         {used} of {quota} bytes"));
    Ok(())
}

async fn set_state(
    services: &Services,
    who: &str,
    wanted: AccountState,
    reporter: &Reporter,
) -> Result<(), String> {
    let id = find(services, who).await?.id;
    services.directory.set_state(id, wanted).await.map_err(text)?;
    let account = find(services, &id.to_string()).await?;
    reporter.line(format!("{id}: {}", account.state));
    Ok(())
}

async fn change(services: &Services, edit: EditAccount, reporter: &Reporter) -> Result<(), String> {
    let id = find(services, &edit.who).await?.id;
    let update = AccountUpdate {
        primary_address: edit.address,
        name: edit.name,
        person: edit.person.person(),
        units: (edit.no_units || !edit.units.is_empty()).then_some(edit.units),
        role: edit.role,
        quota_bytes: edit.quota_bytes.map(Some),
    };
    if update.is_empty() {
        return Err("say what shall change; see --help".into());
    }
    services.directory.update_account(id, update).await.map_err(text)?;
    reporter.line(format!("{id}: changed"));
    Ok(())
}

async fn leave(
    services: &Services,
    who: &str,
    on: Option<Day>,
    reporter: &Reporter,
) -> Result<(), String> {
    let id = find(services, who).await?.id;
    services.directory.set_leaving(id, on).await.map_err(text)?;
    reporter.line(match on {
        Some(day) => format!("{id}: reads until {day}, and is deleted on that day"),
        None => format!("{id}: stays"),
    });
    Ok(())
}

/// Says what an import did; an error when lines were refused.
pub(super) fn report_import(
    report: &ImportReport,
    mode: ImportMode,
    reporter: &Reporter,
) -> Result<(), String> {
    for refused in &report.refused {
        reporter.refused(refused.line, &refused.reason);
    }
    reporter.line(format!(
        "{} created, {} updated, {} unchanged, {} refused{}",
        report.created,
        report.updated,
        report.unchanged,
        report.refused.len(),
        if mode == ImportMode::DryRun { " (dry run: nothing was changed)" } else { "" }
    ));
    match report.refused.len() {
        0 => Ok(()),
        count => Err(format!("{count} lines were refused")),
    }
}

async fn delete(
    services: &Services,
    who: &str,
    yes: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let account = find(services, who).await?;
    if !yes {
        return Err(format!(
            "{} ({}) and all of its mail would be deleted; say so with --yes",
            account.primary_address, account.id
        ));
    }
    let (id, mail) = (account.id, &services.mail);
    match account.state {
        // Deleted before, by its number: perhaps its mail was not.
        AccountState::Deleted => mail.purge_account(id).await,
        _ => mail.delete_account(id, services.directory.delete_account(id)).await,
    }
    .map_err(|error| match error {
        ServiceError::Directory(error) => error.to_string(),
        error => {
            format!("{id}: deleted, but its mail is not yet: run this again with {id}: {error}")
        }
    })?;
    reporter.line(format!("{}: deleted; its addresses stay reserved", account.id));
    Ok(())
}

pub(super) async fn find(services: &Services, who: &str) -> Result<Arc<Account>, String> {
    let found = services.directory.find(who).await.map_err(text)?;
    found.ok_or_else(|| format!("there is no account {who:?}: give an address, an ID or a number"))
}

fn units(account: &Account) -> String {
    let codes: Vec<_> = account.units.iter().map(UnitCode::as_str).collect();
    if codes.is_empty() { "-".to_owned() } else { codes.join(" ") }
}

/// All that is known of an account and its owner, as `show` and an export have it.
pub(super) fn whole_json(account: &Account, person: &Person, bytes_used: u64) -> Value {
    let mut data = as_json(account);
    data["given_name"] = person.given_name.clone().into();
    data["birth_name"] = person.birth_name.clone().into();
    data["usage_name"] = person.usage_name.clone().into();
    data["bytes_used"] = bytes_used.into();
    data
}

/// An account as a list has it.
fn as_json(account: &Account) -> Value {
    serde_json::json!({
        "number": account.id.0,
        "address": account.primary_address,
        "aliases": account.aliases,
        "name": account.name,
        "academic_id": account.academic_id,
        "units": account.units,
        "role": account.role,
        "state": account.state,
        "leaves_on": account.leaves_on,
        "quota_bytes": account.quota_bytes,
    })
}

/// Unix seconds as RFC 3339 writes them.
pub(super) fn moment(unix_seconds: i64) -> String {
    jiff::Timestamp::from_second(unix_seconds).map(|at| at.to_string()).unwrap_or_default()
}

pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
