//! RFC 7208 §4.6, §5, §6 and §12: a record's text into its terms.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::macros::{DomainSpec, is_macro_string};

/// A record without syntax errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpfRecord {
    pub(super) directives: Vec<Directive>,
    pub(super) redirect: Option<DomainSpec>,
}

/// `directive = [ qualifier ] mechanism`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) qualifier: Qualifier,
    pub(super) mechanism: Mechanism,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    All,
    Include(DomainSpec),
    A(Option<DomainSpec>, Cidr),
    Mx(Option<DomainSpec>, Cidr),
    Ptr(Option<DomainSpec>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(DomainSpec),
}

/// Prefix lengths for both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

/// Whether a TXT record is an SPF record: `version = "v=spf1"`, then a space or the end.
pub(super) fn is_spf(text: &[u8]) -> bool {
    let version = text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"v=spf1"));
    version && matches!(text.get(6), None | Some(b' '))
}

impl SpfRecord {
    /// `record = version terms *SP`; `None` for a syntax error, which is `permerror`
    /// (RFC 7208 §4.6) wherever it stands.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
        let mut record = Self { directives: Vec::new(), redirect: None };
        let mut has_explanation = false;
        for term in text[6..].split(' ').filter(|term| !term.is_empty()) {
            match modifier(term) {
                // RFC 7208 §6: each of them at most once.
                Some((name, value)) if name.eq_ignore_ascii_case("redirect") => {
                    let spec = DomainSpec::parse(value)?;
                    if record.redirect.replace(spec).is_some() {
                        return None;
                    }
                }
                Some((name, value)) if name.eq_ignore_ascii_case("exp") => {
                    DomainSpec::parse(value)?;
                    if std::mem::replace(&mut has_explanation, true) {
                        return None;
                    }
                }
                Some((_, value)) => is_macro_string(value).then_some(())?,
                None => record.directives.push(directive(term)?),
            }
        }
        Some(record)
    }
}

/// `modifier = name "=" macro-string`, `name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )`
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    is_name.then_some((name, value))
}

fn directive(term: &str) -> Option<Directive> {
    let (qualifier, term) = match term.as_bytes().first()? {
        b'+' => (Qualifier::Pass, &term[1..]),
        b'-' => (Qualifier::Fail, &term[1..]),
        b'~' => (Qualifier::SoftFail, &term[1..]),
        b'?' => (Qualifier::Neutral, &term[1..]),
        _ => (Qualifier::Pass, term),
    };
    let name = term.find([':', '/']).unwrap_or(term.len());
    let (name, rest) = term.split_at(name);
    Some(Directive { qualifier, mechanism: mechanism(&name.to_ascii_lowercase(), rest)? })
}

/// `rest` is what follows the name, its colon or slash included.
fn mechanism(name: &str, rest: &str) -> Option<Mechanism> {
    Some(match name {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(DomainSpec::parse(rest.strip_prefix(':')?)?),
        "exists" => Mechanism::Exists(DomainSpec::parse(rest.strip_prefix(':')?)?),
        "ptr" => Mechanism::Ptr(optional_spec(rest)?),
        "a" | "mx" => {
            let (rest, cidr) = dual_cidr(rest)?;
            let spec = optional_spec(rest)?;
            if name == "a" { Mechanism::A(spec, cidr) } else { Mechanism::Mx(spec, cidr) }
        }
        "ip4" => {
            let (network, length) = network(rest, 32)?;
            Mechanism::Ip4(network.parse().ok()?, length)
        }
        "ip6" => {
            let (network, length) = network(rest, 128)?;
            Mechanism::Ip6(network.parse().ok()?, length)
        }
        _ => return None,
    })
}

/// `[ ":" domain-spec ]`
fn optional_spec(rest: &str) -> Option<Option<DomainSpec>> {
    if rest.is_empty() {
        return Some(None);
    }
    DomainSpec::parse(rest.strip_prefix(':')?).map(Some)
}

/// `[ ip4-cidr-length ] [ "/" ip6-cidr-length ]` at the end, and what stands before it.
fn dual_cidr(rest: &str) -> Option<(&str, Cidr)> {
    let mut cidr = Cidr { v4: 32, v6: 128 };
    let mut rest = rest;
    if let Some((before, digits)) = trailing_length(rest, "//") {
        (rest, cidr.v6) = (before, length(digits, 128)?);
    }
    if let Some((before, digits)) = trailing_length(rest, "/") {
        (rest, cidr.v4) = (before, length(digits, 32)?);
    }
    Some((rest, cidr))
}

fn trailing_length<'a>(text: &'a str, slash: &str) -> Option<(&'a str, &'a str)> {
    let (before, digits) = text.rsplit_once(slash)?;
    let is_length = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_length.then_some((before, digits))
}

/// A number without leading zeros, at most `max`.
fn length(digits: &str, max: u8) -> Option<u8> {
    let plain = digits == "0" || !digits.starts_with('0');
    digits.parse().ok().filter(|length| plain && *length <= max)
}

fn network(rest: &str, max: u8) -> Option<(&str, u8)> {
    let rest = rest.strip_prefix(':')?;
    match rest.split_once('/') {
        Some((network, digits)) => Some((network, length(digits, max)?)),
        None => Some((rest, max)),
    }
}
