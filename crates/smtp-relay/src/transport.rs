//! One message to one next hop: hosts in turn, connections kept, everything timed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use smtp_session::send::{self, Role, StartTls, Transaction};
use thiserror::Error;

use crate::connection::{Connection, Opening};
use crate::content::Content;
use crate::delivery::{Delivery, Remote, Work};
use crate::dns::Dns;
use crate::mx::{self, MxRules, Unroutable};
use crate::next_hop::{Host, NextHop, NextHopKey, TlsPolicy};
use crate::pool::Pool;
use crate::route::{HostName, HostPort, RecipientDomain, Route, Smarthost};
use crate::settings::{EightBit, MxTls, Settings};
use crate::tls::Tls;

/// Delivers. Cheap to clone; all clones share the kept connections.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    /// In lower case.
    own_names: Vec<String>,
    hostname: String,
    dns: Arc<dyn Dns>,
    tls: Tls,
    pool: Arc<Pool>,
}

/// Why there can be no transport.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The authorities' certificates.
    #[error("certificate authorities: {0}")]
    Authorities(String),
}

impl Transport {
    /// Reads certificate authorities, and connects to nobody yet.
    ///
    /// # Errors
    /// When `ca_file` cannot be read.
    pub fn new(settings: &Settings, hostname: &str, dns: Arc<dyn Dns>) -> Result<Self, SetupError> {
        let names = settings.own_names.iter().map(String::as_str).chain([hostname]);
        let own_names = names.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
        let shared = Shared {
            own_names,
            hostname: hostname.to_owned(),
            dns,
            tls: Tls::new(settings.ca_file.as_deref())?,
            pool: Pool::new(
                Duration::from_secs(settings.idle_seconds),
                settings.idle_connections_max,
            ),
            settings: settings.clone(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Finds a route's hosts and their addresses.
    ///
    /// # Errors
    /// When there are none.
    pub async fn resolve(&self, route: &Route) -> Result<NextHop, Unroutable> {
        let shared = &self.shared;
        let (hosts, role, tls, credentials) = match route {
            Route::Refuse(text) => return Err(Unroutable::Refused(text.to_string())),
            Route::Mx(domain) => {
                let tls = match shared.settings.tls {
                    MxTls::None => TlsPolicy::None,
                    MxTls::Opportunistic => TlsPolicy::Opportunistic,
                };
                (shared.mx(domain).await?, Role::Smtp, tls, None)
            }
            Route::Smarthost(smarthost) => {
                let hosts = shared.smarthosts(smarthost).await?;
                (hosts, smarthost.role, smarthost.tls, smarthost.credentials.clone())
            }
        };
        let key = route.key().unwrap_or_else(|| NextHopKey(String::new()));
        Ok(NextHop { key, hosts, role, tls, credentials })
    }

    /// Finds a route's hosts and delivers to them. Every recipient has its attempt in the result;
    /// nothing is lost when the future is dropped, but a message may be delivered and nobody know.
    pub async fn deliver(
        &self,
        route: &Route,
        transaction: &Transaction,
        content: &impl Content,
    ) -> Delivery {
        match self.resolve(route).await {
            Ok(next_hop) => self.deliver_to(&next_hop, transaction, content).await,
            Err(unroutable) => Delivery::unroutable(transaction, &unroutable),
        }
    }

    /// Delivers to hosts that are known: over a kept connection, then to each address in turn for
    /// whoever is still without a word from a server.
    pub async fn deliver_to(
        &self,
        next_hop: &NextHop,
        transaction: &Transaction,
        content: &impl Content,
    ) -> Delivery {
        let mut work = Work::new(transaction);
        if let Some(connection) = self.shared.pool.take(&next_hop.key) {
            self.use_connection(&next_hop.key, connection, &mut work, content).await;
        }
        let mut addresses = Vec::new();
        for host in &next_hop.hosts {
            addresses.extend(host.addresses.iter().map(|ip| (&host.name, *ip, host.port)));
        }
        addresses.truncate(self.shared.settings.addresses_max);
        for (host, ip, port) in addresses {
            if work.is_done() {
                break;
            }
            let address = SocketAddr::new(ip, port);
            self.try_address(next_hop, host, address, &mut work, content).await;
        }
        work.delivery()
    }

    /// Says QUIT on all kept connections: at the end of the process.
    pub async fn close_idle(&self) {
        let mut closing = tokio::task::JoinSet::new();
        for connection in self.shared.pool.take_all() {
            closing.spawn(connection.close());
        }
        closing.join_all().await;
    }

    async fn try_address(
        &self,
        next_hop: &NextHop,
        host: &str,
        address: SocketAddr,
        work: &mut Work<'_>,
        content: &impl Content,
    ) {
        let opening = self.shared.opening(next_hop, next_hop.tls);
        self.connect(next_hop, opening, host, address, work, content).await;
        // RFC 7435 §3: opportunistic security "MUST NOT" keep mail from a server whose TLS does
        // not work.
        if next_hop.tls == TlsPolicy::Opportunistic && work.failed_in_handshake() {
            metrics::counter!("facteur_relay_plaintext_fallbacks_total").increment(1);
            let opening = self.shared.opening(next_hop, TlsPolicy::None);
            self.connect(next_hop, opening, host, address, work, content).await;
        }
    }

    async fn connect(
        &self,
        next_hop: &NextHop,
        opening: Opening,
        host: &str,
        address: SocketAddr,
        work: &mut Work<'_>,
        content: &impl Content,
    ) {
        match Connection::open(opening, host, address).await {
            Ok(connection) => {
                self.use_connection(&next_hop.key, connection, work, content).await;
            }
            Err(reason) => {
                let remote = Remote { host: host.to_owned(), address, tls: None };
                work.unreachable(&reason, &Arc::new(remote));
            }
        }
    }

    /// Sends to whoever is left, in as many transactions as the server's limit of recipients
    /// makes it.
    async fn use_connection(
        &self,
        key: &NextHopKey,
        mut connection: Connection,
        work: &mut Work<'_>,
        content: &impl Content,
    ) {
        loop {
            let pending = work.pending();
            let report = connection.run(work.transaction(&pending), content).await;
            let more = work.record(&pending, report, &connection.remote());
            if !more || !connection.is_ready() {
                break;
            }
        }
        if connection.transactions() < self.shared.settings.messages_per_connection_max {
            self.shared.pool.keep(key, connection);
        } else {
            tokio::spawn(connection.close());
        }
    }
}

impl Shared {
    fn opening(&self, next_hop: &NextHop, policy: TlsPolicy) -> Opening {
        let settings = &self.settings;
        let start_tls = match policy {
            TlsPolicy::None | TlsPolicy::Implicit => StartTls::Never,
            TlsPolicy::Opportunistic => StartTls::WhenOffered,
            TlsPolicy::Verified => StartTls::Required,
        };
        let config = send::Config {
            hostname: self.hostname.clone(),
            role: next_hop.role,
            start_tls,
            credentials: next_hop.credentials.clone(),
            plaintext_auth: false,
            chunking: settings.chunking,
            eight_bit: match settings.eight_bit {
                EightBit::Refuse => send::EightBit::Refuse,
                EightBit::Send => send::EightBit::Send,
            },
            timeouts: settings.timeouts(),
        };
        Opening {
            config: Arc::new(config),
            tls: self.tls.config(policy),
            implicit_tls: policy == TlsPolicy::Implicit,
            connect_limit: Duration::from_secs(settings.connect_seconds_max),
            handshake_limit: Duration::from_secs(settings.handshake_seconds_max),
        }
    }

    async fn mx(&self, domain: &RecipientDomain) -> Result<Vec<Host>, Unroutable> {
        let allowed = self.settings.deliver_to_own_addresses;
        let is_own_address = move |address| !allowed && mx::is_own_address(address);
        let rules = MxRules {
            own_names: &self.own_names,
            is_own_address: &is_own_address,
            port: self.settings.mx_port,
            hosts_max: self.settings.hosts_max,
            addresses_max: self.settings.addresses_max,
        };
        match domain {
            RecipientDomain::Name(domain) => {
                let mut random_below = |bound: usize| rand::random_range(0..bound.max(1));
                mx::resolve(self.dns.as_ref(), domain, &rules, &mut random_below).await
            }
            RecipientDomain::Literal(address) => mx::literal(*address, &rules),
        }
    }

    /// A smarthost that cannot be found is our own mistake, or passes: mail waits for it.
    async fn smarthosts(&self, smarthost: &Smarthost) -> Result<Vec<Host>, Unroutable> {
        let mut hosts = Vec::new();
        let mut why = String::new();
        for HostPort { name, port } in &smarthost.hosts {
            let (name, addresses) = match name {
                HostName::Address(address) => (address.to_string(), Ok(vec![*address])),
                HostName::Name(name) => (name.to_string(), self.dns.addresses(name.as_str()).await),
            };
            match addresses {
                Ok(addresses) => {
                    let addresses = mx::interleaved(&addresses);
                    hosts.push(Host { name, addresses, port: *port });
                }
                Err(error) => why = format!("{name}: {error}"),
            }
        }
        if hosts.is_empty() { Err(Unroutable::Dns(why)) } else { Ok(hosts) }
    }
}
