//! Messages with HTML, pictures and files of every kind.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn html_comes_alone_and_locked_in() {
    let bench = Bench::new().await;
    let mail = "From: x@y.test\nSubject: HTML\nMIME-Version: 1.0\n\
        Content-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html; charset=utf-8\n\n\
        <p onclick=alert(1)>Été</p><script>alert(1)</script><img src=\"cid:logo@x\"><img src=https://x.test/p>\n\
        --r\nContent-Type: image/png\nContent-ID: <logo@x>\nContent-Transfer-Encoding: base64\n\niVBORw==\n--r--\n";
    bench.deliver("marie.martin@ac.test", mail).await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let path = first_message(&marie.get("/boite/INBOX").await);
    let page = marie.get(&path).await;
    let frame = format!("<iframe src=\"{path}/corps\"");
    assert!(page.text().contains(&frame));
    assert!(page.text().contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\""));
    assert!(!page.text().contains("Été</p>"), "no mail HTML in our page");
    let body = marie.get(&format!("{path}/corps")).await;
    let text = body.text();
    assert!(text.contains("<p>Été</p>"), "{text}");
    assert!(!text.contains("alert(") && !text.contains("x.test"), "{text}");
    assert!(text.contains("images distantes"));
    assert_eq!(
        body.header("content-security-policy"),
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'none'; \
         base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    );
    // The picture is asked for by a document without origin: no cookie, a signature instead.
    let picture = between(&text, "<img src=\"", "\"").unwrap();
    assert!(picture.starts_with("/contenu/"), "{picture}");
    let answer = bench.browser().get(&picture).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "image/png"));
    assert_eq!(answer.body, [0x89, b'P', b'N', b'G']);
    for changed in [picture.replace("/2", "/1"), picture.replace("contenu/", "contenu/0")] {
        assert_eq!(bench.browser().get(&changed).await.status, StatusCode::NOT_FOUND, "{changed}");
    }
    assert!(marie.get(&format!("{path}?forme=texte")).await.text().contains("Été"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_second_host_name_content_comes_from_there_without_a_cookie() {
    let origin = |url: &str| Origin::try_from(url.to_owned()).unwrap();
    let bench = Bench::with(Settings {
        public_url: origin("https://mail.ac.test"),
        content_url: Some(origin("https://contenu.ac.test")),
        ..Settings::default()
    })
    .await;
    let mail = "From: x@y.test\nSubject: HTML\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<p>Corps</p>\n\
        --m\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nFichier\n--m--\n";
    bench.deliver("marie.martin@ac.test", mail).await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let path = first_message(&marie.get("/boite/INBOX").await);
    let page = marie.get(&path).await;
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("frame-src 'self' https://contenu.ac.test;"), "{policy}");
    for (here, wanted) in
        [(format!("{path}/corps"), "<p>Corps</p>"), ("/pj/INBOX/1/2".into(), "Fichier")]
    {
        let elsewhere = marie.get(&here).await;
        assert_eq!(elsewhere.status, StatusCode::SEE_OTHER, "{here}");
        let place = elsewhere.header("location").to_owned();
        let place = place.strip_prefix("https://contenu.ac.test").unwrap();
        // No cookie goes there: the address alone opens it.
        let answer = bench.browser().get(place).await;
        assert!(answer.text().contains(wanted), "{}", answer.text());
        let policy = answer.header("content-security-policy");
        let is_ours = policy.contains("frame-ancestors https://mail.ac.test;");
        assert!(policy.contains("sandbox") && (is_ours || here.starts_with("/pj/")), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_deceives_is_told_before_the_letter() {
    let bench = Bench::new().await;
    let mail = "From: x@y.test\nSubject: Lien\nContent-Type: text/html; charset=utf-8\n\n\
        <p><a href=\"https://bank.test@evil.test/x\" title=\"https://bank.test\">www.bank.test</a>\
        <a href=\"https://раypal.test/\">Payer</a> <a href=\"https://ac.test/\">ac.test</a></p>\n";
    bench.deliver("marie.martin@ac.test", mail).await;
    let mut marie = bench.logged_in("10001").await;
    let path = first_message(&marie.get("/boite/INBOX").await);
    let text = marie.get(&format!("{path}/corps")).await.text();
    let (warnings, letter) = text.split_once("<div class=\"facteur-lettre\">").unwrap();
    assert_eq!(warnings.matches("Attention\u{a0}:").count(), 2, "{warnings}");
    for said in
        ["«\u{a0}www.bank.test\u{a0}», mais mène à «\u{a0}evil.test\u{a0}»", "xn--ypal-43d9g.test"]
    {
        assert!(warnings.contains(said), "{said} in {warnings}");
    }
    assert!(
        letter.contains("href=\"https://evil.test/x\"") && !letter.contains("title="),
        "{letter}"
    );
    assert_eq!(letter.matches("rel=\"noopener noreferrer nofollow\"").count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_address_stands_beside_every_name() {
    let bench = Bench::new().await;
    let mail = "From: \"chef@ac.test\u{202e}\" <voleur@аc.test>\nTo: marie.martin@ac.test\n\
        Subject: Ur\u{2067}gent\u{61c}\n\nx\n";
    bench.deliver("marie.martin@ac.test", mail).await;
    let mut marie = bench.logged_in("10001").await;
    let list = marie.get("/boite/INBOX").await;
    // The first letter of the domain is Cyrillic.
    assert!(list.text().contains("voleur@xn--c-7sb.test"), "{}", list.text());
    let page = marie.get(&first_message(&list)).await.text();
    for shown in ["<b>chef@ac.test</b>", "voleur@xn--c-7sb.test", "Urgent"] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(page.contains("ce n’est pas celle de l’expéditeur"));
    for hidden in ['\u{202e}', '\u{2067}', '\u{61c}'] {
        assert!(!page.contains(hidden), "{hidden:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_of_recipients_is_folded_after_the_first_ones() {
    let bench = Bench::new().await;
    let people = |count: u32| {
        let people: Vec<_> = (1..=count).map(|n| format!("Prof {n} <prof{n}@y.test>")).collect();
        people.join(",\n ")
    };
    for (count, shown) in [(8, None), (24, Some("et 18 autres"))] {
        let mail = format!("From: x@y.test\nTo: {}\nSubject: {count}\n\ncorps\n", people(count));
        bench.deliver("marie.martin@ac.test", &mail).await;
        let mut marie = bench.logged_in("10001").await;
        let list = marie.get("/boite/INBOX").await;
        let page = marie.get(&first_message(&list)).await.text();
        assert_eq!(page.matches("@y.test</span>").count() as u32, count + 1, "{page}");
        assert_eq!(between(&page, "<details class=\"rest\"><summary>", "<").as_deref(), shown);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_part_claims_it_arrives_as_a_file_with_one_name() {
    // W3: pages and pictures that are pages, and names that would be paths, headers or others.
    let bench = Bench::new().await;
    let long = "x".repeat(5000);
    let parts = [
        ("text/html", "page.html", "page.html"),
        ("image/svg+xml", "image.svg", "image.svg"),
        ("application/xhtml+xml", "..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("text/javascript", "x%0D%0ASet-Cookie%3A%20a%3Db", "x%20Set-Cookie_%20a%3Db"),
        ("image/png", "%E2%80%AEgnp.exe", "gnp.exe"),
        ("text/calendar", "con", "_con"),
        // A name of thousands of characters is no name.
        ("application/x-thing", &long, "fichier-8"),
    ];
    let mut mail = "From: x@y.test\nSubject: x\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nx\n"
        .to_owned();
    for (media_type, name, _) in &parts {
        mail.push_str(&format!(
            "--m\nContent-Type: {media_type}\nContent-Disposition: attachment; \
             filename*=utf-8''{name}\n\n<script>alert(1)</script>\n"
        ));
    }
    mail.push_str("--m--\n");
    bench.deliver("marie.martin@ac.test", &mail).await;
    let mut marie = bench.logged_in("10001").await;
    for (index, (media_type, _, saved)) in parts.iter().enumerate() {
        for look in ["", "?voir=1"] {
            let file = marie.get(&format!("/pj/INBOX/1/{}{look}", index + 2)).await;
            assert_eq!(file.status, StatusCode::OK, "{media_type}");
            let is_picture = *media_type == "image/png";
            let wanted = if is_picture { "image/png" } else { "application/octet-stream" };
            assert_eq!(file.header("content-type"), wanted, "{media_type}");
            assert_eq!(file.header("x-content-type-options"), "nosniff");
            assert!(file.header("content-security-policy").contains("sandbox"));
            let disposition = file.header("content-disposition");
            let kind = if is_picture && !look.is_empty() { "inline" } else { "attachment" };
            assert!(disposition.starts_with(&format!("{kind}; filename=\"")), "{disposition}");
            assert!(disposition.ends_with(&format!("''{saved}")), "{disposition}");
            assert_eq!(file.headers.get_all("set-cookie").iter().count(), 0);
        }
    }
}
