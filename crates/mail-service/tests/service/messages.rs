//! What clients do with messages: flags, COPY, MOVE, EXPUNGE, quota.

use mail_service::{FlagChange, ServiceError, Settings};
use mail_store::Store;
use mail_types::{AccountId, ModSeq, UidSet};

use crate::support::*;

async fn store(
    server: &Server,
    mailbox: &mail_service::OpenMailbox,
    uids: &UidSet,
    change: FlagChange,
    flags: &[&str],
) -> mail_service::Stored {
    let actor = me(mailbox.owner().0);
    server.service.store_flags(actor, mailbox, uids, change, &set(flags), None).await.unwrap()
}

async fn filled(count: usize) -> (Server, mail_service::OpenMailbox) {
    let server = Server::new().await;
    for number in 0..count {
        server.append(1, "INBOX", &message(number), &[]).await.unwrap();
    }
    let inbox = server.inbox(1).await;
    (server, inbox)
}

#[tokio::test]
async fn store_changes_what_it_says_and_counts_it() {
    let (server, inbox) = filled(3).await;
    let all = UidSet::range(1, 3);
    store(&server, &inbox, &all, FlagChange::Replace, &["\\Seen", "$Work"]).await;
    store(&server, &inbox, &UidSet::range(2, 2), FlagChange::Add, &["\\Deleted"]).await;
    store(&server, &inbox, &UidSet::range(3, 3), FlagChange::Remove, &["\\Seen"]).await;
    assert_eq!(flags(&inbox, 1), "\\Seen $Work");
    assert_eq!(flags(&inbox, 2), "\\Deleted \\Seen $Work");
    assert_eq!(flags(&inbox, 3), "$Work");
    let status = server.status(1, "INBOX").await;
    assert_eq!((status.messages, status.unseen, status.deleted), (3, 1, 1));
}

#[tokio::test]
async fn a_store_that_changes_nothing_raises_no_mod_seq() {
    let (server, inbox) = filled(1).await;
    let all = UidSet::range(1, 1);
    store(&server, &inbox, &all, FlagChange::Add, &["\\Seen"]).await;
    let before = server.status(1, "INBOX").await.highest_mod_seq;
    let stored = store(&server, &inbox, &all, FlagChange::Add, &["\\Seen"]).await;
    assert!(stored.changed.is_empty());
    assert_eq!(server.status(1, "INBOX").await.highest_mod_seq, before);
}

