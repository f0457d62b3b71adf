//! The engines, and what they share: whole keys, the line of commits, group records.

mod backend;
mod group;
mod line;
mod mark;
mod memory;
mod queued;
mod rocks;
mod rocks_open;
mod wal;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::watch;

pub(crate) use backend::{Backend, Op, Rows};
pub(crate) use line::Urge;
pub use line::Work;
pub(crate) use queued::Extra;
pub(crate) use rocks_open::{Locked, Opened, Recovery};

use crate::change_bus::ChangeBus;
use crate::error::{CommitError, OpenError, StoreError};
use crate::meta_store::{Class, Commit, Direction, MetaStore, Page, Partition, Pending, Version};
use crate::store::StoreOptions;
use line::Line;
use memory::Memory;
pub(crate) use rocks::Rocks;

/// Row within a partition that holds its version; table numbers start at 1.
pub(crate) const VERSION_KEY: &[u8] = &[0];
/// Whole key of the last group's record: class System, partition 0, table 1.
pub(crate) const GROUP_KEY: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Class, partition number, key: the order in which rows lie on disk.
pub(crate) fn full_key(partition: Partition, key: &[u8]) -> Bytes {
    let mut whole = BytesMut::with_capacity(9 + key.len());
    whole.put_u8(partition.class as u8);
    whole.put_u64(partition.id);
    whole.put_slice(key);
    whole.freeze()
}

/// Reads a partition's version; a partition never bumped has version 0.
pub(crate) fn read_version<B: Backend + ?Sized>(
    backend: &B,
    partition: Partition,
) -> Result<Version, StoreError> {
    let row = backend.get(&full_key(partition, VERSION_KEY))?;
    let Some(row) = row else { return Ok(Version::default()) };
    match <[u8; 8]>::try_from(&row[..]) {
        Ok(bytes) => Ok(Version(u64::from_be_bytes(bytes))),
        Err(_) => Err(StoreError::Corrupt {
            table: "version",
            detail: format!("{partition:?}: {} bytes", row.len()),
        }),
    }
}

/// A static choice, not `dyn`: the embedded path pays nothing.
pub(crate) enum Engine {
    Rocks(Running<Rocks>),
    Memory(Running<Memory>),
}

/// A backend and the line in front of it.
pub(crate) struct Running<B: Backend> {
    backend: Arc<B>,
    line: Line<B>,
}

impl<B: Backend> Running<B> {
    fn start(backend: B, bus: ChangeBus, last_group: u64) -> Self {
        let backend = Arc::new(backend);
        let line = Line::new(Arc::clone(&backend), bus, last_group);
        Self { backend, line }
    }
}

macro_rules! with {
    ($engine:expr, $running:ident => $body:expr) => {
        match $engine {
            Engine::Rocks($running) => $body,
            Engine::Memory($running) => $body,
        }
    };
}

impl Engine {
    /// Opens RocksDB, refusing a log whose damage a torn last write cannot explain.
    pub(crate) fn open_rocks(
        options: &StoreOptions,
        recovery: Recovery,
        locked: Locked,
        bus: ChangeBus,
    ) -> Result<(Self, Opened), OpenError> {
        let (backend, opened) = rocks_open::open(options, recovery, locked)?;
        Ok((Engine::Rocks(Running::start(backend, bus, opened.last_group)), opened))
    }

    /// Reads a row of a RocksDB directory that is not opened for it: nothing there is changed.
    pub(crate) fn read_without_opening(
        options: &StoreOptions,
        key: &[u8],
    ) -> Result<Option<Bytes>, OpenError> {
        rocks_open::read_row(options, key)
    }

    /// An empty store in memory.
    pub(crate) fn new_memory(bus: ChangeBus) -> Self {
        Engine::Memory(Running::start(Memory::default(), bus, 0))
    }

    /// What a power cut would leave of a store in memory; `None` for RocksDB.
    pub(crate) fn after_crash(&self, bus: ChangeBus) -> Option<Self> {
        let Engine::Memory(running) = self else { return None };
        let backend = running.backend.after_crash();
        let record = backend.get(GROUP_KEY).ok().flatten();
        let number =
            record.and_then(|bytes| group::GroupRecord::decode(&bytes)).unwrap_or_default();
        Some(Engine::Memory(Running::start(backend, bus, number.number)))
    }

