//! RFC 4954: what AUTH PLAIN (RFC 4616) and AUTH LOGIN say. Who may log in is the service's to
//! know; nothing here is ever printed.

use mail_types::Secret;

use crate::error::PeerMisbehaved;

/// Longer than any address or academic ID (RFC 5321 §4.5.3.1.3).
const LOGIN_BYTES_MAX: usize = 320;
/// Longer than any password the directory takes.
const PASSWORD_BYTES_MAX: usize = 1024;

/// The mechanisms we announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    Login,
}

/// What the peer claims.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) login: String,
    pub(crate) password: Secret<String>,
}

/// Where an exchange stands: what the next line will be.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// The one message of PLAIN.
    Plain,
    /// LOGIN: the name.
    Login,
    /// LOGIN: the password of this name.
    Password(String),
}

/// What follows from a line.
#[derive(Debug)]
pub(crate) enum Next {
    /// Ask on, with this challenge (base64).
    Challenge(Exchange, &'static str),
    /// All is said.
    Claim(Credentials),
    /// Well-formed and refused without asking anybody.
    Refused,
}

impl Exchange {
    pub(crate) fn start(mechanism: Mechanism) -> (Self, &'static str) {
        match mechanism {
            Mechanism::Plain => (Exchange::Plain, ""),
            // "Username:"
            Mechanism::Login => (Exchange::Login, "VXNlcm5hbWU6"),
        }
    }

    /// Takes a response in base64.
    pub(crate) fn respond(self, line: &[u8]) -> Result<Next, PeerMisbehaved> {
        let message = decode_base64(line).ok_or(PeerMisbehaved::SaslResponse)?;
        match self {
            Exchange::Plain => plain(message.expose()),
            Exchange::Login => {
                let login = text(message.expose(), LOGIN_BYTES_MAX)?.to_owned();
                // "Password:"
                Ok(Next::Challenge(Exchange::Password(login), "UGFzc3dvcmQ6"))
            }
            Exchange::Password(login) => {
                let password = text(message.expose(), PASSWORD_BYTES_MAX)?.into();
                Ok(Next::Claim(Credentials { login, password }))
            }
        }
    }
}

// message = [authzid] UTF8NUL authcid UTF8NUL passwd
fn plain(message: &[u8]) -> Result<Next, PeerMisbehaved> {
    let mut fields = message.split(|&byte| byte == 0);
    let (Some(authzid), Some(authcid), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(PeerMisbehaved::SaslResponse);
    };
    let login = text(authcid, LOGIN_BYTES_MAX)?;
    let password = text(password, PASSWORD_BYTES_MAX)?;
    // RFC 4616 §2: to act as another needs a right that nobody has here.
    if !authzid.is_empty() && authzid != authcid {
        return Ok(Next::Refused);
    }
    Ok(Next::Claim(Credentials { login: login.to_owned(), password: password.into() }))
}

/// RFC 4616 §2: `1*SAFE`, UTF-8 without NUL.
fn text(bytes: &[u8], bytes_max: usize) -> Result<&str, PeerMisbehaved> {
    if bytes.is_empty() || bytes.len() > bytes_max || bytes.contains(&0) {
        return Err(PeerMisbehaved::SaslResponse);
    }
    std::str::from_utf8(bytes).map_err(|_| PeerMisbehaved::SaslResponse)
}

/// RFC 4648 §4, strictly (§3.3, §3.5): no other characters, padded, unused bits zero. `=` alone is
/// the empty message (RFC 4954 §4).
fn decode_base64(text: &[u8]) -> Option<Secret<Vec<u8>>> {
    if text == b"=" {
        return Some(Secret::new(Vec::new()));
    }
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for &character in &text[..text.len() - padding] {
        bits = bits << 6 | sextet(character)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // The padding stands for the missing sextets: 2 bits are left with one, 4 with two.
    let whole = count as usize == padding * 2 && bits == 0;
    let bytes = Secret::new(bytes);
    whole.then_some(bytes)
}

/// RFC 4648 §4, with padding.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= group.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text
}

fn sextet(character: u8) -> Option<u32> {
    let value = match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<Vec<u8>> {
        decode_base64(text.as_bytes()).map(|bytes| bytes.expose().clone())
    }

    #[test]
    fn base64_is_strict() {
        // RFC 4648 §10.
        for (text, bytes) in [
            ("", ""),
            ("=", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(bytes.as_bytes()), "{text}");
            if text != "=" {
                assert_eq!(encode_base64(bytes.as_bytes()), text);
            }
        }
        for text in [
            "Zg", "Zg=", "Zg===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zg==Zg==", "Z-9_", "é",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    fn plain_of(message: &[u8]) -> Result<Option<(String, String)>, PeerMisbehaved> {
        Ok(match plain(message)? {
            Next::Claim(claim) => Some((claim.login, claim.password.expose().clone())),
            Next::Refused => None,
            Next::Challenge(..) => unreachable!("PLAIN has one message"),
        })
    }

    #[test]
    fn plain_has_two_nuls_and_no_other_identity() {
        let marie = Ok(Some(("marie".into(), "secret".into())));
        assert_eq!(plain_of(b"\0marie\0secret"), marie);
        assert_eq!(plain_of(b"marie\0marie\0secret"), marie);
        assert_eq!(plain_of(b"root\0marie\0secret"), Ok(None));
        for message in [
            &b""[..],
            b"marie",
            b"\0marie",
            b"\0marie\0",
            b"\0\0secret",
            b"\0marie\0sec\0ret",
            b"\0\0\0\0",
            b"\0mar\xff\0secret",
        ] {
            assert_eq!(plain_of(message), Err(PeerMisbehaved::SaslResponse), "{message:?}");
        }
        let long = [b"\0marie\0", &vec![b'x'; PASSWORD_BYTES_MAX + 1][..]].concat();
        assert_eq!(plain_of(&long), Err(PeerMisbehaved::SaslResponse));
    }

    #[test]
    fn a_claim_never_prints_its_password() {
        let Ok(Next::Claim(claim)) = plain(b"\0marie\0hunter2") else { panic!() };
        assert!(!format!("{claim:?}").contains("hunter2"));
    }
}
