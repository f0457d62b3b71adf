//! One `[[relay.route]]`, read and checked.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mail_types::{Domain, ReversePath, Secret};
use smtp_session::send::{Credentials, Role};

use crate::next_hop::TlsPolicy;
use crate::route::{HostName, HostPort, InvalidRoute, RecipientDomain, Route, Smarthost};
use crate::settings::{Protocol, RouteSettings, RouteTls, Via};

const REFUSED: &str = "mail to this domain is not sent from here";

/// One `[[relay.route]]`.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    recipients: Vec<Pattern>,
    /// Empty fits all.
    senders: Vec<Pattern>,
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    Mx,
    Smarthost(Arc<Smarthost>),
    Refuse(Arc<str>),
}

/// What a domain is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `*`; address literals too.
    All,
    /// `<>`.
    NullPath,
    /// This domain or literal.
    Exact(RecipientDomain),
    /// `.example.test`: its subdomains, and not itself.
    Below(Domain),
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::All),
            "<>" => Some(Self::NullPath),
            _ => match text.strip_prefix('.') {
                Some(suffix) => suffix.parse().ok().map(Self::Below),
                None => text.parse().ok().map(Self::Exact),
            },
        }
    }

    fn fits(&self, domain: Option<&RecipientDomain>) -> bool {
        match (self, domain) {
            (Self::All, _) | (Self::NullPath, None) => true,
            (Self::Exact(exact), Some(domain)) => exact == domain,
            (Self::Below(suffix), Some(RecipientDomain::Name(domain))) => domain
                .as_str()
                .strip_suffix(suffix.as_str())
                .is_some_and(|label| label.ends_with('.')),
            _ => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::NullPath => f.write_str("<>"),
            Self::Exact(domain) => domain.fmt(f),
            Self::Below(suffix) => write!(f, ".{suffix}"),
        }
    }
}

impl Rule {
    pub(crate) fn new(
        number: usize,
        settings: &RouteSettings,
        read: &impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, InvalidRoute> {
        let recipients = patterns(number, "recipients", &settings.recipients)?;
        let senders = patterns(number, "senders", &settings.senders)?;
        let wrong = |what| Err(InvalidRoute::Combination { number, what });
        if recipients.is_empty() {
            return wrong("recipients must name at least one domain, or \"*\"");
        }
        if recipients.contains(&Pattern::NullPath) {
            return wrong("<> is a sender and no recipient");
        }
        let of_smarthost = !settings.hosts.is_empty() || settings.login.is_some();
        let target = match settings.via {
            Via::Mx | Via::Refuse if of_smarthost => {
                return wrong("hosts and login need via = \"smarthost\"");
            }
            Via::Mx => Target::Mx,
            Via::Refuse => Target::Refuse(settings.text.as_deref().unwrap_or(REFUSED).into()),
            Via::Smarthost => Target::Smarthost(Arc::new(smarthost(number, settings, read)?)),
        };
        Ok(Self { recipients, senders, target })
    }

    /// The recipient pattern that fits, when the sender does too.
    pub(crate) fn fits(
        &self,
        sender: &ReversePath,
        recipient: &RecipientDomain,
    ) -> Option<&Pattern> {
        let sender = sender.address().map(RecipientDomain::from);
        let fits = |pattern: &Pattern| pattern.fits(sender.as_ref());
        if !self.senders.is_empty() && !self.senders.iter().any(fits) {
            return None;
        }
        self.recipients.iter().find(|pattern| pattern.fits(Some(recipient)))
    }

    pub(crate) fn route(&self, recipient: &RecipientDomain) -> Route {
        match &self.target {
            Target::Mx => Route::Mx(recipient.clone()),
            Target::Smarthost(smarthost) => Route::Smarthost(Arc::clone(smarthost)),
            Target::Refuse(text) => Route::Refuse(Arc::clone(text)),
        }
    }
}

fn patterns(
    number: usize,
    what: &'static str,
    texts: &[String],
) -> Result<Vec<Pattern>, InvalidRoute> {
    let parse = |text: &String| {
        Pattern::parse(text).ok_or_else(|| InvalidRoute::Value {
            number,
            what,
            value: text.clone(),
            wanted: "a domain, .suffix, address literal or *",
        })
    };
    texts.iter().map(parse).collect()
}

fn smarthost(
    number: usize,
    settings: &RouteSettings,
    read: &impl Fn(&Path) -> io::Result<String>,
) -> Result<Smarthost, InvalidRoute> {
    let wrong = |what| Err(InvalidRoute::Combination { number, what });
    if settings.hosts.is_empty() {
        return wrong("via = \"smarthost\" needs hosts");
    }
    let role = match settings.protocol {
        Protocol::Smtp => Role::Smtp,
        Protocol::Lmtp => Role::Lmtp,
    };
    let (tls, default_port) = match (settings.tls, role) {
        (RouteTls::Implicit, _) => (TlsPolicy::Implicit, 465),
        (tls, role) => (policy(tls), if role == Role::Lmtp { 24 } else { 25 }),
    };
    let host = |text: &String| {
        HostPort::parse(text, default_port).ok_or_else(|| InvalidRoute::Value {
            number,
            what: "hosts",
            value: text.clone(),
            wanted: "a host with or without a port",
        })
    };
    let credentials = match (&settings.login, &settings.password_file) {
        (None, None) => None,
        (Some(login), Some(file)) => {
            let text = read(file).map_err(|source| InvalidRoute::Password { number, source })?;
            let password = Secret::new(text.lines().next().unwrap_or_default().to_owned());
            Some(Credentials { login: login.clone(), password })
        }
        _ => return wrong("login and password_file need each other"),
    };
    // A password must not go to whoever answers under that name.
    if credentials.is_some() && !matches!(tls, TlsPolicy::Verified | TlsPolicy::Implicit) {
        return wrong("login needs tls = \"verified\" or \"implicit\"");
    }
    let hosts = settings.hosts.iter().map(host).collect::<Result<_, _>>()?;
    Ok(Smarthost { hosts, role, tls, credentials })
}

fn policy(tls: RouteTls) -> TlsPolicy {
    match tls {
        RouteTls::None => TlsPolicy::None,
        RouteTls::Opportunistic => TlsPolicy::Opportunistic,
        RouteTls::Verified => TlsPolicy::Verified,
        RouteTls::Implicit => TlsPolicy::Implicit,
    }
}

impl HostPort {
    /// `name`, `name:port`, `192.0.2.1:port`, `[2001:db8::1]:port`.
    fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|&port| port != 0)?,
            None if port.is_empty() => default_port,
            None => return None,
        };
        let name = match host.parse() {
            Ok(address) => HostName::Address(address),
            Err(_) => HostName::Name(host.parse().ok()?),
        };
        Some(Self { name, port })
    }
}
