//! The second half of a lost password: a code is compared, or name, ID and birth date have waited
//! long enough; then the new password is set, in one commit with everything that ends with the old
//! one.

use mail_store::tables::security::{LetterKind, ProofRow, ResetRow, ResetStageRow};
use mail_types::Secret;

use crate::app_password::folded;
use crate::audit_record::{Act, Factor, Requester, ResetMode};
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::limits::Origin;
use crate::recovery::{self, CodeOutcome};
use crate::reset::{ABOUT, ResetTicket, note_failed_proof};
use crate::secure::Draft;
use crate::vault::Use;

/// How long a new password may be chosen after the right code.
pub(crate) const PROVEN_SECONDS: i64 = 600;
/// Characters of a code that an officer hands out, five bits each.
pub(crate) const ACTIVATION_CHARS: usize = 12;

/// What came of a code, as far as the browser is told: a wrong one, one that is too old and one
/// for nobody's account read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeVerdict {
    /// A new password may be chosen.
    Right,
    /// It may not.
    Refused,
}

/// What came of a new password.
#[derive(Clone, Debug, PartialEq)]
pub enum ResetOutcome {
    /// It is set.
    Done,
    /// It breaks a rule, which the text says.
    Unfit(String),
    /// The time is over, or no code was right.
    Refused,
}

impl Directory {
    /// Compares a code with the one that was sent for this ticket. Without one, it is asked whether
    /// name, ID and birth date are enough by now. One commit in any case, until too many were tried
    /// with one ticket or from one address.
    pub async fn try_reset_code(
        &self,
        ticket: &ResetTicket,
        typed: &str,
        requester: &Requester,
    ) -> Result<CodeVerdict, DirectoryError> {
        let peer = requester.peer.unwrap_or(std::net::IpAddr::from([0, 0, 0, 0]));
        let Some(charge) = self.inner.limits.charge(ticket.chance, None, Origin::of(peer)) else {
            return Ok(CodeVerdict::Refused);
        };
        let found = self.meant(ticket).await?;
        let waits = match &found {
            Some(loaded) => {
                let row = self.security(loaded.account.id).await?;
                row.reset.is_some() || row.activation.is_some()
            }
            None => false,
        };
        let Some(loaded) = found.as_ref().filter(|_| waits) else {
            let factors = vec![(Factor::Code, false)];
            self.note_failure(found.as_deref(), ticket, Act::ResetCodeTried, factors, requester)
                .await?;
            return Ok(CodeVerdict::Refused);
        };
        let right = self
            .secure(loaded.account.id, requester, |draft| {
                if self.uses_activation(draft, ticket, typed) {
                    let record = draft.record(Act::ResetCodeTried);
                    record.mode = Some(ResetMode::Approval);
                    record.factors = vec![(Factor::Activation, true)];
                    return Ok(true);
                }
                if typed.trim().is_empty() {
                    return Ok(self.goes_on_without_code(draft, ticket));
                }
                let outcome = self.try_mailed_code(draft, ticket, typed);
                // Whoever sits elsewhere must not use up what lets the owner in by mail.
                if outcome == Some(CodeOutcome::Wrong) {
                    note_failed_proof(draft);
                }
                let is_right = outcome == Some(CodeOutcome::Right);
                let record = draft.record(Act::ResetCodeTried);
                record.mode = Some(ResetMode::Code);
                record.factors = vec![(Factor::Code, is_right)];
                Ok(is_right)
            })
            .await?;
        if right {
            charge.refund();
        }
        Ok(if right { CodeVerdict::Right } else { CodeVerdict::Refused })
    }

