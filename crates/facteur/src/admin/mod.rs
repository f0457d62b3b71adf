//! Administration commands: executed here, asked for over the Unix socket or in this process.

mod account;
mod acting;
mod audit;
pub(crate) mod client;
mod export;
pub(crate) mod offline;
mod outputs;
mod policy;
mod provision;
mod queue;
mod reindex;
mod reset;
pub(crate) mod secrets;
pub(crate) mod socket;
mod status;
mod trace;
mod unit;
mod verify;

pub(crate) use queue::parse_id as parse_queue_id;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directory::Directory;
use mail_service::MailService;
use mail_store::Store;
use mail_store::secrets::Secrets;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::cli::AdminCommand;
use crate::config::{Config, Encryption};
use crate::history::History;

/// What commands work on.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) mail: MailService,
    pub(crate) data_dir: PathBuf,
    /// Who keeps the history; `None` without a server, or without one to keep.
    pub(crate) history: Option<History>,
}

impl Services {
    /// Opens the store and what stands on it.
    pub(crate) async fn open(config: &Config) -> Result<Self, String> {
        is_ours(&config.data_dir)?;
        let options = store_options(config);
        let store = tokio::task::spawn_blocking(move || Store::open(options))
            .await
            .map_err(|error| format!("open the store: {error}"))?
            .map_err(|error| error.to_string())?;
        sign_domains(config)?;
        let clock = crate::clock::for_directory();
        let directory = Directory::open_at(store.clone(), config.directory.clone(), clock)
            .await
            .map_err(|error| format!("open the directory: {error}"))?;
        // What a stop in the middle of creating an account left is ended now.
        let repaired = directory.repair().await;
        repaired.map_err(|error| format!("repair the directory: {error}"))?;
        for domain in &config.domains {
            directory
                .create_domain(domain, directory::DomainKind::Hosted)
                .await
                .map_err(|error| format!("domain {domain}: {error}"))?;
        }
        let mail = MailService::open(
            store.clone(),
            directory.clone(),
            config.mail.clone(),
            crate::clock::system(),
        )
        .await
        .map_err(|error| format!("open the mail service: {error}"))?;
        Ok(Self { store, directory, mail, data_dir: config.data_dir.clone(), history: None })
    }

    /// Flushes and closes the store.
    pub(crate) async fn close(&self) {
        let store = self.store.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(target: "facteur", %error, "closing the store failed");
        }
    }
}

/// Refuses a data directory that belongs to somebody else than who runs this program.
/// Files that root makes in the server's directory are files that the server cannot open.
pub(crate) fn is_ours(data_dir: &Path) -> Result<(), String> {
    // The owner of a process's own folder is its effective user.
    let (Ok(us), Ok(owner)) = (std::fs::metadata("/proc/self"), std::fs::metadata(data_dir)) else {
        return Ok(());
    };
    match us.uid() == owner.uid() {
        true => Ok(()),
        false => Err(format!(
            "{} belongs to user {}: run this command as that user, for example with `sudo -u '#{}'`",
            data_dir.display(),
            owner.uid(),
            owner.uid()
        )),
    }
}

/// Makes DKIM keys for hosted domains that have none.
fn sign_domains(config: &Config) -> Result<(), String> {
    let changed =
        Secrets::change(&config.secrets_file, |keys| keys.add_dkim_where_missing(&config.domains));
    let (_, added) = changed.map_err(|error| error.to_string())?;
    for domain in added {
        tracing::warn!(
            target: "facteur", %domain,
            "DKIM keys made: publish what `facteur dns` prints, and copy the secrets file"
        );
    }
    Ok(())
}

