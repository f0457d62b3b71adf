//! What administrators do on the web: each act leaves its line, nobody acts on themselves, and an
//! administrator is always left.

use std::sync::Arc;

use crate::common::{self, address, create, directory, login, new, unit};
use directory::{
    AUDIT_LINES_READ_MAX, Account, AccountFilter, AccountState, AccountUpdate, Act, AuditFilter,
    AuditPlace, Directory, DirectoryError, ImportMode, LetterKind, NewAccount, Office, Requester,
    Unit, UnitUpdate,
};
use mail_store::tables::directory::SLICES;
use mail_store::tables::security::{Audit, AuditEnds, AuditEndsRow, AuditRow};
use mail_store::{Batch, Class, Partition};
use mail_types::{AccountId, Role};

async fn administrator(directory: &Directory, local: &str, academic_id: u64) -> Arc<Account> {
    let account = NewAccount { role: Role::Administrator, ..new(local, academic_id) };
    directory.create_account(account).await.unwrap()
}

fn browser() -> Requester {
    Requester {
        peer: Some("192.0.2.1".parse().unwrap()),
        language: "fr".into(),
        ..Requester::default()
    }
}

fn role(role: Role) -> AccountUpdate {
    AccountUpdate { role: Some(role), ..AccountUpdate::default() }
}

/// The acts in the log, as (act, account, unit, reason), the oldest first; all by this officer.
async fn lines(directory: &Directory, by: &Account) -> Vec<(Act, Option<u64>, String)> {
    let filter = AuditFilter { officer: Some(by.id.0), ..AuditFilter::default() };
    let mut lines = directory.audit_page(&filter, None, 1000).await.unwrap().lines;
    lines.reverse();
    lines.into_iter().map(|line| (line.act, line.account, line.reason)).collect()
}

fn not_allowed<T: std::fmt::Debug>(outcome: Result<T, DirectoryError>) {
    assert!(matches!(outcome, Err(DirectoryError::NotAllowed(_))), "{outcome:?}");
}

#[tokio::test]
async fn every_act_is_in_the_log_with_who_did_it() {
    let (_, directory) = directory().await;
    let (boss, browser) = (administrator(&directory, "boss", 1).await, browser());
    let office = directory.office(&boss, &browser);
    let sheet = office.add_account(new("marie", 2)).await.unwrap();
    let marie = sheet.id;
    assert_eq!(sheet.secret.expose().len(), 17);
    office.update_account(marie, role(Role::ItOfficer)).await.unwrap();
    office.add_alias(marie, &address("m.martin@ac.test")).await.unwrap();
    office.remove_alias(marie, &address("m.martin@ac.test")).await.unwrap();
    let moved = AccountUpdate {
        primary_address: Some(address("marie.martin@ac.test")),
        name: Some("Marie Martin".into()),
        ..AccountUpdate::default()
    };
    office.update_account(marie, moved).await.unwrap();
    office.set_state(marie, AccountState::Suspended).await.unwrap();
    office.set_state(marie, AccountState::Active).await.unwrap();
    office.set_leaving(marie, Some("2099-08-31".parse().unwrap())).await.unwrap();
    office.issue_secret(marie).await.unwrap();
    office.note_lookup(marie).await.unwrap();
    assert!(office.note_export(marie, " ").await.is_err(), "an export has a reason");
    office.note_export(marie, "asked for her data").await.unwrap();
    office.delete_account(marie).await.unwrap();
    let id = Some(marie.0);
    let expected = [
        (Act::AccountCreated, id, "role=agent, units=0750001A"),
        (Act::AccountChanged, id, "role=it-officer"),
        (Act::AliasAdded, id, "m.martin@ac.test"),
        (Act::AliasRemoved, id, "m.martin@ac.test"),
        (Act::AccountChanged, id, "address=marie.martin@ac.test"),
        (Act::AccountChanged, id, "name"),
        (Act::AccountSuspended, id, ""),
        (Act::AccountResumed, id, ""),
        (Act::LeavingSet, id, "2099-08-31"),
        (Act::SecretIssued, id, ""),
        (Act::PersonShown, id, ""),
        (Act::AccountExported, id, "asked for her data"),
        (Act::AccountDeleted, id, ""),
    ];
    let found = lines(&directory, &boss).await;
    let found: Vec<_> = found.iter().map(|(act, id, why)| (*act, *id, why.as_str())).collect();
    assert_eq!(found, expected);
    let report = directory.verify_audit().await.unwrap();
    // And how the schools and the administrator came to be.
    assert_eq!((report.lines, report.fault_count), (13 + 3, 0));
}

