//! Messages made to hurt: each is read in bounded memory, on a small stack, in linear time.

use std::time::Duration;

use mail_message::header::{self, Matching};
use mail_message::scan::{DEPTH_MAX, HEADER_BYTES_MAX, PARTS_MAX, Scanned, Scanner};
use mail_message::structure::{Section, StructureRow};
use mail_message::summary::Summary;
use mail_message::text::decode_part;
use mail_message::{address, author, decode};
use rustix::time::{ClockId, clock_gettime};

/// RFC 5321 has no word for it, but a server thread does: recursion would show here.
const STACK_BYTES: usize = 512 << 10;
/// Fifty milliseconds in a release build on a quiet machine; this build is neither.
const TIME_PER_MEGABYTE: Duration = Duration::from_secs(2);

struct Outcome {
    scanned: Scanned,
    row: StructureRow,
    summary: Summary,
}

/// Does to a message everything that is done at delivery, for FETCH and for the index.
fn read(message: Vec<u8>) -> Outcome {
    let work = move || {
        let before = cpu_time();
        let mut scanner = Scanner::new();
        message.chunks(64 << 10).for_each(|piece| scanner.push(piece));
        let scanned = scanner.finish();
        let row = StructureRow::new(&scanned, 0);
        let summary = Summary::new(&scanned);
        assert!(scanned.parts.len() <= PARTS_MAX);
        for (path, part) in row.leaves() {
            assert!(path.len() <= DEPTH_MAX);
            assert_eq!(row.part(&path), Some(part));
            let range = row.range(&path, Section::Body).unwrap();
            let body = &message[range.start as usize..range.end as usize];
            decode_part(part, body, 1 << 20);
        }
        let names = ["Subject".to_owned()];
        header::select_fields(&scanned.raw_header, &names, Matching::Others);
        let _ = author::authors(&scanned.raw_header);
        let megabytes = 1 + (message.len() >> 20) as u32;
        let taken = cpu_time() - before;
        assert!(taken < TIME_PER_MEGABYTE * megabytes, "{taken:?} for {megabytes} MB");
        let written = row.body_structure.len() + row.body.len() + row.envelope.len();
        assert!(written < (16 << 20), "{written} bytes written");
        Outcome { scanned, row, summary }
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap();
    thread.join().unwrap()
}

/// What this thread has worked: other programs on the machine do not count.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn with_header(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    [name.as_bytes(), b": ", value.as_ref(), b"\r\n\r\nbody\r\n"].concat()
}

// I2, CVE-2026-26312.
#[test]
fn multiparts_ten_thousand_deep_are_opaque_below_the_limit() {
    for kind in ["mixed", "digest"] {
        let level = |n| format!("Content-Type: multipart/{kind}; boundary=b{n}\r\n\r\n--b{n}\r\n");
        let outcome = read((0..10_000).map(level).collect::<String>().into_bytes());
        assert!(outcome.scanned.parts.len() <= DEPTH_MAX + 1);
    }
}

#[test]
fn messages_ten_thousand_deep_are_opaque_below_the_limit() {
    let outcome = read(b"Content-Type: message/rfc822\r\n\r\n".repeat(10_000));
    assert_eq!(outcome.scanned.parts.len(), DEPTH_MAX);
    // A digest's parts are messages without saying so.
    let digest = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n".repeat(10_000);
    read(digest.into_bytes());
}

#[test]
fn a_boundary_used_again_within_ends_the_inner_one_first() {
    let level = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
    let outcome = read([&level.repeat(3), "--b--\r\n--b\r\n\r\nx\r\n"].concat().into_bytes());
    let paths: Vec<_> = outcome.row.leaves().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [vec![1, 1, 1], vec![1, 2]]);
    read([level.repeat(5_000), "--b--\r\n".repeat(5_000)].concat().into_bytes());
}

// I3, CVE-2020-12100.
#[test]
fn a_hundred_thousand_parts_are_told_apart_up_to_the_limit() {
    let mut message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    message.extend(b"--b\r\n\r\nx\r\n".repeat(100_000));
    let outcome = read(message);
    assert_eq!(outcome.scanned.parts.len(), PARTS_MAX);
    assert_eq!(outcome.row.leaves().len(), PARTS_MAX - 1);
}

#[test]
fn a_million_lines_like_boundaries_are_lines() {
    let open = |n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
    let mut message = (0..99).map(open).collect::<String>().into_bytes();
    message.extend(b"Subject: x\r\n\r\n");
    message.extend(b"--b9x\r\n".repeat(1_000_000));
    let outcome = read(message);
    assert_eq!(outcome.scanned.parts.last().map(|part| part.lines), Some(999_999 + 1));
}

#[test]
fn short_headers_do_not_grow_into_long_envelopes() {
    let list = "a,".repeat(1_000);
    let inner =
        format!("--b\r\nContent-Type: message/rfc822\r\n\r\nFrom:{list}\r\nTo:{list}\r\n\r\n");
    let message =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", inner.repeat(1_000));
    read(message.into_bytes());
}