#[tokio::test]
async fn flags_stored_together_and_one_by_one_survive_starts_and_expunges() {
    // Many flags at once are stored by neighbourhood, few by message; the newer one counts.
    let (server, inbox) = filled(300).await;
    let (add, remove) = (FlagChange::Add, FlagChange::Remove);
    store(&server, &inbox, &UidSet::range(1, 300), add, &["\\Seen"]).await;
    store(&server, &inbox, &UidSet::range(7, 7), add, &["\\Deleted"]).await;
    store(&server, &inbox, &UidSet::range(250, 290), remove, &["\\Seen"]).await;
    store(&server, &inbox, &UidSet::range(260, 260), add, &["$Work"]).await;
    store(&server, &inbox, &UidSet::range(300, 300), remove, &["\\Seen"]).await;
    server.service.expunge(me(1), &inbox, None).await.unwrap();
    let before: Vec<_> = inbox.snapshot().iter().cloned().collect();
    let again = server.after_power_cut().await;
    assert_eq!(again.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
    let inbox = again.inbox(1).await;
    assert_eq!(inbox.snapshot().iter().cloned().collect::<Vec<_>>(), before);
    assert_eq!((flags(&inbox, 260), flags(&inbox, 6)), ("$Work".into(), "\\Seen".into()));
    assert_eq!((uids(&inbox).len(), flags(&inbox, 300)), (299, String::new()));
}

#[tokio::test]
async fn unchanged_since_leaves_newer_messages_alone() {
    // RFC 7162 §3.1.3.
    let (server, inbox) = filled(2).await;
    let since = inbox.snapshot().get(uid(1)).unwrap().mod_seq;
    let (all, seen) = (UidSet::range(1, 2), set(&["\\Seen"]));
    let stored = server
        .service
        .store_flags(me(1), &inbox, &all, FlagChange::Add, &seen, Some(since))
        .await
        .unwrap();
    assert_eq!((stored.changed, stored.modified), (UidSet::range(1, 1), UidSet::range(2, 2)));
    let now = inbox.snapshot();
    assert!(now.get(uid(1)).unwrap().mod_seq > since);
    assert_eq!(now.highest_mod_seq, now.get(uid(1)).unwrap().mod_seq);
}

#[tokio::test]
async fn a_mailbox_takes_so_many_keywords_and_forgets_unused_ones() {
    let settings = Settings { keywords_per_mailbox_max: 2, ..Settings::default() };
    let server = Server::with(Store::memory(), settings).await;
    server.append(1, "INBOX", &message(1), &["a", "b"]).await.unwrap();
    let refused = server.append(1, "INBOX", &message(2), &["c"]).await;
    assert!(matches!(refused, Err(ServiceError::TooMany { what: "keywords" })));
    let inbox = server.inbox(1).await;
    store(&server, &inbox, &UidSet::range(1, 1), FlagChange::Replace, &["A"]).await;
    server.append(1, "INBOX", &message(2), &["c"]).await.unwrap();
}

#[tokio::test]
async fn copies_keep_what_names_their_content_and_come_again_each_time() {
    let (server, inbox) = filled(2).await;
    store(&server, &inbox, &UidSet::range(2, 2), FlagChange::Add, &["\\Flagged"]).await;
    let all = UidSet::range(1, 2);
    for round in 0..2 {
        let copied = server.service.copy(me(1), &inbox, &all, &name("Archives")).await.unwrap();
        let first = 1 + 2 * round;
        assert_eq!(copied.pairs, [(uid(1), uid(first)), (uid(2), uid(first + 1))]);
    }
    let archives = server.open(1, "Archives").await;
    assert_eq!(uids(&archives), [1, 2, 3, 4]);
    assert_eq!(flags(&archives, 4), "\\Flagged");
    assert_eq!(server.bytes(&archives, 3).await, message(0));
    let rows = |mailbox| {
        let service = server.service.clone();
        async move { service.messages(me(1), &mailbox, &UidSet::range(1, 9), 9).await.unwrap() }
    };
    let (here, there) = (rows(inbox.clone()).await, rows(archives.clone()).await);
    assert_eq!(here[0].1.email_id, there[2].1.email_id);
    assert_eq!(here[0].1.document, there[2].1.document);
    assert_eq!(here[0].1.internal_date, there[2].1.internal_date);
    let missing = server.service.copy(me(1), &inbox, &all, &name("Nowhere")).await;
    assert!(matches!(missing, Err(ServiceError::NoSuchTarget)));
}

#[tokio::test]
async fn a_copy_of_several_commits_is_whole_and_survives_a_start() {
    let server = Server::new().await;
    let wide = format!("Subject: wide\r\nX: {}\r\n\r\nbody\r\n", "y".repeat(40_000));
    for _ in 0..300 {
        server.append(1, "INBOX", wide.as_bytes(), &[]).await.unwrap();
    }
    let inbox = server.inbox(1).await;
    let all = UidSet::range(1, 300);
    let copied = server.service.copy(me(1), &inbox, &all, &name("Archives")).await.unwrap();
    assert_eq!(copied.pairs.len(), 300);
    let again = server.after_power_cut().await;
    assert_eq!(uids(&again.open(1, "Archives").await).len(), 300);
    assert_eq!(again.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_copy_cut_short_leaves_nothing_behind() {
    let server = Server::new().await;
    let wide = format!("Subject: wide\r\nX: {}\r\n\r\nbody\r\n", "y".repeat(40_000));
    for _ in 0..600 {
        server.append(1, "INBOX", wide.as_bytes(), &[]).await.unwrap();
    }
    let inbox = server.inbox(1).await;
    server.store.fail_after(2);
    let all = UidSet::range(1, 600);
    server.service.copy(me(1), &inbox, &all, &name("Archives")).await.unwrap_err();
    let again = server.after_power_cut().await;
    assert!(uids(&again.open(1, "Archives").await).is_empty());
    let status = again.status(1, "Archives").await;
    assert_eq!((status.messages, status.size), (0, 0));
    assert!(status.uid_next > 1, "UIDs that were seen are not given again");
    assert_eq!(again.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_moved_message_is_in_one_mailbox() {
    let (server, inbox) = filled(3).await;
    let seen = inbox.snapshot();
    let two = UidSet::range(2, 9);
    let moved =
        server.service.move_messages(me(1), &inbox, &two, &name("Corbeille")).await.unwrap();
    assert_eq!(moved.pairs, [(uid(2), uid(1)), (uid(3), uid(2))]);
    assert_eq!(uids(&inbox), [1]);
    assert_eq!(inbox.snapshot().changes_since(&seen).expunged, UidSet::range(2, 3));
    let trash = server.open(1, "Corbeille").await;
    assert_eq!(server.bytes(&trash, 2).await, message(2));
    // Into its own mailbox: the same message under a new UID.
    let moved = server.service.move_messages(me(1), &inbox, &two.clone(), &name("INBOX")).await;
    assert!(moved.unwrap().pairs.is_empty());
    let one = UidSet::range(1, 1);
    server.service.move_messages(me(1), &inbox, &one, &name("INBOX")).await.unwrap();
    assert_eq!(uids(&inbox), [4]);
    assert_eq!(server.bytes(&inbox, 4).await, message(0));
    assert_eq!(server.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn expunge_takes_deleted_messages_and_their_uids_for_ever() {
    let (server, inbox) = filled(4).await;
    store(&server, &inbox, &UidSet::range(2, 4), FlagChange::Add, &["\\Deleted"]).await;
    let some = UidSet::range(1, 3);
    let gone = server.service.expunge(me(1), &inbox, Some(&some)).await.unwrap();
    assert_eq!(gone, UidSet::range(2, 3));
    let gone = server.service.expunge(me(1), &inbox, None).await.unwrap();
    assert_eq!(gone, UidSet::range(4, 4));
    let again = server.after_power_cut().await;
    let appended = again.append(1, "INBOX", &message(9), &[]).await.unwrap();
    assert_eq!(appended.uid, uid(5));
    assert_eq!(uids(&again.inbox(1).await), [1, 5]);
    assert_eq!(again.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_body_is_collected_when_its_last_message_is_gone() {
    let server = Server::over(Store::memory_with_grace(0)).await;
    server.append(1, "INBOX", &message(1), &[]).await.unwrap();
    let inbox = server.inbox(1).await;
    let all = UidSet::range(1, 9);
    server.service.copy(me(1), &inbox, &all, &name("Archives")).await.unwrap();
    store(&server, &inbox, &all, FlagChange::Add, &["\\Deleted"]).await;
    server.service.expunge(me(1), &inbox, None).await.unwrap();
    assert_eq!(server.store.collect_released().await.unwrap().removed, 0);
    let archives = server.open(1, "Archives").await;
    assert_eq!(server.bytes(&archives, 1).await, message(1));
    store(&server, &archives, &all, FlagChange::Add, &["\\Deleted"]).await;
    server.service.expunge(me(1), &archives, None).await.unwrap();
    assert_eq!(server.store.collect_released().await.unwrap().removed, 1);
}

#[tokio::test]
async fn nobody_acts_on_another_s_mail() {
    let (server, inbox) = filled(1).await;
    let all = UidSet::range(1, 1);
    let refused = server.service.messages(me(2), &inbox, &all, 1).await;
    assert!(matches!(refused, Err(ServiceError::NoSuchMailbox)));
    let refused = server.service.expunge(me(2), &inbox, None).await;
    assert!(matches!(refused, Err(ServiceError::NoSuchMailbox)));
    let refused = server.service.mailboxes(me(2), AccountId(1)).await;
    assert!(matches!(refused, Err(ServiceError::NoSuchMailbox)));
    assert!(inbox.snapshot().highest_mod_seq > ModSeq(0));
}

#[tokio::test]
async fn a_draft_saved_again_and_again_is_one_message_after_a_power_cut_too() {
    let (server, inbox) = filled(2).await;
    let mut current = UidSet::range(2, 2);
    for number in 10..80 {
        let saved = server.received(&message(number)).await;
        let flags = set(&["\\Draft", "\\Seen"]);
        let appended =
            server.service.replace(me(1), &inbox, &current, saved, flags, None).await.unwrap();
        assert_eq!(uids(&inbox), [1, appended.uid.get()]);
        current = UidSet::range(appended.uid.get(), appended.uid.get());
    }
    // UIDs only grow, and what left is in the log (RFC 7162 §3.2.7).
    assert_eq!(uids(&inbox), [1, 72]);
    let after = server.after_power_cut().await;
    let inbox = after.inbox(1).await;
    assert_eq!(uids(&inbox), [1, 72]);
    assert_eq!(flags(&inbox, 72), "\\Seen \\Draft");
    assert_eq!(after.bytes(&inbox, 72).await, message(79));
    let status = after.status(1, "INBOX").await;
    assert_eq!((status.messages, status.unseen), (2, 1));
    let kept = (message(0).len() + message(79).len()) as u64;
    assert_eq!(after.service.bytes_used(AccountId(1)).await.unwrap(), kept);
}

#[tokio::test]
async fn what_another_session_removed_is_no_obstacle_to_taking_its_place() {
    let (server, inbox) = filled(1).await;
    server.service.remove(me(1), &inbox, &UidSet::range(1, 1)).await.unwrap();
    assert!(uids(&inbox).is_empty());
    let saved = server.received(&message(5)).await;
    let old = UidSet::range(1, 1);
    server.service.replace(me(1), &inbox, &old, saved, set(&[]), None).await.unwrap();
    assert_eq!(uids(&inbox), [2]);
}
