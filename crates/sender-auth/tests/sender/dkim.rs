//! Signatures that hold, that do not, and that must not count.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mail_types::ReversePath;
use sender_auth::{
    Algorithm, BodyHasher, Canonicalization, DkimResult, Observed, Observer, Origin, SetupError,
    SigningKey, Verifier,
};

use crate::support::{Entry, Zone, der, domain, from, key, keys_of, selector, signed, verify};

const BOTH: [Algorithm; 2] = [Algorithm::Rsa, Algorithm::Ed25519];

async fn results(zone: Zone, message: &str) -> Vec<(DkimResult, &'static str)> {
    let verdict = verify(zone, "a@sender.test", message.as_bytes()).await;
    verdict.dkim.iter().map(|one| (one.result, one.reason)).collect()
}

#[tokio::test]
async fn both_signatures_pass_rsa_first() {
    let message = signed("sender.test", &BOTH, &from("a@sender.test"));
    let verdict = verify(keys_of("sender.test"), "a@sender.test", message.as_bytes()).await;
    let found: Vec<_> = verdict.dkim.iter().map(|one| (one.result, one.algorithm)).collect();
    assert_eq!(found, [(DkimResult::Pass, "rsa-sha256"), (DkimResult::Pass, "ed25519-sha256")]);
}

#[test]
fn a_signature_covers_one_more_of_each_field_and_no_length() {
    let message = signed("sender.test", &BOTH, &from("a@sender.test"));
    let header = message.split("From: a@").next().unwrap();
    let list = header.replace("\r\n\t ", "").to_lowercase();
    for name in ["from:from", ":to:to", ":cc:", ":subject:subject", ":date:", ":message-id:"] {
        assert!(list.contains(name), "{name} in {list}");
    }
    assert!(!list.contains(" l=") && !list.contains(" x=") && !list.contains("\tl="));
    assert!(header.split("\r\n").all(|line| line.len() <= 78), "{header}");
}

#[tokio::test]
async fn what_was_changed_fails() {
    let message = signed("sender.test", &[Algorithm::Rsa], &from("a@sender.test"));
    for (old, new, result) in [
        ("Bonjour.", "Bonsoir.", (DkimResult::Fail, "body has changed")),
        ("Note", "Nota", (DkimResult::Fail, "signature does not verify")),
        (
            "\r\nSubject: N",
            "\r\nCc: x@y.test\r\nSubject: N",
            (DkimResult::Fail, "signature does not verify"),
        ),
        ("d=sender.test", "d=mx.sender.test", (DkimResult::PermError, "no key")),
    ] {
        let changed = message.replacen(old, new, 1);
        assert_ne!(changed, message);
        assert_eq!(results(keys_of("sender.test"), &changed).await, [result], "{new}");
    }
}

#[tokio::test]
async fn a_second_subject_in_front_does_not_ride_on_the_signature() {
    // Ours is signed with one more of each; others sign each once.
    let once = signed("sender.test", &[Algorithm::Rsa], &from("a@sender.test"));
    let doubled = format!("Subject: Pay now\r\n{once}");
    let found = results(keys_of("sender.test"), &doubled).await;
    assert_eq!(found, [(DkimResult::Fail, "signature does not verify")]);
}

#[tokio::test]
async fn signatures_that_say_too_little_do_not_count() {
    let message = signed("sender.test", &[Algorithm::Rsa], &from("a@sender.test"));
    let all = "From:From:Sender";
    assert!(message.contains(all));
    for (old, new, result) in [
        ("v=1;", "v=1; l=10;", (DkimResult::Policy, "part of the body only")),
        ("v=1;", "v=1; l=0;", (DkimResult::Policy, "part of the body only")),
        ("a=rsa-sha256", "a=rsa-sha1", (DkimResult::PermError, "rsa-sha1")),
        ("h=From:From:", "h=", (DkimResult::PermError, "From is not signed")),
        ("v=1;", "v=1; x=1700000001;", (DkimResult::Policy, "signature expired")),
        ("v=1;", "v=1; v=1;", (DkimResult::PermError, "unreadable signature")),
        ("v=1; ", "", (DkimResult::PermError, "unreadable signature")),
        ("v=1;", "v=2;", (DkimResult::PermError, "unreadable signature")),
        ("d=sender.test", "d=sender_test..", (DkimResult::PermError, "no domain")),
        ("v=1;", "v=1; i=a@other.test;", (DkimResult::PermError, "identity outside the domain")),
    ] {
        let changed = message.replacen(old, new, 1);
        assert_ne!(changed, message, "{new}");
        assert_eq!(results(keys_of("sender.test"), &changed).await, [result], "{new}");
    }
}

