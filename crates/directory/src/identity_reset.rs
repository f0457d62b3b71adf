//! A lost password where name, academic ID and birth date alone are enough: in units that two
//! administrators opened, from the academy's own networks, for accounts that nothing else protects
//! and that may do nothing special.
//!
//! What identifies a person does not show that it is them. Therefore nothing happens for a day, in
//! which the old password stays valid and whoever uses it, or the link in the notice, ends it; then
//! the form is filled in once more. And all wrong birth dates together are counted: ten in an hour
//! or forty in a day close this way for everybody, until an administrator opens it again.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mail_store::tables::directory::{ROSTER, SLICES};
use mail_store::tables::security::{
    IdentityClosedRow, IdentityFailures, IdentityFailuresRow, IdentityGuard, IdentityResetRow,
    Letter, LetterKind, LetterRow, ProofRow, ResetStageRow,
};
use mail_store::{Class, Partition};
use mail_types::{AccountId, EmailAddress, Role, Secret};
use tokio::sync::MutexGuard;

use crate::account::{Account, AccountState, Loaded};
use crate::admin::ACCOUNTS_PER_PAGE_MAX;
use crate::audit;
use crate::audit_record::{Act, AuditRecord, Factor, Requester, ResetMode};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::person::Day;
use crate::recovery;
use crate::reset::ResetTicket;
use crate::reset_proof::PROVEN_SECONDS;
use crate::rows::{Change, REBUILDS_MAX};
use crate::secure::Draft;
use crate::vault::Use;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Design: how long the old password stays valid, and its owner has time to say no.
const WAIT_SECONDS: i64 = DAY;
/// How long a new password may be chosen after that.
const READY_SECONDS: i64 = 3 * DAY;
/// Design: wrong birth dates of all accounts together that close this way. Forty a day let a
/// guesser hope for less than one hit a year.
const WRONG_DATES: [(usize, i64); 2] = [(10, HOUR), (40, DAY)];
/// Wrong ones that a slice remembers: as many as the larger limit can need.
const REMEMBERED_MAX: usize = 40;
/// Administrators that are told.
const TOLD_MAX: usize = 100;
/// Officers that are told of one person.
const OFFICERS_TOLD_MAX: usize = 32;

/// The birth date may decide about a request. While this lives, no other guess is made.
pub(crate) struct ByIdentity<'a> {
    /// Whether it is the one.
    pub(crate) matches: bool,
    chance: u64,
    /// The link that ends it, on its way into letters.
    sealed: Vec<u8>,
    _guessing: MutexGuard<'a, ()>,
}

impl ByIdentity<'_> {
    /// The day's wait begins, unless one is under way: asking again makes it no longer, and no
    /// shorter.
    pub(crate) fn begin(&self, draft: &mut Draft<'_>, officers: &[EmailAddress]) {
        let now = draft.now;
        if draft.security.identity.as_ref().is_some_and(|row| now < row.until) {
            return;
        }
        let from = now + WAIT_SECONDS;
        let until = from + READY_SECONDS;
        draft.security.identity = Some(IdentityResetRow { from, until, chance: self.chance });
        // The IT officer sees it, and may refuse it or help faster.
        draft.begin_request();
        draft.tell_owner_sealed(LetterKind::IdentityBegun, "", &[], &self.sealed);
        draft.tell_officers(LetterKind::OfficerIdentityBegun, officers);
    }
}

impl Directory {
    /// Whether the account's owner was born on the day that was typed. The same work whether or
    /// not there is such an account, or a date.
    pub(crate) async fn born(
        &self,
        found: Option<&Loaded>,
        typed: Option<Day>,
    ) -> Result<Option<bool>, DirectoryError> {
        let Some(day) = typed else { return Ok(None) };
        let id = found.map_or(AccountId(0), |loaded| loaded.account.id);
        self.was_born_on(id, day).await
    }

