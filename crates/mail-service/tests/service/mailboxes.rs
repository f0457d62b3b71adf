//! The rules of mailbox names (RFC 9051 §6.3.4 to §6.3.8).

use mail_service::{ServiceError, Settings, Subscription};
use mail_store::Store;
use mail_types::{AccountId, SpecialUse};

use crate::support::*;

async fn rename(server: &Server, from: &str, to: &str) -> Result<(), ServiceError> {
    server.service.rename(me(1), AccountId(1), &name(from), &name(to)).await
}

async fn delete(server: &Server, mailbox: &str) -> Result<(), ServiceError> {
    server.service.delete(me(1), AccountId(1), &name(mailbox)).await
}

#[tokio::test]
async fn everybody_has_the_special_mailboxes_from_the_first_day() {
    let server = Server::new().await;
    let all = server.service.mailboxes(me(1), AccountId(1)).await.unwrap();
    let uses: Vec<_> = all.iter().filter_map(|info| info.special_use).collect();
    assert_eq!(uses, SpecialUse::ALL);
    assert!(all[0].name.is_inbox() && all.iter().all(|info| info.subscribed));
    let again = server.after_power_cut().await;
    assert_eq!(again.service.mailboxes(me(1), AccountId(1)).await.unwrap(), all);
}

#[tokio::test]
async fn create_makes_what_is_missing_above() {
    let server = Server::new().await;
    server.create(1, "Classe/6e B/Élèves").await;
    let names = server.names(1).await;
    assert!(
        ["Classe", "Classe/6e B", "Classe/6e B/Élèves"]
            .iter()
            .all(|n| names.contains(&(*n).into()))
    );
    let again = server.service.create(me(1), AccountId(1), &name("Classe"), None).await;
    assert!(matches!(again, Err(ServiceError::AlreadyExists)));
    let shared = server.service.create(me(1), AccountId(1), &name("Autres/x"), None).await;
    assert!(matches!(shared, Err(ServiceError::ReservedName)));
}

#[tokio::test]
async fn there_are_only_so_many_mailboxes() {
    let settings = Settings { mailboxes_max: 8, ..Settings::default() };
    let server = Server::with(Store::memory(), settings).await;
    let deep = server.service.create(me(1), AccountId(1), &name("a/b/c"), None).await;
    assert!(matches!(deep, Err(ServiceError::TooMany { .. })));
    server.create(1, "a/b").await;
    assert!(matches!(rename(&server, "a", "x/y").await, Err(ServiceError::TooMany { .. })));
    // Another limit counts at once; what is fixed at the start stays as it is.
    let other =
        Settings { mailboxes_max: 9, time_zone: "Europe/Berlin".into(), ..Settings::default() };
    server.service.reload(&other);
    rename(&server, "a", "x/y").await.unwrap();
    assert_eq!(server.service.settings().time_zone, "Europe/Paris");
    // What is there already stays.
    server.service.reload(&Settings { mailboxes_max: 1, ..Settings::default() });
    server.append(1, "x/y/b", &message(1), &[]).await.unwrap();
}

#[tokio::test]
async fn a_new_mailbox_of_an_old_name_has_another_uid_validity() {
    let server = Server::new().await;
    server.create(1, "a").await;
    server.append(1, "a", &message(1), &[]).await.unwrap();
    let old = server.status(1, "a").await.uid_validity;
    let open = server.open(1, "a").await;
    let seen = open.snapshot();
    delete(&server, "a").await.unwrap();
    assert!(open.changed(&seen).await.is_none(), "sessions learn that it is gone");
    server.create(1, "a").await;
    let status = server.status(1, "a").await;
    assert!(status.uid_validity > old);
    assert_eq!(status.messages, 0);
    assert_eq!(server.service.bytes_used(AccountId(1)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_deleted_name_with_inferiors_stays_as_a_name_and_goes_with_the_last() {
    let server = Server::new().await;
    server.create(1, "a/b").await;
    delete(&server, "a").await.unwrap();
    let all = server.service.mailboxes(me(1), AccountId(1)).await.unwrap();
    let a = all.iter().find(|info| info.name.as_str() == "a").unwrap();
    assert!(a.no_select && a.has_children);
    let opened = server.service.open_mailbox(me(1), AccountId(1), &name("a")).await;
    assert!(matches!(opened, Err(ServiceError::NoSuchMailbox)));
    assert!(matches!(delete(&server, "a").await, Err(ServiceError::HasChildren)));
    delete(&server, "a/b").await.unwrap();
    assert!(!server.names(1).await.iter().any(|name| name.starts_with('a')));
}

#[tokio::test]
async fn inbox_cannot_be_deleted() {
    let server = Server::new().await;
    assert!(matches!(delete(&server, "inbox").await, Err(ServiceError::ReservedName)));
    assert!(matches!(delete(&server, "nowhere").await, Err(ServiceError::NoSuchMailbox)));
}

#[tokio::test]
async fn rename_takes_what_lies_below_along_and_moves_no_message() {
    let server = Server::new().await;
    server.create(1, "a/b").await;
    server.append(1, "a/b", &message(1), &[]).await.unwrap();
    let before = server.status(1, "a/b").await;
    let open = server.open(1, "a/b").await;
    rename(&server, "a", "x/y").await.unwrap();
    assert_eq!(server.status(1, "x/y/b").await, before);
    assert_eq!(server.open(1, "x/y/b").await.id(), open.id());
    assert!(!server.names(1).await.contains(&"a".to_owned()));
    assert!(matches!(rename(&server, "x", "x/z").await, Err(ServiceError::ReservedName)));
    assert!(matches!(rename(&server, "x", "Archives").await, Err(ServiceError::AlreadyExists)));
    assert!(matches!(rename(&server, "a", "b").await, Err(ServiceError::NoSuchMailbox)));
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages_and_leaves_it_empty() {
    // RFC 9051 §6.3.6.
    let server = Server::new().await;
    server.create(1, "INBOX/below").await;
    server.deliver(&[1], &message(1)).await.unwrap();
    let inbox = server.inbox(1).await;
    rename(&server, "INBOX", "2026").await.unwrap();
    assert!(uids(&inbox).is_empty());
    assert_eq!(uids(&server.open(1, "2026").await), [1]);
    assert!(server.names(1).await.contains(&"INBOX/below".to_owned()));
    server.deliver(&[1], &message(2)).await.unwrap();
    assert_eq!(uids(&inbox), [2]);
}

#[tokio::test]
async fn a_subscription_outlives_its_mailbox() {
    // RFC 9051 §6.3.7.
    let server = Server::new().await;
    let subscribe = |mailbox: &'static str, wanted| {
        let service = server.service.clone();
        async move { service.subscribe(me(1), AccountId(1), &name(mailbox), wanted).await }
    };
    server.create(1, "a").await;
    subscribe("a", Subscription::Subscribed).await.unwrap();
    delete(&server, "a").await.unwrap();
    let server2 = server.after_power_cut().await;
    let names = server2.service.subscriptions(me(1), AccountId(1)).await.unwrap();
    assert!(names.contains(&name("a")));
    subscribe("a", Subscription::Unsubscribed).await.unwrap();
    let names = server.service.subscriptions(me(1), AccountId(1)).await.unwrap();
    assert!(!names.contains(&name("a")));
    let missing = subscribe("nowhere", Subscription::Subscribed).await;
    assert!(matches!(missing, Err(ServiceError::NoSuchMailbox)));
}
