//! What was found out about a message's sender, in the words of RFC 8601.

use serde::{Deserialize, Serialize};

/// RFC 8601 §2.7: the result of one method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthenticationResult {
    /// There was nothing to check.
    None,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It probably does not (SPF).
    SoftFail,
    /// It says nothing.
    Neutral,
    /// It says less than we ask for (DKIM).
    Policy,
    /// DNS did not answer.
    TempError,
    /// What was found cannot be read.
    PermError,
}

/// The results of one message, kept with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// Whether the host may use the domain of the reverse-path.
    pub spf: AuthenticationResult,
    /// The best of its signatures.
    pub dkim: AuthenticationResult,
    /// Whether one of them speaks for the domain in `From`: only then the author is who he says.
    pub dmarc: AuthenticationResult,
}
