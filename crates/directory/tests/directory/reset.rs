//! A lost password: the same work for everybody, a code that works once in one browser, and a
//! change that a power cut leaves whole or undone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::common::{self, PASSWORD, address, after_crash, create, login, new, unlimited};
use directory::{
    AccountState, Act, CodeVerdict, Directory, LetterKind, NewPassword, Requester, ResetClaim,
    ResetOutcome, ResetTicket, TotpSecret,
};
use mail_store::Store;
use mail_types::AccountId;

const NEW: &str = "un perroquet sous la pluie";

struct Bench {
    store: Store,
    directory: Directory,
    time: Arc<AtomicI64>,
    marie: AccountId,
}

/// Marie has a recovery address, Paul has none.
async fn bench() -> Bench {
    let store = Store::memory();
    let time = Arc::new(AtomicI64::new(1_780_000_000));
    let clock = Arc::clone(&time);
    let clock: directory::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let directory = Directory::open_at(store.clone(), unlimited(), clock).await.unwrap();
    common::found(&directory).await;
    let mut marie = new("marie", 1);
    marie.name = "Marie-Hélène Martin".into();
    let marie = directory.create_account(marie).await.unwrap().id;
    create(&directory, "paul", 2).await;
    let bench = Bench { store, directory, time, marie };
    let private = address("marie@ailleurs.example");
    let number = bench
        .directory
        .add_recovery_address(bench.marie, &private, &from("192.0.2.1"))
        .await
        .unwrap();
    let code = bench.mailed(LetterKind::RecoveryCode).await.unwrap();
    bench
        .directory
        .prove_recovery_address(bench.marie, number, &code, &from("192.0.2.1"))
        .await
        .unwrap();
    bench.mailed(LetterKind::RecoveryCode).await;
    bench
}

fn from(peer: &str) -> Requester {
    Requester { peer: Some(peer.parse().unwrap()), language: "fr".into(), ..Requester::default() }
}

fn claim(name: &str, id: u64) -> ResetClaim {
    ResetClaim { name: name.into(), academic_id: format!("{id:08}"), ..ResetClaim::default() }
}

impl Bench {
    /// The code in the newest letters, if any has one of this kind; takes all letters away.
    async fn mailed(&self, kind: LetterKind) -> Option<String> {
        let mut found = None;
        for letter in self.directory.due_letters(100).await.unwrap() {
            if letter.kind == kind {
                found = letter.code.as_ref().map(|code| code.expose().clone());
            }
            self.directory.letter_done(&letter).await.unwrap();
        }
        found
    }

    async fn ask(&self, claim: &ResetClaim, requester: &Requester) -> (ResetTicket, bool) {
        let (ticket, goes_on) = self.directory.ask_reset(claim, requester).await.unwrap();
        if goes_on {
            self.directory.decide_reset(claim, &ticket, requester).await.unwrap();
        }
        (ticket, goes_on)
    }

    async fn ask_for_marie(&self) -> (ResetTicket, String) {
        let claim = claim("martin MARIE helene", 1);
        let (ticket, _) = self.ask(&claim, &from("192.0.2.1")).await;
        (ticket, self.mailed(LetterKind::ResetCode).await.expect("a code"))
    }

    async fn try_code(&self, ticket: &ResetTicket, code: &str) -> CodeVerdict {
        self.directory.try_reset_code(ticket, code, &from("192.0.2.1")).await.unwrap()
    }

    async fn finish(&self, ticket: &ResetTicket) -> ResetOutcome {
        self.directory.finish_reset(ticket, &NEW.into(), &from("192.0.2.1")).await.unwrap()
    }
}

