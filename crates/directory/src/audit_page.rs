//! Pages of the audit log, the newest line first. Each slice of the directory has a chain of its
//! own, numbered and nearly in order of time; they are read backwards side by side, a few lines at a
//! time, and time puts them together. So a page costs about its own length, however long the log is.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use mail_store::Partition;
use mail_store::tables::directory::account_slice;
use mail_store::tables::security::{Audit, AuditEnds, AuditRow};
use mail_types::AccountId;

use crate::audit::slices;
use crate::audit_record::AuditRecord;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::Rows;

/// Lines that one page looks at, about; the next page goes on after them.
pub const AUDIT_LINES_READ_MAX: usize = 20_000;
/// Lines that are read of a slice at first; twice as many each time it goes on.
const CHUNK_MIN: usize = 8;
const CHUNK_MAX: usize = 512;

/// Which lines of the audit log are wanted; `None` is all. Days are found as if the clock had never
/// been set: `Directory::audit_lines` reads everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    /// About this account.
    pub account: Option<u64>,
    /// By this officer or administrator.
    pub officer: Option<u64>,
    /// Not before this moment, in Unix seconds.
    pub from: Option<i64>,
    /// Before this moment, in Unix seconds.
    pub until: Option<i64>,
}

impl AuditFilter {
    fn fits(&self, record: &AuditRecord) -> bool {
        self.account.is_none_or(|account| record.account == Some(account))
            && self.officer.is_none_or(|officer| record.officer == Some(officer))
            && self.from.is_none_or(|from| record.at >= from)
            && self.until.is_none_or(|until| record.at < until)
    }

    /// Where such lines can be: what is about an account is written by the commit that changes it.
    fn slices(&self) -> Vec<Partition> {
        match self.account {
            Some(account) => vec![account_slice(AccountId(account))],
            None => slices().collect(),
        }
    }
}

/// Lines of the audit log, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditPage {
    /// Those that fit.
    pub lines: Vec<AuditRecord>,
    /// Lines that were read for it.
    pub read: usize,
    /// Where the page after it begins; `None` when no older line fits. With fewer lines than were
    /// asked for, [`AUDIT_LINES_READ_MAX`] were looked at and older ones may fit.
    pub next: Option<AuditPlace>,
}

/// A place in the log between two lines: for each slice that is read, the number below which it
/// goes on. As text it is short enough for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPlace(Vec<u64>);

impl fmt::Display for AuditPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, below) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "." };
            match below {
                0 => f.write_str(separator)?,
                below => write!(f, "{separator}{below:x}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for AuditPlace {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let below = |part: &str| match part {
            "" => Ok(0),
            part => u64::from_str_radix(part, 16),
        };
        text.split('.').map(below).collect::<Result<_, _>>().map(Self)
    }
}

/// A slice, read backwards.
struct Cursor {
    slice: Partition,
    /// Lines below this number have not been read.
    below: u64,
    /// Read and not taken yet, with their numbers, falling.
    waiting: VecDeque<(u64, AuditRecord)>,
    chunk: usize,
}

impl Cursor {
    fn new(slice: Partition, below: u64) -> Self {
        Self { slice, below, waiting: VecDeque::new(), chunk: CHUNK_MIN }
    }

    /// Reads on when nothing waits; how many lines were read.
    async fn fill(&mut self, rows: &Rows) -> Result<usize, DirectoryError> {
        let mut read = 0;
        while self.waiting.is_empty() && self.below > 0 {
            let last = self.below - 1;
            let page = rows.scan_back::<Audit>(self.slice, Some(&last), self.chunk).await?;
            read += page.rows.len();
            self.below = match (page.next, page.rows.last()) {
                (Some(_), Some((place, _))) => *place,
                _ => 0,
            };
            // What no longer reads is for the verification to tell.
            let readable = |(place, row): (u64, AuditRow)| {
                Some((place, serde_json::from_str(&row.text).ok()?))
            };
            self.waiting.extend(page.rows.into_iter().filter_map(readable));
            self.chunk = (self.chunk * 2).min(CHUNK_MAX);
        }
        Ok(read)
    }

    fn at(&self) -> Option<i64> {
        self.waiting.front().map(|(_, record)| record.at)
    }

    /// The number below which whoever goes on here begins.
    fn place(&self) -> u64 {
        self.waiting.front().map_or(self.below, |(place, _)| place + 1)
    }
}

/// The number below which lines of a slice are older than this moment.
async fn below(rows: &Rows, slice: Partition, until: i64) -> Result<u64, DirectoryError> {
    let ends = rows.get::<AuditEnds>(slice, &()).await?.unwrap_or_default();
    let (mut low, mut high) = (ends.first, ends.next);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = rows.get::<Audit>(slice, &middle).await?;
        let record = row.and_then(|row| serde_json::from_str::<AuditRecord>(&row.text).ok());
        // One that is missing or broken is passed over towards the newer ones.
        match record.is_none_or(|record| record.at < until) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(low)
}

impl Directory {
    /// Lines of the audit log that fit, the newest first, at most `limit`; from the end of the log,
    /// or from where an earlier page with the same filter ended.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        from: Option<&AuditPlace>,
        limit: usize,
    ) -> Result<AuditPage, DirectoryError> {
        let rows = &self.inner.rows;
        let mut cursors = self.cursors(filter, from).await?;
        let mut page = AuditPage::default();
        for cursor in &mut cursors {
            page.read += cursor.fill(rows).await?;
        }
        while let Some(newest) = cursors.iter_mut().max_by_key(|cursor| cursor.at()) {
            let Some((_, record)) = newest.waiting.front() else { break };
            if filter.from.is_some_and(|from| record.at < from) {
                break;
            }
            let fits = filter.fits(record);
            if page.read >= AUDIT_LINES_READ_MAX || (fits && page.lines.len() >= limit) {
                page.next = Some(AuditPlace(cursors.iter().map(Cursor::place).collect()));
                break;
            }
            page.lines
                .extend(newest.waiting.pop_front().filter(|_| fits).map(|(_, record)| record));
            page.read += newest.fill(rows).await?;
        }
        Ok(page)
    }

    async fn cursors(
        &self,
        filter: &AuditFilter,
        from: Option<&AuditPlace>,
    ) -> Result<Vec<Cursor>, DirectoryError> {
        let slices = filter.slices();
        // A place of another filter is none.
        if let Some(AuditPlace(places)) = from.filter(|place| place.0.len() == slices.len()) {
            return Ok(slices
                .into_iter()
                .zip(places)
                .map(|(s, below)| Cursor::new(s, *below))
                .collect());
        }
        let mut cursors = Vec::with_capacity(slices.len());
        for slice in slices {
            let below = match filter.until {
                Some(until) => below(&self.inner.rows, slice, until).await?,
                None => u64::MAX,
            };
            cursors.push(Cursor::new(slice, below));
        }
        Ok(cursors)
    }
}
