//! What a peer can make grow, and how long it may take.

use std::time::Duration;

use crate::peer::{self, Peer};
use smtp_session::{Answer, Ended, Port, Request, Session, Step};

const READ: usize = 16 << 10;

#[test]
fn a_mebibyte_without_a_line_end_is_one_error() {
    // Threats S8. That the buffer does not grow is tested where the buffer is.
    let mut peer = Peer::greeted(Port::Mx);
    let junk = vec![b'x'; READ];
    for _ in 0..64 {
        assert_eq!(peer.send(&junk), "");
    }
    assert_eq!(peer.send("\r\nNOOP\r\n"), "500 5.5.2 line too long\r\n250 2.0.0 OK\r\n");
}

#[test]
fn a_mebibyte_of_base64_is_one_error_and_logs_nobody_in() {
    // Threats S7.
    let mut peer = Peer::greeted(Port::Submissions);
    peer.send("EHLO a\r\n");
    assert!(peer.send("AUTH PLAIN\r\n").starts_with("334"));
    let base64 = vec![b'A'; READ];
    for _ in 0..64 {
        assert_eq!(peer.send(&base64), "");
    }
    let replies = peer.send("\r\nMAIL FROM:<marie@ours.test>\r\n");
    let codes: Vec<_> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["500", "530"], "{replies}");
}

#[test]
fn content_passes_in_pieces_no_larger_than_a_read() {
    let mut config = peer::config();
    config.message_bytes_max = 8 << 20;
    let mut peer = Peer::new(config, peer::connection(Port::Mx));
    peer.run();
    peer.send("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<marie@ours.test>\r\nDATA\r\n");
    let content = ("y".repeat(998) + "\r\n").repeat(4096);
    peer.send_in_pieces(content.as_bytes(), READ);
    assert!(peer.send(".\r\n").starts_with("250 "));
    assert!(peer.delivered[0].body == content.as_bytes());
    assert!(peer.piece_max <= READ + 1, "{}", peer.piece_max);
}

#[test]
fn a_line_of_content_has_a_bound() {
    let mut config = peer::config();
    config.message_bytes_max = 8 << 20;
    let mut peer = Peer::new(config, peer::connection(Port::Mx));
    peer.run();
    peer.send("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<marie@ours.test>\r\nDATA\r\n");
    peer.send_in_pieces(&vec![b'z'; 1 << 20], READ);
    assert_eq!(peer.send("\r\n.\r\n"), "554 5.6.0 line too long in message\r\n");
    assert!(peer.send("NOOP\r\n").starts_with("250 "));
}

#[test]
fn pipelined_replies_are_written_in_bounded_groups() {
    let mut session = fresh(Port::Mx);
    session.receive("NOOP\r\n".repeat(2700).as_bytes());
    let mut groups = 0;
    while let Step::Write(bytes) = session.next(std::time::Instant::now()) {
        assert!(bytes.len() < 9000, "{}", bytes.len());
        groups += 1;
    }
    assert_eq!(groups, 5);
}

/// A session that has greeted.
fn fresh(port: Port) -> Session {
    let now = std::time::Instant::now();
    let mut session =
        Session::new(std::sync::Arc::new(peer::config()), peer::connection(port), now);
    assert!(matches!(session.next(now), Step::Write(_)));
    assert_eq!(session.next(now), Step::Read);
    session
}

#[test]
fn a_trickled_command_meets_a_total_deadline() {
    // RFC 5321 §4.5.3.2.7, threats: slow loris. Bytes alone do not move the deadline.
    let mut peer = Peer::greeted(Port::Mx);
    let deadline = peer.session.deadline();
    for _ in 0..29 {
        peer.now += Duration::from_secs(10);
        assert_eq!(peer.send("N"), "");
        assert_eq!(peer.session.deadline(), deadline);
    }
    peer.now = deadline;
    assert_eq!(peer.send("N"), "421 4.4.2 timeout, closing connection\r\n");
    assert!(peer.closed);
    assert_eq!(peer.session.ended(), Ended::Timeout);
}

#[test]
fn a_whole_command_moves_the_deadline() {
    let mut peer = Peer::greeted(Port::Mx);
    for _ in 0..5 {
        peer.now += Duration::from_secs(299);
        assert!(peer.send("NOOP\r\n").starts_with("250 "));
    }
}

