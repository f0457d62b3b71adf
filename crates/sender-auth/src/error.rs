//! What can go wrong before anything is verified or signed.

use thiserror::Error;

/// A setting or key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// The resolver cannot be set up.
    #[error("DNS cannot be set up: {0}")]
    Dns(String),
    /// Not a private key of that kind in PKCS#8 DER.
    #[error("not an {0} key in PKCS#8 DER")]
    Key(&'static str),
    /// RFC 8301 §3.2: signers must not use RSA keys under 1024 bits; ours have 2048.
    #[error("an RSA key for DKIM has at least 2048 bits")]
    WeakKey,
    /// A selector is one or more labels of letters, digits and hyphens (RFC 6376 §3.1).
    #[error("{0:?} is not a selector")]
    Selector(String),
    /// A key could not be made or used.
    #[error("the cryptographic library failed")]
    Crypto,
}
