//! Where a transaction goes: hosts with addresses, and how to speak to them.

use std::fmt;
use std::net::IpAddr;

use smtp_session::send::{Credentials, Role};

/// A next hop's name, the same for all messages that may share its connections. Grouping,
/// concurrency and kept connections go by it.
///
/// It is made from the configuration and the recipient's domain; do not store it for longer than
/// a process lives, but route again: the configuration may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHopKey(pub(crate) String);

impl fmt::Display for NextHopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A next hop whose addresses are known.
#[derive(Clone, Debug)]
pub struct NextHop {
    /// Its name.
    pub key: NextHopKey,
    /// In the order in which they are tried.
    pub hosts: Vec<Host>,
    /// What they speak.
    pub role: Role,
    /// How they are spoken to.
    pub tls: TlsPolicy,
    /// To log in with.
    pub credentials: Option<Credentials>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// For TLS, logs and notices: a DNS name, or an address in text.
    pub name: String,
    /// In the order in which they are tried.
    pub addresses: Vec<IpAddr>,
    /// Where it listens.
    pub port: u16,
}

/// What is asked of TLS.
///
/// DANE (RFC 7672) and MTA-STS (RFC 8461) will be further variants: both say which certificates
/// are good, and that there is no going back to the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsPolicy {
    /// In the clear.
    None,
    /// RFC 7435: encrypted where offered, whatever the certificate; when the handshake fails, in
    /// the clear on a new connection.
    Opportunistic,
    /// STARTTLS, and a certificate of [`Host::name`] from a known authority; otherwise no mail.
    Verified,
    /// TLS from the first byte, and such a certificate (RFC 8314 §3.3).
    Implicit,
}
