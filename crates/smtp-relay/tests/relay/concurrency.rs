//! How many connections a next hop gets.

use std::time::{Duration, Instant};

use smtp_relay::{Concurrency, Feedback, NextHopKey, RecipientDomain, Route, Settings, Start};

fn key(domain: &str) -> NextHopKey {
    let domain: RecipientDomain = domain.parse().unwrap();
    Route::Mx(domain).key().unwrap()
}

fn concurrency() -> Concurrency {
    Concurrency::new(&Settings::default())
}

/// Starts as many as may start.
fn fill(concurrency: &mut Concurrency, key: &NextHopKey, now: Instant) -> usize {
    (0..).take_while(|_| concurrency.start(key, now) == Start::Go).count()
}

#[test]
fn it_starts_low_and_grows_by_one_a_round() {
    let (mut concurrency, a, now) = (concurrency(), key("a.test"), Instant::now());
    for expect in [5, 6, 7, 8] {
        assert_eq!(fill(&mut concurrency, &a, now), expect);
        assert_eq!(concurrency.start(&a, now), Start::Full);
        for _ in 0..expect {
            concurrency.finish(&a, Feedback::Served, now);
        }
    }
    for _ in 0..1000 {
        assert_eq!(concurrency.start(&a, now), Start::Go);
        concurrency.finish(&a, Feedback::Served, now);
    }
    assert_eq!(fill(&mut concurrency, &a, now), 20, "the maximum");
}

#[test]
fn a_failed_connection_halves_it() {
    let (mut concurrency, a, now) = (concurrency(), key("a.test"), Instant::now());
    fill(&mut concurrency, &a, now);
    concurrency.finish(&a, Feedback::Unreachable, now);
    assert_eq!(concurrency.limit(&a), 2);
    assert_eq!(concurrency.start(&a, now), Start::Full, "four still run");
    concurrency.finish(&a, Feedback::Served, now);
    concurrency.finish(&a, Feedback::Unreachable, now);
    assert_eq!(concurrency.limit(&a), 1, "never below one");
}

#[test]
fn all_next_hops_together_have_a_limit() {
    let settings = Settings { connections_max: 7, ..Settings::default() };
    let (mut concurrency, now) = (Concurrency::new(&settings), Instant::now());
    assert_eq!(fill(&mut concurrency, &key("a.test"), now), 5);
    assert_eq!(fill(&mut concurrency, &key("b.test"), now), 2);
    assert_eq!(concurrency.running(), 7);
    concurrency.finish(&key("a.test"), Feedback::Served, now);
    assert_eq!(concurrency.start(&key("b.test"), now), Start::Go);
}

#[test]
fn a_dead_next_hop_is_left_alone_then_probed_once() {
    let (mut concurrency, a, mut now) = (concurrency(), key("a.test"), Instant::now());
    let fail = |concurrency: &mut Concurrency, now| {
        assert_eq!(concurrency.start(&a, now), Start::Go);
        concurrency.finish(&a, Feedback::Unreachable, now);
    };
    (0..3).for_each(|_| fail(&mut concurrency, now));
    for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let until = now + Duration::from_secs(wait);
        assert_eq!(concurrency.start(&a, now), Start::Dead(until));
        now = until;
        assert_eq!(concurrency.start(&a, now), Start::Go);
        assert_eq!(concurrency.start(&a, now), Start::Full, "one probe at a time");
        concurrency.finish(&a, Feedback::Unreachable, now);
    }
    now += Duration::from_secs(3600);
    assert_eq!(concurrency.start(&a, now), Start::Go);
    concurrency.finish(&a, Feedback::Served, now);
    assert_eq!(fill(&mut concurrency, &a, now), 2, "alive again, and carefully");
    assert_eq!(concurrency.start(&key("b.test"), now), Start::Go, "others never noticed");
}

#[test]
fn what_was_started_before_it_died_makes_it_no_deader() {
    let (mut concurrency, a, now) = (concurrency(), key("a.test"), Instant::now());
    fill(&mut concurrency, &a, now);
    (0..5).for_each(|_| concurrency.finish(&a, Feedback::Unreachable, now));
    let minute = now + Duration::from_secs(60);
    assert_eq!(concurrency.start(&a, now), Start::Dead(minute));
}

#[test]
fn a_probe_that_asked_nobody_leaves_room_for_another() {
    let (mut concurrency, a, now) = (concurrency(), key("a.test"), Instant::now());
    fill(&mut concurrency, &a, now);
    (0..5).for_each(|_| concurrency.finish(&a, Feedback::Unreachable, now));
    let later = now + Duration::from_secs(61);
    assert_eq!(concurrency.start(&a, later), Start::Go);
    concurrency.finish(&a, Feedback::Unused, later);
    assert_eq!(concurrency.start(&a, later), Start::Go);
}

#[test]
fn a_million_next_hops_are_not_remembered() {
    let (mut concurrency, now) = (concurrency(), Instant::now());
    for number in 0..50_000 {
        let key = key(&format!("d{number}.test"));
        assert_eq!(concurrency.start(&key, now), Start::Go);
        concurrency.finish(&key, Feedback::Served, now);
    }
    assert!(format!("{concurrency:?}").len() < 10_000 * 200, "more than it may keep");
    concurrency.finish(&key("never.test"), Feedback::Served, now);
    assert_eq!(concurrency.running(), 0, "what never started does not finish");
}
