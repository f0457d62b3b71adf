//! Our sending side against our receiving side, in memory: what one sends the other takes,
//! however the bytes are cut, and the outcomes tell what happened.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::peer::{self, Peer};
use mail_types::{EmailAddress, ReversePath};
use proptest::prelude::*;
use smtp_session::Port;
use smtp_session::send::{
    Client, Config, Credentials, Outcome, Report, Role, StartTls, Step, Transaction,
};

fn transaction(sender: &str, recipients: &[&str], content: &[u8]) -> Transaction {
    let recipient = |address: &&str| address.parse::<EmailAddress>().unwrap().into();
    Transaction {
        reverse_path: ReversePath::Address(sender.parse().unwrap()),
        recipients: recipients.iter().map(recipient).collect(),
        size: content.len() as u64,
        eight_bit: !content.is_ascii(),
        utf8_header: false,
        ret: None,
        envelope_id: None,
    }
}

/// Both ends and the wire between them.
struct Wire {
    client: Client,
    server: Peer,
    to_client: VecDeque<u8>,
    /// Sizes of the pieces in which bytes arrive, over and over.
    cuts: Vec<usize>,
    turn: usize,
}

impl Wire {
    fn new(port: Port, config: Config, cuts: &[usize]) -> Self {
        let mut server = Peer::new(peer::config(), peer::connection(port));
        let secure = port == Port::Submissions;
        let to_client = server.run().into_bytes().into();
        let client = Client::new(Arc::new(config), secure, server.now);
        Self { client, server, to_client, cuts: cuts.to_vec(), turn: 0 }
    }

    fn cut(&mut self) -> usize {
        self.turn += 1;
        self.cuts[self.turn % self.cuts.len()]
    }

    fn send(&mut self, transaction: Transaction, content: &[u8]) -> Report {
        self.client.send(transaction);
        let mut offset = 0;
        loop {
            match self.client.next(self.server.now) {
                Step::Read => {
                    let size = self.cut().min(self.to_client.len());
                    assert!(size > 0, "both sides wait");
                    let piece: Vec<u8> = self.to_client.drain(..size).collect();
                    self.client.receive(&piece);
                }
                Step::Write(bytes) => self.write(&bytes),
                Step::StartTls => {
                    // The server's side has marked where its handshake comes.
                    let mark: Vec<u8> = self.to_client.drain(..).collect();
                    assert_eq!(mark, b"(TLS)\r\n");
                    self.client.tls_established();
                }
                Step::Content { bytes_max } => {
                    let size = self.cut().min(bytes_max);
                    self.client.content(&content[offset..offset + size]);
                    offset += size;
                }
                Step::Done(report) => return report,
                Step::Ready | Step::Close => panic!("no report"),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(self.cut().min(rest.len()));
            let replies = self.server.send(piece);
            // STARTTLS: the mark must be read as a handshake and not as a reply.
            if replies.ends_with("(TLS)\r\n") {
                let reply = replies.strip_suffix("(TLS)\r\n").unwrap();
                self.client.receive(reply.as_bytes());
                self.to_client.extend(b"(TLS)\r\n");
            } else {
                self.to_client.extend(replies.into_bytes());
            }
            rest = tail;
        }
    }
}

fn config() -> Config {
    Config { hostname: "ours.test".into(), ..Config::default() }
}

fn is_delivered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Delivered(_))
}

#[test]
fn mail_goes_through_tls_with_everything_offered() {
    let content = "Subject: été\r\n\r\n.\r\n..\r\nx".as_bytes();
    let mut wire = Wire::new(Port::Mx, config(), &[1000]);
    let recipients = ["marie@ours.test", "nobody@ours.test", "hélène@ours.test"];
    let report = wire.send(transaction("a@b.test", &recipients, content), content);
    assert!(is_delivered(&report.outcomes[0]) && is_delivered(&report.outcomes[2]));
    assert_eq!(report.outcomes[1].enhanced(), (5, 1, 1));
    let delivered = &wire.server.delivered[0];
    assert_eq!(delivered.recipients, ["marie@ours.test", "hélène@ours.test"]);
    assert_eq!(delivered.body, content);
    assert_eq!(delivered.trace.protocol.to_string(), "UTF8SMTPS");
}

