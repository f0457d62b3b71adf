//! Those who wait for a turn to hash a password: who has lately failed least goes first.
//!
//! A storm of wrong passwords fills any line faster than it can be worked off. In the order of
//! arrival, people with right passwords would stand behind all of it; here they stand behind the
//! first tries of strangers at most, and when the line is full it is a guesser who is sent away. An
//! address that tries other logins while it waits goes back with all that it has in the line: at the
//! beginning of a storm nobody has failed yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::limits::{LoginKey, Origin};

/// How far behind somebody stands: the tries that are held against where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u64);

impl Rank {
    const KNOWN: Self = Self(0);
}

/// Who wants a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    rank: Rank,
    /// What a stranger tries, and from where.
    tries: Option<(Origin, LoginKey)>,
}

impl Standing {
    /// Somebody who has been here: an address from which this account lately logged in, or who has
    /// proven who they are.
    pub(crate) const KNOWN: Self = Self { rank: Rank::KNOWN, tries: None };

    /// A stranger against whose address so many tries are held, this one included.
    pub(crate) fn stranger(held: u64, origin: Origin, login: LoginKey) -> Self {
        Self { rank: Rank(held.max(1)), tries: Some((origin, login)) }
    }

    #[cfg(test)]
    pub(crate) fn rank(&self) -> u64 {
        self.rank.0
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
    /// A few hundred at most, in no order: ranks change while they wait.
    waiting: Vec<Waiter>,
}

struct Waiter {
    standing: Standing,
    arrived: u64,
    turn: oneshot::Sender<Place>,
}

impl Waiter {
    fn key(&self) -> (Rank, u64) {
        (self.standing.rank, self.arrived)
    }
}

/// The right to hash once; whoever drops it makes room for the next.
pub(crate) struct Place(Line);

/// Somebody in the line, who leaves it when dropped.
struct Waiting<'a> {
    line: &'a Line,
    arrived: u64,
}

