//! `facteur queue`: what waits, why, and what an operator does about it.

use std::sync::Arc;

use jiff::Timestamp;
use mail_service::queue::{Entry, Filter, QueueChange, QueueRecipientRow};
use mail_types::QueueId;
use tokio::task::{JoinError, JoinSet};

use super::{Reporter, Services};
use crate::cli::{QueueCommand, QueueFilter};

/// Entries that are changed at the same time: those in a queue of thousands share their syncs.
const CHANGES_AT_ONCE: usize = 64;

/// Does one of the commands.
pub(super) async fn execute(
    services: &Services,
    command: QueueCommand,
    reporter: &Reporter,
) -> Result<(), String> {
    match command {
        QueueCommand::List { filter, json } => {
            let count = each(services, &filter.parse()?, |entry| {
                reporter.line(if json { as_json(entry).to_string() } else { summary(entry) });
            })
            .await?;
            if !json {
                reporter.line(format!("{count} messages"));
            }
            Ok(())
        }
        QueueCommand::Show { id, json } => show(services, &id, json, reporter).await,
        QueueCommand::Hold { filter } => {
            change(services, filter, QueueChange::Hold, "held", reporter).await
        }
        QueueCommand::Release { filter } => {
            change(services, filter, QueueChange::Release, "released", reporter).await
        }
        QueueCommand::Retry { filter } => {
            change(services, filter, QueueChange::Retry, "to be tried now", reporter).await
        }
        QueueCommand::Delete { filter, yes } => {
            if !yes {
                return Err("the messages would be lost and nobody told: say so with --yes".into());
            }
            change(services, filter, QueueChange::Delete, "deleted", reporter).await
        }
    }
}

/// Calls `with` for every entry that fits; how many.
async fn each(
    services: &Services,
    filter: &Filter,
    mut with: impl FnMut(&Entry),
) -> Result<u64, String> {
    let mut count = 0;
    for shard in 0..services.mail.queue_shards() {
        let mut after = None;
        loop {
            let page = services.mail.queue_list(filter, shard, after).await;
            let (entries, next) = page.map_err(|error| error.to_string())?;
            entries.iter().for_each(&mut with);
            count += entries.len() as u64;
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(count)
}

async fn change(
    services: &Services,
    filter: QueueFilter,
    change: QueueChange,
    done: &str,
    reporter: &Reporter,
) -> Result<(), String> {
    if filter.is_empty() {
        return Err("which ones? give queue ids, --recipient, --sender, --held or --all".into());
    }
    let filter = filter.parse()?;
    let mut ids = Vec::new();
    each(services, &filter, |entry| ids.push(entry.id)).await?;
    let total = ids.len() as u64;
    let (filter, mut recipients, mut running) = (Arc::new(filter), 0, JoinSet::new());
    for (number, id) in (1..).zip(ids) {
        if running.len() == CHANGES_AT_ONCE {
            recipients += changed(running.join_next().await)?;
        }
        let (mail, filter) = (services.mail.clone(), Arc::clone(&filter));
        running.spawn(async move {
            let changed = mail.queue_change(id, &filter, change).await;
            changed.map_err(|error| format!("{id}: {error}"))
        });
        reporter.progress(number, total);
    }
    while !running.is_empty() {
        recipients += changed(running.join_next().await)?;
    }
    reporter.line(format!("{total} messages, {recipients} recipients {done}"));
    Ok(())
}

/// How many recipients one change was about.
fn changed(done: Option<Result<Result<usize, String>, JoinError>>) -> Result<usize, String> {
    done.map_or(Ok(0), |done| done.map_err(|error| error.to_string())?)
}

async fn show(
    services: &Services,
    id: &str,
    json: bool,
    reporter: &Reporter,
) -> Result<(), String> {
    let id = parse_id(id)?;
    let entry = services.mail.queued(id).await.map_err(|error| error.to_string())?;
    let Some(entry) = entry else {
        return Err(format!("{id} is not in the queue: delivered, bounced or never there"));
    };
    if json {
        reporter.line(as_json(&entry).to_string());
        return Ok(());
    }
    let message = &entry.message;
    reporter.line(format!("queue id   {id}"));
    reporter.line(format!("from       {}", message.reverse_path));
    reporter.line(format!("accepted   {}", time(message.arrived)));
    reporter.line(format!("size       {} bytes", message.body.size + message.prefix.len() as u64));
    if let Some(account) = message.submitter {
        reporter.line(format!("submitter  account {account}"));
    }
    for (_, row) in &entry.recipients {
        reporter.line(format!("to         {}", row.address));
        reporter.line(format!("  {}", state(row)));
        if let Some(last) = &row.last {
            let (class, subject, detail) = last.status;
            reporter.line(format!(
                "  last     {} {}: {class}.{subject}.{detail} {}",
                time(last.at),
                last.next_hop,
                last.reason
            ));
            if let Some(reply) = &last.reply {
                reporter.line(format!("  reply    {reply}"));
            }
        }
    }
    Ok(())
}

fn summary(entry: &Entry) -> String {
    let first = entry.recipients.first();
    let to = first.map(|(_, row)| row.address.to_string()).unwrap_or_default();
    let more = match entry.recipients.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let reason = first.and_then(|(_, row)| row.last.as_ref()).map_or("", |last| &last.reason);
    format!(
        "{}  {}  {} -> {to}{more}  {}  {reason}",
        entry.id,
        time(entry.message.arrived),
        entry.message.reverse_path,
        first.map(|(_, row)| state(row)).unwrap_or_default(),
    )
}

pub(super) fn state(row: &QueueRecipientRow) -> String {
    match row.is_held {
        true => "held".into(),
        false => format!("{} attempts, next {}", row.attempts, time(row.next_attempt)),
    }
}

fn time(unix_seconds: i64) -> String {
    Timestamp::from_second(unix_seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// Reads a queue id as it stands in the log.
pub(crate) fn parse_id(text: &str) -> Result<QueueId, String> {
    u64::from_str_radix(text, 16)
        .map(QueueId)
        .map_err(|_| format!("{text:?} is not a queue id: 16 hexadecimal digits"))
}

fn as_json(entry: &Entry) -> serde_json::Value {
    serde_json::json!({
        "queue_id": entry.id.to_string(),
        "from": entry.message.reverse_path.to_string(),
        "accepted": time(entry.message.arrived),
        "size": entry.message.body.size + entry.message.prefix.len() as u64,
        "recipients": recipients_as_json(entry),
    })
}

pub(super) fn recipients_as_json(entry: &Entry) -> Vec<serde_json::Value> {
    let recipients = entry.recipients.iter().map(|(_, row)| {
        serde_json::json!({
            "address": row.address,
            "attempts": row.attempts,
            "next_attempt": time(row.next_attempt),
            "held": row.is_held,
            "last": row.last.as_ref().map(|last| serde_json::json!({
                "at": time(last.at),
                "next_hop": last.next_hop,
                "status": format!("{}.{}.{}", last.status.0, last.status.1, last.status.2),
                "reason": last.reason,
                "reply": last.reply,
            })),
        })
    });
    recipients.collect()
}
