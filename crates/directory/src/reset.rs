//! A lost password: name and academic ID say whose account is meant, a code at a recovery address
//! shows that it is the owner, then a new password is chosen.
//!
//! Whoever fills in the form learns nothing from it: the answer is given before the account is
//! looked at, and every request costs one commit for its limits and one for its outcome, whether
//! or not there is such an account. What the browser holds between the steps is a sealed ticket of
//! one length, in which only we can read whom it is about.

use mail_store::tables::directory::name_slice;
use mail_store::tables::security::{LetterKind, ResetRow, ResetStageRow};
use mail_types::{AcademicId, AccountId, Secret};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::account::Loaded;
use crate::app_password::folded;
use crate::audit_record::{Act, AuditRecord, Factor, Requester, ResetMode};
use crate::claim::Name;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::limits::Origin;
use crate::recovery::{self, CodeOutcome};
use crate::secure::Draft;
use crate::vault::Use;

/// How long a browser may go from the form to the new password.
const TICKET_SECONDS: i64 = 3600;
/// How long a new password may be chosen after the right code.
const PROVEN_SECONDS: i64 = 600;
/// Failed codes within [`PROOFS_SECONDS`] after which only an IT officer helps.
const FAILED_PROOFS_MAX: usize = 10;
const PROOFS_SECONDS: i64 = 30 * 24 * 3600;
/// Digits of an academic ID at most; shorter ones are padded, so that tickets have one length.
const ID_BYTES: usize = 16;
/// Characters of a name that are looked at.
const NAME_CHARS_MAX: usize = 200;
const TICKET_BYTES: usize = 16 + 8 + ID_BYTES;
/// Characters of a code that an officer hands out, five bits each.
pub(crate) const ACTIVATION_CHARS: usize = 12;
/// Design: how long nothing that gives the account away may change after an officer's code.
const HOLD_SECONDS: i64 = 72 * 3600;
/// What a code proves.
const ABOUT: &[u8] = b"reset";

/// What somebody typed who lost a password.
#[derive(Clone, Debug, Default)]
pub struct ResetClaim {
    /// Their name, in any order and spelling of accents.
    pub name: String,
    /// The number on the hand-out sheet.
    pub academic_id: String,
}

