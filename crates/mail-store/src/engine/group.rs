//! The record that begins each commit group: a running number, the last group known to be
//! synced, and a checksum.
//!
//! RocksDB forgives a damaged tail of its log, because a power cut leaves one. These records tell
//! a torn last write from lost acknowledged ones: whoever finds, in the log's raw bytes, a record
//! saying that group 7 was synced, must have recovered group 7.

use super::backend::Op;

/// Fourteen random bytes, so that no body contains them by chance.
const MAGIC: [u8; 14] =
    [0xfa, 0xc7, 0xe0, 0x52, 0x9b, 0x1d, 0x63, 0xae, 0x04, 0xd8, 0x77, 0x3c, 0xb1, 0x96];
/// Length of an encoded record.
pub(crate) const RECORD_BYTES: usize = MAGIC.len() + 8 + 8 + 16 + 16;

/// One group's record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupRecord {
    /// Its running number, from 1.
    pub(crate) number: u64,
    /// The last group that was synced when this one was written.
    pub(crate) last_synced: u64,
    /// Checksum of the group's contents.
    pub(crate) contents: [u8; 16],
}

impl GroupRecord {
    /// The record for a group with these contents.
    pub(crate) fn new(number: u64, last_synced: u64, ops: &[Op]) -> Self {
        let mut contents = Contents::default();
        for op in ops {
            match op {
                Op::Put(key, value) | Op::PutChunk(key, value) => contents.add(key, Some(value)),
                Op::Delete(key) | Op::DeleteChunk(key) => contents.add(key, None),
                Op::DeleteRange(range) => contents.add(&range.start, Some(&range.end)),
            }
        }
        Self { number, last_synced, contents: contents.finish() }
    }

    /// Magic, numbers, contents' checksum, and a checksum of all that.
    pub(crate) fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..14].copy_from_slice(&MAGIC);
        bytes[14..22].copy_from_slice(&self.number.to_be_bytes());
        bytes[22..30].copy_from_slice(&self.last_synced.to_be_bytes());
        bytes[30..46].copy_from_slice(&self.contents);
        let checksum = short(&blake3::hash(&bytes[..46]));
        bytes[46..].copy_from_slice(&checksum);
        bytes
    }

    /// Reads a record; `None` when it is not one or is damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD_BYTES] = bytes.get(..RECORD_BYTES)?.try_into().ok()?;
        let whole = bytes[..14] == MAGIC && bytes[46..] == short(&blake3::hash(&bytes[..46]));
        whole.then(|| Self {
            number: u64::from_be_bytes(bytes[14..22].try_into().unwrap_or_default()),
            last_synced: u64::from_be_bytes(bytes[22..30].try_into().unwrap_or_default()),
            contents: bytes[30..46].try_into().unwrap_or_default(),
        })
    }

    /// All undamaged records in raw bytes, wherever they stand.
    pub(crate) fn find_all(bytes: &[u8]) -> impl Iterator<Item = GroupRecord> + '_ {
        bytes
            .windows(RECORD_BYTES)
            .filter(|window| window[..2] == MAGIC[..2])
            .filter_map(Self::decode)
    }
}

/// The checksum of a group's operations, in order.
#[derive(Debug, Default)]
pub(crate) struct Contents(blake3::Hasher);

impl Contents {
    /// Takes the strings of one operation.
    pub(crate) fn add(&mut self, first: &[u8], second: Option<&[u8]>) {
        self.0.update(first);
        if let Some(second) = second {
            self.0.update(second);
        }
    }

    pub(crate) fn finish(&self) -> [u8; 16] {
        short(&self.0.finalize())
    }
}

fn short(hash: &blake3::Hash) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_in_noise_and_not_when_a_bit_of_it_flips() {
        let record = GroupRecord { number: 7, last_synced: 6, contents: [3; 16] };
        let mut bytes = vec![0xfa; 40];
        bytes.extend(record.encode());
        bytes.extend([0xfa; 70]);
        assert_eq!(GroupRecord::find_all(&bytes).collect::<Vec<_>>(), [record]);
        for place in 40..40 + RECORD_BYTES {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(GroupRecord::find_all(&damaged).count(), 0, "{place}");
        }
    }
}
