//! Questions to DNS: a small door, so that tests stand behind it, and hickory-resolver.
//!
//! Nothing is validated by DNSSEC here. DANE will need a resolver on this machine whose word is
//! taken for it.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use mail_types::Domain;
use thiserror::Error;
use tokio::time::timeout;

use crate::settings::DnsSettings;

/// What is asked of DNS here.
pub trait Dns: Send + Sync {
    /// The MX records of a domain, in any order. An exchange of `.` is an empty string.
    fn mx<'a>(&'a self, domain: &'a Domain) -> Looking<'a, Vec<Mx>>;

    /// The A and AAAA records of a host, aliases followed. One family is given though the other
    /// could not be asked.
    fn addresses<'a>(&'a self, host: &'a str) -> Looking<'a, Vec<IpAddr>>;
}

/// A look-up under way.
pub type Looking<'a, T> = Pin<Box<dyn Future<Output = Result<T, DnsError>> + Send + 'a>>;

/// RFC 5321 §5.1: one MX record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// The lower, the sooner.
    pub preference: u16,
    /// In lower case, without a trailing dot.
    pub exchange: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DnsError {
    /// NXDOMAIN.
    #[error("no such domain")]
    NoSuchDomain,
    /// The name exists, without records of this kind.
    #[error("no such record")]
    NoRecords,
    /// SERVFAIL, no answer in time, or one that makes no sense: ask again later.
    #[error("{0}")]
    Temporary(String),
}

/// The resolvers of the configuration or of the system. Keeps answers as long as they say.
pub struct Resolver {
    resolver: TokioResolver,
    limit: Duration,
}

impl Resolver {
    /// Asks nobody yet. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the system's resolver configuration cannot be read.
    pub fn new(settings: &DnsSettings) -> Result<Self, DnsError> {
        let provider = TokioRuntimeProvider::default();
        let mut builder = if settings.servers.is_empty() {
            TokioResolver::builder(provider).map_err(|error| read(&error))?
        } else {
            let servers = settings.servers.iter().map(|address| {
                let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
                (udp.port, tcp.port) = (address.port(), address.port());
                NameServerConfig::new(address.ip(), true, vec![udp, tcp])
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, provider)
        };
        let options = builder.options_mut();
        options.timeout = Duration::from_secs(settings.question_seconds_max.max(1));
        options.attempts = settings.attempts;
        options.cache_size = settings.cache_entries_max;
        let resolver = builder.with_tls_config(no_tls()?).build().map_err(|error| read(&error))?;
        Ok(Self { resolver, limit: Duration::from_secs(settings.lookup_seconds_max.max(1)) })
    }

    /// Asks for records of one kind.
    async fn look_up<T>(
        &self,
        name: &str,
        kind: RecordType,
        pick: impl Fn(&Record) -> Option<T>,
    ) -> Result<Vec<T>, DnsError> {
        // The final dot keeps search domains out.
        let name = Name::from_ascii(format!("{name}.")).map_err(|_| DnsError::NoSuchDomain)?;
        let lookup = timeout(self.limit, self.resolver.lookup(name, kind)).await;
        let lookup = lookup.map_err(|_| DnsError::Temporary("no answer in time".into()))?;
        let lookup = lookup.map_err(|error| read(&error))?;
        let found: Vec<T> = lookup.answers().iter().filter_map(pick).collect();
        if found.is_empty() { Err(DnsError::NoRecords) } else { Ok(found) }
    }
}

/// DNS over TLS is not spoken. Without this the resolver would read the system's certificates, and
/// fail where there are none.
fn no_tls() -> Result<rustls::ClientConfig, DnsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DnsError::Temporary(error.to_string()))?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

impl Dns for Resolver {
    fn mx<'a>(&'a self, domain: &'a Domain) -> Looking<'a, Vec<Mx>> {
        Box::pin(self.look_up(domain.as_str(), RecordType::MX, |record| match &record.data {
            RData::MX(mx) => {
                let name = mx.exchange.to_ascii().to_ascii_lowercase();
                let exchange = name.strip_suffix('.').unwrap_or(&name).to_owned();
                Some(Mx { preference: mx.preference, exchange })
            }
            _ => None,
        }))
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Looking<'a, Vec<IpAddr>> {
        Box::pin(async move {
            let four = self.look_up(host, RecordType::A, |record| match &record.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                _ => None,
            });
            let six = self.look_up(host, RecordType::AAAA, |record| match &record.data {
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            });
            match tokio::join!(six, four) {
                (Ok(six), Ok(four)) => Ok([six, four].concat()),
                (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
                (Err(temporary @ DnsError::Temporary(_)), Err(_))
                | (Err(_), Err(temporary @ DnsError::Temporary(_))) => Err(temporary),
                (Err(error), Err(_)) => Err(error),
            }
        })
    }
}

fn read(error: &NetError) -> DnsError {
    if error.is_nx_domain() {
        DnsError::NoSuchDomain
    } else if error.is_no_records_found() {
        DnsError::NoRecords
    } else {
        DnsError::Temporary(error.to_string())
    }
}
