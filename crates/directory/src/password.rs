//! Passwords: what is accepted, how they are hashed, and how much of that happens at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use mail_types::Secret;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::account::NewPassword;
use crate::error::DirectoryError;
use crate::foreign_hash::{self, Foreign};
use crate::line::{Line, Place, Standing};
use crate::settings::Settings;

/// Shortest new password, in characters. NIST SP 800-63B and the CNIL ask for length and for no
/// composition rules.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in bytes; what is longer is wrong without being looked at.
pub const PASSWORD_BYTES_MAX: usize = 1024;

const UNUSABLE: &str = "the password is empty, too long or has a control character in it";

/// What a new hash costs: OWASP's second choice, 19 MiB and two passes.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What a hash from outside may cost at most: it is paid at each login.
const MEMORY_KIB_MAX: u32 = 262_144;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A password in the form that is hashed, RFC 8265 §4.2.2 (OpaqueString): spaces become U+0020,
/// Unicode NFC, case and width kept.
///
/// `None` for what OpaqueString forbids (nothing at all, controls) and for what is too long.
pub(crate) fn prepare(password: &str) -> Option<Zeroizing<String>> {
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return None;
    }
    if password.chars().any(char::is_control) {
        return None;
    }
    // RFC 8265 §4.2.2: "any instances of non-ASCII space MUST be mapped to SPACE (U+0020)".
    let space = |c: char| if is_non_ascii_space(c) { ' ' } else { c };
    // NFC makes UTF-8 at most three times longer; a string that had to grow would leave a copy
    // of its beginning behind.
    let mut prepared = Zeroizing::new(String::with_capacity(password.len() * 3));
    prepared.extend(password.chars().map(space).nfc());
    Some(prepared)
}

/// General category Zs other than U+0020.
fn is_non_ascii_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// An Argon2id hash of this password as a PHC string, at today's cost and without waiting for a
/// place: for the demo and for tools. Takes tens of milliseconds.
///
/// # Errors
/// [`DirectoryError::Invalid`] when it can be nobody's password. The rules for new passwords are
/// not asked: an operator who hashes chooses.
pub fn hash_password(password: &Secret<String>) -> Result<String, DirectoryError> {
    let prepared = prepare(password.expose());
    hash(&prepared.ok_or_else(|| DirectoryError::Invalid(UNUSABLE.into()))?)
}

fn hash(prepared: &str) -> Result<String, DirectoryError> {
    let salt: [u8; SALT_BYTES] = rand::random();
    argon2()
        .hash_password_with_salt(prepared.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| DirectoryError::Invalid(format!("hashing failed: {error}")))
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params())
}

fn params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).unwrap_or_default()
}

/// Whether a hash from outside may be stored: Argon2id or another system's, complete, and of
/// bearable cost.
pub(crate) fn check_hash(phc: &str) -> Result<(), DirectoryError> {
    if let Some(foreign) = foreign_hash::parse(phc) {
        return foreign.map(drop);
    }
    let refuse = |reason: &str| Err(DirectoryError::Invalid(reason.to_owned()));
    let Ok(hash) = PasswordHash::new(phc) else {
        return refuse("the password hash is not a PHC string");
    };
    if hash.algorithm != Algorithm::Argon2id.ident() {
        return refuse("the password hash is not Argon2id");
    }
    let Ok(params) = Params::try_from(&hash) else {
        return refuse("the password hash has unknown parameters");
    };
    if hash.salt.is_none() || hash.hash.is_none() {
        return refuse("the password hash has no salt or no hash");
    }
    if params.m_cost() > MEMORY_KIB_MAX
        || params.t_cost() > PASSES_MAX
        || params.p_cost() > LANES_MAX
    {
        return refuse("the password hash costs too much to verify");
    }
    Ok(())
}

/// Whether a stored hash costs less than a new one would.
fn is_outdated(hash: &PasswordHash) -> bool {
    Params::try_from(hash).is_ok_and(|stored| {
        stored.m_cost() < MEMORY_KIB || stored.t_cost() < PASSES || stored.p_cost() < LANES
    })
}

