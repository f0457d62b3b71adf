//! RFC 9989: whether the domain in `From` is the one that SPF or DKIM speak for.
//!
//! mail-auth reads the records; the walk over them is ours, so that each look-up has our deadline.

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::dmarc::{Alignment, Dmarc, Policy, Psd};
use mail_auth::{DnsError, Error};
use mail_types::Domain;

use crate::dns::{DnsFault, Lookups, RecordKind};
use crate::verdict::{
    DkimResult, DkimVerdict, DmarcPolicy, DmarcResult, DmarcVerdict, SpfResult, SpfVerdict,
};

/// RFC 9989 §4.10: "the tree walk … eight queries".
const WALK_LABELS_MAX: usize = 8;

/// Why DMARC comes to no result.
enum Fault {
    Temporary,
    Unreadable,
}

/// The policy records on the way from a name up to its top-level domain, the longest name first.
type Walk = Vec<(String, Dmarc)>;

/// RFC 9989 §5.3: with the one author's domain.
pub(crate) async fn verify(
    author: &Domain,
    spf: &SpfVerdict,
    dkim: &[DkimVerdict],
    lookups: Lookups<'_>,
) -> DmarcVerdict {
    let mut verdict = DmarcVerdict {
        result: DmarcResult::None,
        policy: DmarcPolicy::None,
        spf_aligned: false,
        dkim_aligned: false,
    };
    let walk = match walk(author.as_str(), lookups).await {
        Ok(walk) => walk,
        Err(Fault::Temporary) => return DmarcVerdict { result: DmarcResult::TempError, ..verdict },
        Err(Fault::Unreadable) => {
            return DmarcVerdict { result: DmarcResult::PermError, ..verdict };
        }
    };
    let organization = organizational(&walk, author.as_str()).to_owned();
    let Some((name, record)) = applicable(&walk, author.as_str(), &organization) else {
        return verdict;
    };
    let Some(policy) = policy_of(record, name == author.as_str(), author, lookups).await else {
        return verdict;
    };
    verdict.policy = policy;
    let alignment = Aligner { author: author.as_str(), organization: &organization, lookups };
    let mut temporary = false;
    if let Some(domain) = &spf.domain
        && matches!(spf.result, SpfResult::Pass | SpfResult::TempError)
    {
        match alignment.is_aligned(domain.as_str(), record.aspf).await {
            Ok(true) if spf.result == SpfResult::Pass => verdict.spf_aligned = true,
            Ok(true) | Err(_) => temporary = true,
            Ok(false) => {}
        }
    }
    for signature in dkim {
        let Some(domain) = &signature.domain else { continue };
        if verdict.dkim_aligned
            || !matches!(signature.result, DkimResult::Pass | DkimResult::TempError)
        {
            continue;
        }
        match alignment.is_aligned(domain.as_str(), record.adkim).await {
            Ok(true) if signature.result == DkimResult::Pass => verdict.dkim_aligned = true,
            Ok(true) | Err(_) => temporary = true,
            Ok(false) => {}
        }
    }
    verdict.result = match (verdict.spf_aligned || verdict.dkim_aligned, temporary) {
        (true, _) => DmarcResult::Pass,
        // RFC 9989 §5.3.6: what could have passed was not to be had.
        (false, true) => DmarcResult::TempError,
        (false, false) => DmarcResult::Fail,
    };
    verdict
}

/// RFC 9989 §4.10: asks for the name's record, then label by label up to the top.
async fn walk(domain: &str, lookups: Lookups<'_>) -> Result<Walk, Fault> {
    let labels: Vec<&str> = domain.split('.').collect();
    let mut found = Vec::new();
    let mut count = labels.len();
    while count > 0 {
        let name = labels[labels.len() - count..].join(".");
        if let Some(record) = record(&name, lookups, name == domain).await? {
            // "If a single record remains and it contains a 'psd=n' or 'psd=y' tag, stop."
            let stop = matches!(record.psd, Psd::Yes | Psd::No);
            found.push((name, record));
            if stop {
                break;
            }
        }
        count = if count >= WALK_LABELS_MAX { WALK_LABELS_MAX - 1 } else { count - 1 };
    }
    Ok(found)
}

