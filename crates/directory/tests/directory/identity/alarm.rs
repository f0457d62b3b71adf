//! Wrong birth dates: all accounts together are counted, and nobody learns anything from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use directory::{Act, CodeVerdict, Directory, LetterKind, Requester, ResetClaim, ResetMode};

use crate::common::{self, after_crash};
use crate::identity::bench::*;

#[tokio::test]
async fn wrong_dates_from_ten_thousand_addresses_close_it_everywhere_and_raise_the_alarm() {
    // Design: 10 an hour or 40 a day of all accounts together. A guesser with every name and ID of
    // a school, each tried as often as its own limits allow, and a network of their own.
    let bench = bench().await;
    bench.agents(400).await;
    for hour in 0..25i64 {
        for n in 0..400u64 {
            // 10,000 addresses, at most two of one network within an hour.
            let peer = format!("10.{}.{}.{}", hour, n % 250, n / 250);
            let born = format!("19{:02}-{:02}-{:02}", 50 + n % 40, 1 + hour % 12, 1 + n % 28);
            let claim = claim(&format!("agent{n}"), 1000 + n, Some(&born));
            bench.ask_as(&claim, &peer).await;
        }
        bench.pass(HOUR);
        if hour == 0 {
            let closed = bench.directory.identity_guard().closed.expect("the alarm");
            assert_eq!(closed.by, None);
            assert_eq!(
                bench.letters(LetterKind::IdentityClosed).await.0,
                ["anne@ac.test", "bruno@ac.test"]
            );
            let wrong = bench.directory.wrong_birth_dates().await.unwrap();
            assert_eq!(wrong, 10, "four hundred were tried, ten of them compared");
        }
    }
    let alarms = bench.lines(Act::IdentityClosed).await;
    assert_eq!(alarms.len(), 1, "one alarm until somebody opens it again");
    // What the guesser could hope for: ten dates out of the 16,425 of forty-five years, once.
    let waits: Vec<_> = bench.lines(Act::ResetAsked).await;
    assert!(waits.iter().all(|line| line.mode != Some(ResetMode::Identity)), "no hit");
    let (_, after) = after_crash(&bench.store).await;
    assert!(after.identity_guard().closed.is_some(), "a restart opens nothing");
    assert_eq!(after.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn the_alarm_counts_to_ten_an_hour_and_to_forty_a_day_and_begins_anew_when_opened() {
    let bench = bench().await;
    bench.agents(60).await;
    let mut next = 0u64;
    let mut guess = async |count: u64| {
        for _ in 0..count {
            let claim = claim(&format!("agent{next}"), 1000 + next, Some("1990-01-01"));
            bench.ask_as(&claim, &format!("10.0.{next}.1")).await.unwrap();
            next += 1;
        }
        bench.directory.identity_guard().closed.is_some()
    };
    assert!(!guess(9).await);
    assert!(guess(1).await, "ten an hour");
    let asked = Requester::console();
    let reopen = async || {
        bench.directory.reopen_identity_everywhere(&bench.anne, "vu", &asked).await.unwrap();
    };
    reopen().await;
    assert!(!guess(9).await, "anew");
    for _ in 0..3 {
        bench.pass(HOUR);
        assert!(!guess(9).await);
    }
    bench.pass(HOUR);
    assert!(!guess(3).await, "thirty-nine a day");
    assert!(guess(1).await, "forty");
    bench.ask().await;
    assert_eq!(bench.mode().await, Some(ResetMode::Approval), "closed for who is right, too");
    reopen().await;
    // Set back, the clock makes nothing of the kind forgotten.
    bench.pass(-30 * DAY);
    assert!(!guess(9).await);
    bench.pass(-HOUR);
    assert!(guess(1).await);
}

#[tokio::test]
async fn of_many_wrong_dates_at_once_no_more_are_compared_than_the_limit() {
    let bench = bench().await;
    bench.agents(50).await;
    let guesses = (0..50u64).map(|n| {
        let directory = bench.directory.clone();
        tokio::spawn(async move {
            let claim = claim(&format!("agent{n}"), 1000 + n, Some("1990-01-01"));
            let requester = from(&format!("10.0.{n}.1"));
            let (ticket, _) = directory.ask_reset(&claim, &requester).await.unwrap();
            directory.decide_reset(&claim, &ticket, &requester).await.unwrap();
        })
    });
    for guess in guesses.collect::<Vec<_>>() {
        guess.await.unwrap();
    }
    // Who guessed wrongly where it counted failed a proof; who came later did not.
    let officer = bench.directory.account(bench.anne.id).await.unwrap().unwrap();
    assert_eq!(bench.directory.waiting_requests(&officer).await.unwrap().len(), 50);
    let wrong = bench.directory.wrong_birth_dates().await.unwrap();
    assert_eq!(wrong, 10);
}

#[tokio::test]
async fn a_crash_between_the_wrong_date_and_the_alarm_leaves_nothing_open() {
    // The tenth wrong date is durable, the alarm is not: as if the power went in between.
    let mut reached = 0;
    for writes in 0..4 {
        let bench = bench().await;
        bench.agents(10).await;
        for n in 0..9u64 {
            let claim = claim(&format!("agent{n}"), 1000 + n, Some("1990-01-01"));
            bench.ask_as(&claim, &format!("10.0.{n}.1")).await;
        }
        let tenth = claim("agent9", 1009, Some("1990-01-01"));
        let requester = from("10.0.9.1");
        let (ticket, _) = bench.directory.ask_reset(&tenth, &requester).await.unwrap();
        bench.store.fail_after(writes);
        let _ = bench.directory.decide_reset(&tenth, &ticket, &requester).await;
        let now = bench.time.load(Ordering::Relaxed);
        let store = bench.store.after_crash();
        let after = Directory::open_at(store, settings(), Arc::new(move || now)).await.unwrap();
        let wrong = after.wrong_birth_dates().await.unwrap();
        let was_closed = after.identity_guard().closed.is_some();
        assert!(wrong == 9 || wrong == 10, "{writes}: {wrong}");
        assert!(!was_closed || wrong == 10, "{writes}");
        if wrong == 10 && !was_closed {
            reached += 1;
            let marie = claim("marie", 1, Some(BORN));
            let requester = from("10.7.7.7");
            let (ticket, _) = after.ask_reset(&marie, &requester).await.unwrap();
            after.decide_reset(&marie, &ticket, &requester).await.unwrap();
            assert!(after.identity_guard().closed.is_some(), "made good by the next request");
            let verdict = after.try_reset_code(&ticket, "", &requester).await.unwrap();
            assert_eq!(verdict, CodeVerdict::Refused);
        }
        assert_eq!(after.verify_audit().await.unwrap().fault_count, 0);
    }
    assert!(reached > 0, "the moment between the two was never met");
}

#[tokio::test]
async fn everybody_costs_the_same_with_a_birth_date_too() {
    // ASVS 6.3.8, over 2,000 samples: known and right, known and wrong date, wrong name, no date
    // in the directory, privileged, suspended, unknown, no number at all.
    let bench = bench().await;
    let suspended = common::create(&bench.directory, "suspended", 6).await;
    let state = directory::AccountState::Suspended;
    bench.directory.set_state(suspended.id, state).await.unwrap();
    let cases = [
        claim("marie", 1, Some(BORN)),
        claim("marie", 1, Some("1990-01-01")),
        claim("somebody else", 1, Some(BORN)),
        claim("paul", 2, Some(BORN)),
        claim("anne", 4, Some(BORN)),
        claim("suspended", 6, Some(BORN)),
        claim("nobody", 99, Some(BORN)),
        ResetClaim { academic_id: "no number".into(), ..claim("nobody", 0, Some(BORN)) },
    ];
    let hashes = bench.directory.password_hashes();
    let mut works = std::collections::BTreeMap::new();
    for sample in 0..2000usize {
        // A week is past, so that no limit but the alarm is reached; that one is opened again.
        if sample % cases.len() == 0 {
            bench.pass(8 * DAY);
            if bench.policy_is_over() {
                bench.renew().await;
            }
        }
        let claim = &cases[sample % cases.len()];
        let requester = from(&format!("10.{}.{}.7", sample / 250, sample % 250));
        let before = bench.store.syncs();
        let (ticket, goes_on) = bench.directory.ask_reset(claim, &requester).await.unwrap();
        assert!(goes_on, "{sample}");
        let asked = bench.store.syncs();
        bench.directory.decide_reset(claim, &ticket, &requester).await.unwrap();
        let decided = bench.store.syncs();
        let code = if sample % 2 == 0 { "" } else { "12345678" };
        let verdict = bench.directory.try_reset_code(&ticket, code, &requester).await.unwrap();
        assert_eq!(verdict, CodeVerdict::Refused);
        let tried = bench.store.syncs();
        let sealed = bench.directory.seal_ticket(&ticket).unwrap().len();
        *works.entry((asked - before, decided - asked, tried - decided, sealed)).or_insert(0) += 1;
    }
    assert_eq!(works.len(), 1, "{works:?}");
    assert_eq!(works.keys().next().map(|work| (work.0, work.1, work.2)), Some((1, 1, 1)));
    assert_eq!(bench.directory.password_hashes(), hashes);
}
