//! The real clock, which only the binary owns.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use mail_service::Clock;

/// Seconds by which a demo's clock is ahead; 0 for every server.
static AHEAD_SECONDS: AtomicI64 = AtomicI64::new(0);

/// The machine's clock.
pub(crate) fn system() -> Clock {
    Arc::new(now)
}

/// The same as the directory reads it.
pub(crate) fn for_directory() -> directory::Clock {
    Arc::new(|| now().as_second())
}

/// Sets the clock of a demo ahead, so that what takes days can be seen.
pub(crate) fn set_ahead(days: u16) {
    AHEAD_SECONDS.store(i64::from(days) * 24 * 3600, Ordering::Relaxed);
}

fn now() -> Timestamp {
    let ahead = SignedDuration::from_secs(AHEAD_SECONDS.load(Ordering::Relaxed));
    Timestamp::now().checked_add(ahead).unwrap_or(Timestamp::MAX)
}
