//! The running server: opened, served, reloaded, stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use sd_notify::NotifyState;
use tokio::net::TcpStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Services};
use crate::config::{Config, Service};
use crate::history::{Heard, History};
use crate::listener::{Limits, Listeners, Serve};
use crate::maintenance;
use crate::observe::Observer;
use crate::outgoing::Outgoing;
use crate::reload;
use crate::telemetry;
use crate::tls::Certificates;

/// Serves until SIGTERM or SIGINT. `path` is read again on SIGHUP.
pub(crate) async fn run(config: Config, path: Option<PathBuf>) -> Result<(), String> {
    let heard = telemetry::start_logging(&config)?;
    let server = Server::start(config, heard).await?;
    server.run_until_stopped(path).await
}

/// Everything that runs.
pub(crate) struct Server {
    config: Config,
    services: Services,
    edges: Arc<Edges>,
    limits: Limits,
    outgoing: Outgoing,
    sessions: TaskTracker,
    shutdown: CancellationToken,
    signals: Signals,
}

impl Server {
    /// Binds, opens the store, and begins to serve.
    pub(crate) async fn start(config: Config, heard: Option<Heard>) -> Result<Self, String> {
        // First of all: a SIGHUP while the store opens must not end the process.
        let signals = Signals::new().map_err(|error| format!("listen for signals: {error}"))?;
        let metrics = telemetry::start_metrics()?;
        let certificates = match config.needs_tls() {
            true => Some(Arc::new(Certificates::load(&config.tls)?)),
            false => None,
        };
        // Sockets first: a port that is taken is said before the store is touched.
        let listeners = Listeners::bind(&config.listen).await?;
        let mut services = Services::open(&config).await?;
        services.history = heard.map(|heard| History::start(heard, services.mail.clone()));
        let edges = Arc::new(Edges::new(&config, &services, certificates, metrics)?);
        let (sessions, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let outgoing = Outgoing::start(&config, &services, &sessions, &shutdown)?;
        let limits = Limits::new(&config.connections);
        let server =
            Self { config, services, edges, limits, outgoing, sessions, shutdown, signals };
        admin::socket::listen(
            &server.config.admin_socket,
            server.services.clone(),
            &server.sessions,
            &server.shutdown,
        )?;
        listeners.accept(&server.edges, &server.limits, &server.sessions, &server.shutdown);
        let (mail, shutdown) = (server.services.mail.clone(), server.shutdown.clone());
        server.sessions.spawn(async move { mail.run_indexer(shutdown.cancelled()).await });
        let letters = Arc::clone(&server.edges.webmail).run_letters(server.shutdown.clone());
        server.sessions.spawn(letters);
        server.sessions.spawn(maintenance::run(server.services.clone(), server.shutdown.clone()));
        server.edges.observer.ready.store(true, Ordering::Release);
        tracing::info!(target: "facteur", hostname = %server.config.hostname, "ready");
        notify(NotifyState::Ready);
        Ok(server)
    }

    /// What the demo fills.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// Waits for signals, then stops in good order.
    pub(crate) async fn run_until_stopped(mut self, path: Option<PathBuf>) -> Result<(), String> {
        let store = self.services.store.clone();
        let failed = store.failed();
        tokio::pin!(failed);
        loop {
            let event = tokio::select! {
                event = self.signals.next() => event,
                // A failed sync is never retried: what is durable is known only to a fresh start.
                () = &mut failed => {
                    self.stop().await;
                    return Err("the store failed and stopped; see the log, then start again".into());
                }
            };
            match event {
                Event::Reload => self.reload(path.as_ref()),
                Event::Stop => break,
            }
        }
        self.stop().await;
        Ok(())
    }

    fn reload(&mut self, path: Option<&PathBuf>) {
        let Some(path) = path else { return };
        notify(NotifyState::Reloading);
        let outcome = Config::load(path).and_then(|config| {
            // A file that is wrong is refused as a whole: all is read before anything changes.
            let outgoing = Outgoing::read(&config)?;
            self.edges.reload(&config, &self.services)?;
            self.outgoing.exchange(outgoing);
            self.limits.reload(&config.connections);
            Ok(reload::waiting(&self.config, &config))
        });
        match outcome {
            Ok(waiting) if waiting.is_empty() => {
                tracing::info!(target: "facteur", "configuration reloaded");
            }
            Ok(waiting) => tracing::warn!(
                target: "facteur", changed = waiting.join(", "),
                "configuration reloaded; what else changed takes effect at the next start"
            ),
            Err(error) => {
                tracing::error!(target: "facteur", %error, "reload refused; the old settings stay");
            }
        }
        notify(NotifyState::Ready);
    }

    /// Lets running sessions finish their command, then closes the store.
    async fn stop(&self) {
        tracing::info!(target: "facteur", "stopping");
        notify(NotifyState::Stopping);
        self.edges.observer.ready.store(false, Ordering::Release);
        self.shutdown.cancel();
        self.sessions.close();
        let patience = Duration::from_secs(self.config.shutdown_seconds);
        if tokio::time::timeout(patience, self.sessions.wait()).await.is_err() {
            tracing::warn!(target: "facteur", open = self.sessions.len(), "sessions cut off");
        }
        if let Some(history) = &self.services.history {
            history.catch_up().await;
        }
        self.services.close().await;
        let _ = std::fs::remove_file(&self.config.admin_socket);
        tracing::info!(target: "facteur", "stopped");
    }
}

fn notify(state: NotifyState<'_>) {
    // Outside systemd there is no socket to tell, and nothing to do about a failure.
    let _ = sd_notify::notify(&[state]);
}

enum Event {
    Reload,
    Stop,
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.hangup.recv() => Event::Reload,
            _ = self.terminate.recv() => Event::Stop,
            _ = self.interrupt.recv() => Event::Stop,
        }
    }
}

