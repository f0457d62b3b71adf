//! Both engines against a simple model, with the same seeds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mail_store::{Batch, CommitError, Cond, Direction, Store, Version};

use crate::support::{Dice, Number, Place, partition};

const PARTITIONS: u64 = 3;
const TASKS: u64 = 4;
const COMMITS: u64 = 60;

type Rows = BTreeMap<(u64, (u32, u32)), u64>;

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    rows: Rows,
    versions: [u64; PARTITIONS as usize],
}

/// One commit as the dice made it, for the store and for the model.
#[derive(Clone, Debug)]
struct Plan {
    partition: u64,
    expect: Option<u64>,
    assert: Option<((u32, u32), bool)>,
    put: Vec<((u32, u32), u64)>,
    delete: Vec<(u32, u32)>,
    delete_prefix: Option<u32>,
    bump: bool,
    synced: bool,
}

impl Plan {
    fn throw(dice: &mut Dice, versions: &[u64]) -> Self {
        let key = |dice: &mut Dice| (dice.below(4) as u32, dice.below(6) as u32);
        let partition = dice.below(PARTITIONS);
        let version = versions[partition as usize];
        let put: Vec<_> = (0..dice.below(4)).map(|_| (key(dice), dice.throw())).collect();
        let deletes: Vec<_> = (0..dice.below(3)).map(|_| key(dice)).collect();
        let is_put = |key: &(u32, u32)| put.iter().any(|(other, _)| other == key);
        Self {
            partition,
            // One in eight is stale.
            expect: (dice.below(2) == 0)
                .then(|| version - u64::from(dice.below(8) == 0).min(version)),
            assert: (dice.below(3) == 0).then(|| (key(dice), dice.below(2) == 0)),
            delete: deletes.into_iter().filter(|key| !is_put(key)).collect(),
            put,
            delete_prefix: (dice.below(5) == 0).then(|| dice.below(4) as u32),
            bump: dice.below(4) > 0,
            synced: dice.below(3) > 0,
        }
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        if self.bump {
            batch = batch.bump();
        }
        if !self.synced {
            batch = batch.unsynced();
        }
        if let Some(version) = self.expect {
            batch = batch.expect(Version(version));
        }
        if let Some((key, exists)) = self.assert {
            batch.assert::<Number>(&key, if exists { Cond::Exists } else { Cond::Absent });
        }
        if let Some(prefix) = self.delete_prefix {
            batch.delete_prefix::<Number, _>(&prefix);
        }
        self.delete.iter().for_each(|key| batch.delete::<Number>(key));
        self.put.iter().for_each(|(key, value)| batch.put::<Number>(key, value));
        batch
    }
}

impl Model {
    /// The new version, or `None` for a conflict.
    fn apply(&mut self, plan: &Plan) -> Option<u64> {
        let version = &mut self.versions[plan.partition as usize];
        let exists = |key| self.rows.contains_key(&(plan.partition, key));
        if plan.expect.is_some_and(|expected| expected != *version)
            || plan.assert.is_some_and(|(key, expected)| exists(key) != expected)
        {
            return None;
        }
        *version += u64::from(plan.bump);
        if let Some(prefix) = plan.delete_prefix {
            self.rows.retain(|(part, key), _| *part != plan.partition || key.0 != prefix);
        }
        for key in &plan.delete {
            self.rows.remove(&(plan.partition, *key));
        }
        for (key, value) in &plan.put {
            self.rows.insert((plan.partition, *key), *value);
        }
        Some(*version)
    }
}

/// The model and what was submitted, in order; under the lock that a writer holds over `submit`.
#[derive(Default)]
struct Ledger {
    model: Model,
    submitted: Vec<(Plan, bool)>,
}