// S8, CVE-2024-23184, CVE-2024-23185.
#[test]
fn half_a_million_addresses_cost_their_bytes() {
    let outcome = read(with_header("To", "\"Ann\" <a@b.test>, ".repeat(500_000)));
    assert!(outcome.scanned.raw_header.len() <= HEADER_BYTES_MAX);
    assert!(read(with_header("To", "a@b.test,\r\n ".repeat(80_000))).summary.to.len() == 8);
    assert_eq!(address::mailboxes(&b"x:;".repeat(300_000), 8).len(), 0);
    read(with_header("From", "(".repeat(900_000)));
    read(with_header("From", "\"".repeat(900_001)));
    read(with_header("From", "<".repeat(900_000)));
}

#[test]
fn header_lines_without_end_are_cut() {
    let outcome = read(with_header("Subject", "x".repeat(10 << 20)));
    assert_eq!(outcome.row.range(&[], Section::Header).unwrap().end, (10 << 20) + 13);
    assert!(outcome.summary.subject.len() <= 1000);
    read(vec![b'x'; 8 << 20]);
    read(b"A: b\r\n".repeat(1_000_000));
}

// CVE-2026-27859.
#[test]
fn a_hundred_thousand_parameters_cost_their_bytes() {
    let pieces: String = (0..100_000).map(|n| format!("; name*{n}*=%41")).collect();
    let outcome = read(with_header("Content-Type", format!("application/pdf{pieces}")));
    assert!(outcome.scanned.parts[0].file_name().is_some_and(|name| name.len() < 256));
    read(with_header("Content-Disposition", format!("attachment{}", ";".repeat(900_000))));
    read(with_header("Content-Type", format!("text/plain; {}", "a=\"".repeat(300_000))));
}

#[test]
fn encoded_words_of_a_megabyte_are_cut_or_shown() {
    for word in [
        format!("=?utf-8?q?{}?=", "=41".repeat(300_000)),
        format!("=?utf-8?b?{}?=", "QUFB".repeat(240_000)),
        "=?utf-8?q?x".repeat(90_000),
        "=?utf-8?q?=C3?= =?utf-8?q?=A9?= ".repeat(30_000),
        "=?".repeat(500_000),
    ] {
        assert!(read(with_header("Subject", word)).summary.subject.chars().count() <= 1000);
    }
    let switches: String =
        (0..10_000).map(|n| format!("=?{}?q?=E9?= ", ["iso-8859-1", "koi8-r"][n % 2])).collect();
    assert!(read(with_header("Subject", &switches)).summary.subject.starts_with("éИ"));
    assert_eq!(header::decode_text(switches.as_bytes(), usize::MAX).chars().count(), 10_000);
}

// CVE-2020-7046, CVE-2019-19722, CVE-2020-7957.
#[test]
fn strange_headers_are_shown_somehow() {
    let read_header = |raw: &[u8]| read([raw, b"\r\n\r\n"].concat()).summary;
    assert_eq!(read_header(b"Subject: caf\xc3").subject, "caf");
    assert_eq!(read_header(b"Subject: =?utf-8?q?caf=C3?=").subject, "caf");
    assert_eq!(read_header(b"From: \r\nTo:").from, None);
    assert_eq!(read_header(b"From: team: a@b.test;").from.unwrap().1, "a@b.test");
    assert_eq!(read_header(b"From: team:;").from, None);
    assert_eq!(read_header(b"Subject: a\0b\x1b[31mc\x7f").subject, "ab[31mc");
    assert_eq!(read_header("Subject: a\u{202e}fdp.exe".as_bytes()).subject, "afdp.exe");
    assert_eq!(read_header(b"Date: Tue, 99 Foo 99999999999999999999 99:99:99 +9999").date, None);
}

#[test]
fn bodies_of_junk_are_decoded_in_their_bytes() {
    let body = |kind: &str, encoding: &str, body: Vec<u8>| {
        let head = format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        read([head.as_bytes(), &body].concat()).summary.preview
    };
    let junk = [&b"!".repeat(99)[..], b"Q"].concat().repeat(20_000);
    assert!(body("text/plain", "base64", junk).starts_with("A"));
    assert_eq!(body("text/plain", "quoted-printable", b"=\r\n".repeat(600_000)), "");
    assert_eq!(body("text/plain", "quoted-printable", b" ".repeat(2 << 20)), "");
    assert_eq!(body("text/plain; charset=utf-7", "7bit", b"+AOk- x".to_vec()), "+AOk- x");
    assert_eq!(
        body("text/plain; charset=no-such", "x-uuencode", b"begin 644 a".to_vec()),
        "begin 644 a"
    );
    assert_eq!(body("text/html", "8bit", b"<hr>".repeat(400_000)), "");
    assert_eq!(body("text/html", "8bit", b"<!-- ".repeat(400_000)), "");
    assert_eq!(body("text/html", "8bit", b"<a b='".repeat(300_000)), "");
    assert!(body("text/html", "8bit", b"&lt;<".repeat(300_000)).starts_with("<"));
    decode::charset_to_string("iso-2022-jp", &b"\x1b$B\x1b(B".repeat(100_000));
}
