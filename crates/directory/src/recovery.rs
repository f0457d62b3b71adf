//! Recovery addresses: where a code goes when the password is lost. An address counts once its
//! owner has read a code there.

use mail_store::tables::security::{CodeRow, LetterKind, RecoveryRow};
use mail_types::{AccountId, EmailAddress, Secret};

use crate::audit_record::{Act, Factor, Requester};
use crate::day_count;
use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::vault::{Use, Vault};

/// Recovery addresses that an account may have.
pub const RECOVERY_ADDRESSES_MAX: usize = 3;
/// Digits of a code that is sent by mail: 26 bits.
pub const CODE_DIGITS: usize = 8;
/// How long such a code is good. OWASP ASVS 6.5.5: ten minutes at most.
pub const CODE_SECONDS: i64 = 600;
/// Codes that one account has sent to addresses in a day: nobody's mailbox is flooded from here.
pub const RECOVERY_CODES_PER_DAY: u32 = 5;
/// Wrong codes that are let through.
pub(crate) const CODE_TRIES: u8 = 5;

/// A recovery address as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveryAddress {
    /// Names it within the account.
    pub number: u32,
    /// The address.
    pub address: EmailAddress,
    /// Whether a code was read there.
    pub is_proven: bool,
    /// Whether that was so short a time before the password was lost that no code for a new one
    /// goes there.
    pub is_doubted: bool,
}

impl From<&RecoveryRow> for RecoveryAddress {
    fn from(row: &RecoveryRow) -> Self {
        let (number, address) = (row.number, row.address.clone());
        Self { number, address, is_proven: row.code.is_none(), is_doubted: row.doubted }
    }
}

/// What came of a code that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOutcome {
    /// It was the one.
    Right,
    /// It was not; another may be typed.
    Wrong,
    /// There is none any more: too old, used, or too many wrong ones.
    Gone,
}

/// Eight digits.
pub(crate) fn mailed_code() -> Secret<String> {
    // 2^64 is so much larger than 10^8 that no code is likelier than another by more than 10^-11.
    Secret::new(format!("{:08}", rand::random::<u64>() % 100_000_000))
}

/// A code for this account and matter, as it is stored.
pub(crate) fn code_row(
    vault: &Vault,
    id: AccountId,
    about: &[u8],
    code: &Secret<String>,
    now: i64,
) -> CodeRow {
    let id = id.0.to_be_bytes();
    CodeRow {
        hash: vault.hash(Use::MailedCode, &[&id, about, code.expose().as_bytes()]),
        expires: now + CODE_SECONDS,
        tries_left: CODE_TRIES,
    }
}

/// Compares what was typed, and counts it.
pub(crate) fn try_code(
    vault: &Vault,
    id: AccountId,
    about: &[u8],
    row: &mut CodeRow,
    typed: &str,
    now: i64,
) -> CodeOutcome {
    if row.expires <= now || row.tries_left == 0 {
        return CodeOutcome::Gone;
    }
    let digits: String = typed.chars().filter(char::is_ascii_digit).take(CODE_DIGITS + 1).collect();
    let id = id.0.to_be_bytes();
    if vault.matches(Use::MailedCode, &[&id, about, digits.as_bytes()], &row.hash) {
        return CodeOutcome::Right;
    }
    row.tries_left -= 1;
    CodeOutcome::Wrong
}

