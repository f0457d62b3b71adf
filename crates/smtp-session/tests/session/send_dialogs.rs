//! Dialogs of the sending side: one behaviour each, the server played as bytes. Adding one needs
//! no Rust. Each line of a dialog is one of:
//!
//! - `# text`: says what the dialog shows;
//! - `@ words`: `lmtp`, `secure` (TLS from the start), `no-tls`, `require-tls`, `broken-tls`,
//!   `login` (marie, secret), `plaintext-auth`, `no-chunking`, `send-8bit`, `whole` (bytes come in
//!   one piece only);
//! - `T: <sender> recipient …`: a transaction begins; more words: `8bit`, `utf8-header`,
//!   `ret=full`, `envid=x`, and for the recipient before them `notify=success,delay`,
//!   `orcpt=type;address`. `B: bytes` before it is its content;
//! - `S: line`, `S| bytes`: the server sends this; neighbours at once;
//! - `C: line`: the client sends this line; `*` at its end stands for any rest;
//! - `O: outcome`: of the next recipient, as `delivered 250 OK` or `failed 5.1.1 refused at RCPT |
//!   550 5.1.1 no`; `*` as above;
//! - `! lost`, `! late`, `! unreadable`, `! quit`: the connection ends, time runs out, the content
//!   cannot be read, the driver ends the session;
//! - `= tls`, `= ready`, `= closed`: TLS starts; the client waits for a transaction, has closed.
//!
//! Unless it says `whole`, each dialog is run a second time with every byte in a piece of its own.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::text::unescape;
use mail_types::{EmailAddress, EnvelopeId, Notify, OriginalRecipient, Ret, ReversePath};
use smtp_session::send::{
    Client, Config, Credentials, EightBit, Outcome, Recipient, Role, StartTls, Step, Transaction,
};

#[test]
fn every_dialog_runs_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/send-dialogs");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "dialogs are missing");
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        Run::new(&name, &text, usize::MAX).all(&text);
        if !text.lines().any(|line| line.starts_with('@') && line.contains("whole")) {
            Run::new(&name, &text, 1).all(&text);
        }
    }
}

/// A client with its driver; the dialog is the server.
struct Run {
    place: String,
    client: Client,
    now: Instant,
    piece: usize,
    broken_tls: bool,
    /// What the client has sent, and `(TLS)`.
    sent: String,
    content: Vec<u8>,
    offset: usize,
    unreadable: bool,
    outcomes: Vec<String>,
    ready: bool,
    closed: bool,
}

impl Run {
    fn new(name: &str, text: &str, piece: usize) -> Self {
        let mut config = Config { hostname: "ours.test".into(), ..Config::default() };
        let (mut secure, mut broken_tls) = (false, false);
        let words = text.lines().filter_map(|line| line.strip_prefix("@ "));
        for word in words.flat_map(str::split_whitespace) {
            match word {
                "lmtp" => config.role = Role::Lmtp,
                "secure" => secure = true,
                "no-tls" => config.start_tls = StartTls::Never,
                "require-tls" => config.start_tls = StartTls::Required,
                "broken-tls" => broken_tls = true,
                "login" => {
                    let password = "secret".into();
                    config.credentials = Some(Credentials { login: "marie".into(), password });
                }
                "plaintext-auth" => config.plaintext_auth = true,
                "no-chunking" => config.chunking = false,
                "send-8bit" => config.eight_bit = EightBit::Send,
                "whole" => {}
                _ => panic!("{name}: what is {word}?"),
            }
        }
        let now = Instant::now();
        Self {
            place: format!("{name} (pieces of {piece})"),
            client: Client::new(Arc::new(config), secure, now),
            now,
            piece,
            broken_tls,
            sent: String::new(),
            content: b"Subject: x\r\n\r\n".to_vec(),
            offset: 0,
            unreadable: false,
            outcomes: Vec::new(),
            ready: false,
            closed: false,
        }
    }

    fn all(mut self, text: &str) {
        let start = self.place.clone();
        let mut server = Vec::new();
        for (number, line) in text.lines().enumerate() {
            self.place = format!("{start}:{}", number + 1);
            let (mark, rest) = line.split_at(line.len().min(2));
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            if !mark.starts_with('S') && !server.is_empty() {
                self.receive(&std::mem::take(&mut server));
            }
            match mark {
                "S:" => server.extend([unescape(rest), b"\r\n".to_vec()].concat()),
                "S|" => server.extend(unescape(rest)),
                _ => self.line(mark, rest),
            }
        }
        if !server.is_empty() {
            self.receive(&server);
        }
        assert_eq!(self.sent, "", "{start}: sent and not expected");
        assert_eq!(self.outcomes, Vec::<String>::new(), "{start}: outcomes not expected");
    }

