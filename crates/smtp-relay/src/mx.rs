//! RFC 5321 §5.1: from a domain to the hosts that take its mail.
//!
//! What DNS says is whoever's who owns the domain. So the list is cut to a length, and nothing in
//! it leads back to this machine.

use std::net::IpAddr;

use mail_types::Domain;
use thiserror::Error;

use crate::dns::{Dns, DnsError, Mx};
use crate::next_hop::Host;

/// What limits a look-up.
pub struct MxRules<'a> {
    /// Names by which an MX record may mean this server, in lower case.
    pub own_names: &'a [String],
    /// Whether an address is this machine's; mail is never sent there.
    pub is_own_address: &'a (dyn Fn(IpAddr) -> bool + Sync),
    /// Port of the hosts found: 25, but for tests.
    pub port: u16,
    /// Hosts looked up at most.
    pub hosts_max: usize,
    /// Addresses given at most, all hosts together.
    pub addresses_max: usize,
}

/// Why there is nowhere to send mail to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unroutable {
    /// NXDOMAIN.
    #[error("the domain does not exist")]
    NoSuchDomain,
    /// RFC 7505: the domain takes no mail and says so.
    #[error("the domain takes no mail")]
    NullMx,
    /// No MX, and neither A nor AAAA; or none for any of its MX.
    #[error("the domain has no mail server with an address")]
    NoAddress,
    /// We are the domain's best mail server and do not know it as ours; or its mail servers'
    /// addresses are this machine's.
    #[error("mail for the domain comes back to this server")]
    LoopsBack,
    /// The mail servers' addresses are such as no server has.
    #[error("the domain's mail servers have impossible addresses")]
    ImpossibleAddress,
    /// A route says so.
    #[error("{0}")]
    Refused(String),
    /// DNS has no answer for now.
    #[error("DNS has no answer for now: {0}")]
    Dns(String),
}

impl Unroutable {
    /// Whether another attempt may do better.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Dns(_))
    }

    /// RFC 3463, RFC 7505 §4.
    pub fn enhanced(&self) -> (u8, u16, u16) {
        match self {
            Self::NoSuchDomain => (5, 1, 2),
            Self::NullMx => (5, 1, 10),
            Self::NoAddress | Self::ImpossibleAddress => (5, 4, 4),
            Self::LoopsBack => (5, 4, 6),
            Self::Refused(_) => (5, 7, 1),
            Self::Dns(_) => (4, 4, 3),
        }
    }
}

/// Finds the hosts of a domain, in the order in which they are to be tried. `random_below(n)`
/// gives a number below `n`.
///
/// # Errors
/// When there are none; see [`Unroutable::is_temporary`].
pub async fn resolve(
    dns: &dyn Dns,
    domain: &Domain,
    rules: &MxRules<'_>,
    random_below: &mut (dyn FnMut(usize) -> usize + Send),
) -> Result<Vec<Host>, Unroutable> {
    let records = match dns.mx(domain).await {
        Ok(records) => ordered(records, random_below)?,
        // RFC 5321 §5.1: "If an empty list of MXs is returned, the address is treated as if it was
        // associated with an implicit MX RR, with a preference of 0, pointing to that host."
        Err(DnsError::NoRecords) => Vec::new(),
        Err(DnsError::NoSuchDomain) => return Err(Unroutable::NoSuchDomain),
        Err(DnsError::Temporary(why)) => return Err(Unroutable::Dns(why)),
    };
    if records.is_empty() {
        let implicit = Mx { preference: 0, exchange: domain.as_str().to_owned() };
        return hosts(dns, &[implicit], rules).await;
    }
    hosts(dns, &records, rules).await
}

/// RFC 5321 §4.1.3: a recipient at an address needs no look-up, and is as little to be trusted.
pub(crate) fn literal(address: IpAddr, rules: &MxRules<'_>) -> Result<Vec<Host>, Unroutable> {
    if (rules.is_own_address)(address) {
        return Err(Unroutable::LoopsBack);
    }
    if is_impossible(address) {
        return Err(Unroutable::ImpossibleAddress);
    }
    let (name, addresses) = (address.to_string(), vec![address]);
    Ok(vec![Host { name, addresses, port: rules.port }])
}

