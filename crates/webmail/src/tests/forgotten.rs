//! A lost password in the browser: pages that tell nothing, and a way back in.

use std::time::Duration;

use directory::{LetterKind, Requester};
use hyper::{Request, StatusCode};

use super::{Answer, Bench, Browser, PASSWORD};

pub(crate) const FORM: &str = "/mot-de-passe-oublie";
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
    prepare(Bench::new().await).await
}

async fn prepare(bench: Bench) -> Bench {
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

pub(crate) const CODE: &str = "/mot-de-passe-oublie/code";
pub(crate) const BORN: [&str; 3] = ["21", "3", "1985"];

async fn ask_born(browser: &mut Browser<'_>, name: &str, id: &str, born: [&str; 3]) -> Answer {
    let token = browser.get(FORM).await.token();
    let [day, month, year] = born;
    let date = [("jour", day), ("mois", month), ("annee", year)];
    let form = [("jeton", token.as_str()), ("nom", name), ("identifiant", id)];
    browser.post(FORM, &[&form[..], &date].concat()).await
}

/// Waits until a letter of this kind was due.
async fn told(bench: &Bench, kind: LetterKind) -> Option<String> {
    loop {
        let due = bench.directory.due_letters(10).await.unwrap();
        for letter in &due {
            bench.directory.letter_done(letter).await.unwrap();
        }
        if let Some(letter) = due.iter().find(|letter| letter.kind == kind) {
            return letter.code.as_ref().map(|code| code.expose().clone());
        }
        let due = bench.directory.letters_due();
        tokio::time::timeout(Duration::from_secs(10), due).await.expect("a letter becomes due");
    }
}

/// Marie's school, in which two administrators agreed that identity is enough.
pub(crate) async fn open_school(bench: &Bench) {
    let school: directory::UnitCode = "0750001A".parse().unwrap();
    let unit = directory::Unit {
        code: school.clone(),
        name: "Collège Victor-Hugo".into(),
        officers: Vec::new(),
        contact: String::new(),
    };
    bench.directory.create_unit(unit).await.unwrap();
    let marie = bench.directory.find("10001").await.unwrap().unwrap();
    let update = directory::AccountUpdate {
        units: Some(vec![school.clone()]),
        person: directory::Person {
            birth_date: Some("1985-03-21".parse().unwrap()),
            ..directory::Person::default()
        },
        ..directory::AccountUpdate::default()
    };
    bench.directory.update_account(marie.id, update).await.unwrap();
    let mut administrators = Vec::new();
    for (name, id) in [("anne", "10004"), ("bruno", "10005")] {
        let id = bench.add(&format!("{name}@ac.test"), name, id).await;
        let role = Some(mail_types::Role::Administrator);
        let update = directory::AccountUpdate { role, ..directory::AccountUpdate::default() };
        bench.directory.update_account(id, update).await.unwrap();
        administrators.push(bench.directory.account(id).await.unwrap().unwrap());
    }
    let [anne, bruno] = administrators.as_slice() else { panic!("two") };
    let last_day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 60);
    let last_day = last_day.to_string().get(..10).unwrap().parse().unwrap();
    let proposed =
        bench.directory.propose_identity_reset(anne, &school, last_day, "x", &requester()).await;
    let number = proposed.unwrap();
    bench.directory.approve_identity_reset(bruno, &school, number, &requester()).await.unwrap();
}

