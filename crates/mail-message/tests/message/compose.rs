//! What the webmail composes: it reads back as it was written, and nobody breaks out of a field.

use mail_message::compose::{Attachment, ComposeError, Draft};
use mail_message::decode::decode_transfer;
use mail_message::scan::{Scanned, scan};
use mail_message::summary::Summary;
use mail_message::text::decode_part;
use mail_types::InternalDate;
use proptest::prelude::*;

fn draft() -> Draft {
    Draft {
        from: ("Élise Été".into(), "elise@ac-paris.test".parse().unwrap()),
        to: vec![("Ann, B".into(), "ann@ac-paris.test".parse().unwrap())],
        cc: vec![],
        bcc: vec![(String::new(), "secret@ac-paris.test".parse().unwrap())],
        subject: "Réunion du collège".into(),
        text: "Bonjour,\n\n.\nÀ demain".into(),
        in_reply_to: Some("x@y.test".into()),
        references: vec!["w@y.test".into(), "x@y.test".into()],
        attachments: vec![Attachment {
            file_name: "été.pdf".into(),
            media_type: "application/pdf".into(),
            content: vec![0, 255, 10, 13],
        }],
        message_id: "m@ac-paris.test".into(),
        date: InternalDate::parse("24-Nov-2026 10:48:00 +0100").unwrap(),
        notes: vec![("X-Note", "für sich".into())],
    }
}

#[test]
fn what_is_composed_reads_back() {
    let message = draft().to_message().unwrap();
    let scanned = scan(&message);
    let summary = Summary::new(&scanned);
    assert_eq!(summary.subject, "Réunion du collège");
    assert_eq!(summary.from, Some(("Élise Été".into(), "elise@ac-paris.test".into())));
    assert_eq!(summary.to, [("Ann, B".into(), "ann@ac-paris.test".into())]);
    assert_eq!(summary.message_id.as_deref(), Some("m@ac-paris.test"));
    assert_eq!(summary.references, ["w@y.test", "x@y.test"]);
    assert_eq!(summary.date, Some(1_795_513_680));
    assert!(summary.has_attachment);
    let file = scanned.parts.iter().find(|part| part.is_attachment()).unwrap();
    assert_eq!(file.file_name().as_deref(), Some("été.pdf"));
    let raw = &message[file.body.start as usize..file.body.end as usize];
    assert_eq!(decode_transfer(file.transfer_encoding(), raw), [0, 255, 10, 13]);
    let bare = message.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    assert!(!bare, "a bare LF");
}

#[test]
fn nobody_breaks_out_of_a_field() {
    for evil in ["a\r\nBcc: x@y.test", "a\nb", "a\rb", "a\0b", "a\u{2028}b"] {
        let mut broken = draft();
        broken.subject = evil.into();
        assert_eq!(broken.to_message(), Err(ComposeError::ControlCharacter { field: "Subject" }));
        let mut broken = draft();
        broken.notes[0].1 = evil.into();
        assert!(broken.to_own_copy().is_err());
        let mut broken = draft();
        broken.to[0].0 = evil.into();
        assert_eq!(broken.to_message(), Err(ComposeError::ControlCharacter { field: "To" }));
        let mut broken = draft();
        broken.attachments[0].file_name = evil.into();
        assert!(broken.to_message().is_err());
    }
}

/// RFC 5321 §4.5.3.1.6 and §2.3.8: what the next server may refuse.
fn assert_wire_safe(message: &[u8]) {
    assert!(message.ends_with(b"\r\n"));
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        assert!(line.ends_with(b"\r\n"), "a bare LF or no end: {line:?}");
        assert!(line.len() <= 1000, "{} bytes", line.len());
        assert!(!line[..line.len() - 2].contains(&b'\r'), "a bare CR");
    }
}

fn files(message: &[u8], scanned: &Scanned) -> Vec<Vec<u8>> {
    let body = |range: &std::ops::Range<u64>| &message[range.start as usize..range.end as usize];
    let files = scanned.parts.iter().filter(|part| part.is_attachment());
    files.map(|part| decode_transfer(part.transfer_encoding(), body(&part.body))).collect()
}

#[test]
fn the_same_draft_is_the_same_bytes() {
    assert_eq!(draft().to_message(), draft().to_message());
}

#[test]
fn blind_copies_are_in_the_own_copy_and_among_the_recipients_only() {
    for own in ["secret@", "X-Note"] {
        let contains = |message: Vec<u8>| String::from_utf8_lossy(&message).contains(own);
        assert!(!contains(draft().to_message().unwrap()), "{own}");
        assert!(contains(draft().to_own_copy().unwrap()), "{own}");
    }
    let shown: Vec<_> = draft().recipients().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["ann@ac-paris.test", "secret@ac-paris.test"]);
    let nobody = Draft { to: vec![], bcc: vec![], ..draft() };
    assert_eq!(nobody.recipients(), Err(ComposeError::NoRecipient));
    assert!(nobody.to_message().is_ok(), "a draft may be kept without recipients");
}

