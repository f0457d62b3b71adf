//! Bodies: stored once, read back in ranges, removed when nobody refers to them, never before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mail_store::tables::blob::{BodyName, BodyReferrer};
use mail_store::{BlobStore, Class, Direction, Partition, Referrer, Store, StoreError};
use mail_types::AccountId;

use crate::support::{
    Dice, Place, dequeue, enqueue, expunge, of_account, read_all, refer, settle, size_of,
    store_body,
};

fn shard_of(body: &mail_store::BodyRef) -> Partition {
    Partition { class: Class::Blob, id: u64::from(body.hash.0[0]) }
}

#[tokio::test]
async fn bodies_of_every_size_read_back_in_any_range() {
    let place = Place::new();
    for store in [Store::memory(), place.open()] {
        let mut dice = Dice(1);
        for size in [0, 1, 262_143, 262_144, 262_145, 524_288, 3_000_000] {
            let bytes = dice.bytes(size);
            let body = store_body(&store, &bytes, &[1]).await;
            settle(&store).await;
            assert_eq!(body.size, size as u64);
            assert_eq!(read_all(&store, *body).await, bytes);
            for _ in 0..20 {
                let from = dice.below(size as u64 + 10);
                let to = from + dice.below(600_000);
                let read = store.read_body(*body, from..to).await.unwrap();
                let end = (to as usize).min(size).min(from as usize + (1 << 20));
                assert_eq!(read, bytes[(from as usize).min(end)..end]);
            }
        }
        assert_eq!(store.verify(|_| {}).await.unwrap().faults, vec![]);
    }
}

#[tokio::test]
async fn a_body_is_stored_once_and_a_thousand_recipients_cost_no_sync() {
    let store = Store::memory();
    let bytes = Dice(2).bytes(1_000_000);
    let accounts: Vec<_> = (0..1000).collect();
    let before = store.syncs();
    let first = store_body(&store, &bytes, &accounts).await;
    let second = store_body(&store, &bytes, &[5000]).await;
    settle(&store).await;
    assert_eq!(*first, *second);
    assert_eq!(store.syncs(), before);
    let page = store
        .scan_prefix::<BodyReferrer, _>(
            shard_of(&first),
            &first.hash,
            None,
            2000,
            Direction::Forward,
        )
        .await
        .unwrap();
    assert_eq!(page.rows.len(), 1001);
    let verified = store.verify(|_| {}).await.unwrap();
    assert_eq!((verified.bodies, verified.bytes), (1, 1_000_000));
}

#[tokio::test]
async fn what_a_synced_commit_refers_to_survives_a_power_cut() {
    let store = Store::memory();
    let bytes = Dice(3).bytes(700_000);
    let body = store_body(&store, &bytes, &[1]).await;
    let lost = store.after_crash();
    assert!(lost.reserve(*body, &[]).unwrap().is_none(), "not synced yet");
    refer(&store, &body, 1, 1).await;
    let kept = store.after_crash();
    assert_eq!(read_all(&kept, *body).await, bytes);
    assert_eq!(kept.verify(|_| {}).await.unwrap().faults, vec![]);
}

// The end of an upload's note and the body's name lie in two partitions, so a crash can fall
// between them: the sweep of the next start must leave the pieces of a named body alone.
#[tokio::test]
async fn the_sweep_leaves_the_pieces_of_a_body_whose_naming_was_cut_off_after_the_name() {
    for writes in 0..12 {
        let store = Store::memory_with_grace(0);
        let bytes = Dice(4).bytes(700_000);
        // A first body makes the hash known; the second, of other bytes, is cut off.
        let known = store_body(&store, &bytes, &[1]).await;
        refer(&store, &known, 1, 1).await;
        let other = Dice(5).bytes(700_000);
        store.fail_after(writes);
        let mut writer = store.body_writer();
        for piece in other.chunks(100_000) {
            if writer.write(piece).await.is_err() {
                break;
            }
        }
        if let Ok(body) = writer.finish(&[of_account(1)]).await {
            let mut batch = mail_store::Batch::new().bump();
            let key = (body.hash, mail_types::MailboxId(1), mail_types::Uid::FIRST);
            batch.put::<mail_store::tables::mail::BodyUse>(&key, &());
            let _ = store.commit(mail_store::account_partition(AccountId(1)), batch).await;
        }
        let after = store.after_crash();
        after.collect_all().await.unwrap();
        assert_eq!(after.verify(|_| {}).await.unwrap().faults, vec![], "{writes} writes");
    }
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    let place = Place::new();
    let store = place.open();
    let mut writer = store.body_writer();
    writer.write(&Dice(6).bytes(5_000_000)).await.unwrap();
    drop(writer);
    // The removal is in line before this.
    settle(&store).await;
    store.compact().await.unwrap();
    store.close();
    assert!(size_of(&place.data()) < 1_000_000, "{}", size_of(&place.data()));
}

