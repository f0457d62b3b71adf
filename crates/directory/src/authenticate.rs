//! Logins: who it is, whether they may, and nothing that tells a stranger which of the two failed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mail_types::{AcademicId, AccountId, EmailAddress, Secret};
use moka::sync::Cache;
use zeroize::Zeroizing;

use crate::account::{Account, Loaded};
use crate::app_password;
use crate::claim::Name;
use crate::directory::Directory;
use crate::error::{AuthError, DirectoryError};
use crate::first_login::FirstLogin;
use crate::limits::{Known, LoginKey, Origin};
use crate::line::Standing;
use crate::password::prepare;
use crate::settings::VERIFIED_SECONDS_MAX;
use crate::temporary_secret;

/// Where a login comes from, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// SMTP submission.
    Submission,
    /// IMAP.
    Imap,
    /// The webmail.
    Webmail,
}

impl Service {
    /// As it is stored.
    pub(crate) fn number(self) -> u8 {
        match self {
            Service::Submission => 0,
            Service::Imap => 1,
            Service::Webmail => 2,
        }
    }

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        [Service::Submission, Service::Imap, Service::Webmail]
            .into_iter()
            .find(|service| service.number() == number)
    }
}

/// A successful login.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Whose.
    pub account: Arc<Account>,
    /// With which app password; `None` for the account's own.
    pub app_password: Option<u32>,
}

impl Directory {
    /// Verifies a login (address, alias or academic ID) and password. Rate limits come before
    /// hashing; unknown, suspended and wrong take the same time and give the same answer.
    ///
    /// # Errors
    /// [`AuthError`]; what the peer may be told is in its text.
    pub async fn authenticate(
        &self,
        login: &str,
        password: &Secret<String>,
        service: Service,
        peer: IpAddr,
    ) -> Result<Authenticated, AuthError> {
        let inner = &self.inner;
        let found = self.by_login(login).await.map_err(|error| {
            tracing::error!(target: "mail", ?service, %peer, %error, "login not verified");
            AuthError::TryAgain(error)
        })?;
        let origin = Origin::of(peer);
        // The limits come before the memory of right passwords too: otherwise it would answer as
        // many guesses as anybody cares to make.
        let login_key = inner.verified.login_key(login);
        let Some(charge) = inner.limits.charge(login_key, found.as_deref().map(known), origin)
        else {
            tracing::info!(target: "mail", ?service, %peer, account = who(&found), "login held up");
            return Err(AuthError::TooMany);
        };
        let outcome = match self.opens_first_login(found.as_deref(), password) {
            Some(right) => Err(AuthError::MustChangePassword(right)),
            None => match self.by_app_password(found.as_deref(), service, password) {
                Some(admitted) => Ok(admitted),
                None => {
                    let standing = charge.standing();
                    self.check_password(found.as_deref(), service, password, standing).await
                }
            },
        };
        if matches!(outcome, Ok(_) | Err(AuthError::NeedsSecondFactor(_)))
            && let Some(loaded) = found.as_ref().filter(|loaded| loaded.is_being_reset)
        {
            // Design: whoever has the password has not lost it.
            self.stop_by_login(loaded.account.id, peer).await;
        }
        match &outcome {
            Ok(authenticated) => {
                charge.refund();
                let account = &authenticated.account;
                inner.limits.remember((account.id, account.credential_version), origin);
                tracing::debug!(target: "mail", ?service, %peer, account = %account.id, "login");
                self.note_login(account.id, service, peer, authenticated.app_password).await;
            }
            Err(AuthError::MustChangePassword(right)) => {
                // Right, and cheap: a phone that tries it all day must not close the way in.
                charge.refund();
                tracing::debug!(target: "mail", ?service, %peer, account = %right.account, "first login");
            }
            // What is missing has limits of its own.
            Err(AuthError::NeedsSecondFactor(_)) => charge.refund(),
            Err(AuthError::TryAgain(DirectoryError::Busy { .. })) => {
                charge.refund();
                tracing::info!(target: "mail", ?service, %peer, "login sent away: too many wait");
            }
            Err(AuthError::TryAgain(error)) => {
                charge.refund();
                tracing::error!(target: "mail", ?service, %peer, %error, "login not verified");
            }
            Err(_) => {
                let account = who(&found);
                tracing::info!(target: "mail", ?service, %peer, account, "login refused");
            }
        }
        outcome
    }