    /// Whether the birth date may decide: it was typed, is known, and this way is open to this
    /// account from there.
    pub(crate) async fn by_identity(
        &self,
        loaded: &Loaded,
        born: Option<bool>,
        requester: &Requester,
    ) -> Result<Option<ByIdentity<'_>>, DirectoryError> {
        let Some(matches) = born else { return Ok(None) };
        let (account, networks) = (&loaded.account, &self.inner.settings.reset.academy_networks);
        let inside = |peer| networks.iter().any(|network| network.contains(peer));
        let units: Vec<_> = account.units.iter().map(|code| code.as_str().to_owned()).collect();
        if !requester.peer.is_some_and(inside) || !self.is_identity_open(&units) {
            return Ok(None);
        }
        let guessing = self.inner.guessing.lock().await;
        if self.are_too_many().await? {
            // A crash may have come between the last wrong date and what it had to close.
            self.close_after_wrong_dates(requester).await?;
            return Ok(None);
        }
        let chance: u64 = rand::random();
        let token = self.cancel_token(account.id, chance)?;
        let sealed = recovery::seal_code(&self.inner.vault, account.id, &token)?;
        Ok(Some(ByIdentity { matches, chance, sealed, _guessing: guessing }))
    }

    /// Design: never for whoever may do more than own a mailbox, nor where a second factor
    /// protects; nor while a mail client of the account is connected, for then the password is not
    /// lost.
    pub(crate) fn may_be_by_identity(&self, draft: &Draft<'_>) -> bool {
        let account = &draft.account;
        account.role == Role::Agent
            && account.leaves_on.is_none()
            && draft.security.totp.is_none()
            && self.units_of_officer(draft.id).is_empty()
            && self.connections(draft.id).is_empty()
            && self.is_identity_open(&account.units)
    }

    /// Whoever has no code asks whether the wait is over, in the browser that filled in the form
    /// again.
    pub(crate) fn goes_on_without_code(&self, draft: &mut Draft<'_>, ticket: &ResetTicket) -> bool {
        let (vault, now) = (&self.inner.vault, draft.now);
        let waited = draft.security.identity.as_ref();
        let is_time = waited.is_some_and(|row| row.from <= now && now < row.until);
        let is_own = draft.security.reset.as_ref().is_some_and(|reset| {
            reset.stage == ResetStageRow::Identity
                && vault.matches(Use::Ticket, &[&ticket.chance], &reset.ticket)
        });
        let goes_on = is_time && is_own && self.may_be_by_identity(draft);
        if let Some(reset) = draft.security.reset.as_mut().filter(|_| goes_on) {
            let until = now + PROVEN_SECONDS;
            reset.stage = ResetStageRow::Proven { until, by: ProofRow::Identity };
        }
        let record = draft.record(Act::ResetCodeTried);
        record.mode = Some(ResetMode::Identity);
        record.factors = vec![(Factor::BirthDate, is_own), (Factor::Limit, goes_on)];
        goes_on
    }

    /// Somebody logged in: the password is not lost. A login does not fail over it; the next one
    /// tries again.
    pub(crate) async fn stop_by_login(&self, id: AccountId, peer: std::net::IpAddr) {
        let requester = Requester { peer: Some(peer), ..Requester::console() };
        if let Err(error) = self.stop_identity_reset(id, None, "login", &requester).await {
            tracing::error!(account = %id, %error, "a reset by identity was not stopped by a login");
        }
    }

    /// Ends a reset by identity alone by the link in its notice. `false` when there is none that
    /// the link names.
    pub async fn cancel_identity_reset(
        &self,
        token: &str,
        requester: &Requester,
    ) -> Result<bool, DirectoryError> {
        let Some((id, chance)) = self.open_cancel_token(token) else { return Ok(false) };
        match self.stop_identity_reset(id, Some(chance), "notice", requester).await {
            // Deleted since.
            Err(DirectoryError::NotFound { .. }) => Ok(false),
            outcome => outcome,
        }
    }

    /// Whether this is a link that we wrote, whatever became of what it names.
    pub fn is_cancel_token(&self, token: &str) -> bool {
        self.open_cancel_token(token).is_some()
    }

    async fn stop_identity_reset(
        &self,
        id: AccountId,
        chance: Option<u64>,
        by: &str,
        requester: &Requester,
    ) -> Result<bool, DirectoryError> {
        self.secure(id, requester, |draft| {
            let named = |row: &IdentityResetRow| chance.is_none_or(|chance| chance == row.chance);
            if !draft.security.identity.as_ref().is_some_and(named) {
                return Ok(false);
            }
            draft.end_identity_reset();
            let record = draft.record(Act::ResetStopped);
            record.mode = Some(ResetMode::Identity);
            record.set_reason(by);
            Ok(true)
        })
        .await
    }

    fn cancel_token(&self, id: AccountId, chance: u64) -> Result<Secret<String>, DirectoryError> {
        let text = [id.0.to_be_bytes(), chance.to_be_bytes()].concat();
        let sealed = self.inner.vault.seal(Use::Cancel, b"cancel", &text);
        let sealed = sealed.ok_or_else(|| {
            DirectoryError::Invalid("the secrets file has no directory key".into())
        })?;
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(sealed)))
    }

    fn open_cancel_token(&self, token: &str) -> Option<(AccountId, u64)> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = self.inner.vault.open(Use::Cancel, b"cancel", &sealed)?;
        let (id, chance) = text.split_first_chunk::<8>()?;
        let chance = chance.try_into().ok()?;
        Some((AccountId(u64::from_be_bytes(*id)), u64::from_be_bytes(chance)))
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
    async fn are_too_many(&self) -> Result<bool, DirectoryError> {
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
            let mut row = inner.rows.get::<IdentityGuard>(ROSTER, &()).await?.unwrap_or_default();
            if row.closed.is_some() {
                return Ok(());
            }
            row.closed = Some(IdentityClosedRow { at: now, by: None });
            change.put::<IdentityGuard>(&(), &row);
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

    async fn administrators(&self) -> Result<Vec<(AccountId, EmailAddress)>, DirectoryError> {
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

    /// Where those who may help this account read their mail: the IT officers of its units.
    pub(crate) async fn officers_of(
        &self,
        account: &Account,
    ) -> Result<Vec<EmailAddress>, DirectoryError> {
        if account.role != Role::Agent {
            // No officer helps them: administrators do.
            let others = self.administrators().await?.into_iter();
            return Ok(others.filter(|(id, _)| *id != account.id).map(|(_, to)| to).collect());
        }
        let mut addresses = Vec::new();
        let units = account.units.iter().filter_map(|code| self.unit(code));
        for officer in units.flat_map(|unit| unit.officers.clone()) {
            if officer == account.id || addresses.len() == OFFICERS_TOLD_MAX {
                continue;
            }
            let officer = self.account(officer).await?.filter(|officer| officer.is_in_use());
            let address = officer.map(|officer| officer.primary_address.clone());
            addresses.extend(address.filter(|address| !addresses.contains(address)));
        }
        Ok(addresses)
    }
}

impl Draft<'_> {
    /// Nobody waits to replace the password by identity alone any more.
    pub(crate) fn end_identity_reset(&mut self) {
        self.security.identity = None;
        let by_identity = |stage: &ResetStageRow| {
            matches!(
                stage,
                ResetStageRow::Identity | ResetStageRow::Proven { by: ProofRow::Identity, .. }
            )
        };
        if self.security.reset.as_ref().is_some_and(|reset| by_identity(&reset.stage)) {
            self.security.reset = None;
        }
        self.end_request();
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
