//! The processes of one server, in a control group of their own: what they cost, also those that
//! have ended, and how all of them are stopped.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;

/// A cgroup2 below the root group. Its `cpu.stat` needs no controller, and counts dead children.
pub(crate) struct Group {
    path: PathBuf,
    children: Vec<Child>,
}

/// How long processes may take to stop on their own.
const STOP_MAX: Duration = Duration::from_secs(30);
/// A group that used less than one fiftieth of a core in such a span is quiet.
const QUIET_SPAN: Duration = Duration::from_millis(250);
const QUIET_CPU: Duration = Duration::from_millis(5);
/// How long work in the background may go on before we stop waiting for its end.
const QUIET_MAX: Duration = Duration::from_secs(60);

impl Group {
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let root = cgroup2_root()?;
        let path = root.join(format!("facteur-bench-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| {
            let path = path.display();
            Error::NotPossible(format!("control group {path}: {error}; comparing needs root"))
        })?;
        Ok(Self { path, children: Vec::new() })
    }

    /// Starts a program in the group. Its output goes to the end of `log`.
    pub(crate) fn spawn(&mut self, program: &Path, args: &[&str], log: &Path) -> Result<(), Error> {
        let fail = || Error::io(format!("start {}", program.display()));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).map_err(fail())?;
        // Enters the group before the program runs, so that nothing escapes the account.
        let script = "echo $$ >\"$0\"/cgroup.procs && ulimit -n \"$(ulimit -Hn)\" && exec \"$@\"";
        let child = Command::new("sh")
            .args(["-c", script])
            .arg(&self.path)
            .arg(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(fail())?)
            .stderr(log)
            // Ctrl-C is for us: we stop the servers in good order.
            .process_group(0)
            .spawn()
            .map_err(fail())?;
        self.children.push(child);
        Ok(())
    }

    /// Whether all that was started still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.children.iter_mut().all(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// User and system time of all processes that ever were in the group.
    pub(crate) fn cpu(&self) -> Result<Duration, Error> {
        let path = self.path.join("cpu.stat");
        let text = std::fs::read_to_string(&path).map_err(Error::io("read cpu.stat"))?;
        let usage = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
        let usage = usage.and_then(|usage| usage.trim().parse().ok());
        usage.map(Duration::from_micros).ok_or_else(|| Error::NotPossible("no usage_usec".into()))
    }

    pub(crate) fn pids(&self) -> Vec<i32> {
        let text = std::fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).filter(|&pid| pid > 0).collect()
    }

    /// Proportional set size of all processes.
    pub(crate) fn pss_bytes(&self) -> u64 {
        let of_one = |pid: &i32| {
            let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        };
        self.pids().iter().filter_map(of_one).sum::<u64>() * 1024
    }

    /// Waits until nothing works in the background any more: index, compaction, queue.
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        let deadline = Instant::now() + QUIET_MAX;
        while Instant::now() < deadline {
            let before = self.cpu()?;
            tokio::time::sleep(QUIET_SPAN).await;
            if self.cpu()?.saturating_sub(before) < QUIET_CPU {
                break;
            }
        }
        Ok(())
    }

    /// Asks all processes to stop, waits, and kills what is left.
    pub(crate) fn stop(&mut self) {
        // Not only what we started: a shell that started a server ends without telling it.
        for pid in self.pids() {
            signal(pid, Signal::TERM);
        }
        let deadline = Instant::now() + STOP_MAX;
        while !self.pids().is_empty() {
            if Instant::now() > deadline {
                for pid in self.pids() {
                    signal(pid, Signal::KILL);
                }
            }
            for child in &mut self.children {
                let _ = child.try_wait();
            }
            // Processes we did not start ourselves cannot be waited for.
            std::thread::sleep(Duration::from_millis(20));
        }
        for mut child in self.children.drain(..) {
            let _ = child.wait();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir(&self.path);
    }
}

fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // Gone already: that was the aim.
        let _ = kill_process(pid, signal);
    }
}

