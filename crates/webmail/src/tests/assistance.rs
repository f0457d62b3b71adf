//! The help desk in the browser: for officers with a second factor, and for their own people.

use directory::{AccountUpdate, TotpSecret};
use hyper::StatusCode;
use mail_types::{AccountId, Role};

use super::administration::{administrator, set_role};
use super::{Bench, Browser, PASSWORD, between};

const SCHOOL: &str = "0750001A";

/// Marie, and an officer of her school with a second factor, logged in; Paul is elsewhere.
async fn officer(bench: &Bench) -> (Browser<'_>, AccountId, AccountId) {
    let id = async |login: &str| bench.directory.find(login).await.unwrap().unwrap().id;
    let (marie, paul) = (id("10001").await, id("10002").await);
    let officer = bench.add("referent@ac.test", "Réfé Rent", "10003").await;
    let school = directory::Unit {
        code: SCHOOL.parse().unwrap(),
        name: "Collège Victor-Hugo".into(),
        officers: vec![officer],
        contact: String::from("secrétariat"),
    };
    let update = |role| AccountUpdate {
        units: Some(vec![SCHOOL.parse().unwrap()]),
        role: Some(role),
        ..AccountUpdate::default()
    };
    let role = AccountUpdate { role: Some(Role::ItOfficer), ..AccountUpdate::default() };
    bench.directory.update_account(officer, role).await.unwrap();
    bench.directory.create_unit(school).await.unwrap();
    bench.directory.update_account(marie, update(Role::Agent)).await.unwrap();
    let mut browser = bench.logged_in("10003").await;
    let before = browser.get("/assistance").await;
    assert_eq!(before.status, StatusCode::FORBIDDEN, "not without a second factor");
    let secret = TotpSecret::generate();
    let now = jiff::Timestamp::now().as_second();
    let requester = directory::Requester::default();
    let code = secret.code_at(now);
    bench.directory.turn_totp_on(officer, &secret, &code, &requester).await.unwrap();
    browser.log_in("10003", PASSWORD).await;
    let token = browser.get("/verification").await.token();
    let code = secret.code_at(now + 30);
    browser.post("/verification", &[("jeton", &token), ("code", &code)]).await;
    (browser, marie, paul)
}

