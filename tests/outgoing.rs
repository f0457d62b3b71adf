//! Mail that leaves: the demo with another server behind it; `tests/scripts/outgoing.py` has the
//! steps.

use std::path::Path;
use std::process::Command;

fn outgoing(step: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scripts/outgoing.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_facteur"))
        .arg(step)
        .output()
        .expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
}

#[test]
fn mail_leaves_byte_for_byte_and_a_mixed_message_reaches_everybody_once() {
    outgoing("leave");
}

#[test]
fn a_refusal_comes_back_as_a_notice_and_a_delay_waits_in_the_queue() {
    outgoing("refuse");
}

#[test]
fn what_is_queued_survives_a_kill() {
    outgoing("kill");
}

#[test]
fn a_message_is_held_until_its_time_and_can_be_held_by_an_operator() {
    outgoing("hold");
}
