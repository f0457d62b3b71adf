//! The streaming scanner: parts lie where RFC 2046 says, however the message is cut into pieces.

use mail_message::scan::scan;

const MIXED: &[u8] = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
preamble\r\n--x\r\n\r\nplain\r\nline\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n\
Subject: in\r\nContent-Type: multipart/alternative; boundary=xx\r\n\r\n\
--xx\r\nContent-Type: text/html\r\n\r\n<p>\r\n--xx--\r\n--x\r\nContent-Type: image/png\r\n\r\n\
PNG\r\n--x--\r\nepilogue\r\n";

fn text<'a>(message: &'a [u8], range: &std::ops::Range<u64>) -> &'a str {
    std::str::from_utf8(&message[range.start as usize..range.end as usize]).unwrap()
}

#[test]
fn parts_lie_where_the_delimiters_say() {
    let scanned = scan(MIXED);
    let parts = &scanned.parts;
    assert_eq!(parts[0].children, [1, 2, 5]);
    assert_eq!(text(MIXED, &parts[1].body), "plain\r\nline");
    assert_eq!(parts[1].lines, 1);
    assert!(parts[2].is_message && parts[3].is_multipart);
    assert_eq!(parts[2].children, [3]);
    assert_eq!(text(MIXED, &parts[3].header).lines().next(), Some("Subject: in"));
    assert_eq!(text(MIXED, &parts[4].body), "<p>");
    assert_eq!(text(MIXED, &parts[5].body), "PNG");
    assert!(text(MIXED, &parts[0].body).ends_with("epilogue\r\n"));
    assert_eq!(scanned.text, Some((1, b"plain\r\nline".to_vec())));
    assert!(parts[3].envelope.as_ref().is_some_and(|e| e.starts_with(b"(NIL \"in\"")));
}

#[test]
fn a_boundary_that_begins_another_is_another() {
    let message = b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--ab\n--a--\n";
    let scanned = scan(message);
    assert_eq!(scanned.parts.len(), 2);
    assert_eq!(text(message, &scanned.parts[1].body), "one\n--ab");
}

#[test]
fn an_unclosed_multipart_ends_with_its_parent() {
    let message = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nin\r\n--a\r\n\r\nout\r\n";
    let scanned = scan(message);
    assert_eq!(scanned.parts[0].children, [1, 3]);
    assert_eq!(text(message, &scanned.parts[2].body), "in");
    assert_eq!(text(message, &scanned.parts[3].body), "out\r\n");
}

#[test]
fn strange_messages_are_messages() {
    for message in [&b""[..], b"\r\n", b"\n", b"no header", b"--", b"\r\n\r\n--x", b"A: b"] {
        let scanned = scan(message);
        assert_eq!(scanned.size, message.len() as u64);
        assert!(scanned.parts[0].body.end <= scanned.size);
    }
}

/// Ranges of the only inner part of a multipart with this boundary parameter.
fn inner(parameter: &str, delimiter: &str) -> Option<String> {
    let message =
        format!("Content-Type: multipart/mixed; {parameter}\r\n\r\n{delimiter}\r\n\r\nin");
    let scanned = scan(message.as_bytes());
    Some(text(message.as_bytes(), &scanned.parts.get(1)?.body).to_owned())
}

#[test]
fn boundaries_are_found_in_every_spelling() {
    let long = "b".repeat(200);
    for (parameter, delimiter) in [
        ("boundary=x", "--x"),
        ("BOUNDARY=\"x y\"", "--x y"),
        ("boundary=\"x \"", "--x"),
        ("boundary=x", "--x \t "),
        ("boundary*=us-ascii''x", "--x"),
        ("boundary*0=x; boundary*1=y", "--xy"),
        ("boundary=\"x--\"", "--x--"),
        ("boundary=\"=_x?:'()+,-./\"", "--=_x?:'()+,-./"),
        (&format!("boundary={long}"), &format!("--{long}")),
    ] {
        assert_eq!(inner(parameter, delimiter).as_deref(), Some("in"), "{parameter}");
    }
    for (parameter, delimiter) in [
        ("boundary=x", "--X"),
        ("boundary=x", " --x"),
        ("boundary=x", "--xx"),
        ("boundary=x", "-x"),
        ("boundary=", "--"),
        (&format!("boundary={long}b"), &format!("--{long}b")),
    ] {
        assert_eq!(inner(parameter, delimiter), None, "{parameter} {delimiter}");
    }
}

// A part whose header was ended by a delimiter counted the lines before it as its own.
#[test]
fn a_part_that_ends_within_its_header_has_no_body() {
    let message = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nA: b\r\n--x--\r\n";
    let scanned = scan(message);
    let part = &scanned.parts[1];
    assert_eq!(text(message, &part.header), "A: b\r\n");
    assert_eq!((part.body.clone(), part.lines), (56..56, 0));
}

#[test]
fn a_digest_holds_messages_that_do_not_say_so() {
    let message = b"Content-Type: multipart/digest; boundary=x\r\n\r\n\
--x\r\n\r\nSubject: one\r\n\r\n1\r\n--x\r\nContent-Type: text/plain\r\n\r\n2\r\n--x--";
    let scanned = scan(message);
    assert!(scanned.parts[1].is_message);
    assert_eq!(text(message, &scanned.parts[2].body), "1");
    assert!(!scanned.parts[3].is_message);
}

#[test]
fn the_first_plain_text_is_kept_before_html() {
    let message = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n\
--x\r\nContent-Type: text/plain; name=a.txt\r\n\r\nfile\r\n\
--x\r\nContent-Type: text/html\r\n\r\n<b>\r\n\
--x\r\nContent-Type: text/plain\r\n\r\nfirst\r\n\
--x\r\n\r\nsecond\r\n--x--";
    assert_eq!(scan(message).text, Some((3, b"first".to_vec())));
}
