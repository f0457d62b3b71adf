//! The whole program broken in the middle of its work; `tests/scripts/crash.py` says how, and what
//! must hold afterwards. `make crash` runs more rounds and more kinds of faults.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

/// What the script ends with where the fault cannot be made.
const SKIPPED: i32 = 77;

/// Runs the script with its files in `dir`; `None` where the fault cannot be made.
fn run(dir: &Path, arguments: &[&str]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scripts/crash.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_facteur"))
        .args(arguments)
        .env("TMPDIR", dir)
        .output()
        .expect("python3 runs");
    if output.status.code() == Some(SKIPPED) {
        tell_skipped(&said(&output));
        return None;
    }
    tell(&said(&output));
    Some(output)
}

/// What was done, for whoever looks into a failure.
#[expect(clippy::print_stdout, reason = "shown with a test that fails")]
fn tell(text: &str) {
    println!("{text}");
}

/// Says why a test was skipped. Not by `println!`: the test harness keeps that of tests that pass
/// to itself.
fn tell_skipped(text: &str) {
    let test = std::thread::current();
    let _ = writeln!(std::io::stderr(), "{}: {}", test.name().unwrap_or_default(), text.trim());
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    format!("{text}\n{}", String::from_utf8_lossy(&output.stderr))
}

fn crash(arguments: &[&str]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(output) = run(dir.path(), arguments) else { return };
    // Ledger, log and image are kept for who looks into it.
    let succeeded = output.status.success();
    assert!(succeeded, "{}\nkept in {}", said(&output), dir.keep().display());
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_once_and_nothing_else_has_changed() {
    crash(&["--fault", "kill", "--rounds", "2"]);
}

#[test]
fn twenty_senders_lose_nothing_to_a_kill() {
    crash(&["--fault", "kill", "--rounds", "3", "--senders", "20", "--only-senders"]);
}

#[test]
fn what_was_acknowledged_before_a_power_cut_is_there_once() {
    crash(&["--fault", "power", "--fs", "ext4", "--rounds", "2"]);
}

#[test]
fn what_waits_for_other_servers_survives_a_kill_and_another_while_it_leaves() {
    crash(&["--fault", "kill", "--queued", "300"]);
}

#[test]
fn what_waits_for_other_servers_survives_a_power_cut_and_another_while_it_leaves() {
    crash(&["--fault", "power", "--queued", "300"]);
}

#[test]
fn a_full_disk_refuses_mail_with_452_and_limit_is_read_meanwhile_and_recovers() {
    crash(&["--fault", "full", "--rounds", "1"]);
}

#[test]
fn a_server_whose_syncs_do_nothing_does_not_pass_for_durable() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(output) = run(dir.path(), &["--fault", "unsynced", "--rounds", "1"]) else { return };
    let said = said(&output);
    assert!(!output.status.success() && said.contains("\n(a) "), "{said}");
}

#[test]
fn a_failed_write_ends_the_server_and_nothing_acknowledged_is_lost() {
    crash(&["--fault", "write", "--rounds", "2"]);
}

#[test]
fn a_backup_taken_under_load_restores_clean_and_moves_every_uid_forward() {
    crash(&["--fault", "backup", "--rounds", "1"]);
}
