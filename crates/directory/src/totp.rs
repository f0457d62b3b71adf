//! The second factor: time-based codes (RFC 6238) and the one-time codes that stand in for them.

use aws_lc_rs::hmac;
use mail_store::tables::security::{KeyedHash, LetterKind, SecurityRow, TotpRow};
use mail_types::{AccountId, Secret};
use zeroize::Zeroizing;

use crate::account::Account;
use crate::app_password::{folded, grouped, random_text};
use crate::audit_record::{Act, Factor, Requester};
use crate::day_count;
use crate::deed::Deed;
use crate::directory::Directory;
use crate::error::{AuthError, DirectoryError};
use crate::limits::Origin;
use crate::recovery::not_on_hold;
use crate::secure::Draft;
use crate::vault::{Use, Vault};

/// RFC 6238 §5.2: "We RECOMMEND a default time-step size of 30 seconds."
const STEP_SECONDS: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// RFC 6238 §5.2: "We RECOMMEND that at most one time step is allowed as the network delay";
/// clocks of phones are allowed one in either direction.
const STEPS_OF_DELAY: u64 = 1;
/// RFC 4226 §4: "We RECOMMEND a shared secret length of 160 bits."
pub const TOTP_SECRET_BYTES: usize = 20;
/// One-time codes that are made at a time.
pub const RECOVERY_CODES: usize = 10;
/// Their characters, five bits each.
const RECOVERY_CHARS: usize = 12;
/// Wrong ones in a day after which only one-time codes count: whoever has the password and goes on
/// guessing hits once in forty years.
pub const WRONG_FACTORS_PER_DAY: u32 = 20;

/// A shared secret that is not in use yet.
#[derive(Clone, Debug)]
pub struct TotpSecret(Secret<[u8; TOTP_SECRET_BYTES]>);

impl TotpSecret {
    /// A new one.
    pub fn generate() -> Self {
        Self(Secret::new(rand::random()))
    }

    /// In the form that people type (RFC 4648 §6, without padding).
    pub fn base32(&self) -> Secret<String> {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = String::with_capacity(TOTP_SECRET_BYTES * 8 / 5);
        // 160 bits are 32 groups of five: nothing is left over.
        for chunk in self.0.expose().chunks_exact(5) {
            let bits = chunk.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let index = usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
                text.push(char::from(ALPHABET[index]));
            }
        }
        Secret::new(text)
    }

    /// Reads what [`TotpSecret::base32`] wrote.
    pub fn from_base32(text: &str) -> Option<Self> {
        let mut secret = [0; TOTP_SECRET_BYTES];
        let mut digits = text.bytes().map(|byte| match byte {
            b'A'..=b'Z' => Some(u64::from(byte - b'A')),
            b'2'..=b'7' => Some(u64::from(byte - b'2' + 26)),
            _ => None,
        });
        for five in secret.chunks_exact_mut(5) {
            let mut bits = 0u64;
            for _ in 0..8 {
                bits = bits << 5 | digits.next()??;
            }
            five.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        digits.next().is_none().then(|| Self(Secret::new(secret)))
    }

    /// The code of a moment, as an authenticator shows it.
    pub fn code_at(&self, unix_seconds: i64) -> String {
        code(self.0.expose(), step_at(unix_seconds))
    }
}

fn step_at(unix_seconds: i64) -> u64 {
    u64::try_from(unix_seconds / STEP_SECONDS).unwrap_or(0)
}

/// RFC 4226 §5.3: HMAC-SHA-1, dynamically truncated.
fn code(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 15);
    let four = tag.get(offset..offset + 4).unwrap_or(&[0; 4]);
    let number = four.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:0DIGITS$}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The step whose code was typed, if it is newer than the last one that was used.
fn matching_step(secret: &[u8], typed: &str, now: i64, last_step: u64) -> Option<u64> {
    let typed: Zeroizing<String> = Zeroizing::new(typed.chars().filter(|c| *c != ' ').collect());
    let now = step_at(now);
    let mut found = None;
    for step in now.saturating_sub(STEPS_OF_DELAY)..=now + STEPS_OF_DELAY {
        let is_it = aws_lc_rs::constant_time::verify_slices_are_equal(
            code(secret, step).as_bytes(),
            typed.as_bytes(),
        );
        // RFC 6238 §5.2: "The verifier MUST NOT accept the second attempt of the OTP after the
        // successful validation has been issued for the first OTP".
        if is_it.is_ok() && step > last_step {
            found = Some(step);
        }
    }
    found
}

fn place(id: AccountId) -> [u8; 8] {
    id.0.to_be_bytes()
}

