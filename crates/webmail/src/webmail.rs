//! The webmail itself: what it holds, and a connection from its first byte to its last.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mail_service::MailService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::administration::{Figures, Imports};
use crate::assets::Assets;
use crate::contacts::Staff;
use crate::csrf::Seal;
use crate::events::Listeners;
use crate::http::{Body, Input};
use crate::io::Unstalled;
use crate::locale::Locales;
use crate::routes;
use crate::second_step::Waiting;
use crate::session::{Sessions, lock};
use crate::settings::Settings;

/// What the binary gives for the certificate in use.
pub type TlsSource = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;
/// Signs a profile: the signed one, or `None` when its key cannot.
pub type ProfileSigner = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// Longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Largest request header, all lines together.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Header lines of a request.
const HEADERS_MAX: usize = 64;
/// Streams a peer may reset before they were answered (the HTTP/2 "rapid reset" flood).
const RESETS_MAX: usize = 20;
/// TLS sessions kept for resumption.
const TLS_SESSIONS_MAX: usize = 4096;

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Port 80.
    Http,
    /// Port 443: TLS at once.
    Https,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) peer: IpAddr,
    pub(crate) port: Port,
    /// Our side of the socket, for addresses of the demo on loopback.
    pub(crate) local_port: u16,
    /// The server stops: live lists end.
    pub(crate) shutdown: CancellationToken,
}

/// The webmail. Made once, serves every connection.
pub struct Webmail {
    /// Read at the start of each request.
    shared: RwLock<Arc<Shared>>,
    pub(crate) service: MailService,
    pub(crate) sessions: Sessions,
    /// Logins that still lack their second factor.
    pub(crate) waiting: Waiting,
    pub(crate) seal: Seal,
    pub(crate) locales: Locales,
    pub(crate) listeners: Listeners,
    pub(crate) staff: Staff,
    /// What administrators see first.
    pub(crate) figures: Figures,
    /// Files that administrators read in.
    pub(crate) imports: Imports,
    /// Threads that sanitise at the same time: more would only wait for a core.
    pub(crate) sanitizing: Semaphore,
    /// KiB of files that are being written into messages.
    pub(crate) upload_memory: Arc<Semaphore>,
    /// What signs profiles for telephones, if something does.
    pub(crate) profile_signer: OnceLock<ProfileSigner>,
    tls: Option<TlsSource>,
    /// The binary's configuration and ours made from it; held for a comparison.
    prepared_tls: Mutex<Option<(Arc<ServerConfig>, Arc<ServerConfig>)>>,
}

/// What a reload replaces.
struct Shared {
    settings: Arc<Settings>,
    assets: Arc<Assets>,
}

impl Shared {
    fn new(settings: Settings) -> Arc<Self> {
        let assets = Arc::new(Assets::new(&settings));
        Arc::new(Self { settings: Arc::new(settings), assets })
    }
}

