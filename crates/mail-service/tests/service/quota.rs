//! A mailbox holds as much as its account may, with what the directory says.

use directory::{DomainKind, NewAccount};
use mail_service::{RecipientError, ServiceError};
use mail_types::{Actor, Role, UidSet};

use crate::support::*;

#[tokio::test]
async fn a_full_account_is_refused_at_rcpt_append_and_copy() {
    let server = Server::new().await;
    let directory = server.service.directory();
    let to = address("marie@ac-test.example");
    directory.create_domain(to.domain(), DomainKind::Hosted).await.unwrap();
    let new = NewAccount {
        primary_address: to.clone(),
        name: "Marie".into(),
        person: directory::Person::default(),
        academic_id: "00000042".parse().unwrap(),
        units: Vec::new(),
        role: Role::Agent,
        quota_bytes: Some(1000),
        password: None,
    };
    let owner = directory.create_account(new).await.unwrap().id;
    let recipient = server.service.recipient(&to, Some(1001)).await;
    assert!(matches!(recipient, Err(RecipientError::OverQuota)));
    assert!(server.service.recipient(&to, Some(1000)).await.is_ok());
    let text = [b"Subject: x\r\n\r\n", &[b'x'; 600][..]].concat();
    server.append(owner.0, "INBOX", &text, &[]).await.unwrap();
    let refused = server.append(owner.0, "INBOX", &text, &[]).await;
    assert!(matches!(refused, Err(ServiceError::OverQuota)));
    let inbox = server.inbox(owner.0).await;
    let (actor, all) = (Actor::Account(owner), UidSet::range(1, 1));
    let refused = server.service.copy(actor, &inbox, &all, &name("Archives")).await;
    assert!(matches!(refused, Err(ServiceError::OverQuota)));
    server.service.move_messages(actor, &inbox, &all, &name("Archives")).await.unwrap();
    let unknown = server.service.recipient(&address("nobody@ac-test.example"), None).await;
    assert!(matches!(unknown, Err(RecipientError::UnknownUser)));
    let stranger = server.service.recipient(&address("marie@elsewhere.example"), None).await;
    assert!(matches!(stranger, Err(RecipientError::NotHosted)));
}

#[tokio::test]
async fn a_message_that_takes_the_place_of_another_needs_no_room_beside_it() {
    let server = Server::new().await;
    let directory = server.service.directory();
    let to = address("marie@ac-test.example");
    directory.create_domain(to.domain(), DomainKind::Hosted).await.unwrap();
    let new = NewAccount {
        primary_address: to,
        name: "Marie".into(),
        person: directory::Person::default(),
        academic_id: "00000042".parse().unwrap(),
        units: Vec::new(),
        role: Role::Agent,
        quota_bytes: Some(1000),
        password: None,
    };
    let owner = directory.create_account(new).await.unwrap().id;
    let text = [b"Subject: x\r\n\r\n", &[b'x'; 600][..]].concat();
    server.append(owner.0, "INBOX", &text, &[]).await.unwrap();
    let inbox = server.inbox(owner.0).await;
    let draft = set(&["\\Draft"]);
    let replace = async |old, size: usize| {
        let message = server.received(&[&text[..14], &vec![b'y'; size]].concat()).await;
        let actor = Actor::Account(owner);
        server.service.replace(actor, &inbox, &old, message, draft.clone(), None).await
    };
    replace(UidSet::range(1, 1), 900).await.unwrap();
    let refused = replace(UidSet::range(2, 2), 1000).await;
    assert!(matches!(refused, Err(ServiceError::OverQuota)));
    assert_eq!(uids(&inbox), [2], "what was to be replaced stays");
}
