//! The audit log: who did what to an account's credentials, from where, and with which outcome.
//!
//! A line is part of the commit that does what it tells of, so neither exists without the other;
//! therefore each slice has a chain of its own. Every line carries a keyed hash over the line
//! before it, its place and its text, and a sealed row says where the chain begins and ends: a
//! line that was changed, moved, put in or taken out breaks it, and nobody without the secrets file
//! can mend it.

use mail_store::tables::directory::{ROSTER, SLICES};
use mail_store::tables::security::{Audit, AuditEnds, AuditEndsRow, AuditRow, KeyedHash};
use mail_store::{Class, Partition};

use crate::audit_record::AuditRecord;
use crate::believed_time::BelievedTime;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::{Change, REBUILDS_MAX, Rows};
use crate::vault::{Use, Vault};

/// How long a line is kept. CNIL, deliberation 2021-122: six months to a year.
pub const AUDIT_KEPT_SECONDS: i64 = 365 * 24 * 3600;
/// Lines read at once.
const PAGE_ROWS: usize = 500;
/// Lines that one commit lets go.
const PRUNED_PER_COMMIT_MAX: usize = 1000;
/// Faults that a report names; it counts all of them.
const FAULTS_NAMED_MAX: usize = 100;

/// What a walk over the log found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditReport {
    /// Lines read.
    pub lines: u64,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first of them, in plain words.
    pub faults: Vec<String>,
}

impl AuditReport {
    fn fault(&mut self, slice: Partition, what: &str) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_NAMED_MAX {
            self.faults.push(format!("slice {}: {what}", slice.id));
        }
    }
}

/// The partitions that have a log: the roster and every slice.
pub(crate) fn slices() -> impl Iterator<Item = Partition> {
    let slice = |id| Partition { class: Class::Directory, id };
    std::iter::once(ROSTER).chain((1..=SLICES).map(slice))
}

fn chain(before: &[u8; 32], place: u64, text: &str) -> [Vec<u8>; 3] {
    [before.to_vec(), place.to_be_bytes().to_vec(), text.as_bytes().to_vec()]
}

fn ends_parts(ends: &AuditEndsRow) -> [Vec<u8>; 4] {
    [
        ends.first.to_be_bytes().to_vec(),
        ends.before.to_vec(),
        ends.next.to_be_bytes().to_vec(),
        ends.last.to_vec(),
    ]
}

fn slices_of<const N: usize>(parts: &[Vec<u8>; N]) -> [&[u8]; N] {
    std::array::from_fn(|place| parts[place].as_slice())
}

impl Vault {
    fn link(&self, before: &[u8; 32], place: u64, text: &str) -> (u8, [u8; 32]) {
        let hash = self.hash(Use::Audit, &slices_of(&chain(before, place, text)));
        (hash.key, hash.hash)
    }

    fn is_linked(&self, row: &AuditRow, before: &[u8; 32], place: u64) -> bool {
        let stored = KeyedHash { key: row.key, hash: row.chain };
        self.matches(Use::Audit, &slices_of(&chain(before, place, &row.text)), &stored)
    }

    fn seal_ends(&self, ends: &mut AuditEndsRow) {
        let hash = self.hash(Use::Audit, &slices_of(&ends_parts(ends)));
        (ends.key, ends.seal) = (hash.key, hash.hash);
    }

    fn are_sealed(&self, ends: &AuditEndsRow) -> bool {
        let stored = KeyedHash { key: ends.key, hash: ends.seal };
        self.matches(Use::Audit, &slices_of(&ends_parts(ends)), &stored)
    }
}

/// Adds lines to the log of a change's slice. The change must expect the slice's version: the
/// chain is read here and written by it.
pub(crate) async fn append(
    rows: &Rows,
    vault: &Vault,
    change: &mut Change,
    records: &[AuditRecord],
) -> Result<(), DirectoryError> {
    if records.is_empty() {
        return Ok(());
    }
    let slice = change.partition();
    let mut ends = rows.get::<AuditEnds>(slice, &()).await?.unwrap_or_default();
    for record in records {
        let text = serde_json::to_string(record)
            .map_err(|error| DirectoryError::Invalid(format!("audit record: {error}")))?;
        let (key, chain) = vault.link(&ends.last, ends.next, &text);
        change.put::<Audit>(&ends.next, &AuditRow { text, key, chain });
        (ends.next, ends.last) = (ends.next + 1, chain);
    }
    vault.seal_ends(&mut ends);
    change.put::<AuditEnds>(&(), &ends);
    Ok(())
}