/// Fresh one-time codes: for the owner, and as they are stored.
fn recovery_codes(vault: &Vault, id: AccountId) -> (Vec<Secret<String>>, Vec<KeyedHash>) {
    let made = (0..RECOVERY_CODES).map(|_| {
        let text = random_text(RECOVERY_CHARS);
        let hash = vault.hash(Use::RecoveryCode, &[&place(id), text.as_bytes()]);
        (Secret::new(grouped(&text, 4)), hash)
    });
    made.unzip()
}

/// Uses up what was typed, if it is a code of the moment.
fn use_up_code(vault: &Vault, id: AccountId, row: &mut TotpRow, typed: &str, now: i64) -> bool {
    let secret = vault.open(Use::Totp, &place(id), &row.secret);
    let step = secret.and_then(|secret| matching_step(&secret, typed, now, row.last_step));
    row.last_step = step.unwrap_or(row.last_step);
    step.is_some()
}

/// Uses up what was typed, if it is a one-time code.
fn use_up_recovery_code(
    vault: &Vault,
    id: AccountId,
    row: &mut TotpRow,
    typed: &str,
) -> Option<()> {
    let text = folded(typed, RECOVERY_CHARS)?;
    let parts = [&place(id)[..], text.as_bytes()];
    let mut codes = row.recovery_codes.iter();
    let at = codes.position(|hash| vault.matches(Use::RecoveryCode, &parts, hash))?;
    row.recovery_codes.remove(at);
    Some(())
}

/// Tries what was typed. Many wrong ones in a day close the way by the codes of the moment until
/// it is over; the owner is told, once.
fn try_factor(vault: &Vault, draft: &mut Draft<'_>, typed: &str) -> Result<(), AuthError> {
    let (id, now) = (draft.id, draft.now);
    let wrong = day_count::today(draft.security.wrong_factors.as_ref(), now);
    let is_open = wrong < WRONG_FACTORS_PER_DAY;
    let Some(row) = draft.security.totp.as_mut() else { return Err(AuthError::Refused) };
    let by_code = is_open && use_up_code(vault, id, row, typed, now);
    let by_recovery = !by_code && use_up_recovery_code(vault, id, row, typed).is_some();
    let factor = if by_recovery { Factor::RecoveryCode } else { Factor::Totp };
    let record = draft.record(Act::SecondFactorTried);
    record.factors = vec![(factor, by_code || by_recovery)];
    record.factors.extend((!is_open).then_some((Factor::Limit, false)));
    if by_recovery {
        draft.tell_owner(LetterKind::RecoveryCodeUsed, "", &[]);
    }
    if by_code || by_recovery {
        return Ok(());
    }
    if !is_open {
        return Err(AuthError::TooMany);
    }
    day_count::count(&mut draft.security.wrong_factors, now, 1, WRONG_FACTORS_PER_DAY);
    if wrong + 1 == WRONG_FACTORS_PER_DAY {
        draft.tell_owner(LetterKind::FactorsWrong, "", &[]);
    }
    Err(AuthError::Refused)
}

impl Directory {
    /// Turns the second factor on, with a code that shows that the authenticator has the secret.
    /// Every session ends. Returns the one-time codes, which are shown once.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the code is wrong or it is on already;
    /// [`DirectoryError::OnHold`] while nothing may change after a reset.
    pub async fn turn_totp_on(
        &self,
        id: AccountId,
        secret: &TotpSecret,
        typed: &str,
        requester: &Requester,
    ) -> Result<Vec<Secret<String>>, DirectoryError> {
        let vault = &self.inner.vault;
        let bytes = secret.0.expose();
        let sealed = vault.seal(Use::Totp, &place(id), bytes).ok_or_else(no_key)?;
        let (codes, hashes) = recovery_codes(vault, id);
        self.secure(id, requester, |draft| {
            // A thief's second factor would keep the owner out for good: no reset removes it.
            not_on_hold(draft.security.hold_until, draft.now)?;
            if draft.security.totp.is_some() {
                return Err(DirectoryError::Invalid("the second factor is on already".into()));
            }
            let step = matching_step(bytes, typed, draft.now, 0);
            let last_step =
                step.ok_or_else(|| DirectoryError::Invalid("the code is not right".into()))?;
            draft.security.totp = Some(TotpRow {
                secret: sealed.clone(),
                last_step,
                since: draft.now,
                recovery_codes: hashes.clone(),
            });
            draft.end_sessions();
            draft.record(Act::SecondFactorOn);
            draft.tell_owner(LetterKind::SecondFactorOn, "", &[]);
            Ok(())
        })
        .await?;
        Ok(codes)
    }

