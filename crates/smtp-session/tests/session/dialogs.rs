//! Runs every `dialogs/*.dialog`: one behaviour each, as bytes on the wire. Adding one needs no
//! Rust. Each line of a dialog is one of:
//!
//! - `# text`: says what the dialog shows;
//! - `@ submission` (or `mx`, `submissions`, `lmtp`): the port; default `mx`. More words:
//!   `plaintext-auth`, `whole` (bytes are sent in one piece only), `errors_max=N` and the like;
//! - `C: line`: the peer sends this and CR LF; `\r`, `\n`, `\0`, `\\` and `\xHH` are bytes.
//!   Neighbouring `C` lines are sent at once;
//! - `C| bytes`: the same without CR LF;
//! - `S: line`: we reply this line; `*` at its end stands for any rest;
//! - `M: bytes`: this content is delivered, `-` when none is;
//! - `= tls`, `= closed`: TLS starts, the connection is closed.
//!
//! Unless it says `whole`, each dialog is run a second time with every byte in a piece of its own.

use std::fs;
use std::path::Path;

use crate::peer::{self, Peer};
use crate::text::{escape, unescape};
use smtp_session::{Config, Port};

#[test]
fn every_dialog_runs_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "dialogs are missing");
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        run(&name, &text, usize::MAX);
        if !text.lines().any(|line| line.starts_with('@') && line.contains("whole")) {
            run(&name, &text, 1);
        }
    }
}

fn run(name: &str, text: &str, piece: usize) {
    let mut peer = start(text);
    let mut replies = peer.run();
    let mut sent = Vec::new();
    let mut delivered = 0;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{} (pieces of {piece})", number + 1);
        let (mark, rest) = line.split_at(line.len().min(2));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if !mark.starts_with('C') && !sent.is_empty() {
            replies += &peer.send_in_pieces(&std::mem::take(&mut sent), piece);
        }
        match mark {
            "" | "# " | "#" | "@ " => {}
            "C:" => sent.extend([unescape(rest), b"\r\n".to_vec()].concat()),
            "C|" => sent.extend(unescape(rest)),
            "S:" => expect(&mut replies, rest, &place),
            "= " if rest == "tls" => expect(&mut replies, "(TLS)", &place),
            "= " if rest == "closed" => assert!(peer.closed, "{place}: still open"),
            "M:" if rest == "-" => assert_eq!(peer.delivered.len(), delivered, "{place}"),
            "M:" => {
                let body = peer.delivered.get(delivered).map(|message| message.body.clone());
                assert_eq!(body.map(escape), Some(escape(unescape(rest))), "{place}");
                delivered += 1;
            }
            _ => panic!("{place}: what is {line:?}?"),
        }
    }
    assert_eq!(replies, "", "{name}: replies nobody expected");
    assert_eq!(peer.delivered.len(), delivered, "{name}: messages nobody expected");
}

fn start(text: &str) -> Peer {
    let mut port = Port::Mx;
    let mut plaintext_auth = false;
    let mut config = peer::config();
    let words =
        text.lines().filter_map(|line| line.strip_prefix("@ ")).flat_map(str::split_whitespace);
    for word in words {
        match word {
            "mx" => port = Port::Mx,
            "submission" => port = Port::Submission,
            "submissions" => port = Port::Submissions,
            "lmtp" => port = Port::Lmtp,
            "plaintext-auth" => plaintext_auth = true,
            "whole" => {}
            limit => set(&mut config, limit),
        }
    }
    let mut connection = peer::connection(port);
    connection.plaintext_auth = plaintext_auth;
    Peer::new(config, connection)
}

fn set(config: &mut Config, limit: &str) {
    let (name, value) = limit.split_once('=').expect(limit);
    match name {
        "message_bytes_max" => config.message_bytes_max = value.parse().unwrap(),
        "recipients_max" => config.recipients_max = value.parse().unwrap(),
        "errors_max" => config.errors_max = value.parse().unwrap(),
        "unknown_recipients_max" => config.unknown_recipients_max = value.parse().unwrap(),
        "hold_seconds_max" => config.hold_seconds_max = value.parse().unwrap(),
        "commands_max" => config.commands_max = value.parse().unwrap(),
        _ => panic!("no limit {name}"),
    }
}

fn expect(replies: &mut String, pattern: &str, place: &str) {
    let (line, rest) = replies.split_once("\r\n").unwrap_or((replies, ""));
    let good = match pattern.strip_suffix('*') {
        Some(start) => line.starts_with(start) && !line.is_empty(),
        None => line == pattern,
    };
    assert!(good, "{place}: expected {pattern:?}, got {line:?}, then {rest:?}");
    *replies = rest.to_owned();
}
