//! Ordered bytes in partitions: the only durable truth for mailboxes, queue and directory.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::engine::Urge;
use crate::error::{CommitError, StoreError};

/// What a partition holds; the first byte of each of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// The store's own notes: format version, commit groups, key numbers in use.
    System = 0,
    /// One account's mailboxes; the id is the account's number.
    Account = 1,
    /// A slice of the directory.
    Directory = 2,
    /// A shard of body names and of the index of references; the id is the hash's first byte.
    Blob = 3,
    /// A shard of the outgoing queue.
    Queue = 4,
    /// Leases.
    Lease = 5,
}

/// The unit of atomicity and of placement on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// What it holds.
    pub class: Class,
    /// Which one of its class.
    pub id: u64,
}

/// Counts the bumping commits of a partition; the source of MODSEQ and of web client state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// Which version the partition must have for a commit to apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Any.
    #[default]
    Any,
    /// Exactly this one, pending commits included.
    Version(Version),
}

/// What an asserted key must be like, pending commits included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cond {
    /// There is a row.
    Exists,
    /// There is none.
    Absent,
}

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// After the log is synced: everything a peer is told of.
    #[default]
    Synced,
    /// After it is written: what can be made again (the full-text index) and body chunks, which
    /// the synced commit that refers to them makes durable.
    Unsynced,
}

/// One atomic change of one partition. Keys are within the partition.
///
/// A key is not both put and deleted. Range deletions apply before puts.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The version the partition must have.
    pub expect: Expect,
    /// What must be true of single keys.
    pub assert: Vec<(Bytes, Cond)>,
    /// Rows to write.
    pub put: Vec<(Bytes, Bytes)>,
    /// Rows to remove.
    pub delete: Vec<Bytes>,
    /// Ranges of rows to remove, end excluded.
    pub delete_range: Vec<Range<Bytes>>,
    /// Whether the partition's version rises by one.
    pub bump: bool,
    /// When it counts as done.
    pub durability: Durability,
}

/// Whether a scan runs from the low end or from the high end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Rising keys.
    Forward,
    /// Falling keys.
    Backward,
}

/// Part of a range, consistent in itself.
#[derive(Clone, Debug)]
pub struct Page {
    /// Key and value, in scan order.
    pub rows: Vec<(Bytes, Bytes)>,
    /// Where the next page starts (the first key not returned); `None` at the end of the range.
    pub next: Option<Bytes>,
    /// The partition's synced version when the page was read.
    pub version: Version,
}

/// A commit that has its place in line. Await it for the outcome; dropping it does not undo it. An
/// unsynced one that nobody awaits is written with the next group.
///
/// Commits of one partition are visible in the order of their `submit`. When one fails, the
/// engine stops, and all later ones fail too.
#[must_use = "nothing is durable before it is awaited"]
pub struct Pending {
    pub(crate) version: Version,
    pub(crate) receiver: oneshot::Receiver<Result<Version, CommitError>>,
    /// Its ticket and the line, which is told once that somebody waits.
    pub(crate) urge: Option<(u64, Arc<dyn Urge>)>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The engine's side of the boundary: bytes in, bytes out. Values are sealed above it.
pub trait MetaStore: Send + Sync {
    /// Reads single rows. Sees only what is done (see [`Durability`]).
    fn get(
        &self,
        partition: Partition,
        keys: &[Bytes],
    ) -> impl Future<Output = Result<Vec<Option<Bytes>>, StoreError>> + Send;

    /// Reads up to `limit` rows of a range. Holds nothing between pages.
    fn scan(
        &self,
        partition: Partition,
        range: Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// The partition's synced version.
    fn version(
        &self,
        partition: Partition,
    ) -> impl Future<Output = Result<Version, StoreError>> + Send;

    /// Checks the commit against what is stored and what is pending, and puts it in line; does
    /// not wait. A caller may hold its lock over `submit` and must not hold it over the await.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when `expect` or an assertion does not hold: reread and rebuild.
    fn submit(&self, partition: Partition, commit: Commit) -> Result<Pending, CommitError>;

    /// Partitions of a class that have rows, rising, for export and `facteur verify`.
    fn partitions(
        &self,
        class: Class,
        after: Option<u64>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<u64>, StoreError>> + Send;
}
