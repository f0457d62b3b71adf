//! ENVELOPE, BODY and BODYSTRUCTURE as an independent parser reads them.

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::body::{BodyStructure, SpecificFields};
use imap_codec::imap_types::core::NString;
use imap_codec::imap_types::envelope::Envelope;
use imap_codec::imap_types::fetch::MessageDataItem;
use imap_codec::imap_types::response::{Data, Response};
use mail_message::scan::{Limits, Scanner};
use mail_message::structure::StructureRow;
use proptest::prelude::*;

use crate::pieces;

/// What a client makes of the three.
struct Read {
    envelope: Envelope<'static>,
    body: BodyStructure<'static>,
    body_structure: BodyStructure<'static>,
}

fn read(message: &[u8]) -> Read {
    // The parser looks no deeper.
    let mut scanner = Scanner::with_limits(Limits { depth_max: 6, ..Limits::default() });
    scanner.push(message);
    let row = StructureRow::new(&scanner.finish(), 0);
    let mut line = b"* 1 FETCH (ENVELOPE ".to_vec();
    line.extend([&row.envelope[..], b" BODY ", &row.body, b" BODYSTRUCTURE "].concat());
    line.extend([&row.body_structure[..], b")\r\n"].concat());
    let shown = String::from_utf8_lossy(&line).into_owned();
    let (rest, response) =
        ResponseCodec::default().decode_static(&line).unwrap_or_else(|e| panic!("{e:?}: {shown}"));
    assert!(rest.is_empty(), "{shown}");
    let Response::Data(Data::Fetch { items, .. }) = response else { panic!("{shown}") };
    let mut items = items.into_iter();
    let (Some(envelope), Some(body), Some(structure), None) =
        (items.next(), items.next(), items.next(), items.next())
    else {
        panic!("{shown}")
    };
    let (
        MessageDataItem::Envelope(envelope),
        MessageDataItem::Body(body),
        MessageDataItem::BodyStructure(body_structure),
    ) = (envelope, body, structure)
    else {
        panic!("{shown}")
    };
    Read { envelope, body, body_structure }
}

fn text(string: &NString<'_>) -> Option<String> {
    let string = string.0.as_ref()?;
    Some(String::from_utf8_lossy(string.as_ref()).into_owned())
}

/// RFC 9051 §7.5.2's own example of an address list, and what spoils one.
#[test]
fn envelopes_are_read_as_they_were_meant() {
    let read = read(
        "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\
         Subject: =?utf-8?q?R=C3=A9union?= \"x\" \\y\r\n\
         From: Terry Gray <gray@cac.washington.test>\r\n\
         Reply-To:\r\n\
         To: team: a@b.test, \"Last, First\" <@route.test:c@d.test>;, e@f.test\r\n\
         Cc: Élise <elise@b.test>, nodomain\r\n\
         In-Reply-To: <1@b.test>\r\n\
         Message-Id: <2@b.test>\r\n\r\n"
            .as_bytes(),
    );
    let envelope = read.envelope;
    assert_eq!(text(&envelope.date).as_deref(), Some("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"));
    assert_eq!(text(&envelope.subject).as_deref(), Some("=?utf-8?q?R=C3=A9union?= \"x\" \\y"));
    assert_eq!(envelope.sender, envelope.from);
    assert_eq!(envelope.reply_to, envelope.from);
    assert_eq!(text(&envelope.message_id).as_deref(), Some("<2@b.test>"));
    assert_eq!(text(&envelope.in_reply_to).as_deref(), Some("<1@b.test>"));
    let shown = |list: &[imap_codec::imap_types::envelope::Address<'_>]| -> Vec<_> {
        let field = |string: &NString<'_>| text(string).unwrap_or_else(|| "NIL".into());
        let all = |a: &imap_codec::imap_types::envelope::Address<'_>| {
            [field(&a.name), field(&a.adl), field(&a.mailbox), field(&a.host)].join("|")
        };
        list.iter().map(all).collect()
    };
    assert_eq!(
        shown(&envelope.to),
        [
            "NIL|NIL|team|NIL",
            "NIL|NIL|a|b.test",
            "Last, First|@route.test|c|d.test",
            "NIL|NIL|NIL|NIL",
            "NIL|NIL|e|f.test"
        ]
    );
    assert_eq!(shown(&envelope.cc), ["Élise|NIL|elise|b.test", "NIL|NIL|nodomain|"]);
    assert!(envelope.bcc.is_empty());
}

