//! Those who wait for a turn to hash a password: who has lately failed least goes first.
//!
//! A storm of wrong passwords fills any line faster than it can be worked off. In the order of
//! arrival, people with right passwords would stand behind all of it; here they stand behind the
//! first tries of strangers at most, and when the line is full it is a guesser who is sent away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// How far behind somebody stands: the tries that are held against where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u64);

impl Rank {
    /// Somebody who has been here: an address from which this account lately logged in, or who has
    /// proven who they are.
    pub(crate) const KNOWN: Self = Self(0);

    /// A stranger against whom so many tries are held.
    pub(crate) fn stranger(tries: u64) -> Self {
        Self(tries.max(1))
    }
}

/// The line and its places.
#[derive(Clone)]
pub(crate) struct Line {
    /// Held for one change, never over an await, therefore std.
    state: Arc<Mutex<State>>,
    waiting_max: usize,
    wait_max: Duration,
}

struct State {
    /// Places that nobody has; above zero only while nobody waits.
    free: usize,
    arrived: u64,
    /// By rank, then by arrival.
    waiting: BTreeMap<(Rank, u64), oneshot::Sender<Place>>,
}

/// The right to hash once; whoever drops it makes room for the next.
pub(crate) struct Place(Line);

/// Somebody in the line, who leaves it when dropped.
struct Waiting<'a> {
    line: &'a Line,
    key: (Rank, u64),
}

impl Line {
    pub(crate) fn new(places: usize, waiting_max: usize, wait_max: Duration) -> Self {
        let state = State { free: places, arrived: 0, waiting: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)), waiting_max, wait_max }
    }

    /// Waits for a turn: not for ever, and not behind an endless line. `None` when there is none.
    pub(crate) async fn place(&self, rank: Rank) -> Option<Place> {
        let (_waiting, turn) = match self.enter(rank, self.waiting_max) {
            Entered::Place(place) => return Some(place),
            Entered::Full => return None,
            Entered::Line(waiting, turn) => (waiting, turn),
        };
        tokio::time::timeout(self.wait_max, turn).await.ok()?.ok()
    }

    /// The same for work that has all the time it takes.
    pub(crate) async fn place_patiently(&self) -> Option<Place> {
        match self.enter(Rank::KNOWN, usize::MAX) {
            Entered::Place(place) => Some(place),
            Entered::Full => None,
            Entered::Line(_waiting, turn) => turn.await.ok(),
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn enter(&self, rank: Rank, waiting_max: usize) -> Entered<'_> {
        let mut state = self.lock();
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            return Entered::Place(Place(self.clone()));
        }
        if state.waiting.len() >= waiting_max {
            let is_better = |((last, _), _): (&(Rank, u64), _)| rank < *last;
            if !state.waiting.last_key_value().is_some_and(is_better) {
                return Entered::Full;
            }
            // Its sender goes, and with it the wait.
            state.waiting.pop_last();
        }
        let (sender, turn) = oneshot::channel();
        state.arrived += 1;
        let key = (rank, state.arrived);
        state.waiting.insert(key, sender);
        Entered::Line(Waiting { line: self, key }, turn)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the lock goes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered<'a> {
    Place(Place),
    Line(Waiting<'a>, oneshot::Receiver<Place>),
    Full,
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            let next = state.waiting.pop_first();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some((_, turn)) = next {
            // Whoever hung up meanwhile gives it back, and by that to the next.
            drop(turn.send(Place(self.0.clone())));
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.lock().waiting.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(places: usize, waiting_max: usize) -> Line {
        Line::new(places, waiting_max, Duration::from_secs(10))
    }

    fn key(line: &Line) -> Vec<u64> {
        line.lock().waiting.keys().map(|(Rank(tries), _)| *tries).collect()
    }

    /// Somebody who waits, and tells their name when it is their turn.
    fn waits(line: &Line, rank: u64, told: &Told, name: &'static str) -> Waiter {
        let (line, told) = (line.clone(), Arc::clone(told));
        tokio::spawn(async move {
            let place = line.place(Rank(rank)).await;
            let name = if place.is_some() { name } else { "sent away" };
            told.lock().unwrap().push(name);
        })
    }

    type Told = Arc<Mutex<Vec<&'static str>>>;
    type Waiter = tokio::task::JoinHandle<()>;

    async fn until(line: &Line, waiting: usize) {
        while line.len() != waiting {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_failed_least_goes_first_and_equals_in_the_order_of_arrival() {
        let (line, told) = (line(1, 10), Told::default());
        let place = line.place(Rank::KNOWN).await.unwrap();
        let mut waiters = Vec::new();
        let all = [(7, "guesser"), (1, "first"), (1, "second"), (0, "known"), (3, "mistyped")];
        for (at, (rank, name)) in all.into_iter().enumerate() {
            waiters.push(waits(&line, rank, &told, name));
            until(&line, at + 1).await;
        }
        drop(place);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*told.lock().unwrap(), ["known", "first", "second", "mistyped", "guesser"]);
        assert_eq!(line.lock().free, 1);
    }

    #[tokio::test]
    async fn a_full_line_sends_away_who_failed_most_be_it_the_newcomer() {
        let (line, told) = (line(1, 2), Told::default());
        let place = line.place(Rank::KNOWN).await.unwrap();
        let mut waiters = vec![waits(&line, 5, &told, "five"), waits(&line, 9, &told, "nine")];
        until(&line, 2).await;
        assert!(line.place(Rank(9)).await.is_none(), "no better than the last");
        waiters.push(waits(&line, 1, &told, "one"));
        while told.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(key(&line), [1, 5]);
        drop(place);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*told.lock().unwrap(), ["sent away", "one", "five"]);
    }

    #[tokio::test]
    async fn a_place_is_lost_to_nobody_who_hangs_up() {
        let (line, told) = (line(1, 10), Told::default());
        let place = line.place(Rank::KNOWN).await.unwrap();
        let gone = waits(&line, 1, &told, "gone");
        until(&line, 1).await;
        // The place is on its way to somebody who goes before taking it.
        drop(place);
        gone.abort();
        let _ = gone.await;
        let place = line.place(Rank(1)).await.unwrap();
        let gone = waits(&line, 1, &told, "gone");
        until(&line, 1).await;
        gone.abort();
        let _ = gone.await;
        assert_eq!(line.len(), 0, "who hangs up leaves the line");
        drop(place);
        assert_eq!(line.lock().free, 1);
        assert!(told.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_ends_unless_it_is_patient() {
        let line = line(1, 10);
        let place = line.place(Rank::KNOWN).await.unwrap();
        assert!(line.place(Rank(1)).await.is_none(), "the deadline");
        let patient = line.clone();
        let patient = tokio::spawn(async move { patient.place_patiently().await.is_some() });
        until(&line, 1).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        drop(place);
        assert!(patient.await.unwrap());
    }
}
