//! RFC 8601 §5: fields that claim to be ours do not get in.

use proptest::prelude::*;
use sender_auth::{FIELD_BYTES_MAX, HeaderFilter, forged_fields};

fn filtered(message: &[u8], cut: usize) -> Vec<u8> {
    let mut filter = HeaderFilter::new("mx.test");
    let mut kept = Vec::new();
    for piece in message.chunks(cut.max(1)) {
        kept.extend_from_slice(&filter.push(piece));
    }
    kept.extend(filter.finish());
    kept
}

#[test]
fn forged_results_are_dropped_and_every_other_byte_stays() {
    let kept = "Received: x\r\nauthentication-results: other.test; spf=pass\r\nno colon\r\nSubject: a\r\n b\r\n";
    let forged = "Authentication-Results: mx.test; spf=pass\r\n\tsmtp.mailfrom=a@b.test\r\n";
    let body = "\r\nAuthentication-Results: mx.test; in the body\r\n";
    let wanted = format!("{kept}{kept}{body}");
    for message in [
        format!("{forged}{kept}{forged}{forged}{kept}{forged}{body}"),
        format!("{kept}AUTHENTICATION-RESULTS :\r\n (x) \"MX.test\" 1; none\r\n{kept}{body}"),
    ] {
        for cut in [1, 2, 3, 5, 17, 64, 10_000] {
            let found = filtered(message.as_bytes(), cut);
            assert_eq!(String::from_utf8(found).unwrap(), wanted, "in pieces of {cut}");
        }
    }
}

#[test]
fn a_message_without_body_or_end_of_line_is_kept_whole() {
    for message in ["", "\r\n", "\n", "From: a", "From: a\r\n", "From: a\r\n\r\n", "From: a\n\nx"] {
        for cut in [1, 100] {
            assert_eq!(filtered(message.as_bytes(), cut), message.as_bytes(), "{message:?}");
        }
    }
    assert_eq!(filtered(b"Authentication-Results: mx.test", 3), b"");
}

#[test]
fn a_field_too_long_to_be_held_passes_unless_it_has_the_name() {
    let long = "y".repeat(FIELD_BYTES_MAX * 3);
    let forged = format!("Authentication-Results: ({long}) mx.test; spf=pass\r\n");
    let folded =
        format!("Authentication-Results: mx.test;\r\n{}", " x\r\n".repeat(FIELD_BYTES_MAX));
    let other = format!("X-Long: {long}\r\n\tmore\r\n");
    let tail = "Subject: s\r\n\r\nbody";
    for cut in [1, 1000, 1 << 20] {
        for (message, wanted) in [
            (format!("{forged}{tail}"), tail.to_owned()),
            (format!("{folded}{tail}"), tail.to_owned()),
            (format!("A: b\r\n{other}{tail}"), format!("A: b\r\n{other}{tail}")),
            (format!("{other}Authentication-Results: mx.test\r\n{tail}"), format!("{other}{tail}")),
        ] {
            assert!(filtered(message.as_bytes(), cut) == wanted.as_bytes(), "pieces of {cut}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_filtered_in_pieces_is_what_ranges_say(
        lines in proptest::collection::vec(
            prop_oneof![
                Just("Authentication-Results: mx.test; x\r\n"),
                Just("Authentication-Results: other.test\r\n"),
                Just(" folded\r\n"),
                Just("Subject: x\n"),
                Just("\r\n"),
                Just("no colon\r\n"),
            ],
            0..20,
        ),
        cut in 1usize..40,
    ) {
        let message = lines.concat();
        let mut wanted = message.clone().into_bytes();
        // A fold before any field begins none.
        prop_assume!(!message.starts_with(' '));
        for range in forged_fields(message.as_bytes(), "mx.test").into_iter().rev() {
            wanted.drain(range);
        }
        prop_assert_eq!(filtered(message.as_bytes(), cut), wanted);
    }
}
