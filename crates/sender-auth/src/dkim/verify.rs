//! Verifying signatures: mail-auth reads them and does the arithmetic; what a signature must say
//! before it may speak for anybody is checked here.
//!
//! mail-auth never asks DNS: the key of each signature is fetched first and handed over as its
//! cache, so that every look-up has our deadline and tests need no network.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use mail_auth::common::crypto::Algorithm;
use mail_auth::common::headers::Header;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::{DomainKey, VerifySignature};
use mail_auth::dkim::{Canonicalization as Form, DkimError, Signature};
use mail_auth::{
    AuthenticatedMessage, DkimResult as Found, DnsError, Error, MessageAuthenticator, Parameters,
    ResolverCache, Txt,
};
use mail_message::header;
use mail_types::Domain;

use super::canonical::Canonicalization;
use super::observe::Observed;
use crate::dns::{DnsFault, Lookups};
use crate::verdict::{DkimResult, DkimVerdict};

/// Signatures of one message that are verified, the topmost; each costs a look-up and arithmetic
/// (threats S10).
const SIGNATURES_MAX: usize = 5;
/// TXT records of one selector that are tried.
const KEYS_MAX: usize = 4;

/// Fields that RFC 5322 §3.6 allows once, and that people see or that say how to read the body.
/// A second one that the signature does not cover could be the one that is shown.
const ONCE: [&str; 11] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// What was found out about the signatures, and how many more there were.
pub(crate) async fn verify(
    observed: &Observed,
    lookups: Lookups<'_>,
    authenticator: &MessageAuthenticator,
) -> (Vec<DkimVerdict>, usize) {
    let signed = header::count(&observed.header, "DKIM-Signature");
    if signed == 0 || observed.is_cut {
        return (Vec::new(), signed);
    }
    let Some(mut message) = AuthenticatedMessage::parse(&observed.header) else {
        return (Vec::new(), signed);
    };
    let mut verdicts: Vec<DkimVerdict> = message.errors.iter().filter_map(unreadable).collect();
    verdicts.truncate(SIGNATURES_MAX);
    let headers = std::mem::take(&mut message.dkim_headers);
    for header in headers.into_iter().take(SIGNATURES_MAX - verdicts.len()) {
        verdicts.push(verify_one(&mut message, header, observed, lookups, authenticator).await);
    }
    let ignored = signed.saturating_sub(verdicts.len());
    (verdicts, ignored)
}

fn unreadable(header: &Header<'_, Error>) -> Option<DkimVerdict> {
    if !header.name.eq_ignore_ascii_case(b"DKIM-Signature") {
        return None;
    }
    let (result, reason) = match &header.header {
        // RFC 6376 §8.2: what is appended to the body is anybody's.
        Error::Dkim(DkimError::SignatureLength) => (DkimResult::Policy, "part of the body only"),
        _ => (DkimResult::PermError, "unreadable signature"),
    };
    Some(DkimVerdict { result, domain: None, selector: None, algorithm: "", reason })
}

async fn verify_one<'x>(
    message: &mut AuthenticatedMessage<'x>,
    mut header: Header<'x, Signature>,
    observed: &Observed,
    lookups: Lookups<'_>,
    authenticator: &MessageAuthenticator,
) -> DkimVerdict {
    let signature = &mut header.header;
    // RFC 6541 and RFC 6651 would ask DNS for more; nobody uses them.
    (signature.atps, signature.r) = (None, false);
    let mut verdict = DkimVerdict {
        result: DkimResult::PermError,
        domain: signature.d.parse().ok(),
        selector: signature.s.parse().ok(),
        algorithm: signature.a.name(),
        reason: "",
    };
    if let Err((result, reason)) = acceptable(signature, observed, header.value) {
        (verdict.result, verdict.reason) = (result, reason);
        return verdict;
    }
    let (Some(domain), Some(selector)) = (&verdict.domain, &verdict.selector) else {
        verdict.reason = "no domain";
        return verdict;
    };
    let key = match fetch_key(domain, selector, lookups).await {
        Ok(key) => key,
        Err((result, reason)) => {
            (verdict.result, verdict.reason) = (result, reason);
            return verdict;
        }
    };
    let form = match signature.cb {
        Form::Simple => Canonicalization::Simple,
        Form::Relaxed => Canonicalization::Relaxed,
    };
    let Some(hash) = observed.body_hash(form) else { return verdict };
    for (known, _, _, body_hash) in &mut message.body_hashes {
        if *known == signature.cb {
            *body_hash = hash.to_vec();
        }
    }
    let cache = OneKey { name: signature.domain_key(), key: key.record };
    message.dkim_headers = vec![header];
    let parameters = Parameters::new(&*message).with_txt_cache(&cache);
    let outputs = authenticator.verify_dkim(parameters).await;
    let found = outputs.iter().rev().find(|output| output.signature().is_some());
    let outcome = found.map_or((DkimResult::PermError, ""), |output| outcome(output.result()));
    (verdict.result, verdict.reason) = match outcome {
        // RFC 6376 §3.6.1 `t=y`: no different from unsigned mail, pass or not.
        _ if key.is_testing => (DkimResult::Neutral, "key in test mode"),
        outcome => outcome,
    };
    drop(outputs);
    message.dkim_headers.clear();
    verdict
}

