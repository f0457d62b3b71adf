//! Many at once, power cuts and failing writes: what was acknowledged is there, once.

use std::collections::BTreeSet;

use directory::{DirectoryError, DomainKind, NewAccount, Person};
use mail_service::{FlagChange, ServiceError};
use mail_store::account_partition;
use mail_store::tables::mail::{BodyUse, Message};
use mail_types::{AccountId, Role, UidSet};

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

/// An account of the directory with two messages.
async fn marie(server: &Server) -> AccountId {
    let directory = server.service.directory();
    directory.create_domain(&"ac.test".parse().unwrap(), DomainKind::Hosted).await.unwrap();
    let marie = NewAccount {
        primary_address: address("marie@ac.test"),
        name: "Marie".into(),
        academic_id: "0001".parse().unwrap(),
        person: Person::default(),
        units: Vec::new(),
        role: Role::Agent,
        quota_bytes: None,
        password: None,
    };
    let id = directory.create_account(marie).await.unwrap().id;
    for number in 0..2 {
        server.append(id.0, "INBOX", &message(number), &[]).await.unwrap();
    }
    id
}

/// Rows of messages, and of their bodies, that the account has.
async fn mail_rows(server: &Server, id: AccountId) -> (usize, usize) {
    let partition = account_partition(id);
    let messages = server.store.scan::<Message>(partition, None, 100).await.unwrap();
    let bodies = server.store.scan::<BodyUse>(partition, None, 100).await.unwrap();
    (messages.rows.len(), bodies.rows.len())
}

/// The directory came first, and a second attempt stopped at "no such account": the mail stayed for
/// ever.
#[tokio::test]
async fn mail_that_a_crash_left_to_a_deleted_account_goes_with_the_next_round() {
    let server = Server::new().await;
    let id = marie(&server).await;
    assert_eq!(mail_rows(&server, id).await, (2, 2));
    server.service.directory().delete_account(id).await.unwrap();
    let again = server.after_power_cut().await;
    assert!(again.service.directory().delete_account(id).await.is_err());
    assert_eq!(mail_rows(&again, id).await, (2, 2));
    assert_eq!(again.service.purge_deleted().await.unwrap(), 1);
    assert_eq!(mail_rows(&again, id).await, (0, 0));
    let later = again.after_power_cut().await;
    assert_eq!(later.service.purge_deleted().await.unwrap(), 0, "it is known to be gone");
}

#[tokio::test]
async fn an_account_is_deleted_with_its_mail_and_one_that_may_not_be_keeps_all_of_it() {
    let server = Server::new().await;
    let id = marie(&server).await;
    let refusal = async { Err(DirectoryError::NotAllowed("nobody deletes themselves")) };
    let refused = server.service.delete_account(id, refusal).await;
    assert!(matches!(refused, Err(ServiceError::Directory(DirectoryError::NotAllowed(_)))));
    assert_eq!(mail_rows(&server, id).await, (2, 2));
    let deletion = server.service.directory().delete_account(id);
    server.service.delete_account(id, deletion).await.unwrap();
    assert_eq!(mail_rows(&server, id).await, (0, 0));
    // Once more within the hour: mail that was under way may have come after.
    server.append(id.0, "INBOX", &message(3), &[]).await.expect_err("there is no mailbox");
    assert_eq!(server.service.purge_deleted().await.unwrap(), 1);
}
