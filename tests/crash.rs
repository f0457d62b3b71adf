//! The program killed in the middle of its work, and a backup taken in the middle of it.

#[path = "demo.rs"]
mod demo;

use std::io::BufRead;
use std::process::Stdio;

/// Rounds of load and kill; `ROUNDS` asks for more.
const ROUNDS: u32 = 3;

#[test]
fn what_was_acknowledged_before_a_kill_is_there_once() {
    let mut demo = demo::Demo::start(5);
    let ledger = demo.dir.with_extension("ledger");
    let validity = demo.dir.with_extension("validity");
    let (ledger, validity) = (ledger.to_str().unwrap(), validity.to_str().unwrap());
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    for _ in 0..rounds {
        let mut load =
            demo.script("send_load.py", &[ledger]).stdout(Stdio::piped()).spawn().unwrap();
        // One sender has had forty acknowledgements: all of them are in the middle of it.
        let mut line = String::new();
        let output = load.stdout.take().unwrap();
        std::io::BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "busy", "{}", demo.log_tail());
        demo.kill_and_restart(5);
        assert!(load.wait().unwrap().success());
        demo.run_script("check_ledger.py", &[ledger, validity]);
    }
    let verified = demo.facteur(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_backup_taken_under_load_restores_clean_and_moves_every_uid_forward() {
    let mut demo = demo::Demo::start(5);
    let ledger = demo.dir.with_extension("ledger");
    let mut load = demo
        .script("send_load.py", &[ledger.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(load.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let before = std::fs::read_to_string(&ledger).unwrap();
    let backup = demo.dir.with_extension("backup");
    let backup = backup.to_str().unwrap();
    let output = demo.facteur(&["backup", backup]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let uid_next = demo.run_script("uid_next.py", &["agent1"]);
    demo.stop();
    assert!(load.wait().unwrap().success());
    std::fs::rename(demo.dir.join("data"), demo.dir.join("data.old")).unwrap();
    let restored = demo.facteur(&["restore", backup]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    demo.restart(5);
    std::fs::write(&ledger, before).unwrap();
    let validity = demo.dir.with_extension("validity");
    demo.run_script("check_ledger.py", &[ledger.to_str().unwrap(), validity.to_str().unwrap()]);
    let restored = demo.run_script("uid_next.py", &["agent1"]);
    let number = |text: &str| text.trim().parse::<u64>().unwrap();
    assert!(number(&restored) > number(&uid_next), "{restored} after {uid_next}");
    let verified = demo.facteur(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}
