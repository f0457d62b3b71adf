//! When the next attempt is due (RFC 5321 §4.5.4.1). Pure: time and chance are arguments.

use std::time::{Duration, SystemTime};

use crate::settings::Settings;

/// No setting means longer than this; and no sum overflows.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Waits between attempts, and how long there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    waits: Vec<Duration>,
    jitter_percent: u32,
    lifetime: Duration,
    delay_notice: Option<Duration>,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again then.
    Attempt(SystemTime),
    /// The message is too old: tell its sender.
    GiveUp,
}

impl Schedule {
    /// Reads the settings.
    pub fn new(settings: &Settings) -> Self {
        let seconds = |seconds: u64| Duration::from_secs(seconds).min(LONGEST);
        let minutes = |minutes: &u64| seconds(minutes.saturating_mul(60).max(1));
        let hours = |hours: u64| seconds(hours.saturating_mul(3600));
        let waits: Vec<_> = settings.retry_minutes.iter().map(minutes).collect();
        Self {
            waits: if waits.is_empty() { vec![Duration::from_secs(1800)] } else { waits },
            jitter_percent: settings.retry_jitter_percent.min(100) as u32,
            lifetime: hours(settings.lifetime_hours),
            delay_notice: Some(hours(settings.delay_notice_hours)).filter(|age| !age.is_zero()),
        }
    }

    /// What follows attempt number `attempts` (from 1 on), which has just failed for now. The last
    /// attempt is made when the message's time is over, and not sooner. `random` is any number.
    pub fn next(
        &self,
        attempts: u32,
        first_seen: SystemTime,
        now: SystemTime,
        random: u32,
    ) -> Next {
        let age = age(first_seen, now);
        if age >= self.lifetime {
            return Next::GiveUp;
        }
        let index = (attempts.max(1) - 1) as usize;
        let wait = self.waits[index.min(self.waits.len() - 1)];
        let wait = self.jittered(wait, random).min(self.lifetime - age);
        now.checked_add(wait).map_or(Next::GiveUp, Next::Attempt)
    }

    /// Until when a message is tried.
    pub fn end(&self, first_seen: SystemTime) -> SystemTime {
        first_seen.checked_add(self.lifetime).unwrap_or(first_seen)
    }

    /// Whether a message is so late that a sender who asks to know is told (RFC 3461 §4.1 DELAY).
    /// That it is told once is the queue's affair.
    pub fn is_late(&self, first_seen: SystemTime, now: SystemTime) -> bool {
        self.delay_notice.is_some_and(|notice| age(first_seen, now) >= notice)
    }

    /// Up to `jitter_percent` more or less.
    fn jittered(&self, wait: Duration, random: u32) -> Duration {
        let span = wait * self.jitter_percent / 100;
        let share = f64::from(random) / f64::from(u32::MAX);
        wait - span + (span * 2).mul_f64(share)
    }
}

/// A clock that went back makes nothing old.
fn age(first_seen: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(first_seen).unwrap_or_default()
}
