//! What one account, or one administrator, may do alone, however often they try.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use directory::{
    AccountState, AccountUpdate, AuthError, Directory, DirectoryError, ImportMode, LetterKind,
    NewAccount, Requester, TotpSecret,
};
use mail_store::Store;
use mail_types::Role;

use crate::common::{self, address, create, new, unlimited};

/// A directory whose clock the test moves.
async fn timed() -> (Store, Directory, Arc<AtomicI64>) {
    let (store, time) = (Store::memory(), Arc::new(AtomicI64::new(common::START)));
    let directory = open(&store, &time).await;
    common::found(&directory).await;
    (store, directory, time)
}

async fn open(store: &Store, time: &Arc<AtomicI64>) -> Directory {
    let clock = Arc::clone(time);
    let clock: directory::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    Directory::open_at(store.clone(), unlimited(), clock).await.unwrap()
}

fn browser() -> Requester {
    let peer = Some("192.0.2.9".parse().unwrap());
    Requester { peer, language: "fr".into(), ..Requester::default() }
}

fn role(role: Role) -> AccountUpdate {
    AccountUpdate { role: Some(role), ..AccountUpdate::default() }
}

fn not_allowed<T: std::fmt::Debug>(outcome: Result<T, DirectoryError>) {
    assert!(matches!(outcome, Err(DirectoryError::NotAllowed(_))), "{outcome:?}");
}

#[tokio::test]
async fn one_administrator_alone_does_not_become_two() {
    // Either would be a colleague of one's own making, who then agrees to everything.
    let (_, directory) = common::directory().await;
    let boss = NewAccount { role: Role::Administrator, ..new("boss", 1) };
    let (boss, browser) = (directory.create_account(boss).await.unwrap(), browser());
    let office = directory.office(&boss, &browser);
    let colleague = NewAccount { role: Role::Administrator, ..new("colleague", 2) };
    let colleague = directory.provision(colleague).await.unwrap().id;
    not_allowed(office.issue_secret(colleague).await);
    let officer = NewAccount { role: Role::ItOfficer, ..new("officer", 3) };
    let officer = directory.create_account(officer).await.unwrap().id;
    for (id, lower) in
        [(colleague, Role::Agent), (colleague, Role::ItOfficer), (officer, Role::Agent)]
    {
        let update =
            AccountUpdate { primary_address: Some(address("voleur@ac.test")), ..role(lower) };
        not_allowed(office.update_account(id, update).await);
    }
    assert!(directory.find("voleur@ac.test").await.unwrap().is_none(), "nothing of it is done");
    let csv = "academic_id,address,name,role\n\
               00000002,colleague@ac.test,colleague,agent\n\
               00000003,officer@ac.test,officer,system\n";
    let report = office.import("f.csv", csv.as_bytes(), ImportMode::Apply, None, |_| ()).await;
    assert_eq!(report.unwrap().refused.len(), 2, "nor by a file");
    // An officer whose password was replaced is no newcomer.
    directory.issue_secret(officer).await.unwrap();
    not_allowed(office.issue_secret(officer).await);
    office.set_state(colleague, AccountState::Suspended).await.expect("one can be stopped alone");
    // The command line does both.
    directory.update_account(officer, role(Role::Agent)).await.unwrap();
    directory.set_state(colleague, AccountState::Active).await.unwrap();
    directory.issue_secret(colleague).await.unwrap();
}

#[tokio::test]
async fn five_codes_a_day_go_to_addresses_that_are_not_proven_over_restarts() {
    // Strangers' mailboxes are not flooded by naming them again and again.
    let (store, directory, time) = timed().await;
    let marie = create(&directory, "marie", 1).await.id;
    let stranger = address("personne@ailleurs.example");
    for _ in 0..5 {
        directory.add_recovery_address(marie, &stranger, &browser()).await.unwrap();
    }
    let after = open(&store.after_crash(), &time).await;
    for other in [stranger.clone(), address("autre@ailleurs.example")] {
        for directory in [&directory, &after] {
            let sixth = directory.add_recovery_address(marie, &other, &browser()).await;
            assert!(matches!(sixth, Err(DirectoryError::TooManyCodes)), "{sixth:?}");
        }
    }
    assert_eq!(directory.due_letters(100).await.unwrap().len(), 5);
    time.fetch_add(24 * 3600, Ordering::Relaxed);
    directory.add_recovery_address(marie, &stranger, &browser()).await.unwrap();
}

#[tokio::test]
async fn twenty_wrong_second_factors_a_day_close_the_way_by_codes_over_restarts() {
    // Whoever has the password could go on guessing after each restart. The owner is told, and
    // comes in with a one-time code.
    let (store, directory, time) = timed().await;
    let marie = create(&directory, "marie", 1).await;
    let secret = TotpSecret::generate();
    let now = || time.load(Ordering::Relaxed);
    let codes = directory
        .turn_totp_on(marie.id, &secret, &secret.code_at(now()), &browser())
        .await
        .unwrap();
    let account = directory.account(marie.id).await.unwrap().unwrap();
    for _ in 0..10 {
        let wrong = directory.verify_second_factor(&account, "wrong", &browser()).await;
        assert!(matches!(wrong, Err(AuthError::Refused)), "{wrong:?}");
    }
    let told = async |directory: &Directory| {
        let letters = directory.due_letters(100).await.unwrap();
        letters.iter().filter(|one| one.kind == LetterKind::FactorsWrong).count()
    };
    assert_eq!(told(&directory).await, 0);
    let after = open(&store.after_crash(), &time).await;
    let verify = async |typed: &str| after.verify_second_factor(&account, typed, &browser()).await;
    for _ in 0..10 {
        assert!(matches!(verify("wrong").await, Err(AuthError::Refused)));
    }
    assert_eq!(told(&after).await, 1);
    time.fetch_add(60, Ordering::Relaxed);
    let right = verify(&secret.code_at(now())).await;
    assert!(matches!(right, Err(AuthError::TooMany)), "{right:?}");
    assert!(matches!(verify("wrong").await, Err(AuthError::TooMany)));
    verify(codes[0].expose()).await.expect("a one-time code cannot be guessed");
    assert_eq!(told(&after).await, 1, "once");
    time.fetch_add(24 * 3600, Ordering::Relaxed);
    verify(&secret.code_at(now())).await.expect("another day");
}

#[tokio::test]
async fn a_second_factor_that_is_lost_is_turned_off_at_the_command_line_and_told() {
    // No reset and no temporary secret does it: without this nobody would come in again.
    let (_, directory, time) = timed().await;
    let marie = create(&directory, "marie", 1).await.id;
    let secret = TotpSecret::generate();
    let code = secret.code_at(time.load(Ordering::Relaxed));
    directory.turn_totp_on(marie, &secret, &code, &browser()).await.unwrap();
    for letter in directory.due_letters(10).await.unwrap() {
        directory.letter_done(&letter).await.unwrap();
    }
    directory.drop_second_factor(marie).await.unwrap();
    assert!(!directory.account(marie).await.unwrap().unwrap().has_second_factor);
    let letters = directory.due_letters(10).await.unwrap();
    let told: Vec<_> = letters.iter().map(|one| (one.kind, one.peer)).collect();
    assert_eq!(told, [(LetterKind::SecondFactorOff, None)]);
    let again = directory.drop_second_factor(marie).await;
    assert!(matches!(again, Err(DirectoryError::Invalid(_))), "{again:?}");
}