#[tokio::test]
async fn a_body_goes_after_its_last_reference_and_its_grace() {
    let place = Place::new();
    let store = place.open();
    let body = *store_body(&store, b"newsletter", &[1, 2, 3]).await;
    for account in [1, 2] {
        refer(&store, &body, account, 1).await;
    }
    place.pass(100);
    expunge(&store, &body, 1, 1).await;
    assert_eq!(store.collect_released().await.unwrap().removed, 0, "account 2 refers to it");
    let stale =
        store.get::<BodyReferrer>(shard_of(&body), &(body.hash, of_account(1))).await.unwrap();
    assert_eq!(stale, None, "the index forgets who no longer refers");
    expunge(&store, &body, 2, 1).await;
    let reservation = store.reserve(body, &[of_account(3)]).unwrap().unwrap();
    settle(&store).await;
    place.pass(100);
    assert_eq!(store.collect_released().await.unwrap().removed, 0, "reserved");
    drop(reservation);
    assert_eq!(store.collect_released().await.unwrap().removed, 1);
    assert_eq!(store.get::<BodyName>(shard_of(&body), &body.hash).await.unwrap(), None);
    assert!(store.reserve(body, &[]).unwrap().is_none());
}

// The outgoing queue keeps a body after the last mailbox has let go of it, and as long as any of
// its entries refers to it.
#[tokio::test]
async fn a_body_that_only_a_queue_entry_uses_is_kept_until_the_entry_is_gone() {
    let place = Place::new();
    for store in [Store::memory_with_grace(0), place.open()] {
        let shard = Referrer::QueueShard(7);
        let mut writer = store.body_writer();
        writer.write(b"on its way out").await.unwrap();
        let reserved = writer.finish(&[of_account(1), shard]).await.unwrap();
        refer(&store, &reserved, 1, 1).await;
        enqueue(&store, &reserved, 7, 40).await;
        enqueue(&store, &reserved, 7, 41).await;
        let body = *reserved;
        drop(reserved);
        place.pass(100);
        expunge(&store, &body, 1, 1).await;
        assert_eq!(store.collect_released().await.unwrap().removed, 0);
        let key = (body.hash, of_account(1));
        let stale = store.get::<BodyReferrer>(shard_of(&body), &key).await.unwrap();
        assert_eq!(stale, None);
        dequeue(&store, &body, 7, 40).await;
        assert_eq!(store.collect_all().await.unwrap().removed, 0, "entry 41 refers to it");
        assert_eq!(read_all(&store, body).await, b"on its way out");
        let verified = store.verify(|_| {}).await.unwrap();
        assert_eq!((verified.uses, verified.faults), (1, vec![]));
        dequeue(&store, &body, 7, 41).await;
        assert_eq!(store.collect_released().await.unwrap().removed, 1);
        assert!(store.reserve(body, &[shard]).unwrap().is_none());
    }
}

