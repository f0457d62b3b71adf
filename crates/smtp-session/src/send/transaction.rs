//! What is to be sent: an envelope and what must be known of its content.

use mail_types::{EmailAddress, EnvelopeId, Notify, OriginalRecipient, Ret, ReversePath};

/// One message for one or more recipients, in one transaction (RFC 5321 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who is told of failures.
    pub reverse_path: ReversePath,
    /// In this order; at least one.
    pub recipients: Vec<Recipient>,
    /// Length of the content in bytes, exactly. Its lines end with CR LF and nothing else.
    pub size: u64,
    /// Whether the content has bytes above 127.
    pub eight_bit: bool,
    /// Whether the message's header has UTF-8 outside of encoded words (RFC 6532). What addresses
    /// need is seen by itself.
    pub utf8_header: bool,
    /// RFC 3461 §4.3: what a notice of failure is to carry.
    pub ret: Option<Ret>,
    /// RFC 3461 §4.4: the sender's name for this transaction.
    pub envelope_id: Option<EnvelopeId>,
    // REQUIRETLS (RFC 8689) has its place here, with a policy that verifies the host's name.
}

/// One forward-path and what is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Where to.
    pub forward_path: EmailAddress,
    /// RFC 3461 §4.1: when to tell the sender; `None` leaves it to the servers.
    pub notify: Option<Notify>,
    /// RFC 3461 §4.2: whom the sender wrote to.
    pub original_recipient: Option<OriginalRecipient>,
}

impl From<EmailAddress> for Recipient {
    fn from(forward_path: EmailAddress) -> Self {
        Self { forward_path, notify: None, original_recipient: None }
    }
}
