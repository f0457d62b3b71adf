//! Delivery: what goes in comes out, once, for each of its recipients.

use std::time::Duration;

use crate::support::*;
use mail_message::structure::Section;
use mail_service::{Recipient, ServiceError, Settings};
use mail_store::Store;
use mail_types::{AccountId, UidSet};

#[tokio::test]
async fn a_delivered_message_reads_back_byte_for_byte_behind_its_prefix() {
    let server = Server::new().await;
    let sent = message(1);
    server.deliver(&[1, 2], &sent).await.unwrap();
    for number in [1, 2] {
        let inbox = server.inbox(number).await;
        let prefix = format!(
            "Return-Path: <paul@ac-test.example>\r\n\
             Delivered-To: agent{number}@ac-test.example\r\n{TRACE}"
        );
        assert_eq!(server.bytes(&inbox, 1).await, [prefix.as_bytes(), &sent].concat());
        let size = (prefix.len() + sent.len()) as u64;
        assert_eq!(server.status(number, "INBOX").await.size, size);
    }
}

#[tokio::test]
async fn header_and_structure_count_the_prefix() {
    let server = Server::new().await;
    server.deliver(&[1], &message(7)).await.unwrap();
    let inbox = server.inbox(1).await;
    let all = UidSet::range(1, u32::MAX);
    let whole = server.bytes(&inbox, 1).await;
    let headers = server.service.headers(me(1), &inbox, &all, 10).await.unwrap();
    assert!(whole.starts_with(&headers[0].1));
    assert!(headers[0].1.ends_with(b"\r\n\r\n"));
    let structures = server.service.structures(me(1), &inbox, &all, 10).await.unwrap();
    let range = structures[0].1.range(&[], Section::Text).unwrap();
    assert_eq!(&whole[range.start as usize..range.end as usize], b"Bonjour 7.\r\n");
    let rows = server.service.messages(me(1), &inbox, &all, 10).await.unwrap();
    assert_eq!(rows[0].1.header_size as usize, headers[0].1.len());
    assert_eq!(rows[0].1.summary.subject, "Message 7");
}

#[tokio::test]
async fn a_message_of_many_pieces_reads_back_whole() {
    let server = Server::new().await;
    let mut sent = b"Subject: large\r\n\r\n".to_vec();
    sent.extend((0..3_000_000u32).map(|number| (number % 251) as u8 | 0x20));
    server.deliver(&[1], &sent).await.unwrap();
    let inbox = server.inbox(1).await;
    assert!(server.bytes(&inbox, 1).await.ends_with(&sent));
}

#[tokio::test]
async fn a_header_and_a_structure_too_large_for_a_row_are_kept_whole() {
    let server = Server::new().await;
    let mut sent = String::from("Subject: wide\r\n");
    (0..3000).for_each(|number| sent += &format!("X-Filler-{number}: {}\r\n", "y".repeat(60)));
    sent += "Content-Type: multipart/mixed; boundary=x\r\n\r\n";
    (0..900).for_each(|number| {
        sent += &format!(
            "--x\r\nContent-Type: text/x-{number}; name=\"{}\"\r\n\r\n\r\n",
            "z".repeat(80)
        );
    });
    sent += "--x--\r\n";
    server.deliver(&[1], sent.as_bytes()).await.unwrap();
    let server = Server::over(server.store).await;
    let inbox = server.inbox(1).await;
    let all = UidSet::range(1, 1);
    let headers = server.service.headers(me(1), &inbox, &all, 1).await.unwrap();
    assert!(headers[0].1.len() > 200_000);
    assert!(server.bytes(&inbox, 1).await.starts_with(&headers[0].1));
    let structures = server.service.structures(me(1), &inbox, &all, 1).await.unwrap();
    assert_eq!(structures[0].1.parts[0].children.len(), 900);
}

#[tokio::test]
async fn two_recipients_that_are_one_account_get_it_once() {
    let server = Server::new().await;
    let alias = Recipient { address: address("agent1+tag@ac-test.example"), ..recipient(1) };
    server.deliver_with(vec![recipient(1), alias], &message(1), TRACE).await.unwrap();
    assert_eq!(uids(&server.inbox(1).await), [1]);
}

