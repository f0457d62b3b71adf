//! A server over a store in memory, on a loopback socket of its own, and a client to talk to it.

mod accounts;

use std::net::SocketAddr;
use std::sync::Arc;

use directory::Directory;
use jiff::Timestamp;
use mail_service::MailService;
use mail_store::tables::mail::MailboxCounters;
use mail_store::{Batch, Store, account_partition};
use mail_types::{AccountId, Actor, MailboxName, UidSet};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use smtp_server::{PlaintextAuth, Port, Settings, SmtpServer, TlsSource};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// Base64 of NUL `marie@ac.test` NUL `secret-of-marie`.
pub(crate) const MARIE: &str = "AG1hcmllQGFjLnRlc3QAc2VjcmV0LW9mLW1hcmll";

/// A running server with the accounts `marie`, `jean` and `full` of `ac.test`.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) service: MailService,
    pub(crate) smtp: Arc<SmtpServer>,
    pub(crate) shutdown: CancellationToken,
    accounts: Vec<(String, AccountId)>,
    trust: Arc<ClientConfig>,
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// As `facteur demo` runs it.
    pub(crate) async fn demo() -> Self {
        let plaintext_auth = PlaintextAuth::Loopback;
        Self::with(Settings { plaintext_auth, ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let store = Store::memory();
        let directory =
            Directory::open(store.clone(), directory::Settings::default()).await.unwrap();
        let accounts = accounts::add(&directory).await;
        let mail = mail_service::Settings {
            hostname: "mx.ac.test".into(),
            message_bytes_max: 1 << 20,
            ..mail_service::Settings::default()
        };
        let clock = Arc::new(|| Timestamp::from_second(1_795_000_000).unwrap());
        let service = MailService::open(store.clone(), directory, mail, clock).await.unwrap();
        let (tls, trust) = certificates();
        let smtp = SmtpServer::new(settings, service.clone(), Some(tls));
        let shutdown = CancellationToken::new();
        Self { store, service, smtp, shutdown, accounts, trust }
    }

    /// Connects, and has the server serve it. No greeting has been read.
    pub(crate) async fn connect(&self, port: Port) -> Client {
        let (client, stream, peer) = self.pair().await;
        self.serve(stream, peer, port);
        if port != Port::Submissions {
            return Client::over(client);
        }
        Client::over(self.tls(client).await)
    }

    /// Both ends of a connection that is not served yet.
    pub(crate) async fn pair(&self) -> (TcpStream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, peer) = accepted.unwrap();
        (client.unwrap(), stream, peer)
    }

    pub(crate) fn serve(&self, stream: TcpStream, peer: SocketAddr, port: Port) {
        let shutdown = self.shutdown.clone();
        tokio::spawn(Arc::clone(&self.smtp).serve(stream, peer, port, shutdown));
    }

    pub(crate) async fn tls(
        &self,
        stream: TcpStream,
    ) -> tokio_rustls::client::TlsStream<TcpStream> {
        let name = ServerName::try_from("mx.ac.test").unwrap();
        TlsConnector::from(Arc::clone(&self.trust)).connect(name, stream).await.unwrap()
    }

    /// A greeted session that has said EHLO (or LHLO).
    pub(crate) async fn session(&self, port: Port) -> Client {
        let mut client = self.connect(port).await;
        assert!(client.reply().await.starts_with("220 mx.ac.test "));
        let hello = if port == Port::Lmtp { "LHLO" } else { "EHLO" };
        assert!(client.command(&format!("{hello} peer.test")).await.starts_with("250-mx.ac.test"));
        client
    }

    /// A session of Marie's on 465.
    pub(crate) async fn logged_in(&self) -> Client {
        let mut client = self.session(Port::Submissions).await;
        let reply = client.command(&format!("AUTH PLAIN {MARIE}")).await;
        assert!(reply.starts_with("235 "), "{reply}");
        client
    }

    /// The messages in somebody's INBOX, as they would be read.
    pub(crate) async fn inbox(&self, name: &str) -> Vec<String> {
        inbox(&self.service, self.account(name)).await
    }

    /// Leaves an account's mailboxes without a UID to give.
    pub(crate) async fn take_all_uids(&self, name: &str) {
        let partition = account_partition(self.account(name));
        let mut batch = Batch::new().bump();
        let page = self.store.scan::<MailboxCounters>(partition, None, 100).await.unwrap();
        for (mailbox, mut counters) in page.rows {
            counters.uid_next = 1 << 32;
            batch.put::<MailboxCounters>(&mailbox, &counters);
        }
        self.store.commit(partition, batch).await.unwrap();
    }

    pub(crate) fn account(&self, name: &str) -> AccountId {
        self.accounts.iter().find(|(known, _)| known == name).unwrap().1
    }
}

/// The messages in an account's INBOX.
pub(crate) async fn inbox(service: &MailService, owner: AccountId) -> Vec<String> {
    let actor = Actor::Account(owner);
    let name = MailboxName::parse("INBOX").unwrap();
    let mailbox = service.open_mailbox(actor, owner, &name).await.unwrap();
    let all = UidSet::range(1, u32::MAX);
    let mut messages = Vec::new();
    for (_, row) in service.messages(actor, &mailbox, &all, 1000).await.unwrap() {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < row.size() {
            let range = bytes.len() as u64..row.size();
            bytes.extend_from_slice(&service.read(actor, &mailbox, &row, range).await.unwrap());
        }
        messages.push(String::from_utf8(bytes).unwrap());
    }
    messages
}

fn certificates() -> (TlsSource, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["mx.ac.test".into()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = Arc::new(server);
    (Arc::new(move || Arc::clone(&server)), Arc::new(client))
}

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A client that sends what it is told and reads replies.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Io>>,
}

impl Client {
    pub(crate) fn over(stream: impl Io + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// One reply with all its lines; empty at the end of the connection.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            let count = self.stream.read_line(&mut reply).await.unwrap_or(0);
            if count == 0 || reply.as_bytes().get(start + 3) != Some(&b'-') {
                return reply;
            }
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(crate) async fn command(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Commands that must all be accepted.
    pub(crate) async fn accepted(&mut self, lines: &[&str]) {
        for line in lines {
            let reply = self.command(line).await;
            assert!(reply.starts_with(['2', '3']), "{line}: {reply}");
        }
    }

    /// One message in its own transaction; the final reply.
    pub(crate) async fn message(&mut self, from: &str, to: &[&str], content: &str) -> String {
        self.accepted(&[&format!("MAIL FROM:<{from}>")]).await;
        for to in to {
            self.accepted(&[&format!("RCPT TO:<{to}>")]).await;
        }
        self.accepted(&["DATA"]).await;
        self.send(format!("{content}.\r\n")).await;
        self.reply().await
    }

    /// Waits for the end of the connection; what came before it.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = self.stream.read_to_end(&mut bytes).await;
        String::from_utf8(bytes).unwrap()
    }
}
