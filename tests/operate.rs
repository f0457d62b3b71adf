//! `facteur serve` and its commands as an administrator uses them; `tests/scripts/operate.py` and those
//! beside it have the steps.

mod script;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn operate(step: &str) {
    script::run("operate.py", &[step]);
}

#[test]
fn check_config_says_what_is_wrong_with_line_and_key() {
    operate("configuration");
}

#[test]
fn a_reload_takes_certificate_and_limits_and_a_broken_file_changes_nothing() {
    script::run("reload.py", &["settings"]);
}

#[test]
fn a_reload_takes_other_limits_at_once() {
    script::run("reload.py", &["limits"]);
}

#[test]
fn a_stop_tells_idle_clients_and_takes_the_message_under_way() {
    operate("stop");
}

#[test]
fn account_commands_do_the_same_with_and_without_a_server() {
    operate("accounts");
}

#[test]
fn a_staff_file_becomes_accounts_and_sheets_and_every_refused_line_is_told() {
    script::run("provision.py", &["people"]);
}

#[test]
fn forty_thousand_people_come_in_each_with_an_address_and_a_secret() {
    script::run("provision.py", &["many"]);
}

#[test]
fn hashes_of_another_system_open_imap() {
    script::run("provision.py", &["foreign"]);
}

#[test]
fn a_whole_account_is_written_out_byte_for_byte_with_and_without_a_server() {
    script::run("account_export.py", &["whole"]);
}

#[test]
fn profiles_for_telephones_are_signed_with_the_certificate_in_use() {
    script::run("profile.py", &["signed"]);
}

#[test]
fn a_theme_is_exchanged_by_a_reload_and_refused_when_nobody_could_read_it() {
    script::run("theme.py", &["reload"]);
}

#[test]
fn backups_restore_and_a_damaged_log_is_refused_with_what_to_do() {
    script::run("backup.py", &["restored"]);
}

#[test]
fn monitoring_is_answered_and_the_log_is_json_without_secrets() {
    operate("monitoring");
}

#[test]
fn two_administrators_open_resets_by_identity_at_the_command_line() {
    script::run("officers.py", &["policies"]);
}

#[test]
fn officers_help_at_the_command_line_and_a_month_is_told() {
    script::run("officers.py", &["requests"]);
}

#[test]
fn the_set_up_names_what_is_missing_where_there_is_no_apt_and_goes_on_when_told() {
    // The path of another system, which has a compiler and nothing else.
    let path = tempfile::tempdir().expect("a temporary directory");
    for tool in ["bash", "dirname", "env", "id", "mkdir", "cargo", "gcc", "g++"] {
        let real = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
        let real = real.into_iter().find(|file| file.exists()).unwrap_or("/bin/true".into());
        symlink(real, path.path().join(tool)).expect("a link");
    }
    let set_up = |skip: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/setup.sh");
        let mut command = Command::new(script);
        command.arg("build").env("PATH", path.path()).env("XDG_CACHE_HOME", path.path());
        let output = command.env("FACTEUR_SKIP_SETUP", skip).output().expect("bash runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (succeeded, said) = set_up("");
    assert!(!succeeded && said.contains("missing to compile RocksDB"), "{said}");
    assert!(said.contains(": ccache") && said.contains("FACTEUR_SKIP_SETUP=1"), "{said}");
    let (succeeded, said) = set_up("1");
    assert!(succeeded && said.contains("going on without ccache"), "{said}");
}
