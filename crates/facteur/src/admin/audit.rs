//! `facteur audit …`.

use std::collections::BTreeMap;

use directory::{AuditRecord, Month};

use super::{Reporter, Services, account};
use crate::cli::AuditCommand;

/// Lines that one list shows at most.
const LINES_MAX: usize = 100_000;

/// Runs an audit command. The error is one line for the person who typed it.
pub(super) async fn execute(
    services: &Services,
    command: AuditCommand,
    reporter: &Reporter,
) -> Result<(), String> {
    match command {
        AuditCommand::List { account, newest, json } => {
            let account = match account {
                Some(who) => Some(account::find(services, &who).await?.id.0),
                None => None,
            };
            list(services, account, newest.min(LINES_MAX), json, reporter).await
        }
        AuditCommand::Report { month, json } => report(services, &month, json, reporter).await,
        AuditCommand::Verify => verify(services, reporter).await,
    }
}

async fn list(
    services: &Services,
    account: Option<u64>,
    newest: usize,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    // Each slice of the directory has a chain of its own: time puts them together.
    let mut lines = BTreeMap::new();
    let mut number = 0u64;
    let see = |record: &AuditRecord| {
        if account.is_none() || record.account == account {
            number += 1;
            lines.insert((record.at, number), record.clone());
            if lines.len() > newest {
                lines.pop_first();
            }
        }
        true
    };
    services.directory.audit_lines(see).await.map_err(|error| error.to_string())?;
    for record in lines.values() {
        reporter.line(match json {
            true => serde_json::to_string(record).map_err(|error| error.to_string())?,
            false => shown(record),
        });
    }
    Ok(())
}

/// One line for a terminal.
fn shown(record: &AuditRecord) -> String {
    let at = jiff::Timestamp::from_second(record.at).unwrap_or_default();
    let number = |id: Option<u64>| id.map_or("-".to_owned(), |id| format!("a{id}"));
    let factors = record.factors.iter().map(|(factor, matched)| {
        format!("{}={}", name(factor), if *matched { "match" } else { "no-match" })
    });
    let mut columns = vec![
        at.to_string(),
        record.request.clone(),
        number(record.account),
        name(&record.act),
        record.mode.map_or("-".to_owned(), |mode| name(&mode)),
        factors.collect::<Vec<_>>().join(","),
        record.peer.map_or("-".to_owned(), |peer| peer.to_string()),
        record.doer.map_or_else(|| number(record.officer), |doer| name(&doer)),
        record.notices.join(","),
    ];
    columns.push(record.reason.clone());
    columns.push(record.user_agent.clone());
    columns.join("\t")
}

/// A word as JSON spells it.
fn name(word: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(word).ok();
    json.and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
}

async fn report(
    services: &Services,
    month: &str,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let month: Month = month.parse()?;
    let report = services.directory.reset_report(month).await.map_err(|error| error.to_string())?;
    if json {
        let mut object = serde_json::to_value(&report).map_err(|error| error.to_string())?;
        object["month"] = month.to_string().into();
        reporter.line(object.to_string());
        return Ok(());
    }
    reporter.line(format!("lost passwords in {month} (UTC)"));
    for (what, count) in [
        ("forms looked at", report.asked),
        ("  fitted nobody", report.fitted_nobody),
        ("  led to a code by mail", report.followed.code),
        ("  led to an IT officer", report.followed.approval),
        ("  led to a day's wait (identity)", report.followed.identity),
        ("replaced by a code by mail", report.done.code),
        ("replaced with an officer's code", report.done.approval),
        ("replaced by identity alone", report.done.identity),
        ("wrong codes", report.wrong_codes),
        ("wrong birth dates", report.wrong_birth_dates),
        ("refused by an officer", report.refused),
        ("stopped by a login or a notice", report.stopped),
        ("identity closed everywhere", report.closed_everywhere),
        ("codes handed out to who waited", report.waits.count),
    ] {
        reporter.line(format!("{what:<34}{count:>8}"));
    }
    let waits = &report.waits;
    if waits.count > 0 {
        reporter.line(format!(
            "wait for the officer: half within {}, nine of ten within {}, at most {}",
            span(waits.median),
            span(waits.ninety_percent),
            span(waits.longest)
        ));
    }
    for (peer, count) in &report.addresses {
        reporter.line(format!("from {peer:<29}{count:>8}"));
    }
    Ok(())
}

/// `1 h 05 min`
fn span(seconds: i64) -> String {
    format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60)
}

async fn verify(services: &Services, reporter: &Reporter) -> Result<(), String> {
    let report = services.directory.verify_audit().await.map_err(|error| error.to_string())?;
    for fault in &report.faults {
        reporter.line(fault.clone());
    }
    match report.fault_count {
        0 => {
            reporter.line(format!("{} lines: every chain is whole", report.lines));
            Ok(())
        }
        count => Err(format!("{} lines, {count} faults in the audit log", report.lines)),
    }
}
