//! Our own reading of RocksDB's log files, before RocksDB reads them.
//!
//! RocksDB takes any damage that looks like a torn last write for one, in every log file and not
//! only in the newest, and drops what stands behind it. This reads the same files, checks each
//! commit group's number and checksum, and says where the unbroken run of groups ends and what is
//! known to stand behind that.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::GROUP_KEY;
use super::group::{Contents, GroupRecord, RECORD_BYTES};

/// RocksDB's log format: blocks of this size, each fragment behind a header.
const BLOCK: usize = 32 << 10;
/// Checksum (4), length (2), kind (1).
const HEADER: usize = 7;
/// Sequence number (8) and count (4) at the head of a write batch.
const BATCH_HEADER: usize = 12;

/// What the log files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// The last group of the unbroken run; 0 when there is none.
    pub(crate) whole: u64,
    /// The highest number of any group of which a trace is left.
    pub(crate) newest: u64,
    /// The highest number that any record says was synced.
    pub(crate) last_synced: u64,
    /// Where the run ends before the log does.
    pub(crate) fault: Option<Fault>,
}

/// Where the run of groups ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) file: PathBuf,
    pub(crate) offset: usize,
    /// Whether a later file stands behind: then this is no torn last write.
    pub(crate) is_followed: bool,
}

impl Log {
    /// Reads all log files of a data directory, oldest first, one in memory at a time.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut log = Self::default();
        for file in log_files(path)? {
            let bytes = fs::read(&file)?;
            match &mut log.fault {
                Some(fault) => {
                    fault.is_followed |= bytes.iter().any(|&byte| byte != 0);
                    log.note_strays(&bytes);
                }
                None => log.read_file(file, &bytes),
            }
        }
        Ok(log)
    }

    fn read_file(&mut self, file: PathBuf, bytes: &[u8]) {
        for record in (Records { bytes, at: 0 }) {
            let damaged = match record {
                Ok((offset, batch)) => match group_of(&batch) {
                    Some(group) if self.whole == 0 || group.number == self.whole + 1 => {
                        self.whole = group.number;
                        self.note(group);
                        continue;
                    }
                    _ => offset,
                },
                Err(offset) => offset,
            };
            self.note_strays(&bytes[damaged..]);
            // A block's start resynchronises: a record's trace may straddle one.
            let boundaries = (damaged / BLOCK + 1..).map(|block| block * BLOCK);
            for boundary in boundaries.take_while(|&boundary| boundary + HEADER < bytes.len()) {
                let before = &bytes[(boundary - RECORD_BYTES).max(damaged)..boundary];
                let after =
                    &bytes[boundary + HEADER..bytes.len().min(boundary + HEADER + RECORD_BYTES)];
                self.note_strays(&[before, after].concat());
            }
            self.fault = Some(Fault { file, offset: damaged, is_followed: false });
            return;
        }
    }

    fn note_strays(&mut self, bytes: &[u8]) {
        GroupRecord::find_all(bytes).for_each(|record| self.note(record));
    }

    fn note(&mut self, record: GroupRecord) {
        self.newest = self.newest.max(record.number);
        self.last_synced = self.last_synced.max(record.last_synced);
    }
}

/// The non-empty log files in the order in which they were written.
fn log_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let file = entry.path();
        let number = file.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let Some(number) = number
            && file.extension().is_some_and(|extension| extension == "log")
            && entry.metadata()?.len() > 0
        {
            files.push((number, file));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

/// The records of one log file; an `Err` is the offset of the first one that is not whole, and
/// nothing after it is read.
struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(usize, Cow<'a, [u8]>), usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut begun: Option<(usize, Vec<u8>)> = None;
        loop {
            let start = begun.as_ref().map_or(self.at, |(start, _)| *start);
            let left = BLOCK - self.at % BLOCK;
            if left < HEADER {
                self.at += left;
                continue;
            }
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            // File systems may leave zeros where the last write was to be.
            if rest.iter().all(|&byte| byte == 0) {
                self.at = self.bytes.len();
                return begun.map(|(start, _)| Err(start));
            }
            let Some(fragment) = fragment(&rest[..rest.len().min(left)]) else {
                return Some(Err(start));
            };
            self.at += HEADER + fragment.1.len();
            match (fragment, &mut begun) {
                ((1, data), None) => return Some(Ok((start, Cow::Borrowed(data)))),
                ((2, data), None) => begun = Some((start, data.to_vec())),
                ((3, data), Some((_, whole))) => whole.extend_from_slice(data),
                ((4, data), Some((_, whole))) => {
                    whole.extend_from_slice(data);
                    return begun.map(|(start, whole)| Ok((start, Cow::Owned(whole))));
                }
                _ => return Some(Err(start)),
            }
        }
    }
}

/// Kind and data of the fragment at the beginning of what is left of a block.
fn fragment(block: &[u8]) -> Option<(u8, &[u8])> {
    let header = block.get(..HEADER)?;
    let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
    Some((header[6], block.get(HEADER..HEADER + length)?))
}

