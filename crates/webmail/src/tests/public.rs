//! Pages for everybody: help, and what the law wants said; and how an installation looks.

use hyper::Request;

use super::*;
use crate::{Conformity, Notices, Theme};

const PAGES: [&str; 4] = ["/aide", "/accessibilite", "/mentions-legales", "/donnees-personnelles"];

fn notices() -> Notices {
    let some = |text: &str| Some(text.to_owned());
    Notices {
        publisher: some("Académie <b>de Test</b>"),
        director: some("Camille Directrice"),
        host: some("Hébergeur Exemple"),
        support: some("01 99 00 00 00"),
        data_protection_officer: some("dpd@ac.test"),
        accessibility_contact: some("acces@ac.test"),
        accessibility_audit: some("novembre, 82 %"),
        accessibility: Conformity::Partial,
    }
}

async fn bench(theme: Theme) -> Bench {
    Bench::with(Settings {
        public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
        notices: notices(),
        theme,
        ..Settings::default()
    })
    .await
}

/// The words of a page.
fn words(page: &str) -> String {
    let mut inside = false;
    let kept = page.chars().filter(|c| {
        inside = *c == '<' || (inside && *c != '>');
        !inside
    });
    kept.collect::<String>().replace('\u{a0}', " ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_pages_give_the_configured_names_as_text() {
    let bench = bench(Theme::default()).await;
    for (path, wanted) in [
        ("/aide", vec!["Assistance : 01 99 00 00 00", "Première connexion", "Identifiant perdu"]),
        (
            "/accessibilite",
            vec![
                "est partiellement conforme",
                "novembre, 82 %",
                "acces@ac.test",
                "Défenseur des droits",
            ],
        ),
        ("/mentions-legales", vec!["Camille Directrice", "Hébergeur Exemple", "EUPL"]),
        ("/donnees-personnelles", vec!["dpd@ac.test", "7 jours", "CNIL", "RGPD"]),
    ] {
        let answer = bench.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let page = answer.text();
        assert!(!page.contains("<b>de Test"), "{path}");
        for wanted in wanted {
            assert!(words(&page).contains(wanted), "{path}: {wanted}");
        }
        assert!(!page.contains("pas encore indiqué"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_pages_are_english_for_whoever_asks_in_english() {
    let bench = bench(Theme::default()).await;
    for (path, wanted) in PAGES.into_iter().zip([
        "Lost password",
        "partially complies with the French accessibility standard",
        "Director of publication",
        "data protection officer",
    ]) {
        let request = Request::get(path).header(header::ACCEPT_LANGUAGE, "en-GB");
        let page = bench.browser().send(request, Vec::new()).await.text();
        assert!(page.contains("<html lang=\"en\">") && page.contains(wanted), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_missing_is_said_to_be_missing() {
    let bench = Bench::new().await;
    for (path, count) in PAGES.into_iter().zip([0, 2, 4, 2]) {
        let page = bench.browser().get(path).await.text();
        assert_eq!(page.matches("pas encore indiqué").count(), count, "{path}");
    }
    let statement = bench.browser().get("/accessibilite").await.text();
    assert!(words(&statement).contains("aucun audit n’a été fait"));
    assert_eq!(Notices::default().missing().len(), 6);
    assert_eq!(notices().missing(), []);
    let unaudited = Notices { accessibility_audit: None, ..notices() };
    assert_eq!(unaudited.missing(), [("accessibility_audit", "/accessibilite")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_leads_to_them() {
    let bench = bench(Theme::default()).await;
    let mut marie = bench.logged_in("10001").await;
    let mut stranger = bench.browser();
    let pages = [
        stranger.get("/").await,
        stranger.get("/mot-de-passe-oublie").await,
        stranger.get("/aide").await,
        marie.get("/boite/INBOX").await,
        marie.get("/parametres/securite").await,
        marie.get("/rien").await,
    ];
    for page in pages {
        let foot = between(&page.text(), "<footer", "</footer>").unwrap();
        for path in PAGES {
            assert!(foot.contains(&format!("href=\"{path}\"")), "{path}");
        }
        assert!(words(&foot).contains("Accessibilité : partiellement conforme"), "{foot}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_theme_gives_name_colours_and_a_logo_that_can_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theme.toml");
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
    std::fs::write(folder.path().join("logo.svg"), svg).unwrap();
    let text = "name = \"Académie <Test>\"\nmain = \"#7a1f5c\"\nlogo = \"logo.svg\"";
    std::fs::write(&path, text).unwrap();
    let bench = bench(Theme::load(&path).unwrap()).await;
    let login = bench.browser().get("/").await.text();
    assert!(login.contains("Académie &#60;Test&#62;"), "{login}");
    let logo = between(&login, "<link rel=\"icon\" href=\"", "\"").unwrap();
    let style = between(&login, "<link rel=\"stylesheet\" href=\"", "\"").unwrap();
    let logo = bench.browser().get(&logo).await;
    assert_eq!((logo.header("content-type"), logo.text().as_str()), ("image/svg+xml", svg));
    let policy = logo.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.ends_with("sandbox"), "{policy}");
    assert_eq!(logo.header("x-content-type-options"), "nosniff");
    assert!(bench.browser().get(&style).await.text().contains("--accent:#7a1f5c"));
    // A reload with another theme is seen by the next page.
    let settings =
        Settings { public_url: bench.webmail.settings().public_url.clone(), ..Settings::default() };
    bench.webmail.reload(settings);
    let login = bench.browser().get("/").await.text();
    assert!(login.contains("</title>") && !login.contains("Académie") && !login.contains(&style));
}
