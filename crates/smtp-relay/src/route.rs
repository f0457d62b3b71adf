//! The routing table: from a sender's and a recipient's domain to a next hop. Pure.
//!
//! Whether a recipient has its mailbox here is asked first, elsewhere.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use mail_types::{Domain, EmailAddress, ReversePath};
use smtp_session::send::{Credentials, Role};
use thiserror::Error;

use crate::next_hop::{NextHopKey, TlsPolicy};
use crate::rule::Rule;
use crate::settings::RouteSettings;

/// All routes, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    rules: Vec<Rule>,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Route {
    /// To the servers DNS names for this domain; to this address itself when it is a literal.
    Mx(RecipientDomain),
    /// To these hosts.
    Smarthost(Arc<Smarthost>),
    /// Nowhere, for this reason.
    Refuse(Arc<str>),
}

/// Hosts that take mail for others.
#[derive(Clone, Debug)]
pub struct Smarthost {
    /// In this order.
    pub hosts: Vec<HostPort>,
    /// What they speak.
    pub role: Role,
    /// How they are spoken to.
    pub tls: TlsPolicy,
    /// To log in with.
    pub credentials: Option<Credentials>,
}

/// A host of the configuration: a name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// As DNS or TLS know it.
    pub name: HostName,
    /// Where it listens.
    pub port: u16,
}

/// How a host is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostName {
    /// To be looked up.
    Name(Domain),
    /// As it is.
    Address(IpAddr),
}

/// What stands after the `@` of a forward-path (RFC 5321 §4.1.2, §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecipientDomain {
    /// A domain.
    Name(Domain),
    /// `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    Literal(IpAddr),
}

/// A route, and why it is the one.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What is done.
    pub route: Route,
    /// The rule's number in the configuration from 1 on, and the pattern that fitted; `None` when
    /// no rule did.
    pub rule: Option<(usize, String)>,
}

/// What is wrong with a `[[relay.route]]`.
#[derive(Debug, Error)]
pub enum InvalidRoute {
    /// An entry that is not what it should be.
    #[error("relay.route {number}: {what} {value:?} is not {wanted}")]
    Value {
        /// From 1 on.
        number: usize,
        /// The key.
        what: &'static str,
        /// Its value.
        value: String,
        /// What it could be.
        wanted: &'static str,
    },
    /// An entry that is missing, or has no place there.
    #[error("relay.route {number}: {what}")]
    Combination {
        /// From 1 on.
        number: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A password that could not be read.
    #[error("relay.route {number}: password_file: {source}")]
    Password {
        /// From 1 on.
        number: usize,
        /// Why.
        source: io::Error,
    },
}

impl Routes {
    /// Reads the table. `read` gives a password file's text.
    ///
    /// # Errors
    /// With the number of the route that is wrong.
    pub fn new(
        settings: &[RouteSettings],
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, InvalidRoute> {
        let rules = settings.iter().enumerate();
        let rules = rules.map(|(index, settings)| Rule::new(index + 1, settings, &read));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Where mail from this sender to this domain goes: by the first rule that fits, otherwise to
    /// the domain's MX.
    pub fn route(&self, sender: &ReversePath, recipient: &RecipientDomain) -> Route {
        self.explain(sender, recipient).route
    }

    /// The same, and why.
    pub fn explain(&self, sender: &ReversePath, recipient: &RecipientDomain) -> Explanation {
        self.explicit(sender, recipient)
            .unwrap_or_else(|| Explanation { route: Route::Mx(recipient.clone()), rule: None })
    }

    /// The first rule that fits, if one does: for a hosted domain whose other mailboxes are
    /// elsewhere, where MX would lead back here.
    pub fn explicit(
        &self,
        sender: &ReversePath,
        recipient: &RecipientDomain,
    ) -> Option<Explanation> {
        self.rules.iter().enumerate().find_map(|(index, rule)| {
            let pattern = rule.fits(sender, recipient)?;
            let route = rule.route(recipient);
            Some(Explanation { route, rule: Some((index + 1, pattern.to_string())) })
        })
    }
}

impl Route {
    /// The next hop's name; none when there is no next hop.
    pub fn key(&self) -> Option<NextHopKey> {
        match self {
            Self::Mx(domain) => Some(NextHopKey(domain.to_string())),
            Self::Smarthost(smarthost) => Some(NextHopKey(smarthost.to_string())),
            Self::Refuse(_) => None,
        }
    }
}

/// As `route-test` prints it.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mx(RecipientDomain::Name(domain)) => write!(f, "mx of {domain}"),
            Self::Mx(RecipientDomain::Literal(address)) => write!(f, "address {address}"),
            Self::Smarthost(smarthost) => write!(f, "smarthost {smarthost}"),
            Self::Refuse(text) => write!(f, "refuse: {text}"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some((number, pattern)) => {
                write!(f, "{} (relay.route {number}, {pattern})", self.route)
            }
            None => write!(f, "{} (no relay.route fits)", self.route),
        }
    }
}

/// All that makes connections to it not interchangeable with others; never the password.
impl fmt::Display for Smarthost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(credentials) = &self.credentials {
            write!(f, "{} at ", credentials.login)?;
        }
        for (index, host) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}", if index == 0 { "" } else { ", " })?;
        }
        let role = if self.role == Role::Lmtp { "lmtp" } else { "smtp" };
        let tls = match self.tls {
            TlsPolicy::None => "no TLS",
            TlsPolicy::Opportunistic => "opportunistic TLS",
            TlsPolicy::Verified => "verified TLS",
            TlsPolicy::Implicit => "implicit TLS",
        };
        write!(f, " ({role}, {tls})")
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            HostName::Name(name) => write!(f, "{name}:{}", self.port),
            HostName::Address(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            HostName::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

impl From<&EmailAddress> for RecipientDomain {
    fn from(address: &EmailAddress) -> Self {
        Self::Name(address.domain().clone())
    }
}

/// Not a domain and not an address literal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("neither a domain nor an address literal")]
pub struct InvalidRecipientDomain;

impl FromStr for RecipientDomain {
    type Err = InvalidRecipientDomain;

    // address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / … ) "]"
    fn from_str(text: &str) -> Result<Self, InvalidRecipientDomain> {
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return text.parse().map(Self::Name).map_err(|_| InvalidRecipientDomain);
        };
        let six = inner.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
        let address = if six {
            inner[5..].parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        } else {
            inner.parse().ok().map(IpAddr::V4)
        };
        address.map(Self::Literal).ok_or(InvalidRecipientDomain)
    }
}

impl fmt::Display for RecipientDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(domain) => domain.fmt(f),
            Self::Literal(IpAddr::V4(address)) => write!(f, "[{address}]"),
            Self::Literal(IpAddr::V6(address)) => write!(f, "[IPv6:{address}]"),
        }
    }
}
