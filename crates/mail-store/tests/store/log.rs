//! The log, damaged in every place.

use std::path::PathBuf;

use mail_store::{Batch, OpenError, Store};

use crate::support::{Number, Place, partition};

const ROWS: u32 = 5;

/// A store that stopped without warning with [`ROWS`] acknowledged rows, a group each, in its log.
async fn stopped() -> Place {
    let place = Place::in_memory();
    let store = place.open();
    store.close();
    drop(store);
    let store = place.open();
    for row in 0..ROWS {
        let mut batch = Batch::new().bump();
        batch.put::<Number>(&(1, row), &u64::from(row));
        store.commit(partition(1), batch).await.unwrap();
    }
    place.copy()
}

fn log_of(place: &Place) -> (PathBuf, Vec<u8>) {
    let files = std::fs::read_dir(place.data()).unwrap().map(|entry| entry.unwrap().path());
    let logs = files.filter(|file| file.extension().is_some_and(|extension| extension == "log"));
    let mut logs = logs.filter(|file| std::fs::metadata(file).unwrap().len() > 0);
    let file = logs.next().unwrap();
    assert_eq!(logs.next(), None);
    let bytes = std::fs::read(&file).unwrap();
    (file, bytes)
}

async fn rows(store: &Store) -> u32 {
    let page = store.scan::<Number>(partition(1), None, 100).await.unwrap();
    for (place, row) in page.rows.iter().enumerate() {
        assert_eq!(*row, ((1, place as u32), place as u64));
    }
    page.rows.len() as u32
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    Whole,
    LastGroupDropped,
}

/// Opens the store with this log; what an operator is told is checked on the way.
async fn outcome(place: &Place, log: &[u8], what: &str) -> Outcome {
    let copy = place.copy();
    let (file, _) = log_of(&copy);
    std::fs::write(&file, log).unwrap();
    let store = match Store::open(copy.options()) {
        Ok(store) => store,
        Err(error @ OpenError::DamagedLog { .. }) => {
            assert!(error.to_string().contains("facteur salvage"), "{error}");
            assert!(std::fs::read(&file).unwrap() == log, "{what}: the evidence was touched");
            return Outcome::Refused;
        }
        Err(error) => panic!("{what}: {error}"),
    };
    let dropped = store.verify(|_| {}).await.unwrap().groups_dropped;
    match (rows(&store).await, dropped) {
        (ROWS, 0) => Outcome::Whole,
        (left, 1) if left == ROWS - 1 => Outcome::LastGroupDropped,
        (left, dropped) => panic!("{what}: {left} rows, {dropped} groups dropped"),
    }
}

// With the mark, which every stop but a power cut leaves exact, no damage at all passes.
#[tokio::test]
async fn every_flipped_byte_of_the_log_is_refused() {
    let place = stopped().await;
    let (_, log) = log_of(&place);
    for at in 0..log.len() {
        let mut damaged = log.clone();
        damaged[at] ^= 1 << (at % 8);
        assert_eq!(outcome(&place, &damaged, &format!("byte {at}")).await, Outcome::Refused);
    }
    assert_eq!(outcome(&place, &log, "untouched").await, Outcome::Whole);
}

#[tokio::test]
async fn without_the_mark_a_flipped_byte_costs_at_most_the_last_group_and_is_counted() {
    let place = stopped().await;
    std::fs::remove_file(place.data().join("facteur.synced")).unwrap();
    let (_, log) = log_of(&place);
    let mut dropped = Vec::new();
    for at in 0..log.len() {
        let mut damaged = log.clone();
        damaged[at] ^= 1 << (at % 8);
        match outcome(&place, &damaged, &format!("byte {at}")).await {
            Outcome::Refused => {}
            Outcome::LastGroupDropped => dropped.push(at),
            Outcome::Whole => panic!("byte {at} was not noticed"),
        }
    }
    let last_group = log.len() - log.len() / (ROWS as usize + 1);
    assert!(dropped.iter().all(|&at| at >= last_group - 40), "{dropped:?}");
}

#[tokio::test]
async fn a_log_cut_anywhere_is_refused() {
    let place = stopped().await;
    let (_, log) = log_of(&place);
    for length in (1..log.len()).step_by(7).chain(log.len() - 20..log.len()) {
        let what = format!("cut at {length}");
        assert_eq!(outcome(&place, &log[..length], &what).await, Outcome::Refused);
    }
}

// What a power cut leaves: the last write torn, and the mark older than it.
#[tokio::test]
async fn a_torn_last_write_is_dropped_and_counted() {
    let place = stopped().await;
    std::fs::remove_file(place.data().join("facteur.synced")).unwrap();
    let (_, log) = log_of(&place);
    for length in log.len() - 90..log.len() {
        let what = format!("cut at {length}");
        assert_eq!(outcome(&place, &log[..length], &what).await, Outcome::LastGroupDropped);
    }
}

#[tokio::test]
async fn after_a_torn_write_and_another_crash_the_store_opens() {
    let place = stopped().await;
    std::fs::remove_file(place.data().join("facteur.synced")).unwrap();
    let (file, log) = log_of(&place);
    std::fs::write(file, &log[..log.len() - 9]).unwrap();
    let store = place.open();
    let mut batch = Batch::new().bump();
    batch.put::<Number>(&(1, ROWS - 1), &u64::from(ROWS - 1));
    store.commit(partition(1), batch).await.unwrap();
    let again = place.copy().open();
    assert_eq!(rows(&again).await, ROWS);
    assert_eq!(again.verify(|_| {}).await.unwrap().groups_dropped, 1);
}

#[tokio::test]
async fn salvage_takes_what_stands_before_the_damage_and_says_so() {
    let place = stopped().await;
    let (file, log) = log_of(&place);
    let mut damaged = log.clone();
    damaged[log.len() / 2] ^= 1;
    std::fs::write(file, damaged).unwrap();
    assert!(Store::open(place.options()).is_err());
    let report = Store::salvage(place.options()).unwrap().to_string();
    assert!(report.contains("lost"), "{report}");
    let store = place.open();
    let left = rows(&store).await;
    assert!((1..ROWS).contains(&left), "{left} rows");
    assert!(store.first_number().await.unwrap() > 1, "counters went forward");
    let dropped = store.verify(|_| {}).await.unwrap().groups_dropped;
    assert_eq!(dropped, u64::from(ROWS - left));
}
