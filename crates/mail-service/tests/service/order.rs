//! SORT and THREAD over mailboxes that change meanwhile.

use mail_service::Threads;
use mail_types::{SortBy, SortKey, Uid, UidSet};

use crate::support::*;

async fn sorted(server: &Server, mailbox: &mail_service::OpenMailbox, by: SortBy) -> Vec<u32> {
    let snapshot = mailbox.snapshot();
    let all: Vec<Uid> = snapshot.iter().map(|entry| entry.uid).collect();
    let order = [SortKey { by, reverse: false }];
    let sorted = server.service.sort(me(1), mailbox, &snapshot, &all, &order).await.unwrap();
    sorted.into_iter().map(Uid::get).collect()
}

#[tokio::test]
async fn sorting_follows_arrivals_and_expunges() {
    let server = Server::new().await;
    for subject in ["b", "a", "c"] {
        let message = format!("Subject: {subject}\r\n\r\nx\r\n");
        server.append(1, "INBOX", message.as_bytes(), &["\\Deleted"]).await.unwrap();
    }
    let inbox = server.inbox(1).await;
    assert_eq!(sorted(&server, &inbox, SortBy::Subject).await, [2, 1, 3]);
    server.append(1, "INBOX", b"Subject: A\r\n\r\nlonger than the others\r\n", &[]).await.unwrap();
    assert_eq!(sorted(&server, &inbox, SortBy::Subject).await, [2, 4, 1, 3]);
    assert_eq!(sorted(&server, &inbox, SortBy::Size).await, [1, 2, 3, 4]);
    let two = UidSet::range(2, 2);
    server.service.expunge(me(1), &inbox, Some(&two)).await.unwrap();
    assert_eq!(sorted(&server, &inbox, SortBy::Subject).await, [4, 1, 3]);
}

#[tokio::test]
async fn letters_are_sorted_without_regard_to_case_and_accents_after_their_letter() {
    // RFC 5051: compared in titlecase and decomposed.
    let server = Server::new().await;
    for subject in ["zebre", "=?utf-8?q?=C3=89t=C3=A9?=", "etage", "Ecole"] {
        let message = format!("Subject: {subject}\r\n\r\nx\r\n");
        server.append(1, "INBOX", message.as_bytes(), &[]).await.unwrap();
    }
    let inbox = server.inbox(1).await;
    assert_eq!(sorted(&server, &inbox, SortBy::Subject).await, [4, 3, 2, 1]);
}

#[tokio::test]
async fn nobody_sorts_another_s_mail() {
    let server = Server::new().await;
    server.append(1, "INBOX", b"Subject: x\r\n\r\nx\r\n", &[]).await.unwrap();
    let inbox = server.inbox(1).await;
    let snapshot = inbox.snapshot();
    let order = [SortKey { by: SortBy::Date, reverse: false }];
    assert!(server.service.sort(me(2), &inbox, &snapshot, &[uid(1)], &order).await.is_err());
    let threads = Threads::References;
    assert!(server.service.thread(me(2), &inbox, &snapshot, &[uid(1)], threads).await.is_err());
}
