//! Keys that sign outgoing mail (RFC 6376, RFC 8463), and their public halves for the DNS.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use mail_types::{Domain, Secret};
use serde::{Deserialize, Serialize};

/// Longest character-string of a TXT record (RFC 1035 §3.3).
const TXT_STRING_BYTES_MAX: usize = 255;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DkimAlgorithm {
    /// `rsa-sha256` with 2,048 bits: what everybody verifies.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// `ed25519-sha256` (RFC 8463).
    Ed25519,
}

/// Whether a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DkimState {
    /// Its DNS record is still to be published.
    Waiting,
    /// It signs.
    Signing,
    /// It signed: its DNS record stays as long as mail signed with it may be under way.
    Retired,
}

/// A key of a domain.
#[derive(Clone, Debug)]
pub struct DkimKey {
    domain: Domain,
    selector: String,
    number: u8,
    algorithm: DkimAlgorithm,
    state: DkimState,
    pkcs8: Secret<Vec<u8>>,
    /// As it stands in the `p=` tag.
    public: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    domain: Domain,
    selector: String,
    number: u8,
    algorithm: DkimAlgorithm,
    state: DkimState,
    pkcs8: String,
}

impl DkimKey {
    /// The domain it signs for (`d=`).
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Its name below `_domainkey` (`s=`).
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// Its number: a domain's newer keys have higher ones.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// How it signs.
    pub fn algorithm(&self) -> DkimAlgorithm {
        self.algorithm
    }

    /// Whether it signs.
    pub fn state(&self) -> DkimState {
        self.state
    }

    /// The private key, PKCS#8 in DER.
    pub fn pkcs8(&self) -> &[u8] {
        self.pkcs8.expose()
    }

    /// The public key as the `p=` tag holds it: SubjectPublicKeyInfo for RSA (RFC 6376 §3.6.1), the
    /// 32 bytes alone for Ed25519 (RFC 8463 §4.2), in base64.
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// The name and text of its DNS record.
    pub fn record(&self) -> (String, String) {
        let kind = match self.algorithm {
            DkimAlgorithm::Rsa2048 => "rsa",
            DkimAlgorithm::Ed25519 => "ed25519",
        };
        let name = format!("{}._domainkey.{}", self.selector, self.domain);
        (name, format!("v=DKIM1; k={kind}; p={}", self.public))
    }

    /// Its DNS record as a line of a zone file. Long texts are several strings, which a verifier
    /// joins (RFC 6376 §3.6.2.2).
    pub fn zone_line(&self) -> String {
        let (name, text) = self.record();
        // Both are ASCII.
        let strings = text.as_bytes().chunks(TXT_STRING_BYTES_MAX).map(String::from_utf8_lossy);
        let quoted: Vec<_> = strings.map(|string| format!("\"{string}\"")).collect();
        format!("{name}. IN TXT {}", quoted.join(" "))
    }

    /// One key for each algorithm: not everybody verifies Ed25519 yet.
    pub(super) fn generate_pair(
        domain: &Domain,
        number: u8,
        state: DkimState,
    ) -> Result<[Self; 2], String> {
        let unmade = |_| "the key could not be made".to_owned();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).map_err(unmade)?;
        let rsa: Pkcs8V1Der<'_> = rsa.as_der().map_err(unmade)?;
        let ed25519 = Ed25519KeyPair::generate().map_err(unmade)?;
        let ed25519: Pkcs8V1Der<'_> = ed25519.as_der().map_err(unmade)?;
        let key = |algorithm, letter, pkcs8: &[u8]| {
            let pkcs8 = Secret::new(pkcs8.to_vec());
            let public = public_of(algorithm, pkcs8.expose())?;
            let selector = format!("facteur-{letter}{number}");
            let domain = domain.clone();
            Ok::<_, String>(Self { domain, selector, number, algorithm, state, pkcs8, public })
        };
        Ok([
            key(DkimAlgorithm::Rsa2048, 'r', rsa.as_ref())?,
            key(DkimAlgorithm::Ed25519, 'e', ed25519.as_ref())?,
        ])
    }

    pub(super) fn advance(&mut self) {
        self.state = match self.state {
            DkimState::Waiting => DkimState::Signing,
            DkimState::Signing | DkimState::Retired => DkimState::Retired,
        };
    }
}

fn public_of(algorithm: DkimAlgorithm, pkcs8: &[u8]) -> Result<String, String> {
    let unreadable = |_| format!("not a private key for {algorithm:?} in PKCS#8");
    match algorithm {
        DkimAlgorithm::Rsa2048 => {
            let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(unreadable)?;
            let public: PublicKeyX509Der<'_> =
                pair.public_key().as_der().map_err(|_| "the public key could not be encoded")?;
            let bytes: &[u8] = public.as_ref();
            Ok(BASE64.encode(bytes))
        }
        DkimAlgorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(unreadable)?;
            let bytes: &[u8] = pair.public_key().as_ref();
            Ok(BASE64.encode(bytes))
        }
    }
}

impl From<&DkimKey> for Entry {
    fn from(key: &DkimKey) -> Self {
        Self {
            domain: key.domain.clone(),
            selector: key.selector.clone(),
            number: key.number,
            algorithm: key.algorithm,
            state: key.state,
            pkcs8: BASE64.encode(key.pkcs8.expose()),
        }
    }
}

impl TryFrom<Entry> for DkimKey {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let Entry { domain, selector, number, algorithm, state, pkcs8 } = entry;
        let wrong = |why: &str| format!("DKIM key {selector} of {domain}: {why}");
        // RFC 6376 §3.1: a selector is a sequence of sub-domains; it becomes part of a DNS name.
        if selector.parse::<Domain>().is_err() {
            return Err(wrong("the selector is not a name"));
        }
        let pkcs8 = Secret::new(BASE64.decode(pkcs8).map_err(|_| wrong("not base64"))?);
        let public = public_of(algorithm, pkcs8.expose()).map_err(|why| wrong(&why))?;
        Ok(Self { domain, selector, number, algorithm, state, pkcs8, public })
    }
}
