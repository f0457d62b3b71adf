//! The disk guard: new mail is refused while there is still room for everything else.
//!
//! After a truly full disk RocksDB could not even be opened again, so it must never come to that.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells the free bytes of the store's disk; `None` when nobody knows.
pub type FreeDisk = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Watches free space. Asks each time: the kernel knows the answer.
pub(crate) struct DiskGuard {
    free: FreeDisk,
    floor_bytes: u64,
    /// What was last said, so that a change is logged once.
    was_full: AtomicBool,
}

/// Free space of the file system that holds this directory, for those without privileges.
pub(crate) fn free_disk_of(path: PathBuf) -> FreeDisk {
    Arc::new(move || {
        let stat = rustix::fs::statvfs(&path);
        let stat = stat.inspect_err(|error| {
            tracing::error!(target: "facteur", %error, path = %path.display(), "free space unreadable");
        });
        stat.ok().map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    })
}

impl DiskGuard {
    pub(crate) fn new(free: FreeDisk, floor_bytes: u64) -> Self {
        Self { free, floor_bytes, was_full: AtomicBool::new(false) }
    }

    /// Free bytes; `None` when nobody knows.
    pub(crate) fn free(&self) -> Option<u64> {
        (self.free)()
    }

    /// Below how many free bytes new mail waits.
    pub(crate) fn floor(&self) -> u64 {
        self.floor_bytes
    }

    /// Whether new mail must wait. An unreadable file system counts as full.
    pub(crate) fn is_full(&self) -> bool {
        let floor_bytes = self.floor_bytes;
        let is_full = floor_bytes > 0 && (self.free)().is_none_or(|free| free < floor_bytes);
        if self.was_full.swap(is_full, Ordering::Relaxed) != is_full {
            metrics::gauge!("facteur_store_disk_full").set(f64::from(u8::from(is_full)));
            if is_full {
                tracing::error!(target: "facteur", floor_bytes, "disk nearly full: new mail is refused");
            } else {
                tracing::info!(target: "facteur", "disk has room: new mail is taken");
            }
        }
        is_full
    }
}