/// Hashes passwords, so many at a time, on threads that may block.
pub(crate) struct Hasher {
    line: Line,
    /// Costs what a real one costs and matches nothing: for logins that cannot succeed.
    dummy: Arc<str>,
    done: Arc<AtomicU64>,
}

const BUSY: DirectoryError = DirectoryError::Busy { what: "verifying passwords" };

/// What came of comparing a password with a hash.
pub(crate) struct Verdict {
    pub(crate) matches: bool,
    /// The same password at today's cost, when the stored hash was cheaper and it matched.
    pub(crate) upgraded: Option<String>,
}

impl Hasher {
    pub(crate) fn new(settings: &Settings) -> Result<Self, DirectoryError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = match settings.hashes_at_once_max {
            0 => (cores / 2).max(1),
            set => set,
        };
        let wait_max = Duration::from_secs(settings.hash_wait_seconds_max);
        Ok(Self {
            line: Line::new(at_once, settings.hashes_waiting_max, wait_max),
            dummy: dummy()?.into(),
            done: Arc::default(),
        })
    }

    pub(crate) fn dummy(&self) -> Arc<str> {
        Arc::clone(&self.dummy)
    }

    /// How many hashes have been computed.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Waits for a turn to hash; not for ever, and not behind an endless line.
    pub(crate) async fn place(&self, standing: Standing) -> Result<Place, DirectoryError> {
        self.line.place(standing).await.ok_or(BUSY)
    }

    /// Compares a prepared password with a hash: always exactly one Argon2 computation, and one
    /// more when it matches a hash that is cheaper than today's. Gives the place back, to be kept
    /// until those who wait for it can profit from the verdict.
    pub(crate) async fn verify(
        &self,
        place: Place,
        phc: Arc<str>,
        prepared: Zeroizing<String>,
    ) -> Result<(Verdict, Place), DirectoryError> {
        let done = Arc::clone(&self.done);
        blocking(place, move || {
            if let Some(foreign) = foreign_hash::parse(&phc) {
                return verify_foreign(&foreign?, &prepared, &done);
            }
            let hash = PasswordHash::new(&phc).map_err(|error| {
                DirectoryError::Store(mail_store::StoreError::Corrupt {
                    table: "Password",
                    detail: format!("not a PHC string: {error}"),
                })
            })?;
            count(&done);
            // The comparison inside is constant-time.
            let matches = argon2().verify_password(prepared.as_bytes(), &hash).is_ok();
            let mut upgraded = None;
            if matches && is_outdated(&hash) {
                count(&done);
                upgraded = Some(self::hash(&prepared)?);
            }
            Ok(Verdict { matches, upgraded })
        })
        .await
    }

    /// Turns a new password into what is stored. Whether it is good enough has been weighed before.
    pub(crate) async fn store_form(&self, new: &NewPassword) -> Result<String, DirectoryError> {
        match checked(new)? {
            Checked::Stored(phc) => Ok(phc),
            // Whoever stores one has shown that they may.
            Checked::ToHash(prepared) => {
                self.hash(self.place(Standing::KNOWN).await?, prepared).await
            }
        }
    }

    /// The same for a long list of them: each waits its turn however long that takes.
    pub(crate) async fn store_form_patiently(
        &self,
        new: &NewPassword,
    ) -> Result<String, DirectoryError> {
        let prepared = match checked(new)? {
            Checked::Stored(phc) => return Ok(phc),
            Checked::ToHash(prepared) => prepared,
        };
        self.hash(self.line.place_patiently().await.ok_or(BUSY)?, prepared).await
    }

    async fn hash(
        &self,
        place: Place,
        prepared: Zeroizing<String>,
    ) -> Result<String, DirectoryError> {
        count(&self.done);
        blocking(place, move || hash(&prepared)).await.map(|(hash, _)| hash)
    }
}