#[test]
fn attached_bytes_come_back_whatever_type_they_claim() {
    let content = b"a\nb\rc\r\n.\r\n\xe9\0".to_vec();
    for media_type in
        ["text/plain", "text/csv", "message/rfc822", "multipart/mixed", "x", "a/b/c", "é/x"]
    {
        let attachment = Attachment {
            file_name: "a".into(),
            media_type: media_type.into(),
            content: content.clone(),
        };
        let message = Draft { attachments: vec![attachment], ..draft() }.to_message().unwrap();
        assert_wire_safe(&message);
        let files = files(&message, &scan(&message));
        assert!(files.len() == 1 && files[0] == content, "{media_type}: {files:?}");
    }
}

#[test]
fn endless_words_become_lines_that_every_server_takes() {
    for subject in ["x".repeat(5000), "é".repeat(5000), "x ".repeat(5000)] {
        let long = Draft {
            subject,
            text: "y".repeat(5000),
            references: (0..200).map(|n| format!("{n}{}@x.test", "z".repeat(100))).collect(),
            to: vec![("n".repeat(3000), "ann@ac-paris.test".parse().unwrap())],
            ..draft()
        };
        assert_wire_safe(&long.to_message().unwrap());
    }
    let id = format!("{}@x", "i".repeat(2000));
    assert!(Draft { in_reply_to: Some(id), ..draft() }.to_message().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_text_reads_back(
        subject in "[ -~éàœ€漢\u{1f600}]{0,120}",
        name in "[ -~éàœ€漢]{0,80}",
        text in "([ -~éàœ€漢=.\t]{0,100}(\r\n|\n|\r)?){0,12}",
        file_name in "[a-zA-Z0-9 éà€漢'\"%();,*-]{1,60}\\.pdf",
        content in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut written = draft();
        written.subject = subject.clone();
        written.from.0 = name.clone();
        written.text = text.clone();
        written.attachments = vec![Attachment { file_name: file_name.clone(), media_type: "application/pdf".into(), content: content.clone() }];
        let message = written.to_message().unwrap();
        assert_wire_safe(&message);
        let scanned = scan(&message);
        let summary = Summary::new(&scanned);
        let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        // What looks like an encoded word is one to every reader.
        if !subject.contains("=?") {
            prop_assert_eq!(summary.subject, folded(&subject));
        }
        if !name.contains("=?") {
            prop_assert_eq!(summary.from.map(|from| from.0), Some(folded(&name)));
        }
        let (number, raw) = scanned.text.as_ref().unwrap();
        let shown = decode_part(&scanned.parts[*number as usize], raw, 1 << 20);
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(shown.trim_end(), lines.trim_end());
        prop_assert_eq!(files(&message, &scanned), [content]);
        let file = scanned.parts.iter().find(|part| part.is_attachment()).unwrap();
        prop_assert_eq!(file.file_name().map(|name| folded(&name)), Some(folded(&file_name)));
    }
}

#[test]
fn what_only_the_writer_keeps_stands_apart_from_the_message() {
    let mut whole = draft();
    whole.bcc = (0..50)
        .map(|n| (format!("Élève {n}"), format!("eleve{n}@ac-paris.test").parse().unwrap()))
        .collect();
    let parted = whole.to_parted().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let message = text(&parted.message);
    assert!(
        !message.contains("\r\nDate:") && !message.contains("Bcc") && !message.contains("X-Note")
    );
    assert!(message.contains("\r\n\r\n") && message.contains("To: "));
    assert_eq!(text(&parted.date), "Date: Tue, 24 Nov 2026 10:48:00 +0100\r\n");
    assert!(text(&parted.notes).starts_with("X-Note: "));
    for lines in [&parted.date, &parted.bcc, &parted.notes] {
        assert!(lines.ends_with(b"\r\n") && lines.len() > 2);
    }
    let copy = [&parted.bcc[..], &parted.date, &parted.message].concat();
    let summary = Summary::new(&scan(&copy));
    assert_eq!(summary.date, Some(1_795_513_680));
    let bcc = mail_message::header::first(&copy, "Bcc").unwrap();
    assert_eq!(mail_message::address::mailboxes(&bcc, 100).len(), 50);
    assert_eq!(draft().to_parted().unwrap().message, parted.message, "the same for everybody");
}
