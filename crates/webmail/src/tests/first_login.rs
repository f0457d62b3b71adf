//! The way in for somebody with a temporary secret.

use directory::{AccountState, Person, Sheet};

use super::*;

const OWN: &str = "girafe bleue sous la pluie";

async fn newcomer(bench: &Bench) -> Sheet {
    let new = NewAccount {
        primary_address: "nadia.benali@ac.test".parse().unwrap(),
        name: "Nadia <b>Benali</b>".into(),
        person: Person::default(),
        academic_id: "10003".parse().unwrap(),
        units: Vec::new(),
        role: Role::Agent,
        quota_bytes: None,
        password: None,
    };
    bench.directory.provision(new).await.unwrap()
}

async fn choose(browser: &mut Browser<'_>, token: &str, password: &str, again: &str) -> Answer {
    let form = [("jeton", token), ("mot-de-passe", password), ("encore", again)];
    browser.post("/premiere-connexion", &form).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporary_secret_leads_to_the_change_page_and_nowhere_else() {
    let bench = Bench::new().await;
    let sheet = newcomer(&bench).await;
    bench.deliver("nadia.benali@ac.test", "Subject: bienvenue\n\nbonjour\n").await;
    for login in ["10003", "nadia.benali@ac.test"] {
        let mut nadia = bench.browser();
        let answer = nadia.log_in(login, sheet.secret.expose()).await;
        assert_eq!(answer.header("location"), "/premiere-connexion");
        for path in ["/boite/INBOX", "/m/INBOX/1", "/ecrire", "/dossiers", "/recherche?q=bonjour"] {
            assert_eq!(nadia.get(path).await.header("location"), "/", "{path}");
        }
        let page = nadia.get("/premiere-connexion").await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text();
        assert!(text.contains("nadia.benali@ac.test") && text.contains("12 caractères"), "{text}");
        assert!(text.contains("Nadia &#60;b&#62;Benali") && !text.contains("<b>Benali"), "{text}");
        assert!(!text.contains(sheet.secret.expose().as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_good_opens_the_mailbox_and_a_weak_one_says_why() {
    let bench = Bench::new().await;
    let sheet = newcomer(&bench).await;
    let mut nadia = bench.browser();
    nadia.log_in("10003", sheet.secret.expose()).await;
    let token = nadia.get("/premiere-connexion").await.token();
    for (password, again, reason) in [
        ("court", "court", "5 caractères, il en faut 12"),
        ("benali.nadia.benali", "benali.nadia.benali", "mots qui vous désignent"),
        ("azertyuiop2026", "azertyuiop2026", "beaucoup de gens"),
        ("soleil soleil soleil", "soleil soleil soleil", "se devine facilement"),
        (OWN, "girafe bleue sous la plui", "ne sont pas les mêmes"),
        ("", "", "0 caractères"),
    ] {
        let answer = choose(&mut nadia, &token, password, again).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        let text = answer.text();
        assert!(text.contains(reason), "{password}: {text}");
        assert!(password.is_empty() || !text.contains(&format!("\"{password}\"")), "sent back");
    }
    let account = bench.directory.account(sheet.id).await.unwrap().unwrap();
    assert_eq!(account.state, AccountState::AwaitingFirstLogin);
    let answer = choose(&mut nadia, &token, OWN, OWN).await;
    assert_eq!(answer.header("location"), "/boite/INBOX");
    let list = nadia.get("/boite/INBOX").await;
    assert_eq!(list.status, StatusCode::OK);
    assert!(list.text().contains("Votre mot de passe est enregistré"));
    // The secret and the page are used up, in this browser and in any other.
    assert_eq!(nadia.get("/premiere-connexion").await.header("location"), "/");
    assert_eq!(choose(&mut nadia, &token, OWN, OWN).await.status, StatusCode::FORBIDDEN);
    let again = bench.browser().log_in("10003", sheet.secret.expose()).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.browser().log_in("10003", OWN).await.header("location"), "/boite/INBOX");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_chooses_a_password() {
    let bench = Bench::new().await;
    let sheet = newcomer(&bench).await;
    let mut nadia = bench.browser();
    nadia.log_in("10003", sheet.secret.expose()).await;
    let token = nadia.get("/premiere-connexion").await.token();
    let (name, value) = nadia.cookies.iter().find(|(name, _)| name.contains("premiere")).unwrap();
    assert_eq!(name, "__Host-facteur-premiere");
    // Without the cookie, with one that was changed, and with another person's form.
    for forged in [
        String::new(),
        value.replacen(&format!("{}.", sheet.id.0), "1.", 1),
        value.replacen(".1.", ".2.", 1),
        format!("{}.9999999999.{}", &value[..value.find('.').unwrap()], "0".repeat(32)),
        value[..value.len() - 1].to_owned(),
    ] {
        let mut thief = bench.browser();
        thief.cookies.push((name.clone(), forged.clone()));
        let answer = choose(&mut thief, &token, OWN, OWN).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{forged}");
        assert_eq!(thief.get("/premiere-connexion").await.header("location"), "/", "{forged}");
    }
    for wrong in ["", "00", &"0".repeat(128)] {
        let answer = choose(&mut nadia, wrong, OWN, OWN).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let form = [("jeton", token.as_str()), ("mot-de-passe", OWN), ("encore", OWN)];
    let foreign = nadia.post_from("/premiere-connexion", &form, Some("https://evil.test")).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    // A newer secret closes the page that an older one opened.
    let second = bench.directory.issue_secret(sheet.id).await.unwrap();
    let late = choose(&mut nadia, &token, OWN, OWN).await;
    assert_eq!(late.status, StatusCode::FORBIDDEN);
    assert_eq!(bench.browser().log_in("10003", OWN).await.status, StatusCode::UNAUTHORIZED);
    let mut again = bench.browser();
    again.log_in("10003", second.secret.expose()).await;
    let token = again.get("/premiere-connexion").await.token();
    assert_eq!(choose(&mut again, &token, OWN, OWN).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_still_reads() {
    let bench = Bench::new().await;
    bench.deliver("marie.martin@ac.test", "Subject: x\n\ny\n").await;
    let marie = bench.directory.find("10001").await.unwrap().unwrap();
    bench.directory.set_leaving(marie.id, Some("2999-01-01".parse().unwrap())).await.unwrap();
    let mut browser = bench.logged_in("10001").await;
    assert_eq!(browser.get("/m/INBOX/1").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporary_secret_does_not_stand_in_for_the_second_factor() {
    let bench = Bench::new().await;
    let marie = bench.directory.find("10001").await.unwrap().unwrap().id;
    let secret = directory::TotpSecret::generate();
    let now = jiff::Timestamp::now().as_second();
    let asked = directory::Requester::default();
    bench.directory.turn_totp_on(marie, &secret, &secret.code_at(now), &asked).await.unwrap();
    let sheet = bench.directory.issue_secret(marie).await.unwrap();
    let mut browser = bench.browser();
    browser.log_in("10001", sheet.secret.expose()).await;
    let token = browser.get("/premiere-connexion").await.token();
    let chosen = choose(&mut browser, &token, OWN, OWN).await;
    assert_eq!(chosen.header("location"), "/verification");
    for path in ["/boite/INBOX", "/parametres/securite"] {
        assert_eq!(browser.get(path).await.header("location"), "/", "{path}: half in is out");
    }
    let token = browser.get("/verification").await.token();
    let code = secret.code_at(now + 30);
    let form = [("jeton", token.as_str()), ("code", code.as_str())];
    assert_eq!(browser.post("/verification", &form).await.header("location"), "/boite/INBOX");
    assert_eq!(browser.get("/boite/INBOX").await.status, StatusCode::OK);
}