impl Line {
    pub(crate) fn new(places: usize, waiting_max: usize, wait_max: Duration) -> Self {
        let state = State { free: places, arrived: 0, waiting: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), waiting_max, wait_max }
    }

    /// Waits for a turn: not for ever, and not behind an endless line. `None` when there is none.
    pub(crate) async fn place(&self, standing: Standing) -> Option<Place> {
        let (_waiting, turn) = match self.enter(standing, self.waiting_max) {
            Entered::Place(place) => return Some(place),
            Entered::Full => return None,
            Entered::Line(waiting, turn) => (waiting, turn),
        };
        tokio::time::timeout(self.wait_max, turn).await.ok()?.ok()
    }

    /// The same for work that has all the time it takes.
    pub(crate) async fn place_patiently(&self) -> Option<Place> {
        match self.enter(Standing::KNOWN, usize::MAX) {
            Entered::Place(place) => Some(place),
            Entered::Full => None,
            Entered::Line(_waiting, turn) => turn.await.ok(),
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn enter(&self, standing: Standing, waiting_max: usize) -> Entered<'_> {
        let mut state = self.lock();
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            return Entered::Place(Place(self.clone()));
        }
        state.hold_back(standing);
        if state.waiting.len() >= waiting_max {
            match state.last() {
                // Its sender goes, and with it the wait.
                Some((at, rank)) if standing.rank < rank => drop(state.waiting.swap_remove(at)),
                _ => return Entered::Full,
            }
        }
        let (sender, turn) = oneshot::channel();
        state.arrived += 1;
        let arrived = state.arrived;
        state.waiting.push(Waiter { standing, arrived, turn: sender });
        Entered::Line(Waiting { line: self, arrived }, turn)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the lock goes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whoever waits and comes from where this one comes from, with another login, stands no better.
    /// The several connections of one client have one login, and keep the place of the first.
    fn hold_back(&mut self, new: Standing) {
        let Some((origin, login)) = new.tries else { return };
        for waiter in &mut self.waiting {
            let other = waiter.standing.tries.filter(|tries| tries.0 == origin && tries.1 != login);
            if other.is_some() {
                waiter.standing.rank = waiter.standing.rank.max(new.rank);
            }
        }
    }

    /// Where the last of the line is, and how far behind it stands.
    fn last(&self) -> Option<(usize, Rank)> {
        let last = self.waiting.iter().enumerate().max_by_key(|(_, waiter)| waiter.key())?;
        Some((last.0, last.1.standing.rank))
    }

    fn next(&mut self) -> Option<Waiter> {
        let first = self.waiting.iter().enumerate().min_by_key(|(_, waiter)| waiter.key())?;
        let at = first.0;
        Some(self.waiting.swap_remove(at))
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
            let next = state.next();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some(next) = next {
            // Whoever hung up meanwhile gives it back, and by that to the next.
            drop(next.turn.send(Place(self.0.clone())));
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.lock().waiting.retain(|waiter| waiter.arrived != self.arrived);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(places: usize, waiting_max: usize) -> Line {
        Line::new(places, waiting_max, Duration::from_secs(10))
    }

    /// A stranger of this rank, who shares nothing with others.
    fn rank(held: u64) -> Standing {
        Standing { rank: Rank(held), tries: None }
    }

    fn ranks(line: &Line) -> Vec<u64> {
        let mut ranks: Vec<_> = line.lock().waiting.iter().map(|one| one.standing.rank.0).collect();
        ranks.sort_unstable();
        ranks
    }

    /// Somebody who waits, and tells their name when it is their turn.
    fn waits(line: &Line, standing: Standing, told: &Told, name: &'static str) -> Task {
        let (line, told) = (line.clone(), Arc::clone(told));
        tokio::spawn(async move {
            let place = line.place(standing).await;
            let name = if place.is_some() { name } else { "sent away" };
            told.lock().unwrap().push(name);
        })
    }

    type Told = Arc<Mutex<Vec<&'static str>>>;
    type Task = tokio::task::JoinHandle<()>;

    async fn until(line: &Line, waiting: usize) {
        while line.len() != waiting {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_failed_least_goes_first_and_equals_in_the_order_of_arrival() {
        let (line, told) = (line(1, 10), Told::default());
        let place = line.place(Standing::KNOWN).await.unwrap();
        let mut waiters = Vec::new();
        let all = [(7, "guesser"), (1, "first"), (1, "second"), (0, "known"), (3, "mistyped")];
        for (at, (held, name)) in all.into_iter().enumerate() {
            waiters.push(waits(&line, rank(held), &told, name));
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
    async fn an_address_that_tries_more_logins_meanwhile_goes_back_with_all_it_has_in_the_line() {
        let (line, told) = (line(1, 10), Told::default());
        let place = line.place(Standing::KNOWN).await.unwrap();
        let from = |last: u8| Origin::of([192, 0, 2, last].into());
        let all = [
            (Standing::stranger(1, from(1), [1; 16]), "guess"),
            (Standing::stranger(1, from(2), [3; 16]), "client"),
            (Standing::stranger(2, from(2), [3; 16]), "client again"),
            (Standing::stranger(1, from(3), [4; 16]), "newcomer"),
            (Standing::stranger(2, from(1), [2; 16]), "next guess"),
        ];
        let mut waiters = Vec::new();
        for (at, (standing, name)) in all.into_iter().enumerate() {
            waiters.push(waits(&line, standing, &told, name));
            until(&line, at + 1).await;
        }
        drop(place);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        let order = ["client", "newcomer", "guess", "client again", "next guess"];
        assert_eq!(*told.lock().unwrap(), order);
    }

    #[tokio::test]
    async fn a_full_line_sends_away_who_failed_most_be_it_the_newcomer() {
        let (line, told) = (line(1, 2), Told::default());
        let place = line.place(Standing::KNOWN).await.unwrap();
        let mut waiters =
            vec![waits(&line, rank(5), &told, "five"), waits(&line, rank(9), &told, "nine")];
        until(&line, 2).await;
        assert!(line.place(rank(9)).await.is_none(), "no better than the last");
        waiters.push(waits(&line, rank(1), &told, "one"));
        while told.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(ranks(&line), [1, 5]);
        drop(place);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*told.lock().unwrap(), ["sent away", "one", "five"]);
    }

    #[tokio::test]
    async fn a_place_is_lost_to_nobody_who_hangs_up() {
        let (line, told) = (line(1, 10), Told::default());
        let place = line.place(Standing::KNOWN).await.unwrap();
        let gone = waits(&line, rank(1), &told, "gone");
        until(&line, 1).await;
        // The place is on its way to somebody who goes before taking it.
        drop(place);
        gone.abort();
        let _ = gone.await;
        let place = line.place(rank(1)).await.unwrap();
        let gone = waits(&line, rank(1), &told, "gone");
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
        let place = line.place(Standing::KNOWN).await.unwrap();
        assert!(line.place(rank(1)).await.is_none(), "the deadline");
        let patient = line.clone();
        let patient = tokio::spawn(async move { patient.place_patiently().await.is_some() });
        until(&line, 1).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        drop(place);
        assert!(patient.await.unwrap());
    }
}
