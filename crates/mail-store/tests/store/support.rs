//! Stores in temporary directories, dice, and a table to play with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mail_store::tables::queue::QueueBodyUse;
use mail_store::{
    Batch, BlobStore, BodyRef, Class, Partition, Referrer, Reservation, Store, StoreOptions, Table,
    account_partition, queue_partition,
};
use mail_types::{AccountId, MailboxId, QueueId, Uid};
use tempfile::TempDir;

/// A table of numbers.
pub(crate) enum Number {}

impl Table for Number {
    const ID: u8 = 200;
    const NAME: &'static str = "Number";
    const VERSION: u8 = 1;
    type Key = (u32, u32);
    type Value = u64;
}

pub(crate) fn partition(id: u64) -> Partition {
    Partition { class: Class::Queue, id }
}

/// A place on disk for a store, and the store's clock.
pub(crate) struct Place {
    dir: TempDir,
    clock: Arc<AtomicI64>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// On a file system in memory, where there is one: for what opens a store hundreds of times and
    /// is not about syncs, which are all that such a place spares.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::within(memory) } else { Self::new() }
    }

    fn within(parent: &Path) -> Self {
        let dir = tempfile::tempdir_in(parent).unwrap();
        Self { dir, clock: Arc::new(AtomicI64::new(1_000_000)) }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let mut options = StoreOptions::new(self.data(), self.path("secrets.toml"));
        options.block_cache_bytes = 8 << 20;
        options.write_buffer_bytes = 8 << 20;
        options.wal_bytes_max = 16 << 20;
        options.disk_free_bytes_min = 0;
        options.body_grace_seconds = 60;
        let clock = Arc::clone(&self.clock);
        options.clock = Arc::new(move || clock.load(Ordering::Relaxed));
        options
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(self.options()).unwrap()
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// What a stop without warning would leave, in a place of its own.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::within(self.dir.path().parent().unwrap());
        copy_dir(&self.data(), &copy.data());
        std::fs::copy(self.path("secrets.toml"), copy.path("secrets.toml")).unwrap();
        copy
    }
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Bytes that the files of a directory take.
pub(crate) fn size_of(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().metadata().map_or(0, |data| data.len())).sum()
}

/// Splitmix64: the same throws for the same seed, on every engine.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.throw() % end
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.throw().to_le_bytes()).take(count).collect()
    }
}

/// Waits until everything in line is written.
pub(crate) async fn settle(store: &Store) {
    store.commit(partition(99), Batch::new().unsynced()).await.unwrap();
}

pub(crate) fn of_account(account: u64) -> Referrer {
    Referrer::Account(AccountId(account))
}

/// Stores a body for these accounts; nothing refers to it yet.
pub(crate) async fn store_body(store: &Store, bytes: &[u8], accounts: &[u64]) -> Reservation {
    let mut writer = store.body_writer();
    for piece in bytes.chunks(60_000) {
        writer.write(piece).await.unwrap();
    }
    let accounts: Vec<_> = accounts.iter().map(|&account| of_account(account)).collect();
    writer.finish(&accounts).await.unwrap()
}

/// Lets an account's message refer to a body, as a delivery does.
pub(crate) async fn refer(store: &Store, body: &BodyRef, account: u64, uid: u32) {
    let mut batch = Batch::new().bump();
    let key = (body.hash, MailboxId(1), Uid::new(uid).unwrap());
    batch.put::<mail_store::tables::mail::BodyUse>(&key, &());
    store.commit(account_partition(AccountId(account)), batch).await.unwrap();
}

/// Takes the reference away, as an expunge does.
pub(crate) async fn expunge(store: &Store, body: &BodyRef, account: u64, uid: u32) {
    let mut batch = Batch::new().bump();
    let key = (body.hash, MailboxId(1), Uid::new(uid).unwrap());
    batch.delete::<mail_store::tables::mail::BodyUse>(&key);
    store.commit(account_partition(AccountId(account)), batch).await.unwrap();
    store.body_released(body.hash);
}

/// Lets a queue entry refer to a body, as a submission does.
pub(crate) async fn enqueue(store: &Store, body: &BodyRef, shard: u64, entry: u64) {
    let mut batch = Batch::new().bump();
    batch.put::<QueueBodyUse>(&(body.hash, QueueId(entry)), &());
    store.commit(queue_partition(shard), batch).await.unwrap();
}

/// Takes the entry away, as its last delivery does.
pub(crate) async fn dequeue(store: &Store, body: &BodyRef, shard: u64, entry: u64) {
    let mut batch = Batch::new().bump();
    batch.delete::<QueueBodyUse>(&(body.hash, QueueId(entry)));
    store.commit(queue_partition(shard), batch).await.unwrap();
    store.body_released(body.hash);
}

/// Reads a whole body.
pub(crate) async fn read_all(store: &Store, body: BodyRef) -> Vec<u8> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < body.size {
        let piece = store.read_body(body, bytes.len() as u64..body.size).await.unwrap();
        assert!(!piece.is_empty());
        bytes.extend_from_slice(&piece);
    }
    bytes
}
