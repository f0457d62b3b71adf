//! A lost password in the browser: pages that tell nothing, and a way back in.

use std::time::Duration;

use directory::{LetterKind, Requester};
use hyper::{Request, StatusCode};

use super::{Answer, Bench, Browser, PASSWORD};

const FORM: &str = "/mot-de-passe-oublie";
const NEW: &str = "un perroquet sous la pluie";

fn requester() -> Requester {
    Requester { language: "fr".into(), ..Requester::default() }
}

/// Waits until a letter of this kind is due: its code. Takes all letters away.
async fn code(bench: &Bench, kind: LetterKind) -> String {
    loop {
        let due = bench.directory.due_letters(10).await.unwrap();
        for letter in &due {
            bench.directory.letter_done(letter).await.unwrap();
        }
        if let Some(letter) = due.iter().find(|letter| letter.kind == kind) {
            return letter.code.as_ref().unwrap().expose().clone();
        }
        let due = bench.directory.letters_due();
        tokio::time::timeout(Duration::from_secs(10), due).await.expect("a letter becomes due");
    }
}

/// Marie with a recovery address.
async fn prepared() -> Bench {
    let bench = Bench::new().await;
    let id = bench.directory.find("marie.martin@ac.test").await.unwrap().unwrap().id;
    let address = "marie@ailleurs.example".parse().unwrap();
    let number = bench.directory.add_recovery_address(id, &address, &requester()).await.unwrap();
    let code = code(&bench, LetterKind::RecoveryCode).await;
    bench.directory.prove_recovery_address(id, number, &code, &requester()).await.unwrap();
    for letter in bench.directory.due_letters(10).await.unwrap() {
        bench.directory.letter_done(&letter).await.unwrap();
    }
    bench
}

async fn ask(browser: &mut Browser<'_>, name: &str, id: &str) -> Answer {
    let token = browser.get(FORM).await.token();
    let form = [("jeton", token.as_str()), ("nom", name), ("identifiant", id)];
    browser.post(FORM, &form).await
}

#[tokio::test]
async fn a_code_to_the_recovery_address_leads_back_in() {
    let bench = prepared().await;
    let mut thief = bench.logged_in("marie.martin@ac.test").await;
    let mut browser = bench.browser();
    assert!(browser.get("/").await.text().contains("href=\"/mot-de-passe-oublie\""));
    let asked = ask(&mut browser, "MARTIN Marie", "10001").await;
    assert_eq!(asked.header("location"), "/mot-de-passe-oublie/code");
    let page = browser.get("/mot-de-passe-oublie/code").await;
    assert!(page.text().contains("Si ces informations correspondent à un compte"));
    let code = code(&bench, LetterKind::ResetCode).await;
    let token = page.token();
    let post = "/mot-de-passe-oublie/code";
    let wrong = browser.post(post, &[("jeton", &token), ("code", "1")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = browser.post(post, &[("jeton", &token), ("code", &code)]).await;
    assert_eq!(right.header("location"), "/mot-de-passe-oublie/nouveau");
    let token = browser.get("/mot-de-passe-oublie/nouveau").await.token();
    let post = "/mot-de-passe-oublie/nouveau";
    for (new, again, said) in [(NEW, "autre", "différentes"), ("court", "court", "trop court")] {
        let form = [("jeton", token.as_str()), ("nouveau", new), ("encore", again)];
        let refused = browser.post(post, &form).await;
        assert!(refused.text().contains(said), "{said}");
    }
    let form = [("jeton", token.as_str()), ("nouveau", NEW), ("encore", NEW)];
    let done = browser.post(post, &form).await;
    assert_eq!(done.header("location"), "/?remplace=1");
    assert!(browser.get("/?remplace=1").await.text().contains("Votre mot de passe est remplacé."));
    assert_eq!(thief.get("/boite/INBOX").await.header("location"), "/", "sessions are cut");
    assert_eq!(browser.log_in("10001", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.log_in("10001", NEW).await.status, StatusCode::SEE_OTHER);
}

/// What tells two answers apart, but for what is random in every one.
fn shape(answer: &Answer) -> (StatusCode, usize, Vec<(String, usize)>) {
    let headers = answer.headers.iter();
    let lengths = headers.map(|(name, value)| (name.to_string(), value.len())).collect();
    (answer.status, answer.body.len(), lengths)
}

#[tokio::test]
async fn nobody_learns_from_the_form_who_exists() {
    // Status, bytes and headers of every step, for every kind of account and for none.
    let bench = prepared().await;
    let suspended = bench.add("zoe.roux@ac.test", "Zoé Roux", "10003").await;
    bench.directory.set_state(suspended, directory::AccountState::Suspended).await.unwrap();
    let mut shapes = Vec::new();
    for (name, id) in [
        ("Marie Martin", "10001"),
        ("Marie Martin", "10002"),
        ("Paul Durand", "10002"),
        ("Zoé Roux", "10003"),
        ("Jean Personne", "99999"),
        ("Jean Personne", "1"),
        ("Jean Personne", "abc"),
    ] {
        let mut browser = bench.browser();
        let asked = ask(&mut browser, name, id).await;
        let page = browser.get("/mot-de-passe-oublie/code").await;
        let token = page.token();
        let form = [("jeton", token.as_str()), ("code", "12345678")];
        let tried = browser.post("/mot-de-passe-oublie/code", &form).await;
        let new = browser.get("/mot-de-passe-oublie/nouveau").await;
        let form = [("jeton", token.as_str()), ("nouveau", NEW), ("encore", NEW)];
        let finished = browser.post("/mot-de-passe-oublie/nouveau", &form).await;
        assert!(finished.text().contains("Le délai est passé"));
        shapes.push([&asked, &page, &tried, &new, &finished].map(shape));
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:#?}");
}

#[tokio::test]
async fn the_form_belongs_to_its_browser_and_the_code_to_the_one_that_asked() {
    let bench = prepared().await;
    let mut browser = bench.browser();
    ask(&mut browser, "Marie Martin", "10001").await;
    let code = code(&bench, LetterKind::ResetCode).await;
    let mut other = bench.browser();
    let none = other.post("/mot-de-passe-oublie/code", &[("code", &code)]).await;
    assert_eq!(none.header("location"), FORM, "no ticket, no code");
    ask(&mut other, "Paul Durand", "10002").await;
    let token = other.get("/mot-de-passe-oublie/code").await.token();
    let form = [("jeton", token.as_str()), ("code", code.as_str())];
    let elsewhere = other.post("/mot-de-passe-oublie/code", &form).await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    let stale = browser.post("/mot-de-passe-oublie/code", &form).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN, "another browser's form");
    let foreign = [("nom", "Marie Martin"), ("identifiant", "10001"), ("jeton", "")];
    assert_eq!(bench.browser().post(FORM, &foreign).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_link_follows_a_host_that_a_request_named() {
    let bench = prepared().await;
    let mut browser = bench.browser();
    let token = browser.get(FORM).await.token();
    let request = Request::post(FORM)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example");
    let body = format!("jeton={token}&nom=Paul+Durand&identifiant=10002").into_bytes();
    let asked = browser.send(request, body).await;
    assert_eq!(asked.header("location"), "/mot-de-passe-oublie/code");
    while bench.webmail.send_due_letters().await == 0 {
        let due = bench.directory.letters_due();
        tokio::time::timeout(Duration::from_secs(10), due).await.expect("Paul is told");
    }
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    let list = paul.get("/boite/INBOX").await;
    let letter = paul.get(&super::first_message(&list)).await.text();
    assert!(letter.contains("https://mail.ac.test") && !letter.contains("evil.example"));
}
