//! Look-ups: one question, one answer, never longer than their deadline.
//!
//! Everything here asks through [`Dns`], so that tests answer from memory and nothing else reaches
//! the network. What is cached, and for how long, is the resolver's business.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mail_auth::MessageAuthenticator;
use mail_auth::hickory_resolver::TokioResolver;
use mail_auth::hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use mail_auth::hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::hickory_resolver::net::{DnsError, NetError};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::hickory_resolver::proto::rr::{Name, RData, RecordType};
use mail_auth::hickory_resolver::system_conf::read_system_conf;
use tokio::time::{Instant, timeout_at};

use crate::error::SetupError;

/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 64;
/// Bytes of one TXT record that is looked at; policies and keys are far shorter, and DNS would
/// carry 64 KiB (threats S10).
const TXT_BYTES_MAX: usize = 8 << 10;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// TXT.
    Txt,
    /// A.
    A,
    /// AAAA.
    Aaaa,
    /// MX.
    Mx,
    /// PTR.
    Ptr,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A TXT record, its strings put together.
    Txt(Vec<u8>),
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A mail exchanger.
    Mx {
        /// The lowest is tried first.
        preference: u16,
        /// Its name.
        exchange: String,
    },
    /// A name for an address.
    Ptr(String),
}

/// Why there is no answer. A name that exists without such records has an empty answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsFault {
    /// NXDOMAIN.
    NoSuchName,
    /// SERVFAIL, no server, no time left: the next try may know.
    Temporary,
}

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Vec<Record>, DnsFault>> + Send + 'a>>;

/// Who is asked. `name` is absolute, without the final dot.
pub trait Dns: Send + Sync {
    /// Asks for all records of this kind; aliases are followed.
    fn query<'a>(&'a self, name: &'a str, kind: RecordKind) -> Answering<'a>;
}

/// Real DNS, asked through other servers' recursion.
pub struct Resolver(TokioResolver);

impl Resolver {
    /// Sets up who is asked: these servers, or those of `/etc/resolv.conf` when there are none.
    /// Asks nothing yet. Of valid answers `answers_max` are kept.
    ///
    /// # Errors
    /// [`SetupError::Dns`] when `/etc/resolv.conf` is needed and cannot be used.
    pub fn new(
        servers: &[SocketAddr],
        question_time: Duration,
        attempts: usize,
        answers_max: u64,
    ) -> Result<Self, SetupError> {
        let (config, mut options) = if servers.is_empty() {
            read_system_conf().map_err(failed)?
        } else {
            let servers = servers.iter().copied().map(name_server).collect();
            (ResolverConfig::from_parts(None, Vec::new(), servers), ResolverOpts::default())
        };
        // Names are absolute; a search list would answer for somebody else.
        let config = ResolverConfig::from_name_servers(config.name_servers().to_vec());
        options.timeout = question_time;
        options.attempts = attempts;
        options.cache_size = answers_max;
        // An answer may not sit here for days because its owner said so.
        options.positive_max_ttl = Some(Duration::from_secs(3600));
        options.negative_max_ttl = Some(Duration::from_secs(600));
        options.use_hosts_file = ResolveHosts::Never;
        build(config, options).map(Self)
    }

    async fn ask(&self, name: &str, kind: RecordKind) -> Result<Vec<Record>, DnsFault> {
        // What cannot be written as a name has no records.
        let mut name = Name::from_ascii(name).map_err(|_| DnsFault::NoSuchName)?;
        name.set_fqdn(true);
        match self.0.lookup(name, record_type(kind)).await {
            Ok(lookup) => {
                let records = lookup.answers().iter().filter_map(|answer| record(&answer.data));
                Ok(records.take(RECORDS_MAX).collect())
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NXDomain => Err(DnsFault::NoSuchName),
                ResponseCode::NoError => Ok(Vec::new()),
                _ => Err(DnsFault::Temporary),
            },
            Err(_) => Err(DnsFault::Temporary),
        }
    }
}

