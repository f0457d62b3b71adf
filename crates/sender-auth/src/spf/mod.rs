//! RFC 7208: whether a host may use a domain in MAIL FROM or HELO.
//!
//! Our own and not mail-auth's, which neither counts void look-ups nor minds two records, and would
//! ask DNS by itself. Explanations (`exp=`) are checked for syntax and never fetched: a stranger's
//! text belongs in no reply of ours.

mod macros;
mod record;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use macros::{DomainSpec, Values};
use record::{Cidr, Directive, Mechanism, Qualifier, SpfRecord};

use crate::dns::{DnsFault, Lookups, Record, RecordKind, reverse_name};
use crate::verdict::SpfResult;

/// RFC 7208 §4.6.4: "include", "a", "mx", "ptr", "exists" and "redirect" of one evaluation.
const TERMS_MAX: u32 = 10;
/// RFC 7208 §4.6.4: look-ups that find nothing.
const VOID_MAX: u32 = 2;
/// RFC 7208 §4.6.4: exchangers of one "mx", names of one "ptr".
const NAMES_MAX: usize = 10;

/// Who wants to use which domain.
pub(crate) struct Client<'a> {
    pub(crate) ip: IpAddr,
    pub(crate) helo: &'a str,
    /// Empty: "postmaster" (RFC 7208 §4.3).
    pub(crate) local_part: &'a str,
    pub(crate) domain: &'a str,
}

/// RFC 7208 §4: `check_host()`.
pub(crate) async fn check_host(client: &Client<'_>, lookups: Lookups<'_>) -> SpfResult {
    // RFC 7208 §4.3: "malformed … or is not a multi-label domain name": none.
    if !is_multi_label(client.domain) {
        return SpfResult::None;
    }
    let local_part = if client.local_part.is_empty() { "postmaster" } else { client.local_part };
    let mut check = Check {
        lookups,
        ip: client.ip.to_canonical(),
        helo: client.helo,
        local_part,
        sender_domain: client.domain,
        terms: 0,
        void: 0,
    };
    match check.host(client.domain.to_owned()).await {
        Ok(result) | Err(result) => result,
    }
}

fn is_multi_label(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_graphic())
    };
    domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(label)
        && !domain.contains(['[', ']', ':', '/'])
}

struct Check<'a> {
    lookups: Lookups<'a>,
    ip: IpAddr,
    helo: &'a str,
    local_part: &'a str,
    sender_domain: &'a str,
    terms: u32,
    void: u32,
}

/// An error ends the whole evaluation.
type Outcome<T> = Result<T, SpfResult>;

