//! The high-water mark: a small file beside the log that says which group was last synced.
//!
//! The log alone cannot tell that its end is missing. The mark is written after each sync and
//! never synced itself, so what is on disk never says more than was durable: a power cut may
//! leave an older mark, which is harmless, and after any other stop it is exact.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const NAME: &str = "facteur.synced";

/// The open mark.
#[derive(Debug)]
pub(crate) struct Mark(File);

impl Mark {
    /// Opens the mark, making it when it is missing.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).open(dir.join(NAME)).map(Self)
    }

    /// The group it names; `None` when it is new or damaged, and then it says nothing.
    pub(crate) fn read(dir: &Path) -> Option<u64> {
        let bytes = std::fs::read(dir.join(NAME)).ok()?;
        let number = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
        (bytes == encode(number)).then_some(number)
    }

    /// Says that this group is synced. A file system that takes no more writes may have said so too
    /// late for the sync that was under way: when this fails, nobody is told that the group is
    /// durable.
    pub(crate) fn set(&self, number: u64) -> io::Result<()> {
        self.0.write_all_at(&encode(number), 0)
    }
}

fn encode(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let checksum = blake3::hash(&bytes[..8]);
    bytes[8..].copy_from_slice(&checksum.as_bytes()[..8]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_mark_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Mark::read(dir.path()), None);
        Mark::open(dir.path()).unwrap().set(7).unwrap();
        assert_eq!(Mark::read(dir.path()), Some(7));
        let whole = std::fs::read(dir.path().join(NAME)).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            std::fs::write(dir.path().join(NAME), damaged).unwrap();
            assert_eq!(Mark::read(dir.path()), None);
        }
    }
}