/// What the browser holds between the steps.
#[derive(Clone, Debug)]
pub struct ResetTicket {
    chance: [u8; 16],
    expires: i64,
    academic_id: Option<AcademicId>,
}

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
    /// Counts a request, and gives the ticket that the browser will hold. The account is not
    /// looked at. `false` when a limit is reached: then nothing follows.
    pub async fn ask_reset(
        &self,
        claim: &ResetClaim,
        requester: &Requester,
    ) -> Result<(ResetTicket, bool), DirectoryError> {
        let academic_id = claim.academic_id.trim().parse::<AcademicId>().ok();
        let counted = academic_id.as_ref().map_or("", AcademicId::as_str);
        let goes_on = self.charge_reset(counted, requester.peer).await?;
        let expires = self.now().as_second() + TICKET_SECONDS;
        Ok((ResetTicket { chance: rand::random(), expires, academic_id }, goes_on))
    }

    /// The ticket as a cookie holds it.
    pub fn seal_ticket(&self, ticket: &ResetTicket) -> Option<Vec<u8>> {
        let mut id = [0; ID_BYTES];
        let digits = ticket.academic_id.as_ref().map_or("", AcademicId::as_str).as_bytes();
        id.iter_mut().zip(digits).for_each(|(place, digit)| *place = *digit);
        let text = [&ticket.chance[..], &ticket.expires.to_be_bytes(), &id].concat();
        self.inner.vault.seal(Use::Ticket, b"ticket", &text)
    }

    /// Reads a cookie; `None` for one that is not ours or too old.
    pub fn open_ticket(&self, sealed: &[u8]) -> Option<ResetTicket> {
        let text = self.inner.vault.open(Use::Ticket, b"ticket", sealed)?;
        let text: &[u8; TICKET_BYTES] = text.as_slice().try_into().ok()?;
        let (chance, rest) = text.split_first_chunk::<16>()?;
        let (expires, id) = rest.split_first_chunk::<8>()?;
        let expires = i64::from_be_bytes(*expires);
        let digits = std::str::from_utf8(id).ok()?.trim_end_matches('\0');
        let academic_id = digits.parse().ok();
        (expires > self.now().as_second()).then_some(ResetTicket {
            chance: *chance,
            expires,
            academic_id,
        })
    }

    /// Decides what follows a request: a code, an IT officer, or nothing. One commit in any case.
    pub async fn decide_reset(
        &self,
        claim: &ResetClaim,
        ticket: &ResetTicket,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        let found = self.meant(ticket).await?;
        let name = found.as_ref().is_some_and(|one| same_name(&one.account.name, &claim.name));
        let active = found.as_ref().is_some_and(|one| one.account.is_in_use());
        let factors = vec![
            (Factor::AcademicId, found.is_some()),
            (Factor::Name, name),
            (Factor::State, active),
        ];
        let Some(loaded) = found.as_ref().filter(|_| name && active) else {
            return self
                .note_failure(found.as_deref(), ticket, Act::ResetAsked, factors, requester)
                .await;
        };
        let id = loaded.account.id;
        let vault = &self.inner.vault;
        let code = recovery::mailed_code();
        let ticket_hash = vault.hash(Use::Ticket, &[&ticket.chance]);
        self.secure(id, requester, |draft| {
            forget_old_proofs(draft);
            let (now, failed) = (draft.now, draft.security.failed_proofs.len());
            let rows = draft.security.recovery.iter();
            let proven: Vec<_> =
                rows.filter(|one| one.code.is_none()).map(|one| one.address.clone()).collect();
            let by_code = !proven.is_empty() && failed < FAILED_PROOFS_MAX;
            let stage = match by_code {
                true => ResetStageRow::Code(recovery::code_row(vault, id, ABOUT, &code, now)),
                false => ResetStageRow::Asked,
            };
            draft.security.reset = Some(ResetRow { ticket: ticket_hash, asked: now, stage });
            let record = draft.record(Act::ResetAsked);
            record.factors.clone_from(&factors);
            if !by_code {
                record.mode = Some(ResetMode::Approval);
                draft.begin_request();
                draft.tell_owner(LetterKind::ResetAsked, "", &[]);
                return Ok(());
            }
            record.mode = Some(ResetMode::Code);
            record.notices = vec!["recovery".into(); proven.len()];
            for address in proven {
                let sealed = recovery::seal_code(vault, id, &code)?;
                draft.send(LetterKind::ResetCode, vec![address], sealed, "");
            }
            Ok(())
        })
        .await
    }

    /// Compares a code with the one that was sent for this ticket. One commit in any case, until
    /// too many were tried with one ticket or from one address.
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
        let id = loaded.account.id;
        let vault = &self.inner.vault;
        let right = self
            .secure(id, requester, |draft| {
                let now = draft.now;
                if self.uses_activation(draft, ticket, typed) {
                    let record = draft.record(Act::ResetCodeTried);
                    record.mode = Some(ResetMode::Approval);
                    record.factors = vec![(Factor::Activation, true)];
                    return Ok(true);
                }
                let is_right = draft.security.reset.as_mut().is_some_and(|reset| {
                    let own = vault.matches(Use::Ticket, &[&ticket.chance], &reset.ticket);
                    let ResetStageRow::Code(row) = &mut reset.stage else { return false };
                    // Design: a code is bound to the browser that asked for it. One from elsewhere
                    // is not compared, and does not use up the owner's tries.
                    let right = own
                        && recovery::try_code(vault, id, ABOUT, row, typed, now)
                            == CodeOutcome::Right;
                    if right {
                        let until = now + PROVEN_SECONDS;
                        reset.stage = ResetStageRow::Proven { until, by_officer: false };
                    }
                    right
                });
                if !is_right {
                    forget_old_proofs(draft);
                    draft.security.failed_proofs.push(now);
                    let over = draft.security.failed_proofs.len().saturating_sub(FAILED_PROOFS_MAX);
                    draft.security.failed_proofs.drain(..over);
                }
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
        if !self.is_proven(reset.as_ref(), ticket) {
            return Ok(ResetOutcome::Refused);
        }
        let phc = match self.fit_form(id, password).await {
            Ok(phc) => phc,
            Err(DirectoryError::Invalid(reason)) => return Ok(ResetOutcome::Unfit(reason)),
            Err(error) => return Err(error),
        };
        self.secure(id, requester, |draft| {
            if !self.is_proven(draft.security.reset.as_ref(), ticket) {
                return Ok(ResetOutcome::Refused);
            }
            let by_officer = draft.security.reset.take().is_some_and(|reset| {
                matches!(reset.stage, ResetStageRow::Proven { by_officer: true, .. })
            });
            draft.set_password(phc.clone());
            if by_officer {
                draft.security.hold_until = Some(draft.now + HOLD_SECONDS);
            }
            draft.security.activation = None;
            draft.end_request();
            draft.security.app_passwords.clear();
            draft.security.failed_proofs.clear();
            draft.record(Act::ResetDone).mode =
                Some(if by_officer { ResetMode::Approval } else { ResetMode::Code });
            draft.tell_owner(LetterKind::PasswordReset, "", &[]);
            Ok(ResetOutcome::Done)
        })
        .await
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
            stage: ResetStageRow::Proven { until: now + PROVEN_SECONDS, by_officer: true },
        });
        true
    }

    fn is_proven(&self, reset: Option<&ResetRow>, ticket: &ResetTicket) -> bool {
        reset.is_some_and(|reset| {
            let vault = &self.inner.vault;
            matches!(reset.stage, ResetStageRow::Proven { until, .. } if until > self.now().as_second())
                && vault.matches(Use::Ticket, &[&ticket.chance], &reset.ticket)
        })
    }

    /// The account that a ticket is about.
    async fn meant(
        &self,
        ticket: &ResetTicket,
    ) -> Result<Option<std::sync::Arc<Loaded>>, DirectoryError> {
        let Some(academic_id) = &ticket.academic_id else { return Ok(None) };
        let name = Name::of_academic_id(academic_id);
        Ok(self.inner.lookup.by_name(&self.inner.rows, &name).await?)
    }

    /// A line about something that led nowhere: the one commit that it costs.
    async fn note_failure(
        &self,
        found: Option<&Loaded>,
        ticket: &ResetTicket,
        act: Act,
        factors: Vec<(Factor, bool)>,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        let account = found.map(|loaded| loaded.account.id);
        let typed = ticket.academic_id.as_ref().map_or("", AcademicId::as_str);
        let slice = match account {
            Some(id) => mail_store::tables::directory::account_slice(id),
            None => name_slice(typed),
        };
        let number = account.map(|AccountId(number)| number);
        let mut record = AuditRecord::new(self.now().as_second(), number, act, requester);
        record.factors = factors;
        self.write_audit(slice, record).await
    }
}

