//! What an import says: while it works, and in the end.

use mail_store::tables::directory::ROSTER;

use crate::deed::{By, Subject};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX};
use crate::temporary_secret::Sheet;

/// Whether an import changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// Says what it would do.
    DryRun,
    /// Does it.
    Apply,
}

/// What an import says while it works.
#[derive(Debug)]
pub enum ImportEvent {
    /// So many lines are done.
    Lines(u64),
    /// An account was created with a temporary secret, which is told here and nowhere else.
    Sheet(Box<Sheet>),
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

impl ImportReport {
    /// A line's own fault goes to the report, the store's ends the import.
    pub(crate) fn refuse(
        &mut self,
        line: u64,
        error: DirectoryError,
    ) -> Result<(), DirectoryError> {
        match error {
            DirectoryError::Store(_) => Err(error),
            error => {
                self.refused.push(RefusedLine { line, reason: error.to_string() });
                Ok(())
            }
        }
    }
}

impl Directory {
    /// Writes down what an import came to, unless everything was as the file says. Each account and
    /// unit has a line of its own as well.
    pub(crate) async fn note_import(
        &self,
        by: By<'_>,
        mode: ImportMode,
        report: &ImportReport,
    ) -> Result<(), DirectoryError> {
        let ImportReport { created, updated, unchanged, refused } = report;
        let is_nothing = *created == 0 && *updated == 0 && refused.is_empty();
        if mode == ImportMode::DryRun || is_nothing {
            return Ok(());
        }
        let counts = format!(
            "created={created}, updated={updated}, unchanged={unchanged}, refused={}",
            refused.len()
        );
        let rows = &self.inner.rows;
        let _changing = self.inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(ROSTER).expect(rows.version(ROSTER).await?);
            self.note(&mut change, by, &[(Subject::Many, counts.clone())]).await?;
            if rows.commit(change).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Busy { what: "writing the audit log" })
    }
}
