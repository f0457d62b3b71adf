//! Whoever leaves reads everything and changes nothing, from the moment on in which the day is set.

use mail_service::contacts::ContactRow;
use mail_service::{FlagChange, SearchKey, ServiceError, Subscription};
use mail_types::{AccountId, Actor, UidSet};

use crate::support::*;

const MARIE: AccountId = AccountId(1);

async fn server() -> Server {
    let server = Server::new().await;
    server.found(MARIE.0).await;
    server
}

async fn leaves(server: &Server, day: Option<&str>) {
    let day = day.map(|day| day.parse().unwrap());
    server.service.directory().set_leaving(MARIE, day).await.unwrap();
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, ServiceError>) {
    assert!(matches!(outcome, Err(ServiceError::Leaving)), "{outcome:?}");
}

#[tokio::test]
async fn who_leaves_changes_nothing_and_reads_everything() {
    let server = server().await;
    server.deliver(&[1], &message(1)).await.unwrap();
    let (inbox, service, actor) = (server.inbox(1).await, &server.service, me(1));
    let (one, seen) = (UidSet::range(1, 1), set(&["\\Seen"]));
    let (archive, other) = (name("Archives"), name("Autre"));
    leaves(&server, Some("2099-08-31")).await;

    assert!(!service.may_write(actor, MARIE).await.unwrap());
    refused(service.store_flags(actor, &inbox, &one, FlagChange::Add, &seen, None).await);
    refused(service.expunge(actor, &inbox, None).await);
    refused(service.remove(actor, &inbox, &one).await);
    refused(service.copy(actor, &inbox, &one, &archive).await);
    refused(service.move_messages(actor, &inbox, &one, &archive).await);
    refused(server.append(1, "Archives", &message(2), &[]).await);
    let draft = server.received(&message(2)).await;
    refused(service.replace(actor, &inbox, &one, draft, set(&[]), None).await);
    refused(service.create(actor, MARIE, &other, None).await);
    refused(service.rename(actor, MARIE, &archive, &other).await);
    refused(service.delete(actor, MARIE, &archive).await);
    let wanted = Subscription::Unsubscribed;
    refused(service.subscribe(actor, MARIE, &archive, wanted).await);
    let contact = ContactRow { name: "Léa".into(), ..ContactRow::default() };
    refused(service.save_contact(actor, MARIE, None, contact).await);

    assert_eq!(flags(&inbox, 1), "", "as it was");
    assert_eq!(server.names(1).await.len(), 6);
    assert!(server.bytes(&inbox, 1).await.ends_with(&message(1)));
    let everything = SearchKey::And(Vec::new());
    let found = service.search(actor, &inbox, &inbox.snapshot(), &everything).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(service.address_book(actor, MARIE).await.unwrap().contacts.is_empty());
}

#[tokio::test]
async fn who_leaves_still_receives_and_may_stay_after_all() {
    let server = server().await;
    leaves(&server, Some("2099-08-31")).await;
    server.deliver(&[1], &message(1)).await.unwrap();
    let (inbox, service) = (server.inbox(1).await, &server.service);
    let (one, seen) = (UidSet::range(1, 1), set(&["\\Seen"]));
    assert_eq!(inbox.snapshot().len(), 1);
    assert_eq!(server.status(1, "INBOX").await.unseen, 1);
    // What Facteur does for itself goes on.
    let answered = set(&["\\Answered"]);
    let system = Actor::System;
    service.store_flags(system, &inbox, &one, FlagChange::Add, &answered, None).await.unwrap();
    refused(service.store_flags(me(1), &inbox, &one, FlagChange::Add, &seen, None).await);
    leaves(&server, None).await;
    service.store_flags(me(1), &inbox, &one, FlagChange::Add, &seen, None).await.unwrap();
    assert_eq!(flags(&inbox, 1), "\\Answered \\Seen");
    // Nobody learns of it who may not know of the account.
    let stranger = service.may_write(me(2), MARIE).await;
    assert!(matches!(stranger, Err(ServiceError::NoSuchMailbox)), "{stranger:?}");
}

#[tokio::test]
async fn who_leaves_neither_takes_back_nor_hurries_what_is_scheduled() {
    let server = server().await;
    let id = crate::outbox::send_later(&server).await;
    leaves(&server, Some("2099-08-31")).await;
    refused(server.service.take_back(me(1), id).await);
    refused(server.service.send_now(me(1), id).await);
    assert_eq!(server.service.scheduled(me(1)).await.unwrap().len(), 1, "it is seen");
    leaves(&server, None).await;
    assert!(server.service.take_back(me(1), id).await.unwrap().is_some());
}
