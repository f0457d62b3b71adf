//! Mail programs that configure themselves, and the sheet for those that do not.

use hyper::Request;

use super::*;
use crate::{Access, MailPrograms, Security, Theme};

/// IMAP on 993, submission on 587.
fn programs() -> MailPrograms {
    let access = |port, security| Access { host: "imap.ac.test".parse().unwrap(), port, security };
    MailPrograms {
        incoming: vec![access(993, Security::Implicit), access(143, Security::StartTls)],
        outgoing: vec![access(587, Security::StartTls)],
    }
}

async fn bench() -> Bench {
    Bench::with(Settings {
        public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
        theme: Theme { name: "Courriel <& \"Lycées\">".into(), ..Theme::default() },
        programs: programs(),
        ..Settings::default()
    })
    .await
}

/// What Outlook sends.
fn outlook(address: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/\
         exchange/autodiscover/outlook/requestschema/2006\"><Request><EMailAddress>{address}\
         </EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/\
         outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"
    )
    .into_bytes()
}

async fn ask_outlook(bench: &Bench, path: &str, question: Vec<u8>) -> Answer {
    let request = Request::post(path).header(header::CONTENT_TYPE, "text/xml");
    bench.browser().send(request, question).await
}

async fn get_at(bench: &Bench, host: &str, path: &str) -> Answer {
    bench.browser().send(Request::get(path).header(header::HOST, host), Vec::new()).await
}

