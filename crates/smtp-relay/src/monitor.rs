//! What monitoring is shown of next hops.
//!
//! Whoever may write to any domain must not make as many series as there are domains: the next hops
//! that are used most get a label of their own, and all others share one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::attempt::Ran;
use crate::concurrency::Feedback;
use crate::lines::Lines;
use crate::next_hop::NextHopKey;

/// Next hops with a label of their own; they keep it until the process ends.
const NAMED_MAX: usize = 100;
/// Attempts after which a next hop gets one: the busiest come there first.
const NAMED_AFTER: u32 = 3;
/// Next hops whose attempts are counted until then; beyond it counting begins anew.
const COUNTED_MAX: usize = 10_000;
/// How often gauges are set at most; between that lines change faster than anybody looks.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// Counts attempts, and shows what waits.
#[derive(Default)]
pub(crate) struct Monitor {
    labels: Labels,
    /// Labels whose gauges are not 0.
    shown: BTreeMap<Arc<str>, Gauges>,
    refreshed: Option<Instant>,
}

#[derive(Clone, Copy, Default)]
struct Gauges {
    waiting: usize,
    connections: usize,
}

impl Monitor {
    /// An attempt is over.
    pub(crate) fn ran(&mut self, key: &NextHopKey, ran: &Ran) {
        let next_hop = self.labels.used(key);
        let outcome = match ran.feedback {
            Feedback::Served => "served",
            Feedback::Unreachable => "unreachable",
            Feedback::Unused => "unused",
        };
        metrics::counter!(
            "facteur_relay_transactions_total",
            "next_hop" => Arc::clone(&next_hop), "outcome" => outcome
        )
        .increment(1);
        metrics::histogram!("facteur_relay_attempt_seconds", "next_hop" => Arc::clone(&next_hop))
            .record(ran.took.as_secs_f64());
        let tally = &ran.tally;
        for (outcome, count) in
            [("sent", tally.sent), ("deferred", tally.deferred), ("bounced", tally.bounced)]
        {
            metrics::counter!(
                "facteur_relay_recipients_total",
                "next_hop" => Arc::clone(&next_hop), "outcome" => outcome
            )
            .increment(count);
        }
    }

    /// Sets the gauges, unless that was done just now.
    pub(crate) fn refresh(&mut self, lines: &Lines, now: Instant) {
        if self.refreshed.is_some_and(|last| now.duration_since(last) < REFRESH_EVERY) {
            return;
        }
        self.refreshed = Some(now);
        // What is shown and has gone is shown once more, as 0.
        self.shown.values_mut().for_each(|gauges| *gauges = Gauges::default());
        for (key, waiting) in lines.lengths() {
            self.shown.entry(self.labels.of(key)).or_default().waiting += waiting;
        }
        for (key, connections) in lines.running() {
            self.shown.entry(self.labels.of(key)).or_default().connections += connections;
        }
        for (next_hop, gauges) in &self.shown {
            metrics::gauge!("facteur_relay_waiting", "next_hop" => Arc::clone(next_hop))
                .set(gauges.waiting as f64);
            metrics::gauge!("facteur_relay_connections", "next_hop" => Arc::clone(next_hop))
                .set(gauges.connections as f64);
        }
        self.shown.retain(|_, gauges| gauges.waiting + gauges.connections > 0);
        metrics::gauge!("facteur_queue_deferred").set(lines.planned() as f64);
    }
}

/// Which next hops have a label of their own.
struct Labels {
    named: HashMap<NextHopKey, Arc<str>>,
    counted: HashMap<NextHopKey, u32>,
    other: Arc<str>,
}

impl Default for Labels {
    fn default() -> Self {
        Self { named: HashMap::new(), counted: HashMap::new(), other: "other".into() }
    }
}

impl Labels {
    /// The label of a next hop that was used.
    fn used(&mut self, key: &NextHopKey) -> Arc<str> {
        if self.named.len() < NAMED_MAX && !self.named.contains_key(key) {
            if self.counted.len() >= COUNTED_MAX {
                self.counted.clear();
            }
            let count = self.counted.entry(key.clone()).or_default();
            *count += 1;
            if *count >= NAMED_AFTER {
                self.counted.remove(key);
                self.named.insert(key.clone(), key.to_string().into());
            }
        }
        self.of(key)
    }

    fn of(&self, key: &NextHopKey) -> Arc<str> {
        Arc::clone(self.named.get(key).unwrap_or(&self.other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NextHopKey {
        NextHopKey(name.to_owned())
    }

    #[test]
    fn who_is_used_again_gets_a_label_and_a_flood_of_domains_gets_none() {
        let mut labels = Labels::default();
        let far = key("far.test");
        let seen: Vec<_> = (0..4).map(|_| labels.used(&far).to_string()).collect();
        assert_eq!(seen, ["other", "other", "far.test", "far.test"]);
        for number in 0..3 * COUNTED_MAX {
            assert_eq!(&*labels.used(&key(&format!("{number}.test"))), "other");
        }
        assert!(labels.counted.len() <= COUNTED_MAX);
        assert_eq!(&*labels.of(&far), "far.test");
    }

    #[test]
    fn there_are_never_more_labels_than_the_limit() {
        let mut labels = Labels::default();
        for number in 0..2 * NAMED_MAX {
            let key = key(&format!("{number}.test"));
            (0..NAMED_AFTER).for_each(|_| drop(labels.used(&key)));
        }
        assert_eq!(labels.named.len(), NAMED_MAX);
    }
}
