//! Backup while serving, restore elsewhere, salvage after damage.

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mail_types::ModSeq;

use super::batch::{Batch, row_key};
use super::seal::Sealer;
use super::typed::decode;
use super::{Store, StoreOptions, block_on, check_keys, refusal};
use crate::engine::{Engine, Extra, Recovery, full_key, is_empty_dir};
use crate::error::{OpenError, StoreError};
use crate::meta_store::{Class, Partition};
use crate::secrets::Secrets;
use crate::tables::directory::{Counters, ROSTER};
use crate::tables::mail::{Account, Expunged, MailboxCounters};
use crate::tables::system::{Identity, SYSTEM};

/// How far a restore moves every counter: more than any mailbox gets in the life of a backup.
const RESTORE_STEP: u64 = 1 << 20;

/// Partitions moved forward that wait for their sync at once.
const FORWARDED_WAITING_MAX: usize = 256;

/// What a salvage found.
#[derive(Clone, Copy, Debug)]
pub struct SalvageReport {
    groups_dropped: u64,
}

impl fmt::Display for SalvageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.groups_dropped {
            0 => f.write_str("opened; no commit group is known to be lost"),
            groups => write!(f, "opened; {groups} commit groups behind the damage are lost"),
        }
    }
}

impl Store {
    /// Writes a consistent copy into `dir`, which must not exist, while serving, and keeps that it
    /// was made. The secrets file is not in it. Blocks.
    ///
    /// # Errors
    /// When the engine or the file system fails.
    pub fn backup(&self, dir: &Path) -> Result<(), StoreError> {
        let Some(rocks) = self.inner.engine.rocks() else {
            return Err(StoreError::Engine("a store in memory has no backup".into()));
        };
        if !is_empty_dir(dir).map_err(|error| StoreError::Engine(error.to_string()))? {
            return Err(StoreError::Engine("the directory is not empty".into()));
        }
        let began = self.now();
        // An empty directory is replaced: the engine wants to make it itself.
        let _ = fs::remove_dir(dir);
        rocks.checkpoint(dir)?;
        self.note_backup(began, dir)
    }

    /// Copies a backup into the empty `options.data_dir` and moves every counter forward, so that
    /// nothing a client saw after the backup is ever given to another message. `progress` hears
    /// bytes copied and bytes to copy. Blocks.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what an operator can do.
    pub fn restore(
        backup: &Path,
        options: StoreOptions,
        progress: impl Fn(u64, u64),
    ) -> Result<(), OpenError> {
        let path = options.data_dir.clone();
        let failed = |detail: String| OpenError::Engine { path: path.clone(), detail };
        if !is_empty_dir(&path).map_err(|error| failed(error.to_string()))? {
            return Err(failed("not empty; restore into an empty data directory".into()));
        }
        if !backup.join("CURRENT").exists() {
            return Err(failed(format!("{} is not a backup", backup.display())));
        }
        // Both are checked before the long copy.
        check_backup(backup, &options)?;
        make_way(&path).map_err(|error| {
            failed(format!(
                "a restore cannot take its place ({error}); where a file system is mounted there, \
                 name a directory below it as data_dir"
            ))
        })?;
        // The directory gets its name when all counters are moved: a restore that was cut off
        // leaves nothing that could be served.
        let mut name = path.clone().into_os_string();
        name.push(".restoring");
        let copying = PathBuf::from(name);
        let of_io = |error: io::Error| failed(error.to_string());
        if copying.exists() {
            fs::remove_dir_all(&copying).map_err(of_io)?;
        }
        copy_dir(backup, &copying, progress).map_err(of_io)?;
        let store = Store::open(StoreOptions { data_dir: copying.clone(), ..options })?;
        let forwarded = block_on(store.move_counters_forward());
        let forwarded = forwarded.and_then(|()| store.forget_upkeep());
        store.close();
        drop(store);
        forwarded.map_err(|error| failed(error.to_string()))?;
        take_name(&copying, &path).map_err(of_io)
    }

    /// Opens the store up to the damage in its log, and keeps a record of what was lost. Blocks.
    ///
    /// # Errors
    /// [`OpenError`] when not even that is possible.
    pub fn salvage(options: StoreOptions) -> Result<SalvageReport, OpenError> {
        let path = options.data_dir.clone();
        let (store, opened) = Store::open_with(options, Recovery::Salvage)?;
        // What clients saw of the lost groups is never given to another message.
        let forwarded = block_on(store.move_counters_forward());
        store.close();
        forwarded.map_err(|error| OpenError::Engine { path, detail: error.to_string() })?;
        Ok(SalvageReport { groups_dropped: opened.groups_dropped })
    }

