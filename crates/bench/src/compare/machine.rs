//! The machine in neutral words, and what its disk can do.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::report::percentile;

/// Cores, memory, file system, load.
pub(crate) fn describe(dir: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {cores} cores shared by servers and load generator, {} GiB of memory, {}, load {} \
         before the run",
        name.unwrap_or("Linux").trim_matches('"'),
        memory_gib(),
        file_system(&mounts, dir),
        load.split(' ').next().unwrap_or("unknown"),
    )
}

fn memory_gib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<u64> = total.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(0).div_ceil(1024 * 1024)
}

/// The type of the file system that a directory is on.
fn file_system(mounts: &str, dir: &Path) -> String {
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((Path::new(fields.next()?), fields.next()?))
    });
    let holding = mounted.filter(|(path, _)| dir.starts_with(path));
    // Of two at the same place the later one is on top.
    let deepest = holding.max_by_key(|(path, _)| path.components().count());
    deepest.map_or("unknown file system", |(_, kind)| kind).to_owned()
}

/// The median time to append 4 KiB to a file and sync it: the floor of every acknowledgement.
pub(crate) fn sync_time(dir: &Path) -> Result<Duration, Error> {
    const ROUNDS: usize = 200;
    let path = dir.join("sync-time");
    let fail = || Error::io(format!("sync {}", path.display()));
    let mut file = std::fs::File::create(&path).map_err(fail())?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        file.write_all(&[7; 4096]).map_err(fail())?;
        file.sync_data().map_err(fail())?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let _ = std::fs::remove_file(&path);
    percentile(&times, 50).ok_or_else(|| Error::NotPossible("no sync was timed".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_holds_the_directory() {
        let mounts = "a / ext4 rw 0 0\nb /var xfs rw 0 0\nc /var btrfs rw 0 0\nd /v tmpfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/var/tmp/x")), "btrfs");
        assert_eq!(file_system(mounts, Path::new("/variable")), "ext4");
        assert_eq!(file_system("", Path::new("/")), "unknown file system");
    }
}