impl Webmail {
    /// A webmail over this service. ALPN (`h2`, `http/1.1`) is set here on a copy of what `tls`
    /// gives, with TLS sessions of its own, so that a ticket of another service opens nothing.
    pub fn new(settings: Settings, service: MailService, tls: Option<TlsSource>) -> Arc<Self> {
        let upload_kib = (settings.upload_memory_bytes_max / 1024) as usize;
        Arc::new(Self {
            service,
            sessions: Sessions::new(),
            waiting: Waiting::default(),
            seal: Seal::new(),
            locales: Locales::load(),
            listeners: Listeners::default(),
            staff: Staff::default(),
            figures: Figures::new(),
            imports: Imports::default(),
            sanitizing: Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)),
            upload_memory: Arc::new(Semaphore::new(upload_kib.min(Semaphore::MAX_PERMITS))),
            shared: RwLock::new(Shared::new(settings)),
            profile_signer: OnceLock::new(),
            tls,
            prepared_tls: Mutex::default(),
        })
    }

    /// Has profiles for telephones signed from now on, so that a telephone shows whose they are.
    pub fn sign_profiles(&self, signer: ProfileSigner) {
        // Set once: what signs follows a reload of the certificate by itself.
        let _ = self.profile_signer.set(signer);
    }

    /// Takes new settings for requests from now on; `upload_memory_bytes_max` needs a restart.
    pub fn reload(&self, settings: Settings) {
        let shared = Shared::new(settings);
        *self.shared.write().unwrap_or_else(std::sync::PoisonError::into_inner) = shared;
    }

    /// Serves one connection to its end.
    pub async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        port: Port,
        shutdown: CancellationToken,
    ) {
        let _ = stream.set_nodelay(true);
        let local_port = stream.local_addr().map_or(0, |address| address.port());
        let connection = Connection {
            peer: peer.ip().to_canonical(),
            port,
            local_port,
            shutdown: shutdown.clone(),
        };
        match port {
            Port::Http => {
                self.speak(Unstalled::new(stream), connection, Version::Http1, shutdown).await;
            }
            Port::Https => {
                let Some(config) = self.tls_config() else { return };
                let accepting = TlsAcceptor::from(config).accept(Unstalled::new(stream));
                let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, accepting).await else {
                    tracing::debug!(%peer, "TLS handshake failed");
                    return;
                };
                let version = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Version::Http2,
                    _ => Version::Http1,
                };
                self.speak(stream, connection, version, shutdown).await;
            }
        }
    }

    /// The settings of this moment.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.shared().settings)
    }

    /// Style sheet, script and icon of this moment.
    pub(crate) fn assets(&self) -> Arc<Assets> {
        Arc::clone(&self.shared().assets)
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn tls_config(&self) -> Option<Arc<ServerConfig>> {
        let given = self.tls.as_ref()?();
        let mut prepared = lock(&self.prepared_tls);
        match &*prepared {
            Some((from, ours)) if Arc::ptr_eq(from, &given) => Some(Arc::clone(ours)),
            _ => {
                let mut ours = ServerConfig::clone(&given);
                ours.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                ours.session_storage =
                    rustls::server::ServerSessionMemoryCache::new(TLS_SESSIONS_MAX);
                let ours = Arc::new(ours);
                *prepared = Some((given, Arc::clone(&ours)));
                Some(ours)
            }
        }
    }

    async fn speak<S>(
        self: Arc<Self>,
        stream: S,
        connection: Connection,
        version: Version,
        shutdown: CancellationToken,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let settings = self.settings();
        let activity = Arc::new(Activity::new());
        let answering = Arc::clone(&activity);
        let peer = connection.peer;
        let service = service_fn(move |request: Request<Incoming>| {
            let (webmail, connection) = (Arc::clone(&self), connection.clone());
            let busy = answering.begin();
            async move {
                let response = webmail.answer(request, connection).await;
                Ok::<_, std::convert::Infallible>(response.map(|body| body.guarded(busy)))
            }
        });
        let io = TokioIo::new(stream);
        let idle = Duration::from_secs(settings.idle_seconds.max(1));
        let ended = match version {
            Version::Http1 => {
                let running = http1_builder(&settings).serve_connection(io, service);
                run(running, |c| c.graceful_shutdown(), &activity, idle, &shutdown).await
            }
            Version::Http2 => {
                let running = http2_builder(&settings).serve_connection(io, service);
                run(running, |c| c.graceful_shutdown(), &activity, idle, &shutdown).await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    /// Answers one request.
    pub(crate) async fn answer<B>(
        self: &Arc<Self>,
        request: Request<B>,
        connection: Connection,
    ) -> Response<Body>
    where
        B: hyper::body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let begin = Instant::now();
        let (parts, body) = request.into_parts();
        let body = http_body_util::BodyExt::map_err(body, Into::into);
        let input: Input = http_body_util::BodyExt::boxed_unsync(body);
        let response = routes::answer(Arc::clone(self), parts, input, connection).await;
        let status = response.status().as_u16().to_string();
        metrics::counter!("facteur_webmail_requests_total", "status" => status).increment(1);
        metrics::histogram!("facteur_webmail_request_seconds")
            .record(begin.elapsed().as_secs_f64());
        response
    }
}

#[derive(Clone, Copy)]
enum Version {
    Http1,
    Http2,
}

fn http1_builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(settings.header_seconds.max(1)))
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .half_close(false);
    builder
}

fn http2_builder(settings: &Settings) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams_max)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(RESETS_MAX)
        .max_send_buf_size(256 * 1024)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Runs a connection until it ends, is idle for too long, or the server stops.
async fn run<C>(
    connection: C,
    stop: impl Fn(std::pin::Pin<&mut C>),
    activity: &Activity,
    idle: Duration,
    shutdown: &CancellationToken,
) -> Result<(), hyper::Error>
where
    C: Future<Output = Result<(), hyper::Error>>,
{
    tokio::pin!(connection);
    let mut tick = tokio::time::interval(idle.min(Duration::from_secs(5)));
    loop {
        tokio::select! {
            ended = &mut connection => return ended,
            () = shutdown.cancelled() => break,
            _ = tick.tick() => {
                if activity.idle_since().is_some_and(|since| since >= idle) {
                    break;
                }
            }
        }
    }
    stop(connection.as_mut());
    // What is being answered is finished; what never began is not waited for.
    tokio::time::timeout(Duration::from_secs(10), connection).await.unwrap_or(Ok(()))
}

/// Whether a connection is at work, and since when it is not. An answer that streams is work;
/// [`Unstalled`] ends it when nobody reads.
#[derive(Debug)]
struct Activity {
    began: Instant,
    running: AtomicU64,
    /// Milliseconds after `began` at which the last request was answered.
    last: AtomicU64,
}

/// A request from its arrival to the last byte of its answer.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Activity>);

impl Activity {
    fn new() -> Self {
        Self { began: Instant::now(), running: AtomicU64::new(0), last: AtomicU64::new(0) }
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.running.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    fn idle_since(&self) -> Option<Duration> {
        if self.running.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        Some(self.began.elapsed().saturating_sub(last))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = self.0.began.elapsed().as_millis() as u64;
        self.0.last.store(now, Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
