//! W5: sessions, kept in memory under the hash of a random id that only the cookie holds.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use directory::{Account, TotpSecret};
use jiff::Timestamp;
use mail_service::OpenMailbox;
use mail_types::{AccountId, MailboxName, QueueId};
use tokio_util::sync::CancellationToken;

use crate::csrf::{hex, unhex};
use crate::settings::Settings;

/// One login in one browser.
pub(crate) struct Session {
    /// Hash of the cookie; what forms are bound to.
    pub(crate) key: SessionKey,
    /// Whose.
    pub(crate) account: AccountId,
    /// The credentials' version at login; another one ends the session.
    credential_version: u64,
    started: Instant,
    /// What its owner recognises it by.
    pub(crate) browser: Browser,
    /// When the password was last asked for again; held for an assignment.
    proven: Mutex<Option<Instant>>,
    /// The shared secret that an authenticator is being given; held for an assignment.
    pub(crate) enrolling: Mutex<Option<TotpSecret>>,
    /// Changes with every click; held for an assignment.
    used: Mutex<Instant>,
    /// What the next page shows once. Held for a take.
    notice: Mutex<Option<String>>,
    /// The message sent last that may still be taken back. Held for a look.
    undo: Mutex<Option<Undo>>,
    /// The mailbox looked at last, so that its snapshot stays in memory between two clicks.
    open: Mutex<Option<(MailboxName, OpenMailbox)>>,
    /// The account whose page an administrator was shown last, and which is in the log. Held for an
    /// exchange.
    looked_at: Mutex<Option<AccountId>>,
    /// Ids of messages sent or thrown away lately. Held while one is saved or sent, so that these
    /// happen one after another; nobody else waits for it.
    pub(crate) closed: tokio::sync::Mutex<VecDeque<String>>,
    /// Ends with the session: live lists listen to it.
    pub(crate) ended: CancellationToken,
}

/// A message that its sender may take back.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    pub(crate) id: QueueId,
    /// What was said about its sending.
    pub(crate) text: String,
    pub(crate) until: Timestamp,
}

/// Where a session was begun, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    /// From where.
    pub(crate) peer: IpAddr,
    /// What it calls itself.
    pub(crate) user_agent: String,
    /// When, in Unix seconds.
    pub(crate) since: i64,
    /// By what.
    pub(crate) proof: Proof,
}

/// What was proven when a session was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The password.
    Password,
    /// The password and the second factor.
    SecondFactor,
}

/// How long a password that was asked for again counts.
const PROVEN_FOR: Duration = Duration::from_secs(600);

/// BLAKE3 of the cookie's bytes: reading the server's memory dump opens no session.
pub(crate) type SessionKey = [u8; 32];

impl Session {
    /// Names the session in forms; opens nothing.
    pub(crate) fn label(&self) -> String {
        hex(self.key.iter().copied().take(8))
    }

    /// The password was just asked for again.
    pub(crate) fn set_proven(&self, now: Instant) {
        *lock(&self.proven) = Some(now);
    }

    /// Whether the password was asked for again a short time ago.
    pub(crate) fn is_proven(&self, now: Instant) -> bool {
        let proven = *lock(&self.proven);
        proven.is_some_and(|at| now.saturating_duration_since(at) < PROVEN_FOR)
    }

    /// What the next page shows once.
    pub(crate) fn set_notice(&self, text: String) {
        *lock(&self.notice) = Some(text);
    }

    /// Whether this account's page is another one than was shown last.
    pub(crate) fn looks_anew_at(&self, account: AccountId) -> bool {
        lock(&self.looked_at).replace(account) != Some(account)
    }

    /// Takes what is to be shown once.
    pub(crate) fn take_notice(&self) -> Option<String> {
        lock(&self.notice).take()
    }

    /// Offers to take this message back.
    pub(crate) fn offer_undo(&self, undo: Undo) {
        *lock(&self.undo) = Some(undo);
    }

    /// The message that may still be taken back, and for how many seconds.
    pub(crate) fn undo(&self, now: Timestamp) -> Option<(Undo, i64)> {
        let mut undo = lock(&self.undo);
        let left = undo.as_ref().map_or(0, |undo| undo.until.as_second() - now.as_second());
        if left <= 0 {
            *undo = None;
        }
        undo.clone().map(|undo| (undo, left))
    }

    /// It was taken back, or it is too late.
    pub(crate) fn undone(&self, id: QueueId) {
        lock(&self.undo).take_if(|undo| undo.id == id);
    }

    /// The mailbox held, if it is this one.
    pub(crate) fn held(&self, name: &MailboxName) -> Option<OpenMailbox> {
        lock(&self.open).as_ref().filter(|(held, _)| held == name).map(|(_, open)| open.clone())
    }

    /// Holds a mailbox until another is looked at.
    pub(crate) fn hold(&self, name: MailboxName, open: OpenMailbox) {
        *lock(&self.open) = Some((name, open));
    }

    fn is_over(&self, limits: &Limits, now: Instant) -> bool {
        let idle = now.saturating_duration_since(*lock(&self.used));
        idle >= limits.idle || now.saturating_duration_since(self.started) >= limits.absolute
    }
}

/// All sessions.
pub(crate) struct Sessions {
    /// Held for a look-up or a sweep; nothing awaits inside.
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    by_key: HashMap<SessionKey, Arc<Session>>,
    swept: Option<Instant>,
}

