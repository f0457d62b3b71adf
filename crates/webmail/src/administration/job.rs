//! Files that are being read in: checked first, then followed, one after the other. The reading
//! itself is the directory's, as on the command line; here is only how far it is.

use std::io::Cursor;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use directory::{Account, DirectoryError, ImportEvent, ImportMode, ImportReport, Requester};
use mail_types::{AccountId, Domain};
use tokio::sync::Semaphore;

use super::sheets::Sheets;
use crate::csrf::hex;
use crate::error::Error;
use crate::session::lock;
use crate::webmail::Webmail;

/// Files that are kept, of all administrators.
const JOBS_MAX: usize = 8;
/// How long a file, what became of it, and its sheets are kept.
const KEPT: Duration = Duration::from_secs(3600);

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Accounts,
    Units,
}

/// How far a file is.
#[derive(Clone)]
pub(super) enum Stage {
    /// Every line is looked at, and nothing changes.
    Checking,
    /// What would become of it.
    Checked(Arc<ImportReport>),
    /// It is being followed.
    Applying,
    /// What became of it.
    Applied(Arc<ImportReport>),
    /// It is no such file, or the store failed.
    Failed(String),
}

/// A file.
pub(super) struct Job {
    /// Names it in addresses; nobody guesses it, and it opens for its owner only.
    pub(super) id: String,
    pub(super) owner: AccountId,
    pub(super) kind: Kind,
    pub(super) name: String,
    domain: Option<Domain>,
    /// Lines it has, the header left out.
    pub(super) lines: u64,
    done: AtomicU64,
    /// And since when. Held for a look or an exchange.
    stage: Mutex<(Stage, Instant)>,
    /// Let go of when the file has been followed. Held for a clone.
    text: Mutex<Arc<str>>,
    pub(super) sheets: Sheets,
}

/// A pointer to the job is one to its sheets.
pub(super) struct SheetsOf(pub(super) Arc<Job>);

impl AsRef<Sheets> for SheetsOf {
    fn as_ref(&self) -> &Sheets {
        &self.0.sheets
    }
}

/// All files that are kept.
pub(crate) struct Imports {
    /// Held for a look-up.
    jobs: Mutex<Vec<Arc<Job>>>,
    /// One is read at a time: they would only wait for each other's commits.
    turn: Semaphore,
}

