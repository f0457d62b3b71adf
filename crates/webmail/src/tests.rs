//! The whole webmail over a memory store: requests in, pages out, no sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use directory::{Directory, DomainKind, NewAccount, NewPassword};
use http_body_util::{BodyExt, Full};
use hyper::header::{self, HeaderMap};
use hyper::{Request, StatusCode};
use mail_service::{Incoming, MailService};
use mail_store::Store;
use mail_types::{AccountId, EmailAddress, ReversePath, Role};
use tokio_util::sync::CancellationToken;

use crate::webmail::Connection;
use crate::{Origin, Port, Settings, Webmail};

const PASSWORD: &str = "un mot de passe correct";

/// A server with two accounts.
pub(crate) struct Bench {
    pub(crate) webmail: Arc<Webmail>,
    pub(crate) service: MailService,
    pub(crate) directory: Directory,
}

/// A browser that follows nothing and keeps cookies.
pub(crate) struct Browser<'a> {
    bench: &'a Bench,
    cookies: Vec<(String, String)>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn token(&self) -> String {
        between(&self.text(), "name=\"jeton\" value=\"", "\"").expect("a token")
    }
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let from = text.find(start)? + start.len();
    let to = from + text[from..].find(end)?;
    Some(text[from..to].to_owned())
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Settings {
            public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
            ..Settings::default()
        })
        .await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let store = Store::memory();
        let directory =
            Directory::open(store.clone(), directory::Settings::default()).await.unwrap();
        directory.create_domain(&"ac.test".parse().unwrap(), DomainKind::Hosted).await.unwrap();
        let clock: mail_service::Clock = Arc::new(jiff::Timestamp::now);
        let service = MailService::open(
            store,
            directory.clone(),
            mail_service::Settings { hostname: "mail.ac.test".into(), ..Default::default() },
            clock,
        )
        .await
        .unwrap();
        let webmail = Webmail::new(settings, service.clone(), None);
        let bench = Self { webmail, service, directory };
        bench.add("marie.martin@ac.test", "Marie Martin", "10001").await;
        bench.add("paul.durand@ac.test", "Paul Durand", "10002").await;
        bench
    }

    async fn add(&self, address: &str, name: &str, academic_id: &str) -> AccountId {
        let account = NewAccount {
            primary_address: address.parse().unwrap(),
            name: name.into(),
            academic_id: academic_id.parse().unwrap(),
            unit: None,
            role: Role::Agent,
            quota_bytes: None,
            password: Some(NewPassword::Plain(PASSWORD.into())),
        };
        self.directory.create_account(account).await.unwrap().id
    }

    pub(crate) async fn deliver(&self, to: &str, message: &str) {
        let address: EmailAddress = to.parse().unwrap();
        let recipient = self.service.recipient(&address, None).await.unwrap();
        let mut writer = self.service.message_writer();
        writer.write(message.replace('\n', "\r\n").as_bytes()).await.unwrap();
        let message = writer.finish().await.unwrap();
        let incoming = Incoming {
            queue_id: self.service.new_queue_id(),
            reverse_path: ReversePath::Null,
            recipients: vec![recipient],
            trace: Vec::new(),
            message,
            submitter: None,
        };
        self.service.deliver(incoming).await.unwrap();
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { bench: self, cookies: Vec::new() }
    }

    async fn logged_in(&self, login: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser.log_in(login, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        browser
    }
}