/// The contents of all elements of this name, in their order.
fn all(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(open.as_str()).skip(1);
    parts.map(|part| part.split(close.as_str()).next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thunderbird_is_given_every_way_in_the_best_first() {
    let bench = bench().await;
    for path in ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"] {
        let answer = get_at(&bench, "autoconfig.ac.test", path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
        assert!(answer.header("content-security-policy").contains("sandbox"));
        let xml = answer.text();
        assert_eq!(all(&xml, "domain"), ["ac.test"]);
        assert_eq!(all(&xml, "hostname"), ["imap.ac.test"; 3]);
        assert_eq!(all(&xml, "port"), ["993", "143", "587"]);
        assert_eq!(all(&xml, "socketType"), ["SSL", "STARTTLS", "STARTTLS"]);
        assert_eq!(all(&xml, "username"), ["%EMAILADDRESS%"; 3]);
        let name = &all(&xml, "displayName")[0];
        assert!(!name.contains(['<', '>', '"']), "{name}");
        assert!(name.contains("Lycées"), "{name}");
        assert!(xml.contains("<loginPage url=\"https://mail.ac.test/\"/>"), "{xml}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_from_it_who_is_there() {
    let bench = bench().await;
    let mut answers = Vec::new();
    for local in ["marie.martin", "personne", "", &"x".repeat(5000), "a%3Cb%26"] {
        let path = format!("/mail/config-v1.1.xml?emailaddress={local}%40ac.test");
        answers.push(get_at(&bench, "elsewhere.test", &path).await);
    }
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &answers[0].body));
    }
    // Outlook's answer repeats the address that was given, and differs in nothing else.
    let known =
        ask_outlook(&bench, "/autodiscover/autodiscover.xml", outlook("marie.martin@ac.test"));
    let known = known.await.text();
    let other = ask_outlook(&bench, "/autodiscover/autodiscover.xml", outlook("personne@ac.test"));
    let other = other.await.text();
    assert_eq!(known.replace("marie.martin@", "personne@"), other);
    let json = |local: &str| {
        format!("/autodiscover/autodiscover.json?Email={local}@ac.test&Protocol=AutodiscoverV1")
    };
    let known = get_at(&bench, "autodiscover.ac.test", &json("marie.martin")).await;
    let other = get_at(&bench, "autodiscover.ac.test", &json("personne")).await;
    assert_eq!((known.status, known.text()), (StatusCode::OK, other.text()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outlook_is_answered_in_any_case_with_the_address_as_the_login() {
    let bench = bench().await;
    for path in [
        "/autodiscover/autodiscover.xml",
        "/Autodiscover/Autodiscover.xml",
        "/AutoDiscover/AUTODISCOVER.XML",
    ] {
        let xml = ask_outlook(&bench, path, outlook("o&apos;neil@ac.test")).await.text();
        assert_eq!(all(&xml, "Type"), ["IMAP", "SMTP"]);
        assert_eq!(all(&xml, "Server"), ["imap.ac.test"; 2]);
        assert_eq!(all(&xml, "Port"), ["993", "587"]);
        assert_eq!(all(&xml, "Encryption"), ["SSL", "TLS"]);
        for login in all(&xml, "LoginName") {
            assert_eq!(login.replace("&#39;", "'"), "o'neil@ac.test");
        }
    }
    let json = "/AutoDiscover/AutoDiscover.json?email=x@ac.test&PROTOCOL=autodiscoverv1";
    let answer = get_at(&bench, "evil.test", json).await.text();
    assert!(answer.contains("\"Url\":\"https://mail.ac.test/autodiscover/autodiscover.xml\""));
    let path = "/autodiscover/autodiscover.json/v1.0/x@ac.test?Protocol=AutodiscoverV1";
    assert_eq!(get_at(&bench, "evil.test", path).await.status, StatusCode::OK);
    for (query, status) in [
        ("Email=x@ac.test&Protocol=ActiveSync", StatusCode::BAD_REQUEST),
        ("Email=x@ac.test", StatusCode::BAD_REQUEST),
        ("Email=x@far.test&Protocol=AutodiscoverV1", StatusCode::NOT_FOUND),
    ] {
        let path = format!("/autodiscover/autodiscover.json?{query}");
        assert_eq!(get_at(&bench, "autodiscover.ac.test", &path).await.status, status, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_about_others_or_asked_wrongly_gets_no_settings() {
    let bench = bench().await;
    let elsewhere = "/mail/config-v1.1.xml?emailaddress=marie%40far.test";
    assert_eq!(get_at(&bench, "ac.test", elsewhere).await.status, StatusCode::NOT_FOUND);
    for (question, code) in [
        (outlook("marie@far.test"), "500"),
        (outlook("marie"), "600"),
        (outlook("&lol;@ac.test"), "600"),
        (b"\xff\xfe<<<".to_vec(), "600"),
        (Vec::new(), "600"),
        (String::from_utf8(outlook("x@ac.test")).unwrap().replace("2006a", "2007").into(), "601"),
    ] {
        let answer = ask_outlook(&bench, "/autodiscover/autodiscover.xml", question).await;
        assert_eq!(all(&answer.text(), "ErrorCode"), [code]);
        assert!(!answer.text().contains("imap.ac.test"));
    }
    let large = ask_outlook(&bench, "/autodiscover/autodiscover.xml", vec![b'<'; 9000]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let post = ask_outlook(&bench, "/mail/config-v1.1.xml", Vec::new()).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_domain_is_chosen_among_ours_and_no_host_is_repeated() {
    let bench = bench().await;
    // The only domain there is needs no name.
    let alone = get_at(&bench, "evil.test", "/mail/config-v1.1.xml").await;
    assert_eq!(all(&alone.text(), "domain"), ["ac.test"]);
    let second = "lycees.test".parse().unwrap();
    bench.directory.create_domain(&second, DomainKind::Hosted).await.unwrap();
    for (host, query, wanted) in [
        ("autoconfig.lycees.test", "", Some("lycees.test")),
        ("AUTOCONFIG.Lycees.test:443", "", Some("lycees.test")),
        ("lycees.test", "", Some("lycees.test")),
        ("autoconfig.ac.test", "?emailaddress=x%40lycees.test", Some("lycees.test")),
        ("evil.test", "", None),
        ("autoconfig.", "", None),
        ("é.test", "", None),
    ] {
        let answer = get_at(&bench, host, &format!("/mail/config-v1.1.xml{query}")).await;
        match wanted {
            Some(domain) => assert_eq!(all(&answer.text(), "domain"), [domain], "{host}{query}"),
            None => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}{query}"),
        }
        assert!(!answer.text().contains("evil"));
    }
    // HTTP/2 names the host in the target.
    let target = "https://autoconfig.lycees.test/mail/config-v1.1.xml";
    let answer = bench.browser().get(target).await;
    assert_eq!(all(&answer.text(), "domain"), ["lycees.test"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_programs_are_sent_to_the_configured_name_without_the_person() {
    let bench = bench().await;
    for (host, path, wanted) in [
        (
            "autoconfig.ac.test",
            "/mail/config-v1.1.xml?emailaddress=marie%40ac.test",
            "/mail/config-v1.1.xml?emailaddress=%40ac.test",
        ),
        (
            "autoconfig.ac.test",
            "/mail/config-v1.1.xml",
            "/mail/config-v1.1.xml?emailaddress=%40ac.test",
        ),
        (
            "autodiscover.ac.test",
            "/Autodiscover/Autodiscover.xml",
            "/autodiscover/autodiscover.xml",
        ),
    ] {
        let request = Request::get(path).header(header::HOST, host);
        let answer = bench.browser().send_from(request, Vec::new(), Port::Http).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.header("location"), format!("https://mail.ac.test{wanted}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_imap_offers_nothing() {
    let bench = Bench::new().await;
    let answer = get_at(&bench, "autoconfig.ac.test", "/mail/config-v1.1.xml").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = ask_outlook(&bench, "/autodiscover/autodiscover.xml", outlook("x@ac.test")).await;
    assert_eq!(all(&answer.text(), "ErrorCode"), ["601"]);
    let mut marie = bench.logged_in("10001").await;
    assert!(!marie.get("/parametres/appareils").await.text().contains("<table"));
    assert_eq!(marie.get("/parametres/appareils/profil").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sheet_and_the_profile_are_for_whoever_is_logged_in() {
    let bench = bench().await;
    for path in ["/parametres/appareils", "/parametres/appareils/profil"] {
        assert_eq!(bench.browser().get(path).await.header("location"), "/");
    }
    let mut marie = bench.logged_in("10001").await;
    let sheet = marie.get("/parametres/appareils").await.text();
    for value in
        ["imap.ac.test", ">993<", ">587<", "STARTTLS", "marie.martin@ac.test", "<svg class=\"qr\""]
    {
        assert!(sheet.contains(value), "{value}");
    }
    let answer = marie.get("/parametres/appareils/profil").await;
    assert_eq!(answer.header("content-type"), "application/x-apple-aspen-config");
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; filename=\"messagerie.mobileconfig\"")
    );
    let profile = answer.text();
    let value = |key: &str| between(&profile, &format!("<key>{key}</key><"), "</").unwrap();
    assert_eq!(value("IncomingMailServerHostName"), "string>imap.ac.test");
    assert_eq!(value("IncomingMailServerPortNumber"), "integer>993");
    assert_eq!(value("OutgoingMailServerPortNumber"), "integer>587");
    assert_eq!(value("EmailAddress"), "string>marie.martin@ac.test");
    assert_eq!(value("EmailAccountName"), "string>Marie Martin");
    assert!(!value("PayloadDisplayName")[7..].contains(['<', '>', '"']));
    assert!(!profile.contains("<key>IncomingPassword</key>") && !profile.contains(PASSWORD));
    // Loaded again, it replaces itself; another person's is another.
    assert_eq!(marie.get("/parametres/appareils/profil").await.text(), profile);
    let mut paul = bench.logged_in("10002").await;
    let other = paul.get("/parametres/appareils/profil").await.text();
    assert_ne!(
        between(&other, "<key>PayloadUUID</key>", "</"),
        between(&profile, "<key>PayloadUUID</key>", "</")
    );
}
