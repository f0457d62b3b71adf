//! RFC 3461: what a sender asks to be told of a message's fate.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// RFC 3461 §4.4: "the value of ENVID … MUST NOT exceed 100 characters".
const ENVELOPE_ID_CHARS_MAX: usize = 100;
/// RFC 3461 §4.2: "the ORCPT … MUST NOT exceed 500 characters".
const ORIGINAL_RECIPIENT_CHARS_MAX: usize = 500;

/// RFC 3461 §4.3 `RET`: how much of the message comes back with a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header section.
    Headers,
}

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ret::Full => "FULL",
            Ret::Headers => "HDRS",
        })
    }
}

/// RFC 3461 §4.1 `NOTIFY`: of what the sender is told. All `false` is `NEVER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// That it was delivered.
    pub success: bool,
    /// That it will not be.
    pub failure: bool,
    /// That it is still waiting.
    pub delay: bool,
}

impl Notify {
    /// `NEVER`.
    pub const NEVER: Notify = Notify { success: false, failure: false, delay: false };

    /// Reads the parameter's value.
    ///
    /// # Errors
    /// [`InvalidNoticeParameter`] when it is not what RFC 3461 §4.1 has.
    pub fn parse(value: &str) -> Result<Self, InvalidNoticeParameter> {
        // notify-esmtp-value = "NEVER" / 1#notify-list-element
        // notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
        if value.eq_ignore_ascii_case("NEVER") {
            return Ok(Notify::NEVER);
        }
        let mut notify = Notify::NEVER;
        for element in value.split(',') {
            match element.to_ascii_uppercase().as_str() {
                "SUCCESS" => notify.success = true,
                "FAILURE" => notify.failure = true,
                "DELAY" => notify.delay = true,
                _ => return Err(InvalidNoticeParameter),
            }
        }
        Ok(notify)
    }
}

/// RFC 3461 §5.2.1: without the parameter, failures are told; delays too, as everybody does.
impl Default for Notify {
    fn default() -> Self {
        Notify { success: false, failure: true, delay: true }
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [(self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")];
        let elements: Vec<&str> =
            named.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
        f.write_str(if elements.is_empty() { "NEVER" } else { "" })?;
        f.write_str(&elements.join(","))
    }
}

/// RFC 3461 §4.4 `ENVID`, decoded: the sender's own name for a transaction. Printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeId(String);

impl EnvelopeId {
    /// Reads the parameter's `xtext` value.
    ///
    /// # Errors
    /// [`InvalidNoticeParameter`] when it is too long, no `xtext`, or not printable.
    pub fn parse(value: &str) -> Result<Self, InvalidNoticeParameter> {
        // RFC 3461 §4.4: "MUST consist entirely of printable (graphic and white space) characters
        // from the US-ASCII repertoire".
        let decoded = decode_xtext(value, ENVELOPE_ID_CHARS_MAX)?;
        let printable = decoded.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if printable { Ok(Self(decoded)) } else { Err(InvalidNoticeParameter) }
    }

    /// The decoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 3461 §4.2 `ORCPT`, decoded: whom the sender wrote to in the first place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalRecipient {
    address_type: String,
    address: String,
}

impl OriginalRecipient {
    /// Reads the parameter's value.
    ///
    /// # Errors
    /// [`InvalidNoticeParameter`] when it is not what RFC 3461 §4.2 (RFC 6533 §3) has.
    pub fn parse(value: &str) -> Result<Self, InvalidNoticeParameter> {
        // original-recipient-address = addr-type ";" xtext
        let (address_type, address) = value.split_once(';').ok_or(InvalidNoticeParameter)?;
        let is_atom = !address_type.is_empty()
            && address_type.len() <= 32
            && address_type.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let address = match address_type.eq_ignore_ascii_case("utf-8") {
            true => decode_utf8_xtext(address)?,
            false => decode_xtext(address, ORIGINAL_RECIPIENT_CHARS_MAX)?,
        };
        if !is_atom || address.is_empty() || address.chars().any(char::is_control) {
            return Err(InvalidNoticeParameter);
        }
        Ok(Self { address_type: address_type.to_ascii_lowercase(), address })
    }

    /// `rfc822`, or `utf-8` (RFC 6533 §3), or another registered type.
    pub fn address_type(&self) -> &str {
        &self.address_type
    }

    /// The decoded address.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// Why a value of RET, ENVID, NOTIFY or ORCPT is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a parameter value of RFC 3461")]
pub struct InvalidNoticeParameter;

/// RFC 3461 §4: `xtext`, with every character that must be encoded as `+` and two digits.
pub fn encode_xtext(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'+' | b'=' | ..=b' ' | 0x7f.. => encoded.push_str(&format!("+{byte:02X}")),
            _ => encoded.push(char::from(byte)),
        }
    }
    encoded
}

// xtext = *( xchar / hexchar )
// xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
// hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
fn decode_xtext(value: &str, chars_max: usize) -> Result<String, InvalidNoticeParameter> {
    if value.len() > chars_max {
        return Err(InvalidNoticeParameter);
    }
    let mut bytes = value.bytes();
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| digit.and_then(hex_digit));
                let [Some(high), Some(low)] = digits else { return Err(InvalidNoticeParameter) };
                decoded.push(high << 4 | low);
            }
            b'!'..=b'~' if byte != b'=' => decoded.push(byte),
            _ => return Err(InvalidNoticeParameter),
        }
    }
    String::from_utf8(decoded).map_err(|_| InvalidNoticeParameter)
}

