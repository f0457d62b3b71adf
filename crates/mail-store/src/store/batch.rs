//! One atomic change of one partition, in typed rows.

use std::ops::Range;

use bytes::Bytes;

use super::seal::Sealer;
use crate::engine::full_key;
use crate::error::CommitError;
use crate::meta_store::{Commit, Cond, Durability, Expect, Partition, Version};
use crate::table::{KeyBytes, Table, TableKey};

/// Longest value; larger things are bodies.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// Most that one commit may bring into the log.
const COMMIT_BYTES_MAX: usize = 64 << 20;

/// A commit under construction. Faults of single values are told at submit.
#[derive(Debug, Default)]
pub struct Batch {
    commit: Commit,
    puts: Vec<Put>,
    fault: Option<CommitError>,
    /// Whether the disk guard may refuse it: it brings in new mail.
    pub(crate) guarded: bool,
}

#[derive(Debug)]
struct Put {
    key: Bytes,
    format: u8,
    payload: Vec<u8>,
}

/// A row's key within its partition.
pub(crate) fn row_key<T: Table>(key: &T::Key) -> Bytes {
    key.write(KeyBytes::table(T::ID)).finish()
}

/// All keys of a table that begin with these elements.
pub(crate) fn prefix_range<T: Table, P: TableKey>(prefix: &P) -> Range<Bytes> {
    let start = prefix.write(KeyBytes::table(T::ID)).finish();
    let end = after_prefix(&start);
    start..end
}

/// The first key that does not begin with `prefix`. A table number is never 255.
fn after_prefix(prefix: &[u8]) -> Bytes {
    let kept = prefix.iter().rposition(|&byte| byte < u8::MAX).map_or(0, |place| place + 1);
    let mut end = prefix[..kept].to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end.into()
}

impl Batch {
    /// An empty change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the partition's version rise.
    pub fn bump(mut self) -> Self {
        self.commit.bump = true;
        self
    }

    /// Applies only to this version, pending commits included.
    pub fn expect(mut self, version: Version) -> Self {
        self.commit.expect = Expect::Version(version);
        self
    }

    /// Counts as done before it is synced.
    pub fn unsynced(mut self) -> Self {
        self.commit.durability = Durability::Unsynced;
        self
    }

    /// Brings in new mail: refused when the disk is nearly full.
    pub fn guarded(mut self) -> Self {
        self.guarded = true;
        self
    }

    /// Applies only when the row is like that, pending commits included.
    pub fn assert<T: Table>(&mut self, key: &T::Key, condition: Cond) {
        self.commit.assert.push((row_key::<T>(key), condition));
    }

    /// Writes a row.
    pub fn put<T: Table>(&mut self, key: &T::Key, value: &T::Value) {
        match postcard::to_stdvec(value) {
            Ok(payload) if payload.len() <= VALUE_BYTES_MAX => {
                self.puts.push(Put { key: row_key::<T>(key), format: T::VERSION, payload });
            }
            Ok(_) => self.fault = Some(CommitError::TooLarge { what: T::NAME }),
            Err(error) => self.fault = Some(CommitError::Unknown(format!("{}: {error}", T::NAME))),
        }
    }

    /// Removes a row.
    pub fn delete<T: Table>(&mut self, key: &T::Key) {
        self.commit.delete.push(row_key::<T>(key));
    }

    /// Removes all rows whose keys begin with these elements.
    pub fn delete_prefix<T: Table, P: TableKey>(&mut self, prefix: &P) {
        self.commit.delete_range.push(prefix_range::<T, P>(prefix));
    }

    /// Removes the rows from `range.start` up to and without `range.end`.
    pub fn delete_range<T: Table>(&mut self, range: Range<&T::Key>) {
        self.commit.delete_range.push(row_key::<T>(range.start)..row_key::<T>(range.end));
    }

    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.commit.delete.is_empty() && self.commit.delete_range.is_empty()
    }

    /// About how many bytes of rows it writes so far.
    pub fn size(&self) -> usize {
        self.puts.iter().map(|put| put.key.len() + put.payload.len()).sum()
    }

    /// Seals the values.
    pub(crate) fn finish(
        mut self,
        partition: Partition,
        sealer: &Sealer,
    ) -> Result<Commit, CommitError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.size() > COMMIT_BYTES_MAX {
            return Err(CommitError::TooLarge { what: "commit" });
        }
        self.commit.put.reserve(self.puts.len());
        for Put { key, format, payload } in self.puts {
            let sealed = sealer.seal(&full_key(partition, &key), format, &payload)?;
            self.commit.put.push((key, sealed));
        }
        Ok(self.commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_prefix() {
        assert_eq!(&after_prefix(&[1, 2])[..], &[1, 3]);
        assert_eq!(&after_prefix(&[1, 255, 255])[..], &[2]);
    }
}