    /// Whether this is the account's temporary secret. The same work for every account and for
    /// none; what it does not open takes the way of every other password.
    fn opens_first_login(
        &self,
        found: Option<&Loaded>,
        password: &Secret<String>,
    ) -> Option<FirstLogin> {
        let account = found.map(|loaded| &loaded.account);
        let id = account.map_or(AccountId(0), |account| account.id);
        let stored = found.and_then(|loaded| loaded.secret.as_ref());
        let vault = &self.inner.vault;
        let opens = temporary_secret::matches(vault, id, stored, password.expose(), self.now());
        account.filter(|_| opens).map(|account| FirstLogin {
            account: account.id,
            credential_version: account.credential_version,
        })
    }

    /// How many passwords have been hashed since the start.
    pub fn password_hashes(&self) -> u64 {
        self.inner.hasher.done()
    }

    /// How many logins wait for their password to be hashed.
    pub fn password_hashes_waiting(&self) -> usize {
        self.inner.hasher.waiting()
    }

    /// The account that a login names.
    async fn by_login(&self, login: &str) -> Result<Option<Arc<Loaded>>, DirectoryError> {
        match login_name(login) {
            Some(name) => Ok(self.inner.lookup.by_name(&self.inner.rows, &name).await?),
            None => Ok(None),
        }
    }

    /// A mail client's own password: random enough to need no slow hash, so that a phone which
    /// connects all day costs nothing. Whoever does not have it pays for the hash that follows.
    fn by_app_password(
        &self,
        found: Option<&Loaded>,
        service: Service,
        password: &Secret<String>,
    ) -> Option<Authenticated> {
        let loaded = found.filter(|_| service != Service::Webmail)?;
        let is_closed = service == Service::Imap && loaded.account.mail_locked_before.is_some();
        if !loaded.account.is_in_use() || is_closed {
            return None;
        }
        let (id, hashes) = (loaded.account.id, &loaded.app_passwords);
        let number = app_password::find(&self.inner.vault, id, hashes, password.expose())?;
        Some(Authenticated { account: Arc::clone(&loaded.account), app_password: Some(number) })
    }

    /// One Argon2 verification whatever the account is, unless this very password was right a
    /// moment ago.
    async fn check_password(
        &self,
        found: Option<&Loaded>,
        service: Service,
        password: &Secret<String>,
        standing: Standing,
    ) -> Result<Authenticated, AuthError> {
        let inner = &self.inner;
        let prepared = prepare(password.expose());
        let subject = found.filter(|loaded| {
            loaded.account.is_in_use() && loaded.phc.is_some() && prepared.is_some()
        });
        let phc = subject.and_then(|loaded| loaded.phc.clone());
        let phc = phc.unwrap_or_else(|| inner.hasher.dummy());
        // What cannot be a password is hashed all the same: the time must not tell who exists.
        let prepared = prepared.unwrap_or_else(|| Zeroizing::new("-".into()));
        let key = inner.verified.key(subject, &phc, &prepared);
        if let Some(loaded) = subject.filter(|_| inner.verified.contains(&key)) {
            return admitted(loaded, service);
        }
        let place = inner.hasher.place(standing).await.map_err(AuthError::TryAgain)?;
        // Several connections of one client come at once: the first one's hash serves them all.
        if let Some(loaded) = subject.filter(|_| inner.verified.contains(&key)) {
            return admitted(loaded, service);
        }
        let verdict = inner.hasher.verify(place, Arc::clone(&phc), prepared).await;
        let (verdict, place) = verdict.map_err(AuthError::TryAgain)?;
        let Some(loaded) = subject.filter(|_| verdict.matches) else {
            return Err(AuthError::Refused);
        };
        self.still_as_verified(loaded).await?;
        inner.verified.insert(key);
        drop(place);
        if let Some(upgraded) = verdict.upgraded {
            self.upgrade(loaded, &phc, upgraded).await;
        }
        admitted(loaded, service)
    }

    /// The password may have been changed, or the account suspended, while this login waited for
    /// its hash.
    async fn still_as_verified(&self, loaded: &Loaded) -> Result<(), AuthError> {
        let now = self.account(loaded.account.id).await.map_err(AuthError::TryAgain)?;
        match now {
            Some(now) if now.credential_version == loaded.account.credential_version => Ok(()),
            _ => Err(AuthError::Refused),
        }
    }
}