#[tokio::test]
async fn the_owner_gets_back_in_and_everything_else_is_out() {
    let bench = bench().await;
    let home = from("192.0.2.1");
    let phone = bench.directory.add_app_password(bench.marie, "Téléphone", &home);
    let phone = phone.await.unwrap();
    let secret = TotpSecret::generate();
    let code = secret.code_at(bench.time.load(Ordering::Relaxed));
    bench.directory.turn_totp_on(bench.marie, &secret, &code, &from("192.0.2.1")).await.unwrap();
    let (ticket, code) = bench.ask_for_marie().await;
    assert_eq!(bench.finish(&ticket).await, ResetOutcome::Refused, "not before the code");
    assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Right);
    assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Refused, "a code counts once");
    let short = bench.directory.finish_reset(&ticket, &"court".into(), &from("192.0.2.1")).await;
    assert!(matches!(short.unwrap(), ResetOutcome::Unfit(_)));
    let mut changes = bench.directory.subscribe_credential_changes();
    assert_eq!(bench.finish(&ticket).await, ResetOutcome::Done);
    assert_eq!(changes.try_recv().unwrap(), bench.marie, "sessions and connections end");
    assert_eq!(bench.finish(&ticket).await, ResetOutcome::Refused, "once");
    let overview = bench.directory.security_overview(bench.marie).await.unwrap();
    assert!(overview.app_passwords.is_empty());
    assert!(overview.totp_since.is_some(), "the second factor is never reset away");
    assert!(login(&bench.directory, "00000001", phone.expose()).await.is_none());
    let told = bench.directory.due_letters(10).await.unwrap();
    let told: Vec<_> = told.iter().filter(|one| one.kind == LetterKind::PasswordReset).collect();
    assert_eq!(told.len(), 2, "the mailbox and the recovery address");
    assert_eq!(bench.directory.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn everybody_costs_the_same_commits_and_no_hash() {
    // ASVS 6.3.8. Known with and without a way back, wrong name, suspended, deleted, unknown.
    let bench = bench().await;
    let suspended = create(&bench.directory, "suspended", 3).await;
    bench.directory.set_state(suspended.id, AccountState::Suspended).await.unwrap();
    let deleted = create(&bench.directory, "deleted", 4).await;
    bench.directory.delete_account(deleted.id).await.unwrap();
    let hashes = bench.directory.password_hashes();
    let mut works = Vec::new();
    for (number, claim) in [
        claim("Marie Hélène Martin", 1),
        claim("Somebody Else", 1),
        claim("paul", 2),
        claim("suspended", 3),
        claim("deleted", 4),
        claim("Nobody", 99),
        ResetClaim {
            name: "Nobody".into(),
            academic_id: "no number".into(),
            ..ResetClaim::default()
        },
    ]
    .iter()
    .enumerate()
    {
        let requester = from(&format!("198.51.{number}.1"));
        let syncs = || bench.store.syncs();
        let before = syncs();
        let (ticket, goes_on) = bench.directory.ask_reset(claim, &requester).await.unwrap();
        assert!(goes_on);
        let asked = syncs();
        bench.directory.decide_reset(claim, &ticket, &requester).await.unwrap();
        let decided = syncs();
        let verdict = bench.directory.try_reset_code(&ticket, "12345678", &requester).await;
        assert_eq!(verdict.unwrap(), CodeVerdict::Refused);
        let sealed = bench.directory.seal_ticket(&ticket).unwrap().len();
        works.push((asked - before, decided - asked, syncs() - decided, sealed));
        let finished = bench.directory.finish_reset(&ticket, &NEW.into(), &requester).await;
        assert_eq!(finished.unwrap(), ResetOutcome::Refused);
    }
    assert!(works.iter().all(|work| *work == works[0]), "{works:?}");
    assert_eq!((works[0].0, works[0].1, works[0].2), (1, 1, 1));
    assert_eq!(bench.directory.password_hashes(), hashes);
}

#[tokio::test]
async fn a_code_works_in_the_browser_that_asked_for_ten_minutes_and_five_tries() {
    let bench = bench().await;
    let (first, _) = bench.ask_for_marie().await;
    let (second, code) = bench.ask_for_marie().await;
    assert_eq!(bench.try_code(&first, &code).await, CodeVerdict::Refused, "another browser");
    assert_eq!(bench.try_code(&second, &code).await, CodeVerdict::Right, "its tries are left");
    bench.time.fetch_add(601, Ordering::Relaxed);
    assert_eq!(bench.finish(&second).await, ResetOutcome::Refused, "the proof ran out");
    let (ticket, code) = bench.ask_for_marie().await;
    bench.time.fetch_add(600, Ordering::Relaxed);
    assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Refused, "too late");
    bench.time.fetch_add(24 * 3600, Ordering::Relaxed);
    let (ticket, code) = bench.ask_for_marie().await;
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    for _ in 0..5 {
        assert_eq!(bench.try_code(&ticket, wrong).await, CodeVerdict::Refused);
    }
    assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Refused, "five tries");
}

#[tokio::test]
async fn a_clock_set_back_gives_no_code_a_longer_life() {
    let bench = bench().await;
    let (ticket, code) = bench.ask_for_marie().await;
    assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Right);
    assert_eq!(bench.finish(&ticket).await, ResetOutcome::Done);
    bench.time.fetch_sub(300, Ordering::Relaxed);
    assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Refused, "used is used");
    assert_eq!(bench.finish(&ticket).await, ResetOutcome::Refused);
}

