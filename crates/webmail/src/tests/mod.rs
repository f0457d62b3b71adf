//! The whole webmail over a memory store: requests in, pages out, no sockets.

mod administration;
mod assistance;
mod contacts;
mod drafts;
mod enumeration;
mod fence;
mod first_login;
mod forgotten;
mod identity;
mod leaving;
mod lists;
mod office;
mod outbox;
mod public;
mod reading;
mod security;
mod setup;
mod writing;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use directory::{Directory, DomainKind, NewAccount, NewPassword};
use http_body_util::{BodyExt, Full};
use hyper::header::{self, HeaderMap};
use hyper::{Request, StatusCode};
use mail_service::queue::{Attempt, Entry, Filter, Leave, Told, Verdict};
use mail_service::{Incoming, MailService};
use mail_store::Store;
use mail_types::{AccountId, EmailAddress, ReversePath, Role};
use tokio_util::sync::CancellationToken;

use crate::webmail::Connection;
use crate::{Origin, Port, Settings, Webmail};

pub(crate) const PASSWORD: &str = "un mot de passe correct";

/// A server with two accounts.
pub(crate) struct Bench {
    pub(crate) webmail: Arc<Webmail>,
    pub(crate) store: Store,
    pub(crate) service: MailService,
    pub(crate) directory: Directory,
    /// Seconds by which the service's and the directory's clocks are ahead.
    pub(crate) ahead: Arc<AtomicI64>,
}

/// A browser that follows nothing and keeps cookies.
pub(crate) struct Browser<'a> {
    bench: &'a Bench,
    /// From where it comes.
    pub(crate) peer: IpAddr,
    pub(crate) cookies: Vec<(String, String)>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn token(&self) -> String {
        between(&self.text(), "name=\"jeton\" value=\"", "\"").expect("a token")
    }
}

pub(crate) fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let from = text.find(start)? + start.len();
    let to = from + text[from..].find(end)?;
    Some(text[from..to].to_owned())
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Self::settings()).await
    }

    /// What the tests share.
    pub(crate) fn settings() -> Settings {
        Settings {
            public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
            undo_seconds: 0,
            ..Settings::default()
        }
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::over(settings, mail_service::Settings::default()).await
    }

    /// Over a service with these settings.
    pub(crate) async fn over(settings: Settings, of_service: mail_service::Settings) -> Self {
        let store = Store::memory();
        let ahead = Arc::new(AtomicI64::new(0));
        let seconds = Arc::clone(&ahead);
        let clock: directory::Clock =
            Arc::new(move || jiff::Timestamp::now().as_second() + seconds.load(Ordering::Relaxed));
        let mut own = directory::Settings::default();
        own.reset.academy_networks =
            ["192.0.2.0/24", "10.0.0.0/8"].map(|network| network.parse().unwrap()).to_vec();
        let directory = Directory::open_at(store.clone(), own, clock).await.unwrap();
        directory.create_domain(&"ac.test".parse().unwrap(), DomainKind::Hosted).await.unwrap();
        let seconds = Arc::clone(&ahead);
        let clock: mail_service::Clock = Arc::new(move || {
            let ahead = jiff::SignedDuration::from_secs(seconds.load(Ordering::Relaxed));
            jiff::Timestamp::now().checked_add(ahead).unwrap()
        });
        let service = MailService::open(
            store.clone(),
            directory.clone(),
            mail_service::Settings { hostname: "mail.ac.test".into(), ..of_service },
            clock,
        )
        .await
        .unwrap();
        let webmail = Webmail::new(settings, service.clone(), None);
        let bench = Self { webmail, store, service, directory, ahead };
        bench.add("marie.martin@ac.test", "Marie Martin", "10001").await;
        bench.add("paul.durand@ac.test", "Paul Durand", "10002").await;
        bench
    }

    pub(crate) async fn add(&self, address: &str, name: &str, academic_id: &str) -> AccountId {
        let account = NewAccount {
            primary_address: address.parse().unwrap(),
            name: name.into(),
            person: directory::Person::default(),
            academic_id: academic_id.parse().unwrap(),
            units: Vec::new(),
            role: Role::Agent,
            quota_bytes: None,
            password: Some(NewPassword::Hash(directory::hash_password(&PASSWORD.into()).unwrap())),
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

    /// Does what the queue's worker does with mail for here that is due.
    pub(crate) async fn work_queue(&self) {
        let now = self.service.now().as_second();
        for entry in self.queue().await {
            let is_due = entry.recipients.iter().all(|(_, row)| row.next_attempt <= now);
            if !is_due || self.service.leave(&entry).await.unwrap() != Leave::Now {
                continue;
            }
            let mut verdicts = Vec::new();
            for (number, row) in &entry.recipients {
                let recipient = self.service.recipient(&row.address, None).await.unwrap();
                self.service.deliver_queued(&entry, &recipient).await.unwrap();
                let attempt = Attempt {
                    next_hop: "here".into(),
                    reason: String::new(),
                    status: (2, 0, 0),
                    reply: None,
                };
                verdicts.push((*number, Verdict::Delivered { attempt, told: Told::Delivered }));
            }
            self.service.settle(entry.id, verdicts).await.unwrap();
        }
    }

    /// Everything in the queue.
    pub(crate) async fn queue(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        for shard in 0..self.service.queue_shards() {
            let page = self.service.queue_list(&Filter::default(), shard, None).await.unwrap();
            all.extend(page.0);
        }
        all
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { bench: self, peer: [192, 0, 2, 1].into(), cookies: Vec::new() }
    }

    pub(crate) async fn logged_in(&self, login: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser.log_in(login, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        browser
    }
}

impl Browser<'_> {
    pub(crate) async fn send(
        &mut self,
        request: hyper::http::request::Builder,
        body: Vec<u8>,
    ) -> Answer {
        self.send_from(request, body, Port::Https).await
    }

    pub(crate) async fn send_from(
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
            peer: self.peer,
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

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), Vec::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_from(path, form, Some("https://mail.ac.test")).await
    }

    pub(crate) async fn post_from(
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

    pub(crate) async fn log_in(&mut self, login: &str, password: &str) -> Answer {
        let token = self.get("/").await.token();
        let form = [("jeton", token.as_str()), ("identifiant", login), ("mot-de-passe", password)];
        self.post("/connexion", &form).await
    }

    /// Fields and files of a message, as a browser sends them.
    pub(crate) async fn compose(
        &mut self,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Answer {
        self.compose_as(Request::post("/ecrire"), fields, files).await
    }

    /// The same, sent by our script.
    pub(crate) async fn autosave(
        &mut self,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Answer {
        self.compose_as(Request::post("/ecrire").header("x-part", "1"), fields, files).await
    }

    async fn compose_as(
        &mut self,
        request: hyper::http::request::Builder,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Answer {
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
        let request = request
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=B")
            .header(header::ORIGIN, "https://mail.ac.test");
        self.send(request, body).await
    }
}

pub(crate) fn id_of(page: &Answer) -> String {
    between(&page.text(), "name=\"envoi\" value=\"", "\"").unwrap()
}

/// The address of the first message in a list.
pub(crate) fn first_message(list: &Answer) -> String {
    between(&list.text(), "<a href=\"/m/", "\"")
        .map(|rest| format!("/m/{rest}"))
        .expect("a message")
}