/// What a login names: an address as it is written on the account (a subaddress is none: each
/// would be one more round of guesses), or digits, which are an academic ID.
fn login_name(login: &str) -> Option<Name> {
    let login = login.trim();
    match login.parse::<AcademicId>() {
        Ok(id) => Some(Name::of_academic_id(&id)),
        Err(_) => login.parse::<EmailAddress>().ok().map(|address| Name::of_address(&address)),
    }
}

fn admitted(loaded: &Loaded, service: Service) -> Result<Authenticated, AuthError> {
    let account = Arc::clone(&loaded.account);
    match (account.has_second_factor, service) {
        (true, Service::Webmail) => Err(AuthError::NeedsSecondFactor(account)),
        // Mail clients cannot ask for a second factor; they have passwords of their own. Nobody is
        // told that this one was right.
        (true, Service::Imap | Service::Submission) => Err(AuthError::Refused),
        // Mail that came before is closed. A mail program would take it for deleted, and could not
        // tell when it comes back: the webmail alone shows what is new.
        (false, Service::Imap) if loaded.account.mail_locked_before.is_some() => {
            Err(AuthError::Refused)
        }
        (false, _) => Ok(Authenticated { account, app_password: None }),
    }
}

fn known(loaded: &Loaded) -> Known {
    (loaded.account.id, loaded.account.credential_version)
}

/// For the log: the number, never what a stranger typed (people type passwords there).
fn who(found: &Option<Arc<Loaded>>) -> String {
    found.as_ref().map_or_else(|| "unknown".into(), |loaded| loaded.account.id.to_string())
}

/// Right passwords kept for a short time, so that clients which log in all day are not hashed all
/// day. About 100 bytes each.
const VERIFIED_MAX: u64 = 100_000;

/// Passwords that were right a moment ago, as keyed hashes under a key that dies with the
/// process. Only successes get in. The account, its credential version and the stored hash are
/// in the key, so a change of any of them ends the entry at once.
pub(crate) struct Verified {
    boot_key: Zeroizing<[u8; 32]>,
    right: Option<Cache<[u8; 32], ()>>,
}

impl Verified {
    pub(crate) fn new(seconds: u64) -> Self {
        let lifetime = Duration::from_secs(seconds.min(VERIFIED_SECONDS_MAX));
        let cache = Cache::builder().max_capacity(VERIFIED_MAX).time_to_live(lifetime);
        Self {
            boot_key: Zeroizing::new(rand::random()),
            right: (seconds > 0).then(|| cache.build()),
        }
    }

    /// What the cache compares is a keyed hash, so that the time it takes tells nothing about the
    /// password.
    fn key(&self, subject: Option<&Loaded>, phc: &str, prepared: &str) -> [u8; 32] {
        let (id, version) = subject.map_or((AccountId(0), 0), known);
        let mut hasher = blake3::Hasher::new_keyed(&self.boot_key);
        hasher.update(b"verified");
        hasher.update(&id.0.to_be_bytes());
        hasher.update(&version.to_be_bytes());
        hasher.update(&(phc.len() as u64).to_be_bytes());
        hasher.update(phc.as_bytes());
        hasher.update(prepared.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The login as the limits know it: every spelling that finds the same account by the same
    /// name is one login.
    fn login_key(&self, login: &str) -> LoginKey {
        let folded = match login_name(login) {
            Some(Name::Address(key) | Name::AcademicId(key)) => key,
            None => login.trim().to_lowercase(),
        };
        let mut hasher = blake3::Hasher::new_keyed(&self.boot_key);
        hasher.update(b"login").update(folded.as_bytes());
        let mut key = LoginKey::default();
        hasher.finalize_xof().fill(&mut key);
        key
    }

    /// Tries of an account's second factor count by themselves.
    pub(crate) fn second_factor_key(&self, id: AccountId) -> LoginKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.boot_key);
        hasher.update(b"second factor").update(&id.0.to_be_bytes());
        let mut key = LoginKey::default();
        hasher.finalize_xof().fill(&mut key);
        key
    }

    fn contains(&self, key: &[u8; 32]) -> bool {
        self.right.as_ref().is_some_and(|right| right.contains_key(key))
    }

    fn insert(&self, key: [u8; 32]) {
        if let Some(right) = &self.right {
            right.insert(key, ());
        }
    }
}