#[test]
fn every_field_of_a_body_structure_is_told() {
    let read = read(
        b"Content-Type: multipart/mixed; boundary=\"x y\"\r\nContent-Language: fr\r\n\r\n\
          --x y\r\nContent-Type: TEXT/plain; charset=\"utf-8\"; format=flowed\r\n\
          Content-ID: <id@b.test>\r\nContent-Description: a \"note\"\r\n\
          Content-Transfer-Encoding: 8bit\r\nContent-MD5: Q2hlY2s=\r\n\
          Content-Disposition: inline; filename=\"a\\\\b.txt\"\r\nContent-Language: fr, en\r\n\
          Content-Location: http://b.test/a\r\n\r\nun\r\ndeux\r\n\r\n--x y--\r\n",
    );
    let BodyStructure::Multi { bodies, subtype, extension_data: Some(whole) } = read.body_structure
    else {
        panic!("no multipart")
    };
    assert_eq!(subtype.as_ref(), b"mixed");
    assert_eq!(whole.parameter_list[0].1.as_ref(), b"x y");
    assert_eq!(whole.tail.unwrap().tail.unwrap().language[0].as_ref(), b"fr");
    let BodyStructure::Single { body, extension_data: Some(extension) } = &bodies.as_ref()[0]
    else {
        panic!("no leaf")
    };
    assert_eq!(body.basic.size, 10);
    let SpecificFields::Text { number_of_lines, .. } = &body.specific else { panic!("no text") };
    assert_eq!(*number_of_lines, 2);
    assert_eq!(text(&body.basic.id).as_deref(), Some("<id@b.test>"));
    assert_eq!(text(&body.basic.description).as_deref(), Some("a \"note\""));
    assert_eq!(text(&extension.md5).as_deref(), Some("Q2hlY2s="));
    let disposition = extension.tail.as_ref().unwrap();
    let (kind, parameters) = disposition.disposition.as_ref().unwrap();
    assert_eq!((kind.as_ref(), parameters[0].1.as_ref()), (&b"inline"[..], &b"a\\b.txt"[..]));
    let language = disposition.tail.as_ref().unwrap();
    assert_eq!(language.language.len(), 2);
    let location = &language.tail.as_ref().unwrap().location;
    assert_eq!(text(location).as_deref(), Some("http://b.test/a"));
    let BodyStructure::Multi { extension_data: None, .. } = read.body else {
        panic!("BODY has no extension data")
    };
}

#[test]
fn messages_within_tell_their_envelope_and_lines() {
    let read = read(
        b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/html\r\n\r\n<p>\r\n",
    );
    let BodyStructure::Single { body, .. } = read.body_structure else { panic!("no leaf") };
    let SpecificFields::Message { envelope, body_structure, number_of_lines } = body.specific
    else {
        panic!("no message")
    };
    assert_eq!(text(&envelope.subject).as_deref(), Some("in"));
    assert_eq!(number_of_lines, 4);
    assert!(matches!(*body_structure, BodyStructure::Single { .. }));
}

/// What a part cannot be looked into is shown so that every client reads it.
#[test]
fn opaque_parts_are_still_grammar() {
    for message in [
        &b"Content-Type: multipart/mixed\r\n\r\nno boundary\r\n"[..],
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n",
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: message/external-body; access-type=x\r\n\r\n",
        b"Content-Type: nonsense\r\nContent-Disposition: ;\r\nContent-Transfer-Encoding:\r\n\r\n",
        b"Content-Type: \"\r\n\r\n",
        b"",
    ] {
        read(message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // I8: whatever a header holds, it stays one string.
    #[test]
    fn nothing_in_a_header_leaves_its_string(
        value in proptest::collection::vec(prop_oneof![
            Just(b'"'), Just(b'\\'), Just(b'('), Just(b')'), Just(b'{'), Just(b'}'), Just(b'<'),
            Just(b'>'), Just(b'@'), Just(b','), Just(b';'), Just(b':'), Just(b'='), Just(b'\r'),
            Just(b'*'), Just(b'%'), Just(b'\''), any::<u8>(),
        ], 0..60),
    ) {
        let mut message = Vec::new();
        for name in ["Subject", "From", "To", "Date", "Message-ID", "Content-ID", "Content-Description",
            "Content-Transfer-Encoding", "Content-Language", "Content-MD5", "Content-Location"] {
            message.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
        }
        message.extend([&b"Content-Disposition: x; a="[..], &value, b"\r\n"].concat());
        message.extend([&b"Content-Type: text/plain; name="[..], &value, b"\r\n\r\nbody\r\n"].concat());
        read(&message);
    }

    #[test]
    fn whatever_is_scanned_is_grammar(message in pieces::mail()) {
        read(&message);
    }
}
