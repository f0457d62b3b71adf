//! A commit in line: its rows with their whole keys, in the order in which they are written.

use bytes::Bytes;

use super::backend::Op;
use super::{VERSION_KEY, full_key};
use crate::meta_store::{Class, Commit, Durability, Partition, Version};

/// A commit in line, as it will be written.
pub(super) struct Queued {
    pub(super) ticket: u64,
    pub(super) partition: Partition,
    pub(super) ops: Vec<Op>,
    pub(super) size: usize,
    pub(super) version: Version,
    pub(super) bump: bool,
    pub(super) durability: Durability,
}

/// What goes beside a commit's rows.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    /// Pieces of bodies.
    pub(crate) chunks: Vec<Op>,
    /// How far the version rises beyond the bump; only a restore uses it.
    pub(crate) advance: u64,
}

impl Queued {
    pub(super) fn new(
        ticket: u64,
        partition: Partition,
        version: Version,
        commit: Commit,
        extra: Extra,
    ) -> Self {
        let Commit { put, delete, delete_range, bump, durability, .. } = commit;
        let rises = bump || extra.advance > 0;
        let mut ops = extra.chunks;
        ops.reserve(put.len() + delete.len() + delete_range.len() + 1);
        let whole = |key: &Bytes| full_key(partition, key);
        // Ranges before single rows: a commit may clear a range and write into it.
        ops.extend(
            delete_range
                .iter()
                .map(|range| Op::DeleteRange(whole(&range.start)..whole(&range.end))),
        );
        ops.extend(delete.iter().map(|key| Op::Delete(whole(key))));
        ops.extend(put.into_iter().map(|(key, value)| Op::Put(whole(&key), value)));
        if rises {
            let value = Bytes::copy_from_slice(&version.0.to_be_bytes());
            ops.push(Op::Put(whole(&Bytes::from_static(VERSION_KEY)), value));
        }
        let size = ops.iter().map(Op::size).sum();
        let bump = rises && partition.class != Class::Blob;
        Self { ticket, partition, ops, size, version, bump, durability }
    }
}