fn forget_old_proofs(draft: &mut Draft<'_>) {
    let now = draft.now;
    draft.security.failed_proofs.retain(|at| now - at < PROOFS_SECONDS);
}

/// Whether two spellings are the same words, in any order: `MARTIN Marie-Hélène` is
/// `Marie Hélène Martin`.
fn same_name(stored: &str, typed: &str) -> bool {
    let words = name_words(stored);
    !words.is_empty() && words == name_words(typed)
}

pub(crate) fn name_words(name: &str) -> Vec<String> {
    let mut folded = String::with_capacity(name.len());
    for c in name.chars().take(NAME_CHARS_MAX).nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'œ' | 'Œ' => folded.push_str("oe"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'ß' | 'ẞ' => folded.push_str("ss"),
            c if c.is_alphanumeric() => folded.extend(c.to_lowercase()),
            // Hyphens, apostrophes, spaces.
            _ => folded.push(' '),
        }
    }
    let mut words: Vec<_> = folded.split_whitespace().map(str::to_owned).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_however_people_type_them() {
        for (stored, typed, same) in [
            ("Marie Martin", "marie martin", true),
            ("Marie Martin", "MARTIN Marie", true),
            ("Marie-Hélène d’Ormesson", "marie helene d'ormesson", true),
            ("Hélène Lœuille", "Helene Loeuille", true),
            ("He\u{301}le\u{300}ne Roux", "Hélène Roux", true),
            ("Jürgen Weiß", "jurgen WEISS", true),
            ("Marie Martin", "Marie Martine", false),
            ("Marie Martin", "Martin", false),
            ("Marie Martin", "", false),
            ("", "", false),
            ("—", "-", false),
        ] {
            assert_eq!(same_name(stored, typed), same, "{stored} / {typed}");
        }
    }
}
