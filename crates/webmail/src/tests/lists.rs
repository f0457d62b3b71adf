//! Lists, what their buttons do, live lists, search.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_marked_moved_and_deleted() {
    let bench = Bench::new().await;
    for number in 0..3 {
        let mail = format!("From: x@y.test\nSubject: Message {number}\n\ncorps\n");
        bench.deliver("marie.martin@ac.test", &mail).await;
    }
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let list = marie.get("/boite/INBOX").await;
    let (token, validity) = (
        between(&list.text(), "class=\"list\"", "</form>").unwrap(),
        between(&list.text(), "name=\"validite\" value=\"", "\"").unwrap(),
    );
    let token = between(&token, "name=\"jeton\" value=\"", "\"").unwrap();
    let unread = |answer: &Answer| answer.text().matches("class=\"row unread\"").count();
    assert_eq!(unread(&list), 3);
    assert!(list.text().contains("<p class=\"range\">3 messages</p>"), "{}", list.text());
    let act = |action: &'static str, uid: &'static str, validity: &str| {
        [
            ("jeton", token.clone()),
            ("validite", validity.to_owned()),
            ("uid", uid.to_owned()),
            ("action", action.to_owned()),
        ]
    };
    async fn go(
        browser: &mut Browser<'_>,
        path: &str,
        form: [(&'static str, String); 4],
    ) -> Answer {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        browser.post(path, &form).await
    }
    assert_eq!(
        go(&mut marie, "/boite/INBOX", act("lu", "1", &validity)).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(unread(&marie.get("/boite/INBOX").await), 2);
    go(&mut marie, "/boite/INBOX", act("non-lu", "1", &validity)).await;
    assert_eq!(unread(&marie.get("/boite/INBOX").await), 3);
    assert_eq!(
        go(&mut marie, "/boite/INBOX", act("supprimer", "2", "999999")).await.status,
        StatusCode::NOT_FOUND
    );
    go(&mut marie, "/boite/INBOX", act("supprimer", "2", &validity)).await;
    let list = marie.get("/boite/INBOX").await.text();
    assert!(list.contains("maintenant dans «\u{a0}Corbeille\u{a0}»"), "{list}");
    assert!(!list.contains("Message 1") && list.contains("Message 2"));
    let icon = list.find("<use href=\"#i-trash\"/></svg><span").unwrap();
    let link = list[..icon].rfind("/boite/").unwrap();
    let trash = list[link..].split('"').next().unwrap().to_owned();
    let page = marie.get(&trash).await.text();
    assert!(page.contains("Message 1") && page.contains("Supprimer définitivement"), "{page}");
    let validity = between(&page, "name=\"validite\" value=\"", "\"").unwrap();
    go(&mut marie, &trash, act("supprimer", "1", &validity)).await;
    assert!(marie.get(&trash).await.text().contains("Ce dossier est vide"));
    assert_eq!(
        go(&mut marie, "/boite/INBOX", act("effacer", "1", &validity)).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_stay_within_their_budgets() {
    let bench = Bench::new().await;
    for number in 0..60 {
        let mail = format!(
            "From: Professeur Numéro {number} <prof{number}@ac.test>\nSubject: Conseil de classe \
             n° {number} du trimestre\n\nBonjour, voici le compte rendu numéro {number} de notre réunion.\n"
        );
        bench.deliver("marie.martin@ac.test", &mail).await;
    }
    let mut marie = bench.logged_in("10001").await;
    let mut size = async |path: &str| {
        let request = Request::get(path).header(header::ACCEPT_ENCODING, "gzip, br");
        let answer = marie.send(request, Vec::new()).await;
        assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
        answer.body.len()
    };
    let (inbox, compose) = (size("/boite/INBOX").await, size("/ecrire").await);
    // Headers take about 1 KB more.
    assert!(inbox <= 7 * 1024, "inbox {inbox}");
    assert!(compose <= 11 * 1024, "compose {compose}");
    let list = marie.get("/boite/INBOX").await.text();
    assert_eq!(list.matches("class=\"row unread\"").count(), 50);
    assert!(list.contains("1–50 sur 60") && list.contains("?page=2"));
    assert!(marie.get("/boite/INBOX?page=2").await.text().contains("51–60 sur 60"));
    assert!(marie.get("/boite/INBOX?page=99").await.text().contains("51–60 sur 60"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_list_hears_of_new_mail_and_ends_with_its_session() {
    let bench = Bench::new().await;
    let marie = bench.logged_in("10001").await;
    let cookie = format!("__Host-facteur={}", marie.cookies.last().unwrap().1);
    let connection = Connection {
        peer: [127, 0, 0, 1].into(),
        port: Port::Https,
        local_port: 443,
        shutdown: CancellationToken::new(),
    };
    let request = Request::get("/evenements").header(header::COOKIE, cookie);
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let response = bench.webmail.answer(request, connection).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut body = response.into_body();
    let mut next = async || {
        let frame = body.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    };
    assert!(next().await.unwrap().contains("event: courrier\ndata: "));
    bench.deliver("marie.martin@ac.test", "Subject: x\n\ny\n").await;
    assert!(next().await.unwrap().starts_with("event: courrier\ndata: "));
    let key = *blake3::hash(&crate::csrf::unhex::<16>(&marie.cookies.last().unwrap().1).unwrap())
        .as_bytes();
    bench.webmail.sessions.end(&key);
    assert_eq!(next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_are_found_in_every_mailbox() {
    let bench = Bench::new().await;
    bench
        .deliver(
            "marie.martin@ac.test",
            "From: a@b.test\nSubject: Préparation\n\nle brevet blanc\n",
        )
        .await;
    bench.deliver("marie.martin@ac.test", "From: c@d.test\nSubject: Autre\n\nrien\n").await;
    let mut marie = bench.logged_in("10001").await;
    for (asked, found) in [("brevet", 1), ("prépa", 1), ("de:c@d", 1), ("brevet+autre", 0), ("", 0)]
    {
        let page = marie.get(&format!("/recherche?q={asked}")).await.text();
        assert_eq!(page.matches("class=\"row unread\"").count(), found, "{asked}");
    }
    let page = marie.get("/recherche?q=%3Cscript%3E").await.text();
    assert!(!page.contains("<script>"));
}
