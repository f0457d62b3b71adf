//! A server over a store in memory, on a loopback socket of its own, and clients to talk to it.

use std::sync::Arc;
use std::time::Duration;

use directory::{Directory, DomainKind, NewAccount, NewPassword};
use imap_server::{ImapServer, PlaintextLogin, Port, Settings};
use jiff::Timestamp;
use mail_service::MailService;
use mail_store::Store;
use mail_types::{AccountId, Actor, FlagSet, InternalDate, MailboxName, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long a client waits for a line before it says that none came.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server with the account `marie@ac.test`, whose password is `secret-of-marie`.
pub(crate) struct Server {
    pub(crate) service: MailService,
    pub(crate) imap: Arc<ImapServer>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) marie: AccountId,
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::with_quota(None).await
    }

    /// The same, with room for so many bytes.
    pub(crate) async fn with_quota(quota_bytes: Option<u64>) -> Self {
        let store = Store::memory();
        let directory =
            Directory::open(store.clone(), directory::Settings::default()).await.unwrap();
        directory.create_domain(&"ac.test".parse().unwrap(), DomainKind::Hosted).await.unwrap();
        let marie = add(&directory, quota_bytes).await;
        let mail = mail_service::Settings {
            message_bytes_max: 1 << 20,
            keywords_per_mailbox_max: 8,
            ..mail_service::Settings::default()
        };
        let clock = Arc::new(|| Timestamp::from_second(1_795_000_000).unwrap());
        let service = MailService::open(store, directory, mail, clock).await.unwrap();
        let plaintext_login = PlaintextLogin::Loopback;
        let settings = Settings { plaintext_login, ..Settings::default() };
        let imap = ImapServer::new(settings, service.clone(), None);
        Self { service, imap, shutdown: CancellationToken::new(), marie }
    }

    /// Connects, and has the server serve it. No greeting has been read.
    pub(crate) async fn connect(&self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, peer) = accepted.unwrap();
        let shutdown = self.shutdown.clone();
        tokio::spawn(Arc::clone(&self.imap).serve(stream, peer, Port::Imap, shutdown));
        Client { stream: client.unwrap(), received: Vec::new(), read: 0 }
    }

    /// Connects and logs in as marie.
    pub(crate) async fn logged_in(&self) -> Client {
        let mut client = self.connect().await;
        client.line().await.unwrap();
        let answer = client.command("login", "LOGIN marie@ac.test secret-of-marie").await;
        assert!(answer.contains("login OK"), "{answer}");
        client
    }

    /// Sets marie's last day, or takes it back.
    pub(crate) async fn leaves(&self, day: Option<&str>) {
        let day = day.map(|day| day.parse().unwrap());
        self.service.directory().set_leaving(self.marie, day).await.unwrap();
    }

    /// Puts a message into one of marie's mailboxes.
    pub(crate) async fn append(&self, mailbox: &str, message: &[u8]) {
        let mut writer = self.service.message_writer();
        writer.write(message).await.unwrap();
        let received = writer.finish().await.unwrap();
        let name = MailboxName::parse(mailbox).unwrap();
        let date = InternalDate::parse("18-Nov-2026 10:00:00 +0100").unwrap();
        let (actor, flags) = (Actor::Account(self.marie), FlagSet::new());
        self.service.append(actor, self.marie, &name, received, flags, Some(date)).await.unwrap();
    }
}

async fn add(directory: &Directory, quota_bytes: Option<u64>) -> AccountId {
    let account = directory.create_account(NewAccount {
        primary_address: "marie@ac.test".parse().unwrap(),
        name: "Marie".to_owned(),
        person: directory::Person::default(),
        academic_id: "000001".parse().unwrap(),
        units: Vec::new(),
        role: Role::Agent,
        quota_bytes,
        password: Some(NewPassword::Hash(
            directory::hash_password(&"secret-of-marie".into()).unwrap(),
        )),
    });
    account.await.unwrap().id
}

/// A client that sends what it is told and reads lines.
pub(crate) struct Client {
    stream: TcpStream,
    /// Everything that came.
    pub(crate) received: Vec<u8>,
    /// How much of it was given out.
    pub(crate) read: usize,
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A server that closes while we write is not a failure of ours.
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next line without its end; `None` when the connection is closed.
    ///
    /// # Errors
    /// When nothing comes for long.
    pub(crate) async fn next_line(&mut self) -> Result<Option<Vec<u8>>, &'static str> {
        loop {
            let unread = &self.received[self.read..];
            if let Some(end) = unread.iter().position(|&byte| byte == b'\n') {
                let line = unread[..end].strip_suffix(b"\r").unwrap_or(&unread[..end]).to_vec();
                self.read += end + 1;
                return Ok(Some(line));
            }
            let read = self.stream.read_buf(&mut self.received);
            match tokio::time::timeout(PATIENCE, read).await {
                Ok(Ok(0) | Err(_)) => return Ok(None),
                Ok(Ok(_)) => {}
                Err(_) => return Err("no line came"),
            }
        }
    }

    /// The next line as text.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let line = self.next_line().await.unwrap();
        line.map(|line| String::from_utf8_lossy(&line).into_owned())
    }

    /// Sends a command; everything up to its tagged answer.
    pub(crate) async fn command(&mut self, tag: &str, line: &str) -> String {
        self.send(format!("{tag} {line}\r\n").as_bytes()).await;
        self.answer(tag).await
    }

    /// Everything up to this tag's answer, or to the end of the connection.
    pub(crate) async fn answer(&mut self, tag: &str) -> String {
        let mut answer = String::new();
        while let Some(line) = self.line().await {
            answer.push_str(&line);
            answer.push('\n');
            if line.starts_with(&format!("{tag} ")) {
                break;
            }
        }
        answer
    }
}