#[test]
fn content_must_keep_a_pace_and_not_only_trickle() {
    let mut peer = Peer::greeted(Port::Mx);
    peer.send("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<marie@ours.test>\r\nDATA\r\n");
    let mut replies = String::new();
    let start = peer.now;
    while !peer.closed {
        peer.now += Duration::from_secs(10);
        replies = peer.send("x");
    }
    assert!(replies.starts_with("421 4.4.2"), "{replies}");
    assert_eq!(peer.now - start, Duration::from_secs(180));
}

#[test]
fn content_at_a_pace_may_take_its_time() {
    let mut peer = Peer::greeted(Port::Mx);
    peer.send("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<marie@ours.test>\r\nDATA\r\n");
    let line = "x".repeat(998) + "\r\n";
    for _ in 0..90 {
        peer.now += Duration::from_secs(2);
        assert_eq!(peer.send(&line), "");
    }
    assert!(peer.send(".\r\n").starts_with("250 "));
}

#[test]
fn who_speaks_before_the_greeting_is_refused_on_25_only() {
    let mut peer = Peer::new(peer::config(), peer::connection(Port::Mx));
    assert_eq!(
        peer.send("EHLO spam\r\n"),
        "554 5.5.1 spoke before the server, closing connection\r\n"
    );
    assert!(peer.closed);
    let mut peer = Peer::new(peer::config(), peer::connection(Port::Submissions));
    assert!(peer.send("NOOP\r\n").starts_with("220 "));
    assert!(!peer.closed);
}

#[test]
fn shutting_down_waits_for_the_message_under_way() {
    let mut peer = Peer::greeted(Port::Mx);
    peer.send("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<marie@ours.test>\r\nDATA\r\n");
    peer.session.shut_down();
    assert_eq!(peer.send("x\r\n"), "");
    let replies = peer.send(".\r\n");
    assert!(replies.starts_with("250 2.0.0 OK queued"), "{replies}");
    assert!(replies.ends_with("421 4.3.2 service shutting down, try again soon\r\n"), "{replies}");
    assert!(peer.closed);
}

#[test]
fn shutting_down_an_idle_session_is_immediate() {
    let mut peer = Peer::greeted(Port::Mx);
    peer.session.shut_down();
    assert!(peer.run().starts_with("421 4.3.2"));
    assert!(peer.closed);
}

#[test]
fn bytes_left_from_before_tls_are_dropped_even_if_the_driver_passes_them_on() {
    let now = std::time::Instant::now();
    let mut session = fresh(Port::Submission);
    session.receive(b"HELO a\r\nSTARTTLS\r\n");
    assert!(matches!(session.next(now), Step::Write(_)));
    assert_eq!(session.next(now), Step::StartTls);
    session.receive(b"NOOP\r\nAUTH PL");
    session.tls_established();
    assert_eq!(session.next(now), Step::Read);
    session.receive(b"QUIT\r\n");
    let Step::Write(bytes) = session.next(now) else { panic!() };
    assert!(bytes.starts_with(b"221 "));
}

#[test]
fn the_trace_names_what_was_spoken() {
    for (port, hello, protocol) in [
        (Port::Mx, "HELO", "SMTP"),
        (Port::Mx, "EHLO", "ESMTP"),
        (Port::Submissions, "EHLO", "ESMTPSA"),
        (Port::Lmtp, "LHLO", "LMTP"),
    ] {
        let mut peer = Peer::greeted(port);
        peer.send(format!("{hello} peer.test\r\n"));
        peer.send("AUTH PLAIN AG1hcmllQG91cnMudGVzdABzZWNyZXQ=\r\n");
        peer.send("MAIL FROM:<>\r\nRCPT TO:<marie@ours.test>\r\nDATA\r\n");
        peer.send(".\r\n");
        let trace = &peer.delivered[0].trace;
        assert_eq!(trace.protocol.to_string(), protocol);
        assert_eq!((trace.hello.as_str(), trace.recipients), ("peer.test", 1));
    }
}

#[test]
fn a_421_from_the_service_closes() {
    let now = std::time::Instant::now();
    let mut session = fresh(Port::Mx);
    session.receive(b"HELO a\r\nMAIL FROM:<>\r\nNOOP\r\n");
    assert!(matches!(session.next(now), Step::Ask(Request::Mail { .. })));
    session.answer(Answer::Refuse(smtp_session::reply::SHUTTING_DOWN));
    let Step::Write(bytes) = session.next(now) else { panic!() };
    assert!(bytes.ends_with(b"421 4.3.2 service shutting down, try again soon\r\n"));
    assert_eq!(session.next(now), Step::Close);
    assert_eq!(session.ended(), Ended::Refused);
}
