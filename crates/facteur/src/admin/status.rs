//! `facteur status`: what the overview of `/administration` says of the server.

use mail_service::Condition;
use serde_json::json;

use super::account::{moment, text};
use super::{Reporter, Services};

/// Reports it; what needs somebody is said last.
pub(super) async fn run(
    services: &Services,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let condition = services.mail.condition().await.map_err(text)?;
    if json {
        reporter.line(as_json(&condition).to_string());
        return Ok(());
    }
    for (name, value) in shown(&condition) {
        reporter.line(format!("{name:<13}{value}"));
    }
    for warning in warnings(&condition) {
        reporter.line(format!("warning: {warning}"));
    }
    Ok(())
}

fn as_json(condition: &Condition) -> serde_json::Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "disk_free_bytes": condition.disk_free_bytes,
        "disk_floor_bytes": condition.disk_floor_bytes,
        "is_disk_full": condition.is_disk_full,
        "queue_length": condition.queue_length,
        "queue_oldest_seconds": condition.queue_oldest_seconds,
        "index_waiting": condition.index_waiting,
        "last_backup": condition.last_backup.map(|one| json!({
            "at": moment(one.at), "seconds": one.seconds, "bytes": one.bytes,
        })),
        "is_backup_due": condition.is_backup_due,
        "last_verify": condition.last_verify.map(|one| json!({
            "at": moment(one.at), "seconds": one.seconds, "faults": one.faults,
        })),
    })
}

fn shown(condition: &Condition) -> Vec<(&'static str, String)> {
    let never = || "never".to_owned();
    let free = condition.disk_free_bytes;
    let free = free.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
    let backup = condition.last_backup.map_or_else(never, |one| {
        format!("{}, {} bytes in {} s", moment(one.at), one.bytes, one.seconds)
    });
    let verify = condition.last_verify.map_or_else(never, |one| {
        let found = match one.faults {
            0 => "clean".to_owned(),
            count => format!("{count} faults"),
        };
        format!("{}, {found}, in {} s", moment(one.at), one.seconds)
    });
    let (waiting, oldest) = (condition.queue_length, condition.queue_oldest_seconds);
    vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("queue", format!("{waiting} messages, the oldest for {oldest} s")),
        ("index", format!("{} messages wait", condition.index_waiting)),
        (
            "disk free",
            format!("{free} bytes; mail is refused below {}", condition.disk_floor_bytes),
        ),
        ("last backup", backup),
        ("last verify", verify),
    ]
}

fn warnings(condition: &Condition) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if condition.is_disk_full {
        warnings.push("the disk is nearly full: new mail is refused");
    }
    if condition.is_backup_due {
        warnings.push("it is time for a backup (storage.backup_hours_max)");
    }
    if condition.last_verify.is_some_and(|one| one.faults > 0) {
        warnings.push("the last verification found faults");
    }
    warnings
}
