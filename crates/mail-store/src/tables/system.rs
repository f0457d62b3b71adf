//! Rows of the system partition: the store's own notes. Table 1 holds the last group's record,
//! which is not sealed, because it is read before the keys are.

use serde::{Deserialize, Serialize};

use super::mail::table;
use crate::meta_store::{Class, Partition};
use crate::secrets::Purpose;
use crate::table::Table;

/// The one system partition.
pub(crate) const SYSTEM: Partition = Partition { class: Class::System, id: 0 };
/// The format this program writes.
pub(crate) const FORMAT: u32 = 1;

table!(/// What a store is: written once, and when a key number comes into use.
    Identity = 2, () => IdentityRow);
table!(/// What was dropped from the log's end, by the group it would have followed.
    Dropped = 3, u64 => DroppedRow);
table!(/// The last backup that came to its end.
    LastBackup = 4, () => BackupRow);
table!(/// The last walk over everything that came to its end.
    LastVerify = 5, () => VerifyRow);

/// What a store is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityRow {
    /// The newest format written.
    pub format: u32,
    /// Number of the key that names bodies; never changes.
    pub blob_names_key: u8,
    /// Keys that were in use, all of which must stay in the secrets file.
    pub keys: Vec<KeyInUse>,
    /// Starts so far; the high half of upload numbers.
    pub starts: u32,
    /// How often all counters were moved forward. Numbers of an account of which nothing is stored
    /// begin above what a client may have seen before.
    pub restores: u32,
}

/// A key that something stored depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyInUse {
    /// What it is for.
    pub purpose: Purpose,
    /// Its number.
    pub number: u8,
    /// What it makes of a fixed text: another file's key of the same number is not it.
    pub check: [u8; 16],
}

/// What an unclean stop cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DroppedRow {
    /// Commit groups whose records were in the log but which were not recovered.
    pub groups: u64,
    /// When, in Unix seconds.
    pub at: i64,
    /// Whether an operator asked for it with `facteur salvage`.
    pub salvaged: bool,
}

/// A backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRow {
    /// When it was whole, in Unix seconds.
    pub at: i64,
    /// How long it took.
    pub seconds: u64,
    /// Bytes in its files.
    pub bytes: u64,
}

/// A walk over everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRow {
    /// When it ended, in Unix seconds.
    pub at: i64,
    /// How long it took.
    pub seconds: u64,
    /// What it found; 0 is clean.
    pub faults: u64,
}