#[tokio::test]
async fn verify_tells_of_a_queue_entry_without_its_body() {
    let store = Store::memory();
    let body = store_body(&store, b"for account 1 alone", &[1]).await;
    enqueue(&store, &body, 2, 5).await;
    let lost = mail_store::BodyRef { hash: mail_types::BlobHash([9; 32]), size: 1 };
    enqueue(&store, &lost, 2, 6).await;
    let faults = store.verify(|_| {}).await.unwrap().faults;
    let texts: Vec<_> = faults.iter().map(|fault| fault.0.as_str()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    let unknown =
        format!("queue entry {}: body {} does not know", mail_types::QueueId(5), body.hash);
    let missing =
        format!("queue entry {}: its body {} is missing", mail_types::QueueId(6), lost.hash);
    for wanted in [unknown, missing] {
        assert!(texts.iter().any(|text| text.starts_with(&wanted)), "{wanted} in {texts:?}");
    }
}

/// Rounds of delivery, copy, submission and expunge of a few bodies by four accounts, against a
/// collector without grace.
async fn race(store: Store, rounds: u32) {
    let done = Arc::new(AtomicBool::new(false));
    let collector = {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut removed = 0;
            while !done.load(Ordering::Relaxed) {
                removed += store.collect_released().await.unwrap().removed;
                tokio::task::yield_now().await;
            }
            removed
        })
    };
    let workers = (1..=4u64).map(|account| tokio::spawn(work(store.clone(), account, rounds / 4)));
    let mut removed = 0;
    for worker in workers.collect::<Vec<_>>() {
        removed += worker.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    removed += collector.await.unwrap();
    // Half of the rounds look for a moment without references; many must have found one.
    assert!(removed > u64::from(rounds) / 20, "{removed} bodies removed in {rounds} rounds");
    store.collect_all().await.unwrap();
    let verified = store.verify(|_| {}).await.unwrap();
    assert_eq!((verified.bodies, verified.uses, verified.faults), (0, 0, vec![]));
}

async fn work(store: Store, account: u64, rounds: u32) -> u64 {
    let mut dice = Dice(account);
    let mut removed = 0;
    for uid in 1..=rounds {
        // One body in four has several pieces.
        let kind = dice.below(8) as u8;
        let bytes = vec![kind; if kind < 2 { 300_000 } else { 100 }];
        let body = store_body(&store, &bytes, &[account]).await;
        refer(&store, &body, account, uid).await;
        let body = *body;
        let copy = store.reserve(body, &[of_account(account + 10)]).unwrap().unwrap();
        refer(&store, &copy, account + 10, uid).await;
        drop(copy);
        expunge(&store, &body, account, uid).await;
        assert!(read_all(&store, body).await == bytes, "the copy refers to it");
        // Two accounts share a shard of the queue.
        let (shard, entry) = (account % 2, u64::from(uid) << 8 | account);
        let queued = store.reserve(body, &[Referrer::QueueShard(shard)]).unwrap().unwrap();
        enqueue(&store, &queued, shard, entry).await;
        drop(queued);
        expunge(&store, &body, account + 10, uid).await;
        assert!(read_all(&store, body).await == bytes, "the queue entry refers to it");
        dequeue(&store, &body, shard, entry).await;
        if dice.below(2) == 0 {
            removed += store.collect_released().await.unwrap().removed;
        }
    }
    removed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_rounds_against_the_collector_in_memory() {
    race(Store::memory_with_grace(0), 10_000).await;
}

/// Rounds on disk, where each waits for syncs; `ROUNDS` asks for more, as `make test-long` does.
const ROUNDS_ON_DISK: u32 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rounds_against_the_collector_on_disk() {
    let asked = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = asked.unwrap_or(ROUNDS_ON_DISK);
    let place = Place::new();
    let mut options = place.options();
    options.body_grace_seconds = 0;
    race(Store::open(options).unwrap(), rounds).await;
}

#[tokio::test]
async fn the_disk_shrinks_when_nine_of_ten_bodies_are_gone() {
    let place = Place::new();
    let store = place.open();
    let mut dice = Dice(7);
    let mut bodies = Vec::new();
    for uid in 1..=400u32 {
        let body = *store_body(&store, &dice.bytes(100_000), &[1]).await;
        refer(&store, &body, 1, uid).await;
        bodies.push(body);
    }
    store.compact().await.unwrap();
    let full = size_of(&place.data());
    for (uid, body) in (1u32..).zip(&bodies).filter(|(uid, _)| uid % 10 > 0) {
        expunge(&store, body, 1, uid).await;
    }
    place.pass(100);
    assert_eq!(store.collect_released().await.unwrap().removed, 360);
    store.compact().await.unwrap();
    store.close();
    let left = size_of(&place.data());
    assert!(left < full / 4, "{left} of {full} bytes are left");
    drop(store);
    let store = place.open();
    for (_, body) in (1u32..).zip(&bodies).filter(|(uid, _)| uid % 10 == 0) {
        assert_eq!(read_all(&store, *body).await.len(), 100_000);
    }
    let gone = store.read_body(bodies[0], 0..10).await;
    assert!(matches!(gone, Err(StoreError::Corrupt { .. })));
}
