//! What is done to somebody else's account, and how it gets into the audit log: with the commit that
//! does it, and only while whoever does it still may.

use mail_store::tables::directory::{AccountRow, AccountStateRow};
use mail_types::{AccountId, Role};

use crate::account::AccountUpdate;
use crate::audit;
use crate::audit_record::{Act, AuditRecord, Doer, Requester};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::Change;
use crate::unit::{UnitCode, UnitUpdate};

/// An act, and who does it.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub(crate) who: Who,
    pub(crate) requester: Requester,
    pub(crate) act: Act,
    /// What it was, as far as the act does not say.
    pub(crate) reason: String,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// An administrator in a browser, who may do less than the command line.
    Administrator(AccountId),
    /// Nobody who has an account.
    Nobody(Doer),
}

/// Nothing is done without saying who does it.
pub(crate) type By<'a> = &'a Deed;

/// What a deed is done to.
pub(crate) enum Subject<'a> {
    Account(AccountId),
    Unit(&'a UnitCode),
    /// Nobody in particular: a file.
    Many,
}

impl Deed {
    /// Somebody at the command line, which whoever runs the server has.
    pub(crate) fn console(act: Act) -> Self {
        Self::of(Doer::CommandLine, act)
    }

    /// By itself, when its time has come.
    pub(crate) fn server(act: Act) -> Self {
        Self::of(Doer::Server, act)
    }

    fn of(doer: Doer, act: Act) -> Self {
        let (who, requester) = (Who::Nobody(doer), Requester::console());
        Self { who, requester, act, reason: String::new() }
    }

    /// With more to say.
    pub(crate) fn saying(self, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..self }
    }

    /// The administrator in a browser, if it is one.
    pub(crate) fn administrator(&self) -> Option<AccountId> {
        match self.who {
            Who::Administrator(id) => Some(id),
            Who::Nobody(_) => None,
        }
    }

    /// The same deed as another act, with more to say.
    pub(crate) fn as_act(&self, act: Act, more: &str) -> Self {
        Self { act, reason: join(&self.reason, more), ..self.clone() }
    }

    pub(crate) fn record(&self, at: i64, subject: &Subject<'_>, more: &str) -> AuditRecord {
        let account = match subject {
            Subject::Account(id) => Some(id.0),
            Subject::Unit(_) | Subject::Many => None,
        };
        let mut record = AuditRecord::new(at, account, self.act, &self.requester);
        if let Subject::Unit(code) = subject {
            record.unit = Some(code.as_str().to_owned());
        }
        match self.who {
            Who::Administrator(id) => record.officer = Some(id.0),
            Who::Nobody(doer) => record.doer = Some(doer),
        }
        record.set_reason(&join(&self.reason, more));
        record
    }
}

fn join(one: &str, other: &str) -> String {
    match (one, other) {
        ("", text) | (text, "") => text.to_owned(),
        (one, other) => format!("{one}: {other}"),
    }
}

impl Directory {
    /// Adds the lines of a deed to the change that does it. `changing` is held: two administrators
    /// who take each other's role away do it one after the other, and the second one no longer may.
    pub(crate) async fn note(
        &self,
        change: &mut Change,
        by: By<'_>,
        subjects: &[(Subject<'_>, String)],
    ) -> Result<(), DirectoryError> {
        self.check_standing(by).await?;
        let at = self.now().as_second();
        let record = |(subject, more): &(Subject<'_>, String)| by.record(at, subject, more);
        let records: Vec<_> = subjects.iter().map(record).collect();
        audit::append(&self.inner.rows, &self.inner.vault, change, &records).await
    }

    /// Whether whoever does a deed still may, as stored.
    pub(crate) async fn check_standing(&self, by: By<'_>) -> Result<(), DirectoryError> {
        let Some(id) = by.administrator() else { return Ok(()) };
        match administers(&self.living(id).await?) {
            true => Ok(()),
            false => Err(DirectoryError::NotAllowed("only an administrator who stays may do that")),
        }
    }
}

/// Whether this account administers. One that leaves does not: so whoever acts stays, and there is
/// always an administrator left.
pub(crate) fn administers(row: &AccountRow) -> bool {
    row.role == Role::Administrator
        && row.state == AccountStateRow::Active
        && row.leaves_on.is_none()
}

/// What an update changes, for the log: roles and units by value, names never.
pub(crate) fn account_changes(update: &AccountUpdate) -> String {
    let mut changes = Vec::new();
    if let Some(address) = &update.primary_address {
        changes.push(format!("address={address}"));
    }
    if update.name.is_some() || !update.person.is_empty() {
        changes.push("name".to_owned());
    }
    if let Some(units) = &update.units {
        let codes: Vec<_> = units.iter().map(UnitCode::as_str).collect();
        changes.push(format!("units={}", codes.join(" ")));
    }
    if let Some(role) = update.role {
        changes.push(format!("role={role}"));
    }
    match update.quota_bytes {
        Some(Some(bytes)) => changes.push(format!("quota={bytes}")),
        Some(None) => changes.push("quota=default".to_owned()),
        None => {}
    }
    changes.join(", ")
}

/// What an update changes about a unit, for the log.
pub(crate) fn unit_changes(update: &UnitUpdate) -> String {
    let mut changes = Vec::new();
    if update.name.is_some() {
        changes.push("name".to_owned());
    }
    if update.contact.is_some() {
        changes.push("contact".to_owned());
    }
    if let Some(officers) = &update.officers {
        let officers: Vec<_> = officers.iter().map(ToString::to_string).collect();
        changes.push(format!("officers={}", officers.join(" ")));
    }
    changes.join(", ")
}
