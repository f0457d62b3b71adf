//! The driver: one connection to a server, one loop, one `match` over the client's steps.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use smtp_session::send::{Client, Config, Reason, Report, Step, Transaction};
use tokio::time::{timeout, timeout_at};

use crate::content::Content;
use crate::delivery::Remote;
use crate::stream::Stream;

/// One read: a TLS record. With what [`Client`] keeps and one piece of content, this bounds a
/// connection's memory.
const READ_BYTES_MAX: usize = 16 << 10;

/// How long we listen for a reason after a write has failed, and for the reply to QUIT.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a connection is made with.
pub(crate) struct Opening {
    pub(crate) config: Arc<Config>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) implicit_tls: bool,
    pub(crate) connect_limit: Duration,
    pub(crate) handshake_limit: Duration,
}

pub(crate) struct Connection {
    client: Client,
    stream: Stream,
    remote: Arc<Remote>,
    tls: Arc<ClientConfig>,
    handshake_limit: Duration,
    buffer: Box<[u8]>,
    /// Transactions so far.
    transactions: u32,
}

impl Connection {
    /// Connects, with TLS at once when it is implicit. Nothing has been heard of the server then.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(crate) async fn open(
        opening: Opening,
        host: &str,
        address: SocketAddr,
    ) -> Result<Self, Reason> {
        let mut stream =
            Stream::connect(address, opening.connect_limit).await.map_err(|error| {
                tracing::debug!(%address, %error, "no connection");
                Reason::Unreachable
            })?;
        let remote = Remote { host: host.to_owned(), address, tls: None };
        if opening.implicit_tls {
            let name = server_name(&remote);
            let handshake =
                stream.start_tls(Arc::clone(&opening.tls), name, opening.handshake_limit);
            handshake.await.map_err(|error| {
                tracing::debug!(%address, %error, "TLS handshake failed");
                Reason::Handshake
            })?;
        }
        let remote = Arc::new(Remote { tls: stream.tls(), ..remote });
        Ok(Self {
            client: Client::new(opening.config, opening.implicit_tls, now()),
            stream,
            remote,
            tls: opening.tls,
            handshake_limit: opening.handshake_limit,
            buffer: vec![0; READ_BYTES_MAX].into_boxed_slice(),
            transactions: 0,
        })
    }

    /// Runs one transaction to its end.
    pub(crate) async fn run(&mut self, transaction: Transaction, content: &impl Content) -> Report {
        let mut offset = 0;
        self.transactions += 1;
        self.client.send(transaction);
        loop {
            match self.client.next(now()) {
                Step::Read => self.read().await,
                Step::Write(bytes) => self.write(&bytes).await,
                Step::StartTls => self.start_tls().await,
                Step::Content { bytes_max } => {
                    offset += self.bring(content, offset, bytes_max).await;
                }
                Step::Done(report) => return report,
                Step::Ready | Step::Close => unreachable!("a transaction ends in Done"),
            }
        }
    }

    /// Hands over a piece of content and gives its length.
    async fn bring(&mut self, content: &impl Content, offset: u64, bytes_max: usize) -> u64 {
        match content.read(offset).await {
            Ok(piece) => {
                let piece = &piece[..piece.len().min(bytes_max)];
                self.client.content(piece);
                piece.len() as u64
            }
            Err(error) => {
                tracing::error!(%error, offset, "content of a message could not be read");
                self.client.content_unreadable();
                0
            }
        }
    }

    async fn read(&mut self) {
        let read = self.stream.read(&mut self.buffer);
        let result = match self.client.deadline() {
            Some(deadline) => timeout_at(deadline.into(), read).await,
            None => Ok(read.await),
        };
        match result {
            Ok(Ok(count @ 1..)) => self.client.receive(&self.buffer[..count]),
            Ok(Ok(0) | Err(_)) => self.client.lost(),
            // `next` looks at the time.
            Err(_) => {}
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        let write = self.stream.write(bytes);
        let result = match self.client.deadline() {
            Some(deadline) => timeout_at(deadline.into(), write).await,
            None => Ok(write.await),
        };
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.hear_why(&error).await,
            Err(_) => self.client.timed_out(),
        }
    }

    /// A server that refuses content in the middle of it may have said so before it closed.
    async fn hear_why(&mut self, error: &io::Error) {
        tracing::debug!(address = %self.remote.address, %error, "connection lost");
        if let Ok(Ok(count)) = timeout(FAREWELL, self.stream.read(&mut self.buffer)).await {
            self.client.receive(&self.buffer[..count]);
        }
        self.client.lost();
    }

    async fn start_tls(&mut self) {
        let name = server_name(&self.remote);
        let tls = Arc::clone(&self.tls);
        match self.stream.start_tls(tls, name, self.handshake_limit).await {
            Ok(()) => {
                let remote = Remote { tls: self.stream.tls(), ..Remote::clone(&self.remote) };
                self.remote = Arc::new(remote);
                self.client.tls_established();
            }
            Err(error) => {
                tracing::debug!(address = %self.remote.address, %error, "TLS handshake failed");
                self.client.handshake_failed();
            }
        }
    }

    /// Whom we speak to, and how.
    pub(crate) fn remote(&self) -> Arc<Remote> {
        Arc::clone(&self.remote)
    }

    /// Whether another transaction may be run.
    pub(crate) fn is_ready(&self) -> bool {
        self.client.is_ready()
    }

    /// Transactions so far.
    pub(crate) fn transactions(&self) -> u32 {
        self.transactions
    }

    /// Says QUIT where it may be said, and closes.
    pub(crate) async fn close(mut self) {
        if self.client.is_ready() {
            self.client.quit();
        }
        let farewell = async {
            loop {
                match self.client.next(now()) {
                    Step::Read => self.read().await,
                    Step::Write(bytes) => self.write(&bytes).await,
                    _ => break,
                }
            }
            self.stream.close().await
        };
        let _ = timeout(FAREWELL, farewell).await;
    }
}

/// What TLS asks for: the host's name. An MX record may name what is no host name; it is asked
/// for by its address then, which no certificate to be verified is for.
fn server_name(remote: &Remote) -> ServerName<'static> {
    ServerName::try_from(remote.host.clone())
        .unwrap_or_else(|_| ServerName::IpAddress(remote.address.ip().into()))
}

/// The runtime's clock, which tests can hold.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
