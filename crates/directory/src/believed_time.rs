//! The time by which something is deleted because its day has come. A clock that stands years ahead
//! after a start (an empty battery, a wrong time server) would end every announced leaver's account
//! and the whole audit log at once; so the time is compared with the one that was seen last, which
//! is stored.

use mail_store::tables::directory::{ClockDoubtRow, ClockSeen, ClockSeenRow, ROSTER};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::rows::Change;

const HOUR: i64 = 3600;
/// How far a clock may be ahead of the time that was seen last: a server that was off for a long
/// weekend goes on at once.
pub const CLOCK_AHEAD_SECONDS_MAX: i64 = 7 * 24 * HOUR;
/// How long a clock that is further ahead must go on steadily before it is believed: time for an
/// operator to read the log.
pub const CLOCK_DOUBT_SECONDS: i64 = 24 * HOUR;
/// Between two looks at a steady clock, at most; after a longer gap the doubt begins anew.
const LOOKS_APART_SECONDS_MAX: i64 = HOUR;

/// A time by which things may be deleted; only [`Directory::look_at_clock`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BelievedTime(pub(crate) i64);

/// What a look at the clock came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockLook {
    /// It goes on from where it was.
    Believed(BelievedTime),
    /// It is far ahead of the time that was seen last.
    Doubted {
        /// That time, in Unix seconds.
        seen: i64,
        /// What it tells now.
        now: i64,
        /// When it will be believed if it goes on steadily.
        believed_from: i64,
    },
}

impl Directory {
    /// Compares the clock with the time that was stored by the last look, and stores it. To be
    /// called every few minutes.
    ///
    /// A clock that went back is believed at once: by an earlier time less is deleted.
    pub async fn look_at_clock(&self) -> Result<ClockLook, DirectoryError> {
        let now = self.now().as_second();
        let stored = self.inner.rows.get::<ClockSeen>(ROSTER, &()).await?;
        let (row, look) = judge(stored, now);
        // Unsynced: after a power cut the stored time is some seconds older, which is no harm.
        let mut change = Change::unversioned(ROSTER).unsynced();
        change.put::<ClockSeen>(&(), &row);
        self.inner.rows.commit(change).await?;
        Ok(look)
    }
}

fn judge(stored: Option<ClockSeenRow>, now: i64) -> (ClockSeenRow, ClockLook) {
    let believed =
        (ClockSeenRow { believed: now, doubt: None }, ClockLook::Believed(BelievedTime(now)));
    let Some(stored) = stored else { return believed };
    if now <= stored.believed.saturating_add(CLOCK_AHEAD_SECONDS_MAX) {
        return believed;
    }
    let is_steady =
        |doubt: &ClockDoubtRow| (0..=LOOKS_APART_SECONDS_MAX).contains(&(now - doubt.last));
    let since = stored.doubt.filter(is_steady).map_or(now, |doubt| doubt.since);
    let believed_from = since.saturating_add(CLOCK_DOUBT_SECONDS);
    if now >= believed_from {
        return believed;
    }
    let row = ClockSeenRow { doubt: Some(ClockDoubtRow { since, last: now }), ..stored };
    (row, ClockLook::Doubted { seen: stored.believed, now, believed_from })
}
