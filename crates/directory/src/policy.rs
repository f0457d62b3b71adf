//! What administrators agree on for a unit: whether name, ID and birth date alone are enough there
//! for a new password. Closed unless two of them open it, with a reason and a last day; any one of
//! them closes it again at once, for a unit or everywhere. Every act is a line in the audit log.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use mail_store::tables::directory::ROSTER;
use mail_store::tables::policy::{
    IdentityGuard as GuardTable, IdentityGuardRow, IdentityOpenRow, IdentityProposalRow,
    UnitPolicy as PolicyTable, UnitPolicyRow,
};
use mail_types::AccountId;
use serde::Serialize;

use crate::account::Account;
use crate::audit;
use crate::audit_record::{Act, AuditRecord, Requester, ResetMode};
use crate::create::check_text;
use crate::deed::administers;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::person::Day;
use crate::rows::{Change, REBUILDS_MAX};
use crate::unit::{UNITS_MAX, UnitCode, no_unit};

/// Design: days for which identity alone may be enough, from the proposal to the last of them.
pub const POLICY_DAYS_MAX: i32 = 90;
/// Days after which a proposal that nobody agreed to is void.
pub const PROPOSAL_DAYS: i32 = 14;
/// Longest reason, in bytes.
pub(crate) const REASON_BYTES_MAX: usize = 500;
const DAY_SECONDS: i64 = 24 * 3600;

/// What holds for a unit today. What is over is not shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnitPolicy {
    /// Identity alone is enough.
    pub open: Option<IdentityOpen>,
    /// What waits for a second administrator; beside `open`, a renewal.
    pub proposal: Option<IdentityProposal>,
}

/// A unit in which identity alone is enough.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdentityOpen {
    /// Since when, in Unix seconds.
    pub since: i64,
    /// The last day, in UTC.
    pub last_day: Day,
    /// Why.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: AccountId,
    /// Who agreed.
    pub approved_by: AccountId,
}

/// What one administrator wants and another has not agreed to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdentityProposal {
    /// Names it.
    pub number: u64,
    /// When, in Unix seconds.
    pub at: i64,
    /// The last day, in UTC.
    pub last_day: Day,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: AccountId,
}

/// All policies that say anything, and the guard.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    units: BTreeMap<UnitCode, UnitPolicyRow>,
    pub(crate) guard: IdentityGuardRow,
}

impl Directory {
    /// What holds for a unit today.
    pub fn unit_policy(&self, code: &UnitCode) -> UnitPolicy {
        let policies = self.policies_now();
        policies.units.get(code).map_or_else(UnitPolicy::default, |row| shown(row, self.today()))
    }

    /// The units for which something is open or proposed today, by code.
    pub fn unit_policies(&self) -> Vec<(UnitCode, UnitPolicy)> {
        let today = self.today();
        let policies = self.policies_now();
        let said = policies.units.iter().map(|(code, row)| (code.clone(), shown(row, today)));
        said.filter(|(_, policy)| *policy != UnitPolicy::default()).collect()
    }

    /// Proposes that identity alone be enough in a unit up to a last day; replaces an older
    /// proposal. Returns its number, which the second administrator agrees to.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] without a reason, for a day past or more than
    /// [`POLICY_DAYS_MAX`] ahead, and for anybody who is no administrator;
    /// [`DirectoryError::NotFound`] for an unknown unit.
    pub async fn propose_identity_reset(
        &self,
        administrator: &Account,
        code: &UnitCode,
        last_day: Day,
        reason: &str,
        requester: &Requester,
    ) -> Result<u64, DirectoryError> {
        let reason = reason.trim();
        check_text("reason", reason, REASON_BYTES_MAX)?;
        let today = self.today();
        if !(today..=today + POLICY_DAYS_MAX).contains(&last_day.number()) {
            return Err(DirectoryError::Invalid(format!(
                "the last day lies between today and {}",
                Day::numbered(today + POLICY_DAYS_MAX)
            )));
        }
        let number = rand::random();
        let act = PolicyAct { act: Act::PolicyProposed, by: administrator.id, code, reason };
        self.change_policy(&act, requester, |row, now| {
            row.proposal = Some(IdentityProposalRow {
                number,
                at: now,
                last_day: last_day.number(),
                reason: reason.to_owned(),
                by: administrator.id,
            });
            Ok(reason.to_owned())
        })
        .await?;
        Ok(number)
    }

    /// Agrees to another administrator's proposal: from now on identity alone is enough in the
    /// unit. While it is already, this is the renewal.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when there is no such proposal (any more), when it is one's
    /// own, and for anybody who is no administrator.
    pub async fn approve_identity_reset(
        &self,
        administrator: &Account,
        code: &UnitCode,
        proposal: u64,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        let today = self.today();
        let waiting = self.unit_policy(code).proposal.filter(|one| one.number == proposal);
        let waiting = waiting.ok_or_else(no_proposal)?;
        // Somebody who is no administrator any more has no say.
        self.check_administrator(waiting.by).await?;
        let act = PolicyAct { act: Act::PolicyOpened, by: administrator.id, code, reason: "" };
        self.change_policy(&act, requester, |row, now| {
            let is_it = |one: &IdentityProposalRow| one.number == proposal && holds(one, today);
            let agreed = row.proposal.take().filter(is_it).ok_or_else(no_proposal)?;
            if agreed.by == administrator.id {
                let reason = "a proposal needs the agreement of another administrator";
                return Err(DirectoryError::Invalid(reason.into()));
            }
            let reason = agreed.reason.clone();
            // Waits that are under way go on over a renewal, but not over a break.
            let renewed = row.open.take().filter(|open| open.last_day >= today);
            row.open = Some(IdentityOpenRow {
                since: renewed.map_or(now, |open| open.since),
                last_day: agreed.last_day,
                reason: agreed.reason,
                proposed_by: agreed.by,
                approved_by: administrator.id,
            });
            Ok(reason)
        })
        .await
    }

