//! The help desk: an officer helps the people of their own unit and nobody else, and leaves a line
//! for everything.

mod approvals;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::common::{self, address, login, new, unlimited};
use directory::{
    Account, AccountUpdate, Act, Approval, CodeVerdict, Directory, DirectoryError, LetterKind,
    Requester, ResetClaim, ResetOutcome, ResetTicket, UnitUpdate,
};
use mail_store::Store;
use mail_types::{AccountId, Role};

const NEW: &str = "un perroquet sous la pluie";
const SCHOOL: &str = "0750001A";
const OTHER_SCHOOL: &str = "0750002B";

struct Bench {
    directory: Directory,
    time: Arc<AtomicI64>,
    officer: Arc<Account>,
    other_officer: Arc<Account>,
    marie: AccountId,
}

async fn bench() -> Bench {
    let time = Arc::new(AtomicI64::new(1_780_000_000));
    let clock = Arc::clone(&time);
    let clock: directory::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let directory = Directory::open_at(Store::memory(), unlimited(), clock).await.unwrap();
    common::found(&directory).await;
    let create = async |local: &str, number, name: &str, unit: &str, role| {
        let mut account = new(local, number);
        (account.name, account.units, account.role) = (name.into(), vec![common::unit(unit)], role);
        directory.create_account(account).await.unwrap()
    };
    let marie = create("marie", 1, "Marie-Hélène Martin", SCHOOL, Role::Agent).await.id;
    create("paul", 2, "Paul Martin", OTHER_SCHOOL, Role::Agent).await;
    let officer = create("officer", 3, "Réfé Rent", SCHOOL, Role::ItOfficer).await;
    let other_officer = create("other", 4, "Autre Rent", OTHER_SCHOOL, Role::ItOfficer).await;
    create("boss", 5, "Admin Martin", SCHOOL, Role::Administrator).await;
    for (code, officer) in [(SCHOOL, &officer), (OTHER_SCHOOL, &other_officer)] {
        let officers = Some(vec![officer.id]);
        let update = UnitUpdate { officers, ..UnitUpdate::default() };
        directory.update_unit(&common::unit(code), update).await.unwrap();
    }
    Bench { directory, time, officer, other_officer, marie }
}

fn browser() -> Requester {
    Requester {
        peer: Some("192.0.2.1".parse().unwrap()),
        language: "fr".into(),
        ..Requester::default()
    }
}

impl Bench {
    async fn ask(&self) -> ResetTicket {
        let claim = ResetClaim {
            name: "Marie Hélène Martin".into(),
            academic_id: "00000001".into(),
            ..ResetClaim::default()
        };
        let (ticket, goes_on) = self.directory.ask_reset(&claim, &browser()).await.unwrap();
        assert!(goes_on);
        self.directory.decide_reset(&claim, &ticket, &browser()).await.unwrap();
        ticket
    }

    async fn issue(&self, officer: &Account) -> Result<String, DirectoryError> {
        let reason = "vue en personne";
        let issued =
            self.directory.issue_activation_code(officer, self.marie, reason, &browser()).await?;
        match issued {
            Approval::Code(code) => Ok(code.expose().clone()),
            Approval::First => panic!("an agent's code needs one approval"),
        }
    }

    async fn use_code(&self, ticket: &ResetTicket, code: &str) -> CodeVerdict {
        self.directory.try_reset_code(ticket, code, &browser()).await.unwrap()
    }

    async fn waits(&self, officer: &Account) -> usize {
        self.directory.waiting_requests(officer).await.unwrap().len()
    }
}

