//! RFC 5321 §4.1.2 `Mail-parameters` and RFC 3030 §2 `chunk-size`: what may come at all, and the
//! numbers.
//!
//! The other values are read by smtp-proto. It knows more keywords than we announce, lets the last
//! of two win and wraps numbers over 20 digits: that is refused here first.

use jiff::Timestamp;
use mail_types::{EnvelopeId, Notify, OriginalRecipient, Ret};

use crate::error::PeerMisbehaved;

/// RFC 1870 §3: `size-value ::= 1*20DIGIT`.
const SIZE_DIGITS_MAX: usize = 20;

/// RFC 4865 §4: `future-release-interval = %x31-39 *8DIGIT`.
const HOLD_DIGITS_MAX: usize = 9;

/// What MAIL may carry after EHLO has announced it.
const MAIL_KEYWORDS: [&str; 8] =
    ["SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID", "HOLDFOR", "HOLDUNTIL"];
/// What RCPT may carry (RFC 3461 §4).
const RECIPIENT_KEYWORDS: [&str; 2] = ["NOTIFY", "ORCPT"];

/// The parameters of MAIL whose values are ours to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// RFC 1870 §5.
    pub size: Option<u64>,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// RFC 3461 §4.4.
    pub envelope_id: Option<EnvelopeId>,
    /// RFC 4865 §5.
    pub hold: Option<Hold>,
    /// RFC 6152 §2: `BODY=8BITMIME`.
    pub is_8bit: bool,
    /// RFC 6531 §3.4.
    pub smtputf8: bool,
}

/// RFC 4865: until when a submitted message is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// For so many seconds.
    For(u64),
    /// Until this instant.
    Until(Timestamp),
}

/// The parameters of RCPT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientParameters {
    /// RFC 3461 §4.1.
    pub notify: Option<Notify>,
    /// RFC 3461 §4.2.
    pub original_recipient: Option<OriginalRecipient>,
}

/// Checks the keywords of MAIL and reads the values that are ours to read.
pub(crate) fn check_mail(tail: &str) -> Result<MailParameters, PeerMisbehaved> {
    let mut read = MailParameters::default();
    for (keyword, value) in keywords(tail, &MAIL_KEYWORDS)? {
        match keyword {
            "SIZE" => read.size = Some(size(value).ok_or(PeerMisbehaved::Argument)?),
            "RET" if value.eq_ignore_ascii_case("FULL") => read.ret = Some(Ret::Full),
            "RET" if value.eq_ignore_ascii_case("HDRS") => read.ret = Some(Ret::Headers),
            "RET" => return Err(PeerMisbehaved::Argument),
            "ENVID" => {
                let id = EnvelopeId::parse(value).map_err(|_| PeerMisbehaved::Argument)?;
                read.envelope_id = Some(id);
            }
            // RFC 4865 §5: one of the two at most.
            "HOLDFOR" | "HOLDUNTIL" if read.hold.is_some() => {
                return Err(PeerMisbehaved::Argument);
            }
            "HOLDFOR" => read.hold = Some(hold_for(value).ok_or(PeerMisbehaved::Argument)?),
            "HOLDUNTIL" => {
                let until = value.parse().map_err(|_| PeerMisbehaved::Argument)?;
                read.hold = Some(Hold::Until(until));
            }
            "BODY" => read.is_8bit = value.eq_ignore_ascii_case("8BITMIME"),
            "SMTPUTF8" => read.smtputf8 = true,
            _ => {}
        }
    }
    Ok(read)
}

/// Reads the parameters of RCPT.
pub(crate) fn check_recipient(tail: &str) -> Result<RecipientParameters, PeerMisbehaved> {
    let mut read = RecipientParameters::default();
    for (keyword, value) in keywords(tail, &RECIPIENT_KEYWORDS)? {
        let fault = |_| PeerMisbehaved::Argument;
        match keyword {
            "NOTIFY" => read.notify = Some(Notify::parse(value).map_err(fault)?),
            _ => {
                read.original_recipient = Some(OriginalRecipient::parse(value).map_err(fault)?);
            }
        }
    }
    Ok(read)
}

/// Splits parameters; each keyword is a known one and stands there once.
fn keywords<'a, const N: usize>(
    tail: &'a str,
    known: &'static [&'static str; N],
) -> Result<Vec<(&'static str, &'a str)>, PeerMisbehaved> {
    let mut found: Vec<(&'static str, &str)> = Vec::new();
    for parameter in tail.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let keyword = known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(keyword))
            .ok_or(PeerMisbehaved::UnknownParameter)?;
        if found.iter().any(|(earlier, _)| earlier == keyword) {
            return Err(PeerMisbehaved::Argument);
        }
        found.push((keyword, value));
    }
    Ok(found)
}

fn hold_for(value: &str) -> Option<Hold> {
    let digits = (1..=HOLD_DIGITS_MAX).contains(&value.len())
        && !value.starts_with('0')
        && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok().map(Hold::For)).flatten()
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
            (" RET=ALL", Err(Argument)),
            (" ENVID=a ENVID=b", Err(Argument)),
            (" HOLDFOR=0", Err(Argument)),
            (" HOLDFOR=1234567890", Err(Argument)),
            (" HOLDUNTIL=tomorrow", Err(Argument)),
            (" HOLDFOR=5 HOLDUNTIL=2026-11-28T10:00:00Z", Err(Argument)),
            (" BY=120;R", Err(UnknownParameter)),
            (" XYZZY", Err(UnknownParameter)),
            (" =1", Err(UnknownParameter)),
        ] {
            assert_eq!(check_mail(tail).map(|read| read.size), expect, "{tail:?}");
        }
        assert_eq!(check_recipient(" RRVS=x"), Err(UnknownParameter));
        assert_eq!(check_recipient(" NOTIFY=NEVER,DELAY"), Err(Argument));
        assert_eq!(check_recipient(" NOTIFY=DELAY notify=DELAY"), Err(Argument));
        assert_eq!(check_recipient("  "), Ok(RecipientParameters::default()));
    }

    #[test]
    fn what_a_sender_asks_to_be_told_is_read() {
        let read = check_mail(" RET=hdrs ENVID=a+2Bb BODY=8bitmime HOLDFOR=3600").unwrap();
        assert_eq!(read.ret, Some(Ret::Headers));
        assert_eq!(read.envelope_id.unwrap().as_str(), "a+b");
        assert_eq!(read.hold, Some(Hold::For(3600)));
        assert!(read.is_8bit && !read.smtputf8);
        let read = check_mail(" HOLDUNTIL=2026-11-28T10:00:00Z").unwrap();
        assert_eq!(read.hold, Some(Hold::Until("2026-11-28T10:00:00Z".parse().unwrap())));
        let read = check_recipient(" NOTIFY=success ORCPT=rfc822;a@b.test").unwrap();
        assert!(read.notify.is_some_and(|notify| notify.success && !notify.failure));
        assert_eq!(read.original_recipient.unwrap().address(), "a@b.test");
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