#[tokio::test]
async fn units_leave_lines_that_name_them() {
    let (_, directory) = directory().await;
    let (boss, browser) = (administrator(&directory, "boss", 1).await, browser());
    let office = directory.office(&boss, &browser);
    let school = Unit {
        code: unit("0750003C"),
        name: "Lycée Voltaire".into(),
        officers: Vec::new(),
        contact: String::new(),
    };
    office.create_unit(school).await.unwrap();
    let update = UnitUpdate { officers: Some(vec![boss.id]), ..UnitUpdate::default() };
    office.update_unit(&unit("0750003C"), update).await.unwrap();
    office.delete_unit(&unit("0750003C")).await.unwrap();
    assert!(office.delete_unit(&unit("0750001A")).await.is_err(), "somebody belongs to it");
    let csv = "code;name\n0750001A;Collège Victor Hugo\n0750004D;École\n";
    let report = office.import_units("units.csv", csv.as_bytes(), ImportMode::Apply).await;
    assert_eq!(report.unwrap().created, 1);
    let lines = directory.audit_page(&AuditFilter::default(), None, 100).await.unwrap().lines;
    let lines = lines.iter().rev().filter(|line| line.officer.is_some());
    let lines: Vec<_> = lines.map(|line| (line.act, line.unit.as_deref())).collect();
    let voltaire = Some("0750003C");
    let expected = [
        (Act::UnitCreated, voltaire),
        (Act::UnitChanged, voltaire),
        (Act::UnitDeleted, voltaire),
        (Act::UnitsImported, Some("0750001A")),
        (Act::UnitsImported, Some("0750004D")),
        (Act::UnitsImported, None),
    ];
    assert_eq!(lines, expected);
    assert_eq!(directory.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn nobody_acts_on_themselves_or_opens_a_privileged_account_alone() {
    let (_, directory) = directory().await;
    let (boss, browser) = (administrator(&directory, "boss", 1).await, browser());
    let other = administrator(&directory, "other", 2).await;
    let office = directory.office(&boss, &browser);
    not_allowed(office.update_account(boss.id, role(Role::Agent)).await);
    not_allowed(office.set_state(boss.id, AccountState::Suspended).await);
    not_allowed(office.set_leaving(boss.id, Some("2099-08-31".parse().unwrap())).await);
    not_allowed(office.issue_secret(boss.id).await);
    not_allowed(office.issue_secret(other.id).await);
    let officer = create(&directory, "officer", 3).await.id;
    office.update_account(officer, role(Role::ItOfficer)).await.unwrap();
    not_allowed(office.issue_secret(officer).await);
    let newcomer = NewAccount { role: Role::ItOfficer, ..new("newcomer", 4) };
    let newcomer = office.add_account(newcomer).await.unwrap().id;
    office.issue_secret(newcomer).await.expect("nobody's password is replaced");
    not_allowed(office.delete_account(boss.id).await);
    not_allowed(office.update_account(officer, role(Role::Administrator)).await);
    let second = NewAccount { role: Role::Administrator, ..new("second", 5) };
    not_allowed(office.add_account(second).await);
    let csv = "academic_id,address,name,role\n\
               00000003,officer@ac.test,officer,administrator\n\
               00000005,second@ac.test,second,administrator\n";
    let report = office.import("f.csv", csv.as_bytes(), ImportMode::Apply, None, |_| ()).await;
    assert_eq!(report.unwrap().refused.len(), 2, "nor by a file");
    let renamed = AccountUpdate { name: Some("Chef".into()), ..AccountUpdate::default() };
    office.update_account(boss.id, renamed).await.unwrap();
    let csv = "academic_id,address,name,role,leaves_on\n\
               00000001,boss@ac.test,Chef,agent,\n\
               00000002,other@ac.test,other,,2099-08-31\n";
    let report = office.import("f.csv", csv.as_bytes(), ImportMode::Apply, None, |_| ()).await;
    let report = report.unwrap();
    assert_eq!((report.updated, report.refused.len()), (1, 1));
    assert_eq!(report.refused[0].line, 2);
    let boss_now = directory.account(boss.id).await.unwrap().unwrap();
    assert_eq!((boss_now.role, boss_now.state), (Role::Administrator, AccountState::Active));
}

#[tokio::test]
async fn an_administrator_is_left_when_two_take_each_other_away_at_once() {
    let (_, directory) = directory().await;
    let (one, two) =
        (administrator(&directory, "one", 1).await, administrator(&directory, "two", 2).await);
    let browser = browser();
    let take = async |by: &Arc<Account>, from: AccountId| {
        directory.office(by, &browser).set_state(from, AccountState::Suspended).await
    };
    let (first, second) = tokio::join!(take(&one, two.id), take(&two, one.id));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!(directory.count_accounts().await.unwrap().administrators, 1);
    let refused = "what was refused has no line";
    assert_eq!(directory.verify_audit().await.unwrap().lines, 2 + 2 + 1, "{refused}");
}

#[tokio::test]
async fn who_is_no_administrator_or_leaves_does_nothing() {
    let (_, directory) = directory().await;
    let boss = administrator(&directory, "boss", 1).await;
    let leaver = administrator(&directory, "leaver", 2).await;
    let (agent, marie) =
        (create(&directory, "agent", 3).await, create(&directory, "marie", 4).await);
    let browser = browser();
    let last_day = Some("2099-08-31".parse().unwrap());
    directory.office(&boss, &browser).set_leaving(leaver.id, last_day).await.unwrap();
    let suspended = administrator(&directory, "suspended", 5).await;
    directory.set_state(suspended.id, AccountState::Suspended).await.unwrap();
    for nobody in [&agent, &leaver, &suspended] {
        let office: Office<'_> = directory.office(nobody, &browser);
        not_allowed(office.add_account(new("neu", 9)).await);
        not_allowed(office.update_account(marie.id, role(Role::Administrator)).await);
        not_allowed(office.set_state(marie.id, AccountState::Suspended).await);
        not_allowed(office.issue_secret(marie.id).await);
        not_allowed(office.delete_account(marie.id).await);
        not_allowed(office.note_lookup(marie.id).await);
        not_allowed(office.delete_unit(&unit("0750002B")).await);
        let csv = "academic_id,address,name\n00000009,neu@ac.test,Neu\n";
        let import = office.import("f", csv.as_bytes(), ImportMode::Apply, None, |_| ()).await;
        assert!(import.is_err() || import.unwrap().created == 0);
    }
    assert!(login(&directory, "marie@ac.test", common::PASSWORD).await.is_some());
    assert_eq!(directory.count_accounts().await.unwrap().active, 3, "boss, agent, marie");
    assert!(directory.find("neu@ac.test").await.unwrap().is_none());
}

#[tokio::test]
async fn an_import_leaves_a_line_for_each_account_and_one_for_the_file() {
    let (_, directory) = directory().await;
    let (boss, browser) = (administrator(&directory, "boss", 1).await, browser());
    create(&directory, "marie", 2).await;
    let csv = "academic_id;address;name;role;leaves_on\n\
               00000002;marie@ac.test;Marie Martin;;2099-08-31\n\
               00000003;paul@ac.test;Paul Durand;it-officer;\n\
               00000003;encore@ac.test;Encore;;\n";
    let office = directory.office(&boss, &browser);
    let dry = office.import("rentrée.csv", csv.as_bytes(), ImportMode::DryRun, None, |_| ()).await;
    assert_eq!(dry.unwrap().created, 1);
    assert!(lines(&directory, &boss).await.is_empty(), "a dry run does nothing");
    let mut sheets = 0;
    let tell = |event| sheets += usize::from(matches!(event, directory::ImportEvent::Sheet(_)));
    let done = office.import("rentrée.csv", csv.as_bytes(), ImportMode::Apply, None, tell).await;
    assert_eq!((done.unwrap().refused.len(), sheets), (1, 1));
    let paul = directory.find("paul@ac.test").await.unwrap().unwrap().id;
    let found = lines(&directory, &boss).await;
    for (act, account, reason) in [
        (Act::AccountCreated, Some(paul.0), "rentrée.csv: role=it-officer, units="),
        (Act::AccountChanged, Some(2), "rentrée.csv: name"),
        (Act::LeavingSet, Some(2), "rentrée.csv: 2099-08-31"),
        (Act::AccountsImported, None, "rentrée.csv: created=1, updated=1, unchanged=0, refused=1"),
    ] {
        assert!(found.contains(&(act, account, reason.to_owned())), "{reason}: {found:?}");
    }
    assert_eq!(directory.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn a_replaced_password_is_told_to_its_owner_and_nothing_is_given_away_for_a_while() {
    let (_, directory) = directory().await;
    let (boss, browser) = (administrator(&directory, "boss", 1).await, browser());
    let marie = create(&directory, "marie", 2).await;
    let office = directory.office(&boss, &browser);
    office.issue_secret(marie.id).await.unwrap();
    assert!(login(&directory, "marie@ac.test", common::PASSWORD).await.is_none());
    let letters = directory.due_letters(10).await.unwrap();
    let told: Vec<_> = letters.iter().map(|one| (one.kind, one.about.as_str())).collect();
    assert_eq!(told, [(LetterKind::ResetApproved, "boss")]);
    assert_eq!(letters[0].to, [address("marie@ac.test")]);
    let elsewhere = address("x@ailleurs.example");
    let named = directory.add_recovery_address(marie.id, &elsewhere, &browser).await;
    assert!(matches!(named, Err(DirectoryError::OnHold { .. })), "{named:?}");
    // Somebody new has no password that could have been replaced.
    let neu = office.add_account(new("neu", 3)).await.unwrap().id;
    office.issue_secret(neu).await.unwrap();
    assert_eq!(directory.due_letters(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn accounts_are_found_by_words_unit_and_state_page_by_page() {
    let (_, directory) = directory().await;
    for number in 1..=5 {
        let mut account = new(&format!("agent{number}"), number);
        account.name = format!("Éloïse N°{number}");
        account.units = vec![unit(if number == 5 { "0750002B" } else { "0750001A" })];
        directory.create_account(account).await.unwrap();
    }
    directory.set_state(AccountId(2), AccountState::Suspended).await.unwrap();
    directory.delete_account(AccountId(3)).await.unwrap();
    let find = async |words: &str, unit_code: Option<&str>, state, after| {
        let filter = AccountFilter { words: words.into(), unit: unit_code.map(unit), state };
        let found = directory.find_accounts(&filter, after, 2).await.unwrap();
        found.iter().map(|account| account.id.0).collect::<Vec<_>>()
    };
    assert_eq!(find("", None, None, None).await, [1, 2]);
    assert_eq!(find("", None, None, Some(AccountId(2))).await, [4, 5]);
    assert!(find("", None, None, Some(AccountId(5))).await.is_empty());
    assert_eq!(find("eloise", Some("0750002B"), None, None).await, [5]);
    assert_eq!(find("AGENT4", None, None, None).await, [4], "by address");
    assert_eq!(find("", None, Some(AccountState::Suspended), None).await, [2]);
    assert_eq!(find("", None, Some(AccountState::Deleted), None).await, [3]);
    assert!(find("--", None, None, None).await.is_empty());
    let counts = directory.count_accounts().await.unwrap();
    assert_eq!((counts.active, counts.suspended, counts.deleted), (3, 1, 1));
}

#[tokio::test]
async fn the_log_is_read_backwards_and_filtered() {
    let (time, directory) = common::directory_at(common::unlimited()).await;
    let (boss, browser) = (administrator(&directory, "boss", 1).await, browser());
    let (marie, paul) = (create(&directory, "marie", 2).await, create(&directory, "paul", 3).await);
    let office = directory.office(&boss, &browser);
    for account in [&marie, &paul, &marie] {
        time.fetch_add(60, std::sync::atomic::Ordering::Relaxed);
        office.note_lookup(account.id).await.unwrap();
    }
    let page = async |filter: AuditFilter, from: Option<&AuditPlace>, limit| {
        let page = directory.audit_page(&filter, from, limit).await.unwrap();
        let lines = page.lines.iter().map(|line| (line.account, line.at - common::START));
        (lines.collect::<Vec<_>>(), page.next)
    };
    let all = || AuditFilter { officer: Some(boss.id.0), ..AuditFilter::default() };
    let (newest, next) = page(all(), None, 2).await;
    assert_eq!(newest, [(Some(2), 180), (Some(3), 120)]);
    let next = next.expect("there is an older one").to_string().parse().unwrap();
    assert_eq!(page(all(), Some(&next), 2).await, (vec![(Some(2), 60)], None));
    let about = AuditFilter { account: Some(3), ..all() };
    assert_eq!(page(about, None, 1).await, (vec![(Some(3), 120)], None));
    let from = AuditFilter { from: Some(common::START + 120), ..all() };
    assert_eq!(page(from, None, 2).await, (newest, None));
    let until = AuditFilter { until: Some(common::START + 120), ..all() };
    assert_eq!(page(until, None, 9).await, (vec![(Some(2), 60)], None));
    let nobody = AuditFilter { officer: Some(3), ..all() };
    assert_eq!(page(nobody, None, 9).await, (Vec::new(), None));
}

/// Each page read the whole year.
#[tokio::test]
async fn a_page_of_a_long_log_costs_about_its_own_length() {
    const LINES: u64 = 400;
    let (store, directory) = directory().await;
    let slice = |id| Partition { class: Class::Directory, id };
    let line = |slice: u64, place: u64| {
        let at = common::START + (place * SLICES + slice) as i64;
        let text = format!(
            "{{\"at\":{at},\"request\":\"{slice}\",\"act\":\"person-shown\",\"officer\":7}}"
        );
        AuditRow { text, key: 0, chain: [0; 32] }
    };
    for id in 1..=SLICES {
        let mut batch = Batch::new().bump();
        for place in 0..LINES {
            batch.put::<Audit>(&place, &line(id, place));
        }
        batch.put::<AuditEnds>(&(), &AuditEndsRow { next: LINES, ..AuditEndsRow::default() });
        store.commit(slice(id), batch).await.unwrap();
    }
    let all = AuditFilter { officer: Some(7), ..AuditFilter::default() };
    let (mut place, mut lines, mut read) = (None, Vec::new(), Vec::new());
    loop {
        let page = directory.audit_page(&all, place.as_ref(), 500).await.unwrap();
        read.push(page.read);
        lines.extend(page.lines.iter().map(|line| line.at));
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    assert_eq!(lines.len() as u64, SLICES * LINES);
    assert!(lines.is_sorted_by(|newer, older| newer > older), "each once, the newest first");
    assert!(read.iter().all(|read| *read < 2500), "{read:?}");
    // Long ago: its place is found without reading what is newer.
    let until = Some(common::START + 1000);
    let old = AuditFilter { until, ..all.clone() };
    let page = directory.audit_page(&old, None, 50).await.unwrap();
    assert_eq!(page.lines[0].at, common::START + 999);
    assert!(page.read < 1500, "{}", page.read);
    // Nobody: a bounded look, and a place to go on from.
    let nobody = AuditFilter { officer: Some(8), ..all };
    let page = directory.audit_page(&nobody, None, 50).await.unwrap();
    assert!(page.lines.is_empty() && page.read < AUDIT_LINES_READ_MAX + 1000, "{}", page.read);
    let rest = directory.audit_page(&nobody, page.next.as_ref(), 50).await.unwrap();
    assert!(page.next.is_some() && rest.next.is_none());
    assert!(page.read + rest.read >= (SLICES * LINES) as usize);
    let place = page.next.map(|place| place.to_string()).unwrap();
    assert!(place.len() < 500, "short enough for an address: {place}");
}