/// mail-auth's, with nobody to ask: it is never let to.
pub(crate) fn nobody() -> Result<MessageAuthenticator, SetupError> {
    let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
    build(nobody, ResolverOpts::default()).map(MessageAuthenticator)
}

fn build(config: ResolverConfig, options: ResolverOpts) -> Result<TokioResolver, SetupError> {
    // DNS over TLS is not spoken. Without this the resolver would read the system's certificates,
    // and fail where there are none.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Dns(error.to_string()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.with_options(options).with_tls_config(tls).build().map_err(failed)
}

fn failed(error: NetError) -> SetupError {
    SetupError::Dns(error.to_string())
}

impl Dns for Resolver {
    fn query<'a>(&'a self, name: &'a str, kind: RecordKind) -> Answering<'a> {
        Box::pin(self.ask(name, kind))
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = address.port();
    }
    NameServerConfig::new(address.ip(), true, connections)
}

fn record_type(kind: RecordKind) -> RecordType {
    match kind {
        RecordKind::Txt => RecordType::TXT,
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
        RecordKind::Mx => RecordType::MX,
        RecordKind::Ptr => RecordType::PTR,
    }
}

fn record(data: &RData) -> Option<Record> {
    let host = |name: &Name| name.to_lowercase().to_ascii().trim_end_matches('.').to_owned();
    match data {
        RData::TXT(txt) => {
            let text = txt.txt_data.concat();
            (text.len() <= TXT_BYTES_MAX).then_some(Record::Txt(text))
        }
        RData::A(address) => Some(Record::A(address.0)),
        RData::AAAA(address) => Some(Record::Aaaa(address.0)),
        RData::MX(mx) => {
            Some(Record::Mx { preference: mx.preference, exchange: host(&mx.exchange) })
        }
        RData::PTR(ptr) => Some(Record::Ptr(host(&ptr.0))),
        _ => None,
    }
}

/// The look-ups of one verification, which end together.
#[derive(Clone, Copy)]
pub(crate) struct Lookups<'a> {
    dns: &'a dyn Dns,
    deadline: Instant,
}

impl<'a> Lookups<'a> {
    pub(crate) fn new(dns: &'a dyn Dns, deadline: Instant) -> Self {
        Self { dns, deadline }
    }

    /// After the deadline everything is temporary, so whoever asks comes to an end by himself.
    pub(crate) async fn query(
        &self,
        name: &str,
        kind: RecordKind,
    ) -> Result<Vec<Record>, DnsFault> {
        if Instant::now() >= self.deadline {
            return Err(DnsFault::Temporary);
        }
        let answer = timeout_at(self.deadline, self.dns.query(name, kind)).await;
        answer.unwrap_or(Err(DnsFault::Temporary))
    }

    pub(crate) async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsFault> {
        let records = self.query(name, RecordKind::Txt).await?;
        let text = |record| match record {
            Record::Txt(text) if text.len() <= TXT_BYTES_MAX => Some(text),
            _ => None,
        };
        Ok(records.into_iter().take(RECORDS_MAX).filter_map(text).collect())
    }

    /// The addresses of this name in the family of `like`.
    pub(crate) async fn addresses(
        &self,
        name: &str,
        like: IpAddr,
    ) -> Result<Vec<IpAddr>, DnsFault> {
        let kind = if like.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
        let address = |record| match record {
            Record::A(address) => Some(IpAddr::V4(address)),
            Record::Aaaa(address) => Some(IpAddr::V6(address)),
            _ => None,
        };
        Ok(self.query(name, kind).await?.into_iter().filter_map(address).collect())
    }
}

/// RFC 1035 §3.5, RFC 3596 §2.5: the name under which an address' names are found.
pub(crate) fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let mut name = String::with_capacity(72);
            for byte in address.octets().iter().rev() {
                name.push_str(&format!("{:x}.{:x}.", byte & 15, byte >> 4));
            }
            name + "ip6.arpa"
        }
    }
}
