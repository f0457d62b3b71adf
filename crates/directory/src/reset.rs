//! A lost password: name and academic ID say whose account is meant, a code at a recovery address
//! shows that it is the owner, then a new password is chosen.
//!
//! Whoever fills in the form learns nothing from it: the answer is given before the account is
//! looked at, and every request costs one commit for its limits and one for its outcome, whether
//! or not there is such an account. What the browser holds between the steps is a sealed ticket of
//! one length, in which only we can read whom it is about.

use std::sync::Arc;

use mail_store::tables::directory::{account_slice, name_slice};
use mail_store::tables::security::{KeyedHash, LetterKind, ResetRow, ResetStageRow};
use mail_types::{AcademicId, AccountId, Secret};

use crate::account::Loaded;
use crate::audit_record::{Act, AuditRecord, Factor, Requester, ResetMode};
use crate::claim::Name;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::identity_reset::ByIdentity;
use crate::name_words::same_name;
use crate::person::Day;
use crate::recovery;
use crate::secure::Draft;
use crate::vault::Use;

/// How long a browser may go from the form to the new password.
const TICKET_SECONDS: i64 = 3600;
/// Failed codes within [`PROOFS_SECONDS`] after which only an IT officer helps.
pub(crate) const FAILED_PROOFS_MAX: usize = 10;
const PROOFS_SECONDS: i64 = 30 * 24 * 3600;
/// Digits of an academic ID at most; shorter ones are padded, so that tickets have one length.
const ID_BYTES: usize = 16;
const TICKET_BYTES: usize = 16 + 8 + ID_BYTES;
/// What a code proves.
pub(crate) const ABOUT: &[u8] = b"reset";

/// What somebody typed who lost a password.
#[derive(Clone, Debug, Default)]
pub struct ResetClaim {
    /// Their name, in any order and spelling of accents.
    pub name: String,
    /// The number on the hand-out sheet.
    pub academic_id: String,
    /// When they were born, if they said so.
    pub birth_date: Option<Day>,
}

/// What the browser holds between the steps.
#[derive(Clone, Debug)]
pub struct ResetTicket {
    pub(crate) chance: [u8; 16],
    expires: i64,
    academic_id: Option<AcademicId>,
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

    /// Decides what follows a request: a code, a day's wait, an IT officer, or nothing. One commit
    /// in any case.
    pub async fn decide_reset(
        &self,
        claim: &ResetClaim,
        ticket: &ResetTicket,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        let found = self.meant(ticket).await?;
        let name = found.as_ref().is_some_and(|one| same_name(&one.account.name, &claim.name));
        let active = found.as_ref().is_some_and(|one| one.account.is_in_use());
        let born = self.born(found.as_deref(), claim.birth_date).await?;
        let mut factors = vec![
            (Factor::AcademicId, found.is_some()),
            (Factor::Name, name),
            (Factor::State, active),
        ];
        factors.extend(claim.birth_date.map(|_| (Factor::BirthDate, born == Some(true))));
        let Some(loaded) = found.as_ref().filter(|_| name && active) else {
            return self
                .note_failure(found.as_deref(), ticket, Act::ResetAsked, factors, requester)
                .await;
        };
        let vault = &self.inner.vault;
        let plan = Plan {
            factors,
            ticket: vault.hash(Use::Ticket, &[&ticket.chance]),
            code: recovery::mailed_code(),
            identity: self.by_identity(loaded, born, requester).await?,
        };
        let id = loaded.account.id;
        let wrong_date = self.secure(id, requester, |draft| self.begin(draft, &plan)).await?;
        if wrong_date {
            self.close_after_wrong_dates(requester).await?;
        }
        Ok(())
    }

    /// What follows for an account that was named rightly. Whether a wrong birth date was counted.
    fn begin(&self, draft: &mut Draft<'_>, plan: &Plan<'_>) -> Result<bool, DirectoryError> {
        forget_old_proofs(draft);
        let (id, now) = (draft.id, draft.now);
        let is_trusted = draft.security.failed_proofs.len() < FAILED_PROOFS_MAX;
        let proven: Vec<_> =
            draft.security.recovery.iter().filter(|one| one.code.is_none()).collect();
        let is_bare = proven.is_empty();
        let trusted = proven.into_iter().filter(|one| !one.doubted);
        let trusted: Vec<_> = trusted.map(|one| one.address.clone()).collect();
        let by_code = is_trusted && !trusted.is_empty();
        let by_identity = plan
            .identity
            .as_ref()
            .filter(|_| is_trusted && is_bare && self.may_be_by_identity(draft));
        let stage = match by_identity {
            _ if by_code => ResetStageRow::Code(recovery::code_row(
                &self.inner.vault,
                id,
                ABOUT,
                &plan.code,
                now,
            )),
            Some(case) if case.matches => ResetStageRow::Identity,
            _ => ResetStageRow::Asked,
        };
        let is_identity = stage == ResetStageRow::Identity;
        draft.security.reset = Some(ResetRow { ticket: plan.ticket, asked: now, stage });
        let record = draft.record(Act::ResetAsked);
        record.factors.clone_from(&plan.factors);
        if by_code {
            record.mode = Some(ResetMode::Code);
            record.notices = vec!["recovery".into(); trusted.len()];
            for address in trusted {
                let sealed = recovery::seal_code(&self.inner.vault, id, &plan.code)?;
                draft.send(LetterKind::ResetCode, vec![address], sealed, "");
            }
            return Ok(false);
        }
        if let Some(case) = by_identity.filter(|_| is_identity) {
            record.mode = Some(ResetMode::Identity);
            self.begin_wait(draft, case);
            return Ok(false);
        }
        record.mode = Some(ResetMode::Approval);
        draft.begin_request();
        draft.tell_owner(LetterKind::ResetAsked, "", &[]);
        draft.tell_officers(LetterKind::OfficerAsked);
        if by_identity.is_some() {
            note_failed_proof(draft);
            draft.count_wrong_date();
        }
        Ok(by_identity.is_some())
    }

    /// The account that a ticket is about.
    pub(crate) async fn meant(
        &self,
        ticket: &ResetTicket,
    ) -> Result<Option<Arc<Loaded>>, DirectoryError> {
        let Some(academic_id) = &ticket.academic_id else { return Ok(None) };
        let name = Name::of_academic_id(academic_id);
        Ok(self.inner.lookup.by_name(&self.inner.rows, &name).await?)
    }

    /// A line about something that led nowhere: the one commit that it costs.
    pub(crate) async fn note_failure(
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
            Some(id) => account_slice(id),
            None => name_slice(typed),
        };
        let number = account.map(|AccountId(number)| number);
        let mut record = AuditRecord::new(self.now().as_second(), number, act, requester);
        record.factors = factors;
        self.write_audit(slice, record).await
    }
}

/// What a request leads to, before it is known what the account has.
struct Plan<'a> {
    factors: Vec<(Factor, bool)>,
    ticket: KeyedHash,
    code: Secret<String>,
    /// When the birth date may decide.
    identity: Option<ByIdentity<'a>>,
}

fn forget_old_proofs(draft: &mut Draft<'_>) {
    let now = draft.now;
    draft.security.failed_proofs.retain(|at| now - at < PROOFS_SECONDS);
}

/// One more that was wrong; no more are kept than count.
pub(crate) fn note_failed_proof(draft: &mut Draft<'_>) {
    forget_old_proofs(draft);
    draft.security.failed_proofs.push(draft.now);
    let over = draft.security.failed_proofs.len().saturating_sub(FAILED_PROOFS_MAX);
    draft.security.failed_proofs.drain(..over);
}
