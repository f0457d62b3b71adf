//! W6: a state changes only through a form of ours, in the session for which it was made.
//!
//! Two independent checks: the browser's own word about where the request comes from, and a token
//! in the form. The token is masked anew in every answer, so that compression tells nothing about
//! it (BREACH).

use std::fmt::Write;

use hyper::HeaderMap;
use hyper::header::{self, HeaderName};
use subtle::ConstantTimeEq;

/// Bytes of a token before masking.
const TOKEN_BYTES: usize = 32;

/// Makes and checks tokens and signatures with a key of this process.
pub(crate) struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// A seal with a fresh key; what an earlier process sealed opens nothing.
    pub(crate) fn new() -> Self {
        Self { key: rand::random() }
    }

    /// The token for a form, bound to a session (or to the cookie of a login page).
    pub(crate) fn token(&self, bound_to: &[u8]) -> String {
        let mask: [u8; TOKEN_BYTES] = rand::random();
        let secret = self.secret(bound_to);
        let masked = mask.iter().zip(secret).map(|(mask, byte)| mask ^ byte);
        hex(mask.iter().copied().chain(masked))
    }

    /// Whether the token was made for this session. Takes the same time for every wrong one.
    pub(crate) fn verify(&self, bound_to: &[u8], token: &str) -> bool {
        let Some(bytes) = unhex::<{ 2 * TOKEN_BYTES }>(token) else { return false };
        let (mask, masked) = bytes.split_at(TOKEN_BYTES);
        let found: Vec<u8> = mask.iter().zip(masked).map(|(mask, byte)| mask ^ byte).collect();
        self.secret(bound_to).ct_eq(found.as_slice()).into()
    }

    /// A signature over an address that opens without a cookie.
    pub(crate) fn sign(&self, text: &str) -> String {
        hex(self.signature(text))
    }

    /// Whether the signature fits.
    pub(crate) fn is_signed(&self, text: &str, signature: &str) -> bool {
        unhex::<16>(signature).is_some_and(|found| self.signature(text).ct_eq(&found).into())
    }

    fn secret(&self, bound_to: &[u8]) -> [u8; TOKEN_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"form\0").update(bound_to);
        *hasher.finalize().as_bytes()
    }

    fn signature(&self, text: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"link\0").update(text.as_bytes());
        let mut out = [0; 16];
        hasher.finalize_xof().fill(&mut out);
        out
    }
}

/// Whether the browser says that the request comes from one of these origins. A browser too old
/// to say anything is let through to the token.
pub(crate) fn is_from_us(headers: &HeaderMap, origins: &[String]) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site"))
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    match text(header::ORIGIN) {
        Some(origin) => origins.iter().any(|ours| ours.eq_ignore_ascii_case(origin)),
        None => true,
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    let mut out = String::with_capacity(64);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Exactly this many bytes from hexadecimal digits.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut out = [0; N];
    for (byte, place) in out.iter_mut().zip((0..2 * N).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_own_session_only() {
        let seal = Seal::new();
        let token = seal.token(b"session a");
        assert!(seal.verify(b"session a", &token));
        assert!(!seal.verify(b"session b", &token));
        assert!(!Seal::new().verify(b"session a", &token));
        for broken in ["", "00", &token[1..], &token.replace(&token[..1], "x"), &"é".repeat(64)] {
            assert!(!seal.verify(b"session a", broken), "{broken}");
        }
        assert!(!seal.verify(b"session a", &"0".repeat(128)));
    }

    #[test]
    fn a_token_never_looks_the_same_twice() {
        let seal = Seal::new();
        assert_ne!(seal.token(b"a"), seal.token(b"a"));
    }

    #[test]
    fn a_signature_fits_one_text() {
        let seal = Seal::new();
        let signature = seal.sign("a/1");
        assert!(seal.is_signed("a/1", &signature));
        assert!(!seal.is_signed("a/2", &signature));
        assert!(!seal.is_signed("a/1", ""));
    }

    #[test]
    fn other_sites_are_told_by_the_browser() {
        let ours = ["https://mail.test".to_owned()];
        let check = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            is_from_us(&headers, &ours)
        };
        assert!(check(&[]));
        assert!(check(&[("origin", "https://mail.test"), ("sec-fetch-site", "same-origin")]));
        assert!(!check(&[("origin", "null")]));
        assert!(!check(&[("origin", "https://mail.test.evil.test")]));
        assert!(!check(&[("origin", "http://mail.test")]));
        assert!(!check(&[("sec-fetch-site", "cross-site")]));
        assert!(!check(&[("sec-fetch-site", "same-site"), ("origin", "https://mail.test")]));
        // The Host a browser or an attacker sends plays no part.
        assert!(!check(&[("host", "evil.test"), ("origin", "https://evil.test")]));
    }
}