    /// Closes a unit at once, and withdraws what is proposed for it. One administrator is enough;
    /// the reason may be empty. Resets under way end.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for anybody who is no administrator.
    pub async fn close_identity_reset(
        &self,
        administrator: &Account,
        code: &UnitCode,
        reason: &str,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        let reason = reason.trim();
        let act = PolicyAct { act: Act::PolicyClosed, by: administrator.id, code, reason };
        self.change_policy(&act, requester, |row, _| {
            *row = UnitPolicyRow::default();
            Ok(reason.to_owned())
        })
        .await
    }

    /// Since when identity alone has been enough for somebody of these units, without a break, in
    /// Unix seconds: their own unit, the first, decides. `None` while it is not.
    pub(crate) fn identity_open_since(&self, units: &[String]) -> Option<i64> {
        let (policies, today) = (self.policies_now(), self.today());
        let own = policies.units.get(&UnitCode::stored(units.first()?.clone()))?;
        let guard = &policies.guard;
        let open = shown(own, today).open.filter(|_| guard.closed.is_none())?;
        Some(open.since.max(guard.reopened))
    }

    /// Today, in UTC, as days since 1970-01-01.
    fn today(&self) -> i32 {
        Day::of(self.now()).number()
    }

    pub(crate) async fn check_administrator(&self, id: AccountId) -> Result<(), DirectoryError> {
        match administers(&self.living(id).await?) {
            true => Ok(()),
            false => Err(DirectoryError::Invalid("this takes an administrator".into())),
        }
    }

    /// One commit with its line in the audit log; `edit` gives the line's reason.
    async fn change_policy(
        &self,
        act: &PolicyAct<'_>,
        requester: &Requester,
        edit: impl Fn(&mut UnitPolicyRow, i64) -> Result<String, DirectoryError>,
    ) -> Result<(), DirectoryError> {
        let rows = &self.inner.rows;
        let key = act.code.as_str().to_owned();
        let _changing = self.inner.changing.lock().await;
        self.check_administrator(act.by).await?;
        if act.act == Act::PolicyClosed && !act.reason.is_empty() {
            check_text("reason", act.reason, REASON_BYTES_MAX)?;
        }
        if self.unit(act.code).is_none() {
            return Err(no_unit(act.code));
        }
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(ROSTER).expect(rows.version(ROSTER).await?);
            let now = self.now().as_second();
            let mut row = rows.get::<PolicyTable>(ROSTER, &key).await?.unwrap_or_default();
            let reason = edit(&mut row, now)?;
            match row == UnitPolicyRow::default() {
                true => change.delete::<PolicyTable>(&key),
                false => change.put::<PolicyTable>(&key, &row),
            }
            let mut record = AuditRecord::new(now, None, act.act, requester);
            record.unit = Some(key.clone());
            record.mode = Some(ResetMode::Identity);
            record.officer = Some(act.by.0);
            record.set_reason(&reason);
            audit::append(rows, &self.inner.vault, &mut change, &[record]).await?;
            if rows.commit(change).await? {
                return self.reload_policies().await;
            }
        }
        Err(DirectoryError::Busy { what: "changing a policy" })
    }

    pub(crate) fn policies_now(&self) -> Arc<Policies> {
        // A poisoned lock still holds a whole map: writers only replace it.
        Arc::clone(&self.inner.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn reload_policies(&self) -> Result<(), DirectoryError> {
        let rows = &self.inner.rows;
        let guard = rows.get::<GuardTable>(ROSTER, &()).await?.unwrap_or_default();
        let page = rows.scan::<PolicyTable>(ROSTER, None, UNITS_MAX).await?;
        let units = page.rows.into_iter().map(|(code, row)| (UnitCode::stored(code), row));
        let policies = Policies { units: units.collect(), guard };
        let is_closed = policies.guard.closed.is_some();
        metrics::gauge!("facteur_identity_resets_closed").set(f64::from(u8::from(is_closed)));
        *self.inner.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
        Ok(())
    }
}

/// Who does what to which unit's policy, and why.
struct PolicyAct<'a> {
    act: Act,
    by: AccountId,
    code: &'a UnitCode,
    reason: &'a str,
}

fn no_proposal() -> DirectoryError {
    DirectoryError::Invalid("there is no such proposal any more".into())
}

fn holds(proposal: &IdentityProposalRow, today: i32) -> bool {
    let void_from = proposal.at + i64::from(PROPOSAL_DAYS) * DAY_SECONDS;
    proposal.last_day >= today && i64::from(today) * DAY_SECONDS < void_from
}

/// Without what is over.
fn shown(row: &UnitPolicyRow, today: i32) -> UnitPolicy {
    let open = row.open.as_ref().filter(|open| open.last_day >= today);
    let proposal = row.proposal.as_ref().filter(|one| holds(one, today));
    UnitPolicy {
        open: open.map(|open| IdentityOpen {
            since: open.since,
            last_day: Day::numbered(open.last_day),
            reason: open.reason.clone(),
            proposed_by: open.proposed_by,
            approved_by: open.approved_by,
        }),
        proposal: proposal.map(|one| IdentityProposal {
            number: one.number,
            at: one.at,
            last_day: Day::numbered(one.last_day),
            reason: one.reason.clone(),
            by: one.by,
        }),
    }
}
