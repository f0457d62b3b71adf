//! Rows about lost passwords by identity alone: where administrators opened it, and what closes it.
//! Table numbers go on from those in `security.rs`.

use mail_types::AccountId;
use serde::{Deserialize, Serialize};

use super::mail::table;
use crate::table::Table;

table!(/// What administrators agreed on for a unit, by its code; in the roster.
    UnitPolicy = 39, String => UnitPolicyRow);
table!(/// One row, in the roster: whether resets by identity alone are closed everywhere.
    IdentityGuard = 40, () => IdentityGuardRow);
table!(/// One row a slice: birth dates that did not fit where nothing but they protected the account.
    IdentityFailures = 41, () => IdentityFailuresRow);

/// What administrators agreed on for a unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitPolicyRow {
    /// Name, ID and birth date alone are enough there for a new password.
    pub open: Option<IdentityOpenRow>,
    /// What waits for a second administrator.
    pub proposal: Option<IdentityProposalRow>,
}

/// A unit in which identity alone is enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityOpenRow {
    /// Since when, in Unix seconds.
    pub since: i64,
    /// The last day, as days since 1970-01-01.
    pub last_day: i32,
    /// Why.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: AccountId,
    /// Who agreed.
    pub approved_by: AccountId,
}

/// What one administrator wants and another has not agreed to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityProposalRow {
    /// Names it: who agrees, agrees to what they saw.
    pub number: u64,
    /// When, in Unix seconds.
    pub at: i64,
    /// The last day, as days since 1970-01-01.
    pub last_day: i32,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: AccountId,
}

/// Birth dates that did not fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdentityFailuresRow {
    /// [`IdentityGuardRow::round`] in which they were tried.
    pub round: u64,
    /// When, in Unix seconds.
    pub at: Vec<i64>,
}

/// Whether resets by identity alone are closed everywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdentityGuardRow {
    /// Rises when they are opened again: failures of an earlier round no longer count.
    pub round: u64,
    /// When that was last, in Unix seconds: resets that had waited before wait no longer.
    pub reopened: i64,
    /// Since when they are closed, in Unix seconds.
    pub closed: Option<IdentityClosedRow>,
}

/// Why resets by identity alone are closed everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityClosedRow {
    /// Since when, in Unix seconds.
    pub at: i64,
    /// Which administrator did it; `None` after too many wrong birth dates.
    pub by: Option<AccountId>,
}
