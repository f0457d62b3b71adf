//! Many at once, power cuts and failing writes: what was acknowledged is there, once.

use std::collections::BTreeSet;

use mail_service::{FlagChange, ServiceError};
use mail_types::{AccountId, UidSet};

use crate::support::*;

const NO_FAULTS: Vec<String> = Vec::new();

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_sessions_into_one_mailbox_get_distinct_rising_uids() {
    let server = Server::new().await;
    let inbox = server.inbox(1).await;
    let tasks: Vec<_> = (0..20)
        .map(|task| {
            let server = server.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for number in 0..50 {
                    let message = message(task * 50 + number);
                    let appended = server.append(1, "INBOX", &message, &[]).await.unwrap();
                    mine.push(appended.uid.get());
                }
                assert!(mine.is_sorted(), "one session's UIDs rise");
                mine
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all, (1..=1000).collect());
    assert_eq!(uids(&inbox), (1..=1000).collect::<Vec<_>>());
    let again = server.after_power_cut().await;
    assert_eq!(uids(&again.inbox(1).await), uids(&inbox));
    assert_eq!(again.service.verify(AccountId(1)).await.unwrap().faults, NO_FAULTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn snapshots_never_go_back_while_many_write() {
    let server = Server::new().await;
    let inbox = server.inbox(1).await;
    let watcher = tokio::spawn({
        let inbox = inbox.clone();
        async move {
            let mut seen = inbox.snapshot();
            let mut known: BTreeSet<u32> = seen.iter().map(|entry| entry.uid.get()).collect();
            while seen.uid_next <= 200 {
                let now = inbox.changed(&seen).await.unwrap();
                assert!(now.highest_mod_seq > seen.highest_mod_seq);
                let changes = now.changes_since(&seen);
                known.retain(|uid| !changes.expunged.contains(*uid));
                for arrived in changes.arrived {
                    let uid = arrived.uid.get();
                    assert!(known.last().is_none_or(|last| *last < uid), "UIDs rise");
                    known.insert(uid);
                }
                assert!(now.iter().map(|entry| entry.uid.get()).eq(known.iter().copied()));
                seen = now;
            }
        }
    });
    let writers: Vec<_> = (0..4)
        .map(|task| {
            let (server, inbox) = (server.clone(), inbox.clone());
            tokio::spawn(async move {
                for number in 0..50u32 {
                    let message = message(task * 50 + number as usize);
                    let made = server.append(1, "INBOX", &message, &[]).await.unwrap().uid.get();
                    let (mine, deleted) = (UidSet::range(made, made), set(&["\\Deleted"]));
                    if number % 3 == 0 {
                        let add = FlagChange::Add;
                        let stored =
                            server.service.store_flags(me(1), &inbox, &mine, add, &deleted, None);
                        stored.await.unwrap();
                        server.service.expunge(me(1), &inbox, Some(&mine)).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    watcher.await.unwrap();
    assert_eq!(server.service.verify(AccountId(1)).await.unwrap().faults, NO_FAULTS);
}

#[tokio::test]
async fn a_mailbox_opened_while_messages_arrive_shows_each_once() {
    let server = Server::new().await;
    for number in 0..300 {
        server.append(1, "INBOX", &message(number), &[]).await.unwrap();
    }
    // A fresh start, so that nothing is in memory.
    let server = Server::over(server.store.clone()).await;
    let writers: Vec<_> = (0..50)
        .map(|number| {
            let server = server.clone();
            tokio::spawn(async move { server.deliver(&[1], &message(1000 + number)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let inbox = server.inbox(1).await;
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(uids(&inbox), (1..=350).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failing_write_is_told_to_everybody_and_leaves_nothing_half_done() {
    for writes in 0..6 {
        let server = Server::new().await;
        server.append(1, "INBOX", &message(0), &[]).await.unwrap();
        server.store.fail_after(writes);
        let tasks: Vec<_> = (1..10)
            .map(|number| {
                let server = server.clone();
                tokio::spawn(async move {
                    let mut writer = server.service.message_writer();
                    writer.write(&message(number)).await?;
                    let message = writer.finish().await?;
                    let (inbox, none) = (name("INBOX"), set(&[]));
                    server.service.append(me(1), AccountId(1), &inbox, message, none, None).await
                })
            })
            .collect();
        let mut acknowledged = BTreeSet::from([1]);
        let mut failed = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(appended) => assert!(acknowledged.insert(appended.uid.get())),
                Err(error) => {
                    assert!(matches!(error, ServiceError::TryAgain(_)), "{error}");
                    failed += 1;
                }
            }
        }
        assert!(writes > 0 || failed > 0, "a write that fails is not acknowledged");
        let again = server.after_power_cut().await;
        let stored: BTreeSet<u32> = uids(&again.inbox(1).await).into_iter().collect();
        assert!(stored.is_superset(&acknowledged), "{stored:?} holds {acknowledged:?}");
        assert_eq!(again.service.verify(AccountId(1)).await.unwrap().faults, NO_FAULTS);
        let next = again.append(1, "INBOX", &message(99), &[]).await.unwrap().uid.get();
        assert!(stored.iter().all(|uid| *uid < next));
    }
}

#[tokio::test]
async fn sessions_show_what_is_stored_after_a_failed_write() {
    let server = Server::new().await;
    server.append(1, "INBOX", &message(0), &[]).await.unwrap();
    let inbox = server.inbox(1).await;
    server.store.fail_after(0);
    let (all, seen) = (UidSet::range(1, 1), set(&["\\Seen"]));
    let stored =
        server.service.store_flags(me(1), &inbox, &all, FlagChange::Add, &seen, None).await;
    assert!(matches!(stored, Err(ServiceError::TryAgain(_))));
    assert_eq!(flags(&inbox, 1), "");
    assert_eq!(server.status(1, "INBOX").await.unseen, 1);
    assert_eq!(server.bytes(&inbox, 1).await, message(0));
}
