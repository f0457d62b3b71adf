//! When the next attempt is due.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use smtp_relay::{Next, Schedule, Settings};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn first_seen() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn exact() -> Schedule {
    Schedule::new(&Settings { retry_jitter_percent: 0, ..Settings::default() })
}

/// The wait after this attempt at this age.
fn wait(schedule: &Schedule, attempts: u32, age: Duration, random: u32) -> Option<Duration> {
    let now = first_seen() + age;
    match schedule.next(attempts, first_seen(), now, random) {
        Next::Attempt(then) => Some(then.duration_since(now).unwrap()),
        Next::GiveUp => None,
    }
}

#[test]
fn waits_grow_and_the_last_one_stays() {
    let waits: Vec<_> = (1..=8).map(|attempts| wait(&exact(), attempts, MINUTE, 0)).collect();
    let expect = [5, 15, 30, 60, 120, 240, 240, 240].map(|minutes| Some(MINUTE * minutes));
    assert_eq!(waits, expect);
    assert_eq!(wait(&exact(), 0, MINUTE, 0), Some(MINUTE * 5));
    assert_eq!(wait(&exact(), u32::MAX, MINUTE, 0), Some(MINUTE * 240));
}

#[test]
fn the_last_attempt_is_at_the_end_of_the_lifetime() {
    assert_eq!(wait(&exact(), 30, HOUR * 119, 0), Some(HOUR));
    assert_eq!(wait(&exact(), 31, HOUR * 120, 0), None);
    assert_eq!(wait(&exact(), 31, HOUR * 10_000, 0), None);
}

#[test]
fn a_whole_life_has_about_thirty_attempts() {
    let (mut age, mut attempts) = (Duration::ZERO, 1);
    while let Some(wait) = wait(&exact(), attempts, age, 0) {
        age += wait;
        attempts += 1;
    }
    assert_eq!(age, HOUR * 120);
    assert!((30..40).contains(&attempts), "{attempts}");
}

#[test]
fn chance_moves_a_wait_by_its_share_at_most() {
    let schedule = Schedule::new(&Settings::default());
    assert_eq!(wait(&schedule, 4, MINUTE, 0), Some(MINUTE * 54));
    assert_eq!(wait(&schedule, 4, MINUTE, u32::MAX), Some(MINUTE * 66));
    let middle = wait(&schedule, 4, MINUTE, u32::MAX / 2).unwrap();
    assert!(middle.abs_diff(HOUR) < Duration::from_secs(1), "{middle:?}");
}

#[test]
fn a_sender_hears_of_late_mail_after_four_hours() {
    let late = |age| exact().is_late(first_seen(), first_seen() + age);
    assert!(!late(HOUR * 4 - MINUTE) && late(HOUR * 4) && late(HOUR * 100));
    let never = Schedule::new(&Settings { delay_notice_hours: 0, ..Settings::default() });
    assert!(!never.is_late(first_seen(), first_seen() + HOUR * 100));
}

#[test]
fn a_clock_that_went_back_gives_nothing_up() {
    let before = first_seen() - HOUR * 24 * 3650;
    let Next::Attempt(then) = exact().next(1, first_seen(), before, 0) else { panic!() };
    assert_eq!(then, before + MINUTE * 5);
    assert!(!exact().is_late(first_seen(), before));
}

proptest! {
    #[test]
    fn any_settings_and_numbers_give_a_time_that_is_not_past(
        minutes in proptest::collection::vec(any::<u64>(), 0..4),
        percent: u64,
        lifetime: u64,
        attempts: u32,
        age in 0u64..1_000_000_000,
        random: u32,
    ) {
        let schedule = Schedule::new(&Settings {
            retry_minutes: minutes,
            retry_jitter_percent: percent,
            lifetime_hours: lifetime,
            ..Settings::default()
        });
        let now = first_seen() + Duration::from_secs(age);
        if let Next::Attempt(then) = schedule.next(attempts, first_seen(), now, random) {
            prop_assert!(then >= now);
        }
    }
}
