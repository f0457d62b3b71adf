//! From the staff file to the hand-out sheet: addresses made of names, temporary secrets, moves,
//! leavers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use crate::common::{
    self, START, address, create, directory, directory_at, new, pass_days, unit, unlimited,
};
use directory::{
    AccountState, CLOCK_AHEAD_SECONDS_MAX, CLOCK_DOUBT_SECONDS, ClockLook, Day, Directory,
    ImportEvent, ImportMode, ImportReport, Person, Sheet,
};
use mail_store::Store;
use mail_types::AccountId;

const HEADER: &str = "identifiant;prénom;nom;nom d'usage;date de naissance;établissement\n";

/// What a file brings in: the report, and the sheets by academic ID.
async fn import(directory: &Directory, csv: &str) -> (ImportReport, HashMap<String, Sheet>) {
    let mut sheets = HashMap::new();
    let tell = |event| {
        if let ImportEvent::Sheet(sheet) = event {
            sheets.insert(sheet.academic_id.as_str().to_owned(), *sheet);
        }
    };
    let report = directory.import(csv.as_bytes(), ImportMode::Apply, None, tell).await.unwrap();
    (report, sheets)
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[tokio::test]
async fn addresses_are_made_of_names_and_never_given_twice() {
    let (_, directory) = directory().await;
    let csv = format!(
        "{HEADER}1001;Hélène;Lefèvre;;21/03/1985;0750001A\n\
         1002;Helene;LEFEVRE;;;0750001A 0750002B\n\
         1003;Marie Anne;Petit;de La Fontaine;;\n\
         1004;Jean-Pierre;d’Aubigné;;;\n\
         1005;Иван;Петров;;;\n\
         1006;Chloé;;;;\n"
    );
    let (report, sheets) = import(&directory, &csv).await;
    assert_eq!((report.created, report.refused.len()), (4, 2), "{:?}", report.refused);
    assert!(report.refused.iter().all(|refused| refused.line == 6 || refused.line == 7));
    for (id, expected, name) in [
        ("1001", "helene.lefevre@ac.test", "Hélène Lefèvre"),
        ("1002", "helene.lefevre2@ac.test", "Helene LEFEVRE"),
        ("1003", "marieanne.delafontaine@ac.test", "Marie Anne de La Fontaine"),
        ("1004", "jean-pierre.daubigne@ac.test", "Jean-Pierre d’Aubigné"),
    ] {
        let sheet = &sheets[id];
        assert_eq!((sheet.address.to_string().as_str(), sheet.name.as_str()), (expected, name));
        let account = directory.account(sheet.id).await.unwrap().unwrap();
        assert_eq!(account.state, AccountState::AwaitingFirstLogin);
    }
    let second = directory.find("1002").await.unwrap().unwrap();
    assert_eq!(second.units, [unit("0750001A"), unit("0750002B")]);
    assert_eq!(sheets["1002"].unit, Some(unit("0750001A")));

    // The same file again, also with a new spelling of an address, gives nobody another one.
    let (report, sheets) = import(&directory, &csv).await;
    assert_eq!((report.created, report.updated, report.unchanged), (0, 0, 4));
    assert!(sheets.is_empty());

    // Whoever goes takes the address along.
    directory.delete_account(second.id).await.unwrap();
    let (_, sheets) = import(&directory, &format!("{HEADER}1007;hélène;lefèvre;;;\n")).await;
    assert_eq!(sheets["1007"].address, address("helene.lefevre3@ac.test"));
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn people_marry_and_move_and_keep_their_address() {
    let (store, directory) = directory().await;
    import(&directory, &format!("{HEADER}1001;Marie;Martin;;1985-03-21;0750001A\n")).await;
    let moved = format!("{HEADER}1001;Marie;Martin;Durand;21/03/1985;0750002B\n");
    let (report, _) = import(&directory, &moved).await;
    assert_eq!((report.updated, report.refused.len()), (1, 0));
    let marie = directory.find("1001").await.unwrap().unwrap();
    assert_eq!((marie.name.as_str(), &marie.units[..]), ("Marie Durand", &[unit("0750002B")][..]));
    assert_eq!(marie.primary_address, address("marie.martin@ac.test"));
    let person = directory.person(marie.id).await.unwrap();
    assert_eq!(person.birth_name.as_deref(), Some("Martin"));
    assert_eq!(person.usage_name.as_deref(), Some("Durand"));
    let syncs = store.syncs();
    let (report, _) = import(&directory, &moved).await;
    assert_eq!((report.unchanged, store.syncs()), (1, syncs));
}

#[tokio::test]
async fn a_birth_date_is_compared_and_never_told() {
    let (_, directory) = directory().await;
    import(&directory, &format!("{HEADER}1001;Marie;Martin;;1985-03-21;\n1002;Jean;Petit;;;\n"))
        .await;
    let id = |who: &'static str| {
        let directory = directory.clone();
        async move { directory.find(who).await.unwrap().unwrap().id }
    };
    let (marie, jean) = (id("1001").await, id("1002").await);
    assert_eq!(directory.was_born_on(marie, day("21/03/1985")).await.unwrap(), Some(true));
    assert_eq!(directory.was_born_on(marie, day("1985-03-22")).await.unwrap(), Some(false));
    assert_eq!(directory.was_born_on(jean, day("1985-03-21")).await.unwrap(), None);
    assert_eq!(directory.person(marie).await.unwrap().birth_date, None);
    // An import without the date leaves it; one with another corrects it.
    import(&directory, &format!("{HEADER}1001;Marie;Martin;;;0750001A\n")).await;
    assert_eq!(directory.was_born_on(marie, day("1985-03-21")).await.unwrap(), Some(true));
    let (report, _) = import(&directory, &format!("{HEADER}1001;;;;1985-03-22;\n")).await;
    assert_eq!(report.updated, 1);
    assert_eq!(directory.was_born_on(marie, day("1985-03-22")).await.unwrap(), Some(true));
    // What is known of a person goes with the account.
    directory.delete_account(marie).await.unwrap();
    assert_eq!(directory.person(marie).await.unwrap(), Person::default());
    assert_eq!(directory.was_born_on(marie, day("1985-03-22")).await.unwrap(), None);
}

#[tokio::test]
async fn who_leaves_reads_until_the_day_and_is_gone_on_it() {
    let (now, directory) = directory_at(unlimited()).await;
    let marie = create(&directory, "marie", 1).await;
    for past in ["2026-11-28", "2020-01-01"] {
        assert!(directory.set_leaving(marie.id, Some(day(past))).await.is_err(), "{past}");
    }
    directory.set_leaving(marie.id, Some(day("2026-12-24"))).await.unwrap();
    let leaving = directory.account(marie.id).await.unwrap().unwrap();
    assert_eq!(
        (leaving.state, leaving.leaves_on),
        (AccountState::Leaving, Some(day("2026-12-24")))
    );
    assert!(leaving.credential_version > marie.credential_version);
    assert_eq!(common::login(&directory, "marie@ac.test", common::PASSWORD).await, Some(marie.id));
    assert!(!directory.may_send_as(marie.id, &marie.primary_address).await.unwrap());
    let due = async |days| {
        let time = pass_days(&directory, &now, days).await;
        directory.due_to_leave(time).await.unwrap()
    };
    assert_eq!(due(25).await, []);
    assert_eq!(due(1).await, [marie.id]);
    directory.set_leaving(marie.id, None).await.unwrap();
    assert_eq!(due(0).await, []);
    assert_eq!(directory.account(marie.id).await.unwrap().unwrap().state, AccountState::Active);
    assert!(directory.may_send_as(marie.id, &marie.primary_address).await.unwrap());
    // A file says it too.
    let csv = "address,name,academic_id,leaves_on\nmarie@ac.test,marie,00000001,31/12/2026\n";
    let (report, _) = import(&directory, csv).await;
    assert_eq!((report.updated, report.refused.len()), (1, 0), "{:?}", report.refused);
    for id in due(14).await {
        directory.delete_account(id).await.unwrap();
    }
    assert_eq!(due(0).await, []);
    assert!(directory.create_account(new("marie", 2)).await.is_err(), "the address stays reserved");
}

#[tokio::test]
async fn a_deleted_account_is_to_be_purged_until_its_mail_is_known_to_be_gone() {
    let (store, directory) = directory().await;
    let (marie, paul) = (create(&directory, "marie", 1).await, create(&directory, "paul", 2).await);
    assert_eq!(directory.unpurged().await.unwrap(), []);
    directory.delete_account(marie.id).await.unwrap();
    let (_, again) = common::after_crash(&store).await;
    assert_eq!(again.unpurged().await.unwrap(), [marie.id]);
    assert!(again.note_purged(paul.id).await.is_err(), "his mail would stay when he is deleted");
    again.note_purged(marie.id).await.unwrap();
    assert_eq!(again.unpurged().await.unwrap(), []);
    again.delete_account(paul.id).await.unwrap();
    assert_eq!(again.unpurged().await.unwrap(), [paul.id]);
}

/// A start with the clock years ahead ended every announced leaver's account in its first round.
#[tokio::test]
async fn a_clock_that_jumped_ahead_is_not_believed_before_it_went_on_for_a_day() {
    let store = Store::memory();
    let now = Arc::new(AtomicI64::new(START));
    let told = Arc::clone(&now);
    let clock: directory::Clock = Arc::new(move || told.load(Ordering::Relaxed));
    let start = async |store: &Store| {
        Directory::open_at(store.clone(), unlimited(), clock.clone()).await.unwrap()
    };
    let directory = start(&store).await;
    let believed = async |directory: &Directory, later: i64| {
        now.fetch_add(later, Ordering::Relaxed);
        matches!(directory.look_at_clock().await.unwrap(), ClockLook::Believed(_))
    };
    assert!(believed(&directory, 0).await, "a new store has seen no other time");
    assert!(believed(&directory, CLOCK_AHEAD_SECONDS_MAX).await, "off for a week");
    // The next start is years ahead, and its rounds go on from there.
    let directory = start(&store).await;
    assert!(!believed(&directory, 3 * 365 * 86_400).await);
    for _ in 1..144 {
        assert!(!believed(&directory, 600).await);
    }
    let before = now.load(Ordering::Relaxed);
    // Somebody sets it right; the doubt is over, and begins anew with the next jump.
    assert!(believed(&directory, -3 * 365 * 86_400).await);
    now.store(before, Ordering::Relaxed);
    assert!(!believed(&directory, 600).await, "the day of the first jump does not count");
    // Off for some hours while in doubt: nobody saw whether it went on steadily.
    assert!(!believed(&directory, CLOCK_DOUBT_SECONDS).await);
    for _ in 1..144 {
        assert!(!believed(&directory, 600).await);
    }
    let directory = start(&store).await;
    assert!(believed(&directory, 600).await, "it is right, and nobody had to do anything");
    assert!(believed(&directory, 600).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_made_at_the_same_time_get_different_addresses() {
    let (_, directory) = directory().await;
    let directory = Arc::new(directory);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let directory = Arc::clone(&directory);
            tokio::spawn(async move {
                let domain = "ac.test".parse().unwrap();
                // Whoever is too late asks again.
                for _ in 0..40 {
                    let mut new = new("x", 5000 + number);
                    new.primary_address =
                        directory.free_address("marie.martin", &domain).await.unwrap();
                    if let Ok(sheet) = directory.provision(new).await {
                        return sheet.address.to_string();
                    }
                }
                panic!("no address after forty tries");
            })
        })
        .collect();
    let mut given = HashSet::new();
    for task in tasks {
        assert!(given.insert(task.await.unwrap()));
    }
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn forty_thousand_people_are_provisioned_in_seconds() {
    let (store, directory) = directory().await;
    let given = ["Marie", "Jean", "Hélène", "Zoé", "Noël", "Anne-Sophie", "Chloé", "François"];
    let family = ["Martin", "Bernard", "Lefèvre", "de La Tour", "O’Brien", "Nguyễn", "Müller"];
    let mut csv = HEADER.to_owned();
    for number in 0..40_000 {
        let (given, family) = (given[number % 8], family[number % 7]);
        let extra = ["", "a", "e", "i"][number / 10_000];
        csv +=
            &format!("{number:08};{given};{family}{extra}{};;1980-01-01;0750001A\n", number % 97);
    }
    let (start, syncs) = (Instant::now(), store.syncs());
    let (report, sheets) = import(&directory, &csv).await;
    eprintln!("40,000 people: {:?}, {} syncs", start.elapsed(), store.syncs() - syncs);
    assert_eq!((report.created, report.refused.len()), (40_000, 0));
    let addresses: HashSet<_> = sheets.values().map(|sheet| sheet.address.to_string()).collect();
    assert_eq!(addresses.len(), 40_000);
    let secrets: HashSet<_> = sheets.values().map(|sheet| sheet.secret.expose().clone()).collect();
    assert_eq!(secrets.len(), 40_000);
    assert!(store.syncs() - syncs < 8_000, "commits are shared");
    assert_eq!(directory.password_hashes(), 0, "a secret of 66 bits needs no slow hash");
    let again = Instant::now();
    let (report, _) = import(&directory, &csv).await;
    eprintln!("again, unchanged: {:?}", again.elapsed());
    assert_eq!(report.unchanged, 40_000);
    assert_eq!(directory.account(AccountId(40_001)).await.unwrap(), None);
}