    pub(crate) async fn move_counters_forward(&self) -> Result<(), StoreError> {
        // Many share a sync: there are tens of thousands of accounts.
        let mut waiting = VecDeque::new();
        for class in [Class::Account, Class::Directory, Class::Blob, Class::Queue, Class::Lease] {
            for id in self.partitions(class, None, usize::MAX).await? {
                let partition = Partition { class, id };
                let version = self.version(partition).await?;
                let mut batch = Batch::new();
                if class == Class::Account {
                    self.forward_account(partition, version.0 + RESTORE_STEP, &mut batch).await?;
                }
                if partition == ROSTER
                    && let Some(mut counters) = self.get::<Counters>(partition, &()).await?
                {
                    // Accounts made after the backup had numbers that nobody else may get.
                    counters.next_account += RESTORE_STEP;
                    batch.put::<Counters>(&(), &counters);
                }
                let extra = Extra { chunks: Vec::new(), advance: RESTORE_STEP };
                waiting.push_back(self.submit_with(partition, batch, extra)?);
                if waiting.len() >= FORWARDED_WAITING_MAX
                    && let Some(first) = waiting.pop_front()
                {
                    first.await?;
                }
            }
        }
        for forwarded in waiting {
            forwarded.await?;
        }
        if let Some(mut identity) = self.get::<Identity>(SYSTEM, &()).await? {
            identity.restores = identity.restores.saturating_add(1);
            let mut batch = Batch::new();
            batch.put::<Identity>(&(), &identity);
            self.commit(SYSTEM, batch).await?;
        }
        Ok(())
    }

    /// Where the numbers of an account begin of which nothing is stored: it may have been there,
    /// and seen by clients, between a backup and its restore.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn first_number(&self) -> Result<u32, StoreError> {
        let identity = self.get::<Identity>(SYSTEM, &()).await?;
        let restores = identity.map_or(0, |row| row.restores);
        Ok(restores.saturating_mul(RESTORE_STEP as u32).saturating_add(1))
    }

    async fn forward_account(
        &self,
        partition: Partition,
        version: u64,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        if let Some(mut account) = self.get::<Account>(partition, &()).await? {
            let step = RESTORE_STEP as u32;
            account.next_uid_validity = account.next_uid_validity.saturating_add(step);
            account.next_mailbox = account.next_mailbox.saturating_add(step);
            account.next_document = account.next_document.saturating_add(step);
            account.next_email += RESTORE_STEP;
            batch.put::<Account>(&(), &account);
        }
        let mut from = None;
        loop {
            let page = self.scan::<MailboxCounters>(partition, from.as_ref(), 1000).await?;
            for (mailbox, mut counters) in page.rows {
                counters.uid_next += RESTORE_STEP;
                counters.highest_mod_seq = ModSeq(version);
                counters.expunged_since = ModSeq(version);
                batch.put::<MailboxCounters>(&mailbox, &counters);
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        // The log says nothing of what was expunged between the backup and its restore.
        batch.delete_prefix::<Expunged, _>(&());
        Ok(())
    }
}

/// Whether the secrets file holds the keys that a backup needs.
fn check_backup(backup: &Path, options: &StoreOptions) -> Result<(), OpenError> {
    let secrets = Secrets::load(&options.secrets_file, false)?;
    let looking = StoreOptions { data_dir: backup.to_owned(), ..options.clone() };
    let key = full_key(SYSTEM, &row_key::<Identity>(&()));
    let Some(value) = Engine::read_without_opening(&looking, &key)? else { return Ok(()) };
    let sealer = Sealer::new(&secrets, false)
        .map_err(|detail| OpenError::Engine { path: backup.to_owned(), detail })?;
    let row = decode::<Identity>(&sealer, key, value).and_then(|row| check_keys(&row, &secrets));
    row.map_err(|error| refusal(error, options))
}

/// Copies files and syncs them; a backup has no directories within.
fn copy_dir(from: &Path, to: &Path, progress: impl Fn(u64, u64)) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    let mut total = 0;
    for entry in &entries {
        total += entry.metadata()?.len();
    }
    let mut done = 0;
    for entry in entries {
        let target = to.join(entry.file_name());
        done += fs::copy(entry.path(), &target)?;
        fs::File::open(&target)?.sync_all()?;
        progress(done, total);
    }
    fs::File::open(to)?.sync_all()
}

/// Removes an empty directory, if it is there. A mount point cannot be removed.
fn make_way(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Renames a directory and makes the new name durable.
fn take_name(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
