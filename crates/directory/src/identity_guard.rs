//! What closes resets by identity alone everywhere: an administrator, or too many wrong birth dates
//! of all accounts together. Ten in an hour or forty in a day do, until an administrator opens them
//! again.

use std::sync::Arc;

use mail_store::tables::directory::{ROSTER, SLICES};
use mail_store::tables::policy::{
    IdentityClosedRow, IdentityFailures, IdentityFailuresRow, IdentityGuard as GuardTable,
    IdentityGuardRow,
};
use mail_store::tables::security::{Letter, LetterKind, LetterRow};
use mail_store::{Class, Partition};
use mail_types::{AccountId, EmailAddress, Role};
use serde::Serialize;

use crate::account::{Account, AccountState};
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::audit;
use crate::audit_record::{Act, AuditRecord, Requester, ResetMode};
use crate::create::check_text;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::policy::REASON_BYTES_MAX;
use crate::rows::{Change, REBUILDS_MAX};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Design: wrong birth dates of all accounts together that close this way. Forty a day let a
/// guesser hope for less than one hit a year.
const WRONG_DATES: [(usize, i64); 2] = [(10, HOUR), (40, DAY)];
/// Wrong ones that a slice remembers: as many as the larger limit can need.
const REMEMBERED_MAX: usize = 40;
/// Administrators that are told.
const TOLD_MAX: usize = 100;

/// Whether resets by identity alone are closed everywhere, whatever units have open.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IdentityGuard {
    /// Since when and why; `None` while they are not.
    pub closed: Option<IdentityClosed>,
}

/// Why resets by identity alone are closed everywhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdentityClosed {
    /// Since when, in Unix seconds.
    pub at: i64,
    /// Which administrator did it; `None` after too many wrong birth dates.
    pub by: Option<AccountId>,
}

impl Directory {
    /// Whether resets by identity alone are closed everywhere.
    pub fn identity_guard(&self) -> IdentityGuard {
        let closed = self.policies_now().guard.closed.clone();
        IdentityGuard { closed: closed.map(|row| IdentityClosed { at: row.at, by: row.by }) }
    }

    /// Closes resets by identity alone everywhere; what units have open stays open for later.
    ///
    /// # Errors
    /// As [`Directory::close_identity_reset`].
    pub async fn close_identity_everywhere(
        &self,
        administrator: &Account,
        reason: &str,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        self.change_guard(administrator, Act::IdentityClosed, reason, requester, |row, now| {
            row.closed.get_or_insert(IdentityClosedRow { at: now, by: Some(administrator.id) });
        })
        .await
    }

    /// Lets units that have it open use identity alone again. The count of wrong birth dates
    /// begins anew.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] without a reason, and for anybody who is no administrator.
    pub async fn reopen_identity_everywhere(
        &self,
        administrator: &Account,
        reason: &str,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        check_text("reason", reason.trim(), REASON_BYTES_MAX)?;
        self.change_guard(administrator, Act::IdentityReopened, reason, requester, |row, now| {
            if row.closed.take().is_some() {
                row.round += 1;
                row.reopened = now;
            }
        })
        .await
    }

