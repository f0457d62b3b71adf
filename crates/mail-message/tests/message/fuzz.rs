//! Any bytes at all: nothing panics, ranges lie within, pieces read like the whole.

use mail_message::author;
use mail_message::content::Parameterized;
use mail_message::header::{self, Matching};
use mail_message::html;
use mail_message::scan::{Limits, Scanner, scan};
use mail_message::structure::{Section, StructureRow};
use mail_message::summary::{Summary, base_subject, parse_date};
use mail_message::text::decode_part;
use proptest::prelude::*;

use crate::pieces::mail;

/// Limits that a small message reaches.
const TIGHT: Limits = Limits {
    depth_max: 3,
    parts_max: 5,
    header_bytes_max: 60,
    inner_header_bytes_max: 90,
    inner_envelope_bytes_max: 50,
    text_bytes_max: 10,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn anything_is_a_message(message in mail(), path in proptest::collection::vec(0u32..4, 0..5)) {
        let scanned = scan(&message);
        let size = message.len() as u64;
        prop_assert_eq!(scanned.size, size);
        let row = StructureRow::behind(b"Received: x\r\n", &scanned);
        for section in [Section::Body, Section::Header, Section::Text, Section::Mime] {
            if let Some(range) = row.range(&path, section) {
                prop_assert!(range.start <= range.end && range.end <= size + 13);
            }
        }
        let header = row.range(&[], Section::Header).unwrap();
        let text = row.range(&[], Section::Text).unwrap();
        prop_assert_eq!((header.start, header.end, text.end), (0, text.start, size + 13));
        for (path, part) in row.leaves() {
            prop_assert_eq!(row.part(&path), Some(part));
            let body = &message[part.body.start as usize..part.body.end as usize];
            prop_assert_eq!(part.lines, body.iter().filter(|&&byte| byte == b'\n').count() as u64);
            prop_assert!(decode_part(part, body, 10).len() <= 10);
            part.file_name();
        }
        let summary = Summary::behind(b"Message-ID: <m@b.test>\r\n", &scanned);
        prop_assert_eq!(summary.message_id.as_deref(), Some("m@b.test"));
        prop_assert!(summary.preview.chars().count() <= 200);
        prop_assert!(!summary.subject.contains(['\r', '\n', '\0']));
    }

    #[test]
    fn pieces_of_any_size_are_read_like_the_whole(
        message in mail(),
        sizes in proptest::collection::vec(1usize..40, 1..6),
        limits in prop_oneof![Just(Limits::default()), Just(TIGHT)],
    ) {
        let mut whole = Scanner::with_limits(limits);
        whole.push(&message);
        let whole = whole.finish();
        let mut pieces = Scanner::with_limits(limits);
        let mut rest = &message[..];
        for size in sizes.into_iter().cycle() {
            let (piece, tail) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        let pieces = pieces.finish();
        prop_assert!(whole.parts.len() <= limits.parts_max.max(1));
        prop_assert_eq!(whole.parts, pieces.parts);
        prop_assert_eq!(whole.raw_header, pieces.raw_header);
        prop_assert_eq!(whole.text, pieces.text);
    }

    #[test]
    fn headers_lose_nothing_when_taken_apart(raw in mail()) {
        prop_assert_eq!(&header::without(&raw, |_| false), &raw);
        let fields: Vec<u8> = header::fields(&raw).flat_map(|field| field.raw.to_vec()).collect();
        let all = header::select_fields(&raw, &[], Matching::Others);
        prop_assert!(all.len() >= fields.len() && all.ends_with(b"\r\n"));
        let _ = author::authors(&raw);
    }

    #[test]
    fn text_of_any_kind_is_read(text in ".{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        html::to_text(&text, 50);
        base_subject(&text);
        parse_date(&bytes);
        parse_date(text.as_bytes());
        header::decode_text(&bytes, 20);
        header::message_ids(&bytes);
        Parameterized::parse(&bytes).decoded("filename");
        prop_assert!(!header::decode_text(text.as_bytes(), usize::MAX).contains('\n'));
    }

    #[test]
    fn dates_of_any_shape_are_dates_or_not(
        date in "(Mon, |Xyz, )?[0-9]{1,3} (Jan|Feb|Dec|Foo) [0-9]{1,6} [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2})? ([+-][0-9]{1,5}|EST|Z|)",
    ) {
        parse_date(date.as_bytes());
    }
}
