//! The ballast: a file that only takes up room, so that a full disk has some left for the start.
//!
//! RocksDB could not be opened on a full disk: it wants to write out what its log holds. The guard
//! refuses new mail long before, but something else may fill the disk. Then the start deletes the
//! ballast, opens, and lets mail be read and deleted.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::StoreOptions;

const NAME: &str = "facteur.ballast";

/// Deletes the ballast when less than a third of its size is free: that third is what opening may
/// need. An unreadable file system keeps it.
pub(crate) fn make_room(options: &StoreOptions) -> io::Result<()> {
    let file = path(&options.data_dir);
    let size = match file.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if (options.free_disk)().is_none_or(|free| free >= size / 3) {
        return Ok(());
    }
    std::fs::remove_file(&file)?;
    tracing::error!(
        target: "facteur", file = %file.display(), size,
        "the disk is full: the ballast was deleted to be able to start; make room, and the next \
         start lays it again"
    );
    Ok(())
}

/// Lays the ballast when there is none of the wanted size and room for it above the guard's floor.
pub(crate) fn lay(options: &StoreOptions) {
    let (file, wanted) = (path(&options.data_dir), options.ballast_bytes);
    if file.metadata().is_ok_and(|metadata| metadata.len() == wanted) {
        return;
    }
    let _ = std::fs::remove_file(&file);
    let needed = wanted.saturating_add(options.disk_free_bytes_min);
    if wanted == 0 || (options.free_disk)().is_none_or(|free| free < needed) {
        return;
    }
    if let Err(error) = allocate(&file, wanted) {
        let _ = std::fs::remove_file(&file);
        tracing::warn!(target: "facteur", %error, "the ballast could not be laid");
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

fn allocate(file: &Path, size: u64) -> io::Result<()> {
    let file: File = OpenOptions::new().write(true).create_new(true).open(file)?;
    // Blocks that are really taken; setting the length alone would take none.
    Ok(fallocate(&file, FallocateFlags::empty(), 0, size)?)
}
