//! Tabs that are older than what they show, what a fellow administrator is safe from, and pages of a
//! long log.

use hyper::StatusCode;
use mail_types::Role;

use super::administration::{HOME, act, administrator, id_of, send_form, set_role};
use super::{Bench, between};

#[tokio::test]
async fn a_fellow_is_made_no_less_and_a_refusal_that_shows_their_number_is_a_line() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    administrator(&bench, "10004").await;
    let (own, fellow) = (id_of(&bench, "10003").await, id_of(&bench, "10004").await);
    let path = format!("/administration/comptes/{}", fellow.0);
    let code = act(&mut dsi, &path, &[("action", "code")]).await;
    assert_eq!(code.status, StatusCode::UNPROCESSABLE_ENTITY);
    let about = directory::AuditFilter {
        account: Some(fellow.0),
        officer: Some(own.0),
        ..directory::AuditFilter::default()
    };
    let shown = bench.directory.audit_page(&about, None, 10).await.unwrap().lines;
    let shown: Vec<_> = shown.iter().map(|line| line.act).collect();
    assert_eq!(shown, [directory::Act::PersonShown], "one line for one look");
    let page = dsi.get(&path).await;
    assert!(!page.text().contains("value=\"agent\""), "nothing less to choose");
    let less = [("action", "modifier"), ("nom", "Service informatique"), ("role", "agent")];
    let less = send_form(&mut dsi, &page, &path, &less).await;
    assert!(less.text().contains("se retire en ligne de commande"), "{}", less.text());
    let fellow = bench.directory.account(fellow).await.unwrap().unwrap();
    assert_eq!(fellow.role, Role::Administrator);
}

/// All fields of a form are sent: a tab from before a change put an old role or unit back.
#[tokio::test]
async fn an_old_tab_takes_nothing_back_that_was_changed_meanwhile() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    let unit = [("code", "0750001a"), ("nom", "Collège Hugo"), ("contact", "Bureau 2")];
    act(&mut dsi, "/administration/etablissements/nouveau", &unit).await;
    let paul = id_of(&bench, "10002").await;
    let path = format!("/administration/comptes/{}", paul.0);
    let old_tab = dsi.get(&path).await;
    set_role(&bench, paul, Role::ItOfficer).await;
    let renamed = [("action", "modifier"), ("nom", "Paul Petit"), ("role", "agent")];
    let refused = send_form(&mut dsi, &old_tab, &path, &renamed).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("Ce compte a changé depuis l’ouverture"), "{}", refused.text());
    let account = bench.directory.account(paul).await.unwrap().unwrap();
    assert_eq!((account.name.as_str(), account.role), ("Paul Durand", Role::ItOfficer));
    // The page that says so shows what holds now, and its form is saved.
    let renamed = [("action", "modifier"), ("nom", "Paul Petit"), ("role", "it-officer")];
    let saved = send_form(&mut dsi, &refused, &path, &renamed).await;
    assert_eq!(saved.header("location"), path, "{}", saved.text());
    let account = bench.directory.account(paul).await.unwrap().unwrap();
    assert_eq!((account.name.as_str(), account.role), ("Paul Petit", Role::ItOfficer));

    let path = "/administration/etablissements/0750001A";
    let old_tab = dsi.get(path).await;
    let officers = [
        ("action", "enregistrer"),
        ("nom", "Collège Hugo"),
        ("contact", "Bureau 2"),
        ("responsables", "paul.durand@ac.test"),
    ];
    let saved = send_form(&mut dsi, &old_tab, path, &officers).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    let moved = [("action", "enregistrer"), ("nom", "Collège Hugo"), ("contact", "Bureau 3")];
    let refused = send_form(&mut dsi, &old_tab, path, &moved).await;
    assert!(refused.text().contains("Cet établissement a changé"), "{}", refused.text());
    assert_eq!(bench.directory.units()[0].officers, [paul]);
}

#[tokio::test]
async fn the_log_goes_on_page_by_page_and_back_to_its_beginning() {
    let bench = Bench::new().await;
    let mut dsi = administrator(&bench, "10003").await;
    let (marie, paul) = (id_of(&bench, "10001").await, id_of(&bench, "10002").await);
    for n in 0..30 {
        let action = if n % 2 == 0 { "reprendre" } else { "suspendre" };
        for id in [marie, paul] {
            act(&mut dsi, &format!("{HOME}/comptes/{}", id.0), &[("action", action)]).await;
        }
    }
    let newest = dsi.get("/administration/journal").await.text();
    assert_eq!(newest.matches("<time ").count(), 50);
    let older = between(&newest, "rel=\"next\" href=\"", "\"").expect("older lines");
    let older = dsi.get(&older.replace("&#38;", "&").replace("&amp;", "&")).await.text();
    let lines = older.matches("<time ").count();
    assert!((10..50).contains(&lines) && !older.contains("rel=\"next\""), "{lines}");
    assert!(older.contains("Retour au début"));
}