#[test]
fn a_login_goes_through() {
    let credentials = Credentials { login: "marie@ours.test".into(), password: "secret".into() };
    let config = Config { credentials: Some(credentials), ..config() };
    let content = b"Subject: x\r\n\r\n";
    let mut wire = Wire::new(Port::Submissions, config, &[7]);
    let report = wire.send(transaction("marie@ours.test", &["jean@ours.test"], content), content);
    assert!(is_delivered(&report.outcomes[0]), "{report:?}");
    assert!(wire.server.delivered[0].trace.protocol.authenticated);
}

#[test]
fn a_thousand_recipients_go_in_windows() {
    // RFC 2920 §3.1: never so much ahead of the replies that both sides wait to write.
    let content = b"Subject: x\r\n\r\n";
    let names: Vec<String> = (0..1000).map(|n| format!("full+{n}@ours.test")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names[999] = "marie@ours.test";
    let config = Config { start_tls: StartTls::Never, ..config() };
    let mut wire = Wire::new(Port::Mx, config, &[100_000]);
    wire.server = Peer::new(
        smtp_session::Config { errors_max: 5000, unknown_recipients_max: 5000, ..peer::config() },
        peer::connection(Port::Mx),
    );
    wire.server.run();
    let report = wire.send(transaction("a@b.test", &names, content), content);
    assert_eq!(report.outcomes.iter().filter(|outcome| is_delivered(outcome)).count(), 1);
    assert!(is_delivered(&report.outcomes[999]));
}

fn port() -> impl Strategy<Value = Port> {
    prop_oneof![Just(Port::Mx), Just(Port::Lmtp)]
}

/// Content in lines that look like the end of it.
fn content() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec("[.aé]{0,5}", 0..40).prop_map(|lines| {
        lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect()
    })
}

proptest! {
    #[test]
    fn every_message_arrives_as_it_is_however_the_bytes_are_cut(
        port in port(),
        chunking: bool,
        messages in proptest::collection::vec((content(), 0usize..3), 1..4),
        cuts in proptest::collection::vec(1usize..60, 1..8),
    ) {
        let role = if port == Port::Lmtp { Role::Lmtp } else { Role::Smtp };
        let mut wire = Wire::new(port, Config { role, chunking, ..config() }, &cuts);
        for (content, refused) in &messages {
            let mut recipients = vec!["nobody@ours.test"; *refused];
            recipients.push("marie@ours.test");
            recipients.push("full@ours.test");
            let report = wire.send(transaction("a@b.test", &recipients, content), content);
            for (address, outcome) in recipients.iter().zip(&report.outcomes) {
                let expect = match *address {
                    "marie@ours.test" => (2, 0, 0),
                    "full@ours.test" => (4, 2, 2),
                    _ => (5, 1, 1),
                };
                prop_assert_eq!(outcome.enhanced(), expect, "{}", address);
            }
            let delivered = wire.server.delivered.pop().unwrap();
            prop_assert!(wire.server.delivered.is_empty());
            prop_assert_eq!(&delivered.body, content);
            prop_assert_eq!(delivered.recipients, ["marie@ours.test"]);
        }
    }

    #[test]
    fn a_hostile_server_gets_neither_a_panic_nor_memory(
        replies in proptest::collection::vec(any::<u8>(), 0..400),
        lines in proptest::collection::vec("(220|250|354|421|550|334)[- ][A-Z0-9 ]{0,12}\r\n", 0..12),
        cut in 1usize..50,
    ) {
        let bytes = [lines.concat().into_bytes(), replies].concat();
        let content = b"Subject: x\r\n\r\n";
        let now = std::time::Instant::now();
        let mut client = Client::new(Arc::new(config()), false, now);
        client.send(transaction("a@b.test", &["b@c.test", "d@c.test"], content));
        let mut pieces = bytes.chunks(cut);
        let mut reports = 0;
        loop {
            match client.next(now) {
                Step::Read => match pieces.next() {
                    Some(piece) => client.receive(piece),
                    None => client.lost(),
                },
                Step::Write(bytes) => prop_assert!(bytes.len() < 100_000),
                Step::StartTls => client.tls_established(),
                Step::Content { bytes_max } => client.content(&content[..bytes_max]),
                Step::Done(report) => {
                    prop_assert_eq!(report.outcomes.len(), 2);
                    reports += 1;
                }
                Step::Ready => client.quit(),
                Step::Close => break,
            }
        }
        prop_assert_eq!(reports, 1);
    }
}
