//! Signing what goes out: relaxed/relaxed, over every field that people see, and over their absence.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use mail_builder::encoders::base64::Base64Encoder;
use mail_message::author;
use mail_message::header::{self, Field};
use mail_types::Domain;

use super::canonical::relaxed_field;
use crate::error::SetupError;

/// RFC 8301 §3.2 asks for 1024 at least and advises 2048; a longer key's record fits no UDP answer.
const RSA_BITS_MIN: usize = 2048;

/// What is signed, each once more than it occurs (RFC 6376 §8.15): nobody can add another that is
/// then shown in its place.
const FIELDS: [&str; 13] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
/// Occurrences of one field that are signed; a message with more is not one of ours.
const OCCURRENCES_MAX: usize = 8;
/// Where base64 and lists are folded (RFC 5322 §2.1.1: 78).
const LINE_BYTES_MAX: usize = 74;

/// RFC 6376 §3.3, RFC 8463.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// `rsa-sha256`, which everybody verifies.
    Rsa,
    /// `ed25519-sha256`, whose records are short.
    Ed25519,
}

impl Algorithm {
    fn tag(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa-sha256",
            Algorithm::Ed25519 => "ed25519-sha256",
        }
    }

    /// Makes a private key, in PKCS#8 DER. RSA takes up to a second of a processor.
    ///
    /// # Errors
    /// [`SetupError::Crypto`].
    pub fn generate(self) -> Result<Vec<u8>, SetupError> {
        let der = match self {
            Algorithm::Rsa => {
                let pair =
                    RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| SetupError::Crypto)?;
                AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map(|der| der.as_ref().to_vec())
            }
            Algorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .map(|der| der.as_ref().to_vec()),
        };
        der.map_err(|_| SetupError::Crypto)
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A private key with the name under which its public half is published.
pub struct SigningKey {
    domain: Domain,
    selector: Domain,
    pair: Pair,
}

impl SigningKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`SetupError`] when it is none of that algorithm, is too short, or the selector is no name.
    pub fn from_pkcs8(
        domain: Domain,
        selector: &str,
        algorithm: Algorithm,
        der: &[u8],
    ) -> Result<Self, SetupError> {
        let selector = selector.parse().map_err(|_| SetupError::Selector(selector.to_owned()))?;
        let pair = match algorithm {
            Algorithm::Rsa => {
                let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| SetupError::Key("RSA"))?;
                if pair.public_modulus_len() * 8 < RSA_BITS_MIN {
                    return Err(SetupError::WeakKey);
                }
                Pair::Rsa(pair)
            }
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
                Pair::Ed25519(pair.map_err(|_| SetupError::Key("Ed25519"))?)
            }
        };
        Ok(Self { domain, selector, pair })
    }

    /// Which kind it is.
    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Rsa(_) => Algorithm::Rsa,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Where the public half is published: `selector._domainkey.domain`.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// RFC 6376 §3.6.1: the record that publishes the public half.
    ///
    /// # Errors
    /// [`SetupError::Crypto`].
    pub fn record(&self) -> Result<String, SetupError> {
        let (kind, public) = match &self.pair {
            Pair::Rsa(pair) => {
                let der = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key());
                ("rsa", der.map_err(|_| SetupError::Crypto)?.as_ref().to_vec())
            }
            // RFC 8463 §4.2: the 32 bytes alone.
            Pair::Ed25519(pair) => ("ed25519", pair.public_key().as_ref().to_vec()),
        };
        Ok(format!("v=DKIM1; k={kind}; p={}", base64(&public)))
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SetupError> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, &mut signature)
                    .map_err(|_| SetupError::Crypto)?;
                Ok(signature)
            }
            // RFC 8463 §3: what is signed is the hash.
            Pair::Ed25519(pair) => Ok(pair.sign(digest(&SHA256, input).as_ref()).as_ref().to_vec()),
        }
    }
}

/// Signs messages of one domain with each of its keys.
pub struct Signer {
    keys: Vec<SigningKey>,
}

impl Signer {
    /// A signer with these keys, RSA first: some verifiers look at the first signature only, and
    /// not all know Ed25519.
    pub fn new(mut keys: Vec<SigningKey>) -> Self {
        keys.sort_by_key(SigningKey::algorithm);
        Self { keys }
    }

    /// The lines to put in front of a message: one `DKIM-Signature` for each key. `raw_header` is
    /// its header section as it goes out, `body_hash` what a relaxed
    /// [`BodyHasher`](super::canonical::BodyHasher) made of its body.
    ///
    /// # Errors
    /// [`SetupError::Crypto`].
    pub fn sign(
        &self,
        raw_header: &[u8],
        body_hash: &[u8; 32],
        unix_seconds: i64,
    ) -> Result<String, SetupError> {
        let covered = Covered::new(raw_header);
        let mut lines = String::new();
        for key in &self.keys {
            let mut field = covered.field(key, body_hash, unix_seconds);
            let mut input = covered.canonical.clone();
            let value = field.split_once(':').map_or("", |(_, value)| value);
            relaxed_field(b"DKIM-Signature", value.as_bytes(), &mut input);
            fold_base64(&mut field, &base64(&key.sign(&input)?));
            lines += &field;
            lines += "\r\n";
        }
        Ok(lines)
    }
}

/// The domain that a message's signature must name for DMARC: that of its first author. `None` when
/// readers could see different ones.
pub fn author_domain(raw_header: &[u8]) -> Option<Domain> {
    author::authors(raw_header).ok()?.first().map(|author| author.domain().clone())
}

/// What all signatures of a message cover.
struct Covered {
    /// `h=`, in the order in which it is hashed.
    names: Vec<&'static str>,
    canonical: Vec<u8>,
}

impl Covered {
    fn new(raw_header: &[u8]) -> Self {
        let fields: Vec<Field<'_>> = header::fields(raw_header).collect();
        let mut covered = Self { names: Vec::new(), canonical: Vec::new() };
        for name in FIELDS {
            // RFC 6376 §5.4.2: the last occurrence is the first to be hashed.
            let found = fields.iter().rev().filter(|field| field.is(name)).take(OCCURRENCES_MAX);
            for field in found {
                covered.names.push(name);
                relaxed_field(field.name, field.value, &mut covered.canonical);
                covered.canonical.extend_from_slice(b"\r\n");
            }
            covered.names.push(name);
        }
        covered
    }

    /// The field up to its empty `b=`.
    fn field(&self, key: &SigningKey, body_hash: &[u8; 32], unix_seconds: i64) -> String {
        let mut field = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; t={unix_seconds};\r\n\td={};\r\n\ts={};\r\n\t",
            key.algorithm().tag(),
            key.domain,
            key.selector
        );
        let mut column = 0;
        for (place, name) in self.names.iter().enumerate() {
            let before = if place == 0 { "h=" } else { ":" };
            if column + before.len() + name.len() > LINE_BYTES_MAX {
                field.push_str("\r\n\t ");
                column = 0;
            }
            let _ = write!(field, "{before}{name}");
            column += before.len() + name.len();
        }
        let _ = write!(field, ";\r\n\tbh={};\r\n\tb=", base64(body_hash));
        field
    }
}

fn fold_base64(field: &mut String, text: &str) {
    for (place, start) in (0..text.len()).step_by(LINE_BYTES_MAX).enumerate() {
        if place > 0 {
            field.push_str("\r\n\t ");
        }
        field.push_str(&text[start..(start + LINE_BYTES_MAX).min(text.len())]);
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    Base64Encoder::new().encode_into(bytes, &mut text);
    // Base64 is ASCII.
    String::from_utf8(text).unwrap_or_default()
}