/// The one record of a name. Several are none; so is one above the author's own that is broken.
async fn record(name: &str, lookups: Lookups<'_>, is_own: bool) -> Result<Option<Dmarc>, Fault> {
    let texts = match lookups.txt(&format!("_dmarc.{name}")).await {
        Ok(texts) => texts,
        Err(DnsFault::NoSuchName) => return Ok(None),
        Err(DnsFault::Temporary) => return Err(Fault::Temporary),
    };
    let mut records = texts
        .iter()
        .map(|text| Dmarc::parse(text))
        .filter(|parsed| !matches!(parsed, Err(Error::Dns(DnsError::InvalidRecordType))));
    match (records.next(), records.next()) {
        (Some(Ok(record)), None) => Ok(Some(record)),
        (Some(Err(_)), None) if is_own => Err(Fault::Unreadable),
        _ => Ok(None),
    }
}

/// RFC 9989 §4.10.2: the Organizational Domain.
fn organizational<'a>(walk: &'a [(String, Dmarc)], start: &'a str) -> &'a str {
    for (name, record) in walk {
        match record.psd {
            Psd::No => return name,
            Psd::Yes if name != start => return one_label_below(name, start),
            _ => {}
        }
    }
    walk.last().map_or(start, |(name, _)| name)
}

fn one_label_below<'a>(suffix: &str, start: &'a str) -> &'a str {
    let below = start.strip_suffix(suffix).and_then(|rest| rest.strip_suffix('.'));
    match below.and_then(|below| below.rfind('.')) {
        Some(dot) => &start[dot + 1..],
        None => start,
    }
}

/// RFC 9989 §4.10.1: the author's own record, else the Organizational Domain's, else the suffix'.
fn applicable<'w>(
    walk: &'w [(String, Dmarc)],
    author: &str,
    organization: &str,
) -> Option<(&'w str, &'w Dmarc)> {
    let at = |wanted: &str| walk.iter().find(|(name, _)| name == wanted);
    let found = at(author).or_else(|| at(organization)).or(walk.last());
    found.map(|(name, record)| (name.as_str(), record))
}

/// The owner's opinion; `None` when the record asks for nothing.
async fn policy_of(
    record: &Dmarc,
    is_own: bool,
    author: &Domain,
    lookups: Lookups<'_>,
) -> Option<DmarcPolicy> {
    let stated = if record.p == Policy::Unspecified {
        // RFC 9989 §4.10.1: without `p` but with `rua`, as if `p=none`.
        return (!record.rua.is_empty()).then_some(DmarcPolicy::None);
    } else if is_own {
        record.p
    } else if record.np != record.sp
        && lookups.query(author.as_str(), RecordKind::A).await == Err(DnsFault::NoSuchName)
    {
        // RFC 9989 §4.7 `np`: for names that do not exist.
        record.np
    } else {
        record.sp
    };
    let stated = match stated {
        Policy::Reject => DmarcPolicy::Reject,
        Policy::Quarantine => DmarcPolicy::Quarantine,
        Policy::None | Policy::Unspecified => DmarcPolicy::None,
    };
    // RFC 9989 §4.7 `t=y`: one level less.
    Some(match (record.t, stated) {
        (true, DmarcPolicy::Reject) => DmarcPolicy::Quarantine,
        (true, _) => DmarcPolicy::None,
        (false, stated) => stated,
    })
}

struct Aligner<'a> {
    author: &'a str,
    organization: &'a str,
    lookups: Lookups<'a>,
}

impl Aligner<'_> {
    /// RFC 9989 §4.4: equal, or, when relaxed, of the same Organizational Domain.
    async fn is_aligned(&self, domain: &str, mode: Alignment) -> Result<bool, Fault> {
        if domain == self.author {
            return Ok(true);
        }
        let below = domain.strip_suffix(self.organization);
        let is_below = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if mode == Alignment::Strict || !is_below {
            return Ok(false);
        }
        // A domain between the two may have declared itself an organization of its own.
        let walk = match walk(domain, self.lookups).await {
            Ok(walk) => walk,
            Err(Fault::Temporary) => return Err(Fault::Temporary),
            Err(Fault::Unreadable) => return Ok(false),
        };
        Ok(organizational(&walk, domain) == self.organization)
    }
}
