//! Identity alone is enough for a new password only where two administrators agreed, for a time,
//! and any one of them ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::common::{self, after_crash, new, unlimited};
use directory::{
    Account, AccountUpdate, Act, AuditRecord, Day, Directory, DirectoryError, Requester, UnitPolicy,
};
use mail_store::Store;
use mail_types::Role;

const DAY: i64 = 24 * 3600;

struct Bench {
    store: Store,
    directory: Directory,
    time: Arc<AtomicI64>,
    anne: Arc<Account>,
    bruno: Arc<Account>,
    marie: Arc<Account>,
}

async fn bench() -> Bench {
    let store = Store::memory();
    let time = Arc::new(AtomicI64::new(common::START));
    let clock = Arc::clone(&time);
    let clock: directory::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let directory = Directory::open_at(store.clone(), unlimited(), clock).await.unwrap();
    common::found(&directory).await;
    let create = async |local: &str, number, role| {
        let mut account = new(local, number);
        account.role = role;
        directory.create_account(account).await.unwrap()
    };
    let anne = create("anne", 1, Role::Administrator).await;
    let bruno = create("bruno", 2, Role::Administrator).await;
    let marie = create("marie", 3, Role::ItOfficer).await;
    Bench { store, directory, time, anne, bruno, marie }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

impl Bench {
    async fn propose(&self, by: &Account, last_day: &str) -> Result<u64, DirectoryError> {
        let school = common::unit("0750001A");
        let asked = Requester::default();
        self.directory
            .propose_identity_reset(by, &school, day(last_day), " rentrée sans référent ", &asked)
            .await
    }

    async fn approve(&self, by: &Account, number: u64) -> Result<(), DirectoryError> {
        let school = common::unit("0750001A");
        self.directory.approve_identity_reset(by, &school, number, &Requester::default()).await
    }

    fn policy(&self) -> UnitPolicy {
        self.directory.unit_policy(&common::unit("0750001A"))
    }
}

async fn acts(directory: &Directory) -> Vec<AuditRecord> {
    let mut lines = Vec::new();
    let see = |record: &AuditRecord| {
        // How the bench came to be is not looked at.
        lines.extend(record.doer.is_none().then(|| record.clone()));
        true
    };
    directory.audit_lines(see).await.unwrap();
    lines
}

#[tokio::test]
async fn two_different_administrators_open_a_unit_and_a_restart_keeps_it() {
    let bench = bench().await;
    assert_eq!(bench.policy(), UnitPolicy::default(), "closed");
    let number = bench.propose(&bench.anne, "2027-02-20").await.unwrap();
    assert!(bench.policy().open.is_none(), "one is not enough");
    for (who, number) in [(&bench.anne, number), (&bench.marie, number), (&bench.bruno, 7)] {
        let refused = bench.approve(who, number).await;
        assert!(matches!(refused, Err(DirectoryError::Invalid(_))), "{} {refused:?}", who.name);
    }
    assert!(bench.policy().proposal.is_some(), "a refused agreement takes nothing away");
    bench.approve(&bench.bruno, number).await.unwrap();
    let open = bench.policy().open.unwrap();
    assert_eq!((open.proposed_by, open.approved_by), (bench.anne.id, bench.bruno.id));
    assert_eq!((open.reason.as_str(), open.last_day), ("rentrée sans référent", day("2027-02-20")));
    assert_eq!(bench.policy().proposal, None);
    assert!(bench.approve(&bench.bruno, number).await.is_err(), "once");
    let lines = acts(&bench.directory).await;
    let told: Vec<_> = lines.iter().map(|line| (line.act, line.officer)).collect();
    let (anne, bruno) = (Some(bench.anne.id.0), Some(bench.bruno.id.0));
    assert_eq!(told, [(Act::PolicyProposed, anne), (Act::PolicyOpened, bruno)]);
    assert!(lines.iter().all(|line| line.unit.as_deref() == Some("0750001A")));
    assert!(lines.iter().all(|line| line.reason == "rentrée sans référent"));
    let (_, after) = after_crash(&bench.store).await;
    let kept = after.unit_policies();
    assert_eq!(kept.len(), 1);
    assert!(kept.first().is_some_and(|(code, _)| code.as_str() == "0750001A"));
    assert_eq!(after.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn a_last_day_is_needed_and_ends_it() {
    let bench = bench().await;
    for last_day in ["2026-11-27", "2027-02-27"] {
        let refused = bench.propose(&bench.anne, last_day).await;
        assert!(matches!(refused, Err(DirectoryError::Invalid(_))), "{last_day}");
    }
    let number = bench.propose(&bench.anne, "2027-02-26").await.unwrap();
    bench.approve(&bench.bruno, number).await.unwrap();
    // Its last day whole, and no second more: renewed before, it goes on.
    bench.time.store(common::START + 90 * DAY + 12 * 3600 - 1, Ordering::Relaxed);
    assert!(bench.policy().open.is_some());
    bench.time.fetch_add(1, Ordering::Relaxed);
    assert_eq!(bench.policy(), UnitPolicy::default());
    assert!(bench.directory.unit_policies().is_empty());
    let number = bench.propose(&bench.bruno, "2027-03-01").await.unwrap();
    bench.approve(&bench.anne, number).await.unwrap();
    let renewal = bench.propose(&bench.bruno, "2027-05-01").await.unwrap();
    assert!(bench.policy().open.is_some() && bench.policy().proposal.is_some());
    bench.approve(&bench.anne, renewal).await.unwrap();
    assert_eq!(bench.policy().open.unwrap().last_day, day("2027-05-01"));
}

#[tokio::test]
async fn a_proposal_is_void_when_it_is_old_replaced_or_its_author_gone() {
    let bench = bench().await;
    let old = bench.propose(&bench.anne, "2027-02-20").await.unwrap();
    let newer = bench.propose(&bench.anne, "2027-02-21").await.unwrap();
    assert!(bench.approve(&bench.bruno, old).await.is_err(), "who agrees, agrees to what they saw");
    bench.time.fetch_add(14 * DAY + DAY, Ordering::Relaxed);
    assert!(bench.approve(&bench.bruno, newer).await.is_err(), "two weeks old");
    let number = bench.propose(&bench.anne, "2027-02-20").await.unwrap();
    let demoted = AccountUpdate { role: Some(Role::Agent), ..AccountUpdate::default() };
    bench.directory.update_account(bench.anne.id, demoted).await.unwrap();
    assert!(bench.approve(&bench.bruno, number).await.is_err(), "no administrator any more");
    assert!(bench.propose(&bench.anne, "2027-02-20").await.is_err(), "whatever the session says");
    assert!(bench.policy().open.is_none());
}

#[tokio::test]
async fn of_two_administrators_who_agree_at_once_one_opens_it() {
    let bench = bench().await;
    let mut third = new("chloe", 4);
    third.role = Role::Administrator;
    let third = bench.directory.create_account(third).await.unwrap();
    let number = bench.propose(&bench.anne, "2027-02-20").await.unwrap();
    let (one, two) =
        tokio::join!(bench.approve(&bench.bruno, number), bench.approve(&third, number));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    let lines = acts(&bench.directory).await;
    assert_eq!(lines.iter().filter(|line| line.act == Act::PolicyOpened).count(), 1);
}

#[tokio::test]
async fn any_administrator_closes_a_unit_or_everything_at_once() {
    let bench = bench().await;
    let school = common::unit("0750001A");
    let number = bench.propose(&bench.anne, "2027-02-20").await.unwrap();
    bench.approve(&bench.bruno, number).await.unwrap();
    bench.propose(&bench.anne, "2027-02-21").await.unwrap();
    let asked = Requester::default();
    let by_officer = bench.directory.close_identity_reset(&bench.marie, &school, "", &asked).await;
    assert!(by_officer.is_err());
    bench.directory.close_identity_reset(&bench.anne, &school, "", &asked).await.unwrap();
    assert_eq!(bench.policy(), UnitPolicy::default(), "the renewal too");

    let directory = &bench.directory;
    assert!(directory.close_identity_everywhere(&bench.marie, "x", &asked).await.is_err());
    directory.close_identity_everywhere(&bench.bruno, "essais de dates", &asked).await.unwrap();
    let closed = directory.identity_guard().closed.unwrap();
    assert_eq!((closed.at, closed.by), (common::START, Some(bench.bruno.id)));
    assert!(directory.reopen_identity_everywhere(&bench.anne, " ", &asked).await.is_err());
    directory.reopen_identity_everywhere(&bench.anne, "vérifié", &asked).await.unwrap();
    assert_eq!(directory.identity_guard().closed, None);
    let lines: Vec<_> = acts(directory).await.into_iter().map(|line| line.act).collect();
    assert_eq!(lines.last(), Some(&Act::IdentityReopened));
}

#[tokio::test]
async fn a_deleted_unit_takes_its_policy_along() {
    let bench = bench().await;
    let empty = common::unit("0750002B");
    let asked = Requester::default();
    let (directory, last_day) = (&bench.directory, day("2027-02-20"));
    directory.propose_identity_reset(&bench.anne, &empty, last_day, "x", &asked).await.unwrap();
    directory.delete_unit(&empty).await.unwrap();
    assert!(directory.unit_policies().is_empty());
    let gone = directory.propose_identity_reset(&bench.anne, &empty, last_day, "x", &asked).await;
    assert!(matches!(gone, Err(DirectoryError::NotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn an_administrator_who_leaves_has_no_say() {
    let bench = bench().await;
    let number = bench.propose(&bench.anne, "2027-02-20").await.unwrap();
    let last_day = Some("2027-08-31".parse().unwrap());
    bench.directory.set_leaving(bench.bruno.id, last_day).await.unwrap();
    let refused = bench.approve(&bench.bruno, number).await;
    assert!(matches!(refused, Err(DirectoryError::Invalid(_))), "{refused:?}");
    assert!(bench.propose(&bench.bruno, "2027-02-20").await.is_err());
    assert!(bench.policy().open.is_none());
}
