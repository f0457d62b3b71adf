//! The server: what its connections share.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use mail_service::MailService;
use smtp_session::{Config, Connection, Port, Security};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::connection::Driver;
use crate::policy::SenderPolicy;
use crate::settings::{PlaintextAuth, Settings};

/// Gives the certificate to use now; asked at each handshake, so that it can be renewed.
pub type TlsSource = Arc<dyn Fn() -> Arc<rustls::ServerConfig> + Send + Sync>;

/// SMTP on any number of connections.
pub struct SmtpServer {
    current: ArcSwap<Current>,
    service: MailService,
    tls: Option<TlsSource>,
    sender_policy: ArcSwapOption<SenderPolicy>,
}

/// What a reload swaps; running connections keep theirs.
pub(crate) struct Current {
    pub(crate) settings: Settings,
    pub(crate) config: Arc<Config>,
}

impl SmtpServer {
    /// A server over this service. Without a certificate there is neither STARTTLS nor port 465.
    pub fn new(settings: Settings, service: MailService, tls: Option<TlsSource>) -> Arc<Self> {
        let current = ArcSwap::from_pointee(Current::new(settings, &service));
        Arc::new(Self { current, service, tls, sender_policy: ArcSwapOption::empty() })
    }

    /// Uses these settings for connections from now on.
    pub fn reload(&self, settings: Settings) {
        self.current.store(Arc::new(Current::new(settings, &self.service)));
    }

    /// From now on, messages on port 25 are verified so; `None`: not at all.
    pub fn verify_senders(&self, policy: Option<SenderPolicy>) {
        self.sender_policy.store(policy.map(Arc::new));
    }

    /// Serves one connection to its end. Once `shutdown` is cancelled, it ends after the message
    /// that is on its way in, if any.
    pub async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        port: Port,
        shutdown: CancellationToken,
    ) {
        // On a socket for both families, an IPv4 address comes written in IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        // Not the queue id: what is recorded again is added, and a session may bring thousands.
        let span = tracing::info_span!("smtp", %peer);
        metrics::counter!("facteur_smtp_connections_total", "port" => port_name(port)).increment(1);
        let current = self.current.load_full();
        let connection = self.connection(&current.settings, peer, port);
        // Only strangers are verified: who logs in is known, and LMTP's peer has verified.
        let policy = self.sender_policy.load_full().filter(|_| port == Port::Mx);
        let driver =
            Driver::new(&self.service, self.tls.clone(), &current, connection, peer, policy);
        let run = async move {
            if let Err(error) = driver.run(stream, shutdown).await {
                tracing::debug!(%error, "connection lost");
            }
        };
        run.instrument(span).await;
    }

    fn connection(&self, settings: &Settings, peer: SocketAddr, port: Port) -> Connection {
        let loopback = peer.ip().is_loopback();
        Connection {
            port,
            security: if port == Port::Submissions { Security::Tls } else { Security::Plain },
            may_start_tls: self.tls.is_some(),
            began: self.service.now(),
            plaintext_auth: loopback && settings.plaintext_auth == PlaintextAuth::Loopback,
        }
    }
}

impl Current {
    fn new(settings: Settings, service: &MailService) -> Self {
        let config = Arc::new(settings.config(&service.settings()));
        Self { settings, config }
    }
}

/// How logs and metrics call a port.
pub(crate) fn port_name(port: Port) -> &'static str {
    match port {
        Port::Mx => "smtp",
        Port::Submission => "submission",
        Port::Submissions => "submissions",
        Port::Lmtp => "lmtp",
    }
}
