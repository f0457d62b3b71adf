//! The store: an engine, the keys that seal its values, the disk guard, the bodies.

mod backup;
mod ballast;
pub(crate) mod batch;
pub(crate) mod body;
mod collect;
mod disk;
mod read;
pub(crate) mod seal;
pub(crate) mod typed;
mod upkeep;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::change_bus::ChangeBus;
use crate::engine::{Engine, Locked, Opened, Recovery, Work, is_empty_dir};
use crate::error::{OpenError, StoreError};
use crate::secrets::{Purpose, Secrets};
use crate::tables::system::{Dropped, DroppedRow, FORMAT, Identity, IdentityRow, KeyInUse, SYSTEM};
use batch::Batch;
use body::Bodies;
use disk::{DiskGuard, free_disk_of};
use seal::Sealer;

pub use backup::SalvageReport;
pub use collect::Collected;
pub use disk::FreeDisk;
pub use upkeep::Upkeep;
pub use verify::{StoreFault, StoreVerified};

/// Tells the time in Unix seconds.
pub type UnixClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How to open a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// Where it lies; made when missing.
    pub data_dir: PathBuf,
    /// Its keys; made with the directory.
    pub secrets_file: PathBuf,
    /// Read cache in bytes.
    pub block_cache_bytes: u64,
    /// Write buffers in bytes, all tables together.
    pub write_buffer_bytes: u64,
    /// Write-ahead log in bytes before buffers are flushed.
    pub wal_bytes_max: u64,
    /// New mail is refused below this much free disk; 0 never refuses.
    pub disk_free_bytes_min: u64,
    /// Size of the ballast, a file that a start on a full disk may delete; 0 for none.
    pub ballast_bytes: u64,
    /// Tells how much is free.
    pub free_disk: FreeDisk,
    /// Whether new values are sealed.
    pub encrypt: bool,
    /// Seconds that a body nobody refers to stays, so that whoever is about to refer to it can.
    pub body_grace_seconds: i64,
    /// Tells the time.
    pub clock: UnixClock,
}

impl StoreOptions {
    /// The defaults for this directory and secrets file.
    pub fn new(data_dir: PathBuf, secrets_file: PathBuf) -> Self {
        Self {
            free_disk: free_disk_of(data_dir.clone()),
            data_dir,
            secrets_file,
            block_cache_bytes: 512 << 20,
            write_buffer_bytes: 128 << 20,
            wal_bytes_max: 512 << 20,
            disk_free_bytes_min: 1920 << 20,
            ballast_bytes: 0,
            encrypt: false,
            body_grace_seconds: 3600,
            clock: system_clock(),
        }
    }
}

fn system_clock() -> UnixClock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// An open store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) bus: ChangeBus,
    pub(crate) secrets: Secrets,
    pub(crate) sealer: Sealer,
    pub(crate) guard: DiskGuard,
    pub(crate) bodies: Bodies,
    pub(crate) clock: UnixClock,
}

impl Store {
    /// Opens the store in `options.data_dir`. Blocks while the log is replayed.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what an operator can do.
    pub fn open(options: StoreOptions) -> Result<Self, OpenError> {
        Self::open_with(options, Recovery::Strict).map(|(store, _)| store)
    }

    pub(crate) fn open_with(
        options: StoreOptions,
        recovery: Recovery,
    ) -> Result<(Self, Opened), OpenError> {
        let path = options.data_dir.clone();
        let failed = |detail: String| OpenError::Engine { path: path.clone(), detail };
        let fresh = is_empty_dir(&path).map_err(|error| failed(error.to_string()))?;
        let secrets = Secrets::load(&options.secrets_file, fresh)?;
        let sealer = Sealer::new(&secrets, options.encrypt).map_err(failed)?;
        // Whoever has it open may need the ballast: it is not touched before the lock is ours.
        let locked = Locked::take(&path)?;
        ballast::make_room(&options).map_err(|error| failed(error.to_string()))?;
        let bus = ChangeBus::default();
        let (engine, opened) = Engine::open_rocks(&options, recovery, locked, bus.clone())?;
        let guard = DiskGuard::new(Arc::clone(&options.free_disk), options.disk_free_bytes_min);
        let bodies = Bodies::new(options.body_grace_seconds);
        let clock = options.clock.clone();
        let store =
            Self { inner: Arc::new(Inner { engine, bus, secrets, sealer, guard, bodies, clock }) };
        store.start(&options, opened, recovery)?;
        ballast::lay(&options);
        Ok((store, opened))
    }