    /// Makes a write of the store in memory fail after this many more.
    pub(crate) fn fail_after(&self, writes: u64) {
        if let Engine::Memory(running) = self {
            running.backend.fail_after(writes);
        }
    }

    /// What the committer has done since the start.
    pub(crate) fn work(&self) -> Work {
        with!(self, running => running.line.work())
    }

    pub(crate) fn submit(
        &self,
        partition: Partition,
        commit: Commit,
        extra: Extra,
    ) -> Result<Pending, CommitError> {
        with!(self, running => running.line.submit(partition, commit, extra))
    }

    pub(crate) fn get(
        &self,
        partition: Partition,
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        with!(self, running => running.backend.get(&full_key(partition, key)))
    }

    /// Reads rows by their whole keys.
    pub(crate) fn get_whole(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        with!(self, running => running.backend.get_many(keys))
    }

    /// About how many pieces of bodies there are.
    pub(crate) fn chunk_count(&self) -> u64 {
        with!(self, running => running.backend.chunk_count())
    }

    pub(crate) fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        with!(self, running => running.line.version(partition))
    }

    /// Reads rows of a partition; keys come back without class and partition.
    pub(crate) fn scan(
        &self,
        partition: Partition,
        range: &Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> Result<Rows, StoreError> {
        let whole = full_key(partition, &range.start)..full_key(partition, &range.end);
        let (mut rows, next) =
            with!(self, running => running.backend.scan(&whole, limit, direction))?;
        rows.iter_mut().for_each(|row| row.0 = row.0.slice(9..));
        Ok((rows, next.map(|key| key.slice(9..))))
    }

    pub(crate) fn chunk(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        with!(self, running => running.backend.chunk(key))
    }

    /// Numbers of the class's partitions that have rows, from `from` on.
    pub(crate) fn partitions(
        &self,
        class: Class,
        from: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let mut found = Vec::new();
        let mut next = from;
        let end = Bytes::copy_from_slice(&[class as u8 + 1]);
        while let (Some(id), true) = (next, found.len() < limit) {
            let range = full_key(Partition { class, id }, &[])..end.clone();
            let (rows, _) =
                with!(self, running => running.backend.scan(&range, 1, Direction::Forward))?;
            let Some((key, _)) = rows.first() else { break };
            let id = u64::from_be_bytes(key[1..9].try_into().unwrap_or_default());
            found.push(id);
            next = id.checked_add(1);
        }
        Ok(found)
    }

    pub(crate) fn failed(&self) -> watch::Receiver<bool> {
        with!(self, running => running.line.failed())
    }

    /// Writes what is in line and releases the engine.
    pub(crate) fn close(&self) -> Result<(), String> {
        with!(self, running => {
            running.line.close();
            running.backend.close()
        })
    }

    /// The RocksDB engine, for what only it can do.
    pub(crate) fn rocks(&self) -> Option<&Rocks> {
        match self {
            Engine::Rocks(running) => Some(&running.backend),
            Engine::Memory(_) => None,
        }
    }
}

/// What a file system of its own has at its root from the beginning.
const LOST_AND_FOUND: &str = "lost+found";

/// Whether nothing stands in this directory.
pub(crate) fn is_empty_dir(path: &Path) -> std::io::Result<bool> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if entry?.file_name() != LOST_AND_FOUND {
            return Ok(false);
        }
    }
    Ok(true)
}

impl MetaStore for Engine {
    async fn get(
        &self,
        partition: Partition,
        keys: &[Bytes],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let whole: Vec<_> = keys.iter().map(|key| full_key(partition, key)).collect();
        self.get_whole(&whole)
    }

    async fn scan(
        &self,
        partition: Partition,
        range: Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> Result<Page, StoreError> {
        // The version is read first: rows may be newer than it says, never older.
        let version = Engine::version(self, partition)?;
        let (rows, next) = Engine::scan(self, partition, &range, limit, direction)?;
        Ok(Page { rows, next, version })
    }

    async fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        Engine::version(self, partition)
    }

    fn submit(&self, partition: Partition, commit: Commit) -> Result<Pending, CommitError> {
        Engine::submit(self, partition, commit, Extra::default())
    }

    async fn partitions(
        &self,
        class: Class,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let from = match after {
            Some(id) => id.checked_add(1),
            None => Some(0),
        };
        Engine::partitions(self, class, from, limit)
    }
}
