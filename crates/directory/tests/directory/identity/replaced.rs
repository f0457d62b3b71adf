//! What a replaced password leaves behind: no code, proof or address that led to one before, and
//! nothing that somebody else may have put there.

use directory::{
    Act, Approval, AuthError, Choice, CodeVerdict, LetterKind, NewPassword, ResetTicket, Service,
};

use crate::common::{self, address};
use crate::identity::bench::*;

const PRIVATE: &str = "marie@ailleurs.example";

/// Names an address elsewhere and proves it.
async fn prove(bench: &Bench, local: &str) {
    let (directory, home) = (&bench.directory, from("192.0.2.1"));
    let added = directory.add_recovery_address(bench.marie, &address(local), &home).await;
    let code = bench.letters(LetterKind::RecoveryCode).await.1.unwrap();
    let number = added.unwrap();
    directory.prove_recovery_address(bench.marie, number, &code, &home).await.unwrap();
    bench.letters(LetterKind::RecoveryChanged).await;
}

/// Fills the form in; the ticket, and to whom a code went.
async fn ask(bench: &Bench) -> (ResetTicket, Vec<String>, Option<String>) {
    let ticket = bench.ask_as(&claim("marie", 1, None), "192.0.2.1").await.unwrap();
    let (to, code) = bench.letters(LetterKind::ResetCode).await;
    (ticket, to, code)
}

async fn is_right(bench: &Bench, ticket: &ResetTicket, code: &str) -> bool {
    let home = from("192.0.2.1");
    let verdict = bench.directory.try_reset_code(ticket, code, &home).await.unwrap();
    verdict == CodeVerdict::Right
}

/// Another password, by each way to one.
async fn replace(bench: &Bench, by: &str) {
    let (directory, home) = (&bench.directory, from("192.0.2.1"));
    let own = "girafe bleue sous la neige";
    match by {
        "the owner" => directory.change_password(bench.marie, &own.into(), &home).await.unwrap(),
        "the command line" => {
            let own = NewPassword::Plain(own.into());
            directory.set_password(bench.marie, own).await.unwrap();
        }
        _ => {
            let sheet = directory.issue_secret(bench.marie).await.unwrap();
            if by == "a secret" {
                return;
            }
            let peer = "192.0.2.1".parse().unwrap();
            let login =
                directory.authenticate("00000001", &sheet.secret, Service::Webmail, peer).await;
            let Err(AuthError::MustChangePassword(right)) = login else { panic!("{login:?}") };
            let chosen = directory.choose_password(right, &own.into(), &home).await.unwrap();
            assert!(matches!(chosen, Choice::Accepted(_)), "{chosen:?}");
        }
    }
}

#[tokio::test]
async fn another_password_ends_every_code_and_proof_for_the_one_before() {
    for by in ["the owner", "the command line", "a secret", "a password chosen with one"] {
        let bench = bench().await;
        prove(&bench, PRIVATE).await;
        let (ticket, _, code) = ask(&bench).await;
        assert!(is_right(&bench, &ticket, &code.unwrap()).await);
        replace(&bench, by).await;
        assert!(!bench.finish(&ticket).await, "{by}: a proof");

        let bench = self::bench().await;
        prove(&bench, PRIVATE).await;
        let (ticket, _, code) = ask(&bench).await;
        replace(&bench, by).await;
        assert!(!is_right(&bench, &ticket, &code.unwrap()).await, "{by}: a code");

        let bench = self::bench().await;
        let (ticket, ..) = ask(&bench).await;
        let home = from("192.0.2.1");
        let issued =
            bench.directory.issue_activation_code(&bench.anne, bench.marie, "vue", &home).await;
        let Approval::Code(code) = issued.unwrap() else { panic!("an agent takes one") };
        replace(&bench, by).await;
        assert!(!is_right(&bench, &ticket, code.expose()).await, "{by}: an officer's code");

        let bench = self::bench().await;
        bench.ask().await;
        replace(&bench, by).await;
        bench.pass(DAY);
        let again = bench.ask().await;
        assert!(!bench.go_on(&again).await, "{by}: a wait");
        let bench = self::bench().await;
        ask(&bench).await;
        replace(&bench, by).await;
        let waiting = bench.directory.waiting_requests(&bench.anne).await.unwrap();
        assert!(waiting.is_empty(), "{by}: nobody waits for help");
    }
}

#[tokio::test]
async fn junk_typed_elsewhere_does_not_take_the_owners_codes_away() {
    // Ten failed proofs close the way by mail for a month: nobody else may use them up in the
    // browser of an older request.
    let bench = bench().await;
    prove(&bench, PRIVATE).await;
    let (other, ..) = ask(&bench).await;
    let (own, _, code) = ask(&bench).await;
    for _ in 0..12 {
        assert!(!is_right(&bench, &other, "00000000").await);
    }
    assert!(is_right(&bench, &own, &code.unwrap()).await, "its tries are left");
    let (_, to, _) = ask(&bench).await;
    assert_eq!(to, [PRIVATE], "and so is the way by mail");
}

#[tokio::test]
async fn an_address_proven_shortly_before_an_officers_reset_leads_nowhere() {
    // A thief names an address of their own; the owner goes to the officer. The thief's address
    // must not let them in again, neither at once nor when the hold is over.
    let bench = bench().await;
    prove(&bench, PRIVATE).await;
    bench.pass(8 * DAY);
    prove(&bench, "voleur@ailleurs.example").await;
    bench.pass(DAY);
    replace(&bench, "a password chosen with one").await;
    for days in [1, 3] {
        bench.pass(days * DAY);
        let (_, to, _) = ask(&bench).await;
        assert_eq!(to, [PRIVATE], "{days}: the older one only");
    }
    let overview = bench.directory.security_overview(bench.marie).await.unwrap();
    let doubted: Vec<_> = overview.recovery.iter().map(|one| one.is_doubted).collect();
    assert_eq!(doubted, [false, true], "and its owner sees why");
}

#[tokio::test]
async fn an_alarm_removes_recovery_addresses_and_tells_them_but_not_while_on_hold() {
    let bench = bench().await;
    let (directory, home) = (&bench.directory, from("192.0.2.1"));
    prove(&bench, PRIVATE).await;
    let addresses = async || directory.security_overview(bench.marie).await.unwrap().recovery.len();
    replace(&bench, "a password chosen with one").await;
    // Whoever came in by a reset does not take the owner's way back away.
    directory.raise_alarm(bench.marie, &NEW.into(), &home).await.unwrap();
    assert_eq!(addresses().await, 1, "on hold");
    bench.pass(3 * DAY);
    bench.letters(LetterKind::PasswordChanged).await;
    let own = "une autre girafe sous la neige".into();
    directory.raise_alarm(bench.marie, &own, &home).await.unwrap();
    assert_eq!(addresses().await, 0);
    assert_eq!(bench.letters(LetterKind::RecoveryChanged).await.0, [PRIVATE]);
    assert_eq!(bench.lines(Act::RecoveryRemoved).await.len(), 1);
    let (_, to, _) = ask(&bench).await;
    assert!(to.is_empty());
    assert!(common::login(directory, "00000001", own.expose()).await.is_some());
}