async fn play(store: &Store, seed: u64) -> Ledger {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let tasks = (0..TASKS).map(|task| {
        let (store, ledger) = (store.clone(), Arc::clone(&ledger));
        tokio::spawn(async move {
            let mut dice = Dice(seed * 1000 + task);
            for _ in 0..COMMITS {
                let place = {
                    let mut ledger = ledger.lock().unwrap();
                    let plan = Plan::throw(&mut dice, &ledger.model.versions);
                    let mut after = ledger.model.clone();
                    let expected = after.apply(&plan);
                    match store.submit(partition(plan.partition), plan.batch()) {
                        Ok(pending) => {
                            assert_eq!(Some(pending.version().0), expected, "{plan:?}");
                            ledger.model = after;
                            ledger.submitted.push((plan, false));
                            Some((ledger.submitted.len() - 1, pending))
                        }
                        Err(CommitError::Conflict) => {
                            assert_eq!(expected, None, "{plan:?}");
                            None
                        }
                        Err(CommitError::Unknown(_)) => return,
                        Err(error) => panic!("{error}"),
                    }
                };
                let Some((place, pending)) = place else { continue };
                match pending.await {
                    Ok(_) => ledger.lock().unwrap().submitted[place].1 = true,
                    Err(CommitError::Unknown(_)) => return,
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    Arc::into_inner(ledger).unwrap().into_inner().unwrap()
}

/// What the store holds, read in small pages, forward and backward.
async fn contents(store: &Store) -> Model {
    let mut model = Model::default();
    for id in 0..PARTITIONS {
        model.versions[id as usize] = store.version(partition(id)).await.unwrap().0;
        let mut backward = Vec::new();
        for direction in [Direction::Forward, Direction::Backward] {
            let mut from = None;
            loop {
                let page = store
                    .scan_prefix::<Number, _>(partition(id), &(), from.as_ref(), 3, direction)
                    .await
                    .unwrap();
                match direction {
                    Direction::Forward => {
                        model
                            .rows
                            .extend(page.rows.into_iter().map(|(key, value)| ((id, key), value)));
                    }
                    Direction::Backward => backward.extend(page.rows.into_iter().map(|row| row.0)),
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        backward.reverse();
        let forward = model.rows.keys().filter(|(part, _)| *part == id).map(|(_, key)| *key);
        assert_eq!(backward, forward.collect::<Vec<_>>());
    }
    model
}

/// The store after a crash must be the model after some number of commits, at least all that were
/// acknowledged after a sync.
fn check_is_a_prefix(after_crash: &Model, ledger: &Ledger, seed: u64) {
    let acknowledged = |(plan, done): &(Plan, bool)| *done && plan.synced;
    let least = ledger.submitted.iter().rposition(acknowledged).map_or(0, |place| place + 1);
    let mut model = Model::default();
    for (count, (plan, _)) in ledger.submitted.iter().enumerate() {
        if count >= least && model == *after_crash {
            return;
        }
        assert!(model.apply(plan).is_some());
    }
    assert_eq!(model, *after_crash, "seed {seed}: at least {least} commits must be there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_engine_is_the_model() {
    for seed in 0..40 {
        let store = Store::memory();
        let ledger = play(&store, seed).await;
        assert_eq!(contents(&store).await, ledger.model, "seed {seed}");
        check_is_a_prefix(&contents(&store.after_crash()).await, &ledger, seed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rocksdb_is_the_model_and_stays_it_over_a_crash_and_a_restart() {
    for seed in 0..10 {
        let place = Place::new();
        let store = place.open();
        let ledger = play(&store, seed).await;
        assert_eq!(contents(&store).await, ledger.model, "seed {seed}");
        let crashed = place.copy();
        assert_eq!(contents(&crashed.open()).await, ledger.model, "seed {seed}, crashed");
        store.close();
        drop(store);
        assert_eq!(contents(&place.open()).await, ledger.model, "seed {seed}, restarted");
    }
}

// A failed write stops the engine: everybody who waits is told that nobody knows, and nothing that
// was acknowledged is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_stops_the_engine_and_loses_nothing_acknowledged() {
    for seed in 0..40 {
        let store = Store::memory();
        store.fail_after(seed % 20);
        let ledger = play(&store, seed).await;
        store.failed().await;
        let after = store.submit(partition(0), Batch::new().bump());
        assert!(matches!(after, Err(CommitError::Unknown(_))));
        check_is_a_prefix(&contents(&store.after_crash()).await, &ledger, seed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_share_a_sync() {
    let store = Store::memory();
    let before = store.syncs();
    let pending: Vec<_> = (0..200u32)
        .map(|number| {
            let mut batch = Batch::new().bump();
            batch.put::<Number>(&(1, number), &7);
            store.submit(partition(0), batch).unwrap()
        })
        .collect();
    for (number, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.version(), Version(number as u64 + 1));
        pending.await.unwrap();
    }
    assert!(store.syncs() - before < 200, "{} syncs", store.syncs() - before);
    assert_eq!(store.version(partition(0)).await.unwrap(), Version(200));
}

#[tokio::test]
async fn changes_are_announced_in_commit_order() {
    let store = Store::memory();
    let mut subscription = store.change_bus().subscribe();
    for _ in 0..20 {
        drop(store.submit(partition(1), Batch::new().bump()).unwrap());
    }
    for version in 1..=20 {
        let heard = subscription.next().await.unwrap();
        let expected = mail_store::Hint { partition: partition(1), version: Version(version) };
        assert_eq!(heard, mail_store::HintOrGap::Hint(expected));
    }
}

#[tokio::test]
async fn a_value_over_its_limit_is_refused() {
    enum Text {}
    impl mail_store::Table for Text {
        const ID: u8 = 201;
        const NAME: &'static str = "Text";
        const VERSION: u8 = 1;
        type Key = u32;
        type Value = Vec<u8>;
    }
    let store = Store::memory();
    let mut batch = Batch::new();
    batch.put::<Text>(&1, &vec![0; 65 << 10]);
    assert!(matches!(
        store.submit(partition(0), batch),
        Err(CommitError::TooLarge { what: "Text" })
    ));
}
