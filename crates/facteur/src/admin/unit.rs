//! `facteur unit …`.

use std::sync::Arc;

use directory::{ImportMode, Unit, UnitCode, UnitUpdate};

use super::account::{report_import, text};
use super::{Reporter, Services, policy};
use crate::cli::UnitCommand;

/// Runs a unit command. The error is one line for the person who typed it.
pub(super) async fn execute(
    services: &Services,
    command: UnitCommand,
    reporter: &Reporter,
) -> Result<(), String> {
    let directory = &services.directory;
    match command {
        UnitCommand::Add(add) => {
            let officers = directory.officers(&add.officers.join(" ")).await.map_err(text)?;
            let code = add.code.clone();
            let unit = Unit { code: add.code, name: add.name, officers, contact: add.contact };
            directory.create_unit(unit).await.map_err(text)?;
            reporter.line(format!("{code}: made"));
        }
        UnitCommand::Edit(edit) => {
            let officers = match edit.officers.is_empty() && !edit.no_officers {
                true => None,
                false => Some(directory.officers(&edit.officers.join(" ")).await.map_err(text)?),
            };
            let update = UnitUpdate { name: edit.name, officers, contact: edit.contact };
            directory.update_unit(&edit.code, update).await.map_err(text)?;
            reporter.line(format!("{}: changed", edit.code));
        }
        UnitCommand::Import(import) => {
            let mode = if import.dry_run { ImportMode::DryRun } else { ImportMode::Apply };
            let report = directory.import_units(import.content.as_bytes(), mode).await;
            return report_import(&report.map_err(text)?, mode, reporter);
        }
        UnitCommand::List { json } => {
            for unit in directory.units() {
                reporter.line(match json {
                    true => as_json(services, &unit).await?.to_string(),
                    false => format!("{}\t{}\t{}", unit.code, unit.name, unit.contact),
                });
            }
        }
        UnitCommand::Show { code, json } => show(services, &code, json, reporter).await?,
        UnitCommand::Policy(command) => policy::execute(services, command, reporter).await?,
        UnitCommand::Delete { code } => {
            directory.delete_unit(&code).await.map_err(text)?;
            reporter.line(format!("{code}: deleted"));
        }
    }
    Ok(())
}

async fn show(
    services: &Services,
    code: &UnitCode,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let unit = services.directory.unit(code);
    let unit: Arc<Unit> = unit.ok_or_else(|| format!("there is no unit {code}"))?;
    if json {
        reporter.line(as_json(services, &unit).await?.to_string());
        return Ok(());
    }
    let members = services.directory.members(code).await.map_err(text)?;
    reporter.line(format!("code         {}", unit.code));
    reporter.line(format!("name         {}", unit.name));
    reporter.line(format!("contact      {}", unit.contact));
    reporter.line(format!("IT officers  {}", officers(services, &unit).await?.join(", ")));
    reporter.line(format!("accounts     {members}"));
    Ok(())
}

async fn officers(services: &Services, unit: &Unit) -> Result<Vec<String>, String> {
    let mut addresses = Vec::new();
    for officer in &unit.officers {
        let account = services.directory.account(*officer).await.map_err(text)?;
        addresses.extend(account.map(|account| account.primary_address.to_string()));
    }
    Ok(addresses)
}

async fn as_json(services: &Services, unit: &Unit) -> Result<serde_json::Value, String> {
    Ok(serde_json::json!({
        "code": unit.code,
        "name": unit.name,
        "contact": unit.contact,
        "officers": officers(services, unit).await?,
    }))
}