impl Check<'_> {
    /// Evaluates a domain's record. Recursion is bounded by [`TERMS_MAX`].
    fn host<'s>(
        &'s mut self,
        domain: String,
    ) -> Pin<Box<dyn Future<Output = Outcome<SpfResult>> + Send + 's>> {
        Box::pin(async move {
            let Some(record) = self.record(&domain).await? else { return Ok(SpfResult::None) };
            for Directive { qualifier, mechanism } in &record.directives {
                if self.matches(mechanism, &domain).await? {
                    return Ok(result_of(*qualifier));
                }
            }
            // RFC 7208 §6.1: the target takes over; none there is permerror.
            let Some(redirect) = &record.redirect else { return Ok(SpfResult::Neutral) };
            self.count_term()?;
            let target = self.expand(redirect, &domain).await;
            match self.host(target).await? {
                SpfResult::None => Err(SpfResult::PermError),
                result => Ok(result),
            }
        })
    }

    /// RFC 7208 §4.4, §4.5: the one record of a domain.
    async fn record(&self, domain: &str) -> Outcome<Option<SpfRecord>> {
        let texts = match self.lookups.txt(domain).await {
            Ok(texts) => texts,
            Err(DnsFault::NoSuchName) => return Ok(None),
            Err(DnsFault::Temporary) => return Err(SpfResult::TempError),
        };
        let mut found = texts.iter().filter(|text| record::is_spf(text));
        let Some(text) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(SpfResult::PermError);
        }
        SpfRecord::parse(text).map(Some).ok_or(SpfResult::PermError)
    }

    async fn matches(&mut self, mechanism: &Mechanism, domain: &str) -> Outcome<bool> {
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network, length) => {
                Ok(is_within(self.ip, IpAddr::V4(*network), *length))
            }
            Mechanism::Ip6(network, length) => {
                Ok(is_within(self.ip, IpAddr::V6(*network), *length))
            }
            Mechanism::Include(spec) => self.include(spec, domain).await,
            Mechanism::A(spec, cidr) => {
                let name = self.target(spec.as_ref(), domain).await?;
                let addresses = self.lookups.addresses(&name, self.ip).await;
                let addresses = self.found(addresses)?;
                Ok(self.any_within(&addresses, *cidr))
            }
            Mechanism::Mx(spec, cidr) => self.mx(spec.as_ref(), *cidr, domain).await,
            Mechanism::Ptr(spec) => self.ptr(spec.as_ref(), domain).await,
            Mechanism::Exists(spec) => {
                let name = self.target(Some(spec), domain).await?;
                // RFC 7208 §5.7: "the lookup type is A even when the connection type is IPv6".
                let answer = self.lookups.query(&name, RecordKind::A).await;
                Ok(!self.found(answer)?.is_empty())
            }
        }
    }

    /// RFC 7208 §5.2.
    async fn include(&mut self, spec: &DomainSpec, domain: &str) -> Outcome<bool> {
        let target = self.target(Some(spec), domain).await?;
        match self.host(target).await? {
            SpfResult::Pass => Ok(true),
            SpfResult::None => Err(SpfResult::PermError),
            _ => Ok(false),
        }
    }

    /// RFC 7208 §5.4.
    async fn mx(&mut self, spec: Option<&DomainSpec>, cidr: Cidr, domain: &str) -> Outcome<bool> {
        let name = self.target(spec, domain).await?;
        let answer = self.lookups.query(&name, RecordKind::Mx).await;
        let records = self.found(answer)?;
        if records.len() > NAMES_MAX {
            return Err(SpfResult::PermError);
        }
        for record in records {
            let Record::Mx { exchange, .. } = record else { continue };
            let addresses = self.lookups.addresses(&exchange, self.ip).await;
            let addresses = self.found(addresses)?;
            if self.any_within(&addresses, cidr) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// RFC 7208 §5.5.
    async fn ptr(&mut self, spec: Option<&DomainSpec>, domain: &str) -> Outcome<bool> {
        let target = self.target(spec, domain).await?;
        let names = self.validated_names().await;
        Ok(names.iter().any(|name| is_below(name, &target)))
    }

    /// Names of the address that lead back to it. An error is no name.
    async fn validated_names(&self) -> Vec<String> {
        let names = self.lookups.query(&reverse_name(self.ip), RecordKind::Ptr).await;
        let mut validated = Vec::new();
        for record in names.unwrap_or_default().into_iter().take(NAMES_MAX) {
            let Record::Ptr(name) = record else { continue };
            let addresses = self.lookups.addresses(&name, self.ip).await.unwrap_or_default();
            if addresses.contains(&self.ip) {
                validated.push(name);
            }
        }
        validated
    }

    /// The name a term asks for, which is the current domain if it names none. Counts the term.
    async fn target(&mut self, spec: Option<&DomainSpec>, domain: &str) -> Outcome<String> {
        self.count_term()?;
        match spec {
            Some(spec) => Ok(self.expand(spec, domain).await),
            None => Ok(domain.to_owned()),
        }
    }

    async fn expand(&self, spec: &DomainSpec, domain: &str) -> String {
        // RFC 7208 §7.2: a name of the domain itself, else one below it, else any.
        let validated =
            if spec.needs_validated_name() { self.validated_names().await } else { vec![] };
        let validated_name = validated
            .iter()
            .find(|name| name.eq_ignore_ascii_case(domain))
            .or_else(|| validated.iter().find(|name| is_below(name, domain)))
            .or(validated.first())
            .map_or("unknown", String::as_str);
        spec.expand(&Values {
            local_part: self.local_part,
            sender_domain: self.sender_domain,
            domain,
            ip: self.ip,
            helo: self.helo,
            validated_name,
        })
    }

    fn any_within(&self, addresses: &[IpAddr], cidr: Cidr) -> bool {
        let length = if self.ip.is_ipv4() { cidr.v4 } else { cidr.v6 };
        addresses.iter().any(|address| is_within(self.ip, *address, length))
    }

    fn count_term(&mut self) -> Outcome<()> {
        self.terms += 1;
        if self.terms > TERMS_MAX { Err(SpfResult::PermError) } else { Ok(()) }
    }

    /// What a term's look-up found. RFC 7208 §4.6.4: too many that find nothing are permerror.
    fn found<T>(&mut self, answer: Result<Vec<T>, DnsFault>) -> Outcome<Vec<T>> {
        let found = match answer {
            Ok(found) => found,
            Err(DnsFault::NoSuchName) => Vec::new(),
            Err(DnsFault::Temporary) => return Err(SpfResult::TempError),
        };
        self.void += u32::from(found.is_empty());
        if self.void > VOID_MAX { Err(SpfResult::PermError) } else { Ok(found) }
    }
}

fn result_of(qualifier: Qualifier) -> SpfResult {
    match qualifier {
        Qualifier::Pass => SpfResult::Pass,
        Qualifier::Fail => SpfResult::Fail,
        Qualifier::SoftFail => SpfResult::SoftFail,
        Qualifier::Neutral => SpfResult::Neutral,
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    name.strip_suffix(domain.as_str())
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn is_within(ip: IpAddr, network: IpAddr, length: u8) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            (ip.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            (ip.to_bits() ^ network.to_bits()) & mask == 0
        }
        _ => false,
    }
}
