//! Notices as a reader sees them: their parts, their fields, the message they bring back.

use mail_message::dsn::{Action, Fate, Notice, Returned};
use mail_message::{decode, header, scan};
use mail_types::{EnvelopeId, InternalDate, OriginalRecipient, QueueId};

const ORIGINAL: &[u8] = b"From: <a@ours.test>\r\nSubject: Test\r\n\r\nBonjour.\r\n";

fn date() -> InternalDate {
    InternalDate::parse("24-Nov-2026 10:48:00 +0100").unwrap()
}

fn fate(recipient: &str) -> Fate {
    Fate {
        recipient: recipient.parse().unwrap(),
        original_recipient: Some(OriginalRecipient::parse("rfc822;Old@far.test").unwrap()),
        status: (5, 1, 1),
        remote: Some("mx.far.test".into()),
        reply: Some("550 5.1.1 no such\r\nAction: delivered".into()),
        last_attempt: Some(date()),
        retry_until: None,
    }
}

fn message(action: Action, returned: Returned, fates: &[Fate], is_utf8: bool) -> Vec<u8> {
    let id = EnvelopeId::parse("QQ314").unwrap();
    let notice = Notice {
        hostname: "mx.ours.test",
        id: QueueId(7),
        date: date(),
        to: &"marie@ours.test".parse().unwrap(),
        envelope_id: Some(&id),
        arrived: date(),
        subject: "Réunion du conseil",
        action,
        fates,
        returned,
        is_utf8,
        is_8bit: false,
    };
    [&notice.head()[..], ORIGINAL, &notice.tail()].concat()
}

/// The parts' media types and their bodies.
fn parts(message: &[u8]) -> Vec<(String, Vec<u8>)> {
    let scanned = scan::scan(message);
    scanned
        .parts
        .iter()
        .map(|part| {
            let (main, sub) = part.media_type();
            let body = message[part.body.start as usize..part.body.end as usize].to_vec();
            (format!("{main}/{sub}"), body)
        })
        .collect()
}

#[test]
fn a_failure_has_words_for_people_fields_for_programs_and_the_message() {
    // RFC 3462 §2 and RFC 3464 §2.
    let message = message(Action::Failed, Returned::Message, &[fate("b@far.test")], false);
    let found = parts(&message);
    let kinds: Vec<_> = found.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        kinds[..4],
        ["multipart/report", "text/plain", "message/delivery-status", "message/rfc822"]
    );
    let text = decode::decode_transfer(decode::TransferEncoding::QuotedPrintable, &found[1].1);
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Votre message « Réunion du conseil » n'a pas pu être remis"), "{text}");
    assert!(text.contains("cette adresse n'existe pas"), "{text}");
    assert!(text.contains("no such address"), "{text}");
    assert!(text.contains("\r\n  <b@far.test>"), "{text}");
    assert_eq!(found[3].1, ORIGINAL.strip_suffix(b"\r\n").map(|_| ORIGINAL).unwrap());
}

#[test]
fn the_fields_are_those_of_the_rfc_and_no_reply_adds_one() {
    let message = message(
        Action::Failed,
        Returned::Headers,
        &[fate("b@far.test"), fate("c@far.test")],
        false,
    );
    let found = parts(&message);
    assert_eq!(found[3].0, "text/rfc822-headers");
    let status = String::from_utf8(found[2].1.clone()).unwrap();
    let groups: Vec<_> = status.trim_end().split("\r\n\r\n").collect();
    assert_eq!(groups.len(), 3, "{status}");
    assert_eq!(
        groups[0],
        "Original-Envelope-Id: QQ314\r\nReporting-MTA: dns; mx.ours.test\r\n\
         Arrival-Date: Tue, 24 Nov 2026 10:48:00 +0100"
    );
    assert_eq!(
        groups[1],
        "Original-Recipient: rfc822; Old@far.test\r\nFinal-Recipient: rfc822; b@far.test\r\n\
         Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.far.test\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no suchAction: delivered\r\n\
         Last-Attempt-Date: Tue, 24 Nov 2026 10:48:00 +0100"
    );
}

#[test]
fn a_notice_cannot_be_answered_by_a_machine() {
    // RFC 3834 §5.2 and RFC 3464 §2: who sent it and that no answer is due.
    let message = message(Action::Delayed, Returned::Headers, &[fate("b@far.test")], false);
    let field = |name| header::first(&message, name).unwrap();
    assert_eq!(field("Auto-Submitted"), b"auto-replied");
    assert_eq!(field("To"), b"<marie@ours.test>");
    assert_eq!(header::decode_text(&field("Subject"), 100), "Remise retardée (delayed mail)");
}

#[test]
fn a_message_in_utf8_is_told_of_in_utf8() {
    // RFC 6533 §3 and §4.
    let fates = [Fate { original_recipient: None, ..fate("hélène@far.test") }];
    let message = message(Action::Failed, Returned::Message, &fates, true);
    let found = parts(&message);
    assert_eq!(found[2].0, "message/global-delivery-status");
    assert_eq!(found[3].0, "message/global");
    let status = String::from_utf8(found[2].1.clone()).unwrap();
    assert!(status.contains("Final-Recipient: utf-8; hélène@far.test\r\n"), "{status}");
}