    /// Sets the new password of somebody whose code was right. In the same commit every session,
    /// connection and app password ends; the second factor stays.
    pub async fn finish_reset(
        &self,
        ticket: &ResetTicket,
        password: &Secret<String>,
        requester: &Requester,
    ) -> Result<ResetOutcome, DirectoryError> {
        let Some(loaded) = self.meant(ticket).await? else { return Ok(ResetOutcome::Refused) };
        let id = loaded.account.id;
        // No hash for somebody who has proven nothing.
        let reset = self.security(id).await?.reset;
        if self.proof(reset.as_ref(), ticket).is_none() {
            return Ok(ResetOutcome::Refused);
        }
        let phc = match self.fit_form(id, password).await {
            Ok(phc) => phc,
            Err(DirectoryError::Invalid(reason)) => return Ok(ResetOutcome::Unfit(reason)),
            Err(error) => return Err(error),
        };
        self.secure(id, requester, |draft| {
            let Some(by) = self.proof(draft.security.reset.as_ref(), ticket) else {
                return Ok(ResetOutcome::Refused);
            };
            // The unit may have been closed, or somebody privileged made of its owner, since then.
            let holds = self.has_waited(draft) && self.may_be_by_identity(draft);
            if by == ProofRow::Identity && !holds {
                return Ok(ResetOutcome::Refused);
            }
            draft.set_password(phc.clone());
            if by != ProofRow::Code {
                draft.begin_hold();
            }
            match by {
                // Nobody has seen the person: what came before stays closed until an officer does.
                ProofRow::Identity => draft.security.mail_locked_before = Some(draft.now),
                ProofRow::Officer => draft.security.mail_locked_before = None,
                // Nor has anybody now: who came in by identity alone may have named an address of
                // their own since.
                ProofRow::Code => {}
            }
            draft.security.app_passwords.clear();
            draft.security.failed_proofs.clear();
            draft.record(Act::ResetDone).mode = Some(mode(by));
            draft.tell_owner(LetterKind::PasswordReset, "", &[]);
            if by != ProofRow::Code {
                draft.tell_officers(LetterKind::OfficerReset);
            }
            Ok(ResetOutcome::Done)
        })
        .await
    }

    /// Compares a code by mail; `None` when this browser was sent none.
    fn try_mailed_code(
        &self,
        draft: &mut Draft<'_>,
        ticket: &ResetTicket,
        typed: &str,
    ) -> Option<CodeOutcome> {
        let (vault, id, now) = (&self.inner.vault, draft.id, draft.now);
        let reset = draft.security.reset.as_mut()?;
        // Design: a code is bound to the browser that asked for it. One from elsewhere is not
        // compared, and does not use up the owner's tries.
        if !vault.matches(Use::Ticket, &[&ticket.chance], &reset.ticket) {
            return None;
        }
        let ResetStageRow::Code(row) = &mut reset.stage else { return None };
        let outcome = recovery::try_code(vault, id, ABOUT, row, typed, now);
        if outcome == CodeOutcome::Right {
            let until = now + PROVEN_SECONDS;
            reset.stage = ResetStageRow::Proven { until, by: ProofRow::Code };
        }
        Some(outcome)
    }

    /// Uses up a code that an officer handed out: it counts in whichever browser its owner sits.
    fn uses_activation(&self, draft: &mut Draft<'_>, ticket: &ResetTicket, typed: &str) -> bool {
        let vault = &self.inner.vault;
        let (id, now) = (draft.id.0.to_be_bytes(), draft.now);
        let Some(text) = folded(typed, ACTIVATION_CHARS) else { return false };
        let Some(row) = draft.security.activation.as_ref() else { return false };
        let parts = [&id[..], text.as_bytes()];
        if row.expires <= now || !vault.matches(Use::Activation, &parts, &row.hash) {
            return false;
        }
        draft.security.activation = None;
        draft.security.reset = Some(ResetRow {
            ticket: vault.hash(Use::Ticket, &[&ticket.chance]),
            asked: now,
            stage: ResetStageRow::Proven { until: now + PROVEN_SECONDS, by: ProofRow::Officer },
        });
        true
    }

    /// What this browser's reset rests on, while a new password may be chosen.
    fn proof(&self, reset: Option<&ResetRow>, ticket: &ResetTicket) -> Option<ProofRow> {
        let (vault, now) = (&self.inner.vault, self.now().as_second());
        match reset {
            Some(ResetRow { ticket: hash, stage: ResetStageRow::Proven { until, by }, .. })
                if *until > now && vault.matches(Use::Ticket, &[&ticket.chance], hash) =>
            {
                Some(*by)
            }
            _ => None,
        }
    }
}

fn mode(by: ProofRow) -> ResetMode {
    match by {
        ProofRow::Code => ResetMode::Code,
        ProofRow::Officer => ResetMode::Approval,
        ProofRow::Identity => ResetMode::Identity,
    }
}
