//! What an IT officer does for the people of their own unit: finds them, reads their academic ID
//! out, and lets somebody who lost a password in again. Officers never see a password, a mailbox,
//! or anybody of another unit. Administrators do the same for everybody; for somebody privileged
//! it takes two of them.

use std::sync::Arc;

use mail_store::tables::directory::{AccountRow, AccountStateRow, SLICES, account_slice};
use mail_store::tables::security::{
    ActivationRow, ApprovalRow, LetterKind, ResetRequest, ResetStageRow,
};
use mail_store::{Class, Partition};
use mail_types::{AccountId, Role, Secret};

use crate::account::{Account, AccountState};
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::app_password::{grouped, random_text};
use crate::audit_record::{Act, AuditRecord, Requester, ResetMode};
use crate::create::check_text;
use crate::deed::administers;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::name_words::name_words;
use crate::reset_proof::ACTIVATION_CHARS;
use crate::secure::Draft;
use crate::unit::{Unit, UnitCode};
use crate::vault::Use;

/// People that one search shows.
pub const PEOPLE_FOUND_MAX: usize = 50;
/// Requests that one page shows.
const REQUESTS_MAX: usize = 200;
/// Longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;
/// Design: an activation code that replaces a lost password ends after a day.
const ACTIVATION_SECONDS: i64 = 24 * 3600;

/// How long the first of two approvals counts.
const APPROVAL_SECONDS: i64 = 24 * 3600;

/// Somebody who lost a password and has no recovery address.
#[derive(Clone, Debug)]
pub struct WaitingRequest {
    /// Who.
    pub account: Arc<Account>,
    /// Since when, in Unix seconds.
    pub asked: i64,
    /// From when their identity alone will be enough, in Unix seconds, where the unit is open for
    /// that. Refusing the request ends it.
    pub identity_from: Option<i64>,
    /// Who has approved already, when it takes two.
    pub approved_by: Option<AccountId>,
}

/// What is known of a lost password.
#[derive(Clone, Copy, Debug)]
pub struct LostPassword {
    /// Since when its owner waits, if they do.
    pub asked: Option<i64>,
    /// As in [`WaitingRequest`].
    pub identity_from: Option<i64>,
    /// As in [`WaitingRequest`]; also when nobody waits.
    pub approved_by: Option<AccountId>,
}

/// What came of an approval.
#[derive(Clone, Debug)]
pub enum Approval {
    /// The code, for the person, this once.
    Code(Secret<String>),
    /// It is noted; somebody privileged gets a code when another administrator approves, too.
    First,
}

impl Directory {
    /// Whether this officer may help this person: an agent of one of the officer's units. An
    /// administrator may help everybody but themselves.
    fn may_help(&self, officer: &Account, account: &Account) -> bool {
        let is_there = account.is_in_use() || account.state == AccountState::AwaitingFirstLogin;
        let reaches = match officer.role {
            Role::ItOfficer => {
                account.role == Role::Agent
                    && account.units.iter().any(|code| self.is_officer_of(officer.id, code))
            }
            Role::Administrator => officer.administers() && account.role != Role::System,
            Role::Agent | Role::System => false,
        };
        reaches && is_there && account.id != officer.id
    }

    fn is_officer_of(&self, officer: AccountId, code: &UnitCode) -> bool {
        self.unit(code).is_some_and(|unit| unit.officers.contains(&officer))
    }

    /// Units, roles and states may have changed while the officer looked at the page: what counts is
    /// what is stored when it is done.
    fn may_still_help(&self, officer: AccountId, draft: &Draft<'_>) -> Result<(), DirectoryError> {
        let row = &draft.account;
        let helps_agents = |helper: &AccountRow| {
            let mut units = row.units.iter().cloned().map(UnitCode::stored);
            helper.role == Role::ItOfficer
                && helper.state == AccountStateRow::Active
                && row.role == Role::Agent
                && units.any(|code| self.is_officer_of(officer, &code))
        };
        let may = draft.helper.as_ref().is_some_and(|helper| {
            (administers(helper) && row.role != Role::System) || helps_agents(helper)
        });
        match may && officer != draft.id && row.state != AccountStateRow::Suspended {
            true => Ok(()),
            false => Err(DirectoryError::NotFound { what: "account".into() }),
        }
    }

