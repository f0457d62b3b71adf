//! `facteur reset …`.

use directory::{Account, Approval, WaitingRequest};

use super::account::{find, text};
use super::acting::prove;
use super::{Reporter, Services};
use crate::cli::{Acting, ResetCommand};

/// Runs a command of an officer. The error is one line for the person who typed it.
pub(super) async fn execute(
    services: &Services,
    command: ResetCommand,
    reporter: &Reporter,
) -> Result<(), String> {
    let directory = &services.directory;
    match command {
        ResetCommand::Pending { acting, json } => {
            pending(services, &acting, json, reporter).await?;
        }
        ResetCommand::Approve { who, acting, reason } => {
            let (officer, asked) = prove(services, &acting).await?;
            let person = helped(services, &officer, &who).await?;
            let approval = directory.issue_activation_code(&officer, person.id, &reason, &asked);
            let address = &person.primary_address;
            match approval.await.map_err(text)? {
                Approval::Code(code) => {
                    reporter.line(format!("{address}: activation code {}", code.expose()));
                    reporter.line("it is good for a day, once, on the page for lost passwords");
                }
                Approval::First => {
                    reporter.line(format!("{address}: another administrator must approve, too"));
                }
            }
        }
        ResetCommand::Refuse { who, acting, reason } => {
            let (officer, asked) = prove(services, &acting).await?;
            let person = helped(services, &officer, &who).await?;
            directory.refuse_reset(&officer, person.id, &reason, &asked).await.map_err(text)?;
            reporter.line(format!("{}: refused", person.primary_address));
        }
        ResetCommand::Unlock { who, acting, reason } => {
            let (officer, asked) = prove(services, &acting).await?;
            let person = helped(services, &officer, &who).await?;
            directory.unlock_reset(&officer, person.id, &reason, &asked).await.map_err(text)?;
            reporter.line(format!("{}: unlocked", person.primary_address));
        }
    }
    Ok(())
}

/// The person, whom the officer may help; others are not there for them.
async fn helped(
    services: &Services,
    officer: &Account,
    who: &str,
) -> Result<std::sync::Arc<Account>, String> {
    let found = find(services, who).await?;
    let helped = services.directory.helped(officer, found.id).await;
    helped.map_err(|_| format!("{who:?} is nobody whom {} helps", officer.primary_address))
}

async fn pending(
    services: &Services,
    acting: &Acting,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let (officer, _) = prove(services, acting).await?;
    for waiting in services.directory.waiting_requests(&officer).await.map_err(text)? {
        reporter.line(if json { as_json(&waiting).to_string() } else { shown(&waiting) });
    }
    Ok(())
}

fn as_json(waiting: &WaitingRequest) -> serde_json::Value {
    serde_json::json!({
        "number": waiting.account.id.0,
        "address": waiting.account.primary_address,
        "name": waiting.account.name,
        "role": waiting.account.role,
        "asked": waiting.asked,
        "identity_from": waiting.identity_from,
        "approved_by": waiting.approved_by,
    })
}

fn shown(waiting: &WaitingRequest) -> String {
    let moment = |at| jiff::Timestamp::from_second(at).unwrap_or_default();
    let account = &waiting.account;
    let mut columns = vec![
        account.primary_address.to_string(),
        account.name.clone(),
        format!("since {}", moment(waiting.asked)),
    ];
    columns.extend(waiting.identity_from.map(|at| format!("by identity from {}", moment(at))));
    columns.extend(waiting.approved_by.map(|by| format!("approved once, by {by}")));
    columns.join("\t")
}
