//! Accounts from a CSV file: new ones created, known ones brought up to date, every refused line
//! told with its reason.
//!
//! The academic ID says who a line is about, so the same file can be read again and again. The
//! columns are `address,name,academic_id,unit,role,quota,password`, in any order, separated by
//! commas or semicolons; the last four may be missing. An empty field leaves what is stored as it
//! is. A password is taken for new accounts only: people change theirs, and an old file must not
//! bring the first one back.

use std::collections::HashMap;
use std::io::BufRead;

use mail_store::tables::directory::ClaimState;
use mail_types::{AccountId, EmailAddress};

use crate::account::{AccountState, AccountUpdate, Loaded, NewPassword};
use crate::claim::Name;
use crate::create::{Prepared, check_update};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::import_line::{Line, open};
use crate::password::{check_hash, check_rules};

/// Lines that are looked at together and share their commits.
const LINES_TOGETHER: usize = 1000;
/// Lines of one file.
const LINES_MAX: u64 = 1_000_000;
/// Whether an import changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// Says what it would do.
    DryRun,
    /// Does it.
    Apply,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// New accounts.
    pub created: u64,
    /// Known accounts of which something changed.
    pub updated: u64,
    /// Known accounts that were as the file says.
    pub unchanged: u64,
    /// Lines that were not followed.
    pub refused: Vec<RefusedLine>,
}

/// A line that was not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// Its number in the file; the header is line 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// What is to be done about a line.
enum Action {
    Create(Box<Line>),
    Update(AccountId, AccountUpdate),
    Nothing,
}

/// Names seen earlier in the file, and where.
#[derive(Default)]
struct Seen(HashMap<Name, u64>);