/// The group that a write batch is, if it is a whole one.
fn group_of(batch: &[u8]) -> Option<GroupRecord> {
    let mut ops = Ops(batch.get(BATCH_HEADER..)?);
    let (1, key, Some(value)) = ops.next()? else { return None };
    let record = GroupRecord::decode(value).filter(|_| key == GROUP_KEY)?;
    let mut contents = Contents::default();
    while !ops.0.is_empty() {
        let (_, first, second) = ops.next()?;
        contents.add(first, second);
    }
    (contents.finish() == record.contents).then_some(record)
}

/// The operations of a write batch: tag, first and, where there is one, second string.
struct Ops<'a>(&'a [u8]);

type RawOp<'a> = (u8, &'a [u8], Option<&'a [u8]>);

impl<'a> Ops<'a> {
    fn next(&mut self) -> Option<RawOp<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        self.0 = rest;
        // Deletion, value, and the same in a numbered column family; range deletions.
        let (has_family, has_second) = match tag {
            0x0 => (false, false),
            0x1 | 0xf => (false, true),
            0x4 => (true, false),
            0x5 | 0xe => (true, true),
            _ => return None,
        };
        if has_family {
            self.number()?;
        }
        let first = self.string()?;
        let second = if has_second { Some(self.string()?) } else { None };
        Some((tag, first, second))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()? as usize;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// A number of up to 32 bits, seven bits a byte, low ones first.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob_store::BlobStore;
    use crate::error::OpenError;
    use crate::store::{Store, StoreOptions};

    /// A stopped store whose bodies span blocks of its log, in two log files when `in_two`.
    async fn stopped(in_two: bool) -> (tempfile::TempDir, StoreOptions) {
        let dir = tempfile::tempdir().unwrap();
        let (data, secrets) = (dir.path().join("data"), dir.path().join("secrets.toml"));
        let mut options = StoreOptions::new(data.clone(), secrets);
        options.disk_free_bytes_min = 0;
        let store = Store::open(options.clone()).unwrap();
        for number in 0..6u8 {
            if in_two && number == 3 {
                // Rows are flushed and bodies are not: the first file is still needed.
                store.inner.engine.rocks().unwrap().db.flush().unwrap();
            }
            let mut writer = store.body_writer();
            writer.write(&[number; 40_000]).await.unwrap();
            writer.finish(&[]).await.unwrap();
            let partition = crate::Partition { class: crate::Class::Queue, id: 0 };
            store.commit(partition, crate::Batch::new().bump()).await.unwrap();
        }
        options.data_dir = dir.path().join("copy");
        fs::create_dir(&options.data_dir).unwrap();
        for entry in fs::read_dir(data).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), options.data_dir.join(entry.file_name())).unwrap();
        }
        // As after a power cut: the log must speak for itself.
        fs::remove_file(options.data_dir.join("facteur.synced")).unwrap();
        (dir, options)
    }

    #[tokio::test]
    async fn damage_anywhere_in_a_log_of_many_blocks_ends_the_run() {
        let (_dir, options) = stopped(false).await;
        let file = log_files(&options.data_dir).unwrap().remove(0);
        let bytes = fs::read(&file).unwrap();
        let whole = Log::read(&options.data_dir).unwrap();
        assert!(bytes.len() > 6 * BLOCK && whole.fault.is_none(), "{whole:?}");
        assert_eq!(whole.whole, whole.newest);
        for at in (0..bytes.len()).step_by(211).chain(BLOCK - 100..BLOCK + 100) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(&file, damaged).unwrap();
            let log = Log::read(&options.data_dir).unwrap();
            // A fragment's checksum and a batch's sequence number are RocksDB's to check.
            if log != whole {
                assert!(log.fault.is_some() && log.whole < whole.whole, "byte {at}: {log:?}");
                // What stands behind the break is seen, so that opening refuses. It need not have
                // been synced group by group: a synced one may stand behind an unsynced one.
                let is_last = log.whole + 1 == whole.whole;
                let is_followed = log.newest > log.whole + 1;
                assert!(is_last || is_followed, "byte {at}: {log:?}");
            }
        }
    }

    // RocksDB takes the torn end of an older file for a torn last write and goes on with the next
    // file: the pieces of acknowledged bodies would be gone and nothing said.
    #[tokio::test]
    async fn the_end_of_an_older_log_file_missing_is_no_torn_write() {
        let (_dir, options) = stopped(true).await;
        let files = log_files(&options.data_dir).unwrap();
        assert_eq!(files.len(), 2);
        let bytes = fs::read(&files[0]).unwrap();
        for missing in [1, 30, 150, 20_000] {
            fs::write(&files[0], &bytes[..bytes.len() - missing]).unwrap();
            let error = Store::open(options.clone()).err();
            assert!(matches!(error, Some(OpenError::DamagedLog { .. })), "{missing}: {error:?}");
        }
        // Groups of one file follow those of the other only while both are there: the engine's own
        // list of log files tells.
        fs::remove_file(&files[0]).unwrap();
        let error = Store::open(options.clone()).err();
        assert!(matches!(error, Some(OpenError::DamagedLog { .. })), "{error:?}");
        fs::write(&files[0], &bytes).unwrap();
        let store = Store::open(options).unwrap();
        let verified = store.verify(|_| {}).await.unwrap();
        assert_eq!((verified.bodies, verified.faults), (6, vec![]));
    }
}
