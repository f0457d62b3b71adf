//! What an IT officer does for the people of their own unit: finds them, reads their academic ID
//! out, and lets somebody who lost a password in again. Officers never see a password, a mailbox,
//! or anybody of another unit.

use std::sync::Arc;

use mail_store::tables::directory::{AccountRow, SLICES};
use mail_store::tables::security::{ActivationRow, LetterKind, ResetRequest, ResetStageRow};
use mail_store::{Class, Partition};
use mail_types::{AccountId, Role, Secret};

use crate::account::{Account, AccountState};
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::app_password::{grouped, random_text};
use crate::audit_record::{Act, Requester, ResetMode};
use crate::create::check_text;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::reset::{self, name_words};
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

/// Somebody who lost a password and has no recovery address.
#[derive(Clone, Debug)]
pub struct WaitingRequest {
    /// Who.
    pub account: Arc<Account>,
    /// Since when, in Unix seconds.
    pub asked: i64,
}

impl Directory {
    /// Whether this officer may help this person: an agent of one of the officer's units.
    /// Privileged accounts are for administrators, at the command line.
    fn may_help(&self, officer: &Account, account: &Account) -> bool {
        let is_there = account.is_in_use() || account.state == AccountState::AwaitingFirstLogin;
        officer.role == Role::ItOfficer
            && account.role == Role::Agent
            && account.id != officer.id
            && is_there
            && account.units.iter().any(|code| self.is_officer_of(officer, code))
    }

    fn is_officer_of(&self, officer: &Account, code: &UnitCode) -> bool {
        self.unit(code).is_some_and(|unit| unit.officers.contains(&officer.id))
    }

    /// Units and roles may have changed while the officer looked at the page.
    fn may_still_help(&self, officer: &Account, row: &AccountRow) -> Result<(), DirectoryError> {
        let mut units = row.units.iter().cloned().map(UnitCode::stored);
        match row.role == Role::Agent && units.any(|code| self.is_officer_of(officer, &code)) {
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
                        waiting.push(WaitingRequest { account, asked });
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

    /// Gives a person a code with which they choose a new password, once, within a day. The
    /// person's mailbox and recovery addresses are told.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] without a reason, [`DirectoryError::NotFound`] for somebody
    /// else's people.
    pub async fn issue_activation_code(
        &self,
        officer: &Account,
        id: AccountId,
        reason: &str,
        requester: &Requester,
    ) -> Result<Secret<String>, DirectoryError> {
        check_text("reason", reason.trim(), REASON_BYTES_MAX)?;
        self.helped(officer, id).await?;
        let text = random_text(reset::ACTIVATION_CHARS);
        let parts = [&id.0.to_be_bytes()[..], text.as_bytes()];
        let hash = self.inner.vault.hash(Use::Activation, &parts);
        self.secure(id, requester, |draft| {
            self.may_still_help(officer, &draft.account)?;
            let expires = draft.now + ACTIVATION_SECONDS;
            draft.security.activation = Some(ActivationRow { hash, expires, officer: officer.id });
            // Whoever waits for a code by mail waits for this one now.
            draft.security.reset = None;
            draft.security.failed_proofs.clear();
            draft.end_request();
            let record = draft.record(Act::ActivationIssued);
            record.mode = Some(ResetMode::Approval);
            record.officer = Some(officer.id.0);
            record.set_reason(reason.trim());
            draft.tell_owner(LetterKind::ResetApproved, &officer.name, &[]);
            Ok(())
        })
        .await?;
        Ok(Secret::new(grouped(&text, 4)))
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
        self.helped(officer, id).await?;
        self.secure(id, requester, |draft| {
            self.may_still_help(officer, &draft.account)?;
            let waits = draft.security.reset.as_ref();
            if waits.is_some_and(|reset| reset.stage == ResetStageRow::Asked) {
                draft.security.reset = None;
            }
            draft.security.activation = None;
            draft.end_request();
            let record = draft.record(Act::ResetRefused);
            record.mode = Some(ResetMode::Approval);
            record.officer = Some(officer.id.0);
            record.set_reason(reason.trim());
            draft.tell_owner(LetterKind::ResetRefused, "", &[]);
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
        self.helped(officer, id).await?;
        self.secure(id, requester, |draft| {
            draft.record(Act::PersonShown).officer = Some(officer.id.0);
            Ok(())
        })
        .await
    }
}