/// What a signature must say before it may speak for its domain.
fn acceptable(
    signature: &Signature,
    observed: &Observed,
    value: &[u8],
) -> Result<(), (DkimResult, &'static str)> {
    let value = header::unfold(value);
    let tag = |wanted: &[u8]| super::tags(&value).filter(|(name, _)| *name == wanted).count();
    // RFC 6376 §3.2: "Tags with duplicate names MUST NOT occur". §3.5: `v` is required.
    let once: [&[u8]; 9] = [b"v", b"a", b"b", b"bh", b"c", b"d", b"h", b"i", b"s"];
    if signature.v != 1 || once.iter().any(|name| tag(name) > 1) {
        return Err((DkimResult::PermError, "unreadable signature"));
    }
    if tag(b"l") > 0 {
        return Err((DkimResult::Policy, "part of the body only"));
    }
    // RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
    if signature.a == Algorithm::RsaSha1 {
        return Err((DkimResult::PermError, "rsa-sha1"));
    }
    let listed = |name: &str| signature.h.iter().filter(|h| h.eq_ignore_ascii_case(name)).count();
    // RFC 6376 §5.4: "The From header field MUST be signed".
    if listed("From") == 0 {
        return Err((DkimResult::PermError, "From is not signed"));
    }
    for name in ONCE {
        let present = header::count(&observed.header, name);
        let covered = listed(name);
        if present > 1 && covered > 0 && present > covered {
            return Err((DkimResult::Policy, "repeated field is not signed"));
        }
    }
    Ok(())
}

/// A key, or mail-auth's reason why it is none.
struct Key {
    record: Txt,
    is_testing: bool,
}

async fn fetch_key(
    domain: &Domain,
    selector: &Domain,
    lookups: Lookups<'_>,
) -> Result<Key, (DkimResult, &'static str)> {
    let name = format!("{selector}._domainkey.{domain}");
    let texts = match lookups.txt(&name).await {
        Ok(texts) => texts,
        Err(DnsFault::Temporary) => return Err((DkimResult::TempError, "no answer from DNS")),
        Err(DnsFault::NoSuchName) => Vec::new(),
    };
    let mut fault = "no key";
    for text in texts.iter().take(KEYS_MAX) {
        match usable_key(text) {
            Ok(key) => return Ok(key),
            Err(reason) => fault = reason,
        }
    }
    Err((DkimResult::PermError, fault))
}

fn usable_key(text: &[u8]) -> Result<Key, &'static str> {
    let tag = |wanted: &[u8]| super::tags(text).find(|(name, _)| *name == wanted);
    let lists = |wanted: &[u8], allowed: &[&[u8]]| {
        tag(wanted).map(|(_, value)| {
            let mut words = value.split(|&byte| byte == b':').map(<[u8]>::trim_ascii);
            words.any(|word| allowed.iter().any(|one| word.eq_ignore_ascii_case(one)))
        })
    };
    let key = DomainKey::parse(text).map_err(|error| match error {
        Error::Dkim(DkimError::RevokedPublicKey) => "key revoked",
        _ => "unreadable key",
    })?;
    // RFC 6376 §3.6.1 `s=`, `h=`: what the key may be used for.
    if lists(b"s", &[b"*", b"email"]) == Some(false) || lists(b"h", &[b"sha256"]) == Some(false) {
        return Err("key for something else");
    }
    // RFC 8301 §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024
    // bits as valid."
    if key.p.public_key_bits() < 1024 {
        return Err("key too short");
    }
    let is_testing = lists(b"t", &[b"y"]) == Some(true);
    Ok(Key { record: Txt::DomainKey(Arc::new(key)), is_testing })
}

fn outcome(result: &Found) -> (DkimResult, &'static str) {
    match result {
        Found::Pass => (DkimResult::Pass, ""),
        Found::Neutral(Error::Dkim(DkimError::FailedBodyHashMatch)) => {
            (DkimResult::Fail, "body has changed")
        }
        Found::Neutral(Error::Dkim(DkimError::SignatureExpired)) => {
            (DkimResult::Policy, "signature expired")
        }
        Found::Fail(Error::Dkim(DkimError::FailedAuidMatch)) => {
            (DkimResult::PermError, "identity outside the domain")
        }
        Found::Fail(_) | Found::Neutral(_) => (DkimResult::Fail, "signature does not verify"),
        Found::TempError(Error::Dns(DnsError::Resolver(_))) => {
            (DkimResult::TempError, "no answer from DNS")
        }
        Found::TempError(_) | Found::PermError(_) | Found::None => {
            (DkimResult::PermError, "unusable key")
        }
    }
}

/// The answer to the only question mail-auth has.
struct OneKey {
    name: String,
    key: Txt,
}

impl ResolverCache<Box<str>, Txt> for OneKey {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let own: Box<str> = self.name.as_str().into();
        let own: &Q = own.borrow();
        let is_it = own == name;
        // Anything else is refused here rather than asked of DNS.
        let none = || Txt::Error(Error::Dns(DnsError::InvalidRecordType));
        Some(if is_it { self.key.clone() } else { none() })
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}