/// RFC 6533 §3 `utf-8-addr-xtext` and `utf-8-addr-unitext`: UTF-8 as it is, or `\x{…}`.
fn decode_utf8_xtext(value: &str) -> Result<String, InvalidNoticeParameter> {
    if value.len() > ORIGINAL_RECIPIENT_CHARS_MAX {
        return Err(InvalidNoticeParameter);
    }
    let mut decoded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("\\x{") {
        let (digits, behind) = after.split_once('}').ok_or(InvalidNoticeParameter)?;
        let scalar = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        decoded.push_str(before);
        decoded.push(scalar.ok_or(InvalidNoticeParameter)?);
        rest = behind;
    }
    decoded.push_str(rest);
    if decoded.contains(char::is_whitespace) { Err(InvalidNoticeParameter) } else { Ok(decoded) }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_is_never_or_a_list() {
        let all = Notify { success: true, failure: true, delay: true };
        for (value, expect) in [
            ("never", Ok(Notify::NEVER)),
            ("Success,FAILURE,delay", Ok(all)),
            ("FAILURE", Ok(Notify { failure: true, ..Notify::NEVER })),
            ("NEVER,FAILURE", Err(InvalidNoticeParameter)),
            ("", Err(InvalidNoticeParameter)),
            ("SUCCESS,", Err(InvalidNoticeParameter)),
        ] {
            assert_eq!(Notify::parse(value), expect, "{value}");
        }
        assert_eq!(Notify::NEVER.to_string(), "NEVER");
        assert_eq!(all.to_string(), "SUCCESS,FAILURE,DELAY");
    }

    #[test]
    fn xtext_is_decoded_and_encoded_again() {
        let id = EnvelopeId::parse("QQ+2B314+20159").unwrap();
        assert_eq!(id.as_str(), "QQ+314 159");
        assert_eq!(encode_xtext(id.as_str()), "QQ+2B314+20159");
        for value in ["a=b", "a b", "+2", "+ZZ", "+0A", "é", &"x".repeat(101)] {
            assert_eq!(EnvelopeId::parse(value), Err(InvalidNoticeParameter), "{value}");
        }
    }

    #[test]
    fn the_original_recipient_has_a_type() {
        let recipient = OriginalRecipient::parse("RFC822;Marie+2BX@ac.test").unwrap();
        assert_eq!((recipient.address_type(), recipient.address()), ("rfc822", "Marie+X@ac.test"));
        let recipient = OriginalRecipient::parse("utf-8;h\\x{E9}l\\x{E8}ne@ac.test").unwrap();
        assert_eq!(recipient.address(), "hélène@ac.test");
        for value in ["a@b.test", "rfc822;", ";a", "rfc 822;a", "rfc822;a+0Db", "utf-8;\\x{D800}"] {
            assert_eq!(OriginalRecipient::parse(value), Err(InvalidNoticeParameter), "{value}");
        }
    }
}
