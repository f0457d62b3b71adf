//! Opening RocksDB: its options, and the check of its log before anything is written.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    Options,
};

use rustix::process::{Resource, getrlimit};

use super::GROUP_KEY;
use super::group::GroupRecord;
use super::mark::Mark;
use super::rocks::{CHUNKS, Rocks};
use super::wal::Log;
use crate::error::OpenError;
use crate::store::StoreOptions;

/// The part of the process's open files that RocksDB may have: connections need most of them.
const OPEN_FILES_PART: u64 = 4;
const OPEN_FILES_MIN: u64 = 64;
const OPEN_FILES_MAX: u64 = 16_384;
/// Bytes of checksum beside each entry of a write buffer, against flipped bits in memory.
const BUFFER_CHECK_BYTES: u32 = 8;
/// RocksDB's own LOG files: how many, and how large.
const INFO_LOGS_MAX: usize = 5;
const INFO_LOG_BYTES_MAX: usize = 4 << 20;
/// Size of the files that hold bodies; small enough that a mostly dead one is soon rewritten.
const BLOB_FILE_BYTES: u64 = 64 << 20;

/// What to do about a damaged log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// Refuse, unless a torn last write explains it.
    Strict,
    /// Take what stands before the damage.
    Salvage,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opened {
    /// The number from which the committer goes on.
    pub(crate) last_group: u64,
    /// Groups of which the log holds a trace, or the mark says that they were synced, but which
    /// were not recovered.
    pub(crate) groups_dropped: u64,
}

/// A data directory that nobody else has open, for as long as this lives.
pub(crate) struct Locked(File);

impl Locked {
    /// Makes the directory when it is missing, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let failed = |error: std::io::Error| OpenError::Engine {
            path: path.to_owned(),
            detail: error.to_string(),
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let lock = File::create(path.join("facteur.lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| OpenError::InUse { path: path.to_owned() })?;
        Ok(Self(lock))
    }
}

/// Opens the database, or says why not and leaves everything as it was.
pub(crate) fn open(
    options: &StoreOptions,
    recovery: Recovery,
    Locked(lock): Locked,
) -> Result<(Rocks, Opened), OpenError> {
    let path = &options.data_dir;
    let failed =
        |error: std::io::Error| OpenError::Engine { path: path.clone(), detail: error.to_string() };
    let log = Log::read(path).map_err(failed)?;
    let marked = Mark::read(path).unwrap_or_default();
    let is_new = !path.join("CURRENT").exists();
    if is_new && holds_data(path).map_err(failed)? {
        let detail = "the file CURRENT is missing; restore a backup".to_owned();
        return Err(OpenError::Engine { path: path.clone(), detail });
    }
    // What the log alone proves is said before RocksDB looks at anything.
    if recovery == Recovery::Strict
        && log.whole > 0
        && let Some(detail) = unexplained(&log, log.whole, marked)
    {
        return Err(OpenError::DamagedLog { path: path.clone(), detail });
    }
    let recovered = if is_new { 0 } else { recoverable_group(options, recovery)? };
    if recovery == Recovery::Strict
        && let Some(detail) = unexplained(&log, recovered, marked)
    {
        return Err(OpenError::DamagedLog { path: path.clone(), detail });
    }
    let db = open_database(options, recovery)?;
    let mark = Mark::open(path).map_err(failed)?;
    let newest = log.newest.max(marked).max(recovered);
    let torn = u64::from(log.fault.is_some());
    let opened = Opened { last_group: newest, groups_dropped: (newest - recovered).max(torn) };
    Ok((Rocks { db, mark, _lock: lock }, opened))
}

/// Whether there are files that hold rows or bodies: then a missing `CURRENT` must not make the
/// engine begin an empty database over them.
fn holds_data(path: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let file = entry.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("sst" | "blob" | "log")) && entry.metadata()?.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why the log is more damaged than by a torn last write, whose group nobody was told of.
fn unexplained(log: &Log, recovered: u64, marked: u64) -> Option<String> {
    let synced = log.last_synced.max(marked);
    if synced > recovered.max(log.whole) || log.whole > recovered {
        let newest = synced.max(log.whole);
        return Some(format!(
            "it can be read up to commit group {recovered}, but group {newest} was acknowledged"
        ));
    }
    let is_followed = log.newest > recovered.max(log.whole) + 1;
    let fault = log.fault.as_ref().filter(|fault| fault.is_followed || is_followed)?;
    let (file, offset) = (fault.file.display(), fault.offset);
    Some(format!("{file} is broken at byte {offset}, and commit groups stand behind that"))
}

/// Replays the log without writing anything, and says which group it ends with.
fn recoverable_group(options: &StoreOptions, recovery: Recovery) -> Result<u64, OpenError> {
    let db = open_read_only(options, recovery)?;
    let record = db.get(GROUP_KEY).ok().flatten();
    Ok(record.and_then(|bytes| GroupRecord::decode(&bytes)).unwrap_or_default().number)
}

/// Reads a row without writing anything.
pub(crate) fn read_row(options: &StoreOptions, key: &[u8]) -> Result<Option<Bytes>, OpenError> {
    let db = open_read_only(options, Recovery::Strict)?;
    let value = db.get(key).map_err(|error| refused(options, error))?;
    Ok(value.map(Bytes::from))
}

fn open_read_only(options: &StoreOptions, recovery: Recovery) -> Result<DB, OpenError> {
    let database = database_options(options, recovery);
    DB::open_cf_descriptors_read_only(&database, &options.data_dir, families(options), false)
        .map_err(|error| refused(options, error))
}

fn open_database(options: &StoreOptions, recovery: Recovery) -> Result<DB, OpenError> {
    DB::open_cf_descriptors(
        &database_options(options, recovery),
        &options.data_dir,
        families(options),
    )
    .map_err(|error| refused(options, error))
}

fn refused(options: &StoreOptions, error: rocksdb::Error) -> OpenError {
    let path = options.data_dir.clone();
    match error.kind() {
        rocksdb::ErrorKind::Corruption => {
            OpenError::DamagedLog { path, detail: error.into_string() }
        }
        _ => OpenError::Engine { path, detail: error.into_string() },
    }
}

fn database_options(options: &StoreOptions, recovery: Recovery) -> Options {
    let mut database = Options::default();
    database.create_if_missing(true);
    database.create_missing_column_families(true);
    // The default mode was seen to drop half of the acknowledged records behind one flipped
    // byte, silently. This one refuses unless the damage looks like a torn last write, and the
    // group records look closer at that.
    database.set_wal_recovery_mode(match recovery {
        Recovery::Strict => DBRecoveryMode::TolerateCorruptedTailRecords,
        Recovery::Salvage => DBRecoveryMode::PointInTime,
    });
    database.set_recycle_log_file_num(0);
    database.set_paranoid_checks(true);
    // A closed log file that is missing or too short is refused, although its neighbours are whole.
    // A salvage takes what there is.
    database.set_track_and_verify_wals_in_manifest(recovery == Recovery::Strict);
    database.set_max_open_files(open_files_max());
    database.set_keep_log_file_num(INFO_LOGS_MAX);
    database.set_max_log_file_size(INFO_LOG_BYTES_MAX);
    database.set_db_write_buffer_size(options.write_buffer_bytes as usize);
    database.set_max_total_wal_size(options.wal_bytes_max);
    database.set_max_background_jobs(2);
    database.set_bytes_per_sync(1 << 20);
    database
}

/// RocksDB's share of the files that this process may hold open.
fn open_files_max() -> i32 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit / OPEN_FILES_PART).clamp(OPEN_FILES_MIN, OPEN_FILES_MAX) as i32
}

