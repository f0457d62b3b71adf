//! Sent messages that are taken back, and messages that are sent later.

use super::drafts::{Tab, drafts};
use super::*;

const MARIE: &str = "marie.martin@ac.test";
const PAUL: &str = "paul.durand@ac.test";

/// A server whose senders have ten seconds to think better of it.
async fn patient() -> Bench {
    Bench::with(Settings {
        public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
        undo_seconds: 10,
        ..Settings::default()
    })
    .await
}

impl Bench {
    fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn inbox_of(&self, login: &str) -> usize {
        let list = self.logged_in(login).await.get("/boite/INBOX").await.text();
        list.matches("<a href=\"/m/").count()
    }
}

fn written(tab: &mut Tab, subject: &str) {
    tab.set("a", PAUL).set("cci", "marie.martin@ac.test").set("objet", subject);
    tab.set("texte", "Le texte");
}

/// A form of a list of rows or of a notice, and what its button does.
async fn press(browser: &mut Browser<'_>, page: &Answer, action: &str) -> Answer {
    let path = between(&page.text(), "action=\"/envois/", "\"").expect("a form");
    let form = [("jeton", page.token()), ("action", action.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(&format!("/envois/{path}"), &form).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_taken_back_is_a_draft_with_everything_and_nothing_has_left() {
    let bench = patient().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    written(&mut tab, "Été");
    tab.press(&mut marie, "enregistrer", &[]).await;
    assert_eq!(drafts(&bench, MARIE).await.len(), 1);
    let sent = tab.press(&mut marie, "envoyer", &[("plan.pdf", b"%PDF")]).await;
    assert_eq!(sent.header("location"), "/boite/INBOX", "{}", sent.text());
    assert!(drafts(&bench, MARIE).await.is_empty());
    bench.work_queue().await;
    let page = marie.get("/boite/INBOX").await;
    for shown in ["Le message est envoyé.", "Annuler l’envoi", "data-undo=\"10\""] {
        assert!(page.text().contains(shown), "{shown} in {}", page.text());
    }
    assert!(!page.text().contains("/envois\""), "it is not scheduled");
    let undone = press(&mut marie, &page, "reprendre").await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER, "{}", undone.text());
    let draft = marie.get(undone.header("location")).await.text();
    for shown in [
        "rien n’est parti",
        "value=\"paul.durand@ac.test\"",
        "value=\"marie.martin@ac.test\"",
        "value=\"Été\"",
        "Le texte",
        "plan.pdf",
    ] {
        assert!(draft.contains(shown), "{shown} in {draft}");
    }
    bench.pass(60);
    bench.work_queue().await;
    assert_eq!((bench.inbox_of(PAUL).await, bench.queue().await.len()), (0, 0));
    let copies = marie.get("/boite/Envoy%C3%A9s").await.text();
    assert!(copies.contains("Ce dossier est vide"), "{copies}");
    // The page that wrote it is still open elsewhere: what it sends is sent.
    tab.set("objet", "Été, corrigé");
    let again = tab.press(&mut marie, "envoyer", &[]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.text());
    assert!(drafts(&bench, MARIE).await.is_empty());
    bench.pass(60);
    bench.work_queue().await;
    assert_eq!(bench.inbox_of(PAUL).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_it_has_left_that_is_said_plainly() {
    let bench = patient().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    written(&mut tab, "Parti");
    tab.press(&mut marie, "envoyer", &[]).await;
    let page = marie.get("/boite/INBOX").await;
    bench.pass(11);
    assert!(!marie.get("/boite/INBOX").await.text().contains("data-undo"), "the time is over");
    bench.work_queue().await;
    let late = press(&mut marie, &page, "reprendre").await;
    assert_eq!(late.header("location"), "/boite/INBOX");
    assert!(marie.get("/boite/INBOX").await.text().contains("Trop tard"));
    assert_eq!(bench.inbox_of(PAUL).await, 1);
    assert!(drafts(&bench, MARIE).await.is_empty());
    let source = marie.get("/m/Envoy%C3%A9s/1/source").await.text();
    assert!(source.contains("Bcc: <marie.martin@ac.test>") && source.contains("\nDate: "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_again_after_a_restart_is_sent_once() {
    // The answer to the first sending got lost, and with the session the memory of it.
    let bench = patient().await;
    for (wait, entries) in [(0, 1), (60, 0)] {
        let mut marie = bench.logged_in(MARIE).await;
        let mut tab = Tab::open(&mut marie, "/ecrire").await;
        written(&mut tab, "Une fois");
        tab.press(&mut marie, "envoyer", &[]).await;
        bench.pass(wait);
        bench.work_queue().await;
        assert_eq!(bench.queue().await.len(), entries);
        let mut again = bench.logged_in(MARIE).await;
        let token = again.get("/ecrire").await.token();
        tab.set("jeton", &token);
        let answer = tab.press(&mut again, "envoyer", &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(bench.queue().await.len(), entries, "after {wait} s");
        bench.pass(60);
        bench.work_queue().await;
    }
    assert_eq!(bench.inbox_of(PAUL).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_message_is_listed_and_leaves_at_its_time() {
    let bench = patient().await;
    let mut marie = bench.logged_in(MARIE).await;
    assert!(!marie.get("/boite/INBOX").await.text().contains("href=\"/envois\""));
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    written(&mut tab, "Lundi");
    let page = marie.get("/ecrire").await.text();
    let choice = between(&page, "value=\"programmer-", "\"").unwrap();
    let sent = tab.press(&mut marie, &format!("programmer-{choice}"), &[]).await;
    assert_eq!(sent.header("location"), "/envois", "{}", sent.text());
    let list = marie.get("/envois").await.text();
    for shown in ["Envoi programmé", "Lundi", "paul.durand@ac.test", "à\u{a0}08:00", "Europe/Paris"]
    {
        assert!(list.contains(shown), "{shown} in {list}");
    }
    assert!(marie.get("/boite/INBOX").await.text().contains("href=\"/envois\""));
    let mut paul = bench.logged_in(PAUL).await;
    assert!(!paul.get("/envois").await.text().contains("Lundi"), "one's own only");
    bench.work_queue().await;
    assert_eq!(bench.inbox_of(PAUL).await, 0);
    bench.pass(3 * 86_400);
    bench.work_queue().await;
    assert_eq!(bench.inbox_of(PAUL).await, 1);
    let source = bench.logged_in(PAUL).await.get("/m/INBOX/1/source").await.text();
    let date = between(&source, "\nDate: ", "\r").unwrap();
    assert!(date.contains(" 08:00:00 +0"), "dated when it leaves: {date}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_message_is_taken_back_or_sent_at_once_by_its_owner_only() {
    let bench = patient().await;
    let mut marie = bench.logged_in(MARIE).await;
    for subject in ["Premier", "Second"] {
        let mut tab = Tab::open(&mut marie, "/ecrire").await;
        written(&mut tab, subject);
        let paris = jiff::tz::TimeZone::get("Europe/Paris").unwrap();
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(72);
        let when = later.to_zoned_datetime(paris).datetime().strftime("%Y-%m-%dT%H:%M");
        tab.set("quand", &when.to_string());
        tab.press(&mut marie, "programmer", &[]).await;
    }
    let list = marie.get("/envois").await;
    let mut paul = bench.logged_in(PAUL).await;
    let id = between(&list.text(), "action=\"/envois/", "\"").unwrap();
    let token = paul.get("/ecrire").await.token();
    for action in ["reprendre", "maintenant"] {
        let form = [("jeton", token.as_str()), ("action", action)];
        paul.post(&format!("/envois/{id}"), &form).await;
        let foreign = marie.post(&format!("/envois/{id}"), &form).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "another's token");
    }
    assert_eq!(bench.queue().await.len(), 2);
    press(&mut marie, &list, "reprendre").await;
    assert_eq!((drafts(&bench, MARIE).await.len(), bench.queue().await.len()), (1, 1));
    let list = marie.get("/envois").await;
    press(&mut marie, &list, "maintenant").await;
    bench.work_queue().await;
    assert_eq!((bench.inbox_of(PAUL).await, bench.queue().await.len()), (1, 0));
    let source = bench.logged_in(PAUL).await.get("/m/INBOX/1/source").await.text();
    let date = between(&source, "\nDate: ", "\r").unwrap();
    let received = between(&source, "with HTTPS id ", "\r\nDate").unwrap();
    assert!(received.contains(&date[..16]), "dated today, when it left: {date} in {received}");
    for path in ["/envois/0", "/envois/zzzzzzzzzzzzzzzz", "/envois/+000000000000000"] {
        let form = [("jeton", list.token()), ("action", "reprendre".into())];
        let form: Vec<_> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(marie.post(path, &form).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_cannot_be_is_told_beside_its_field_and_sends_nothing() {
    let bench = patient().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    written(&mut tab, "Quand ?");
    for (when, said) in [
        ("", "Indiquez la date"),
        ("demain", "Indiquez la date"),
        ("2020-01-01T08:00", "Cette date est passée"),
        ("2120-01-01T08:00", "peut être programmé jusqu’au"),
        ("99999-01-01T08:00", "Indiquez la date"),
    ] {
        tab.set("quand", when);
        let answer = tab.press(&mut marie, "programmer", &[]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{when}");
        let text = answer.text();
        assert!(text.contains(said) && text.contains("quand-erreur"), "{said} in {text}");
        assert!(text.contains("class=\"later\" open"), "{text}");
    }
    assert_eq!(bench.queue().await.len(), 0);
    assert_eq!(drafts(&bench, MARIE).await.len(), 1, "what was typed is saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_time_limit_nothing_is_offered() {
    let bench = Bench::with(Settings {
        public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
        schedule_seconds_max: 0,
        ..Settings::default()
    })
    .await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    assert!(!marie.get("/ecrire").await.text().contains("programmer"));
    written(&mut tab, "x");
    tab.press(&mut marie, "programmer-2030-01-01T08:00", &[]).await;
    assert_eq!(bench.queue().await.len(), 0);
}
