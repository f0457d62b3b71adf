//! The administration's pages: for administrators with a second factor, by forms of their own
//! session, and with a line in the log for everything.

use directory::{AccountState, AccountUpdate, TotpSecret};
use hyper::header::{self};
use hyper::{Request, StatusCode};
use mail_types::{AccountId, Role};

use super::{Answer, Bench, Browser, PASSWORD, between};

pub(super) const HOME: &str = "/administration";

pub(super) async fn id_of(bench: &Bench, who: &str) -> AccountId {
    bench.directory.find(who).await.unwrap().expect("an account").id
}

pub(super) async fn set_role(bench: &Bench, id: AccountId, role: Role) {
    let update = AccountUpdate { role: Some(role), ..AccountUpdate::default() };
    bench.directory.update_account(id, update).await.unwrap();
}

/// A new administrator with a second factor, logged in.
pub(super) async fn administrator<'a>(bench: &'a Bench, academic_id: &str) -> Browser<'a> {
    let address = format!("dsi{academic_id}@ac.test");
    let id = bench.add(&address, "Service informatique", academic_id).await;
    set_role(bench, id, Role::Administrator).await;
    let secret = TotpSecret::generate();
    let now = jiff::Timestamp::now().as_second();
    let requester = directory::Requester::default();
    let code = secret.code_at(now);
    bench.directory.turn_totp_on(id, &secret, &code, &requester).await.unwrap();
    let mut browser = bench.browser();
    browser.log_in(academic_id, PASSWORD).await;
    let token = browser.get("/verification").await.token();
    let code = secret.code_at(now + 30);
    browser.post("/verification", &[("jeton", &token), ("code", &code)]).await;
    browser
}

/// Sends a page's form as it stands there, but for these fields.
pub(super) async fn send_form(
    browser: &mut Browser<'_>,
    page: &Answer,
    path: &str,
    typed: &[(&str, &str)],
) -> Answer {
    let seen = between(&page.text(), "name=\"vu\" value=\"", "\"").expect("what it was made from");
    let token = page.token();
    let mut form = vec![("jeton", token.as_str()), ("vu", seen.as_str())];
    form.extend_from_slice(typed);
    browser.post(path, &form).await
}

pub(super) async fn act(browser: &mut Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = browser.get(HOME).await.token();
    let mut form = vec![("jeton", token.as_str())];
    form.extend_from_slice(fields);
    browser.post(path, &form).await
}

/// A file, as a browser sends it.
async fn upload(
    browser: &mut Browser<'_>,
    token: &str,
    kind: &str,
    csv: impl AsRef<[u8]>,
) -> Answer {
    let head = format!(
        "--B\r\nContent-Disposition: form-data; name=\"jeton\"\r\n\r\n{token}\r\n\
         --B\r\nContent-Disposition: form-data; name=\"contenu\"\r\n\r\n{kind}\r\n\
         --B\r\nContent-Disposition: form-data; name=\"fichier\"; filename=\"rentree.csv\"\r\n\
         Content-Type: text/csv\r\n\r\n"
    );
    let body = [head.as_bytes(), csv.as_ref(), b"\r\n--B--\r\n"].concat();
    let request = Request::post("/administration/import")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=B")
        .header(header::ORIGIN, "https://mail.ac.test");
    browser.send(request, body).await
}

