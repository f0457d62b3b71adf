//! Runs every `dialogs/*.dialog` against the real driver over a loopback socket: one behaviour
//! each, as bytes on the wire. Adding one needs no Rust. Each line of a dialog is one of:
//!
//! - `# text`: says what the dialog shows;
//! - `@ fresh`, `@ authenticated` (the default), `@ selected`: where each client begins: before
//!   the greeting, logged in as marie, or with INBOX selected;
//! - `@ quota=N`: marie has room for so many bytes;
//! - `@ leaving`: marie's account has a last day, before anybody logs in and after all else here;
//! - `@ messages=N`: INBOX holds N messages, `Message 1` to `Message N`;
//! - `C: line`: client 1 sends this and CR LF; `\r`, `\n`, `\0` and `\xHH` are bytes;
//! - `C| bytes`: the same without CR LF;
//! - `S: line`: client 1 receives this line; `*` at its end stands for any rest;
//! - `S> line`: the same, and any lines before it;
//! - `= closed`: the connection of client 1 is closed;
//! - `C2: line`, `S2: line`, `=2 closed` and so on: the same for other clients.
//!
//! Whatever the server wrote must also be read by imap-codec, but for what it does not know.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::common::{Client, Server};
use imap_codec::decode::{Decoder, GreetingDecodeError, ResponseDecodeError};
use imap_codec::{GreetingCodec, ResponseCodec};
use tokio::sync::Semaphore;

#[tokio::test(flavor = "multi_thread")]
async fn every_dialog_runs_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 60, "dialogs are missing");
    let only = std::env::var("DIALOG").ok();
    // A few at a time: each has accounts whose passwords are costly to hash.
    let places = Arc::new(Semaphore::new(4));
    let mut running = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let places = Arc::clone(&places);
        running.push(tokio::spawn(async move {
            let _place = places.acquire().await;
            run(&name, &text).await
        }));
    }
    let mut failures = Vec::new();
    for dialog in running {
        failures.extend(dialog.await.unwrap().err());
    }
    assert!(failures.is_empty(), "{} dialogs fail:\n{}", failures.len(), failures.join("\n"));
}

/// Clients of one dialog. All begin before its first line.
const CLIENTS_MAX: u32 = 3;

/// Where a client begins.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Fresh,
    Authenticated,
    Selected,
}

