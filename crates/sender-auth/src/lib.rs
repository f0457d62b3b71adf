//! Who a message is really from: SPF, DKIM and DMARC of what comes in, DKIM of what goes out.
//!
//! Knows no sockets but DNS, stores nothing, and holds of a message its header section only: an
//! [`Observer`] hashes the body while it streams into the store. Every look-up is bounded in number
//! and ends at one deadline; an answer that does not come is a temporary error, never a wait.
//!
//! The types to know: [`Verifier`] makes a [`Verdict`], [`policy()`] a [`Decision`] of it,
//! [`HeaderFilter`] keeps forged verdicts out, [`Signer`] signs.
//!
//! ```
//! use sender_auth::{Algorithm, BodyHasher, Canonicalization, Signer, SigningKey};
//!
//! let der = Algorithm::Ed25519.generate().unwrap();
//! let domain = "ac.test".parse().unwrap();
//! let key = SigningKey::from_pkcs8(domain, "s1", Algorithm::Ed25519, &der).unwrap();
//! let mut body = BodyHasher::new(Canonicalization::Relaxed);
//! body.push(b"Bonjour.\r\n");
//! let lines = Signer::new(vec![key]).sign(b"From: a@ac.test\r\n\r\n", &body.finish(), 0).unwrap();
//! assert!(lines.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"));
//! ```

mod dkim;
mod dmarc;
mod dns;
mod error;
mod filter;
mod policy;
mod records;
mod results;
mod spf;
mod verdict;
mod verifier;

pub use dkim::canonical::{BodyHasher, Canonicalization};
pub use dkim::observe::{Observed, Observer};
pub use dkim::sign::{Algorithm, Signer, SigningKey, author_domain};
pub use dns::{Answering, Dns, DnsFault, Record, RecordKind, Resolver};
pub use error::SetupError;
pub use filter::{FIELD_BYTES_MAX, HeaderFilter, forged_fields};
pub use policy::{Decision, OnFailure, Refusal, Settings, policy};
pub use records::{
    ZoneLine, alias_record, dkim_records, dmarc_record, mx_record, spf_record, srv_record,
};
pub use verdict::{
    DkimResult, DkimVerdict, DmarcPolicy, DmarcResult, DmarcVerdict, NoAuthor, SpfIdentity,
    SpfResult, SpfVerdict, Verdict,
};
pub use verifier::{Origin, Verifier};
