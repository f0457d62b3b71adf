//! `facteur unit policy …`.

use directory::{UnitCode, UnitPolicy};
use mail_types::AccountId;

use super::account::text;
use super::acting::prove;
use super::{Reporter, Services};
use crate::cli::PolicyCommand;

/// Runs a policy command. The error is one line for the person who typed it.
pub(super) async fn execute(
    services: &Services,
    command: PolicyCommand,
    reporter: &Reporter,
) -> Result<(), String> {
    let directory = &services.directory;
    match command {
        PolicyCommand::List { json } => list(services, json, reporter).await?,
        PolicyCommand::Show { unit, json } => show(services, &unit, json, reporter).await?,
        PolicyCommand::Propose { unit, acting, until, reason } => {
            let (who, asked) = prove(services, &acting).await?;
            let number = directory.propose_identity_reset(&who, &unit, until, &reason, &asked);
            let number = number_shown(number.await.map_err(text)?);
            reporter.line(format!("{unit}: proposed up to {until}, as {number}"));
            reporter.line("a second administrator now runs:");
            reporter.line(format!("  facteur unit policy approve {unit} {number} --as …"));
        }
        PolicyCommand::Approve { unit, proposal, acting } => {
            let number = u64::from_str_radix(&proposal, 16);
            let number = number.map_err(|_| format!("{proposal:?} is no proposal's number"))?;
            let (who, asked) = prove(services, &acting).await?;
            directory.approve_identity_reset(&who, &unit, number, &asked).await.map_err(text)?;
            reporter.line(format!("{unit}: open"));
        }
        PolicyCommand::Close { unit, acting, reason } => {
            let (who, asked) = prove(services, &acting).await?;
            directory.close_identity_reset(&who, &unit, &reason, &asked).await.map_err(text)?;
            reporter.line(format!("{unit}: closed"));
        }
        PolicyCommand::CloseAll { acting, reason } => {
            let (who, asked) = prove(services, &acting).await?;
            directory.close_identity_everywhere(&who, &reason, &asked).await.map_err(text)?;
            reporter.line("closed everywhere");
        }
        PolicyCommand::ReopenAll { acting, reason } => {
            let (who, asked) = prove(services, &acting).await?;
            directory.reopen_identity_everywhere(&who, &reason, &asked).await.map_err(text)?;
            reporter.line("units that are open may use it again");
        }
    }
    Ok(())
}

async fn list(services: &Services, json: bool, reporter: &Reporter) -> Result<(), String> {
    if let Some(closed) = services.directory.identity_guard().closed {
        reporter.line(match json {
            true => serde_json::json!({ "closed_everywhere": closed }).to_string(),
            false => {
                let by = match closed.by {
                    Some(by) => address(services, by).await?,
                    None => "itself, after too many wrong birth dates".into(),
                };
                format!("closed everywhere since {} by {by}", moment(closed.at))
            }
        });
    }
    for (unit, policy) in services.directory.unit_policies() {
        match json {
            true => reporter.line(as_json(&unit, &policy).to_string()),
            false => say(services, &unit, &policy, reporter).await?,
        }
    }
    Ok(())
}

async fn show(
    services: &Services,
    unit: &UnitCode,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let directory = &services.directory;
    directory.unit(unit).ok_or_else(|| format!("there is no unit {unit}"))?;
    let policy = directory.unit_policy(unit);
    if json {
        reporter.line(as_json(unit, &policy).to_string());
        return Ok(());
    }
    if policy == UnitPolicy::default() {
        reporter.line(format!("{unit}\tclosed"));
    }
    say(services, unit, &policy, reporter).await
}

/// The proposal's number as people type it.
fn number_shown(number: u64) -> String {
    format!("{number:016x}")
}

fn as_json(unit: &UnitCode, policy: &UnitPolicy) -> serde_json::Value {
    let proposal = policy.proposal.as_ref().map(|one| {
        serde_json::json!({
            "number": number_shown(one.number), "at": one.at, "last_day": one.last_day,
            "reason": one.reason, "by": one.by,
        })
    });
    serde_json::json!({ "unit": unit, "open": policy.open, "proposal": proposal })
}

async fn say(
    services: &Services,
    unit: &UnitCode,
    policy: &UnitPolicy,
    reporter: &Reporter,
) -> Result<(), String> {
    if let Some(open) = &policy.open {
        let (one, two) = (open.proposed_by, open.approved_by);
        reporter.line(format!(
            "{unit}\topen up to {}\tsince {}\tby {} and {}\t{}",
            open.last_day,
            moment(open.since),
            address(services, one).await?,
            address(services, two).await?,
            open.reason
        ));
    }
    if let Some(one) = &policy.proposal {
        reporter.line(format!(
            "{unit}\tproposed up to {}\tas {}\tby {}\t{}",
            one.last_day,
            number_shown(one.number),
            address(services, one.by).await?,
            one.reason
        ));
    }
    Ok(())
}

async fn address(services: &Services, id: AccountId) -> Result<String, String> {
    let account = services.directory.account(id).await.map_err(text)?;
    Ok(account.map_or_else(|| id.to_string(), |account| account.primary_address.to_string()))
}

fn moment(at: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(at).unwrap_or_default()
}