async fn run(name: &str, text: &str) -> Result<(), String> {
    let mut start = Start::Authenticated;
    let lines = || text.lines().filter_map(|line| line.strip_prefix("@ "));
    let words = || lines().flat_map(str::split_whitespace);
    let quota = words().find_map(|word| word.strip_prefix("quota="));
    let server = Server::with_quota(quota.map(|bytes| bytes.parse().unwrap())).await;
    for word in words() {
        match word.split_once('=') {
            None if word == "fresh" => start = Start::Fresh,
            None if word == "authenticated" => start = Start::Authenticated,
            None if word == "selected" => start = Start::Selected,
            None if word == "leaving" => server.leaves(Some("2099-08-31")).await,
            Some(("quota", _)) => {}
            Some(("messages", count)) => fill(&server, count.parse().unwrap()).await,
            _ => return Err(format!("{name}: what is @ {word}?")),
        }
    }
    let mut clients: BTreeMap<u32, Client> = BTreeMap::new();
    for number in 1..=CLIENTS_MAX {
        if number == 1 || text.contains(&format!("\nC{number}: ")) {
            clients.insert(number, begin(&server, start).await);
        }
    }
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with(['#', '@']) {
            continue;
        }
        let place = format!("{name}:{}", number + 1);
        let digits = line[1..].chars().take_while(char::is_ascii_digit).count();
        let who = line[1..=digits].parse().unwrap_or(1);
        let (mark, rest) = (&line[..1], &line[1 + digits..]);
        let kind = rest.chars().next().unwrap_or(' ');
        let rest = &rest[kind.len_utf8().min(rest.len())..];
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let client = clients.get_mut(&who).ok_or_else(|| format!("{place}: who is {who}?"))?;
        match (mark, kind) {
            ("C", ':') => client.send(&[unescape(rest), b"\r\n".to_vec()].concat()).await,
            ("C", '|') => client.send(&unescape(rest)).await,
            ("S", ':') => expect(client, rest, &place).await?,
            ("S", '>') => wait_for(client, rest, &place).await?,
            ("=", ' ') if rest.trim() == "closed" => match client.next_line().await {
                Ok(None) => {}
                Ok(Some(line)) => return Err(format!("{place}: open, got {}", show(&line))),
                Err(error) => return Err(format!("{place}: still open: {error}")),
            },
            _ => return Err(format!("{place}: what is {line:?}?")),
        }
    }
    for (who, client) in &clients {
        let unread = &client.received[client.read..];
        if !unread.is_empty() {
            return Err(format!("{name}: client {who} got what nobody expected: {}", show(unread)));
        }
        understood(&client.received).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

async fn fill(server: &Server, count: u32) {
    for number in 1..=count {
        let message = format!(
            "From: Jean Dupont <jean@ac.test>\r\nTo: marie@ac.test\r\nSubject: Message {number}\r\n\
             Date: Wed, 18 Nov 2026 10:00:{number:02} +0100\r\nMessage-ID: <{number}@ac.test>\r\n\
             \r\nText {number}.\r\n"
        );
        server.append("INBOX", message.as_bytes()).await;
    }
}

async fn begin(server: &Server, start: Start) -> Client {
    if start == Start::Fresh {
        return server.connect().await;
    }
    let mut client = server.logged_in().await;
    if start == Start::Selected {
        let answer = client.command("select", "SELECT INBOX").await;
        assert!(answer.contains("select OK"), "{answer}");
    }
    client
}

async fn expect(client: &mut Client, pattern: &str, place: &str) -> Result<(), String> {
    match client.next_line().await {
        Ok(Some(line)) if is_match(&line, pattern) => Ok(()),
        Ok(Some(line)) => Err(format!("{place}: expected {pattern:?}, got {}", show(&line))),
        Ok(None) => Err(format!("{place}: expected {pattern:?}, and it is closed")),
        Err(error) => Err(format!("{place}: expected {pattern:?}: {error}")),
    }
}

async fn wait_for(client: &mut Client, pattern: &str, place: &str) -> Result<(), String> {
    loop {
        match client.next_line().await {
            Ok(Some(line)) if is_match(&line, pattern) => return Ok(()),
            Ok(Some(_)) => {}
            Ok(None) => return Err(format!("{place}: waited for {pattern:?}, and it is closed")),
            Err(error) => return Err(format!("{place}: waited for {pattern:?}: {error}")),
        }
    }
}

fn is_match(line: &[u8], pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => line.starts_with(&unescape(start)),
        None => line == unescape(pattern),
    }
}

fn show(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// Only what IMAP's own backslashes (`\Seen`, `\"`) are not.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [b'r', tail @ ..]) => push(&mut bytes, b'\r', tail),
            (b'\\', [b'n', tail @ ..]) => push(&mut bytes, b'\n', tail),
            (b'\\', [b'0', tail @ ..]) => push(&mut bytes, b'\0', tail),
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let hex = String::from_utf8(vec![*high, *low]).unwrap();
                push(&mut bytes, u8::from_str_radix(&hex, 16).unwrap(), tail)
            }
            (byte, tail) => push(&mut bytes, *byte, tail),
        };
    }
    bytes
}

fn push<'a>(bytes: &mut Vec<u8>, byte: u8, tail: &'a [u8]) -> &'a [u8] {
    bytes.push(byte);
    tail
}

/// What imap-codec does not read: its responses have no such thing.
const UNKNOWN: [&[u8]; 3] = [b"* ESEARCH ", b"* THREAD", b"+ "];

/// Whether imap-codec reads everything the server wrote.
fn understood(received: &[u8]) -> Result<(), String> {
    let mut rest = match GreetingCodec::default().decode(received) {
        Ok((rest, _)) => rest,
        Err(GreetingDecodeError::Incomplete | GreetingDecodeError::Failed) => {
            return Err(format!("imap-codec reads no greeting in {}", show(received)));
        }
    };
    while !rest.is_empty() {
        let line = rest.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
        let is_extended_list = line.starts_with(b"* LIST") && line.ends_with(b"))\r\n");
        if UNKNOWN.iter().any(|start| rest.starts_with(start)) || is_extended_list {
            rest = &rest[line.len()..];
            continue;
        }
        rest = match ResponseCodec::default().decode(rest) {
            Ok((rest, _)) => rest,
            Err(ResponseDecodeError::LiteralFound { .. } | ResponseDecodeError::Incomplete)
            | Err(ResponseDecodeError::Failed) => {
                return Err(format!("imap-codec does not read {}", show(line)));
            }
        };
    }
    Ok(())
}
