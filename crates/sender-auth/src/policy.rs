//! What becomes of a message, given what was found out.

use mail_types::Domain;
use serde::{Deserialize, Serialize};

use crate::verdict::{DmarcPolicy, DmarcResult, NoAuthor, Verdict};

/// What an operator may set about senders (`[authentication]`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether messages from strangers (port 25) are verified at all.
    pub enabled: bool,
    /// Seconds that all look-ups for one message may take; then what is missing counts as a
    /// temporary error, and the message goes on.
    pub seconds_max: u64,
    /// What becomes of a message that fails DMARC when its policy is `reject`.
    pub on_reject: OnFailure,
    /// What becomes of it when its policy is `quarantine`.
    pub on_quarantine: OnFailure,
    /// Whether a stranger's message with an author of our own domains is refused when it fails
    /// DMARC, whatever the policy.
    pub refuse_own_domains: bool,
    /// Whether a message is refused whose author cannot be told: no `From`, two, several authors.
    pub refuse_unclear_author: bool,
    /// Networks whose messages are neither refused nor taken for junk: the schools' own servers.
    pub exempt_networks: Vec<mail_types::Network>,
}

/// What becomes of a message that fails DMARC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// It is delivered; the result stands in its header.
    Accept,
    /// It is delivered to the mailbox for junk.
    Junk,
    /// It is refused.
    Reject,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            seconds_max: 20,
            on_reject: OnFailure::Junk,
            on_quarantine: OnFailure::Junk,
            refuse_own_domains: true,
            refuse_unclear_author: true,
            exempt_networks: Vec::new(),
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is delivered.
    Accept,
    /// It is delivered to the mailbox for junk.
    Junk,
    /// It is refused.
    Reject(Refusal),
}

/// Why a message is refused; the edge has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `From` is missing, doubled or not to be read.
    UnclearAuthor,
    /// `From` names several authors.
    SeveralAuthors,
    /// The author's domain is ours and the message is not from us.
    ForgedOwnDomain,
    /// The author's domain asks for it (RFC 9989 §5.3.7).
    DmarcReject,
}

/// What becomes of a message from a stranger. `is_own` tells whether a domain is hosted here.
pub fn policy(
    verdict: &Verdict,
    settings: &Settings,
    is_relay_client: bool,
    is_own: impl Fn(&Domain) -> bool,
) -> Decision {
    if is_relay_client {
        return Decision::Accept;
    }
    let author = match &verdict.author {
        Ok(author) => author,
        Err(_) if !settings.refuse_unclear_author => return Decision::Junk,
        Err(NoAuthor::Several) => return Decision::Reject(Refusal::SeveralAuthors),
        Err(NoAuthor::TooLong | NoAuthor::Unclear(_)) => {
            return Decision::Reject(Refusal::UnclearAuthor);
        }
    };
    if verdict.dmarc.result != DmarcResult::Fail {
        return Decision::Accept;
    }
    // Threats S11: our own people log in; who says he is one of them from outside lies.
    if settings.refuse_own_domains && is_own(author.domain()) {
        return Decision::Reject(Refusal::ForgedOwnDomain);
    }
    // RFC 9989 §5.3.7: a failure alone is no reason to refuse mail, since forwarding and lists
    // break what honest senders signed; whoever runs the server may decide so.
    let chosen = match verdict.dmarc.policy {
        DmarcPolicy::None => OnFailure::Accept,
        DmarcPolicy::Quarantine => settings.on_quarantine,
        DmarcPolicy::Reject => settings.on_reject,
    };
    match chosen {
        OnFailure::Accept => Decision::Accept,
        OnFailure::Junk => Decision::Junk,
        OnFailure::Reject => Decision::Reject(Refusal::DmarcReject),
    }
}
