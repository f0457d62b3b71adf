//! What a stranger or a bad client may send (threats I1, I2, I3), and that another session is
//! served meanwhile.

use std::time::{Duration, Instant};

use imap_server::Settings;

use crate::common::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_mebibyte_of_parentheses_before_login_is_cut_off() {
    let server = Server::new().await;
    let mut other = server.logged_in().await;
    for start in ["a NOOP ", "", "a LOGIN \"", "{"] {
        let mut stranger = server.connect().await;
        stranger.line().await.unwrap();
        stranger.send([start.as_bytes(), &[b'('; 1 << 20]].concat().as_slice()).await;
        let answer = stranger.answer("none").await;
        assert!(answer.contains("BAD [TOOBIG]") || answer.is_empty(), "{answer}");
        assert!(stranger.line().await.is_none(), "{start}");
        assert!(other.command("n", "NOOP").await.contains("n OK"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn literals_without_end_are_cut_off() {
    let server = Server::new().await;
    let mut stranger = server.connect().await;
    stranger.line().await.unwrap();
    stranger.send(format!("a LOGIN {}", "{5+}\r\nabcde ".repeat(100_000)).as_bytes()).await;
    let answer = stranger.answer("none").await;
    assert!(answer.contains("[TOOBIG]") || answer.is_empty(), "{answer}");
    // After login the command is passed over, and the session goes on or says goodbye.
    let mut marie = server.logged_in().await;
    let many = format!("b SEARCH {}ALL\r\nc NOOP\r\n", "SUBJECT {1+}\r\nx ".repeat(2_000));
    marie.send(many.as_bytes()).await;
    assert!(marie.answer("b").await.contains("b BAD [TOOBIG]"));
    assert!(marie.answer("c").await.contains("c OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn literals_of_eight_kibibytes_before_login_are_refused() {
    let server = Server::new().await;
    for size in [4097, 8193, 1 << 20] {
        let mut stranger = server.connect().await;
        stranger.line().await.unwrap();
        let answer = stranger.command("a", &format!("LOGIN x {{{size}}}")).await;
        assert!(answer.contains("a BAD [TOOBIG]"), "{answer}");
        assert!(stranger.command("b", "NOOP").await.contains("b OK"));
        stranger.send(format!("c LOGIN x {{{size}+}}\r\n").as_bytes()).await;
        assert!(stranger.answer("c").await.contains("c BAD [TOOBIG]"));
        assert!(stranger.answer("none").await.starts_with("* BYE"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_log_in_is_cut_off_however_often_they_speak() {
    let server = Server::new().await;
    server.imap.reload(Settings { login_seconds: 1, ..Settings::default() });
    let begin = Instant::now();
    let mut stranger = server.connect().await;
    stranger.line().await.unwrap();
    while stranger.command("n", "NOOP").await.contains("n OK") {
        assert!(begin.elapsed() < Duration::from_secs(20), "still listened to");
    }
    assert!(begin.elapsed() >= Duration::from_secs(1), "cut off early");
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_searches_are_refused_and_the_session_goes_on() {
    let server = Server::new().await;
    let mut marie = server.logged_in().await;
    assert!(marie.command("s", "SELECT INBOX").await.contains("s OK"));
    for (open, close) in [("NOT ", ""), ("(", ")"), ("OR (", ") ALL"), ("OR NOT ", " ALL")] {
        for depth in [100, 10_000, 1_000_000] {
            let line = format!("a SEARCH {}ALL{}\r\n", open.repeat(depth), close.repeat(depth));
            marie.send(line.as_bytes()).await;
            let answer = marie.answer("a").await;
            // What is more than is passed over ends the connection, perhaps before it is told.
            let is_closed = answer.contains("BYE") || !answer.contains("a BAD");
            assert!(!is_closed || depth == 1_000_000, "{open} {depth}: {answer}");
            if depth == 1_000_000 {
                marie = server.logged_in().await;
                assert!(marie.command("s", "SELECT INBOX").await.contains("s OK"));
            }
        }
    }
    assert!(marie.command("n", "NOOP").await.contains("n OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mime_bombs_are_described_and_come_back_byte_for_byte() {
    let server = Server::new().await;
    let deep: String = (0..10_000)
        .map(|level| {
            format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n")
        })
        .collect();
    let wide = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n",
        "--b\r\n\r\nx\r\n".repeat(50_000)
    );
    let nested = format!("{}x\r\n", "Content-Type: message/rfc822\r\n\r\n".repeat(10_000));
    let prefix =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--bb\r\n\r\n--b\r\n\r\n--b-\r\n--b--\r\n";
    let words = format!("Subject: {}\r\n\r\n", "=?utf-8?q?=C3?= ".repeat(50_000));
    let names = format!(
        "Content-Type: text/plain{}\r\n\r\nx",
        (0..20_000).map(|n| format!(";\r\n x*{n}*=utf-8''%e9")).collect::<String>()
    );
    let raw = "Content-Type: text/plain; charset=utf-7\r\n\r\n+AAo-\0\x01\r\r\n\n\u{202e}";
    let all = [deep, wide, nested, prefix.into(), words, names, raw.into(), String::new()];
    for message in &all {
        server.append("INBOX", message.as_bytes()).await;
    }
    let mut marie = server.logged_in().await;
    assert!(marie.command("s", "SELECT INBOX").await.contains("s OK"));
    for (index, message) in all.iter().enumerate() {
        let number = index + 1;
        let answer = marie.command("a", &format!("FETCH {number} (ENVELOPE BODYSTRUCTURE)")).await;
        assert!(answer.contains("a OK"), "{number}");
        let start = marie.read;
        assert!(marie.command("b", &format!("FETCH {number} BODY.PEEK[]")).await.contains("b OK"));
        let answer = &marie.received[start..marie.read];
        let head = format!("* {number} FETCH (BODY[] {{{}}}\r\n", message.len());
        let expected = [head.as_bytes(), message.as_bytes(), b")\r\nb OK FETCH completed\r\n"];
        assert!(answer == expected.concat(), "message {number} is not what it was");
    }
}