impl Browser<'_> {
    async fn send(&mut self, request: hyper::http::request::Builder, body: Vec<u8>) -> Answer {
        self.send_from(request, body, Port::Https).await
    }

    async fn send_from(
        &mut self,
        mut request: hyper::http::request::Builder,
        body: Vec<u8>,
        port: Port,
    ) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let connection = Connection {
            peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            port,
            local_port: 443,
            shutdown: CancellationToken::new(),
        };
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let response = self.bench.webmail.answer(request, connection).await;
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.into(), value.into()));
            }
        }
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), Vec::new()).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_from(path, form, Some("https://mail.ac.test")).await
    }

    async fn post_from(
        &mut self,
        path: &str,
        form: &[(&str, &str)],
        origin: Option<&str>,
    ) -> Answer {
        let pairs = form
            .iter()
            .map(|(n, v)| format!("{}={}", crate::url::encode(n), crate::url::encode(v)));
        let body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        let mut request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        self.send(request, body).await
    }

    async fn log_in(&mut self, login: &str, password: &str) -> Answer {
        let token = self.get("/").await.token();
        let form = [("jeton", token.as_str()), ("identifiant", login), ("mot-de-passe", password)];
        self.post("/connexion", &form).await
    }

    /// Fields and files of a message, as a browser sends them.
    async fn compose(&mut self, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(
                format!(
                    "--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                )
                .into_bytes(),
            );
        }
        for (name, content) in files {
            body.extend(
                format!(
                    "--B\r\nContent-Disposition: form-data; name=\"fichiers\"; \
                     filename=\"{name}\"\r\nContent-Type: application/pdf\r\n\r\n"
                )
                .into_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--B--\r\n");
        let request = Request::post("/ecrire")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=B")
            .header(header::ORIGIN, "https://mail.ac.test");
        self.send(request, body).await
    }
}

fn id_of(page: &Answer) -> String {
    between(&page.text(), "name=\"envoi\" value=\"", "\"").unwrap()
}

/// The address of the first message in a list.
fn first_message(list: &Answer) -> String {
    between(&list.text(), "<a href=\"/m/", "\"")
        .map(|rest| format!("/m/{rest}"))
        .expect("a message")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_written_here_and_read_there() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let page = marie.get("/ecrire").await;
    let (token, id) = (page.token(), id_of(&page));
    let fields = [
        ("jeton", token.as_str()),
        ("envoi", id.as_str()),
        ("a", "Paul Durand <paul.durand@ac.test>"),
        ("cci", "marie.martin@ac.test"),
        ("objet", "Réunion du collège"),
        ("texte", "Bonjour,\r\nà demain <b>.\r\nhttps://ac.test/x"),
        ("action", "envoyer"),
    ];
    let sent = marie.compose(&fields, &[("été.pdf", b"%PDF-1.4 contenu")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    assert_eq!(sent.header("location"), "/boite/INBOX");
    let again = marie.compose(&fields, &[]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let list = marie.get("/boite/INBOX").await.text();
    assert!(list.contains("Le message est envoyé."), "{list}");

    let mut paul = bench.logged_in("10002").await;
    let list = paul.get("/boite/INBOX").await;
    let text = list.text();
    assert_eq!(text.matches("class=\"row unread\"").count(), 1, "sent once: {text}");
    for shown in
        ["Marie Martin", "Réunion du collège", "aujourd’hui", "Pièce jointe", "Non lu\u{a0}:"]
    {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    let path = first_message(&list);
    let message = paul.get(&path).await.text();
    for shown in
        ["marie.martin@ac.test", "à demain &#60;b&#62;.", "href=\"https://ac.test/x\"", "été.pdf"]
    {
        assert!(message.contains(shown), "{shown} in {message}");
    }
    assert!(!message.contains("cci") && !message.contains("Bcc"));
    let file = between(&message, "href=\"/pj/", "\"").unwrap();
    let file = paul.get(&format!("/pj/{file}")).await;
    assert_eq!(file.body, b"%PDF-1.4 contenu");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"_t_.pdf\"; filename*=UTF-8''%C3%A9t%C3%A9.pdf"
    );
    assert!(file.header("content-security-policy").contains("sandbox"));
    assert!(!paul.get("/boite/INBOX").await.text().contains("class=\"row unread\""));
    let sent_list = marie.get("/boite/Sent").await;
    let sent_name = if sent_list.status == StatusCode::OK { "Sent" } else { "Envoyés" };
    let sent_list = marie.get(&format!("/boite/{}", crate::url::encode(sent_name))).await.text();
    assert!(sent_list.contains("Paul Durand") && !sent_list.contains("class=\"row unread\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_quotes_threads_and_marks() {
    let bench = Bench::new().await;
    let mail = "From: Marie Martin <marie.martin@ac.test>\nTo: paul.durand@ac.test\n\
        Subject: Conseil\nMessage-ID: <un@ac.test>\n\nAvis ?\n";
    bench.deliver("paul.durand@ac.test", mail).await;
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    let path = first_message(&paul.get("/boite/INBOX").await);
    let page = paul.get(&format!("{path}/repondre")).await;
    let text = page.text();
    assert!(text.contains("value=\"Re: Conseil\""), "{text}");
    assert!(text.contains("Marie Martin &#60;marie.martin@ac.test&#62;"), "{text}");
    assert!(text.contains("a écrit\u{a0}:\n&#62; Avis ?"), "{text}");
    let hidden = |name: &str| between(&text, &format!("name=\"{name}\" value=\""), "\"").unwrap();
    let names = ["jeton", "envoi", "origine", "origine-dossier", "origine-uid", "origine-validite"];
    let values: Vec<String> = names.iter().map(|name| hidden(name)).collect();
    let mut fields: Vec<(&str, &str)> =
        names.iter().copied().zip(values.iter().map(String::as_str)).collect();
    fields.extend([
        ("a", "marie.martin@ac.test"),
        ("objet", "Re: Conseil"),
        ("texte", "Oui."),
        ("action", "envoyer"),
    ]);
    let sent = paul.compose(&fields, &[]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    assert!(paul.get("/boite/INBOX").await.text().contains("Répondu"));
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let path = first_message(&marie.get("/boite/INBOX").await);
    let source = marie.get(&format!("{path}/source")).await.text();
    for line in ["In-Reply-To: <un@ac.test>", "References: <un@ac.test>", "with HTTPS id"] {
        assert!(source.contains(line), "{line} in {source}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_stays_when_something_is_wrong() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let page = marie.get("/ecrire").await;
    let (token, id) = (page.token(), id_of(&page));
    let fields = |to, subject| {
        [
            ("jeton", token.as_str()),
            ("envoi", id.as_str()),
            ("a", to),
            ("objet", subject),
            ("texte", "Un long texte"),
            ("action", "envoyer"),
        ]
    };
    for (to, subject, said) in [
        ("", "x", "Indiquez au moins un destinataire"),
        ("personne@ac.test", "x", "n’existe pas\u{a0}: personne@ac.test"),
        ("a@dehors.test", "x", "pas encore possible\u{a0}: a@dehors.test"),
        ("paul", "x", "adresse complète\u{a0}: paul"),
        ("paul.durand@ac.test\r\nBcc: x@y.test", "x", "retour à la ligne"),
        ("paul.durand@ac.test", "x\r\nBcc: y@z.test", "retour à la ligne"),
        ("paul.durand@ac.test", "x\u{2028}y", "retour à la ligne"),
    ] {
        let answer = marie.compose(&fields(to, subject), &[("a.txt", b"abc")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{to:?}");
        let text = answer.text();
        assert!(text.contains(said), "{said} in {text}");
        assert!(text.contains("Un long texte") && text.contains("a.txt"), "{text}");
        assert!(text.contains("role=\"alert\""), "{text}");
    }
    let text = marie.compose(&fields("paul.durand@ac.test", "x")[..5], &[]).await.text();
    assert_eq!(text.matches("name=\"action\" value=\"retirer-").count(), 7, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_does_not_cost_the_text() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let page = marie.get("/ecrire").await;
    let (token, id) = (page.token(), id_of(&page));
    let fields = [
        ("jeton", token.as_str()),
        ("envoi", id.as_str()),
        ("a", "paul.durand@ac.test"),
        ("texte", "Ne pas perdre"),
        ("action", "envoyer"),
    ];
    let mut nobody = bench.browser();
    let answer = nobody.compose(&fields, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains("Ne pas perdre"));
    nobody.log_in("marie.martin@ac.test", PASSWORD).await;
    let answer = nobody.compose(&fields, &[]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "the form is of the old session");
    assert!(answer.text().contains("Ne pas perdre"));
    let token = between(&answer.text(), "<form class=\"compose", "</form>").unwrap();
    let token = between(&token, "name=\"jeton\" value=\"", "\"").unwrap();
    let mut fields = fields;
    fields[0].1 = &token;
    assert_eq!(nobody.compose(&fields, &[]).await.status, StatusCode::SEE_OTHER);
}

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
    assert!(text.contains("<p>Été</p>") && !text.contains("alert") && !text.contains("x.test"));
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
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
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