fn cgroup2_root() -> Result<PathBuf, Error> {
    let mounts = std::fs::read_to_string("/proc/mounts").map_err(Error::io("read /proc/mounts"))?;
    let root = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(path))
    });
    root.ok_or_else(|| Error::NotPossible("there is no cgroup2 file system here".into()))
}

/// Counts the syncs of a group with perf, while it lives. By group and not by process: those that
/// begin meanwhile count as well.
pub(crate) struct SyncCounter {
    perf: Child,
    output: PathBuf,
}

const SYNC_EVENTS: &str =
    "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync,syscalls:sys_enter_msync";

impl SyncCounter {
    /// `None` without perf or its permission: the column stays empty then.
    pub(crate) async fn start(group: &Group, dir: &Path) -> Option<Self> {
        let name = group.path.file_name()?;
        let [control, acknowledged, output] =
            ["perf.control", "perf.ack", "perf.out"].map(|name| dir.join(name));
        for fifo in [&control, &acknowledged] {
            let _ = std::fs::remove_file(fifo);
        }
        let made = Command::new("mkfifo").args([&control, &acknowledged]).status().ok()?;
        let perf = Command::new("perf")
            .args(["stat", "-a", "-x", ",", "-D", "-1", "-e", SYNC_EVENTS, "--for-each-cgroup"])
            .arg(name)
            .arg("-o")
            .arg(&output)
            .arg(format!("--control=fifo:{},{}", control.display(), acknowledged.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .ok()
            .filter(|_| made.success())?;
        let counter = Self { perf, output };
        let enabled = tokio::task::spawn_blocking(move || enable(&control, &acknowledged));
        match tokio::time::timeout(Duration::from_secs(10), enabled).await {
            Ok(Ok(Ok(()))) => Some(counter),
            _ => None,
        }
    }

    /// Ends counting.
    pub(crate) fn stop(mut self) -> Option<u64> {
        signal(self.perf.id() as i32, Signal::INT);
        self.perf.wait().ok()?;
        sync_count(&std::fs::read_to_string(&self.output).ok()?)
    }
}

impl Drop for SyncCounter {
    fn drop(&mut self) {
        // Ended already after `stop`; otherwise it would count for ever.
        let _ = self.perf.kill();
        let _ = self.perf.wait();
    }
}

/// Opened for both directions a FIFO never blocks at opening (fifo(7)).
fn enable(control: &Path, acknowledged: &Path) -> std::io::Result<()> {
    use std::io::{Read, Write};
    let open = |path: &Path| std::fs::OpenOptions::new().read(true).write(true).open(path);
    let (mut control, mut acknowledged) = (open(control)?, open(acknowledged)?);
    control.write_all(b"enable\n")?;
    acknowledged.read_exact(&mut [0; 4])
}

/// Sums the counts of `perf stat -x,`: `12,,syscalls:sys_enter_fsync,group,…`.
fn sync_count(output: &str) -> Option<u64> {
    let counts: Vec<u64> = output
        .lines()
        .filter(|line| line.contains("sys_enter_"))
        .map(|line| line.split(',').next().and_then(|count| count.parse().ok()))
        .collect::<Option<_>>()?;
    (!counts.is_empty()).then(|| counts.iter().sum())
}

/// Bytes that a directory's files take on disk.
pub(crate) fn disk_bytes(dir: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 4096;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            // Not its blocks: a log's are reserved before they are written.
            Ok(metadata) => metadata.len().next_multiple_of(BLOCK_BYTES),
            // Deleted while we looked.
            Err(_) => 0,
        })
        .sum()
}

/// Lets other users read and enter.
pub(crate) fn open_to_all(path: &Path) -> Result<(), Error> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .map_err(Error::io(format!("chmod {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perf_counts_are_summed_and_unsupported_ones_are_no_number() {
        let output = "# started\n\n12,,syscalls:sys_enter_fsync,100,100.00,,\n\
                      30,,syscalls:sys_enter_fdatasync,100,100.00,,\n";
        assert_eq!(sync_count(output), Some(42));
        assert_eq!(sync_count("<not counted>,,syscalls:sys_enter_fsync,0,0.00,,\n"), None);
        assert_eq!(sync_count(""), None);
    }
}
