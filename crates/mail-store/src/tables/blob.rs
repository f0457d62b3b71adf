//! Rows of the blob partitions: names of bodies and the index of references to them.

use mail_types::{AccountId, BlobHash};
use serde::{Deserialize, Serialize};

use super::mail::table;
use crate::meta_store::{Class, Partition};
use crate::table::{KeyBytes, KeyReader, Table, TableKey};

table!(/// A stored body.
    BodyName = 1, BlobHash => BodyNameRow);
table!(/// Who refers to a body, or did, or was about to. Written before the referrer's own commit, so
/// the index names every partition that refers to a body, and perhaps some that do not: the
/// `BodyUse` and `QueueBodyUse` rows there decide.
    BodyReferrer = 2, (BlobHash, Referrer) => ());
table!(/// When somebody last said that they were about to refer to a body, in Unix seconds.
    BodyTouched = 4, BlobHash => i64);
table!(/// Pieces that have no name yet, or are about to lose it; in [`UPLOADS`]. What a crash leaves
/// here is swept at the next start.
    Upload = 3, u64 => UploadRow);

/// The partition of unfinished uploads.
pub(crate) const UPLOADS: Partition = Partition { class: Class::Blob, id: 256 };

/// The partition of a body's rows.
pub(crate) fn shard(hash: BlobHash) -> Partition {
    Partition { class: Class::Blob, id: u64::from(hash.0[0]) }
}

/// The partition of an account's rows.
pub fn account_partition(account: AccountId) -> Partition {
    Partition { class: Class::Account, id: account.0 }
}

/// The partition of a shard of the outgoing queue.
pub fn queue_partition(shard: u64) -> Partition {
    Partition { class: Class::Queue, id: shard }
}

/// A partition whose rows may refer to bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Referrer {
    /// Messages in mailboxes, by `BodyUse` rows.
    Account(AccountId),
    /// Entries of a shard of the outgoing queue, by `QueueBodyUse` rows.
    QueueShard(u64),
}

impl Referrer {
    /// Where the rows lie that decide whether a body is in use.
    pub fn partition(self) -> Partition {
        match self {
            Referrer::Account(account) => account_partition(account),
            Referrer::QueueShard(shard) => queue_partition(shard),
        }
    }
}

impl From<AccountId> for Referrer {
    fn from(account: AccountId) -> Self {
        Referrer::Account(account)
    }
}

/// The partition's class and number.
impl TableKey for Referrer {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        let Partition { class, id } = self.partition();
        key.u8(class as u8).u64(id)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        const ACCOUNT: u8 = Class::Account as u8;
        const QUEUE: u8 = Class::Queue as u8;
        match (reader.u8()?, reader.u64()?) {
            (ACCOUNT, id) => Some(Referrer::Account(AccountId(id))),
            (QUEUE, id) => Some(Referrer::QueueShard(id)),
            _ => None,
        }
    }
}

/// A stored body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BodyNameRow {
    /// Its length in bytes.
    pub size: u64,
    /// The upload under which its pieces lie.
    pub upload: u64,
}

/// Pieces whose fate is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadRow {
    /// When the upload or the removal began, in Unix seconds.
    pub started: i64,
    /// The body that is being named or removed: while it has a name that says this upload, the
    /// pieces are in use. The name lies in another partition, so the two cannot change at once.
    pub body: Option<BlobHash>,
}