#[tokio::test]
async fn a_key_decides_what_its_signatures_are_worth() {
    let message = signed("sender.test", &[Algorithm::Ed25519], &from("a@sender.test"));
    let good = key("sender.test", "ed", Algorithm::Ed25519).record().unwrap();
    let name = "ed._domainkey.sender.test";
    let weak = format!("v=DKIM1; k=rsa; p={WEAK_RSA}");
    let long = format!("{good}; n={}", "x".repeat(64 << 10));
    for (record, result) in [
        (good.clone(), (DkimResult::Pass, "")),
        (format!("{good}; t=y"), (DkimResult::Neutral, "key in test mode")),
        (format!("{good}; t=s:y"), (DkimResult::Neutral, "key in test mode")),
        (format!("{good}; s=tlsrpt"), (DkimResult::PermError, "key for something else")),
        (format!("{good}; s=tlsrpt:email"), (DkimResult::Pass, "")),
        (format!("{good}; h=sha1"), (DkimResult::PermError, "key for something else")),
        ("v=DKIM1; k=ed25519; p=".into(), (DkimResult::PermError, "key revoked")),
        ("v=DKIM1; k=ed448; p=AAAA".into(), (DkimResult::PermError, "unreadable key")),
        ("nonsense".into(), (DkimResult::PermError, "unreadable key")),
        (weak, (DkimResult::PermError, "key too short")),
        (long, (DkimResult::PermError, "no key")),
    ] {
        let zone = Zone::default().with_txt(name, &record);
        let start = &record[..record.len().min(80)];
        assert_eq!(results(zone, &message).await, [result], "{start}");
    }
    let failing = Zone::default().with(name, Entry::Fails);
    assert_eq!(results(failing, &message).await, [(DkimResult::TempError, "no answer from DNS")]);
}

/// 512 bits.
const WEAK_RSA: &str = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJooet12PJsfB1AbfDtfVUJSwrW51p5Xf84E3je5jlED\
                        tHecOuYLPwre407o8cISXDMU4ngxNAo8NHWWdoTXhtsCAwEAAQ==";

// Threats S10: one hundred signatures cost five look-ups.
#[tokio::test]
async fn of_a_hundred_signatures_five_are_looked_at() {
    let message = from("a@sender.test");
    let signed_once = signed("sender.test", &[Algorithm::Rsa], &message);
    let line = signed_once.strip_suffix(&message).unwrap();
    let many: String = (0..100).map(|n| line.replace("s=rsa", &format!("s=s{n}"))).collect();
    let zone = Arc::new(Zone::default());
    let verifier = Verifier::new(zone.clone(), Duration::from_secs(5)).unwrap();
    let origin = Origin {
        peer: "192.0.2.1".parse().unwrap(),
        helo: "localhost",
        reverse_path: &ReversePath::Null,
    };
    let verdict = verifier.verify(origin, &Observed::new((many + &message).as_bytes())).await;
    assert_eq!((verdict.dkim.len(), verdict.dkim_ignored), (5, 95));
    // Five keys; the walk for DMARC asks twice.
    assert_eq!(zone.questions.load(Ordering::Relaxed), 7);
}

#[test]
fn a_body_has_one_hash_however_it_is_cut() {
    let body = b"a  b \r\n\r\n\t c\r\r\nd\n e \r\n \r\n\r\n";
    for form in [Canonicalization::Relaxed, Canonicalization::Simple] {
        let hash = |cut: usize| {
            let mut hasher = BodyHasher::new(form);
            for piece in body.chunks(cut) {
                hasher.push(piece);
            }
            hasher.finish()
        };
        for cut in 1..body.len() {
            assert_eq!(hash(cut), hash(body.len()), "{form:?} in pieces of {cut}");
        }
    }
}

#[tokio::test]
async fn a_message_verifies_however_it_was_cut() {
    let message = signed("sender.test", &BOTH, &from("a@sender.test"));
    for cut in [1, 2, 3, 7, 64, 1000] {
        let mut observer = Observer::default();
        for piece in message.as_bytes().chunks(cut) {
            observer.push(piece);
        }
        let origin = Origin {
            peer: "192.0.2.1".parse().unwrap(),
            helo: "localhost",
            reverse_path: &ReversePath::Null,
        };
        let verifier = crate::support::verifier(keys_of("sender.test"));
        let verdict = verifier.verify(origin, &observer.finish()).await;
        assert_eq!(verdict.dkim_word(), "pass", "in pieces of {cut}");
    }
}

#[test]
fn keys_that_must_not_sign_are_refused() {
    let make = |selector: &str, kind, der: &[u8]| {
        SigningKey::from_pkcs8(domain("ac.test"), selector, kind, der).err()
    };
    let rsa = der(Algorithm::Rsa);
    assert_eq!(make("s", Algorithm::Ed25519, rsa), Some(SetupError::Key("Ed25519")));
    assert_eq!(make("s", Algorithm::Rsa, b"x"), Some(SetupError::Key("RSA")));
    let bad = SetupError::Selector("a;b".into());
    assert_eq!(make("a;b", Algorithm::Rsa, rsa), Some(bad));
    assert_eq!(make(selector(Algorithm::Rsa), Algorithm::Rsa, rsa), None);
}
