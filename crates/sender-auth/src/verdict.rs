//! What was found out about a message's sender.

use std::fmt;

use mail_message::author::AuthorFault;
use mail_types::{Authentication, AuthenticationResult, Domain, EmailAddress};

/// RFC 7208 §2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpfResult {
    /// No record, or no domain to ask about.
    None,
    /// The domain says nothing about this host.
    Neutral,
    /// The host may use it.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// DNS did not answer.
    TempError,
    /// The record is wrong.
    PermError,
}

impl SpfResult {
    /// The word of RFC 8601 §2.7.2.
    pub fn as_str(self) -> &'static str {
        match self {
            SpfResult::None => "none",
            SpfResult::Neutral => "neutral",
            SpfResult::Pass => "pass",
            SpfResult::Fail => "fail",
            SpfResult::SoftFail => "softfail",
            SpfResult::TempError => "temperror",
            SpfResult::PermError => "permerror",
        }
    }
}

/// Which name SPF was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpfIdentity {
    /// The domain of the reverse-path.
    MailFrom,
    /// The name in HELO, since the reverse-path is null (RFC 7208 §2.4).
    Helo,
}

/// What SPF says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfVerdict {
    /// The result.
    pub result: SpfResult,
    /// About whom.
    pub identity: SpfIdentity,
    /// Their name; `None` when HELO was no domain name.
    pub domain: Option<Domain>,
}

/// RFC 8601 §2.7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DkimResult {
    /// The signature holds.
    Pass,
    /// It does not.
    Fail,
    /// It says less than we ask of a signature.
    Policy,
    /// It counts as no signature: its key is being tried out.
    Neutral,
    /// The key could not be fetched now.
    TempError,
    /// Signature or key cannot be used.
    PermError,
}

impl DkimResult {
    /// The word of RFC 8601 §2.7.1.
    pub fn as_str(self) -> &'static str {
        match self {
            DkimResult::Pass => "pass",
            DkimResult::Fail => "fail",
            DkimResult::Policy => "policy",
            DkimResult::Neutral => "neutral",
            DkimResult::TempError => "temperror",
            DkimResult::PermError => "permerror",
        }
    }
}

/// What one signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimVerdict {
    /// The result.
    pub result: DkimResult,
    /// `d=`; `None` when it is no domain name.
    pub domain: Option<Domain>,
    /// `s=`; `None` when it is no name.
    pub selector: Option<Domain>,
    /// `a=`, if it is one we know.
    pub algorithm: &'static str,
    /// Why it is no pass, in our own fixed words.
    pub reason: &'static str,
}

/// RFC 9989 §5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmarcResult {
    /// No policy, or nobody it is about.
    None,
    /// An aligned identifier passed.
    Pass,
    /// None did.
    Fail,
    /// DNS did not answer.
    TempError,
    /// The message has no single author, or the policy cannot be read.
    PermError,
}

impl DmarcResult {
    /// The word of RFC 8601's registry.
    pub fn as_str(self) -> &'static str {
        match self {
            DmarcResult::None => "none",
            DmarcResult::Pass => "pass",
            DmarcResult::Fail => "fail",
            DmarcResult::TempError => "temperror",
            DmarcResult::PermError => "permerror",
        }
    }
}

/// RFC 9989 §4.7: what the domain's owner thinks of messages that fail; `t=y` is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DmarcPolicy {
    /// Nothing.
    #[default]
    None,
    /// Suspicious.
    Quarantine,
    /// Not to be believed.
    Reject,
}

impl fmt::Display for DmarcPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DmarcPolicy::None => "none",
            DmarcPolicy::Quarantine => "quarantine",
            DmarcPolicy::Reject => "reject",
        })
    }
}

/// What DMARC says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmarcVerdict {
    /// The result.
    pub result: DmarcResult,
    /// What applies to messages that fail.
    pub policy: DmarcPolicy,
    /// Whether SPF passed for an aligned domain.
    pub spf_aligned: bool,
    /// Whether a signature passed for an aligned domain.
    pub dkim_aligned: bool,
}

/// Why a message has no single author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAuthor {
    /// `From` is missing, there are two, or two readers could read it differently.
    Unclear(AuthorFault),
    /// `From` has several mailboxes.
    Several,
    /// The header section is too long to be looked through.
    TooLong,
}

/// What was found out about a message's sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// SPF.
    pub spf: SpfVerdict,
    /// DKIM, one for each signature that was looked at, as they stand in the message.
    pub dkim: Vec<DkimVerdict>,
    /// Signatures beyond those.
    pub dkim_ignored: usize,
    /// DMARC.
    pub dmarc: DmarcVerdict,
    /// The one mailbox in the one `From`.
    pub author: Result<EmailAddress, NoAuthor>,
}

impl Verdict {
    /// What is kept with the message.
    pub fn summary(&self) -> Authentication {
        use AuthenticationResult as Kept;
        let kept = |word: &str| match word {
            "pass" => Kept::Pass,
            "fail" => Kept::Fail,
            "softfail" => Kept::SoftFail,
            "neutral" => Kept::Neutral,
            "policy" => Kept::Policy,
            "temperror" => Kept::TempError,
            "permerror" => Kept::PermError,
            _ => Kept::None,
        };
        Authentication {
            spf: kept(self.spf.result.as_str()),
            dkim: kept(self.dkim_word()),
            dmarc: kept(self.dmarc.result.as_str()),
        }
    }

    /// The best result of all signatures, in one word for a log; `none` without any.
    pub fn dkim_word(&self) -> &'static str {
        use DkimResult::{Fail, Neutral, Pass, PermError, Policy, TempError};
        let order = [Pass, TempError, Fail, Policy, PermError, Neutral];
        let found =
            order.into_iter().find(|&result| self.dkim.iter().any(|one| one.result == result));
        found.map_or("none", DkimResult::as_str)
    }
}