#[tokio::test]
async fn an_officer_finds_reads_out_and_lets_in_their_own_people_only() {
    let bench = Bench::new().await;
    let (mut desk, marie, paul) = officer(&bench).await;
    let home = desk.get("/assistance").await;
    assert!(
        home.text().contains("Personne n’attend.") && home.text().contains("Collège Victor-Hugo")
    );

    let mut lost = bench.browser();
    let token = lost.get("/mot-de-passe-oublie").await.token();
    let form = [("jeton", token.as_str()), ("nom", "marie martin"), ("identifiant", "10001")];
    lost.post("/mot-de-passe-oublie", &form).await;
    while bench.webmail.send_due_letters().await == 0 {
        tokio::task::yield_now().await;
    }
    assert!(desk.get("/assistance").await.text().contains("Marie Martin"), "she waits");
    let target = find(&mut desk, "mart").await;
    let found = desk.get(&target).await.text();
    assert!(found.contains(&format!("/assistance/{}", marie.0)));
    let target = find(&mut desk, "durand").await;
    assert!(desk.get(&target).await.text().contains("Personne de ce nom"));
    assert_eq!(desk.get(&format!("/assistance/{}", paul.0)).await.status, StatusCode::NOT_FOUND);

    let path = format!("/assistance/{}", marie.0);
    let person = desk.get(&path).await;
    assert!(person.text().contains("<dd id=\"numero\">10001</dd>"));
    let token = person.token();
    let form = [("jeton", token.as_str()), ("action", "code"), ("motif", " ")];
    let shown = async || {
        let about = directory::AuditFilter { account: Some(marie.0), ..Default::default() };
        let lines = bench.directory.audit_page(&about, None, 100).await.unwrap().lines;
        lines.iter().filter(|line| line.act == directory::Act::PersonShown).count()
    };
    let before = shown().await;
    assert_eq!(desk.post(&path, &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(shown().await, before + 1, "the number is on that page, too");
    let form = [("jeton", token.as_str()), ("action", "code"), ("motif", "vue en personne")];
    let other = desk.post(&format!("/assistance/{}", paul.0), &form).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let issued = desk.post(&path, &form).await;
    let code = between(&issued.text(), "id=\"secret\">", "<").unwrap();
    assert!(!desk.get(&path).await.text().contains(&code), "shown once");
    assert_eq!(desk.get("/boite/INBOX").await.status, StatusCode::OK, "their own mail, no other");

    let token = lost.get("/mot-de-passe-oublie/code").await.token();
    let form = [("jeton", token.as_str()), ("code", code.as_str())];
    let right = lost.post("/mot-de-passe-oublie/code", &form).await;
    assert_eq!(right.header("location"), "/mot-de-passe-oublie/nouveau", "{}", right.text());
}

/// Looks for somebody; where that leads.
async fn find(desk: &mut Browser<'_>, typed: &str) -> String {
    let page = desk.get("/assistance").await;
    assert!(page.text().contains("method=\"post\" action=\"/assistance\""));
    let form = [("jeton", page.token()), ("nom", typed.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let found = desk.post("/assistance", &form).await;
    assert_eq!(found.status, StatusCode::SEE_OTHER, "{}", found.text());
    found.header("location").to_owned()
}

#[tokio::test]
async fn an_academic_id_typed_at_the_help_desk_stands_in_no_address() {
    let bench = Bench::new().await;
    let (mut desk, marie, _) = officer(&bench).await;
    for (typed, leads_to) in [
        ("10001", format!("/assistance/{}", marie.0)),
        ("100 01", format!("/assistance/{}", marie.0)),
        ("Martin 1 0001", format!("/assistance/{}", marie.0)),
        // Somebody else's person, and nobody's.
        ("10002", "/assistance".into()),
        ("9999-9999", "/assistance".into()),
        ("Martin", "/assistance?nom=Martin".into()),
    ] {
        assert_eq!(find(&mut desk, typed).await, leads_to, "{typed}");
    }
    find(&mut desk, "99999").await;
    assert!(desk.get("/assistance").await.text().contains("parmi ceux que vous aidez"));
    let form = [("jeton", "0"), ("nom", "Martin")];
    assert_eq!(desk.post("/assistance", &form).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn administrators_help_everybody_and_two_of_them_somebody_privileged() {
    let bench = Bench::new().await;
    let id = async |login: &str| bench.directory.find(login).await.unwrap().unwrap().id;
    let mut anne = administrator(&bench, "10031").await;
    let mut bruno = administrator(&bench, "10032").await;
    let administration = anne.get("/administration").await.text();
    assert!(administration.contains("<a href=\"/assistance\">"), "a link from there");
    assert!(anne.get("/assistance").await.text().contains("de tous les établissements"));
    let paul = id("10002").await;
    let found = anne.get("/assistance?nom=durand").await.text();
    assert!(found.contains(&format!("/assistance/{}", paul.0)));
    let about = anne.get(&format!("/administration/comptes/{}", paul.0)).await.text();
    assert!(about.contains(&format!("/assistance/{}", paul.0)));
    let ask = async |browser: &mut Browser<'_>, who: AccountId, action: &str| {
        let path = format!("/assistance/{}", who.0);
        let token = browser.get("/assistance").await.token();
        let form = [("jeton", token.as_str()), ("action", action), ("motif", "rappelé")];
        browser.post(&path, &form).await
    };
    let given = ask(&mut anne, paul, "code").await.text();
    assert!(between(&given, "id=\"secret\">", "<").is_some(), "an agent takes one");

    let officer = bench.add("referent@ac.test", "Réfé Rent", "10003").await;
    set_role(&bench, officer, Role::ItOfficer).await;
    let path = format!("/assistance/{}", officer.0);
    assert!(anne.get(&path).await.text().contains("demande l’accord de deux administrateurs"));
    assert_eq!(ask(&mut anne, officer, "code").await.header("location"), "/assistance");
    assert!(anne.get("/assistance").await.text().contains("Votre accord est noté"));
    let own = anne.get(&path).await.text();
    assert!(own.contains("Vous avez donné votre accord") && !own.contains("value=\"code\""));
    let again = ask(&mut anne, officer, "code").await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.text().contains("il faut celui d’un autre administrateur"));
    assert!(bruno.get(&path).await.text().contains("Service informatique a donné son accord"));
    let given = ask(&mut bruno, officer, "code").await.text();
    assert!(between(&given, "id=\"secret\">", "<").is_some(), "the second one gets the code");
    let own = id("10031").await;
    assert_eq!(ask(&mut anne, own, "code").await.status, StatusCode::NOT_FOUND, "never oneself");
    bench.directory.set_leaving(own, Some("2099-08-31".parse().unwrap())).await.unwrap();
    anne.log_in("10031", PASSWORD).await;
    assert_ne!(anne.get("/assistance").await.status, StatusCode::OK, "somebody who leaves");
}

#[tokio::test]
async fn nobody_else_finds_a_help_desk() {
    let bench = Bench::new().await;
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    assert_eq!(paul.get("/assistance").await.status, StatusCode::NOT_FOUND);
    assert_eq!(paul.get("/assistance/1").await.status, StatusCode::NOT_FOUND);
    assert!(!paul.get("/boite/INBOX").await.text().contains("href=\"/assistance\""));
    let token = paul.get("/boite/INBOX").await.token();
    let form = [("jeton", token.as_str()), ("action", "code"), ("motif", "x")];
    assert_eq!(paul.post("/assistance/1", &form).await.status, StatusCode::NOT_FOUND);
    assert_eq!(paul.post("/assistance", &form).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.browser().get("/assistance").await.header("location"), "/");
}

#[tokio::test]
async fn a_lost_id_leads_to_the_schools_officer_and_is_looked_up_nowhere() {
    let bench = Bench::new().await;
    let school = directory::Unit {
        code: SCHOOL.parse().unwrap(),
        name: "Collège Victor-Hugo".into(),
        officers: Vec::new(),
        contact: "Bureau 12, 01 99 00 00 00".into(),
    };
    bench.directory.create_unit(school).await.unwrap();
    let mut browser = bench.browser();
    assert!(browser.get("/").await.text().contains("href=\"/identifiant-perdu\""));
    let found = browser.get("/identifiant-perdu?ecole=victor+college").await.text();
    assert!(found.contains("Bureau 12, 01 99 00 00 00"));
    for nobody in ["Marie+Martin", "10001", "marie.martin%40ac.test"] {
        let answer = browser.get(&format!("/identifiant-perdu?ecole={nobody}")).await.text();
        assert!(answer.contains("Aucun établissement de ce nom."), "{nobody}");
    }
}