/// Compares with another system's hash. One Argon2 computation in any case: it either makes what is
/// stored from now on, or takes the time that every wrong password takes.
fn verify_foreign(
    foreign: &Foreign<'_>,
    prepared: &Zeroizing<String>,
    done: &AtomicU64,
) -> Result<Verdict, DirectoryError> {
    let matches = foreign.verify(prepared);
    count(done);
    let hashed = hash(prepared)?;
    Ok(Verdict { matches, upgraded: matches.then_some(hashed) })
}

fn count(done: &AtomicU64) {
    done.fetch_add(1, Ordering::Relaxed);
    metrics::counter!("facteur_password_hashes_total").increment(1);
}

/// A new password that can be one.
enum Checked {
    Stored(String),
    ToHash(Zeroizing<String>),
}

fn checked(new: &NewPassword) -> Result<Checked, DirectoryError> {
    let password = match new {
        NewPassword::Hash(phc) => return check_hash(phc).map(|()| Checked::Stored(phc.clone())),
        NewPassword::Plain(password) => password.expose(),
    };
    prepare(password).map(Checked::ToHash).ok_or_else(|| DirectoryError::Invalid(UNUSABLE.into()))
}

/// Runs on a thread that may block. The place is kept until the work has ended, also when
/// whoever asked has gone: an abandoned login must not make room for one more.
async fn blocking<T: Send + 'static>(
    place: Place,
    work: impl FnOnce() -> Result<T, DirectoryError> + Send + 'static,
) -> Result<(T, Place), DirectoryError> {
    let ended = tokio::task::spawn_blocking(move || work().map(|done| (done, place)));
    ended.await.unwrap_or(Err(DirectoryError::Busy { what: "stopping" }))
}

/// A hash at today's cost whose password nobody knows: salt and output are chance.
fn dummy() -> Result<String, DirectoryError> {
    let failed = |error: &dyn std::fmt::Display| DirectoryError::Invalid(error.to_string());
    let salt: [u8; SALT_BYTES] = rand::random();
    let output: [u8; HASH_BYTES] = rand::random();
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params()).map_err(|error| failed(&error))?,
        salt: Some(Salt::new(&salt).map_err(|error| failed(&error))?),
        hash: Some(Output::new(&output).map_err(|error| failed(&error))?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_equal_in_composed_and_decomposed_form_and_any_space() {
        let prepared = |text: &str| prepare(text).map(|text| text.to_string());
        assert_eq!(prepared("e\u{301}cole"), prepared("école"));
        assert_eq!(prepared("a\u{a0}b\u{3000}c"), prepared("a b c"));
        assert_ne!(prepared("École"), prepared("école"));
        assert_ne!(prepared("ａ"), prepared("a"), "width is kept");
    }

    #[test]
    fn what_is_no_password_has_no_prepared_form() {
        for text in ["", "a\0b", "a\nb", "a\u{85}b", "a\u{7f}b"] {
            assert!(prepare(text).is_none(), "{text:?}");
        }
        assert!(prepare(&"x".repeat(PASSWORD_BYTES_MAX)).is_some());
        assert!(prepare(&"x".repeat(PASSWORD_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn only_complete_argon2id_hashes_of_bearable_cost_are_stored() {
        let salt_and_hash = "c29tZXNhbHRzb21lc2FsdA$\
                             AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for (head, accepted) in [
            ("$argon2id$v=19$m=19456,t=2,p=1$", true),
            ("$argon2id$v=19$m=64,t=1,p=1$", true),
            ("$argon2i$v=19$m=19456,t=2,p=1$", false),
            ("$argon2id$v=19$m=1048576,t=2,p=1$", false),
            ("$argon2id$v=19$m=19456,t=200,p=1$", false),
        ] {
            assert_eq!(check_hash(&format!("{head}{salt_and_hash}")).is_ok(), accepted, "{head}");
        }
        assert!(check_hash("$argon2id$v=19$m=19456,t=2,p=1").is_err());
        assert!(check_hash("a password").is_err());
    }

    #[test]
    fn the_dummy_costs_what_a_new_hash_costs_and_is_never_outdated() {
        let dummy = dummy().unwrap();
        check_hash(&dummy).unwrap();
        assert!(!is_outdated(&PasswordHash::new(&dummy).unwrap()));
        assert!(dummy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
}
