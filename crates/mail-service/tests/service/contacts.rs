//! The address book: bounded, durable, one's own.

use mail_service::ServiceError;
use mail_service::contacts::{Book, ContactId, ContactRow, GroupRow};
use mail_types::AccountId;

use crate::support::*;

fn contact(name: &str, addresses: &[&str]) -> ContactRow {
    ContactRow {
        name: name.into(),
        addresses: addresses.iter().map(|text| address(text)).collect(),
        ..ContactRow::default()
    }
}

async fn book(server: &Server, owner: u64) -> Book {
    server.service.address_book(me(owner), AccountId(owner)).await.unwrap()
}

async fn save(server: &Server, row: ContactRow) -> ContactId {
    let saved = server.service.save_contact(me(1), AccountId(1), None, row).await;
    saved.unwrap().unwrap()
}

#[tokio::test]
async fn contacts_and_groups_survive_a_power_cut_and_are_sorted_by_name() {
    let server = Server::new().await;
    let owner = AccountId(1);
    let zoe = save(&server, contact("Zoé", &["zoe@far.test"])).await;
    let eva = save(&server, contact("éva", &["m@far.test", "p@far.test"])).await;
    let group = GroupRow { name: "3e B".into(), members: vec![eva, zoe, eva, ContactId(99)] };
    server.service.save_group(me(1), owner, None, group).await.unwrap().unwrap();
    let server = server.after_power_cut().await;
    let book = book(&server, 1).await;
    let names: Vec<_> = book.contacts.iter().map(|(_, row)| row.name.as_str()).collect();
    assert_eq!(names, ["éva", "Zoé"]);
    assert_eq!(book.groups[0].1.members, [zoe, eva], "each once, and only who is there");
    assert_eq!(book.contact(eva).unwrap().addresses.len(), 2);
}

#[tokio::test]
async fn who_is_deleted_leaves_the_groups_and_the_number_is_not_given_again() {
    let server = Server::new().await;
    let owner = AccountId(1);
    let first = save(&server, contact("Un", &["un@far.test"])).await;
    let group = GroupRow { name: "Groupe".into(), members: vec![first] };
    let group = server.service.save_group(me(1), owner, None, group).await.unwrap().unwrap();
    server.service.delete_contact(me(1), owner, first).await.unwrap();
    server.service.delete_contact(me(1), owner, first).await.unwrap();
    assert_ne!(save(&server, contact("Deux", &[])).await, first);
    assert!(book(&server, 1).await.group(group).unwrap().members.is_empty());
    let gone = server.service.save_contact(me(1), owner, Some(first), contact("x", &[])).await;
    assert_eq!(gone.unwrap(), None);
    server.service.delete_group(me(1), owner, group).await.unwrap();
    assert!(book(&server, 1).await.groups.is_empty());
}

#[tokio::test]
async fn an_address_book_is_its_owners() {
    let server = Server::new().await;
    let owner = AccountId(1);
    save(&server, contact("Un", &[])).await;
    assert!(server.service.address_book(me(2), owner).await.is_err());
    assert!(server.service.correspondents(me(2), owner).await.is_err());
    let foreign = server.service.save_contact(me(2), owner, None, contact("x", &[])).await;
    assert!(matches!(foreign, Err(ServiceError::NoSuchMailbox)), "{foreign:?}");
    assert!(book(&server, 2).await.contacts.is_empty());
}

#[tokio::test]
async fn everything_about_it_has_a_limit() {
    let settings =
        mail_service::Settings { contacts_max: 2, contact_groups_max: 1, ..Default::default() };
    let server = Server::with(mail_store::Store::memory(), settings).await;
    let owner = AccountId(1);
    let refused = async |row: ContactRow| {
        let saved = server.service.save_contact(me(1), owner, None, row).await;
        assert!(matches!(saved, Err(ServiceError::TooMany { .. })), "{saved:?}");
    };
    refused(contact(&"x".repeat(201), &[])).await;
    refused(contact("x", &["a@far.test"; 21])).await;
    refused(ContactRow { notes: "x".repeat(4001), ..contact("x", &[]) }).await;
    refused(ContactRow { phones: vec!["1".into(); 21], ..contact("x", &[]) }).await;
    let three = vec![contact("x", &[]); 3];
    assert!(server.service.add_contacts(me(1), owner, three).await.is_err());
    save(&server, contact("un", &[])).await;
    save(&server, contact("deux", &[])).await;
    refused(contact("trois", &[])).await;
    let group = GroupRow { name: "g".into(), members: Vec::new() };
    server.service.save_group(me(1), owner, None, group.clone()).await.unwrap();
    assert!(server.service.save_group(me(1), owner, None, group).await.is_err());
}

#[tokio::test]
async fn the_latest_correspondents_are_remembered_and_the_oldest_forgotten() {
    let server = Server::new().await;
    let owner = AccountId(1);
    let remember = async |people: &[(String, &str)]| {
        let people: Vec<_> = people.iter().map(|(n, a)| (n.clone(), address(a))).collect();
        server.service.remember_correspondents(me(1), owner, &people).await.unwrap();
    };
    remember(&[("Ann".into(), "ann@far.test")]).await;
    remember(&[(String::new(), "Ann@far.test")]).await;
    let known = server.service.correspondents(me(1), owner).await.unwrap();
    assert_eq!((known.len(), known[0].times, known[0].name.as_str()), (1, 2, "Ann"));
    for part in 0..3 {
        let many: Vec<_> =
            (0..250).map(|n| (String::new(), format!("n{part}-{n}@far.test"))).collect();
        let many: Vec<_> = many.iter().map(|(n, a)| (n.clone(), a.as_str())).collect();
        remember(&many).await;
    }
    assert_eq!(server.service.correspondents(me(1), owner).await.unwrap().len(), 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_write_at_once_lose_nothing() {
    let server = Server::new().await;
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let server = server.clone();
            tokio::spawn(async move { save(&server, contact(&format!("c{number}"), &[])).await })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for task in tasks {
        ids.insert(task.await.unwrap());
    }
    assert_eq!((ids.len(), book(&server, 1).await.contacts.len()), (20, 20));
}
