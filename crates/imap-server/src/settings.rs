//! What an operator may set.

use serde::{Deserialize, Serialize};

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may log in without TLS.
    pub plaintext_login: PlaintextLogin,
    /// Seconds until a client that has not logged in is cut off.
    pub login_seconds: u64,
    /// Seconds of silence until a client is logged out; RFC 3501 §5.4 asks for 30 minutes at least.
    pub autologout_seconds: u64,
    /// Seconds that a TLS handshake may take.
    pub handshake_seconds: u64,
    /// Seconds that a client may take to read what is written to it.
    pub write_seconds: u64,
    /// Connections of one account from one address.
    pub connections_per_account_max: u32,
}

/// Who may log in without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaintextLogin {
    /// Nobody.
    Never,
    /// Clients on this machine.
    Loopback,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plaintext_login: PlaintextLogin::Never,
            login_seconds: 60,
            autologout_seconds: 1860,
            handshake_seconds: 20,
            write_seconds: 120,
            connections_per_account_max: 20,
        }
    }
}
