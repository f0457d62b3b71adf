//! Runs a script that drives the whole program from outside.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// What a script ends with where this machine does not allow what it needs.
const SKIPPED: i32 = 77;

/// Runs `python3 tests/scripts/NAME FACTEUR ARGS…`; panics with its output when it fails.
pub(crate) fn run(name: &str, args: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scripts").join(name);
    let output = Command::new("python3")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_facteur"))
        .args(args)
        .output()
        .expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(SKIPPED) {
        tell_skipped(&text);
    } else {
        assert!(output.status.success(), "{name} {args:?}\n{text}\n{errors}");
    }
}

/// Says why a test was skipped. Not by `println!`: the test harness keeps that of tests that pass
/// to itself.
fn tell_skipped(text: &str) {
    let test = std::thread::current();
    let _ = writeln!(std::io::stderr(), "{}: {}", test.name().unwrap_or_default(), text.trim());
}
