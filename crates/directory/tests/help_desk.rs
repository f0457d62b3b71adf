//! The help desk: an officer helps the people of their own unit and nobody else, and leaves a line
//! for everything.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{address, login, new, unlimited};
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