    fn line(&mut self, mark: &str, rest: &str) {
        match mark {
            "" | "# " | "#" | "@ " => {}
            "B:" => self.content = unescape(rest),
            "T:" => {
                self.offset = 0;
                self.client.send(transaction(rest, self.content.len() as u64));
                self.drive();
            }
            "C:" => self.expect_line(rest),
            "O:" => {
                assert!(!self.outcomes.is_empty(), "{}: no outcome yet", self.place);
                let outcome = self.outcomes.remove(0);
                self.matches(&outcome, rest);
            }
            "! " => self.event(rest),
            "= " => match rest {
                "tls" => self.expect_line("(TLS)"),
                "ready" => assert!(self.ready, "{}: not ready", self.place),
                "closed" => assert!(self.closed, "{}: not closed", self.place),
                _ => panic!("{}: what is {rest:?}?", self.place),
            },
            _ => panic!("{}: what is {mark:?}?", self.place),
        }
    }

    fn event(&mut self, event: &str) {
        match event {
            "lost" => self.client.lost(),
            "late" => self.now = self.client.deadline().expect("nothing is awaited"),
            "unreadable" => self.unreadable = true,
            "quit" => self.client.quit(),
            _ => panic!("{}: what is {event:?}?", self.place),
        }
        self.drive();
    }

    fn receive(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            self.client.receive(piece);
            self.drive();
        }
    }

    fn drive(&mut self) {
        self.ready = false;
        loop {
            match self.client.next(self.now) {
                Step::Read => return,
                Step::Write(bytes) => self.sent += &String::from_utf8_lossy(&bytes),
                Step::StartTls if self.broken_tls => self.client.handshake_failed(),
                Step::StartTls => {
                    self.sent += "(TLS)\r\n";
                    self.client.tls_established();
                }
                Step::Content { .. } if self.unreadable => self.client.content_unreadable(),
                Step::Content { bytes_max } => {
                    let rest = &self.content[self.offset..];
                    let piece = &rest[..rest.len().min(bytes_max).min(self.piece)];
                    self.client.content(piece);
                    self.offset += piece.len();
                }
                Step::Done(report) => self.outcomes.extend(report.outcomes.iter().map(outcome)),
                Step::Ready => {
                    self.ready = true;
                    return;
                }
                Step::Close => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn expect_line(&mut self, pattern: &str) {
        let (line, rest) = self.sent.split_once("\r\n").unwrap_or((&self.sent, ""));
        let (line, rest) = (line.to_owned(), rest.to_owned());
        self.matches(&line, pattern);
        self.sent = rest;
    }

    fn matches(&self, found: &str, pattern: &str) {
        let good = match pattern.strip_suffix('*') {
            Some(start) => found.starts_with(start) && !found.is_empty(),
            None => found == pattern,
        };
        assert!(good, "{}: expected {pattern:?}, got {found:?}", self.place);
    }
}

fn outcome(outcome: &Outcome) -> String {
    let (class, subject, detail) = outcome.enhanced();
    let reply =
        |sign: &str| outcome.reply().map_or(String::new(), |reply| format!("{sign}{reply}"));
    match outcome {
        Outcome::Delivered(_) => format!("delivered{}", reply(" ")),
        Outcome::Deferred(reason, _) => {
            format!("deferred {class}.{subject}.{detail} {reason}{}", reply(" | "))
        }
        Outcome::Failed(reason, _) => {
            format!("failed {class}.{subject}.{detail} {reason}{}", reply(" | "))
        }
    }
}

fn transaction(text: &str, size: u64) -> Transaction {
    let mut words = text.split(' ');
    let sender = words.next().unwrap().trim_matches(['<', '>']);
    let mut transaction = Transaction {
        reverse_path: match sender {
            "" => ReversePath::Null,
            address => ReversePath::Address(address.parse().unwrap()),
        },
        recipients: Vec::new(),
        size,
        eight_bit: false,
        utf8_header: false,
        ret: None,
        envelope_id: None,
    };
    for word in words {
        match word.split_once('=') {
            Some(("ret", "full")) => transaction.ret = Some(Ret::Full),
            Some(("envid", id)) => transaction.envelope_id = Some(EnvelopeId::parse(id).unwrap()),
            Some(("notify", list)) => last(&mut transaction).notify = Some(notify(list)),
            Some(("orcpt", original)) => {
                last(&mut transaction).original_recipient =
                    Some(OriginalRecipient::parse(original).unwrap());
            }
            _ if word == "8bit" => transaction.eight_bit = true,
            _ if word == "utf8-header" => transaction.utf8_header = true,
            _ => transaction.recipients.push(word.parse::<EmailAddress>().unwrap().into()),
        }
    }
    transaction
}

fn last(transaction: &mut Transaction) -> &mut Recipient {
    transaction.recipients.last_mut().unwrap()
}

fn notify(list: &str) -> Notify {
    let has = |word: &str| list.split(',').any(|other| other == word);
    Notify { success: has("success"), failure: has("failure"), delay: has("delay") }
}