impl Directory {
    /// Reads accounts from a CSV file. `progress` hears how many lines are done.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the file as a whole is not such a file; single lines that
    /// are wrong are in the report. [`DirectoryError::Store`] ends it: read the file again.
    pub async fn import(
        &self,
        file: impl BufRead + Send,
        mode: ImportMode,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<ImportReport, DirectoryError> {
        let (mut reader, columns) = open(file)?;
        let mut report = ImportReport::default();
        let mut seen = Seen::default();
        let mut records = reader.records();
        let mut done = 0;
        loop {
            let mut lines = Vec::with_capacity(LINES_TOGETHER);
            let taken = records.by_ref().take(LINES_TOGETHER).fold(0, |taken, record| {
                match columns.line(done + taken, record).and_then(|line| seen.once(line)) {
                    Ok(line) => lines.push(line),
                    Err(refused) => report.refused.push(refused),
                }
                taken + 1
            });
            if taken == 0 {
                break;
            }
            done += taken;
            if done > LINES_MAX {
                return Err(DirectoryError::Invalid(format!("more than {LINES_MAX} lines")));
            }
            self.import_lines(lines, mode, &mut report).await?;
            progress(done);
        }
        report.refused.sort_by_key(|refused| refused.line);
        Ok(report)
    }

    async fn import_lines(
        &self,
        lines: Vec<Line>,
        mode: ImportMode,
        report: &mut ImportReport,
    ) -> Result<(), DirectoryError> {
        let (mut creations, mut updates) = (Vec::new(), Vec::new());
        for line in lines {
            let number = line.number;
            match self.action(line).await {
                Ok(Action::Create(line)) => creations.push(*line),
                Ok(Action::Update(id, update)) => updates.push((number, id, update)),
                Ok(Action::Nothing) => report.unchanged += 1,
                Err(error) => report.refuse(number, error)?,
            }
        }
        if mode == ImportMode::DryRun {
            report.created += creations.len() as u64;
            report.updated += updates.len() as u64;
            return Ok(());
        }
        self.import_creations(creations, report).await?;
        self.import_updates(updates, report).await
    }

    /// What a line comes to, with all checks that a dry run can do.
    async fn action(&self, line: Line) -> Result<Action, DirectoryError> {
        let rows = &self.inner.rows;
        let claim = rows.claim(&Name::of_academic_id(&line.new.academic_id)).await?;
        let known = match claim {
            Some(claim) => {
                rows.load(claim.account, self.inner.settings.quota_bytes_default).await?
            }
            None => None,
        };
        if let Some(known) = known {
            return self.action_for(&known, &line).await;
        }
        self.check_new(&line.new)?;
        match &line.new.password {
            Some(NewPassword::Plain(password)) => check_rules(password.expose())?,
            Some(NewPassword::Hash(phc)) => check_hash(phc)?,
            None => {}
        }
        self.check_free(&line.new.primary_address, None).await?;
        Ok(Action::Create(Box::new(line)))
    }

    async fn action_for(&self, known: &Loaded, line: &Line) -> Result<Action, DirectoryError> {
        let account = &known.account;
        if account.state == AccountState::Deleted {
            return Err(Name::of_academic_id(&line.new.academic_id).taken());
        }
        let new = &line.new;
        let given = |text: &String| !text.is_empty();
        let update = AccountUpdate {
            primary_address: Some(new.primary_address.clone())
                .filter(|address| *address != account.primary_address),
            name: Some(new.name.clone()).filter(given).filter(|name| *name != account.name),
            unit: new.unit.clone().filter(|unit| Some(unit) != account.unit.as_ref()).map(Some),
            role: line.role.filter(|role| *role != account.role),
            quota_bytes: new.quota_bytes.filter(|own| Some(*own) != known.quota_own).map(Some),
        };
        if update.is_empty() {
            return Ok(Action::Nothing);
        }
        check_update(&update)?;
        if let Some(address) = &update.primary_address {
            self.check_address(address)?;
            self.check_free(address, Some(account.id)).await?;
        }
        Ok(Action::Update(account.id, update))
    }

    /// Whether an address can be given to this account, or to a new one.
    async fn check_free(
        &self,
        address: &EmailAddress,
        account: Option<AccountId>,
    ) -> Result<(), DirectoryError> {
        let name = Name::of_address(address);
        match self.inner.rows.claim(&name).await? {
            Some(claim) if matches!(claim.state, ClaimState::Held | ClaimState::Retired) => {
                match Some(claim.account) == account {
                    true => Ok(()),
                    false => Err(name.taken()),
                }
            }
            _ => Ok(()),
        }
    }

    async fn import_creations(
        &self,
        lines: Vec<Line>,
        report: &mut ImportReport,
    ) -> Result<(), DirectoryError> {
        let (mut prepared, mut numbers) = (Vec::new(), Vec::new());
        for Line { number, new, .. } in lines {
            let phc = match &new.password {
                Some(password) => self.inner.hasher.store_form_patiently(password).await.map(Some),
                None => Ok(None),
            };
            match phc {
                Ok(phc) => {
                    prepared.push(Prepared { new, phc });
                    numbers.push(number);
                }
                Err(error) => report.refuse(number, error)?,
            }
        }
        if prepared.is_empty() {
            return Ok(());
        }
        let outcomes = self.create_all(prepared).await?;
        for (number, outcome) in numbers.into_iter().zip(outcomes) {
            match outcome {
                Ok(_) => report.created += 1,
                Err(error) => report.refuse(number, error)?,
            }
        }
        Ok(())
    }

    async fn import_updates(
        &self,
        updates: Vec<(u64, AccountId, AccountUpdate)>,
        report: &mut ImportReport,
    ) -> Result<(), DirectoryError> {
        let (alone, together): (Vec<_>, Vec<_>) =
            updates.into_iter().partition(|(_, _, update)| update.primary_address.is_some());
        let together: Vec<_> = together.into_iter().map(|(_, id, update)| (id, update)).collect();
        self.update_all(&together).await?;
        report.updated += together.len() as u64;
        for (number, id, update) in alone {
            match self.update_account(id, update).await {
                Ok(()) => report.updated += 1,
                Err(error) => report.refuse(number, error)?,
            }
        }
        Ok(())
    }
}

impl ImportReport {
    /// A line's own fault goes to the report, the store's ends the import.
    fn refuse(&mut self, line: u64, error: DirectoryError) -> Result<(), DirectoryError> {
        match error {
            DirectoryError::Store(_) => Err(error),
            error => {
                self.refused.push(RefusedLine { line, reason: error.to_string() });
                Ok(())
            }
        }
    }
}

impl Seen {
    /// Refuses a line whose address or academic ID an earlier line has.
    fn once(&mut self, line: Line) -> Result<Line, RefusedLine> {
        let id = Name::of_academic_id(&line.new.academic_id);
        let address = Name::of_address(&line.new.primary_address);
        for (name, what) in [(&id, "academic ID"), (&address, "address")] {
            if let Some(earlier) = self.0.get(name) {
                let reason = format!("the same {what} stands in line {earlier}");
                return Err(RefusedLine { line: line.number, reason });
            }
        }
        self.0.insert(id, line.number);
        self.0.insert(address, line.number);
        Ok(line)
    }
}
