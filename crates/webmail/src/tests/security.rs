//! One's own account: what may change after which proof, and what ends with it.

use directory::{LetterKind, Service, TotpSecret};
use hyper::{Request, StatusCode};

use super::{Answer, Bench, Browser, PASSWORD, between};

const HOME: &str = "/parametres/securite";
const NEW: &str = "un perroquet sous la pluie";

/// Marie, who has typed her password again.
async fn unlocked(bench: &Bench) -> Browser<'_> {
    let mut browser = bench.logged_in("marie.martin@ac.test").await;
    unlock(&mut browser).await;
    browser
}

async fn unlock(browser: &mut Browser<'_>) {
    let answer = try_unlock(browser, "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
}

async fn try_unlock(browser: &mut Browser<'_>, code: &str) -> Answer {
    act(browser, "/ouvrir", &[("mot-de-passe", PASSWORD), ("code", code)]).await
}

/// Posts with the token of the page.
async fn act(browser: &mut Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = browser.get(HOME).await.token();
    let form: Vec<_> = [("jeton", token.as_str())].iter().chain(fields).copied().collect();
    browser.post(&format!("{HOME}{path}"), &form).await
}

async fn imap(bench: &Bench, password: &str) -> bool {
    let peer = "192.0.2.7".parse().unwrap();
    let login = "marie.martin@ac.test";
    bench.directory.authenticate(login, &password.into(), Service::Imap, peer).await.is_ok()
}

fn secret(page: &Answer) -> String {
    between(&page.text(), "id=\"secret\">", "<").unwrap()
}

#[tokio::test]
async fn nothing_that_lets_a_thief_stay_changes_before_the_password_is_typed_again() {
    let bench = Bench::new().await;
    let mut browser = bench.logged_in("marie.martin@ac.test").await;
    let page = browser.get(HOME).await;
    assert!(page.text().contains("Déverrouiller") && !page.text().contains("name=\"nom\""));
    for (path, fields) in [
        ("/appareils", [("nom", "Téléphone")]),
        ("/appareils/1", [("x", "")]),
        ("/secours", [("adresse", "marie@ailleurs.example")]),
        ("/secours/1", [("action", "retirer")]),
        ("/verification", [("code", "123456")]),
        ("/verification/arreter", [("x", "")]),
        ("/verification/codes", [("x", "")]),
    ] {
        let answer = act(&mut browser, path, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let wrong = act(&mut browser, "/ouvrir", &[("mot-de-passe", "faux")]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.text().contains("Ce n’est pas votre mot de passe actuel."));
    unlock(&mut browser).await;
    assert!(browser.get(HOME).await.text().contains("name=\"nom\""));
    let stale = browser.post(&format!("{HOME}/appareils"), &[("jeton", "0"), ("nom", "x")]).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    let overview = bench.directory.security_overview(owner(&bench).await).await.unwrap();
    assert!(overview.app_passwords.is_empty());
}

async fn owner(bench: &Bench) -> mail_types::AccountId {
    bench.directory.find("marie.martin@ac.test").await.unwrap().unwrap().id
}

#[tokio::test]
async fn an_app_password_is_shown_once_works_over_imap_and_is_revoked() {
    let bench = Bench::new().await;
    let mut browser = unlocked(&bench).await;
    let made = act(&mut browser, "/appareils", &[("nom", "Téléphone <b>")]).await;
    assert_eq!(made.status, StatusCode::OK);
    assert_eq!(made.header("cache-control"), "no-store");
    let password = secret(&made);
    assert!(imap(&bench, &password).await);
    let page = browser.get(HOME).await.text();
    assert!(!page.contains(&password), "only once");
    assert!(page.contains("Téléphone &#60;b&#62;"), "escaped");
    assert!(page.contains("Dernière utilisation"));
    let number = between(&page, "/parametres/securite/appareils/", "\"").unwrap();
    let gone = act(&mut browser, &format!("/appareils/{number}"), &[]).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER);
    assert!(!imap(&bench, &password).await);
    let page = browser.get(HOME).await;
    assert_eq!(page.status, StatusCode::OK, "this session goes on");
    assert!(page.text().contains("L’appareil n’a plus accès"));
}

#[tokio::test]
async fn a_new_password_ends_other_sessions_and_renames_this_one() {
    let bench = Bench::new().await;
    let mut other = bench.logged_in("marie.martin@ac.test").await;
    let mut browser = bench.logged_in("marie.martin@ac.test").await;
    let cookie = browser.cookies.clone();
    for (fields, said) in [
        ([("actuel", PASSWORD), ("nouveau", NEW), ("encore", "autre chose")], "différentes"),
        ([("actuel", "faux"), ("nouveau", NEW), ("encore", NEW)], "mot de passe actuel"),
        ([("actuel", PASSWORD), ("nouveau", "court"), ("encore", "court")], "trop court"),
    ] {
        let refused = act(&mut browser, "/mot-de-passe", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(refused.text().contains(said), "{said}");
    }
    let fields = [("actuel", PASSWORD), ("nouveau", NEW), ("encore", NEW)];
    let changed = act(&mut browser, "/mot-de-passe", &fields).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text());
    assert_ne!(browser.cookies, cookie, "a new id");
    let page = browser.get(HOME).await;
    assert!(page.text().contains("Votre mot de passe est changé."));
    assert_eq!(other.get(HOME).await.header("location"), "/", "the other one is out");
    let mut old = bench.browser();
    old.cookies = cookie;
    assert_eq!(old.get(HOME).await.header("location"), "/", "the old id opens nothing");
    assert!(imap(&bench, NEW).await && !imap(&bench, PASSWORD).await);
}

/// Turns the second factor on; the secret and the one-time codes.
async fn enrol(browser: &mut Browser<'_>) -> (String, Vec<String>) {
    let page = browser.get(&format!("{HOME}/verification")).await.text();
    let shown = between(&page, "<p class=\"once\">", "<").unwrap().replace(' ', "");
    assert_eq!(shown.len(), 32);
    assert!(page.contains("<path d=\"M4,4h7v1h-7z"), "a QR code begins with its finder");
    let wrong = act(browser, "/verification", &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let code = code_of(&shown, 0);
    let on = act(browser, "/verification", &[("code", &code)]).await;
    assert_eq!(on.status, StatusCode::OK, "{}", on.text());
    let list = between(&on.text(), "id=\"secret\">", "</ul>").unwrap();
    let codes = list.split("<li>").skip(1);
    (shown, codes.map(|code| code.split('<').next().unwrap().to_owned()).collect())
}

/// What an authenticator shows so many steps from now.
fn code_of(base32: &str, steps: i64) -> String {
    let secret = TotpSecret::from_base32(base32).unwrap();
    secret.code_at(jiff::Timestamp::now().as_second() + 30 * steps)
}

#[tokio::test]
async fn with_the_second_factor_on_a_login_takes_two_steps() {
    let bench = Bench::new().await;
    let mut browser = unlocked(&bench).await;
    let (secret, codes) = enrol(&mut browser).await;
    assert_eq!(codes.len(), 10);
    assert!(browser.get(HOME).await.text().contains("10 codes de secours"), "still in");
    assert!(!imap(&bench, PASSWORD).await, "mail programs need a password of their own");

    let mut login = bench.browser();
    let first = login.log_in("marie.martin@ac.test", PASSWORD).await;
    assert_eq!(first.header("location"), "/verification");
    assert_eq!(login.get("/boite/INBOX").await.header("location"), "/", "half in is out");
    let token = login.get("/verification").await.token();
    let wrong = login.post("/verification", &[("jeton", &token), ("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let code = code_of(&secret, 1);
    let second = login.post("/verification", &[("jeton", &token), ("code", &code)]).await;
    assert_eq!(second.header("location"), "/boite/INBOX", "{}", second.text());
    assert_eq!(login.get("/boite/INBOX").await.status, StatusCode::OK);

    let mut lost = bench.browser();
    lost.log_in("marie.martin@ac.test", PASSWORD).await;
    let token = lost.get("/verification").await.token();
    let again = lost.post("/verification", &[("jeton", &token), ("code", &code)]).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED, "a code counts once");
    let entered = lost.post("/verification", &[("jeton", &token), ("code", &codes[0])]).await;
    assert_eq!(entered.header("location"), "/boite/INBOX");

    let mut stranger = bench.browser();
    let token = "0".repeat(128);
    let form = [("jeton", token.as_str()), ("code", codes[1].as_str())];
    assert_eq!(stranger.post("/verification", &form).await.header("location"), "/");

    // Who found the session open and knows the password does not take the second factor away.
    for path in ["/verification/arreter", "/verification/codes", "/appareils"] {
        let early = act(&mut login, path, &[("nom", "x")]).await;
        assert_eq!(early.status, StatusCode::FORBIDDEN, "{path}");
    }
    for wrong in ["", "000000", codes[0].as_str()] {
        let refused = try_unlock(&mut login, wrong).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{wrong}");
        assert!(refused.text().contains("id=\"e-ouvrir-code\""), "{wrong}");
    }
    let early = act(&mut login, "/verification/arreter", &[]).await;
    assert_eq!(early.status, StatusCode::FORBIDDEN, "the password alone");
    assert_eq!(try_unlock(&mut login, &codes[2]).await.status, StatusCode::SEE_OTHER);
    let off = act(&mut login, "/verification/arreter", &[]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER);
    assert!(login.get(HOME).await.text().contains("La double authentification est désactivée."));
    bench.logged_in("marie.martin@ac.test").await;
}

#[tokio::test]
async fn an_alarm_takes_the_second_factor_too_and_removes_recovery_addresses() {
    let bench = Bench::new().await;
    let mut browser = unlocked(&bench).await;
    let (_, codes) = enrol(&mut browser).await;
    let added = act(&mut browser, "/secours", &[("adresse", "marie@ailleurs.example")]).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER);
    let alarm = |code| [("actuel", PASSWORD), ("code", code), ("nouveau", NEW), ("encore", NEW)];
    let refused = act(&mut browser, "/pas-moi", &alarm("000000")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("name=\"code\""), "{}", refused.text());
    let done = act(&mut browser, "/pas-moi", &alarm(&codes[0])).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let page = browser.get(HOME).await.text();
    assert!(page.contains("Ajoutez maintenant vos adresses de secours de nouveau"), "{page}");
    assert!(!page.contains("marie@ailleurs.example"));
}

#[tokio::test]
async fn the_sixth_code_of_a_day_to_an_address_is_refused_in_plain_words() {
    let bench = Bench::new().await;
    let mut browser = unlocked(&bench).await;
    let name = [("adresse", "personne@ailleurs.example")];
    for _ in 0..5 {
        assert_eq!(act(&mut browser, "/secours", &name).await.status, StatusCode::SEE_OTHER);
    }
    let sixth = act(&mut browser, "/secours", &name).await;
    assert_eq!(sixth.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(sixth.text().contains("Cinq codes ont déjà été envoyés"), "{}", sixth.text());
}

#[tokio::test]
async fn wrong_codes_send_back_to_the_password() {
    let bench = Bench::new().await;
    let mut browser = unlocked(&bench).await;
    let (secret, _) = enrol(&mut browser).await;
    let mut login = bench.browser();
    login.log_in("marie.martin@ac.test", PASSWORD).await;
    let token = login.get("/verification").await.token();
    for _ in 0..5 {
        let form = [("jeton", token.as_str()), ("code", "wrong")];
        assert_eq!(login.post("/verification", &form).await.status, StatusCode::UNAUTHORIZED);
    }
    let code = code_of(&secret, 1);
    let late = login.post("/verification", &[("jeton", &token), ("code", &code)]).await;
    assert_eq!(late.header("location"), "/");
}

#[tokio::test]
async fn this_was_not_me_closes_everything_but_this_browser() {
    let bench = Bench::new().await;
    let mut thief = bench.logged_in("marie.martin@ac.test").await;
    let mut browser = unlocked(&bench).await;
    let password = secret(&act(&mut browser, "/appareils", &[("nom", "Inconnu")]).await);
    assert_eq!(browser.get(&format!("{HOME}/pas-moi")).await.status, StatusCode::OK);
    let fields = [("actuel", PASSWORD), ("nouveau", NEW), ("encore", NEW)];
    let done = act(&mut browser, "/pas-moi", &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    assert!(browser.get(HOME).await.text().contains("C’est fait."));
    assert_eq!(thief.get(HOME).await.header("location"), "/");
    assert!(!imap(&bench, &password).await && !imap(&bench, PASSWORD).await);
}

#[tokio::test]
async fn sessions_are_shown_by_what_people_know_of_them_and_closed_one_by_one() {
    let bench = Bench::new().await;
    let mut other = bench.logged_in("marie.martin@ac.test").await;
    let mut browser = bench.logged_in("marie.martin@ac.test").await;
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    let page = browser.get(HOME).await.text();
    assert!(page.contains("Cette session") && page.contains("192.0.2.1"));
    let label = between(&page, "name=\"session\" value=\"", "\"").unwrap();
    let token = paul.get(HOME).await.token();
    let form = [("jeton", token.as_str()), ("session", label.as_str())];
    paul.post(&format!("{HOME}/sessions"), &form).await;
    assert_eq!(other.get(HOME).await.status, StatusCode::OK, "nobody else's to close");
    act(&mut browser, "/sessions", &[("session", &label)]).await;
    assert_eq!(other.get(HOME).await.header("location"), "/");
    assert_eq!(browser.get(HOME).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_open_connection_of_a_mail_program_is_shown_until_it_ends() {
    let bench = Bench::new().await;
    let mut browser = bench.logged_in("marie.martin@ac.test").await;
    let peer = "198.51.100.4".parse().unwrap();
    let listed = bench.directory.list_connection(owner(&bench).await, Service::Imap, peer, None);
    assert!(browser.get(HOME).await.text().contains("198.51.100.4"));
    drop(listed);
    assert!(!browser.get(HOME).await.text().contains("198.51.100.4"));
}

#[tokio::test]
async fn letters_reach_the_mailbox_name_our_own_site_and_are_sent_once() {
    let bench = Bench::new().await;
    let mut browser = unlocked(&bench).await;
    let request = Request::post("/parametres/securite/appareils")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example");
    let token = browser.get(HOME).await.token();
    let body = format!("jeton={token}&nom=Tablette").into_bytes();
    assert_eq!(browser.send(request, body).await.status, StatusCode::OK);
    let due = bench.directory.due_letters(10).await.unwrap();
    assert_eq!((due.len(), due[0].kind), (1, LetterKind::AppPasswordAdded));
    bench.webmail.send_due_letters().await;
    bench.webmail.send_due_letters().await;
    let list = browser.get("/boite/INBOX").await;
    assert_eq!(
        list.text().matches("nouveau mot de passe d’application").count(),
        1 + 1,
        "{}",
        list.text()
    );
    let letter = browser.get(&super::first_message(&list)).await.text();
    assert!(letter.contains("Tablette") && letter.contains("https://mail.ac.test"));
    assert!(!letter.contains("evil.example"));
}
