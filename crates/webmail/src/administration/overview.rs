//! The first page: how the server is, what needs somebody, and how many accounts there are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use directory::AccountCounts;
use hyper::{Response, StatusCode};
use mail_service::{BackupRow, VerifyRow};
use tokio::sync::Mutex;

use super::frame;
use crate::account::Signed;
use crate::date;
use crate::error::Error;
use crate::http::Body;
use crate::view::{self, Page};

/// How old the counts of accounts may be.
const FRESH: Duration = Duration::from_secs(30);
/// A message that waits for so long is worth a look.
const OLDEST_SECONDS_MAX: i64 = 4 * 3600;
/// Messages that wait to be indexed, above which searches are slow.
const INDEX_WAITING_MAX: u64 = 10_000;

/// Since when this server runs, and how many accounts it has; counting reads all of them.
pub(crate) struct Figures {
    started: Instant,
    /// Held while they are counted, so that one counts and the others wait for it.
    counted: Mutex<Option<(Instant, Arc<AccountCounts>)>>,
}

impl Figures {
    /// Of a server that starts now.
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), counted: Mutex::default() }
    }

    async fn counts(&self, signed: &Signed) -> Result<Arc<AccountCounts>, Error> {
        let mut counted = self.counted.lock().await;
        if let Some((_, counts)) = counted.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(Arc::clone(counts));
        }
        let counts = Arc::new(signed.service().directory().count_accounts().await?);
        *counted = Some((Instant::now(), Arc::clone(&counts)));
        Ok(counts)
    }

    /// The counts are to be taken anew: an account came, went or changed.
    pub(super) async fn forget(&self) {
        *self.counted.lock().await = None;
    }
}

/// A count with a list behind it.
struct Count {
    name: String,
    count: String,
    href: String,
}

/// Something about the server.
struct Line {
    name: String,
    value: String,
}

#[derive(askama::Template)]
#[template(path = "administration.html")]
struct OverviewPage<'a> {
    page: Page<'a>,
    tab: &'static str,
    alarms: Vec<String>,
    counts: Vec<Count>,
    lines: Vec<Line>,
}

/// `GET /administration`
pub(super) async fn show(signed: &Signed) -> Result<Response<Body>, Error> {
    let service = signed.service();
    let figures = &signed.visit.webmail.figures;
    let counts = figures.counts(signed).await?;
    let condition = service.condition().await?;
    let template = OverviewPage {
        tab: "accueil",
        alarms: alarms(signed, &condition, &counts),
        counts: counted(signed, &counts),
        lines: lines(signed, &condition, figures.started.elapsed()),
        page: frame(signed, signed.locale().text("admin-title")).await?,
    };
    view::render(&signed.visit, StatusCode::OK, &template)
}

fn alarms(
    signed: &Signed,
    condition: &mail_service::Condition,
    counts: &AccountCounts,
) -> Vec<String> {
    let locale = signed.locale();
    let mut alarms = Vec::new();
    if condition.is_disk_full {
        alarms.push(locale.text("admin-alarm-disk"));
    }
    if condition.queue_oldest_seconds > OLDEST_SECONDS_MAX {
        let hours = condition.queue_oldest_seconds / 3600;
        alarms.push(locale.with("admin-alarm-queue", "hours", hours));
    }
    if condition.index_waiting > INDEX_WAITING_MAX {
        let count = date::number(condition.index_waiting);
        alarms.push(locale.with("admin-alarm-index", "count", count));
    }
    match condition.last_backup {
        _ if !condition.is_backup_due => {}
        None => alarms.push(locale.text("admin-alarm-no-backup")),
        Some(_) => {
            let hours = u64::from(signed.service().settings().backup_hours_max);
            alarms.push(locale.with("admin-alarm-backup", "hours", hours));
        }
    }
    if condition.last_verify.is_some_and(|verify| verify.faults > 0) {
        alarms.push(locale.text("admin-alarm-verify"));
    }
    let directory = signed.service().directory();
    if directory.identity_guard().closed.is_some_and(|closed| closed.by.is_none()) {
        alarms.push(locale.text("admin-alarm-identity"));
    }
    let waits = |policy: &directory::UnitPolicy| {
        policy.proposal.as_ref().is_some_and(|one| one.by != signed.owner())
    };
    let waiting = directory.unit_policies().iter().filter(|(_, one)| waits(one)).count();
    if waiting > 0 {
        alarms.push(locale.with("admin-alarm-proposals", "count", waiting as u64));
    }
    if counts.administrators == 1 {
        alarms.push(locale.text("admin-alarm-alone"));
    }
    alarms
}