impl Directory {
    /// Names a recovery address and sends a code there.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] for an address of our own domains and for one too many,
    /// [`DirectoryError::TooManyCodes`] after [`RECOVERY_CODES_PER_DAY`], and
    /// [`DirectoryError::OnHold`] while nothing may change after a reset.
    pub async fn add_recovery_address(
        &self,
        id: AccountId,
        address: &EmailAddress,
        requester: &Requester,
    ) -> Result<u32, DirectoryError> {
        if self.domains_now().contains_key(address.domain()) {
            let reason = "a recovery address is one elsewhere: this one is lost with the password";
            return Err(DirectoryError::Invalid(reason.into()));
        }
        let vault = &self.inner.vault;
        let code = mailed_code();
        self.secure(id, requester, |draft| {
            not_on_hold(draft.security.hold_until, draft.now)?;
            let key = address.lookup_key();
            draft.security.recovery.retain(|one| {
                // One that was never proven is named again.
                one.code.is_none() || one.address.lookup_key() != key
            });
            if draft.security.recovery.iter().any(|one| one.address.lookup_key() == key) {
                return Err(DirectoryError::Invalid("that address is there already".into()));
            }
            if draft.security.recovery.len() >= RECOVERY_ADDRESSES_MAX {
                let reason = format!("at most {RECOVERY_ADDRESSES_MAX} recovery addresses");
                return Err(DirectoryError::Invalid(reason));
            }
            let sent = &mut draft.security.recovery_codes;
            if !day_count::count(sent, draft.now, 1, RECOVERY_CODES_PER_DAY) {
                return Err(DirectoryError::TooManyCodes);
            }
            draft.security.next_number += 1;
            let number = draft.security.next_number;
            let about = about(number);
            draft.security.recovery.push(RecoveryRow {
                number,
                address: address.clone(),
                added: draft.now,
                code: Some(code_row(vault, id, &about, &code, draft.now)),
                doubted: false,
            });
            draft.record(Act::RecoveryNamed);
            let sealed = seal_code(vault, id, &code)?;
            draft.send(LetterKind::RecoveryCode, vec![address.clone()], sealed, "");
            Ok(number)
        })
        .await
    }

    /// Proves a recovery address by the code that was sent there. The mailbox and the other
    /// addresses are told.
    pub async fn prove_recovery_address(
        &self,
        id: AccountId,
        number: u32,
        typed: &str,
        requester: &Requester,
    ) -> Result<CodeOutcome, DirectoryError> {
        let vault = &self.inner.vault;
        self.secure(id, requester, |draft| {
            not_on_hold(draft.security.hold_until, draft.now)?;
            let now = draft.now;
            let mut rows = draft.security.recovery.iter_mut();
            let Some(row) = rows.find(|one| one.number == number) else {
                return Ok(CodeOutcome::Gone);
            };
            let Some(code) = &mut row.code else { return Ok(CodeOutcome::Right) };
            let outcome = try_code(vault, id, &about(number), code, typed, now);
            let address = row.address.to_string();
            if outcome == CodeOutcome::Right {
                (row.code, row.added) = (None, now);
            }
            draft.record(Act::RecoveryProven).factors =
                vec![(Factor::Code, outcome == CodeOutcome::Right)];
            if outcome == CodeOutcome::Right {
                draft.tell_owner(LetterKind::RecoveryChanged, &address, &[]);
            }
            Ok(outcome)
        })
        .await
    }

    /// Removes a recovery address; it is told, and so is the mailbox. Doing it again changes
    /// nothing.
    pub async fn remove_recovery_address(
        &self,
        id: AccountId,
        number: u32,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        self.secure(id, requester, |draft| {
            not_on_hold(draft.security.hold_until, draft.now)?;
            let rows = &mut draft.security.recovery;
            let Some(at) = rows.iter().position(|one| one.number == number) else { return Ok(()) };
            let removed = rows.remove(at);
            draft.record(Act::RecoveryRemoved);
            if removed.code.is_none() {
                let about = removed.address.to_string();
                draft.tell_owner(LetterKind::RecoveryChanged, &about, &[removed.address]);
            }
            Ok(())
        })
        .await
    }
}

/// What a recovery address's code is about: it proves no other.
fn about(number: u32) -> Vec<u8> {
    [&b"recovery"[..], &number.to_be_bytes()].concat()
}

/// A code on its way into a letter.
pub(crate) fn seal_code(
    vault: &Vault,
    id: AccountId,
    code: &Secret<String>,
) -> Result<Vec<u8>, DirectoryError> {
    let sealed = vault.seal(Use::MailedCode, &id.0.to_be_bytes(), code.expose().as_bytes());
    sealed.ok_or_else(|| DirectoryError::Invalid("the secrets file has no directory key".into()))
}

/// Design: 72 hours after a reset that no code to a recovery address had proven, nothing that
/// would make a thief's stay permanent changes.
pub(crate) fn not_on_hold(hold_until: Option<i64>, now: i64) -> Result<(), DirectoryError> {
    match hold_until {
        Some(until) if until > now => Err(DirectoryError::OnHold { until }),
        _ => Ok(()),
    }
}