impl Default for Imports {
    fn default() -> Self {
        Self { jobs: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl Imports {
    /// Keeps a file. One that its owner had checked and never followed makes room for it.
    pub(super) fn add(
        &self,
        owner: AccountId,
        kind: Kind,
        name: String,
        domain: Option<Domain>,
        text: String,
    ) -> Result<Arc<Job>, Error> {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        let job = Arc::new(Job {
            id: hex(rand::random::<[u8; 16]>()),
            owner,
            kind,
            name,
            domain,
            lines: lines.saturating_sub(1) as u64,
            done: AtomicU64::new(0),
            stage: Mutex::new((Stage::Checking, Instant::now())),
            text: Mutex::new(text.into()),
            sheets: Sheets::default(),
        });
        let mut jobs = lock(&self.jobs);
        jobs.retain(|one| {
            !(one.is_over(Instant::now())
                || one.owner == owner && matches!(one.stage(), Stage::Checked(_)))
        });
        if jobs.len() >= JOBS_MAX {
            return Err(Error::Busy);
        }
        jobs.push(Arc::clone(&job));
        Ok(job)
    }

    /// The owner's file of this name.
    pub(super) fn find(&self, owner: AccountId, id: &str) -> Result<Arc<Job>, Error> {
        let mut jobs = lock(&self.jobs);
        jobs.retain(|job| !job.is_over(Instant::now()));
        let found = jobs.iter().find(|job| job.id == id && job.owner == owner);
        found.cloned().ok_or(Error::NotFound)
    }

    /// The owner's files, the newest first.
    pub(super) fn of(&self, owner: AccountId) -> Vec<Arc<Job>> {
        let jobs = lock(&self.jobs);
        let own =
            jobs.iter().rev().filter(|job| job.owner == owner && !job.is_over(Instant::now()));
        own.cloned().collect()
    }

    /// Forgets a file, and its sheets with it.
    pub(super) fn forget(&self, job: &Job) {
        lock(&self.jobs).retain(|one| one.id != job.id);
    }
}

impl Job {
    /// How far it is.
    pub(super) fn stage(&self) -> Stage {
        lock(&self.stage).0.clone()
    }

    /// Lines that are done.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed).min(self.lines)
    }

    /// Whether its hour is over at this moment. What waits for its turn or is worked at has none:
    /// it would lose the sheets that are being made.
    fn is_over(&self, now: Instant) -> bool {
        let stage = lock(&self.stage);
        match stage.0 {
            Stage::Checking | Stage::Applying => false,
            Stage::Checked(_) | Stage::Applied(_) | Stage::Failed(_) => {
                now.saturating_duration_since(stage.1) >= KEPT
            }
        }
    }

    fn set(&self, stage: Stage) {
        *lock(&self.stage) = (stage, Instant::now());
    }

    /// From checked to being followed; `false` when somebody did it before.
    pub(super) fn begin(&self) -> bool {
        let mut stage = lock(&self.stage);
        let is_checked = matches!(stage.0, Stage::Checked(_));
        if is_checked {
            self.done.store(0, Ordering::Relaxed);
            *stage = (Stage::Applying, Instant::now());
        }
        is_checked
    }

    /// Reads the file in the background.
    pub(super) fn run(
        self: Arc<Self>,
        webmail: Arc<Webmail>,
        administrator: Arc<Account>,
        requester: Requester,
        mode: ImportMode,
    ) {
        tokio::spawn(async move {
            // Never closed; if it were, nothing would be read.
            let Ok(_turn) = webmail.imports.turn.acquire().await else { return };
            let outcome = self.read(&webmail, &administrator, &requester, mode).await;
            if mode == ImportMode::Apply {
                *lock(&self.text) = "".into();
                webmail.figures.forget().await;
            }
            self.set(match (outcome, mode) {
                (Ok(report), ImportMode::DryRun) => Stage::Checked(Arc::new(report)),
                (Ok(report), ImportMode::Apply) => Stage::Applied(Arc::new(report)),
                (Err(DirectoryError::Store(error)), _) => {
                    tracing::error!(%error, "import failed");
                    Stage::Failed(String::new())
                }
                (Err(error), _) => Stage::Failed(error.to_string()),
            });
        });
    }

    async fn read(
        &self,
        webmail: &Webmail,
        administrator: &Account,
        requester: &Requester,
        mode: ImportMode,
    ) -> Result<ImportReport, DirectoryError> {
        let text = Arc::clone(&lock(&self.text));
        let office = webmail.service.directory().office(administrator, requester);
        let (name, file) = (self.name.as_str(), Cursor::new(text.as_bytes()));
        match self.kind {
            Kind::Units => office.import_units(name, file, mode).await,
            Kind::Accounts => {
                let tell = |event| match event {
                    ImportEvent::Lines(done) => self.done.store(done, Ordering::Relaxed),
                    ImportEvent::Sheet(sheet) => self.sheets.push(*sheet),
                };
                office.import(name, file, mode, self.domain.as_ref(), tell).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_waits_or_is_followed_for_hours_is_kept_and_what_came_of_it_for_one() {
        // Files were let go an hour after their stage began: of a long one, the sheets were lost.
        let imports = Imports::default();
        let owner = AccountId(1);
        let add = || imports.add(owner, Kind::Accounts, "f.csv".into(), None, "a\nb\n".into());
        let Ok(job) = add() else { panic!("there is room") };
        let later = Instant::now() + 10 * KEPT;
        let report = Arc::new(ImportReport::default());
        assert!(!job.is_over(later), "it waits for its turn");
        job.set(Stage::Checked(Arc::clone(&report)));
        assert!(job.is_over(later) && !job.is_over(Instant::now()));
        assert!(job.begin());
        assert!(!job.is_over(later), "it is being followed");
        job.set(Stage::Applied(report));
        assert!(job.is_over(later) && !job.is_over(Instant::now()));
    }
}