/// The page of a file, once nothing works at it.
async fn settled(browser: &mut Browser<'_>, path: &str) -> Answer {
    loop {
        let page = browser.get(path).await;
        if page.header("refresh").is_empty() {
            return page;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nobody_else_finds_an_administration() {
    let bench = Bench::new().await;
    let marie = id_of(&bench, "10001").await;
    let boss = bench.add("chef@ac.test", "Chef", "10009").await;
    for (role, leaves) in [
        (Role::Agent, None),
        (Role::ItOfficer, None),
        (Role::System, None),
        (Role::Administrator, Some("2099-08-31".parse().unwrap())),
    ] {
        set_role(&bench, marie, role).await;
        bench.directory.set_leaving(marie, leaves).await.unwrap();
        let mut browser = bench.logged_in("10001").await;
        let unknown = browser.get("/rien").await;
        let token = browser.get("/boite/INBOX").await.token();
        for path in ["", "/comptes", "/comptes/nouveau", "/comptes/1", "/journal", "/import"] {
            let path = format!("{HOME}{path}");
            let answer = browser.get(&path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{role} {path}");
            assert_eq!(answer.text(), unknown.text(), "as an unknown page: {path}");
            let form = [("jeton", token.as_str()), ("action", "suspendre")];
            assert_eq!(browser.post(&path, &form).await.status, StatusCode::NOT_FOUND);
        }
        let inbox = browser.get("/boite/INBOX").await.text();
        assert!(!inbox.contains("href=\"/administration\""));
        assert_eq!(upload(&mut browser, &token, "", "x").await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(bench.browser().get(HOME).await.header("location"), "/");
    assert_eq!(bench.directory.account(boss).await.unwrap().unwrap().state, AccountState::Active);
}

#[tokio::test]
async fn without_a_second_factor_nothing_opens() {
    let bench = Bench::new().await;
    let marie = id_of(&bench, "10001").await;
    let paul = id_of(&bench, "10002").await;
    set_role(&bench, marie, Role::Administrator).await;
    let mut browser = bench.logged_in("10001").await;
    for path in ["", "/comptes", "/journal", "/import"] {
        let closed = browser.get(&format!("{HOME}{path}")).await;
        assert_eq!(closed.status, StatusCode::FORBIDDEN);
        assert!(closed.text().contains("href=\"/parametres/securite\""));
    }
    let path = format!("{HOME}/comptes/{}", paul.0);
    let token = browser.get("/boite/INBOX").await.token();
    let form = [("jeton", token.as_str()), ("action", "suspendre")];
    assert_eq!(browser.post(&path, &form).await.status, StatusCode::FORBIDDEN);
    let paul = bench.directory.account(paul).await.unwrap().unwrap();
    assert_eq!(paul.state, AccountState::Active);
}

#[tokio::test]
async fn a_form_of_another_session_or_site_changes_nothing() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    let mut other = administrator(&bench, "10004").await;
    let paul = id_of(&bench, "10002").await;
    let path = format!("{HOME}/comptes/{}", paul.0);
    let foreign = other.get(HOME).await.token();
    let own = dsi.get(HOME).await.token();
    for path in [path.as_str(), "/administration/etablissements/nouveau", "/administration/journal"]
    {
        for token in ["", "00", foreign.as_str()] {
            let form = [("jeton", token), ("action", "suspendre"), ("code", "X"), ("nom", "X")];
            assert_eq!(dsi.post(path, &form).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        let form = [("jeton", own.as_str()), ("action", "suspendre"), ("code", "X"), ("nom", "X")];
        let from = dsi.post_from(path, &form, Some("https://evil.test")).await;
        assert_eq!(from.status, StatusCode::FORBIDDEN, "{path}");
    }
    let stale = upload(&mut dsi, &foreign, "personnels", "identifiant;nom\n").await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    let paul = bench.directory.account(paul).await.unwrap().unwrap();
    assert_eq!(paul.state, AccountState::Active);
    assert!(bench.directory.units().is_empty());
}

#[tokio::test]
async fn an_account_is_created_found_changed_and_deleted() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    let unit = [("code", "0750001a"), ("nom", "Collège Hugo"), ("contact", "Bureau 2")];
    let made = act(&mut dsi, "/administration/etablissements/nouveau", &unit).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let person = [
        ("identifiant", "20001"),
        ("role", "agent"),
        ("prenom", "Éloïse"),
        ("nom-naissance", "D’Arc"),
        ("naissance", "1985-03-21"),
        ("unites", "0750001a"),
        ("quota", "2 Go"),
    ];
    let new = "/administration/comptes/nouveau";
    let sheet = act(&mut dsi, new, &person).await;
    assert_eq!(sheet.status, StatusCode::OK, "{}", sheet.text());
    let secret = between(&sheet.text(), "id=\"secret\">", "<").unwrap();
    assert_eq!(sheet.text().matches(&secret).count(), 2, "for the eye and on the sheet");
    let twice = act(&mut dsi, new, &person).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(twice.text().contains("est déjà pris"), "{}", twice.text());

    let found = act(&mut dsi, "/administration/comptes", &[("nom", "20001")]).await;
    let path = found.header("location").to_owned();
    let id = id_of(&bench, "eloise.darc@ac.test").await;
    assert_eq!(path, format!("/administration/comptes/{}", id.0));
    let page = dsi.get(&path).await.text();
    assert!(page.contains("<dd id=\"numero\">20001</dd>") && page.contains("Collège Hugo"));
    assert!(!page.contains(&secret) && !page.contains("1985"), "shown once, or never");
    let listed = dsi.get("/administration/comptes?nom=eloise&unite=0750001A").await.text();
    assert!(listed.contains(&path) && !listed.contains("Paul Durand"));

    let change = [
        ("action", "modifier"),
        ("nom", "Éloïse Arc"),
        ("prenom", "Éloïse"),
        ("unites", ""),
        ("quota", ""),
        ("role", "it-officer"),
        ("adresse", "e.arc@ac.test"),
    ];
    let page = dsi.get(&path).await;
    assert_eq!(send_form(&mut dsi, &page, &path, &change).await.header("location"), path);
    let account = bench.directory.account(id).await.unwrap().unwrap();
    assert_eq!((account.name.as_str(), account.role), ("Éloïse Arc", Role::ItOfficer));
    assert_eq!(account.primary_address.to_string(), "e.arc@ac.test");
    assert!(account.units.is_empty());
    // An empty name is the one that is made of the others.
    let page = dsi.get(&path).await;
    let change = [("action", "modifier"), ("nom", ""), ("nom-usage", "Petit")];
    send_form(&mut dsi, &page, &path, &change).await;
    assert_eq!(bench.directory.account(id).await.unwrap().unwrap().name, "Éloïse Petit");
    for (action, state) in
        [("suspendre", AccountState::Suspended), ("reprendre", AccountState::AwaitingFirstLogin)]
    {
        act(&mut dsi, &path, &[("action", action)]).await;
        assert_eq!(bench.directory.account(id).await.unwrap().unwrap().state, state);
    }
    let past = act(&mut dsi, &path, &[("action", "depart"), ("depart", "2020-01-01")]).await;
    assert!(past.text().contains("Le jour doit être à venir."), "{}", past.text());
    act(&mut dsi, &path, &[("action", "depart"), ("depart", "2099-08-31")]).await;
    assert!(bench.directory.account(id).await.unwrap().unwrap().leaves_on.is_some());
    let wrong = [("action", "supprimer"), ("confirmation", "paul.durand@ac.test")];
    assert_eq!(act(&mut dsi, &path, &wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = [("action", "supprimer"), ("confirmation", "E.Arc@ac.test")];
    assert_eq!(act(&mut dsi, &path, &right).await.status, StatusCode::SEE_OTHER);
    let account = bench.directory.account(id).await.unwrap().unwrap();
    assert_eq!(account.state, AccountState::Deleted);
    assert_eq!(act(&mut dsi, &path, &[("action", "reprendre")]).await.status, 404);
}

#[tokio::test]
async fn an_academic_id_stands_in_no_address() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    for (typed, in_it) in [
        ("10001", "comptes/"),
        ("99999", "/comptes"),
        ("1 0001", "comptes/"),
        ("10-001 Marie", "comptes/"),
        ("Martin 100 02", "comptes/"),
        ("Martin 9 9999", "/comptes"),
        ("marie.martin@ac.test", "comptes/"),
    ] {
        let found = act(&mut dsi, "/administration/comptes", &[("nom", typed)]).await;
        let location = found.header("location");
        assert!(location.contains(in_it) && !location.contains('?'), "{typed}: {location}");
    }
    assert!(dsi.get("/administration/comptes").await.text().contains("Marie Martin"));
    let words =
        act(&mut dsi, "/administration/comptes", &[("nom", "Marie"), ("etat", "active")]).await;
    assert_eq!(words.header("location"), "/administration/comptes?nom=Marie&etat=active");
    let number = id_of(&bench, "10001").await.0;
    for typed in ["10001", "100 01"] {
        let log = act(&mut dsi, "/administration/journal", &[("compte", typed)]).await;
        assert_eq!(log.header("location"), format!("/administration/journal?compte={number}"));
    }
}

#[tokio::test]
async fn one_does_not_act_on_oneself_and_gives_no_fellow_a_code() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    administrator(&bench, "10004").await;
    let (own, fellow) = (id_of(&bench, "10003").await, id_of(&bench, "10004").await);
    let path = format!("/administration/comptes/{}", own.0);
    let page = dsi.get(&path).await.text();
    for button in ["suspendre", "name=\"role\"", "value=\"code\"", "/supprimer", "id=\"depart\""] {
        assert!(!page.contains(button), "{button}");
    }
    let address = "dsi10003@ac.test";
    let page = dsi.get(&path).await;
    for form in [
        [("action", "suspendre"), ("x", "")],
        [("action", "code"), ("x", "")],
        [("action", "modifier"), ("role", "agent")],
        [("action", "depart"), ("depart", "2099-08-31")],
    ] {
        let answer = send_form(&mut dsi, &page, &path, &form).await;
        assert!(!answer.text().contains("depuis l’ouverture"), "{form:?}");
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form:?}");
    }
    let delete = [("action", "supprimer"), ("confirmation", address)];
    assert_eq!(act(&mut dsi, &path, &delete).await.status, StatusCode::NOT_FOUND);
    let fellow_path = format!("/administration/comptes/{}", fellow.0);
    let code = act(&mut dsi, &fellow_path, &[("action", "code")]).await;
    assert_eq!(code.status, StatusCode::UNPROCESSABLE_ENTITY);
    let account = bench.directory.account(own).await.unwrap().unwrap();
    assert_eq!((account.role, account.state), (Role::Administrator, AccountState::Active));
}

#[tokio::test]
async fn a_file_is_checked_then_followed_and_its_sheets_fetched_once() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    let mut other = administrator(&bench, "10004").await;
    let token = dsi.get("/administration/import").await.token();
    let csv = "identifiant;prenom;nom\r\n20001;Zoé;Petit\r\n12;Bad;Id\r\n20002;Luc;Roy\r\n";
    let sent = upload(&mut dsi, &token, "personnels", csv).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    let path = sent.header("location").to_owned();
    let checked = settled(&mut dsi, &path).await.text();
    assert!(checked.contains("<b id=\"crees\">2</b>") && checked.contains("Ligne 3"), "{checked}");
    assert!(checked.contains("Un numéro d’identification a de 4 à 16 chiffres."));
    assert!(bench.directory.find("20001").await.unwrap().is_none(), "nothing has changed");
    assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND, "another's file");
    let list = dsi.get(&format!("{path}/refus.csv")).await.text();
    assert!(list.starts_with("\u{feff}line;reason\r\n3;\"Un numéro"), "{list}");
    let early = act(&mut dsi, &path, &[("action", "pages")]).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);

    for _ in 0..2 {
        act(&mut dsi, &path, &[("action", "appliquer")]).await;
    }
    let applied = settled(&mut dsi, &path).await.text();
    assert!(applied.contains("<b id=\"crees\">2</b>"), "{applied}");
    let zoe = bench.directory.find("zoe.petit@ac.test").await.unwrap().unwrap();
    assert_eq!(zoe.state, AccountState::AwaitingFirstLogin);
    let table = act(&mut dsi, &path, &[("action", "lignes")]).await;
    let secret = between(&table.text(), "\"20001\";\"", "\"").expect("a secret");
    assert!(table.header("content-disposition").starts_with("attachment"));
    let pages = act(&mut dsi, &path, &[("action", "pages")]).await.text();
    assert!(pages.contains(&secret) && pages.matches("<section>").count() == 2);
    for format in ["lignes", "pages"] {
        let again = act(&mut dsi, &path, &[("action", format)]).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER, "once");
    }
    let mut newcomer = bench.browser();
    let first = newcomer.log_in("20001", &secret).await;
    assert_eq!(first.header("location"), "/premiere-connexion", "the secret opens");

    let log = dsi.get("/administration/journal").await.text();
    assert!(log.contains("rentree.csv: created=2, updated=0, unchanged=0, refused=1"), "{log}");
    act(&mut dsi, &path, &[("action", "oublier")]).await;
    assert_eq!(dsi.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_that_is_none_says_why_and_schools_come_from_a_file_too() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    let token = dsi.get("/administration/import").await.token();
    let sent = upload(&mut dsi, &token, "personnels", "couleur;nom\nbleu;x\n").await;
    let page = settled(&mut dsi, sent.header("location")).await.text();
    assert!(page.contains("couleur\u{a0}» est inconnue."), "{page}");
    let empty = upload(&mut dsi, &token, "personnels", "").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let old = upload(&mut dsi, &token, "personnels", b"identifiant;nom\n1;\xc9lo\xefse\n").await;
    assert!(old.text().contains("CSV UTF-8"), "broken letters would become addresses");
    let csv = "code;nom;contact;responsables\n0750001A;École;;dsi10003@ac.test\n";
    let sent = upload(&mut dsi, &token, "etablissements", csv).await;
    let path = sent.header("location").to_owned();
    assert!(settled(&mut dsi, &path).await.text().contains("<b id=\"crees\">1</b>"));
    assert!(bench.directory.units().is_empty());
    act(&mut dsi, &path, &[("action", "appliquer")]).await;
    settled(&mut dsi, &path).await;
    assert_eq!(bench.directory.units().len(), 1);
    let unit = dsi.get("/administration/etablissements/0750001A").await.text();
    assert!(unit.contains("dsi10003@ac.test") && unit.contains("value=\"supprimer\""), "{unit}");
    let gone = act(&mut dsi, "/administration/etablissements/0750001A", &[("action", "supprimer")]);
    assert_eq!(gone.await.status, StatusCode::SEE_OTHER);
    assert!(bench.directory.units().is_empty());
}

#[tokio::test]
async fn the_log_is_shown_filtered_and_verified() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    let (marie, paul) = (id_of(&bench, "10001").await, id_of(&bench, "10002").await);
    for id in [marie, paul] {
        act(&mut dsi, &format!("{HOME}/comptes/{}", id.0), &[("action", "suspendre")]).await;
    }
    let log = dsi.get("/administration/journal").await.text();
    assert_eq!(log.matches("<b>Compte suspendu</b>").count(), 2);
    assert!(log.contains("<span>en ligne de commande</span>"), "who had made the accounts: {log}");
    let first = log.find("Paul Durand").unwrap();
    assert!(first < log.find("Marie Martin").unwrap(), "the newest first");
    let found =
        act(&mut dsi, "/administration/journal", &[("compte", "marie.martin@ac.test")]).await;
    let one = dsi.get(found.header("location")).await.text();
    assert!(one.contains("Marie Martin</a>") && !one.contains("Paul Durand"));
    let nobody = act(&mut dsi, "/administration/journal", &[("auteur", "personne@ac.test")]).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    let verified = dsi.get("/administration/journal?verifier=1").await.text();
    assert!(verified.contains("Lignes vérifiées"), "{verified}");
    let none = dsi.get("/administration/journal?du=2099-01-01").await.text();
    assert!(none.contains("Aucune ligne ne correspond."));
}
