//! What all IMAP connections share.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use mail_service::MailService;
use mail_types::AccountId;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::connection::Connection;
use crate::settings::Settings;

/// Gives the TLS configuration in use; asked at each handshake, so that certificates reload.
pub type TlsSource = Arc<dyn Fn() -> Arc<rustls::ServerConfig> + Send + Sync>;

/// How a port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// 143: plaintext first, STARTTLS.
    Imap,
    /// 993: TLS at once.
    Imaps,
}

/// The IMAP server.
pub struct ImapServer {
    /// Replaced by a reload; held for a copy of the pointer.
    settings: RwLock<Arc<Settings>>,
    pub(crate) mail: MailService,
    pub(crate) tls: Option<TlsSource>,
    /// Logged-in connections by account and address; held for a look-up.
    logins: Mutex<HashMap<(AccountId, IpAddr), u32>>,
}

/// A counted login; dropping it gives the place back.
pub(crate) struct Login {
    server: Arc<ImapServer>,
    key: (AccountId, IpAddr),
}

impl ImapServer {
    /// A server over this service.
    pub fn new(settings: Settings, mail: MailService, tls: Option<TlsSource>) -> Arc<Self> {
        let settings = RwLock::new(Arc::new(settings));
        Arc::new(Self { settings, mail, tls, logins: Mutex::default() })
    }

    /// Uses other settings from the next connection on.
    pub fn reload(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Serves one connection until it is over.
    pub async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        port: Port,
        shutdown: CancellationToken,
    ) {
        // On a socket for both families, an IPv4 address comes written in IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let span = tracing::info_span!("imap", %peer, account = tracing::field::Empty);
        metrics::counter!("facteur_imap_connections_total").increment(1);
        let settings = Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner));
        let connection = Connection::new(self, settings, stream, peer, shutdown);
        if let Err(error) = connection.run(port).instrument(span.clone()).await {
            span.in_scope(|| tracing::debug!(%error, "connection ended"));
        }
    }

    /// Counts a login; `None` when the account has too many from there.
    pub(crate) fn enter(
        self: &Arc<Self>,
        account: AccountId,
        from: IpAddr,
        max: u32,
    ) -> Option<Login> {
        let key = (account, from);
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let count = logins.entry(key).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Login { server: Arc::clone(self), key })
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        let mut logins = self.server.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = logins.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                logins.remove(&self.key);
            }
        }
    }
}