/// The families' common beginning: what the engine's binding has no function for.
fn family_options() -> Options {
    let text = format!("memtable_protection_bytes_per_key={BUFFER_CHECK_BYTES}");
    Options::default().get_options_from_string(text).unwrap_or_else(|error| {
        tracing::warn!(target: "facteur", %error, "write buffers are not protected");
        Options::default()
    })
}

/// Rows in the default family, bodies in their own: their values go to blob files, so that
/// compaction moves keys and not mail.
fn families(options: &StoreOptions) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_hyper_clock_cache(options.block_cache_bytes as usize, 0);
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&cache);
    blocks.set_format_version(6);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);

    let mut rows = family_options();
    rows.set_block_based_table_factory(&blocks);
    rows.set_compression_type(DBCompressionType::Lz4);
    rows.set_bottommost_compression_type(DBCompressionType::Zstd);
    rows.set_write_buffer_size((options.write_buffer_bytes / 4).max(1 << 20) as usize);
    rows.set_max_write_buffer_number(4);
    rows.set_level_compaction_dynamic_level_bytes(true);

    let mut chunks = rows.clone();
    chunks.set_enable_blob_files(true);
    chunks.set_min_blob_size(1024);
    chunks.set_blob_file_size(BLOB_FILE_BYTES);
    chunks.set_blob_compression_type(DBCompressionType::Lz4);
    chunks.set_enable_blob_gc(true);
    chunks.set_blob_gc_age_cutoff(0.25);
    chunks.set_blob_gc_force_threshold(0.5);
    vec![
        ColumnFamilyDescriptor::new(rocksdb::DEFAULT_COLUMN_FAMILY_NAME, rows),
        ColumnFamilyDescriptor::new(CHUNKS, chunks),
    ]
}
