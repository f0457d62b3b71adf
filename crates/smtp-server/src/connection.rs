//! The driver: one connection, one loop, one `match` over the session's steps.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mail_service::MailService;
use smtp_session::{Connection, Port, Security, Session, Step};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::envelope::Transactions;
use crate::log;
use crate::policy::SenderPolicy;
use crate::server::{Current, TlsSource, port_name};
use crate::stream::Stream;

/// One read: a TLS record. With what [`Session`] keeps, this bounds a connection's memory.
const READ_BYTES_MAX: usize = 16 << 10;

pub(crate) struct Driver {
    session: Session,
    transactions: Transactions,
    connection: Connection,
    tls: Option<TlsSource>,
    greeting_delay: Duration,
    handshake_limit: Duration,
    write_limit: Duration,
    buffer: Box<[u8]>,
}

/// What a wait for the peer ended with.
enum Waited {
    Bytes(usize),
    Deadline,
    Shutdown,
}

impl Driver {
    pub(crate) fn new(
        service: &MailService,
        tls: Option<TlsSource>,
        current: &Current,
        connection: Connection,
        peer: SocketAddr,
        policy: Option<Arc<SenderPolicy>>,
    ) -> Self {
        let settings = &current.settings;
        Self {
            session: Session::new(Arc::clone(&current.config), connection, Instant::now()),
            transactions: Transactions::new(service.clone(), connection.port, peer.ip(), policy),
            connection,
            tls,
            greeting_delay: Duration::from_millis(settings.greeting_delay_milliseconds),
            handshake_limit: Duration::from_secs(settings.handshake_seconds_max),
            write_limit: Duration::from_secs(settings.write_seconds_max),
            buffer: vec![0; READ_BYTES_MAX].into_boxed_slice(),
        }
    }

    pub(crate) async fn run(
        mut self,
        stream: TcpStream,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = Stream::Plain(stream);
        if self.connection.security == Security::Tls {
            stream = self.start_tls(stream).await?;
        }
        self.hear_early_talkers(&stream).await;
        loop {
            match self.session.next(Instant::now()) {
                Step::Read => match self.wait(&mut stream, &shutdown).await? {
                    Waited::Bytes(0) => return Ok(()),
                    Waited::Bytes(count) => self.session.receive(&self.buffer[..count]),
                    Waited::Deadline => {}
                    Waited::Shutdown => self.session.shut_down(),
                },
                Step::Write(bytes) => {
                    log::replies(&bytes);
                    stream.write(&bytes, self.write_limit).await?;
                }
                Step::StartTls => {
                    stream = self.start_tls(stream).await?;
                    self.session.tls_established();
                }
                Step::Ask(request) => {
                    let answer = self.transactions.answer(request).await;
                    self.session.answer(answer);
                }
                Step::Close => break,
            }
        }
        tracing::debug!(ended = ?self.session.ended(), "closing");
        stream.close().await;
        Ok(())
    }

    async fn wait(
        &mut self,
        stream: &mut Stream,
        shutdown: &CancellationToken,
    ) -> io::Result<Waited> {
        let told = self.session.is_shutting_down();
        tokio::select! {
            count = stream.read(&mut self.buffer) => Ok(Waited::Bytes(count?)),
            () = sleep_until(self.session.deadline().into()) => Ok(Waited::Deadline),
            () = shutdown.cancelled(), if !told => Ok(Waited::Shutdown),
        }
    }

    async fn start_tls(&mut self, stream: Stream) -> io::Result<Stream> {
        let Some(tls) = &self.tls else { return Err(io::Error::other("no certificate")) };
        let stream = stream.start_tls(tls, self.handshake_limit).await.inspect_err(|error| {
            let port = port_name(self.connection.port);
            metrics::counter!("facteur_smtp_handshakes_failed_total", "port" => port).increment(1);
            tracing::debug!(%error, "TLS handshake failed");
        })?;
        self.transactions.tls_established(stream.cipher_suite());
        Ok(stream)
    }

    /// Who has sent something by the time we would greet did not wait for it.
    async fn hear_early_talkers(&mut self, stream: &Stream) {
        let (Stream::Plain(stream), Port::Mx) = (stream, self.connection.port) else { return };
        let _ = timeout(self.greeting_delay, stream.readable()).await;
        if let Ok(count) = stream.try_read(&mut self.buffer) {
            self.session.receive(&self.buffer[..count]);
        }
    }
}