#[tokio::test]
async fn where_identity_is_enough_a_day_and_the_form_again_lead_back_in() {
    let bench = Bench::new().await;
    open_school(&bench).await;
    let mut browser = bench.browser();
    let asked = ask_born(&mut browser, "Marie Martin", "10001", BORN).await;
    assert_eq!(asked.header("location"), CODE);
    told(&bench, LetterKind::IdentityBegun).await;
    let token = browser.get(CODE).await.token();
    let early = browser.post(CODE, &[("jeton", &token), ("sans", "1"), ("code", "")]).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.text().contains("Sans code, ce n’est pas possible"), "{}", early.text());
    bench.ahead.fetch_add(24 * 3600, std::sync::atomic::Ordering::Relaxed);
    let mut browser = bench.browser();
    let asked = ask_born(&mut browser, "Marie Martin", "10001", ["21", "03", "1985"]).await;
    assert_eq!(asked.header("location"), CODE);
    let page = browser.get(CODE).await;
    let form = [("jeton", page.token()), ("sans", "1".into())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The form is worked on after its answer.
    let mut answer = browser.post(CODE, &form).await;
    while answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        tokio::task::yield_now().await;
        answer = browser.post(CODE, &form).await;
    }
    assert_eq!(answer.header("location"), "/mot-de-passe-oublie/nouveau", "{}", answer.text());
    let token = browser.get("/mot-de-passe-oublie/nouveau").await.token();
    let form = [("jeton", token.as_str()), ("nouveau", NEW), ("encore", NEW)];
    let done = browser.post("/mot-de-passe-oublie/nouveau", &form).await;
    assert_eq!(done.header("location"), "/?remplace=1", "{}", done.text());
    assert_eq!(browser.log_in("10001", NEW).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_notices_link_stops_it_with_a_button_and_says_when_there_is_nothing_to_stop() {
    let bench = Bench::new().await;
    open_school(&bench).await;
    let mut thief = bench.browser();
    ask_born(&mut thief, "Marie Martin", "10001", BORN).await;
    let link = told(&bench, LetterKind::IdentityBegun).await.expect("a link");
    let path = format!("/mot-de-passe-oublie/annuler?lien={link}");
    let post = "/mot-de-passe-oublie/annuler";
    let mut owner = bench.browser();
    let page = owner.get(&path).await;
    assert!(page.text().contains("Arrêter la demande"));
    let token = page.token();
    let elsewhere = bench.browser().post(post, &[("jeton", &token), ("lien", &link)]).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "another browser's form");
    let done = owner.post(post, &[("jeton", &token), ("lien", &link)]).await;
    assert!(done.text().contains("La demande est arrêtée"), "{}", done.text());
    let again = owner.post(post, &[("jeton", &token), ("lien", &link)]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    for foreign in ["/mot-de-passe-oublie/annuler", "/mot-de-passe-oublie/annuler?lien=AAAA"] {
        let nothing = owner.get(foreign).await;
        assert_eq!(nothing.status, StatusCode::NOT_FOUND);
        assert!(!nothing.text().contains("Arrêter la demande"));
    }
}

#[tokio::test]
async fn a_date_that_does_not_exist_is_told_before_anything_is_looked_at() {
    let bench = Bench::new().await;
    for born in [["31", "2", "1985"], ["21", "", "1985"], ["21", "3", "85"], ["x", "y", "z"]] {
        let mut browser = bench.browser();
        let refused = ask_born(&mut browser, "Marie Martin", "10001", born).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{born:?}");
        let text = refused.text();
        assert!(text.contains("Cette date de naissance n’existe pas"), "{text}");
        let kept = format!("name=\"annee\" value=\"{}\"", born[2]);
        assert!(text.contains(&kept), "what was typed stays");
    }
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
    open_school(&bench).await;
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
        let asked = ask_born(&mut browser, name, id, BORN).await;
        let page = browser.get("/mot-de-passe-oublie/code").await;
        let token = page.token();
        let form = [("jeton", token.as_str()), ("code", "12345678")];
        let tried = browser.post("/mot-de-passe-oublie/code", &form).await;
        let form = [("jeton", token.as_str()), ("sans", "1")];
        let without = browser.post("/mot-de-passe-oublie/code", &form).await;
        let new = browser.get("/mot-de-passe-oublie/nouveau").await;
        let form = [("jeton", token.as_str()), ("nouveau", NEW), ("encore", NEW)];
        let finished = browser.post("/mot-de-passe-oublie/nouveau", &form).await;
        assert!(finished.text().contains("Le délai est passé"));
        shapes.push([&asked, &page, &tried, &without, &new, &finished].map(shape));
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

#[tokio::test]
async fn codes_and_notices_leave_even_when_the_queue_is_full() {
    // A code ends in minutes, and whoever fills the queue must not silence what an owner is told.
    let full = mail_service::Settings { queue_messages_max: 0, ..Default::default() };
    let bench = prepare(Bench::over(Bench::settings(), full).await).await;
    ask(&mut bench.browser(), "Marie Martin", "10001").await;
    while bench.webmail.send_due_letters().await == 0 {
        let due = bench.directory.letters_due();
        tokio::time::timeout(Duration::from_secs(10), due).await.expect("a code");
    }
    let queued = bench.queue().await;
    let to: Vec<_> = queued.iter().flat_map(|entry| &entry.recipients).collect();
    assert_eq!(to.len(), 1);
    assert_eq!(to[0].1.address.to_string(), "marie@ailleurs.example");
    assert!(bench.directory.due_letters(10).await.unwrap().is_empty(), "taken off the list");
}
