//! A demo server for tests that drive the whole program from outside.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take on a slow, busy machine.
const START_MAX: Duration = Duration::from_secs(120);

/// A running demo; dropping it kills it, as a power failure of the program would.
pub(crate) struct Demo {
    pub(crate) dir: PathBuf,
    accounts: u32,
    port_base: u16,
    child: Child,
    _root: tempfile::TempDir,
    _ports: File,
}

impl Demo {
    /// Starts a demo with this many agents in a directory of its own.
    pub(crate) fn start(accounts: u32) -> Self {
        Self::start_with(accounts, &[])
    }

    /// The same with further options.
    pub(crate) fn start_with(accounts: u32, options: &[&str]) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        let dir = root.path().join("demo");
        let (port_base, ports) = reserve_base();
        let child = spawn(&dir, port_base, accounts, options);
        let mut demo = Self { dir, accounts, port_base, child, _root: root, _ports: ports };
        demo.wait_until_ready();
        demo
    }

    /// Kills it and starts it over what it had, with other options.
    pub(crate) fn start_again(&mut self, options: &[&str]) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        std::fs::remove_file(self.dir.join("demo.json")).expect("the demo had started");
        self.child = spawn(&self.dir, self.port_base, self.accounts, options);
        self.wait_until_ready();
    }

    /// Runs `python3 tests/scripts/NAME DIR/demo.json ARGS…`; panics with its output when it fails.
    pub(crate) fn run_script(&self, name: &str, args: &[&str]) -> String {
        let output = self.script(name, args).output().expect("python3 runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} failed\n{text}\n{errors}\n{}", self.log_tail());
        text
    }

    fn script(&self, name: &str, args: &[&str]) -> Command {
        let script = repository().join("tests/scripts").join(name);
        let mut command = Command::new("python3");
        command.arg(script).arg(self.dir.join("demo.json")).args(args);
        command
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while !self.dir.join("demo.json").exists() {
            if let Some(status) = self.child.try_wait().expect("the server can be asked") {
                panic!("the demo ended with {status}\n{}", self.log_tail());
            }
            assert!(started.elapsed() < START_MAX, "the demo did not start\n{}", self.log_tail());
            // There is no event to wait for: the file appears in another process.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &Path, port_base: u16, accounts: u32, options: &[&str]) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.with_extension("log"))
        .expect("a log file");
    Command::new(env!("CARGO_BIN_EXE_facteur"))
        .args(["demo", "--dir"])
        .arg(dir)
        .args(["--port-base", &port_base.to_string()])
        .args(["--accounts", &accounts.to_string()])
        .args(options)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the log file"))
        .stderr(log)
        .spawn()
        .expect("facteur starts")
}

/// A base whose ports are free, and the lock that keeps it from other tests of this machine while
/// it is held; `tests/scripts/ports.py` reserves the same way.
fn reserve_base() -> (u16, File) {
    const COUNT: u16 = 20;
    let folder = std::env::temp_dir().join("facteur-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder for locks");
    let first = (std::process::id() % u32::from(COUNT)) as u16;
    for turn in 0..COUNT {
        let base = 11_000 + (first + turn) % COUNT * 1000;
        let lock = File::create(folder.join(base.to_string())).expect("a lock file");
        let is_free = |offset| std::net::TcpListener::bind(("127.0.0.1", base + offset)).is_ok();
        if lock.try_lock().is_ok() && [24, 25, 80, 143, 443, 465, 587, 993].into_iter().all(is_free)
        {
            return (base, lock);
        }
    }
    panic!("no free range of ports");
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