#[tokio::test]
async fn of_fifty_who_use_one_code_at_once_exactly_one_wins() {
    let bench = bench().await;
    let (ticket, code) = bench.ask_for_marie().await;
    let tries = (0..50).map(|_| {
        let (directory, ticket, code) = (bench.directory.clone(), ticket.clone(), code.clone());
        tokio::spawn(async move {
            directory.try_reset_code(&ticket, &code, &from("192.0.2.1")).await.unwrap()
        })
    });
    let mut right = 0;
    for tried in tries.collect::<Vec<_>>() {
        right += usize::from(tried.await.unwrap() == CodeVerdict::Right);
    }
    assert_eq!(right, 1);
    let finishes = (0..50).map(|number| {
        let (directory, ticket) = (bench.directory.clone(), ticket.clone());
        let password = format!("un perroquet sous la pluie {number}");
        tokio::spawn(async move {
            let password = password.as_str().into();
            directory.finish_reset(&ticket, &password, &from("192.0.2.1")).await
        })
    });
    let mut done = 0;
    for finished in finishes.collect::<Vec<_>>() {
        done += usize::from(matches!(finished.await.unwrap(), Ok(ResetOutcome::Done)));
    }
    assert_eq!(done, 1);
    let mut lines = 0;
    let count = |record: &directory::AuditRecord| {
        lines += usize::from(record.act == Act::ResetDone);
        true
    };
    bench.directory.audit_lines(count).await.unwrap();
    assert_eq!(lines, 1);
}

#[tokio::test]
async fn a_power_cut_leaves_the_old_password_or_the_whole_change() {
    // Password, sessions, app passwords, letters and the line in the log are one commit.
    for writes in 0..3 {
        let bench = bench().await;
        let home = from("192.0.2.1");
        let phone = bench.directory.add_app_password(bench.marie, "Téléphone", &home);
        let phone = phone.await.unwrap();
        bench.mailed(LetterKind::ResetCode).await;
        let (ticket, code) = bench.ask_for_marie().await;
        assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Right);
        bench.store.fail_after(writes);
        let outcome = bench.directory.finish_reset(&ticket, &NEW.into(), &from("192.0.2.1")).await;
        let (_, after) = after_crash(&bench.store).await;
        let new_works = login(&after, "00000001", NEW).await.is_some();
        let old_works = login(&after, "00000001", PASSWORD).await.is_some();
        let phone_works = login(&after, "00000001", phone.expose()).await.is_some();
        let told = after.due_letters(10).await.unwrap();
        let told = told.iter().any(|letter| letter.kind == LetterKind::PasswordReset);
        assert_eq!(old_works, !new_works, "{writes}");
        assert_eq!(phone_works, old_works, "{writes}");
        assert_eq!(told, new_works, "{writes}");
        if matches!(outcome, Ok(ResetOutcome::Done)) {
            assert!(new_works, "what was acknowledged survives");
        }
        assert_eq!(after.verify_audit().await.unwrap().fault_count, 0);
    }
}

#[tokio::test]
async fn requests_are_limited_over_restarts_whoever_they_name() {
    let bench = bench().await;
    for (name, id) in [("Marie Hélène Martin", 1), ("Nobody", 77)] {
        let claim = claim(name, id);
        let mut went_on = 0;
        for n in 0..10 {
            let (_, goes_on) = bench.ask(&claim, &from(&format!("198.51.{n}.{id}"))).await;
            went_on += usize::from(goes_on);
        }
        assert_eq!(went_on, 3, "{name}: three a day");
    }
    let (store, now) = (bench.store.after_crash(), bench.time.load(Ordering::Relaxed));
    let after = Directory::open_at(store, unlimited(), Arc::new(move || now)).await.unwrap();
    for id in [1, 77] {
        let claim = claim("Marie Hélène Martin", id);
        let (_, goes_on) = after.ask_reset(&claim, &from("203.0.113.1")).await.unwrap();
        assert!(!goes_on, "{id}: a restart forgets nothing");
    }
    bench.time.fetch_add(24 * 3600, Ordering::Relaxed);
    assert!(bench.ask(&claim("Nobody", 77), &from("203.0.113.1")).await.1, "a day later");
}