    /// An empty store in memory, for tests.
    pub fn memory() -> Self {
        Self::memory_with_grace(3600)
    }

    /// An empty store in memory whose unreferenced bodies stay this long.
    pub fn memory_with_grace(body_grace_seconds: i64) -> Self {
        let bus = ChangeBus::default();
        let secrets = Secrets::generate().unwrap_or_else(|error| panic!("{error}"));
        Self::over(Engine::new_memory(bus.clone()), bus, secrets, body_grace_seconds)
    }

    /// What a power cut would leave of a store in memory: everything up to the last sync.
    ///
    /// # Panics
    /// On a store that is not in memory.
    pub fn after_crash(&self) -> Self {
        let bus = ChangeBus::default();
        let engine = self.inner.engine.after_crash(bus.clone()).expect("only stores in memory");
        Self::over(engine, bus, self.inner.secrets.clone(), self.inner.bodies.grace_seconds())
    }

    fn over(engine: Engine, bus: ChangeBus, secrets: Secrets, grace: i64) -> Self {
        let sealer = Sealer::new(&secrets, false).unwrap_or_else(|error| panic!("{error}"));
        let guard = DiskGuard::new(Arc::new(|| None), 0);
        let bodies = Bodies::new(grace);
        let clock = system_clock();
        let store =
            Self { inner: Arc::new(Inner { engine, bus, secrets, sealer, guard, bodies, clock }) };
        if let Err(error) = store.identify() {
            panic!("{error}");
        }
        store
    }

    /// Lets a store in memory fail a write after this many more; for tests.
    pub fn fail_after(&self, writes: u64) {
        self.inner.engine.fail_after(writes);
    }

    /// How often the log was synced since the start.
    pub fn syncs(&self) -> u64 {
        self.work().syncs
    }

    /// What has been written since the start.
    pub fn work(&self) -> Work {
        self.inner.engine.work()
    }

    /// The keys.
    pub fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// Where changes are announced, after they are synced and in commit order.
    pub fn change_bus(&self) -> &ChangeBus {
        &self.inner.bus
    }

