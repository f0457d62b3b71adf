//! What keeps strangers out: forms, sessions, logins, headers.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_changes_without_our_own_form() {
    let bench = Bench::new().await;
    bench.deliver("marie.martin@ac.test", "Subject: x\n\ny\n").await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let token = marie.get("/boite/INBOX").await.token();
    let form =
        [("jeton", token.as_str()), ("uid", "1"), ("action", "supprimer"), ("validite", "1")];
    for origin in [Some("https://evil.test"), Some("null"), Some("http://mail.ac.test")] {
        let answer = marie.post_from("/boite/INBOX", &form, origin).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?}");
    }
    for token in ["", "00", &"0".repeat(128)] {
        let form = [("jeton", token), ("uid", "1"), ("action", "supprimer")];
        assert_eq!(marie.post("/boite/INBOX", &form).await.status, StatusCode::FORBIDDEN);
        assert_eq!(
            marie.post("/deconnexion", &[("jeton", token)]).await.status,
            StatusCode::FORBIDDEN
        );
    }
    // The token of one session opens nothing in another.
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    assert_eq!(paul.post("/deconnexion", &[("jeton", &token)]).await.status, StatusCode::FORBIDDEN);
    let plain = Request::post("/boite/INBOX").header(header::CONTENT_TYPE, "text/plain");
    assert_eq!(marie.send(plain, b"{}".to_vec()).await.status, StatusCode::BAD_REQUEST);
    for path in ["/deconnexion", "/connexion"] {
        assert_ne!(marie.get(path).await.status, StatusCode::OK);
    }
    assert_eq!(marie.get("/boite/INBOX").await.text().matches("<li class=\"row").count(), 1);
    // Login CSRF: a token without its cookie.
    let token = bench.browser().get("/").await.token();
    let form = [("jeton", token.as_str()), ("identifiant", "10001"), ("mot-de-passe", PASSWORD)];
    assert_eq!(bench.browser().post("/connexion", &form).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begins_anew_at_login_and_ends_at_logout() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("10001").await;
    let cookie = |browser: &Browser<'_>| {
        let found = browser.cookies.iter().find(|(name, _)| name == "__Host-facteur");
        found.map(|(_, value)| value.clone())
    };
    let first = cookie(&marie).unwrap();
    assert_eq!(marie.get("/").await.header("location"), "/boite/INBOX");
    let mut thief = bench.browser();
    thief.cookies.push(("__Host-facteur".into(), first.clone()));
    assert_eq!(thief.get("/boite/INBOX").await.status, StatusCode::OK);
    let token = marie.get("/boite/INBOX").await.token();
    let left = marie.post("/deconnexion", &[("jeton", &token)]).await;
    assert!(left.header("clear-site-data").contains("cache"));
    assert_eq!(cookie(&marie), None);
    assert_eq!(thief.get("/boite/INBOX").await.header("location"), "/", "revoked on the server");
    // A cookie that somebody planted is not taken over.
    let mut fixed = bench.browser();
    fixed.cookies.push(("__Host-facteur".into(), "0".repeat(32)));
    fixed.log_in("10001", PASSWORD).await;
    assert_ne!(cookie(&fixed).unwrap(), "0".repeat(32));
    let set = bench.browser().get("/").await;
    let set = set.header("set-cookie");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(set.contains(attribute), "{attribute} in {set}");
    }
    assert!(!set.contains("Domain"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_logins_read_the_same() {
    let bench = Bench::new().await;
    let mut answers = Vec::new();
    for (login, password) in
        [("10001", "faux"), ("99999", "faux"), ("nul@ac.test", "faux"), (&"x".repeat(2000), "faux")]
    {
        let answer = bench.browser().log_in(login, password).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        answers.push(between(&answer.text(), "id=\"erreur\">", "</p>").unwrap());
        assert!(!answer.text().contains("faux"), "a password is never sent back");
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_fenced_in_and_every_host_ignored() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("10001").await;
    for path in [
        "/",
        "/boite/INBOX",
        "/dossiers",
        "/ecrire",
        "/recherche?q=x",
        "/rien",
        "/boite/rien",
        "/%ff",
    ] {
        let answer = marie.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {path}");
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"));
        let text = answer.text();
        assert!(
            !text.contains("<script>") && !text.contains(" style=") && !text.contains(" onclick"),
            "{path}"
        );
        if answer.status == StatusCode::OK {
            assert!(text.contains("<html lang=\"fr\">") && text.contains("<h1"), "{path}");
        }
    }
    let request =
        Request::get("//evil.test/x?next=https://evil.test").header(header::HOST, "evil.test");
    let answer = marie.send_from(request, Vec::new(), Port::Http).await;
    assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(answer.header("location"), "https://mail.ac.test/evil.test/x");
    let request = Request::post("/connexion").header(header::HOST, "evil.test");
    assert_eq!(
        marie.send_from(request, Vec::new(), Port::Http).await.status,
        StatusCode::FORBIDDEN
    );
    let mut nobody = bench.browser();
    let request =
        Request::get("/boite/INBOX?next=https://evil.test").header(header::HOST, "evil.test");
    assert_eq!(nobody.send(request, Vec::new()).await.header("location"), "/");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    // W7: slow bodies, on the way in and behind the login.
    let settings = Settings {
        public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
        body_seconds: 0,
        ..Settings::default()
    };
    let bench = Bench::with(settings).await;
    let marie = bench.logged_in("10001").await;
    let cookie = format!("__Host-facteur={}", marie.cookies.last().unwrap().1);
    for (path, kind) in [
        ("/connexion", "application/x-www-form-urlencoded"),
        ("/boite/INBOX", "application/x-www-form-urlencoded"),
        ("/ecrire", "multipart/form-data; boundary=B"),
    ] {
        let (_sender, receiver) = tokio::sync::mpsc::channel(1);
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, kind)
            .header(header::ORIGIN, "https://mail.ac.test")
            .header(header::COOKIE, &cookie)
            .body(crate::http::Body::Pieces(receiver))
            .unwrap();
        let connection = Connection {
            peer: [127, 0, 0, 1].into(),
            port: Port::Https,
            local_port: 443,
            shutdown: CancellationToken::new(),
        };
        let response = bench.webmail.answer(request, connection).await;
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_larger_than_allowed_is_refused() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("10001").await;
    let token = marie.get("/boite/INBOX").await.token();
    let text = "x".repeat((1 << 20) + 1);
    let answer = marie.post("/boite/INBOX", &[("jeton", &token), ("texte", &text)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = marie.compose(&[("jeton", &token), ("texte", &text)], &[]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_by_caches_and_logging_out_clears_what_is() {
    let bench = Bench::new().await;
    bench.deliver("marie.martin@ac.test", "From: a@b.test\nSubject: x\n\ny\n").await;
    let mut marie = bench.logged_in("10001").await;
    for path in ["/m/INBOX/1", "/m/INBOX/1/source", "/pj/INBOX/1/1", "/recherche?q=x"] {
        let answer = marie.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let token = marie.get("/boite/INBOX").await.token();
    let left = marie.post("/deconnexion", &[("jeton", &token)]).await;
    assert_eq!(left.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(left.header("set-cookie").starts_with("__Host-facteur=; Max-Age=0"));
}