    async fn change_guard(
        &self,
        administrator: &Account,
        act: Act,
        reason: &str,
        requester: &Requester,
        edit: impl Fn(&mut IdentityGuardRow, i64),
    ) -> Result<(), DirectoryError> {
        let rows = &self.inner.rows;
        let _changing = self.inner.changing.lock().await;
        self.check_administrator(administrator.id).await?;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(ROSTER).expect(rows.version(ROSTER).await?);
            let now = self.now().as_second();
            let mut row = rows.get::<GuardTable>(ROSTER, &()).await?.unwrap_or_default();
            edit(&mut row, now);
            change.put::<GuardTable>(&(), &row);
            let mut record = AuditRecord::new(now, None, act, requester);
            record.mode = Some(ResetMode::Identity);
            record.officer = Some(administrator.id.0);
            record.set_reason(reason.trim());
            audit::append(rows, &self.inner.vault, &mut change, &[record]).await?;
            if rows.commit(change).await? {
                return self.reload_policies().await;
            }
        }
        Err(DirectoryError::Busy { what: "changing a policy" })
    }

    /// A slice's count with one more wrong date in it.
    pub(crate) async fn failures_with_one_more(
        &self,
        slice: Partition,
        now: i64,
    ) -> Result<IdentityFailuresRow, DirectoryError> {
        let mut at = self.wrong_dates(slice).await?;
        // Times that lie ahead were written under a clock that has been set back since. They go on
        // counting: who guesses must not gain by it.
        at.retain(|at| now - at < DAY);
        at.push(now);
        let over = at.len().saturating_sub(REMEMBERED_MAX);
        at.drain(..over);
        Ok(IdentityFailuresRow { round: self.policies_now().guard.round, at })
    }

    /// Wrong dates of a slice in this round.
    async fn wrong_dates(&self, slice: Partition) -> Result<Vec<i64>, DirectoryError> {
        let row = self.inner.rows.get::<IdentityFailures>(slice, &()).await?.unwrap_or_default();
        let is_now = row.round == self.policies_now().guard.round;
        Ok(if is_now { row.at } else { Vec::new() })
    }

    /// Wrong birth dates within a day, of all accounts together, since this way was last opened.
    pub async fn wrong_birth_dates(&self) -> Result<usize, DirectoryError> {
        let (at, now) = (self.all_wrong_dates().await?, self.now().as_second());
        Ok(at.iter().filter(|at| now - **at < DAY).count())
    }

    async fn all_wrong_dates(&self) -> Result<Vec<i64>, DirectoryError> {
        let mut at = Vec::new();
        for id in 1..=SLICES {
            at.extend(self.wrong_dates(Partition { class: Class::Directory, id }).await?);
        }
        Ok(at)
    }

    /// Whether the wrong dates of all slices reach a limit.
    pub(crate) async fn are_too_many(&self) -> Result<bool, DirectoryError> {
        let (at, now) = (self.all_wrong_dates().await?, self.now().as_second());
        let within = |seconds: i64| at.iter().filter(|at| now - **at < seconds).count();
        Ok(WRONG_DATES.iter().any(|(max, seconds)| within(*seconds) >= *max))
    }

    /// Closes this way everywhere when a limit is reached: a warning, a line in the audit log and
    /// letters to the administrators, in one commit with it.
    pub(crate) async fn close_after_wrong_dates(
        &self,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        metrics::counter!("facteur_reset_birth_dates_wrong_total").increment(1);
        if !self.are_too_many().await? {
            return Ok(());
        }
        let administrators = self.administrators().await?;
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        for _ in 0..REBUILDS_MAX {
            let mut change = Change::of(ROSTER).expect(inner.rows.version(ROSTER).await?);
            let now = self.now().as_second();
            let mut row = inner.rows.get::<GuardTable>(ROSTER, &()).await?.unwrap_or_default();
            if row.closed.is_some() {
                return Ok(());
            }
            row.closed = Some(IdentityClosedRow { at: now, by: None });
            change.put::<GuardTable>(&(), &row);
            let mut record = AuditRecord::new(now, None, Act::IdentityClosed, requester);
            record.mode = Some(ResetMode::Identity);
            record.set_reason("too many wrong birth dates");
            record.notices = vec!["administrator".into(); administrators.len()];
            for (id, to) in &administrators {
                let letter = alarm(to.clone(), now);
                change.put::<Letter>(&(id.0, rand::random()), &letter);
            }
            audit::append(&inner.rows, &inner.vault, &mut change, &[record]).await?;
            if inner.rows.commit(change).await? {
                tracing::warn!(
                    target: "mail",
                    "too many wrong birth dates: resets by identity alone are closed everywhere \
                     until an administrator opens them again"
                );
                inner.letters_due.notify_one();
                return self.reload_policies().await;
            }
        }
        Err(DirectoryError::Busy { what: "closing resets by identity" })
    }

    pub(crate) async fn administrators(
        &self,
    ) -> Result<Vec<(AccountId, EmailAddress)>, DirectoryError> {
        let mut found = Vec::new();
        let mut after = None;
        while found.len() < TOLD_MAX {
            let page = self.accounts(after, ACCOUNTS_PER_PAGE_MAX).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let is_one = |account: &&Arc<Account>| {
                account.role == Role::Administrator && account.state == AccountState::Active
            };
            let own = |account: &Arc<Account>| (account.id, account.primary_address.clone());
            found.extend(page.iter().filter(is_one).map(own));
        }
        found.truncate(TOLD_MAX);
        Ok(found)
    }
}

fn alarm(to: EmailAddress, at: i64) -> LetterRow {
    LetterRow {
        kind: LetterKind::IdentityClosed,
        to: vec![to],
        language: "fr".into(),
        at,
        // Whoever guessed is one of many; the audit log has them all.
        peer: None,
        sealed: Vec::new(),
        about: String::new(),
    }
}
