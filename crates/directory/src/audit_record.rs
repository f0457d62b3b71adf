//! A line of the audit log, and who asked for what it tells of.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 500;
/// Characters of a browser's name that are kept.
const USER_AGENT_CHARS_MAX: usize = 160;

/// Who asks, as far as the log tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requester {
    /// Names the request in all logs.
    pub request: u64,
    /// From where; `None` for the command line.
    pub peer: Option<IpAddr>,
    /// What the browser calls itself.
    pub user_agent: String,
    /// `fr` or `en`: the language of letters that follow.
    pub language: String,
}

impl Requester {
    /// Somebody at the command line.
    pub fn console() -> Self {
        Self { request: rand::random(), language: "fr".into(), ..Self::default() }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The owner changed the password, or somebody at the command line.
    PasswordChanged,
    /// Somebody chose a password with a temporary secret.
    PasswordChosen,
    /// The owner reported that somebody else was in.
    Alarm,
    /// A device got a password.
    AppPasswordAdded,
    /// A device lost it.
    AppPasswordRemoved,
    /// The second factor was turned on.
    SecondFactorOn,
    /// The second factor was turned off.
    SecondFactorOff,
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A second factor was tried.
    SecondFactorTried,
    /// A recovery address was named, not yet proven.
    RecoveryNamed,
    /// A recovery address was proven.
    RecoveryProven,
    /// A recovery address was removed.
    RecoveryRemoved,
    /// Somebody who lost a password filled in the form.
    ResetAsked,
    /// Somebody typed a code they were sent.
    ResetCodeTried,
    /// A lost password was replaced.
    ResetDone,
    /// An officer handed an activation code out.
    ActivationIssued,
    /// The first of two administrators agreed that somebody privileged gets an activation code.
    ActivationApproved,
    /// An officer refused.
    ResetRefused,
    /// An officer let codes by mail count again after too many wrong ones, and opened mail that a
    /// reset by identity alone had closed.
    Unlocked,
    /// An officer looked at a person's academic ID.
    PersonShown,
    /// An administrator proposed that identity alone be enough in a unit.
    PolicyProposed,
    /// A second administrator agreed.
    PolicyOpened,
    /// An administrator ended it, or withdrew the proposal.
    PolicyClosed,
    /// Resets by identity alone were closed everywhere, by an administrator or after too many wrong
    /// birth dates.
    IdentityClosed,
    /// An administrator opened them again.
    IdentityReopened,
    /// A reset by identity alone ended before its time: the reason says by what.
    ResetStopped,
    /// An administrator created an account.
    AccountCreated,
    /// An administrator changed what an account says about its owner.
    AccountChanged,
    /// An administrator suspended an account.
    AccountSuspended,
    /// An administrator took an account back into use.
    AccountResumed,
    /// An administrator said on which day somebody leaves, or that they stay.
    LeavingSet,
    /// An administrator gave an account a new temporary secret.
    SecretIssued,
    /// An administrator gave an account one more address.
    AliasAdded,
    /// An administrator took an address away.
    AliasRemoved,
    /// An administrator deleted an account.
    AccountDeleted,
    /// An administrator took everything of an account out, its mail too.
    AccountExported,
    /// An administrator made a unit.
    UnitCreated,
    /// An administrator changed a unit.
    UnitChanged,
    /// An administrator deleted a unit.
    UnitDeleted,
    /// An administrator read accounts from a file.
    AccountsImported,
    /// An administrator read units from a file.
    UnitsImported,
}

/// Who did something, when it was nobody who has an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doer {
    /// Somebody at the server's command line.
    CommandLine,
    /// The server itself, when the time had come.
    Server,
}

/// How a lost password is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetMode {
    /// A code to a recovery address.
    Code,
    /// Approval by an IT officer.
    Approval,
    /// Name, ID and date of birth alone.
    Identity,
}

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Factor {
    /// The name.
    Name,
    /// The academic ID.
    AcademicId,
    /// The date of birth.
    BirthDate,
    /// A code that was sent.
    Code,
    /// A code that an officer handed out.
    Activation,
    /// A time-based code.
    Totp,
    /// A one-time recovery code.
    RecoveryCode,
    /// The account's state allows it.
    State,
    /// The limits allow it.
    Limit,
}

/// A line of the log. Never holds a value that was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When, in Unix seconds.
    pub at: i64,
    /// Names the request in all logs.
    pub request: String,
    /// Whose account; `None` when nobody's was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<u64>,
    /// Which unit, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What was done.
    pub act: Act,
    /// How a lost password is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ResetMode>,
    /// What was compared, and whether it matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<(Factor, bool)>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// What the browser calls itself, without controls, cut.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// Which officer or administrator did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<u64>,
    /// Who did it instead, to somebody else's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doer: Option<Doer>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who is told, by kind: `mailbox`, `recovery`, `officer`, `administrator`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

impl AuditRecord {
    /// A line about an act, with the requester's fields cut to size.
    pub(crate) fn new(at: i64, account: Option<u64>, act: Act, requester: &Requester) -> Self {
        Self {
            at,
            request: format!("{:016x}", requester.request),
            account,
            unit: None,
            act,
            mode: None,
            factors: Vec::new(),
            peer: requester.peer,
            user_agent: cut(&requester.user_agent, USER_AGENT_CHARS_MAX),
            officer: None,
            doer: None,
            reason: String::new(),
            notices: Vec::new(),
        }
    }

    /// The reason, cut to size.
    pub(crate) fn set_reason(&mut self, reason: &str) {
        self.reason = cut(reason, REASON_CHARS_MAX);
    }
}

/// Without controls and not longer than this.
fn cut(text: &str, chars_max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars_max).collect()
}
