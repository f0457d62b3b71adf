//! What waits: entries for their time, jobs for a place at their next hop. Pure data.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Instant;

use mail_types::QueueId;

use crate::concurrency::{Concurrency, Feedback, Start};
use crate::next_hop::NextHopKey;
use crate::route::Route;

/// Some recipients of one entry that go the same way.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The entry.
    pub(crate) id: QueueId,
    /// Its recipients by number.
    pub(crate) recipients: Vec<u32>,
    /// Where to.
    pub(crate) way: Way,
}

/// Where a job goes.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// Into mailboxes here.
    Here,
    /// To another server.
    Route(Route),
}

impl Way {
    /// The name of the line it waits in. A domain's name has no blank, so these are never one.
    pub(crate) fn key(&self) -> NextHopKey {
        match self {
            Way::Here => NextHopKey("mailboxes here".into()),
            Way::Route(route) => {
                route.key().unwrap_or_else(|| NextHopKey("refused by rule".into()))
            }
        }
    }
}

/// Everything that waits.
pub(crate) struct Lines {
    concurrency: Concurrency,
    due: BinaryHeap<Reverse<(i64, QueueId)>>,
    /// The earliest time in `due` of each entry, so that it stands there once.
    planned: HashMap<QueueId, i64>,
    /// One line for each next hop, in name order for a fair turn.
    waiting: BTreeMap<NextHopKey, VecDeque<Job>>,
    /// Recipients that wait in a line or are being tried.
    busy: HashMap<QueueId, HashSet<u32>>,
    /// Where the next turn begins, so that no line is always the first.
    turn: Option<NextHopKey>,
}

impl Lines {
    pub(crate) fn new(concurrency: Concurrency) -> Self {
        Self {
            concurrency,
            due: BinaryHeap::new(),
            planned: HashMap::new(),
            waiting: BTreeMap::new(),
            busy: HashMap::new(),
            turn: None,
        }
    }

    /// Remembers that an entry is to be looked at then.
    pub(crate) fn plan(&mut self, id: QueueId, at: i64) {
        if self.planned.get(&id).is_none_or(|&planned| at < planned) {
            self.planned.insert(id, at);
            self.due.push(Reverse((at, id)));
        }
    }

    /// When the next entry is due.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// The next entry that is due.
    pub(crate) fn take_due(&mut self, now: i64) -> Option<QueueId> {
        loop {
            let Reverse((at, id)) = *self.due.peek().filter(|Reverse((at, _))| *at <= now)?;
            self.due.pop();
            // What was planned anew stands in the heap twice.
            if self.planned.get(&id) == Some(&at) {
                self.planned.remove(&id);
                return Some(id);
            }
        }
    }

    /// Whether a recipient waits in a line or is being tried.
    pub(crate) fn is_busy(&self, id: QueueId, recipient: u32) -> bool {
        self.busy.get(&id).is_some_and(|recipients| recipients.contains(&recipient))
    }

    /// Puts a job into its line.
    pub(crate) fn add(&mut self, job: Job) {
        self.busy.entry(job.id).or_default().extend(&job.recipients);
        self.waiting.entry(job.way.key()).or_default().push_back(job);
    }

    /// The next job that may start, its place taken; [`Lines::finish`] must follow. Lines take
    /// turns, so that a long one does not keep the short ones waiting.
    pub(crate) fn start(&mut self, now: Instant) -> Option<Job> {
        let keys: Vec<NextHopKey> = match &self.turn {
            Some(turn) => {
                let behind = self.waiting.range(turn.clone()..).map(|(key, _)| key);
                let before = self.waiting.range(..turn.clone()).map(|(key, _)| key);
                behind.skip_while(|key| *key == turn).chain(before).cloned().collect()
            }
            None => self.waiting.keys().cloned().collect(),
        };
        let last = self.turn.clone().filter(|turn| self.waiting.contains_key(turn));
        for key in keys.into_iter().chain(last) {
            if self.concurrency.start(&key, now) != Start::Go {
                continue;
            }
            let Some(line) = self.waiting.get_mut(&key) else { continue };
            let job = line.pop_front();
            if line.is_empty() {
                self.waiting.remove(&key);
            }
            self.turn = Some(key);
            return job;
        }
        None
    }

    /// When a line that is left alone may be tried again: the earliest.
    pub(crate) fn next_probe(&mut self, now: Instant) -> Option<Instant> {
        let keys: Vec<NextHopKey> = self.waiting.keys().cloned().collect();
        keys.iter().filter_map(|key| self.concurrency.dead_until(key, now)).min()
    }

    /// Ends a job.
    pub(crate) fn finish(&mut self, job: &Job, feedback: Feedback, now: Instant) {
        self.concurrency.finish(&job.way.key(), feedback, now);
        if let Some(busy) = self.busy.get_mut(&job.id) {
            job.recipients.iter().for_each(|recipient| {
                busy.remove(recipient);
            });
            if busy.is_empty() {
                self.busy.remove(&job.id);
            }
        }
    }

    /// How many jobs of each line run.
    pub(crate) fn running(&self) -> impl Iterator<Item = (&NextHopKey, usize)> {
        self.concurrency.running_by_hop()
    }

    /// How many entries wait for their time.
    pub(crate) fn planned(&self) -> usize {
        self.planned.len()
    }

    /// How many jobs wait in each line.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = (&NextHopKey, usize)> {
        self.waiting.iter().map(|(key, line)| (key, line.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn lines(total: usize) -> Lines {
        let settings = Settings { connections_max: total, ..Settings::default() };
        Lines::new(Concurrency::new(&settings))
    }

    fn job(id: u64, domain: &str) -> Job {
        let way = Way::Route(Route::Mx(domain.parse().unwrap()));
        Job { id: QueueId(id), recipients: vec![0], way }
    }

    #[test]
    fn an_entry_is_due_once_at_its_earliest_time() {
        let mut lines = lines(1);
        lines.plan(QueueId(1), 50);
        lines.plan(QueueId(1), 20);
        lines.plan(QueueId(1), 90);
        assert_eq!(lines.next_due(), Some(20));
        assert_eq!(lines.take_due(10), None);
        assert_eq!(lines.take_due(100), Some(QueueId(1)));
        assert_eq!(lines.take_due(100), None);
    }

    #[test]
    fn a_long_line_does_not_keep_the_short_ones_waiting() {
        let mut lines = lines(100);
        (0..50).for_each(|id| lines.add(job(id, "a.test")));
        lines.add(job(60, "b.test"));
        let now = Instant::now();
        let first: Vec<_> = (0..2).filter_map(|_| lines.start(now)).map(|job| job.id.0).collect();
        assert_eq!(first, [0, 60]);
    }

    #[test]
    fn a_recipient_is_busy_from_its_line_to_its_end() {
        let mut lines = lines(10);
        lines.add(job(1, "a.test"));
        assert!(lines.is_busy(QueueId(1), 0) && !lines.is_busy(QueueId(1), 1));
        let now = Instant::now();
        let started = lines.start(now).unwrap();
        assert!(lines.is_busy(QueueId(1), 0));
        lines.finish(&started, Feedback::Served, now);
        assert!(!lines.is_busy(QueueId(1), 0));
        assert_eq!(lines.lengths().count(), 0);
    }
}
