//! The disk guard: new mail is refused while there is still room for everything else.
//!
//! After a truly full disk RocksDB could not even be opened again, so it must never come to that.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How long a reading is believed.
const READING_AGE_MAX: Duration = Duration::from_millis(500);

/// Watches free space.
pub(crate) struct DiskGuard {
    free: FreeSpace,
    floor_bytes: u64,
    /// The last reading; no await inside, hence std's mutex.
    last: Mutex<Option<(Instant, bool)>>,
}

/// Where free space is read.
pub(crate) enum FreeSpace {
    /// The file system of this directory.
    Of(PathBuf),
    /// There is always room: a store in memory.
    Unlimited,
}

impl DiskGuard {
    pub(crate) fn new(free: FreeSpace, floor_bytes: u64) -> Self {
        Self { free, floor_bytes, last: Mutex::new(None) }
    }

    /// Whether new mail must wait. An unreadable file system counts as full.
    pub(crate) fn is_full(&self) -> bool {
        let FreeSpace::Of(path) = &self.free else { return false };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, full)) = *last
            && read.elapsed() < READING_AGE_MAX
        {
            return full;
        }
        let full = match rustix::fs::statvfs(path) {
            Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize) < self.floor_bytes,
            Err(error) => {
                tracing::error!(target: "facteur", %error, path = %path.display(), "free space unreadable");
                true
            }
        };
        if last.is_none_or(|(_, before)| before != full) {
            match full {
                true => {
                    tracing::error!(target: "facteur", floor_bytes = self.floor_bytes, "disk nearly full: new mail is refused")
                }
                false => tracing::info!(target: "facteur", "disk has room: new mail is taken"),
            }
            metrics::gauge!("facteur_store_disk_full").set(f64::from(u8::from(full)));
        }
        *last = Some((Instant::now(), full));
        full
    }
}
