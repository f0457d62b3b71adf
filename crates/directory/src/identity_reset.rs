//! A lost password where name, academic ID and birth date alone are enough: in units that two
//! administrators opened, from the academy's own networks, for accounts that nothing else protects
//! and that may do nothing special.
//!
//! What identifies a person does not show that it is them. Therefore nothing happens for a day, in
//! which the old password stays valid and whoever uses it, or the link in the notice, ends it; then
//! the form is filled in once more. `identity_guard.rs` counts wrong birth dates.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mail_store::tables::directory::AccountStateRow;
use mail_store::tables::security::{IdentityResetRow, LetterKind, ProofRow, ResetStageRow};
use mail_types::{AccountId, Role, Secret};
use tokio::sync::MutexGuard;

use crate::account::Loaded;
use crate::audit_record::{Act, Factor, Requester, ResetMode};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::person::Day;
use crate::recovery;
use crate::reset::ResetTicket;
use crate::reset_proof::PROVEN_SECONDS;
use crate::secure::Draft;
use crate::vault::Use;

const DAY: i64 = 24 * 3600;
/// Design: how long the old password stays valid, and its owner has time to say no.
const WAIT_SECONDS: i64 = DAY;
/// How long a new password may be chosen after that.
const READY_SECONDS: i64 = 3 * DAY;

/// The birth date may decide about a request. While this lives, no other guess is made.
pub(crate) struct ByIdentity<'a> {
    /// Whether it is the one.
    pub(crate) matches: bool,
    chance: u64,
    /// The link that ends it, on its way into letters.
    sealed: Vec<u8>,
    _guessing: MutexGuard<'a, ()>,
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
        let (account, settings) = (&loaded.account, self.inner.settings.load_full());
        let networks = &settings.reset.academy_networks;
        let inside = |peer| networks.iter().any(|network| network.contains(peer));
        let units: Vec<_> = account.units.iter().map(|code| code.as_str().to_owned()).collect();
        if !requester.peer.is_some_and(inside) || self.identity_open_since(&units).is_none() {
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
            && account.state == AccountStateRow::Active
            && account.leaves_on.is_none()
            && draft.security.totp.is_none()
            && self.units_of_officer(draft.id).is_empty()
            && self.connections(draft.id).is_empty()
            && self.identity_open_since(&account.units).is_some()
    }

    /// The wait that is under way: begun while the unit was open as it still is, and not over.
    fn waiting_by_identity<'a>(&self, draft: &'a Draft<'_>) -> Option<&'a IdentityResetRow> {
        let since = self.identity_open_since(&draft.account.units)?;
        let waits =
            |row: &&IdentityResetRow| row.from - WAIT_SECONDS >= since && draft.now < row.until;
        draft.security.identity.as_ref().filter(waits)
    }

    /// Whether the wait is over and a new password may be chosen.
    pub(crate) fn has_waited(&self, draft: &Draft<'_>) -> bool {
        self.waiting_by_identity(draft).is_some_and(|row| row.from <= draft.now)
    }

    /// Name, ID and birth date are right. The day's wait begins, unless one is under way: asking
    /// again makes it no longer, and no shorter.
    pub(crate) fn begin_wait(&self, draft: &mut Draft<'_>, case: &ByIdentity<'_>) {
        if self.waiting_by_identity(draft).is_some() {
            return;
        }
        let from = draft.now + WAIT_SECONDS;
        let until = from + READY_SECONDS;
        draft.security.identity = Some(IdentityResetRow { from, until, chance: case.chance });
        // The IT officer sees it, and may refuse it or help faster.
        draft.begin_request();
        draft.tell_owner_sealed(LetterKind::IdentityBegun, "", &[], &case.sealed);
        draft.tell_officers(LetterKind::OfficerIdentityBegun);
    }

    /// Whoever has no code asks whether the wait is over, in the browser that filled in the form
    /// again.
    pub(crate) fn goes_on_without_code(&self, draft: &mut Draft<'_>, ticket: &ResetTicket) -> bool {
        let (vault, now) = (&self.inner.vault, draft.now);
        let is_time = self.has_waited(draft);
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
        record.factors = vec![(Factor::State, is_own), (Factor::Limit, is_time)];
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