/// How long and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    idle: Duration,
    absolute: Duration,
    total_max: usize,
    per_account_max: usize,
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        Self {
            idle: Duration::from_secs(u64::from(settings.session_idle_minutes) * 60),
            absolute: Duration::from_secs(u64::from(settings.session_absolute_hours) * 3600),
            total_max: settings.sessions_max.max(1),
            per_account_max: settings.sessions_per_account_max.max(1),
        }
    }
}

/// How often sessions that are over are looked for.
const SWEEP: Duration = Duration::from_secs(60);

impl Sessions {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default() }
    }

    /// Starts a session with a new random id, and gives the cookie's value, which is nowhere else.
    pub(crate) fn start(
        &self,
        account: &Account,
        browser: Browser,
        limits: &Limits,
        now: Instant,
    ) -> (Arc<Session>, String) {
        let id: [u8; 16] = rand::random();
        let session = Arc::new(Session {
            key: *blake3::hash(&id).as_bytes(),
            account: account.id,
            credential_version: account.credential_version,
            started: now,
            browser,
            proven: Mutex::default(),
            enrolling: Mutex::default(),
            used: Mutex::new(now),
            notice: Mutex::default(),
            undo: Mutex::default(),
            open: Mutex::default(),
            looked_at: Mutex::default(),
            closed: tokio::sync::Mutex::default(),
            ended: CancellationToken::new(),
        });
        let mut inner = lock(&self.inner);
        inner.sweep(limits, now);
        inner.make_room(limits, account.id);
        inner.by_key.insert(session.key, Arc::clone(&session));
        metrics::gauge!("facteur_webmail_sessions").set(inner.by_key.len() as f64);
        (session, hex(id))
    }

    /// The session of a cookie. `touch` counts as a click; a live list asking does not.
    pub(crate) fn find(
        &self,
        cookie: &str,
        limits: &Limits,
        now: Instant,
        touch: Touch,
    ) -> Option<Arc<Session>> {
        let key = *blake3::hash(&unhex::<16>(cookie)?).as_bytes();
        let mut inner = lock(&self.inner);
        let session = Arc::clone(inner.by_key.get(&key)?);
        if session.is_over(limits, now) {
            inner.remove(&key);
            return None;
        }
        if touch == Touch::Click {
            *lock(&session.used) = now;
        }
        Some(session)
    }

    /// Whether the session still stands for this account as it is now: with a second factor, only
    /// one that was begun with it.
    pub(crate) fn check(&self, session: &Session, account: Option<&Account>) -> bool {
        let valid = account.is_some_and(|account| {
            account.credential_version == session.credential_version
                && account.is_in_use()
                && (!account.has_second_factor || session.browser.proof == Proof::SecondFactor)
        });
        if !valid {
            self.end(&session.key);
        }
        valid
    }

    /// Whether a session has neither ended nor run out.
    pub(crate) fn is_open(&self, session: &Session, limits: &Limits, now: Instant) -> bool {
        let mut inner = lock(&self.inner);
        if inner.by_key.contains_key(&session.key) && session.is_over(limits, now) {
            inner.remove(&session.key);
        }
        inner.by_key.contains_key(&session.key)
    }

    /// The account's sessions that are neither ended nor over, the one used last first.
    pub(crate) fn of(
        &self,
        account: &Account,
        limits: &Limits,
        now: Instant,
    ) -> Vec<(Arc<Session>, Duration)> {
        let inner = lock(&self.inner);
        let stands = |session: &&Arc<Session>| {
            session.account == account.id
                && session.credential_version == account.credential_version
                && !session.is_over(limits, now)
        };
        let unused = |session: &Arc<Session>| {
            (Arc::clone(session), now.saturating_duration_since(*lock(&session.used)))
        };
        let mut found: Vec<_> = inner.by_key.values().filter(stands).map(unused).collect();
        found.sort_by_key(|(_, unused)| *unused);
        found
    }

    /// Ends a session.
    pub(crate) fn end(&self, key: &SessionKey) {
        lock(&self.inner).remove(key);
    }
}

/// Whether looking a session up keeps it alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Somebody clicked.
    Click,
    /// A page asked by itself.
    Background,
}

impl Inner {
    fn remove(&mut self, key: &SessionKey) {
        if let Some(session) = self.by_key.remove(key) {
            session.ended.cancel();
        }
    }

    fn sweep(&mut self, limits: &Limits, now: Instant) {
        let is_due = self.swept.is_none_or(|at| now.saturating_duration_since(at) >= SWEEP);
        if is_due || self.by_key.len() >= limits.total_max {
            self.swept = Some(now);
            self.by_key.retain(|_, session| {
                let over = session.is_over(limits, now);
                if over {
                    session.ended.cancel();
                }
                !over
            });
        }
    }

    fn make_room(&mut self, limits: &Limits, account: AccountId) {
        let own = |session: &&Arc<Session>| session.account == account;
        if self.by_key.values().filter(own).count() >= limits.per_account_max {
            self.remove_oldest(|session| session.account == account);
        }
        if self.by_key.len() >= limits.total_max {
            self.remove_oldest(|_| true);
        }
    }

    fn remove_oldest(&mut self, of: impl Fn(&Session) -> bool) {
        let candidates = self.by_key.values().filter(|session| of(session));
        let oldest = candidates.min_by_key(|session| *lock(&session.used)).map(|s| s.key);
        if let Some(key) = oldest {
            self.remove(&key);
        }
    }
}

/// A panic while the lock was held ended one request; the map is whole all the same.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