/// The protocols, and which of them a socket speaks.
struct Edges {
    smtp: Arc<smtp_server::SmtpServer>,
    imap: Arc<imap_server::ImapServer>,
    webmail: Arc<webmail::Webmail>,
    observer: Observer,
    certificates: Option<Arc<Certificates>>,
}

impl Edges {
    fn new(
        config: &Config,
        services: &Services,
        certificates: Option<Arc<Certificates>>,
        metrics: PrometheusHandle,
    ) -> Result<Self, String> {
        let tls = certificates.as_ref().map(Certificates::source);
        let mail = &services.mail;
        let smtp = smtp_server::SmtpServer::new(config.smtp.clone(), mail.clone(), tls.clone());
        smtp.verify_senders(sender_policy(config)?);
        let webmail = webmail::Webmail::new(config.webmail.clone(), mail.clone(), tls.clone());
        if let Some(certificates) = &certificates {
            webmail.sign_profiles(certificates.signer());
        }
        Ok(Self {
            smtp,
            imap: imap_server::ImapServer::new(config.imap.clone(), mail.clone(), tls),
            webmail,
            observer: Observer { metrics, ready: Arc::new(AtomicBool::new(false)) },
            certificates,
        })
    }

    /// Certificates, the limits of the services behind, and the edges' settings.
    fn reload(&self, config: &Config, services: &Services) -> Result<(), String> {
        let policy = sender_policy(config)?;
        if let Some(certificates) = &self.certificates {
            certificates.reload(&config.tls)?;
        }
        // First: SMTP announces the largest message.
        services.mail.reload(&config.mail);
        services.directory.reload(&config.directory);
        self.smtp.verify_senders(policy);
        self.smtp.reload(config.smtp.clone());
        self.imap.reload(config.imap.clone());
        self.webmail.reload(config.webmail.clone());
        Ok(())
    }
}

/// How strangers' messages are verified, if they are.
fn sender_policy(config: &Config) -> Result<Option<smtp_server::SenderPolicy>, String> {
    let settings = &config.authentication;
    if !settings.enabled {
        return Ok(None);
    }
    let dns = &config.dns;
    let question_time = Duration::from_secs(dns.question_seconds_max.max(1));
    let resolver = sender_auth::Resolver::new(
        &dns.servers,
        question_time,
        dns.attempts,
        dns.cache_entries_max,
    )
    .map_err(|error| format!("{error}; name resolvers in [dns] servers"))?;
    let time_max = Duration::from_secs(settings.seconds_max);
    let verifier = sender_auth::Verifier::new(Arc::new(resolver), time_max);
    let verifier = verifier.map_err(|error| error.to_string())?;
    Ok(Some(smtp_server::SenderPolicy::new(verifier, settings.clone())))
}

impl Serve for Edges {
    async fn serve(
        self: Arc<Self>,
        service: Service,
        stream: TcpStream,
        peer: SocketAddr,
        shutdown: CancellationToken,
    ) {
        use {imap_server::Port as Imap, smtp_server::Port as Smtp, webmail::Port as Web};
        let (smtp, imap) = (Arc::clone(&self.smtp), Arc::clone(&self.imap));
        let web = Arc::clone(&self.webmail);
        // Each on its own: an IMAP session that waits must not be as large as an SMTP session.
        let session: Pin<Box<dyn Future<Output = ()> + Send>> = match service {
            Service::Smtp => Box::pin(smtp.serve(stream, peer, Smtp::Mx, shutdown)),
            Service::Submission => Box::pin(smtp.serve(stream, peer, Smtp::Submission, shutdown)),
            Service::Submissions => Box::pin(smtp.serve(stream, peer, Smtp::Submissions, shutdown)),
            Service::Lmtp => Box::pin(smtp.serve(stream, peer, Smtp::Lmtp, shutdown)),
            Service::Imap => Box::pin(imap.serve(stream, peer, Imap::Imap, shutdown)),
            Service::Imaps => Box::pin(imap.serve(stream, peer, Imap::Imaps, shutdown)),
            Service::Http => Box::pin(web.serve(stream, peer, Web::Http, shutdown)),
            Service::Https => Box::pin(web.serve(stream, peer, Web::Https, shutdown)),
            Service::Metrics => Box::pin(self.observer.clone().serve(stream, shutdown)),
        };
        session.await;
    }
}