/// The configuration in the store's words.
pub(crate) fn store_options(config: &Config) -> mail_store::StoreOptions {
    let storage = &config.storage;
    let mut options =
        mail_store::StoreOptions::new(config.data_dir.clone(), config.secrets_file.clone());
    options.block_cache_bytes = storage.block_cache_mib << 20;
    options.write_buffer_bytes = storage.write_buffer_mib << 20;
    options.wal_bytes_max = storage.log_mib_max << 20;
    options.disk_free_bytes_min = match storage.disk_free_mib_min {
        0 => storage.disk_free_mib_least() << 20,
        mib => mib << 20,
    };
    options.ballast_bytes = match storage.ballast_mib {
        0 => options.disk_free_bytes_min,
        mib => mib << 20,
    };
    options.encrypt = storage.encryption == Encryption::On;
    options
}

/// What a command says while it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A line of the answer.
    Line(String),
    /// How far long work has come.
    Progress { done: u64, total: u64 },
    /// A temporary secret, told once.
    Sheet(Box<webmail::HandOut>),
    /// A line of a file that was not followed.
    Refused { line: u64, reason: String },
    /// The end; an error is one line for the person who asked.
    Done(Result<(), String>),
}

/// Where a command says it. A reader that is gone does not stop the command.
#[derive(Clone, Debug)]
pub(crate) struct Reporter(mpsc::UnboundedSender<Event>);

impl Reporter {
    /// A reporter and what hears it. Unbounded: commands say at most a line or a hand-out sheet
    /// an account.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(crate) fn line(&self, line: impl Into<String>) {
        let _ = self.0.send(Event::Line(line.into()));
    }

    pub(crate) fn progress(&self, done: u64, total: u64) {
        let _ = self.0.send(Event::Progress { done, total });
    }

    pub(crate) fn sheet(&self, sheet: webmail::HandOut) {
        let _ = self.0.send(Event::Sheet(Box::new(sheet)));
    }

    fn refused(&self, line: u64, reason: &str) {
        let _ = self.0.send(Event::Refused { line, reason: reason.to_owned() });
    }

    fn done(&self, outcome: Result<(), String>) {
        let _ = self.0.send(Event::Done(outcome));
    }
}

/// Executes a command, and says that it is done.
pub(crate) async fn execute(services: &Services, command: AdminCommand, reporter: &Reporter) {
    let outcome = match command {
        AdminCommand::Account(command) => account::execute(services, command, reporter).await,
        AdminCommand::Unit(command) => unit::execute(services, command, reporter).await,
        AdminCommand::Reset(command) => reset::execute(services, command, reporter).await,
        AdminCommand::Queue(command) => queue::execute(services, command, reporter).await,
        AdminCommand::Trace(trace) => trace::execute(services, trace, reporter).await,
        AdminCommand::Audit(command) => audit::execute(services, command, reporter).await,
        AdminCommand::Status { json } => status::run(services, json, reporter).await,
        AdminCommand::Verify => verify::run(services, reporter).await,
        AdminCommand::Reindex { who, .. } => reindex::run(services, who.as_deref(), reporter).await,
        AdminCommand::Backup { dir } => backup(services, &dir, reporter).await,
    };
    reporter.done(outcome);
}

/// How often a backup says how far it is.
const BACKUP_PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// MiB in the files of a directory; 0 when it is not there.
fn mib_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| entry.metadata().map_or(0, |metadata| metadata.len()));
    sizes.sum::<u64>() >> 20
}

async fn backup(services: &Services, dir: &Path, reporter: &Reporter) -> Result<(), String> {
    let (store, target) = (services.store.clone(), dir.to_owned());
    let mut writing = tokio::task::spawn_blocking(move || store.backup(&target));
    // Links within one file system are made at once; a copy to another one takes its time.
    let total = mib_in(&services.data_dir);
    let mut draft = dir.to_owned().into_os_string();
    draft.push(".tmp");
    let draft = PathBuf::from(draft);
    let mut every = tokio::time::interval(BACKUP_PROGRESS_EVERY);
    let written = loop {
        tokio::select! {
            written = &mut writing => break written,
            _ = every.tick() => reporter.progress(mib_in(&draft), total),
        }
    };
    written
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("backup to {}: {error}", dir.display()))?;
    reporter.line(format!("backup written to {}", dir.display()));
    reporter.line("the secrets file is not in it: keep a copy of that file in another safe place");
    Ok(())
}