#[tokio::test]
async fn an_address_a_network_and_everybody_together_are_limited() {
    let bench = bench().await;
    let count = async |peers: &mut dyn Iterator<Item = String>, first: u64| {
        let mut went_on = 0;
        for (n, peer) in peers.enumerate() {
            let claim = claim("Nobody", first + n as u64);
            went_on += usize::from(bench.ask(&claim, &from(&peer)).await.1);
        }
        went_on
    };
    assert_eq!(count(&mut (0..20).map(|_| "198.51.100.1".into()), 1000).await, 10);
    assert_eq!(count(&mut (0..100).map(|n| format!("198.51.101.{n}")), 2000).await, 60);
    let mut everywhere = (0..600).map(|n| format!("10.{}.{}.1", n / 250, n % 250));
    assert_eq!(count(&mut everywhere, 3000).await, 500 - 10 - 60);
}

#[tokio::test]
async fn homonyms_are_told_apart_by_their_id_and_accents_do_not_matter() {
    let bench = bench().await;
    let mut other = new("marie2", 5);
    other.name = "Marie-Hélène Martin".into();
    bench.directory.create_account(other).await.unwrap();
    let before = bench.directory.due_letters(10).await.unwrap().len();
    assert_eq!(before, 0);
    bench.ask(&claim("MARTIN, Marie Helene", 5), &from("192.0.2.1")).await;
    assert!(bench.mailed(LetterKind::ResetCode).await.is_none(), "the other one has no address");
    bench.ask_for_marie().await;
}

#[tokio::test]
async fn after_ten_failed_proofs_only_an_officer_helps() {
    let bench = bench().await;
    for round in 0..2 {
        let (ticket, code) = bench.ask_for_marie().await;
        let wrong = if code == "00000000" { "00000001" } else { "00000000" };
        for _ in 0..5 {
            assert_eq!(bench.try_code(&ticket, wrong).await, CodeVerdict::Refused, "{round}");
        }
    }
    bench.ask(&claim("Marie Hélène Martin", 1), &from("192.0.2.1")).await;
    let due = bench.directory.due_letters(10).await.unwrap();
    // The unit has no officer: the letter to them has no reader.
    let mut read = due.iter().filter(|letter| !letter.to.is_empty());
    assert!(read.all(|letter| letter.kind == LetterKind::ResetAsked), "{due:?}");
    assert!(due.iter().any(|letter| letter.kind == LetterKind::OfficerAsked), "{due:?}");
    assert!(login(&bench.directory, "00000001", PASSWORD).await.is_some(), "nobody is locked out");
}

#[tokio::test]
async fn a_ticket_is_sealed_and_ends() {
    let bench = bench().await;
    let (ticket, _) = bench.ask_for_marie().await;
    let sealed = bench.directory.seal_ticket(&ticket).unwrap();
    assert!(!sealed.windows(8).any(|window| window == b"00000001"), "no ID in a cookie");
    assert!(bench.directory.open_ticket(&sealed).is_some());
    let mut changed = sealed.clone();
    changed[20] ^= 1;
    assert!(bench.directory.open_ticket(&changed).is_none());
    assert!(bench.directory.open_ticket(&sealed[1..]).is_none());
    bench.time.fetch_add(3600, Ordering::Relaxed);
    assert!(bench.directory.open_ticket(&sealed).is_none());
}

#[tokio::test]
async fn a_code_ends_with_the_password_that_it_was_to_replace() {
    // However it was replaced: by its owner, by an administrator, by a secret on paper.
    for by in ["owner", "administrator", "secret"] {
        let bench = bench().await;
        let (ticket, code) = bench.ask_for_marie().await;
        let directory = &bench.directory;
        match by {
            "owner" => {
                let new = "une girafe sous le soleil".into();
                directory.change_password(bench.marie, &new, &from("192.0.2.1")).await.unwrap();
            }
            "administrator" => {
                let new = NewPassword::Hash(common::hash());
                directory.set_password(bench.marie, new).await.unwrap();
            }
            _ => drop(directory.issue_secret(bench.marie).await.unwrap()),
        }
        assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Refused, "{by}");
        assert_eq!(bench.finish(&ticket).await, ResetOutcome::Refused, "{by}");
    }
    let bench = bench().await;
    let (ticket, code) = bench.ask_for_marie().await;
    assert_eq!(bench.try_code(&ticket, &code).await, CodeVerdict::Right);
    let new = "une girafe sous le soleil".into();
    bench.directory.change_password(bench.marie, &new, &from("192.0.2.1")).await.unwrap();
    assert_eq!(bench.finish(&ticket).await, ResetOutcome::Refused, "right before it was replaced");
}
