//! Mail that came before a reset by identity alone: not there for the account, wherever it is
//! looked for, until an officer opens it.

use directory::{Day, Requester, ResetClaim, ResetOutcome, Unit, UnitUpdate};
use mail_service::{MailService, SearchKey, Settings};
use mail_store::Store;
use mail_types::{AccountId, Role, UidSet};

use crate::support::*;

const BORN: &str = "1985-03-21";
const OLD: &str = "rhinocéros vert sous la pluie";
const NEW: &str = "un perroquet sous la pluie";
const DAY: i64 = 24 * 3600;

/// A directory with Marie (1), her IT officer (2) and two administrators, whose clock is ours.
async fn directory(
    store: &Store,
    time: &std::sync::Arc<std::sync::atomic::AtomicI64>,
) -> directory::Directory {
    let now = std::sync::Arc::clone(time);
    let clock: directory::Clock =
        std::sync::Arc::new(move || now.load(std::sync::atomic::Ordering::Relaxed));
    let mut settings = directory::Settings::default();
    settings.reset.academy_networks = vec!["10.0.0.0/8".parse().unwrap()];
    let directory = directory::Directory::open_at(store.clone(), settings, clock).await.unwrap();
    let domain = "ac-test.example".parse().unwrap();
    directory.create_domain(&domain, directory::DomainKind::Hosted).await.unwrap();
    let school = "0750001A".parse().unwrap();
    let unit =
        Unit { code: school, name: "École".into(), officers: vec![], contact: String::new() };
    directory.create_unit(unit).await.unwrap();
    for (number, role) in
        [Role::Agent, Role::ItOfficer, Role::Administrator, Role::Administrator].iter().enumerate()
    {
        let account = directory::NewAccount {
            primary_address: address(&format!("agent{}@ac-test.example", number + 1)),
            name: format!("Agent {}", number + 1),
            person: directory::Person {
                birth_date: Some(BORN.parse().unwrap()),
                ..directory::Person::default()
            },
            academic_id: format!("{:08}", number + 1).parse().unwrap(),
            units: vec!["0750001A".parse().unwrap()],
            role: *role,
            quota_bytes: None,
            password: Some(directory::NewPassword::Plain(OLD.into())),
        };
        directory.create_account(account).await.unwrap();
    }
    let update = UnitUpdate { officers: Some(vec![AccountId(2)]), ..UnitUpdate::default() };
    directory.update_unit(&"0750001A".parse().unwrap(), update).await.unwrap();
    directory
}

async fn reset(directory: &directory::Directory, time: &std::sync::atomic::AtomicI64) {
    let school = "0750001A".parse().unwrap();
    let asked = Requester { peer: Some("10.1.2.3".parse().unwrap()), ..Requester::console() };
    let last: Day = "2026-12-31".parse().unwrap();
    let boss = |number| directory.account(AccountId(number));
    let (one, two) = (boss(3).await.unwrap().unwrap(), boss(4).await.unwrap().unwrap());
    let number = directory.propose_identity_reset(&one, &school, last, "x", &asked).await.unwrap();
    directory.approve_identity_reset(&two, &school, number, &asked).await.unwrap();
    let claim = ResetClaim {
        name: "Agent 1".into(),
        academic_id: "00000001".into(),
        birth_date: Some(BORN.parse().unwrap()),
    };
    for _ in 0..2 {
        let (ticket, _) = directory.ask_reset(&claim, &asked).await.unwrap();
        directory.decide_reset(&claim, &ticket, &asked).await.unwrap();
        let went_on = directory.try_reset_code(&ticket, "", &asked).await.unwrap();
        if went_on == directory::CodeVerdict::Right {
            let done = directory.finish_reset(&ticket, &NEW.into(), &asked).await.unwrap();
            assert_eq!(done, ResetOutcome::Done);
            return;
        }
        time.fetch_add(DAY, std::sync::atomic::Ordering::Relaxed);
    }
    panic!("the wait is over after a day");
}

#[tokio::test]
async fn what_came_before_is_not_there_until_an_officer_opens_it() {
    let store = Store::memory();
    let time = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(NOW));
    let directory = directory(&store, &time).await;
    let now = std::sync::Arc::clone(&time);
    let clock: mail_service::Clock = std::sync::Arc::new(move || {
        jiff::Timestamp::from_second(now.load(std::sync::atomic::Ordering::Relaxed)).unwrap()
    });
    let service = MailService::open(store.clone(), directory.clone(), Settings::default(), clock)
        .await
        .unwrap();
    let server = Server { store, service };
    server.deliver(&[1], &message(1)).await.unwrap();
    server.deliver(&[1], &message(2)).await.unwrap();
    let before = server.inbox(1).await;
    assert_eq!(before.snapshot().len(), 2);
    reset(&directory, &time).await;
    server.deliver(&[1], &message(3)).await.unwrap();

    let inbox = server.inbox(1).await;
    let snapshot = inbox.snapshot();
    let seen: Vec<_> = snapshot.iter().map(|entry| entry.uid.get()).collect();
    assert_eq!(seen, [3]);
    let (actor, all) = (me(1), UidSet::range(1, 10));
    let service = &server.service;
    assert_eq!(service.messages(actor, &inbox, &all, 10).await.unwrap().len(), 1);
    assert_eq!(service.headers(actor, &inbox, &all, 10).await.unwrap().len(), 1);
    assert_eq!(service.structures(actor, &inbox, &all, 10).await.unwrap().len(), 1);
    let everything = SearchKey::And(Vec::new());
    let found = service.search(actor, &inbox, &snapshot, &everything).await.unwrap();
    assert_eq!(found.len(), 1);
    // Nor does a guessed UID bring a copy of it to where it would be new.
    let archive = name("Archives");
    service.copy(actor, &inbox, &UidSet::range(1, 2), &archive).await.unwrap();
    let moved = service.move_messages(actor, &inbox, &UidSet::range(1, 2), &archive).await;
    moved.unwrap();
    assert!(server.open(1, "Archives").await.snapshot().is_empty());
    // Deliveries are heard of all the same.
    let waiting = inbox.changed(&snapshot);
    server.deliver(&[1], &message(4)).await.unwrap();
    assert_eq!(waiting.await.unwrap().len(), 2);

    let officer = directory.account(AccountId(2)).await.unwrap().unwrap();
    let asked = Requester::console();
    directory.unlock_reset(&officer, AccountId(1), "vue en personne", &asked).await.unwrap();
    assert_eq!(server.inbox(1).await.snapshot().len(), 4, "all of it is there again");
}