/// By preference, equals in random order; without RFC 7505's dot.
fn ordered(
    mut records: Vec<Mx>,
    random_below: &mut (dyn FnMut(usize) -> usize + Send),
) -> Result<Vec<Mx>, Unroutable> {
    // RFC 7505 §3: "a single MX RR with a […] zero-length label". Beside others it means nothing.
    if !records.is_empty() && records.iter().all(|record| record.exchange.is_empty()) {
        return Err(Unroutable::NullMx);
    }
    records.retain(|record| !record.exchange.is_empty());
    // RFC 5321 §5.1: "the sender-SMTP MUST randomize them to spread the load".
    for index in (1..records.len()).rev() {
        records.swap(index, random_below(index + 1).min(index));
    }
    records.sort_by_key(|record| record.preference);
    Ok(records)
}

/// Looks the hosts up until there are enough, or one of them is us.
async fn hosts(
    dns: &dyn Dns,
    records: &[Mx],
    rules: &MxRules<'_>,
) -> Result<Vec<Host>, Unroutable> {
    let mut found = Found::default();
    // RFC 5321 §5.1: "it MUST be prepared to prune the MX list: all MX RRs with a preference equal
    // to or higher than that of the one naming the local host are discarded." By name first, which
    // needs no look-up.
    let own = |record: &&Mx| rules.own_names.contains(&record.exchange);
    let mut cut = records.iter().find(own).map(|record| record.preference);
    for record in records.iter().take(rules.hosts_max) {
        let room = rules.addresses_max.saturating_sub(found.addresses);
        if room == 0 || cut.is_some_and(|cut| record.preference >= cut) {
            break;
        }
        match dns.addresses(&record.exchange).await {
            Ok(addresses) if addresses.iter().any(|&address| (rules.is_own_address)(address)) => {
                cut = Some(record.preference);
            }
            Ok(addresses) => found.add(record, &addresses, room, rules.port),
            Err(DnsError::NoSuchDomain | DnsError::NoRecords) => {}
            Err(DnsError::Temporary(why)) => found.temporary = Some(why),
        }
    }
    found.preferred_to(cut)
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    hosts: Vec<(u16, Host)>,
    addresses: usize,
    impossible: bool,
    temporary: Option<String>,
}

impl Found {
    fn add(&mut self, record: &Mx, addresses: &[IpAddr], room: usize, port: u16) {
        let mut addresses = interleaved(addresses);
        let before = addresses.len();
        addresses.retain(|address| !is_impossible(*address));
        self.impossible |= addresses.len() < before;
        addresses.truncate(room);
        if addresses.is_empty() {
            return;
        }
        self.addresses += addresses.len();
        let host = Host { name: record.exchange.clone(), addresses, port };
        self.hosts.push((record.preference, host));
    }

    /// Hosts that come before us.
    fn preferred_to(mut self, cut: Option<u16>) -> Result<Vec<Host>, Unroutable> {
        if let Some(cut) = cut {
            self.hosts.retain(|(preference, _)| *preference < cut);
        }
        if !self.hosts.is_empty() {
            return Ok(self.hosts.into_iter().map(|(_, host)| host).collect());
        }
        Err(match (self.temporary, cut) {
            (Some(why), _) => Unroutable::Dns(why),
            (None, Some(_)) => Unroutable::LoopsBack,
            (None, None) if self.impossible => Unroutable::ImpossibleAddress,
            (None, None) => Unroutable::NoAddress,
        })
    }
}

/// IPv6 and IPv4 in turn, so that a broken one of the two costs one attempt and not all.
pub(crate) fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (six, four): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| address.is_ipv6());
    let mut four = four.into_iter();
    let mut mixed = Vec::with_capacity(addresses.len());
    for address in six {
        mixed.push(address);
        mixed.extend(four.next());
    }
    mixed.extend(four);
    mixed
}

/// Addresses that no server on a network has.
fn is_impossible(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_multicast() || address.is_broadcast() || address.is_link_local()
        }
        IpAddr::V6(address) => address.is_multicast() || address.is_unicast_link_local(),
    }
}

/// Whether an address is this machine's own: loopback, unspecified, or one that a socket can be
/// bound to, which spares a list of interfaces that would grow old.
pub fn is_own_address(address: IpAddr) -> bool {
    let address = address.to_canonical();
    // 0.0.0.0/8 is "this host" (RFC 1122 §3.2.1.3): Linux connects 0.0.0.0 to loopback.
    let this_network = matches!(address, IpAddr::V4(four) if four.octets()[0] == 0);
    address.is_loopback()
        || address.is_unspecified()
        || this_network
        || std::net::UdpSocket::bind((address, 0)).is_ok()
}
