//! The rules of `docs/architecture.md` and `docs/style.md` that a compiler does not know. They are
//! tightened as the code allows, and never loosened quietly.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which of our crates each crate may use: the arrows of `docs/architecture.md`.
const ARROWS: [(&str, &[&str]); 14] = [
    ("bench", &[]),
    ("mail-types", &[]),
    ("mail-message", &["mail-types"]),
    ("mail-store", &["mail-types"]),
    ("directory", &["mail-store", "mail-types"]),
    ("mail-service", &["directory", "mail-message", "mail-store", "mail-types"]),
    ("smtp-session", &["mail-types"]),
    ("imap-session", &["mail-types"]),
    ("smtp-relay", &["smtp-session", "mail-service", "mail-store", "mail-types"]),
    ("sender-auth", &["mail-message", "mail-types"]),
    (
        "smtp-server",
        &["smtp-session", "sender-auth", "mail-service", "directory", "mail-message", "mail-types"],
    ),
    (
        "imap-server",
        &["imap-session", "mail-service", "directory", "mail-message", "mail-store", "mail-types"],
    ),
    ("webmail", &["mail-service", "directory", "mail-message", "mail-types"]),
    (
        "facteur",
        &[
            "smtp-server",
            "smtp-relay",
            "sender-auth",
            "imap-server",
            "webmail",
            "mail-service",
            "directory",
            "mail-store",
            "mail-types",
        ],
    ),
];

/// Crates without sockets, disk or async, and what must not be among their dependencies.
const PURE: [&str; 4] = ["mail-types", "mail-message", "smtp-session", "imap-session"];
const IMPURE: [&str; 10] = [
    "tokio",
    "tokio-util",
    "tokio-rustls",
    "hyper",
    "hyper-util",
    "rustls",
    "rocksdb",
    "rustix",
    "rand",
    "tracing",
];

/// Files above [`LINES_MAX`], with the lines they may have. A file that shrinks is lowered here or
/// taken out; none is added without a reason.
const LONG_FILES: [(&str, usize); 7] = [
    ("crates/mail-service/tests/service/search.rs", 479),
    ("crates/bench/src/corpus.rs", 470),
    ("crates/mail-service/src/search.rs", 460),
    ("crates/mail-service/src/index/format.rs", 435),
    ("crates/smtp-session/src/receive/mod.rs", 411),
    ("crates/smtp-session/src/send/mod.rs", 410),
    ("crates/imap-session/src/parse.rs", 402),
];
const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file of these kinds under `crates`, `tests`, by its path from the root.
fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut waiting = vec![root.join("crates"), root.join("tests")];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "node_modules" && name != "target" {
                waiting.push(path);
            } else if extensions.contains(&extension.as_str()) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().display().to_string(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Lines of the product: neither tests nor comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

fn is_product(path: &str) -> bool {
    let is_test = path.ends_with("tests.rs") || path.contains("/src/tests/");
    path.starts_with("crates/") && path.contains("/src/") && !is_test
}

/// The names in a manifest's `[dependencies]`.
fn dependencies(name: &str) -> BTreeSet<String> {
    let path = root().join("crates").join(name).join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name}: workspace lints");
    let table = manifest["dependencies"].as_table().unwrap();
    table.keys().cloned().collect()
}