fn counted(signed: &Signed, counts: &AccountCounts) -> Vec<Count> {
    let locale = signed.locale();
    let count = |name: &str, count: u64, state: &str| Count {
        name: locale.with(name, "count", count),
        count: date::number(count),
        href: format!("/administration/comptes?etat={state}"),
    };
    let units = signed.service().directory().units().len() as u64;
    vec![
        count("admin-count-active", counts.active, "active"),
        count("admin-count-awaiting", counts.awaiting, "awaiting-first-login"),
        count("admin-count-leaving", counts.leaving, "leaving"),
        count("admin-count-suspended", counts.suspended, "suspended"),
        Count {
            name: locale.with("admin-count-units", "count", units),
            count: date::number(units),
            href: "/administration/etablissements".into(),
        },
    ]
}

fn lines(signed: &Signed, condition: &mail_service::Condition, up: Duration) -> Vec<Line> {
    let locale = signed.locale();
    let line = |name: &str, value: String| Line { name: locale.text(name), value };
    let free = condition.disk_free_bytes.map(|bytes| date::size(locale, bytes));
    let guard = date::size(locale, condition.disk_floor_bytes);
    let waiting = match condition.queue_length {
        0 => locale.text("admin-queue-empty"),
        length => locale.with_all(
            "admin-queue-waiting",
            &[
                ("count", date::number(length)),
                ("age", duration(signed, condition.queue_oldest_seconds.unsigned_abs())),
            ],
        ),
    };
    let directory = signed.service().directory();
    let open = directory.unit_policies().iter().filter(|(_, one)| one.open.is_some()).count();
    let identity = match (directory.identity_guard().closed, open) {
        (Some(_), _) => locale.text("identity-closed"),
        (None, 0) => locale.text("identity-shut"),
        (None, open) => locale.with("identity-open-in", "count", open as u64),
    };
    vec![
        line("identity-title", identity),
        line("admin-version", env!("CARGO_PKG_VERSION").to_owned()),
        line("admin-uptime", duration(signed, up.as_secs())),
        line("admin-queue", waiting),
        line(
            "admin-index",
            match condition.index_waiting {
                0 => locale.text("admin-index-done"),
                count => locale.with("admin-index-waiting", "count", count),
            },
        ),
        line(
            "admin-disk",
            match free {
                Some(free) => {
                    locale.with_all("admin-disk-free", &[("free", free), ("guard", guard)])
                }
                None => locale.text("admin-disk-unknown"),
            },
        ),
        line("admin-backup", backup(signed, condition.last_backup)),
        line("admin-verify", verification(signed, condition.last_verify)),
    ]
}

fn backup(signed: &Signed, last: Option<BackupRow>) -> String {
    let locale = signed.locale();
    let Some(last) = last else { return locale.text("admin-never") };
    locale.with_all(
        "admin-backup-made",
        &[
            ("date", signed.calendar().long(last.at)),
            ("size", date::size(locale, last.bytes)),
            ("duration", duration(signed, last.seconds)),
        ],
    )
}

fn verification(signed: &Signed, last: Option<VerifyRow>) -> String {
    let locale = signed.locale();
    let Some(last) = last else { return locale.text("admin-never") };
    let date = signed.calendar().long(last.at);
    match last.faults {
        0 => locale.with("admin-verify-clean", "date", date),
        count => locale
            .with_all("admin-verify-faults", &[("date", date), ("count", date::number(count))]),
    }
}

/// `3 jours 4 h`, `2 h 5 min`, `12 min`, `7 s`.
fn duration(signed: &Signed, seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let locale = signed.locale();
    match (days, hours) {
        (0, 0) if minutes == 0 => locale.with("admin-seconds", "seconds", seconds),
        (0, 0) => locale.with("admin-minutes", "minutes", minutes),
        (0, hours) => locale.with_all(
            "admin-hours",
            &[("hours", hours.to_string()), ("minutes", minutes.to_string())],
        ),
        (days, hours) => locale
            .with_all("admin-days", &[("days", days.to_string()), ("hours", hours.to_string())]),
    }
}
