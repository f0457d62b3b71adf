//! Whether names and accounts agree, and making them agree after a crash.

use std::fmt;

use mail_store::tables::directory::{
    self as tables, AccountRow, AccountStateRow, ClaimRow, ClaimState, SLICES, account_slice,
};
use mail_store::{Class, Partition, Table};
use mail_types::AccountId;

use crate::account::names;
use crate::claim::Name;
use crate::directory::Directory;
use crate::error::DirectoryError;

/// Rows read at a time.
const PAGE_ROWS: usize = 1000;
/// Faults that a report names; the others are only counted.
const FAULTS_NAMED_MAX: usize = 1000;

/// What a walk over the whole directory found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckReport {
    /// Accounts read, deleted ones too.
    pub accounts: u64,
    /// Addresses and academic IDs read.
    pub names: u64,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first of them.
    pub faults: Vec<Fault>,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A crash left a reservation; a repair confirms it or gives it up.
    UnfinishedReservation(AccountId),
    /// A name is marked as held that the account has given up; a repair marks it.
    NotRetired(AccountId),
    /// An account lists a name that nothing records; a repair records it.
    NameNotRecorded(AccountId),
    /// An account lists a name that another one holds; an administrator must decide.
    NameOfAnother(AccountId, AccountId),
    /// An account has a number that will be given again; a repair cannot undo that.
    NumberNotCounted(AccountId),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::UnfinishedReservation(id) => write!(f, "{id}: unfinished reservation of a name"),
            Fault::NotRetired(id) => write!(f, "{id}: a name it gave up is not marked so"),
            Fault::NameNotRecorded(id) => write!(f, "{id}: one of its names is not recorded"),
            Fault::NameOfAnother(id, other) => {
                write!(f, "{id}: one of its names is recorded as that of {other}")
            }
            Fault::NumberNotCounted(id) => write!(f, "{id}: its number would be given again"),
        }
    }
}

/// What to do about a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Report,
    Repair,
}

impl Directory {
    /// Reads the whole directory and says what does not agree. Changes nothing.
    pub async fn verify(&self) -> Result<CheckReport, DirectoryError> {
        self.walk(Mode::Report).await
    }

    /// The same, and finishes or gives up what a crash has left half done. The report says what
    /// was found before.
    pub async fn repair(&self) -> Result<CheckReport, DirectoryError> {
        self.walk(Mode::Repair).await
    }

    async fn walk(&self, mode: Mode) -> Result<CheckReport, DirectoryError> {
        // What is under way in this process is not a fault.
        let _changing = self.inner.changing.lock().await;
        let mut report = CheckReport::default();
        for number in 1..=SLICES {
            let slice = Partition { class: Class::Directory, id: number };
            self.walk_names::<tables::Address>(slice, Name::Address, mode, &mut report).await?;
            self.walk_names::<tables::AcademicIdentifier>(
                slice,
                Name::AcademicId,
                mode,
                &mut report,
            )
            .await?;
            self.walk_accounts(slice, mode, &mut report).await?;
        }
        Ok(report)
    }

    async fn walk_names<T: Table<Key = String, Value = ClaimRow>>(
        &self,
        slice: Partition,
        name: fn(String) -> Name,
        mode: Mode,
        report: &mut CheckReport,
    ) -> Result<(), DirectoryError> {
        let mut from = None;
        loop {
            let page = self.inner.rows.scan::<T>(slice, from.as_ref(), PAGE_ROWS).await?;
            for (key, row) in page.rows {
                self.check_name(&name(key), &row, mode, report).await?;
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    async fn check_name(
        &self,
        name: &Name,
        row: &ClaimRow,
        mode: Mode,
        report: &mut CheckReport,
    ) -> Result<(), DirectoryError> {
        report.names += 1;
        let rows = &self.inner.rows;
        match row.state {
            ClaimState::Retired => Ok(()),
            ClaimState::Reserved { .. } => {
                report.fault(Fault::UnfinishedReservation(row.account));
                match mode {
                    Mode::Report => Ok(()),
                    Mode::Repair => rows.settle(name, row).await,
                }
            }
            ClaimState::Held => {
                if rows.load(row.account, 0).await?.is_some_and(|owner| owner.answers_to(name)) {
                    return Ok(());
                }
                report.fault(Fault::NotRetired(row.account));
                match mode {
                    Mode::Report => Ok(()),
                    Mode::Repair => {
                        let retired = ClaimRow { state: ClaimState::Retired, ..row.clone() };
                        rows.replace_claim(name, row, Some(&retired)).await
                    }
                }
            }
        }
    }

    async fn walk_accounts(
        &self,
        slice: Partition,
        mode: Mode,
        report: &mut CheckReport,
    ) -> Result<(), DirectoryError> {
        let end = self.next_number().await?;
        let mut from = None;
        loop {
            let page =
                self.inner.rows.scan::<tables::Account>(slice, from.as_ref(), PAGE_ROWS).await?;
            for (id, row) in page.rows {
                if id >= end || account_slice(AccountId(id)) != slice {
                    report.fault(Fault::NumberNotCounted(AccountId(id)));
                }
                self.check_account(AccountId(id), &row, mode, report).await?;
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    async fn check_account(
        &self,
        id: AccountId,
        row: &AccountRow,
        mode: Mode,
        report: &mut CheckReport,
    ) -> Result<(), DirectoryError> {
        report.accounts += 1;
        for name in names(row) {
            match self.inner.rows.claim(&name).await? {
                Some(claim) if claim.account == id => {}
                Some(claim) => report.fault(Fault::NameOfAnother(id, claim.account)),
                None => {
                    report.fault(Fault::NameNotRecorded(id));
                    if mode == Mode::Repair {
                        self.record(&name, id, row.state).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn record(
        &self,
        name: &Name,
        account: AccountId,
        state: AccountStateRow,
    ) -> Result<(), DirectoryError> {
        let state = match state {
            AccountStateRow::Deleted => ClaimState::Retired,
            _ => ClaimState::Held,
        };
        self.inner.rows.record(name, &ClaimRow { account, state }).await
    }
}

impl CheckReport {
    /// Whether everything agrees.
    pub fn is_clean(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_NAMED_MAX {
            self.faults.push(fault);
        }
    }
}