#[tokio::test]
async fn a_message_that_was_here_before_or_goes_round_is_refused() {
    // RFC 5321 §6.3.
    let server = Server::new().await;
    let back = b"Delivered-To: AGENT1@ac-test.example\r\n\r\n";
    assert!(matches!(server.deliver(&[1], back).await, Err(ServiceError::Loop)));
    let far = "Received: x\r\n".repeat(51) + "\r\n";
    assert!(matches!(server.deliver(&[1], far.as_bytes()).await, Err(ServiceError::Loop)));
    let near = "Received: x\r\n".repeat(50) + "\r\n";
    server.deliver(&[1], near.as_bytes()).await.unwrap();
    let elsewhere = b"Delivered-To: agent2@ac-test.example\r\n\r\n";
    server.deliver(&[1], elsewhere).await.unwrap();
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_as_it_streams() {
    let settings = Settings { message_bytes_max: 1000, ..Settings::default() };
    let server = Server::with(Store::memory(), settings).await;
    let mut writer = server.service.message_writer();
    writer.write(&[b'x'; 1000]).await.unwrap();
    let refused = writer.write(b"x").await;
    assert!(matches!(refused, Err(ServiceError::TooLarge { bytes_max: 1000 })));
}

#[tokio::test]
async fn a_reply_is_in_its_message_s_conversation() {
    let server = Server::new().await;
    server.deliver(&[1], &message(1)).await.unwrap();
    server.deliver(&[1], &message(2)).await.unwrap();
    let reply = b"Message-ID: <r@x.example>\r\nReferences: <1@ac-test.example>\r\n\r\n";
    server.deliver(&[1], reply).await.unwrap();
    let second = b"Message-ID: <s@x.example>\r\nIn-Reply-To: <r@x.example>\r\n\r\n";
    server.deliver(&[1], second).await.unwrap();
    let inbox = server.inbox(1).await;
    let all = UidSet::range(1, 9);
    let rows = server.service.messages(me(1), &inbox, &all, 10).await.unwrap();
    let threads: Vec<_> = rows.iter().map(|(_, row)| row.thread_id).collect();
    assert_eq!(threads[2], threads[0]);
    assert_eq!(threads[3], threads[0]);
    assert_ne!(threads[1], threads[0]);
}

#[tokio::test]
async fn messages_of_one_conversation_that_come_at_once_share_it() {
    // A message and its replies were given threads of their own when they were delivered within
    // one sync, because the first one's id was not stored yet.
    let server = Server::new().await;
    server.deliver(&[1], &message(0)).await.unwrap();
    let tasks = (0..20).map(|number| {
        let server = server.clone();
        let reply =
            format!("Message-ID: <r{number}@x.example>\r\nReferences: <new@x.example>\r\n\r\n");
        tokio::spawn(async move { server.deliver(&[1], reply.as_bytes()).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let inbox = server.inbox(1).await;
    let rows = server.service.messages(me(1), &inbox, &UidSet::range(2, 99), 99).await.unwrap();
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|(_, row)| row.thread_id == rows[0].1.thread_id));
}

#[tokio::test]
async fn a_message_id_that_the_edge_added_counts_as_the_message_s_own() {
    let server = Server::new().await;
    let trace = "Received: x\r\nMessage-ID: <made@here.example>\r\n\
                 Date: Thu, 05 Nov 2026 07:19:00 +0100\r\n";
    server.deliver_with(vec![recipient(1)], b"Subject: bare\r\n\r\nx\r\n", trace).await.unwrap();
    let inbox = server.inbox(1).await;
    let all = UidSet::range(1, 1);
    let rows = server.service.messages(me(1), &inbox, &all, 1).await.unwrap();
    assert_eq!(rows[0].1.summary.message_id.as_deref(), Some("made@here.example"));
    assert!(rows[0].1.summary.date.is_some());
    let structures = server.service.structures(me(1), &inbox, &all, 1).await.unwrap();
    let envelope = String::from_utf8_lossy(&structures[0].1.envelope).into_owned();
    assert!(envelope.contains("<made@here.example>"), "{envelope}");
    assert!(envelope.contains("bare"), "{envelope}");
}

#[tokio::test]
async fn a_thousand_recipients_store_one_body_and_share_syncs() {
    let server = Server::new().await;
    let everyone: Vec<u64> = (1..=1000).collect();
    let before = server.store.syncs();
    server.deliver(&everyone, &message(1)).await.unwrap();
    // In memory a sync takes no time, so few are shared; but no account needs a second one for
    // its first mailboxes.
    let syncs = server.store.syncs() - before;
    assert!(syncs <= 1001, "{syncs} syncs");
    for number in [1, 500, 1000] {
        assert_eq!(uids(&server.inbox(number).await), [1]);
    }
    let bodies = server.store.collect_all().await.unwrap();
    assert_eq!((bodies.examined, bodies.removed), (1, 0));
}

#[tokio::test]
async fn whoever_waits_is_told_of_a_delivery_and_nobody_else() {
    let server = Server::new().await;
    let (inbox, drafts) = (server.inbox(1).await, server.open(1, "Brouillons").await);
    let (seen, seen_drafts) = (inbox.snapshot(), drafts.snapshot());
    let mut changes = server.service.account_changes(me(1), AccountId(1)).await.unwrap();
    changes.borrow_and_update();
    let waiting = tokio::spawn({
        let (inbox, seen) = (inbox.clone(), seen.clone());
        async move { inbox.changed(&seen).await }
    });
    server.deliver(&[1], &message(1)).await.unwrap();
    let now = waiting.await.unwrap().unwrap();
    let arrived: Vec<_> = now.changes_since(&seen).arrived.iter().map(|new| new.uid).collect();
    assert_eq!(arrived, [uid(1)]);
    assert_eq!(now.uid_next, 2);
    changes.changed().await.unwrap();
    assert_eq!(drafts.snapshot().highest_mod_seq, seen_drafts.highest_mod_seq);
}

#[tokio::test]
async fn a_delivery_whose_waiter_went_away_is_seen_all_the_same() {
    // A session whose connection closed between commit and sync dropped its future with the one
    // task that would have shown the message: it was stored, and nobody saw it.
    let server = Server::new().await;
    server.deliver(&[1], &message(0)).await.unwrap();
    let inbox = server.inbox(1).await;
    let seen = inbox.snapshot();
    for number in 1..=40 {
        let delivery = server.clone();
        let task = tokio::spawn(async move { delivery.deliver(&[1], &message(number)).await });
        tokio::task::yield_now().await;
        task.abort();
    }
    let last = Duration::from_secs(20);
    let uid_next = || async { server.status(1, "INBOX").await.uid_next };
    let settled = async {
        // Everything submitted is synced once a later commit of another mailbox is.
        server.append(1, "Brouillons", &message(99), &[]).await.unwrap();
        while inbox.snapshot().uid_next != uid_next().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(last, settled).await.unwrap();
    let stored = Server::over(server.store.after_crash()).await;
    assert_eq!(uids(&stored.inbox(1).await), uids(&inbox));
    assert!(inbox.snapshot().uid_next >= seen.uid_next);
}