    /// Turns the second factor off. Every session ends.
    pub async fn turn_totp_off(
        &self,
        id: AccountId,
        requester: &Requester,
    ) -> Result<(), DirectoryError> {
        self.secure(id, requester, |draft| {
            if draft.security.totp.take().is_some() {
                draft.end_sessions();
                draft.record(Act::SecondFactorOff);
                draft.tell_owner(LetterKind::SecondFactorOff, "", &[]);
            }
            Ok(())
        })
        .await
    }

    /// Turns the second factor of somebody off who has lost it and every one-time code: at the
    /// command line, by whoever has made sure who it is. Every session ends; the owner is told.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when it is off already.
    pub async fn drop_second_factor(&self, id: AccountId) -> Result<(), DirectoryError> {
        self.secure_by(id, &Deed::console(Act::SecondFactorOff), |draft| {
            draft.security.totp.take().ok_or_else(is_off)?;
            draft.end_sessions();
            draft.tell_owner(LetterKind::SecondFactorOff, "", &[]);
            Ok(())
        })
        .await
    }

    /// Makes new one-time codes; the old ones end.
    ///
    /// # Errors
    /// [`DirectoryError::Invalid`] when the second factor is off.
    pub async fn renew_recovery_codes(
        &self,
        id: AccountId,
        requester: &Requester,
    ) -> Result<Vec<Secret<String>>, DirectoryError> {
        let (codes, hashes) = recovery_codes(&self.inner.vault, id);
        self.secure(id, requester, |draft| {
            draft.security.totp.as_mut().ok_or_else(is_off)?.recovery_codes.clone_from(&hashes);
            draft.record(Act::RecoveryCodesMade);
            Ok(())
        })
        .await?;
        Ok(codes)
    }

    /// Verifies the second factor of somebody whose password was right.
    ///
    /// # Errors
    /// [`AuthError::TooMany`] after many wrong ones, [`AuthError::Refused`] for a wrong one.
    pub async fn verify_second_factor(
        &self,
        account: &Account,
        typed: &str,
        requester: &Requester,
    ) -> Result<(), AuthError> {
        let (id, version, limits) = (account.id, account.credential_version, &self.inner.limits);
        let peer = requester.peer.unwrap_or(std::net::IpAddr::from([0, 0, 0, 0]));
        let key = self.inner.verified.second_factor_key(id);
        let charge = limits.charge(key, None, Origin::of(peer)).ok_or(AuthError::TooMany)?;
        let vault = &self.inner.vault;
        let tried = self.secure(id, requester, |draft| match draft.account.credential_version {
            now if now == version => Ok(try_factor(vault, draft, typed)),
            _ => Ok(Err(AuthError::Refused)),
        });
        tried.await.map_err(AuthError::TryAgain)??;
        charge.refund();
        // Only now has the account logged in from there: strangers elsewhere must not lock it out.
        limits.remember((id, version), Origin::of(peer));
        Ok(())
    }
}

fn is_off() -> DirectoryError {
    DirectoryError::Invalid("the second factor is off".into())
}

fn no_key() -> DirectoryError {
    DirectoryError::Invalid("the secrets file has no directory key".into())
}

/// Whether the account's own password is not enough.
pub(crate) fn is_on(row: &SecurityRow) -> bool {
    row.totp.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8; 20] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        // The last six of the eight digits printed there.
        for (time, wanted) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, step_at(time)), wanted, "{time}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_its_neighbours_only() {
        let now = 1_111_111_109;
        let step = step_at(now);
        assert_eq!(matching_step(SECRET, "081804", now, 0), Some(step));
        assert_eq!(matching_step(SECRET, "081 804", now + 30, 0), Some(step));
        assert_eq!(matching_step(SECRET, "081804", now, step), None, "a second time");
        assert_eq!(matching_step(SECRET, "081804", now + 90, 0), None, "too late");
        for wrong in ["", "81804", "081805", "0818040", "081804081804"] {
            assert_eq!(matching_step(SECRET, wrong, now, 0), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_shown_in_base32() {
        let secret = TotpSecret(Secret::new(*SECRET));
        assert_eq!(secret.base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(secret.code_at(59), "287082");
        let again = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert_eq!(again.code_at(59), "287082");
        for wrong in ["", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ", "1EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"] {
            assert!(TotpSecret::from_base32(wrong).is_none(), "{wrong}");
        }
        assert_ne!(
            TotpSecret::generate().base32().expose(),
            TotpSecret::generate().base32().expose()
        );
    }
}