#[tokio::test]
async fn an_officer_hands_out_a_code_that_opens_the_account_once() {
    let bench = bench().await;
    let first = bench.ask().await;
    assert_eq!(
        (bench.waits(&bench.officer).await, bench.waits(&bench.other_officer).await),
        (1, 0)
    );
    let code = bench.issue(&bench.officer).await.unwrap();
    assert_eq!(bench.waits(&bench.officer).await, 0);
    // Perhaps from another computer than the one on which the form was first filled in.
    let ticket = bench.ask().await;
    assert_eq!(bench.use_code(&ticket, "abcd-efgh-ijkm").await, CodeVerdict::Refused);
    assert_eq!(bench.use_code(&ticket, &code.to_uppercase()).await, CodeVerdict::Right);
    assert_eq!(bench.use_code(&first, &code).await, CodeVerdict::Refused, "once");
    let done = bench.directory.finish_reset(&ticket, &NEW.into(), &browser()).await.unwrap();
    assert_eq!(done, ResetOutcome::Done);
    assert!(login(&bench.directory, "00000001", NEW).await.is_some());
    assert_eq!(bench.waits(&bench.officer).await, 0, "helped");

    // Nothing that would make a thief's stay permanent changes for three days.
    let private = address("voleur@ailleurs.example");
    let named = bench.directory.add_recovery_address(bench.marie, &private, &browser()).await;
    assert!(matches!(named, Err(DirectoryError::OnHold { .. })), "{named:?}");
    bench.time.fetch_add(72 * 3600, Ordering::Relaxed);
    bench.directory.add_recovery_address(bench.marie, &private, &browser()).await.unwrap();
    let mut lines = Vec::new();
    let see = |record: &directory::AuditRecord| {
        lines.push((record.act, record.officer, record.reason.clone()));
        true
    };
    bench.directory.audit_lines(see).await.unwrap();
    let issued = (Act::ActivationIssued, Some(bench.officer.id.0), "vue en personne".to_owned());
    assert!(lines.contains(&issued), "{lines:?}");
    assert_eq!(bench.directory.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn other_schools_privileged_accounts_and_agents_are_out_of_reach() {
    let bench = bench().await;
    let find = async |officer: &Account, typed: &str| {
        let found = bench.directory.find_helped(officer, typed).await.unwrap();
        found.iter().map(|account| account.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(find(&bench.officer, "martin").await, ["Marie-Hélène Martin"]);
    assert_eq!(find(&bench.officer, "HELENE mart").await, ["Marie-Hélène Martin"]);
    assert_eq!(find(&bench.other_officer, "martin").await, ["Paul Martin"]);
    assert!(find(&bench.officer, "").await.is_empty());
    let agent = bench.directory.account(bench.marie).await.unwrap().unwrap();
    for (helper, helped) in [
        (&bench.other_officer, bench.marie),
        (&agent, bench.officer.id),
        (&bench.officer, bench.officer.id),
        (&bench.officer, bench.other_officer.id),
        (&bench.officer, AccountId(5)),
        (&bench.officer, AccountId(99)),
    ] {
        let directory = &bench.directory;
        let requester = browser();
        let issued = directory.issue_activation_code(helper, helped, "x", &requester).await;
        assert!(matches!(issued, Err(DirectoryError::NotFound { .. })), "{helped}");
        let refused = directory.refuse_reset(helper, helped, "x", &requester).await;
        assert!(matches!(refused, Err(DirectoryError::NotFound { .. })), "{helped}");
        let shown = directory.note_lookup(helper, helped, &requester).await;
        assert!(matches!(shown, Err(DirectoryError::NotFound { .. })), "{helped}");
    }
    // Somebody who moves to another school leaves the reach of the old one's officer.
    let moved =
        AccountUpdate { units: Some(vec![common::unit(OTHER_SCHOOL)]), ..AccountUpdate::default() };
    bench.directory.update_account(bench.marie, moved).await.unwrap();
    assert!(bench.issue(&bench.officer).await.is_err());
    assert!(bench.issue(&bench.other_officer).await.is_ok());
}

#[tokio::test]
async fn of_two_officers_at_once_the_last_code_counts_alone() {
    let bench = bench().await;
    let ticket = bench.ask().await;
    let (one, two) = tokio::join!(bench.issue(&bench.officer), bench.issue(&bench.officer));
    let mut right = 0;
    for code in [one.unwrap(), two.unwrap()] {
        right += usize::from(bench.use_code(&ticket, &code).await == CodeVerdict::Right);
    }
    assert_eq!(right, 1);
}

#[tokio::test]
async fn a_code_ends_after_a_day_and_a_refusal_ends_the_request() {
    let bench = bench().await;
    let code = bench.issue(&bench.officer).await.unwrap();
    bench.time.fetch_add(24 * 3600, Ordering::Relaxed);
    let ticket = bench.ask().await;
    assert_eq!(bench.use_code(&ticket, &code).await, CodeVerdict::Refused);
    for letter in bench.directory.due_letters(100).await.unwrap() {
        bench.directory.letter_done(&letter).await.unwrap();
    }
    let empty = bench.directory.refuse_reset(&bench.officer, bench.marie, " ", &browser()).await;
    assert!(matches!(empty, Err(DirectoryError::Invalid(_))), "a reason is needed");
    let reason = "inconnue au téléphone";
    bench.directory.refuse_reset(&bench.officer, bench.marie, reason, &browser()).await.unwrap();
    assert_eq!(bench.waits(&bench.officer).await, 0);
    let due = bench.directory.due_letters(100).await.unwrap();
    assert!(due.iter().any(|letter| letter.kind == LetterKind::ResetRefused), "{due:?}");
}

#[tokio::test]
async fn of_a_refusal_and_a_code_at_once_the_last_one_counts() {
    let bench = bench().await;
    let ticket = bench.ask().await;
    let asked = browser();
    let refusing = bench.directory.refuse_reset(&bench.officer, bench.marie, "doute", &asked);
    let (refused, issued) = tokio::join!(refusing, bench.issue(&bench.officer));
    refused.unwrap();
    let mut last = None;
    let see = |record: &directory::AuditRecord| {
        let is_one = matches!(record.act, Act::ResetRefused | Act::ActivationIssued);
        last = if is_one { Some(record.act) } else { last };
        true
    };
    bench.directory.audit_lines(see).await.unwrap();
    let right = bench.use_code(&ticket, &issued.unwrap()).await == CodeVerdict::Right;
    assert_eq!(right, last == Some(Act::ActivationIssued));
    assert_eq!(bench.waits(&bench.officer).await, 0);
}

#[tokio::test]
async fn officers_are_told_who_waits_and_whose_password_was_replaced() {
    let bench = bench().await;
    bench.ask().await;
    let code = bench.issue(&bench.officer).await.unwrap();
    let ticket = bench.ask().await;
    assert_eq!(bench.use_code(&ticket, &code).await, CodeVerdict::Right);
    bench.directory.finish_reset(&ticket, &NEW.into(), &browser()).await.unwrap();
    let mut told = Vec::new();
    for letter in bench.directory.due_letters(100).await.unwrap() {
        if letter.to == [bench.officer.primary_address.clone()] {
            assert!(letter.code.is_none() && letter.about == "Marie-Hélène Martin");
            told.push(letter.kind);
        }
        assert!(!letter.to.contains(&bench.other_officer.primary_address));
    }
    assert_eq!(told.iter().filter(|kind| **kind == LetterKind::OfficerReset).count(), 1);
    assert_eq!(told.iter().filter(|kind| **kind == LetterKind::OfficerAsked).count(), 2);
}

#[tokio::test]
async fn a_months_report_counts_resets_refusals_and_waits() {
    let bench = bench().await;
    // 2026-05-28T20:26:40Z: the request is of May, its code of June.
    bench.ask().await;
    bench.time.fetch_add(5 * 24 * 3600, Ordering::Relaxed);
    let code = bench.issue(&bench.officer).await.unwrap();
    let ticket = bench.ask().await;
    assert_eq!(bench.use_code(&ticket, "abcd-efgh-ijkm").await, CodeVerdict::Refused);
    assert_eq!(bench.use_code(&ticket, &code).await, CodeVerdict::Right);
    bench.directory.finish_reset(&ticket, &NEW.into(), &browser()).await.unwrap();
    let nobody = ResetClaim { name: "x".into(), academic_id: "4444".into(), ..Default::default() };
    let (ticket, _) = bench.directory.ask_reset(&nobody, &browser()).await.unwrap();
    bench.directory.decide_reset(&nobody, &ticket, &browser()).await.unwrap();
    bench.ask().await;
    bench.time.fetch_add(3600, Ordering::Relaxed);
    bench.directory.refuse_reset(&bench.officer, bench.marie, "x", &browser()).await.unwrap();

    let june = bench.directory.reset_report("2026-06".parse().unwrap()).await.unwrap();
    assert_eq!((june.asked, june.fitted_nobody, june.followed.approval), (3, 1, 2));
    assert_eq!((june.done.approval, june.done.code, june.done.identity), (1, 0, 0));
    assert_eq!((june.wrong_codes, june.refused, june.stopped), (1, 1, 0));
    assert_eq!((june.waits.count, june.waits.longest), (1, 5 * 24 * 3600));
    assert_eq!(june.addresses, [("192.0.2.1".parse().unwrap(), 3)]);
    let may = bench.directory.reset_report("2026-05".parse().unwrap()).await.unwrap();
    assert_eq!((may.asked, may.done.approval, may.waits.count), (1, 0, 0));
}

#[tokio::test]
async fn of_fifty_who_use_one_activation_code_at_once_exactly_one_wins() {
    // It counts in whichever browser: each of them asks from one of its own.
    let bench = bench().await;
    let code = bench.issue(&bench.officer).await.unwrap();
    let claim = ResetClaim { academic_id: "00000001".into(), ..ResetClaim::default() };
    let mut browsers = Vec::new();
    for _ in 0..50 {
        browsers.push(bench.directory.ask_reset(&claim, &browser()).await.unwrap().0);
    }
    let tries = browsers.iter().map(|ticket| {
        let (directory, ticket, code) = (bench.directory.clone(), ticket.clone(), code.clone());
        tokio::spawn(async move { directory.try_reset_code(&ticket, &code, &browser()).await })
    });
    let mut right = Vec::new();
    for (at, tried) in tries.collect::<Vec<_>>().into_iter().enumerate() {
        right.extend((tried.await.unwrap().unwrap() == CodeVerdict::Right).then_some(at));
    }
    assert_eq!(right.len(), 1, "{right:?}");
    let finishes = browsers.iter().enumerate().map(|(at, ticket)| {
        let (directory, ticket) = (bench.directory.clone(), ticket.clone());
        let password = format!("{NEW} {at}");
        tokio::spawn(async move {
            directory.finish_reset(&ticket, &password.as_str().into(), &browser()).await
        })
    });
    let mut done = Vec::new();
    for (at, finished) in finishes.collect::<Vec<_>>().into_iter().enumerate() {
        done.extend((finished.await.unwrap().unwrap() == ResetOutcome::Done).then_some(at));
    }
    assert_eq!(done, right, "whose code was right");
    let password = format!("{NEW} {}", done[0]);
    assert!(login(&bench.directory, "00000001", &password).await.is_some());
    let mut lines = 0;
    let count = |record: &directory::AuditRecord| {
        lines += usize::from(record.factors.contains(&(directory::Factor::Activation, true)));
        true
    };
    bench.directory.audit_lines(count).await.unwrap();
    assert_eq!(lines, 1, "and no other line says so");
}

#[tokio::test]
async fn a_code_of_an_officer_ends_with_the_password_that_it_was_to_replace() {
    let bench = bench().await;
    let ticket = bench.ask().await;
    let code = bench.issue(&bench.officer).await.unwrap();
    bench.directory.change_password(bench.marie, &NEW.into(), &browser()).await.unwrap();
    assert_eq!(bench.use_code(&ticket, &code).await, CodeVerdict::Refused);
    assert_eq!(bench.waits(&bench.officer).await, 0, "nobody waits any more");
}
