//! How many connections a next hop gets at once. Pure data: the time is an argument.
//!
//! It starts low and learns: as many deliveries as the limit raise it by one; a connection that
//! fails halves it. A next hop that fails again and again is
//! left alone for a while, then probed with one connection, and left alone longer if that fails
//! too: a dead school server must not hold the connections that others need.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::next_hop::NextHopKey;
use crate::settings::Settings;

/// Next hops remembered before those that have nothing to tell are forgotten.
const HOPS_KEPT_MAX: usize = 10_000;

/// The limits of all next hops.
#[derive(Debug)]
pub struct Concurrency {
    limits: Limits,
    hops: HashMap<NextHopKey, Hop>,
    running: usize,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    total_max: usize,
    start: usize,
    max: usize,
    dead_after_failures: u32,
    dead_min: Duration,
    dead_max: Duration,
}

/// Whether a delivery may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It has started: [`Concurrency::finish`] must follow.
    Go,
    /// Not before another one finishes.
    Full,
    /// Not before then.
    Dead(Instant),
}

/// How a delivery went, as far as the next hop's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// It answered, whatever it said of the message.
    Served,
    /// It could not be reached, or broke off.
    Unreachable,
    /// It was not asked.
    Unused,
}

#[derive(Debug)]
struct Hop {
    running: usize,
    limit: usize,
    /// Deliveries since the limit was raised or lowered.
    served: usize,
    /// In a row.
    failures: u32,
    /// While it is left alone; afterwards, while the probe runs.
    dead: Option<Dead>,
}

#[derive(Clone, Copy, Debug)]
struct Dead {
    until: Instant,
    wait: Duration,
    probing: bool,
}

impl Concurrency {
    /// Nothing runs yet.
    pub fn new(settings: &Settings) -> Self {
        let max = settings.connections_per_next_hop_max.max(1);
        let limits = Limits {
            total_max: settings.connections_max.max(1),
            start: settings.connections_per_next_hop_start.clamp(1, max),
            max,
            dead_after_failures: settings.dead_after_failures.max(1),
            dead_min: Duration::from_secs(settings.dead_seconds_min),
            dead_max: Duration::from_secs(settings.dead_seconds_max.max(settings.dead_seconds_min)),
        };
        Self { limits, hops: HashMap::new(), running: 0 }
    }

    /// Asks for a place at this next hop.
    pub fn start(&mut self, key: &NextHopKey, now: Instant) -> Start {
        if self.running >= self.limits.total_max {
            return Start::Full;
        }
        if self.hops.len() >= HOPS_KEPT_MAX && !self.hops.contains_key(key) {
            self.forget(now);
        }
        let start = self.limits.start;
        let new = || Hop { running: 0, limit: start, served: 0, failures: 0, dead: None };
        let hop = self.hops.entry(key.clone()).or_insert_with(new);
        let go = hop.start(now);
        if go == Start::Go {
            self.running += 1;
        }
        go
    }

    /// Gives the place back.
    pub fn finish(&mut self, key: &NextHopKey, feedback: Feedback, now: Instant) {
        let Some(hop) = self.hops.get_mut(key).filter(|hop| hop.running > 0) else { return };
        self.running -= 1;
        hop.finish(feedback, &self.limits, now);
    }

    /// Deliveries under way, all next hops together.
    pub fn running(&self) -> usize {
        self.running
    }

    /// The same of each next hop that has any.
    pub fn running_by_hop(&self) -> impl Iterator<Item = (&NextHopKey, usize)> {
        self.hops.iter().filter(|(_, hop)| hop.running > 0).map(|(key, hop)| (key, hop.running))
    }

    /// Until when a next hop is left alone, if it is.
    pub fn dead_until(&self, key: &NextHopKey, now: Instant) -> Option<Instant> {
        let dead = self.hops.get(key)?.dead?;
        Some(dead.until).filter(|until| now < *until)
    }

    /// How many a next hop gets at once, for the administrator.
    pub fn limit(&self, key: &NextHopKey) -> usize {
        self.hops.get(key).map_or(self.limits.start, |hop| hop.limit)
    }

    /// What is idle and has no bad record is as good as new.
    fn forget(&mut self, now: Instant) {
        let linger = self.limits.dead_max;
        let dead = |hop: &Hop| hop.dead.is_some_and(|dead| now < dead.until + linger);
        self.hops.retain(|_, hop| hop.running > 0 || dead(hop));
    }
}

impl Hop {
    fn start(&mut self, now: Instant) -> Start {
        match &mut self.dead {
            Some(dead) if now < dead.until => return Start::Dead(dead.until),
            Some(dead) if dead.probing => return Start::Full,
            Some(dead) => dead.probing = true,
            None if self.running >= self.limit => return Start::Full,
            None => {}
        }
        self.running += 1;
        Start::Go
    }

    fn finish(&mut self, feedback: Feedback, limits: &Limits, now: Instant) {
        self.running -= 1;
        match feedback {
            Feedback::Served => {
                self.failures = 0;
                self.dead = None;
                self.served += 1;
                if self.served >= self.limit {
                    self.served = 0;
                    self.limit = (self.limit + 1).min(limits.max);
                }
            }
            Feedback::Unreachable => self.fail(limits, now),
            Feedback::Unused => {
                if let Some(dead) = &mut self.dead {
                    dead.probing = false;
                }
            }
        }
    }

    fn fail(&mut self, limits: &Limits, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.limit = (self.limit / 2).max(1);
        self.served = 0;
        let wait = match self.dead {
            // What was started before it was declared dead says nothing new.
            Some(dead) if !dead.probing => return,
            Some(dead) => (dead.wait * 2).min(limits.dead_max),
            None if self.failures < limits.dead_after_failures => return,
            None => limits.dead_min,
        };
        self.dead = Some(Dead { until: now + wait, wait, probing: false });
    }
}
