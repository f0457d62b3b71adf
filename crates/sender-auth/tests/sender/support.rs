//! A zone in memory, keys, and messages signed with them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mail_types::{Domain, ReversePath};
use sender_auth::{
    Algorithm, Answering, BodyHasher, Canonicalization, Dns, DnsFault, Observed, Origin, Record,
    RecordKind, Signer, SigningKey, Verdict, Verifier,
};

/// What a name has.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Record(Record),
    Cname(String),
    /// SERVFAIL.
    Fails,
    /// No answer ever comes.
    Hangs,
}

/// DNS from memory; counts what it was asked.
#[derive(Default)]
pub(crate) struct Zone {
    entries: HashMap<String, Vec<Entry>>,
    pub(crate) questions: AtomicUsize,
}

impl Zone {
    pub(crate) fn add(&mut self, name: &str, entry: Entry) {
        self.entries.entry(name.to_lowercase()).or_default().push(entry);
    }

    pub(crate) fn with_txt(mut self, name: &str, text: &str) -> Self {
        self.add(name, Entry::Record(Record::Txt(text.as_bytes().to_vec())));
        self
    }

    pub(crate) fn with(mut self, name: &str, entry: Entry) -> Self {
        self.add(name, entry);
        self
    }

    fn answer(&self, name: &str, kind: RecordKind) -> Option<Result<Vec<Record>, DnsFault>> {
        let mut name = name.trim_end_matches('.').to_lowercase();
        for _ in 0..8 {
            let Some(entries) = self.entries.get(&name) else {
                return Some(Err(DnsFault::NoSuchName));
            };
            let mut found = Vec::new();
            let mut alias = None;
            for entry in entries {
                match entry {
                    Entry::Record(record) if kind_of(record) == kind => found.push(record.clone()),
                    Entry::Record(_) => {}
                    Entry::Cname(target) => alias = Some(target.trim_end_matches('.')),
                    Entry::Fails if found.is_empty() => return Some(Err(DnsFault::Temporary)),
                    Entry::Fails => {}
                    Entry::Hangs => return None,
                }
            }
            match alias {
                Some(target) if found.is_empty() => name = target.to_lowercase(),
                _ => return Some(Ok(found)),
            }
        }
        Some(Err(DnsFault::Temporary))
    }
}

fn kind_of(record: &Record) -> RecordKind {
    match record {
        Record::Txt(_) => RecordKind::Txt,
        Record::A(_) => RecordKind::A,
        Record::Aaaa(_) => RecordKind::Aaaa,
        Record::Mx { .. } => RecordKind::Mx,
        Record::Ptr(_) => RecordKind::Ptr,
    }
}

impl Dns for Zone {
    fn query<'a>(&'a self, name: &'a str, kind: RecordKind) -> Answering<'a> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        match self.answer(name, kind) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => Box::pin(std::future::pending()),
        }
    }
}

pub(crate) fn verifier(zone: Zone) -> Verifier {
    Verifier::new(Arc::new(zone), Duration::from_secs(20)).unwrap()
}

/// Verifies a message from `192.0.2.1`, the host `mx.sender.test`.
pub(crate) async fn verify(zone: Zone, reverse_path: &str, message: &[u8]) -> Verdict {
    let reverse_path = match reverse_path {
        "" => ReversePath::Null,
        address => ReversePath::Address(address.parse().unwrap()),
    };
    let origin = Origin {
        peer: "192.0.2.1".parse().unwrap(),
        helo: "mx.sender.test",
        reverse_path: &reverse_path,
    };
    verifier(zone).verify(origin, &Observed::new(message)).await
}

pub(crate) fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

/// One key of each kind for all tests: making an RSA key takes long.
pub(crate) fn der(algorithm: Algorithm) -> &'static [u8] {
    static RSA: OnceLock<Vec<u8>> = OnceLock::new();
    static ED25519: OnceLock<Vec<u8>> = OnceLock::new();
    let cell = match algorithm {
        Algorithm::Rsa => &RSA,
        Algorithm::Ed25519 => &ED25519,
    };
    cell.get_or_init(|| algorithm.generate().unwrap())
}

pub(crate) fn key(name: &str, selector: &str, algorithm: Algorithm) -> SigningKey {
    SigningKey::from_pkcs8(domain(name), selector, algorithm, der(algorithm)).unwrap()
}

/// The message with a signature of this domain for each algorithm, under the algorithm's selector.
pub(crate) fn signed(name: &str, algorithms: &[Algorithm], message: &str) -> String {
    signed_at(name, algorithms, message, 1_700_000_000)
}

pub(crate) fn signed_at(
    name: &str,
    algorithms: &[Algorithm],
    message: &str,
    unix_seconds: i64,
) -> String {
    let keys = algorithms.iter().map(|&kind| key(name, selector(kind), kind)).collect();
    let (header, body) = match message.split_once("\r\n\r\n") {
        Some((header, body)) => (format!("{header}\r\n\r\n"), body),
        None => (message.to_owned(), ""),
    };
    let mut hasher = BodyHasher::new(Canonicalization::Relaxed);
    hasher.push(body.as_bytes());
    let lines = Signer::new(keys).sign(header.as_bytes(), &hasher.finish(), unix_seconds).unwrap();
    lines + message
}

pub(crate) fn selector(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rsa => "rsa",
        Algorithm::Ed25519 => "ed",
    }
}

/// A zone that publishes both keys of this domain.
pub(crate) fn keys_of(name: &str) -> Zone {
    [Algorithm::Rsa, Algorithm::Ed25519].into_iter().fold(Zone::default(), |zone, kind| {
        let key = key(name, selector(kind), kind);
        zone.with_txt(&key.record_name(), &key.record().unwrap())
    })
}

/// A small message with this `From`.
pub(crate) fn from(author: &str) -> String {
    format!("From: {author}\r\nTo: b@ac.test\r\nSubject: Note\r\n\r\nBonjour.\r\n")
}