#[test]
fn every_arrow_between_our_crates_is_drawn() {
    let folders = fs::read_dir(root().join("crates")).unwrap();
    let ours: BTreeSet<_> =
        folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    for name in &ours {
        let drawn = ARROWS.iter().find(|(from, _)| from == name);
        let (_, allowed) = drawn.unwrap_or_else(|| panic!("{name} is missing in ARROWS"));
        for used in dependencies(name).intersection(&ours) {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn protocol_cores_and_parsers_know_no_socket_clock_disk_or_chance() {
    for name in PURE {
        let dependencies = dependencies(name);
        let wrong: Vec<_> = IMPURE.iter().filter(|name| dependencies.contains(**name)).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}");
    }
    let asks = ["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now", "std::fs::"];
    for (path, text) in files(&["rs"]) {
        if PURE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/"))) {
            for (number, line) in code(&text) {
                assert!(!asks.iter().any(|ask| line.contains(ask)), "{path}:{number}: {line}");
            }
        }
    }
}

#[test]
fn the_engine_is_named_in_its_own_folder_only() {
    for (path, text) in files(&["rs"]) {
        if is_product(&path) && !path.starts_with("crates/mail-store/src/engine/") {
            for (number, line) in code(&text) {
                assert!(!line.contains("rocksdb"), "{path}:{number}: {line}");
            }
        }
    }
}

#[test]
fn nothing_is_unwrapped_and_every_expect_gives_its_reason() {
    for (path, text) in files(&["rs"]) {
        // The load generators are no server, and their `expect` waits for a reply.
        if !is_product(&path) || path.starts_with("crates/bench/") {
            continue;
        }
        for (number, line) in code(&text) {
            assert!(!line.contains(".unwrap()"), "{path}:{number}: {line}");
            if let Some((_, reason)) = line.split_once(".expect(\"") {
                let words = reason.split('"').next().unwrap().split(' ').count();
                assert!(words >= 3, "{path}:{number}: why can it not fail? {line}");
            }
        }
    }
}

#[test]
fn every_file_begins_with_what_it_is_for_and_ends_before_four_hundred_lines() {
    for (path, text) in files(&["rs", "py", "sh", "mjs"]) {
        if path.ends_with(".rs") {
            assert!(text.starts_with("//!"), "{path} does not begin with //!");
        }
        let lines = text.lines().count();
        let long = LONG_FILES.iter().find(|(name, _)| *name == path);
        let max = long.map_or(LINES_MAX, |(_, max)| *max);
        assert!(lines <= max, "{path} has {lines} lines, {max} are allowed");
        assert!(
            long.is_none() || lines > LINES_MAX,
            "{path} is short now: take it out of LONG_FILES"
        );
    }
    for (path, _) in LONG_FILES {
        assert!(root().join(path).exists(), "{path} is gone: take it out of LONG_FILES");
    }
}

/// A citation can be searched for: `RFC 5321 §4.5.2`, or `RFC 5321` alone.
#[test]
fn rfcs_are_cited_in_one_form() {
    for (path, text) in files(&["rs"]) {
        for (index, line) in text.lines().enumerate() {
            let Some((_, comment)) = line.split_once("//") else { continue };
            let place = format!("{path}:{}: {line}", index + 1);
            assert!(!comment.contains("rfc5") && !comment.contains("RFC-"), "{place}");
            for (at, _) in comment.match_indices("RFC") {
                let after = &comment[at + 3..];
                // RFC822 is IMAP's word for a message.
                let joined = after.starts_with(|c: char| c.is_ascii_digit());
                assert!(!joined || after.starts_with("822"), "{place}");
                let Some(rest) = after.strip_prefix(' ') else { continue };
                let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                let spoken = [" section", " Section", " sec.", ", section", ", §", "§", " chapter"];
                assert!(!spoken.iter().any(|form| rest.starts_with(form)), "{place}");
            }
        }
    }
}

/// What `docs/known-attacks.md` names as an attack's test is a test.
#[test]
fn every_test_that_an_attack_is_answered_with_exists() {
    let page = fs::read_to_string(root().join("docs/known-attacks.md")).unwrap();
    let mut named = 0;
    for quoted in page.split('`').skip(1).step_by(2) {
        if let Some((path, test)) = quoted.split_once("::") {
            let file = root().join(path);
            let text =
                fs::read_to_string(&file).unwrap_or_else(|_| panic!("{quoted}: no such file"));
            assert!(text.contains(&format!("fn {test}(")), "{quoted}: no such test");
            named += 1;
        } else if quoted.starts_with("crates/") || quoted.starts_with("tests/") {
            assert!(root().join(quoted).exists(), "{quoted}: no such file");
        }
    }
    assert!(named > 20, "only {named} tests are named");
}
