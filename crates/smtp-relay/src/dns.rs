//! Questions to DNS: a small door, so that tests stand behind it, and hickory-resolver.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use mail_types::Domain;
use thiserror::Error;

use crate::settings::DnsSettings;

/// What is asked of DNS here.
pub trait Dns: Send + Sync {
    /// The MX records of a domain, in any order. An exchange of `.` is an empty string.
    fn mx<'a>(&'a self, domain: &'a Domain) -> Looking<'a, Vec<Mx>>;

    /// The A and AAAA records of a host, aliases followed. It lacks neither family for the
    /// other's failure.
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

/// The resolvers of the configuration or of the system.
pub struct Resolver {
    _settings: DnsSettings,
}

impl Resolver {
    /// Starts asking.
    ///
    /// # Errors
    /// When the system's resolver configuration cannot be read.
    pub fn new(settings: &DnsSettings) -> Result<Self, DnsError> {
        Ok(Self { _settings: settings.clone() })
    }
}
