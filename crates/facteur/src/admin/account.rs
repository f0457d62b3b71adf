//! `facteur account …`.

use std::sync::Arc;

use directory::{Account, AccountState, ImportMode, NewAccount, NewPassword};
use mail_types::Secret;

use super::{Reporter, Services};
use crate::cli::{AccountCommand, AddAccount, ImportAccounts};

/// Accounts read at once for a list.
const LIST_PAGE: usize = 500;

/// Runs an account command. The error is one line for the person who typed it.
pub(super) async fn execute(
    services: &Services,
    command: AccountCommand,
    reporter: &Reporter,
) -> Result<(), String> {
    match command {
        AccountCommand::Add(add) => create(services, add, reporter).await,
        AccountCommand::Import(import) => import_file(services, import, reporter).await,
        AccountCommand::List { json } => list(services, json, reporter).await,
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
        AccountCommand::Suspend { who } => {
            set_state(services, &who, AccountState::Suspended, reporter).await
        }
        AccountCommand::Resume { who } => {
            set_state(services, &who, AccountState::Active, reporter).await
        }
        AccountCommand::Delete { who, yes } => delete(services, &who, yes, reporter).await,
    }
}

async fn create(services: &Services, add: AddAccount, reporter: &Reporter) -> Result<(), String> {
    let new = NewAccount {
        primary_address: add.address,
        name: add.name,
        academic_id: add.academic_id,
        unit: add.unit,
        role: add.role,
        quota_bytes: add.quota_bytes,
        password: Some(NewPassword::Plain(Secret::new(add.password))),
    };
    let account = services.directory.create_account(new).await.map_err(text)?;
    for alias in add.aliases {
        services.directory.add_alias(account.id, &alias).await.map_err(text)?;
    }
    reporter.line(format!("{}: created {}", account.id, account.primary_address));
    Ok(())
}

async fn import_file(
    services: &Services,
    import: ImportAccounts,
    reporter: &Reporter,
) -> Result<(), String> {
    let mode = if import.dry_run { ImportMode::DryRun } else { ImportMode::Apply };
    let total = import.content.lines().count().saturating_sub(1) as u64;
    let progress = |done: u64| reporter.progress(done, total);
    let content = std::io::Cursor::new(import.content);
    let report = services.directory.import(content, mode, progress).await.map_err(text)?;
    for refused in &report.refused {
        reporter.line(format!("line {}: refused: {}", refused.line, refused.reason));
    }
    reporter.line(format!(
        "{} created, {} updated, {} unchanged, {} refused{}",
        report.created,
        report.updated,
        report.unchanged,
        report.refused.len(),
        if import.dry_run { " (dry run: nothing was changed)" } else { "" }
    ));
    match report.refused.len() {
        0 => Ok(()),
        count => Err(format!("{count} lines were refused")),
    }
}

async fn list(services: &Services, json: bool, reporter: &Reporter) -> Result<(), String> {
    let mut after = None;
    loop {
        let page = services.directory.accounts(after, LIST_PAGE).await.map_err(text)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for account in &page {
            reporter.line(match json {
                true => as_json(account, None).to_string(),
                false => format!(
                    "{}\t{}\t{}\t{}\t{}",
                    account.id,
                    account.primary_address,
                    account.name,
                    account.unit.as_deref().unwrap_or("-"),
                    state(account)
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
    if json {
        reporter.line(as_json(account, Some(used)).to_string());
        return Ok(());
    }
    let aliases: Vec<_> = account.aliases.iter().map(ToString::to_string).collect();
    let quota = account.quota_bytes.map_or("unlimited".into(), |bytes| bytes.to_string());
    reporter.line(format!("number       {}", account.id));
    reporter.line(format!("address      {}", account.primary_address));
    reporter.line(format!("aliases      {}", aliases.join(", ")));
    reporter.line(format!("name         {}", account.name));
    reporter.line(format!("academic ID  {}", account.academic_id.as_str()));
    reporter.line(format!("unit         {}", account.unit.as_deref().unwrap_or("-")));
    reporter.line(format!("role         {}", account.role));
    reporter.line(format!("state        {}", state(account)));
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
    reporter.line(format!("{id}: {}", state(&account)));
    Ok(())
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
    services.directory.delete_account(account.id).await.map_err(text)?;
    services.mail.purge_account(account.id).await.map_err(text)?;
    reporter.line(format!("{}: deleted; its addresses stay reserved", account.id));
    Ok(())
}

pub(super) async fn find(services: &Services, who: &str) -> Result<Arc<Account>, String> {
    let found = services.directory.find(who).await.map_err(text)?;
    found.ok_or_else(|| format!("there is no account {who:?}: give an address, an ID or a number"))
}

fn state(account: &Account) -> &'static str {
    match account.state {
        AccountState::AwaitingFirstLogin => "awaiting first login",
        AccountState::Active => "active",
        AccountState::Suspended => "suspended",
        AccountState::Deleted => "deleted",
    }
}

fn as_json(account: &Account, bytes_used: Option<u64>) -> serde_json::Value {
    serde_json::json!({
        "number": account.id.0,
        "address": account.primary_address,
        "aliases": account.aliases,
        "name": account.name,
        "academic_id": account.academic_id,
        "unit": account.unit,
        "role": account.role,
        "state": account.state,
        "quota_bytes": account.quota_bytes,
        "bytes_used": bytes_used,
    })
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