    /// Returns when a write has failed and the engine has stopped: end the process, start again.
    pub async fn failed(&self) {
        let mut failed = self.inner.engine.failed();
        if failed.wait_for(|failed| *failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Writes what is in line, flushes and releases the engine. Later commits fail. Blocks.
    pub fn close(&self) {
        if let Err(error) = self.inner.engine.close() {
            tracing::error!(target: "facteur", error, "closing the engine failed");
        }
    }

    /// Whether new mail must wait for disk space.
    pub fn is_disk_full(&self) -> bool {
        self.inner.guard.is_full()
    }

    /// Free bytes of the store's disk, if anybody knows, and those below which new mail waits.
    pub fn disk_room(&self) -> (Option<u64>, u64) {
        (self.inner.guard.free(), self.inner.guard.floor())
    }

    pub(crate) fn now(&self) -> i64 {
        (self.inner.clock)()
    }

    fn start(
        &self,
        options: &StoreOptions,
        opened: Opened,
        recovery: Recovery,
    ) -> Result<(), OpenError> {
        self.identify().map_err(|error| refusal(error, options))?;
        if opened.groups_dropped > 0 {
            tracing::error!(
                target: "facteur",
                groups = opened.groups_dropped,
                "the log's end was torn: commit groups that were being written were dropped"
            );
            let row = DroppedRow {
                groups: opened.groups_dropped,
                at: self.now(),
                salvaged: recovery == Recovery::Salvage,
            };
            let mut batch = Batch::new();
            batch.put::<Dropped>(&opened.last_group, &row);
            self.commit_now(batch).map_err(|error| refusal(error, options))?;
        }
        self.show_upkeep().map_err(|error| refusal(error, options))
    }

    /// Checks that this program and these keys fit the store, and counts the start.
    fn identify(&self) -> Result<(), StoreError> {
        let found = block_on(self.get::<Identity>(SYSTEM, &()))?;
        let secrets = &self.inner.secrets;
        let newest = |purpose| secrets.newest(purpose).map_or(0, |(number, _)| number);
        let mut row = found.unwrap_or_else(|| IdentityRow {
            format: FORMAT,
            blob_names_key: newest(Purpose::BlobNames),
            keys: Vec::new(),
            starts: 0,
            restores: 0,
        });
        check_keys(&row, secrets)?;
        let in_use = [
            (Purpose::BlobNames, row.blob_names_key),
            (Purpose::Directory, newest(Purpose::Directory)),
            (Purpose::Data, self.inner.sealer.current()),
        ];
        for (purpose, number) in in_use {
            let is_noted = |key: &KeyInUse| (key.purpose, key.number) == (purpose, number);
            if number > 0
                && !row.keys.iter().any(is_noted)
                && let Some(key) = secrets.numbered(purpose, number)
            {
                row.keys.push(KeyInUse { purpose, number, check: key_check(key) });
            }
        }
        row.starts = row.starts.wrapping_add(1);
        let naming = secrets.numbered(Purpose::BlobNames, row.blob_names_key).ok_or(
            StoreError::MissingKey { purpose: Purpose::BlobNames, number: row.blob_names_key },
        )?;
        self.inner.bodies.begin(*naming, row.starts);
        let mut batch = Batch::new();
        batch.put::<Identity>(&(), &row);
        self.commit_now(batch)
    }

    fn commit_now(&self, batch: Batch) -> Result<(), StoreError> {
        let pending = self.submit(SYSTEM, batch)?;
        block_on(pending)?;
        Ok(())
    }
}

/// Whether this program and these keys fit a store.
fn check_keys(row: &IdentityRow, secrets: &Secrets) -> Result<(), StoreError> {
    if row.format > FORMAT {
        return Err(StoreError::NewerFormat { found: row.format });
    }
    for KeyInUse { purpose, number, check } in &row.keys {
        let key = secrets.numbered(*purpose, *number);
        if key.is_none_or(|key| key_check(key) != *check) {
            return Err(StoreError::MissingKey { purpose: *purpose, number: *number });
        }
    }
    Ok(())
}

/// A refusal to open, in the operator's words.
fn refusal(error: StoreError, options: &StoreOptions) -> OpenError {
    let path = options.data_dir.clone();
    match error {
        StoreError::MissingKey { purpose, number } => {
            OpenError::MissingKey { secrets: options.secrets_file.clone(), purpose, number }
        }
        StoreError::NewerFormat { found } => OpenError::NewerFormat { path, found, known: FORMAT },
        error => OpenError::Engine { path, detail: error.to_string() },
    }
}

/// Tells keys apart without telling them.
fn key_check(key: &[u8; 32]) -> [u8; 16] {
    let mut check = [0; 16];
    let hash = blake3::keyed_hash(key, b"facteur: is this the key that was in use?");
    check.copy_from_slice(&hash.as_bytes()[..16]);
    check
}

/// Waits for a future of this crate, whose waker is a channel and which needs no runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    // Inside a task whose budget is spent, a channel would put off the waking until the task
    // yields, which it does not do here.
    let mut future = std::pin::pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