    /// Units in whose name or code these words are, by name. For everybody: it tells of schools and
    /// their public contacts, not of people.
    pub fn find_units(&self, typed: &str) -> Vec<Arc<Unit>> {
        let words = name_words(typed);
        let fits = |unit: &Arc<Unit>| {
            let own = name_words(&format!("{} {}", unit.name, unit.code));
            words.iter().all(|word| own.iter().any(|one| one.starts_with(word.as_str())))
        };
        let mut found: Vec<_> = match words.is_empty() {
            true => Vec::new(),
            false => self.units().into_iter().filter(fits).collect(),
        };
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// One act of help, by somebody who may still help when it is done.
    async fn help<T>(
        &self,
        officer: &Account,
        id: AccountId,
        requester: &Requester,
        edit: impl Fn(&mut Draft<'_>) -> Result<T, DirectoryError>,
    ) -> Result<T, DirectoryError> {
        self.helped(officer, id).await?;
        self.secure_helped(id, officer.id, requester, |draft| {
            self.may_still_help(officer.id, draft)?;
            edit(draft)
        })
        .await
    }

    /// The person, if this officer may help them; nobody is told whether others exist.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] for everybody else.
    pub async fn helped(
        &self,
        officer: &Account,
        id: AccountId,
    ) -> Result<Arc<Account>, DirectoryError> {
        let account = self.account(id).await?.filter(|account| self.may_help(officer, account));
        account.ok_or_else(|| DirectoryError::no_account(id))
    }

    /// People of the officer's unit whose name or address has these words, by number.
    pub async fn find_helped(
        &self,
        officer: &Account,
        typed: &str,
    ) -> Result<Vec<Arc<Account>>, DirectoryError> {
        let words = name_words(typed);
        let mut found = Vec::new();
        let mut after = None;
        while !words.is_empty() && found.len() < PEOPLE_FOUND_MAX {
            let page = self.accounts(after, ACCOUNTS_PER_PAGE_MAX).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let fits = |account: &Arc<Account>| {
                self.may_help(officer, account) && {
                    let own = name_words(&format!("{} {}", account.name, account.primary_address));
                    words.iter().all(|word| own.iter().any(|one| one.starts_with(word.as_str())))
                }
            };
            found.extend(page.into_iter().filter(fits));
        }
        found.truncate(PEOPLE_FOUND_MAX);
        Ok(found)
    }

    /// Who of the officer's unit waits for help, the longest first.
    pub async fn waiting_requests(
        &self,
        officer: &Account,
    ) -> Result<Vec<WaitingRequest>, DirectoryError> {
        let mut waiting = Vec::new();
        for id in 1..=SLICES {
            let slice = Partition { class: Class::Directory, id };
            let mut from = None;
            loop {
                let page = self.inner.rows.scan::<ResetRequest>(slice, from.as_ref(), 1000).await?;
                for (number, asked) in page.rows {
                    let account = self.account(AccountId(number)).await?;
                    if let Some(account) = account.filter(|account| self.may_help(officer, account))
                    {
                        waiting.push(self.waiting(account, asked).await?);
                    }
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        waiting.sort_by_key(|request| request.asked);
        waiting.truncate(REQUESTS_MAX);
        Ok(waiting)
    }

    async fn waiting(
        &self,
        account: Arc<Account>,
        asked: i64,
    ) -> Result<WaitingRequest, DirectoryError> {
        let LostPassword { identity_from, approved_by, .. } =
            self.lost(account.id, Some(asked)).await?;
        Ok(WaitingRequest { account, asked, identity_from, approved_by })
    }

    /// What is known of this person's lost password.
    ///
    /// # Errors
    /// As [`Directory::helped`].
    pub async fn lost_password(
        &self,
        officer: &Account,
        id: AccountId,
    ) -> Result<LostPassword, DirectoryError> {
        self.helped(officer, id).await?;
        self.lost(id, self.inner.rows.get::<ResetRequest>(account_slice(id), &id.0).await?).await
    }

    async fn lost(
        &self,
        id: AccountId,
        asked: Option<i64>,
    ) -> Result<LostPassword, DirectoryError> {
        let (row, now) = (self.security(id).await?, self.now().as_second());
        let identity = row.identity.filter(|identity| now < identity.until);
        let approval = row.approval.filter(|approval| still_counts(approval, now));
        Ok(LostPassword {
            asked,
            identity_from: identity.map(|identity| identity.from),
            approved_by: approval.map(|approval| approval.by),
        })
    }

    /// Gives a person a code with which they choose a new password, once, within a day. The
    /// person's mailbox and recovery addresses are told. Somebody privileged gets one when two
    /// administrators have approved.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] without a reason, or for one's own second approval;
    /// [`DirectoryError::NotFound`] for somebody else's people.
    pub async fn issue_activation_code(
        &self,
        officer: &Account,
        id: AccountId,
        reason: &str,
        requester: &Requester,
    ) -> Result<Approval, DirectoryError> {
        check_text("reason", reason.trim(), REASON_BYTES_MAX)?;
        let text = random_text(ACTIVATION_CHARS);
        let parts = [&id.0.to_be_bytes()[..], text.as_bytes()];
        let hash = self.inner.vault.hash(Use::Activation, &parts);
        let is_issued = self.help(officer, id, requester, |draft| {
            if draft.account.role != Role::Agent && !is_second(draft, officer.id)? {
                draft.security.approval = Some(ApprovalRow { by: officer.id, at: draft.now });
                let record = record_of_help(draft, Act::ActivationApproved, officer.id, reason);
                record.mode = Some(ResetMode::Approval);
                return Ok(false);
            }
            let expires = draft.now + ACTIVATION_SECONDS;
            draft.security.activation = Some(ActivationRow { hash, expires, officer: officer.id });
            draft.security.approval = None;
            // Whoever waits for a code by mail, or for a day to go by, waits for this one now.
            draft.end_identity_reset();
            draft.security.reset = None;
            draft.security.failed_proofs.clear();
            draft.end_request();
            let record = record_of_help(draft, Act::ActivationIssued, officer.id, reason);
            record.mode = Some(ResetMode::Approval);
            draft.tell_owner(LetterKind::ResetApproved, &officer.name, &[]);
            Ok(true)
        });
        Ok(match is_issued.await? {
            true => Approval::Code(Secret::new(grouped(&text, 4))),
            false => Approval::First,
        })
    }

    /// Refuses a request. The person's mailbox is told.
    ///
    /// # Errors
    /// As [`Directory::issue_activation_code`].
    pub async fn refuse_reset(
        &self,
        officer: &Account,
        id: AccountId,
        reason: &str,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        check_text("reason", reason.trim(), REASON_BYTES_MAX)?;
        self.help(officer, id, requester, |draft| {
            let waits = draft.security.reset.as_ref();
            if waits.is_some_and(|reset| reset.stage == ResetStageRow::Asked) {
                draft.security.reset = None;
            }
            draft.security.activation = None;
            draft.security.approval = None;
            draft.end_identity_reset();
            let record = record_of_help(draft, Act::ResetRefused, officer.id, reason);
            record.mode = Some(ResetMode::Approval);
            draft.tell_owner(LetterKind::ResetRefused, "", &[]);
            Ok(())
        })
        .await
    }

    /// The officer has made sure who it is: codes by mail count again after too many wrong ones,
    /// and mail that a reset by identity alone had closed is open.
    ///
    /// # Errors
    /// As [`Directory::refuse_reset`].
    pub async fn unlock_reset(
        &self,
        officer: &Account,
        id: AccountId,
        reason: &str,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        check_text("reason", reason.trim(), REASON_BYTES_MAX)?;
        self.help(officer, id, requester, |draft| {
            draft.security.failed_proofs.clear();
            draft.security.mail_locked_before = None;
            record_of_help(draft, Act::Unlocked, officer.id, reason);
            Ok(())
        })
        .await
    }

    /// Writes down that an officer looked a person's academic ID up.
    pub async fn note_lookup(
        &self,
        officer: &Account,
        id: AccountId,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        self.help(officer, id, requester, |draft| {
            draft.record(Act::PersonShown).officer = Some(officer.id.0);
            Ok(())
        })
        .await
    }
}

fn record_of_help<'draft>(
    draft: &'draft mut Draft<'_>,
    act: Act,
    officer: AccountId,
    reason: &str,
) -> &'draft mut AuditRecord {
    let record = draft.record(act);
    record.officer = Some(officer.0);
    record.set_reason(reason.trim());
    record
}

fn still_counts(approval: &ApprovalRow, now: i64) -> bool {
    (0..APPROVAL_SECONDS).contains(&(now - approval.at))
}

/// Whether somebody else has approved before, who still may.
fn is_second(draft: &Draft<'_>, officer: AccountId) -> Result<bool, DirectoryError> {
    let standing = draft.security.approval.as_ref();
    let standing = standing.filter(|one| {
        still_counts(one, draft.now) && draft.approver.as_ref().is_some_and(administers)
    });
    match standing {
        Some(one) if one.by == officer => {
            let reason = "you have approved already: another administrator must, too";
            Err(DirectoryError::Invalid(reason.into()))
        }
        other => Ok(other.is_some()),
    }
}
