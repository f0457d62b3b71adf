//! RFC 5321 §4.1.2 `Mail-parameters` and RFC 3030 §2 `chunk-size`: what may come at all, and the
//! numbers.
//!
//! The other values are read by smtp-proto. It knows more keywords than we announce, lets the last
//! of two win and wraps numbers over 20 digits: that is refused here first.

use crate::error::PeerMisbehaved;

/// RFC 1870 §3: `size-value ::= 1*20DIGIT`.
const SIZE_DIGITS_MAX: usize = 20;

/// What MAIL may carry after EHLO has announced it.
const MAIL_KEYWORDS: [&str; 4] = ["SIZE", "BODY", "SMTPUTF8", "AUTH"];

/// Checks the keywords of MAIL and reads SIZE.
pub(crate) fn check_mail(tail: &str) -> Result<Option<u64>, PeerMisbehaved> {
    let mut seen = [false; MAIL_KEYWORDS.len()];
    let mut declared_size = None;
    for parameter in tail.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let place = MAIL_KEYWORDS
            .iter()
            .position(|known| known.eq_ignore_ascii_case(keyword))
            .ok_or(PeerMisbehaved::UnknownParameter)?;
        if std::mem::replace(&mut seen[place], true) {
            return Err(PeerMisbehaved::Argument);
        }
        if MAIL_KEYWORDS[place] == "SIZE" {
            declared_size = Some(size(value).ok_or(PeerMisbehaved::Argument)?);
        }
    }
    Ok(declared_size)
}

/// RCPT takes none until DSN (RFC 3461) is announced.
pub(crate) fn check_recipient(tail: &str) -> Result<(), PeerMisbehaved> {
    if tail.trim_matches(' ').is_empty() { Ok(()) } else { Err(PeerMisbehaved::UnknownParameter) }
}

/// Reads `chunk-size [ SP "LAST" ]`.
pub(crate) fn chunk(arguments: &str) -> Option<(u64, bool)> {
    // bdat-cmd ::= "BDAT" SP chunk-size [ SP end-marker ] CR LF
    let (number, marker) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let last = match marker.trim_matches(' ') {
        "" => false,
        marker if marker.eq_ignore_ascii_case("LAST") => true,
        _ => return None,
    };
    Some((size(number)?, last))
}

/// Digits; a number too large for us is as good as the largest.
fn size(value: &str) -> Option<u64> {
    let digits = (1..=SIZE_DIGITS_MAX).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unannounced_doubled_and_overlong_parameters_are_refused() {
        use PeerMisbehaved::{Argument, UnknownParameter};
        for (tail, expect) in [
            ("", Ok(None)),
            (" size=1 BODY=7BIT SmtpUtf8 AUTH=<>", Ok(Some(1))),
            (" SIZE=99999999999999999999", Ok(Some(u64::MAX))),
            (" SIZE=999999999999999999999", Err(Argument)),
            (" SIZE=", Err(Argument)),
            (" SIZE=-1", Err(Argument)),
            (" SIZE=1 SIZE=2", Err(Argument)),
            (" RET=FULL", Err(UnknownParameter)),
            (" XYZZY", Err(UnknownParameter)),
            (" =1", Err(UnknownParameter)),
        ] {
            assert_eq!(check_mail(tail), expect, "{tail:?}");
        }
        assert_eq!(check_recipient(" NOTIFY=NEVER"), Err(UnknownParameter));
        assert_eq!(check_recipient("  "), Ok(()));
    }

    #[test]
    fn chunk_sizes_never_wrap() {
        for (arguments, expect) in [
            ("0", Some((0, false))),
            ("5 last ", Some((5, true))),
            ("18446744073709551615 LAST", Some((u64::MAX, true))),
            ("18446744073709551616", Some((u64::MAX, false))),
            ("100000000000000000000000", None),
            ("-1", None),
            ("+1", None),
            ("", None),
            ("1 FIRST", None),
            ("1 LAST LAST", None),
        ] {
            assert_eq!(chunk(arguments), expect, "{arguments}");
        }
    }
}