impl Directory {
    /// Writes a line about something that changes nothing else.
    pub(crate) async fn write_audit(
        &self,
        slice: Partition,
        record: AuditRecord,
    ) -> Result<(), DirectoryError> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(slice).expect(inner.rows.version(slice).await?);
            append(&inner.rows, &inner.vault, &mut change, std::slice::from_ref(&record)).await?;
            if inner.rows.commit(change).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Busy { what: "writing the audit log" })
    }

    /// Gives every line that is kept to `see`, in the order of each slice; `see` says whether to
    /// go on.
    pub async fn audit_lines(
        &self,
        mut see: impl FnMut(&AuditRecord) -> bool + Send,
    ) -> Result<(), DirectoryError> {
        for slice in slices() {
            let mut from = None;
            loop {
                let page = self.inner.rows.scan::<Audit>(slice, from.as_ref(), PAGE_ROWS).await?;
                for (_, row) in page.rows {
                    // What no longer reads is for the verification to tell.
                    let Ok(record) = serde_json::from_str(&row.text) else { continue };
                    if !see(&record) {
                        return Ok(());
                    }
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Follows every chain from its beginning to its end.
    pub async fn verify_audit(&self) -> Result<AuditReport, DirectoryError> {
        let mut report = AuditReport::default();
        for slice in slices() {
            // A line that is being written while its slice is walked is no fault. Held for one
            // slice at a time: whoever logs in or changes something waits for one, not for all.
            let _changing = self.inner.changing.lock().await;
            self.verify_chain(slice, &mut report).await?;
        }
        Ok(report)
    }

    async fn verify_chain(
        &self,
        slice: Partition,
        report: &mut AuditReport,
    ) -> Result<(), DirectoryError> {
        let (rows, vault) = (&self.inner.rows, &self.inner.vault);
        let ends = rows.get::<AuditEnds>(slice, &()).await?.unwrap_or_default();
        if ends != AuditEndsRow::default() && !vault.are_sealed(&ends) {
            report.fault(slice, "the row that says where the log begins and ends was changed");
        }
        let (mut place, mut before) = (ends.first, ends.before);
        let mut from = None;
        loop {
            let page = rows.scan::<Audit>(slice, from.as_ref(), PAGE_ROWS).await?;
            for (found, row) in page.rows {
                report.lines += 1;
                if found != place {
                    report
                        .fault(slice, &format!("line {place} is missing or line {found} too much"));
                } else if !vault.is_linked(&row, &before, place) {
                    report.fault(slice, &format!("line {place} or the one before it was changed"));
                }
                (place, before) = (found + 1, row.chain);
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        if place != ends.next || before != ends.last {
            report.fault(slice, &format!("lines after {place} are missing or too many"));
        }
        Ok(())
    }

    /// Lets go of lines that are older than [`AUDIT_KEPT_SECONDS`]. Returns how many.
    pub async fn prune_audit(&self, now: BelievedTime) -> Result<u64, DirectoryError> {
        let until = now.0 - AUDIT_KEPT_SECONDS;
        let mut pruned = 0;
        for slice in slices() {
            loop {
                let count = self.prune_slice(slice, until).await?;
                pruned += count;
                if (count as usize) < PRUNED_PER_COMMIT_MAX {
                    break;
                }
            }
        }
        Ok(pruned)
    }

    async fn prune_slice(&self, slice: Partition, until: i64) -> Result<u64, DirectoryError> {
        let (rows, vault) = (&self.inner.rows, &self.inner.vault);
        let _changing = self.inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(slice).expect(rows.version(slice).await?);
            let Some(mut ends) = rows.get::<AuditEnds>(slice, &()).await? else { return Ok(0) };
            let page = rows.scan::<Audit>(slice, None, PRUNED_PER_COMMIT_MAX).await?;
            let mut count = 0;
            for (place, row) in page.rows {
                let record: Result<AuditRecord, _> = serde_json::from_str(&row.text);
                // A line that was tampered with stays, and so do those after it.
                if !record.is_ok_and(|record| record.at < until)
                    || !vault.is_linked(&row, &ends.before, place)
                {
                    break;
                }
                change.delete::<Audit>(&place);
                (ends.first, ends.before) = (place + 1, row.chain);
                count += 1;
            }
            if count == 0 {
                return Ok(0);
            }
            vault.seal_ends(&mut ends);
            change.put::<AuditEnds>(&(), &ends);
            if rows.commit(change).await? {
                return Ok(count);
            }
        }
        Err(DirectoryError::Busy { what: "pruning the audit log" })
    }
}
