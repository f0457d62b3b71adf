//! Whether From's domain is the one that SPF or DKIM speak for (RFC 9989).

use sender_auth::{Algorithm, DmarcPolicy, DmarcResult, Record};

use crate::support::{Entry, Zone, from, keys_of, signed, verify};

/// `sender.test` lets 192.0.2.1 send and wants failures rejected.
fn zone() -> Zone {
    keys_of("sender.test")
        .with_txt("sender.test", "v=spf1 ip4:192.0.2.1 -all")
        .with_txt("sub.sender.test", "v=spf1 ip4:192.0.2.1 -all")
        .with_txt("other.test", "v=spf1 ip4:192.0.2.1 -all")
        .with_txt("_dmarc.sender.test", "v=DMARC1; p=reject; sp=quarantine; np=reject")
}

async fn dmarc(zone: Zone, reverse_path: &str, message: &str) -> (DmarcResult, DmarcPolicy) {
    let verdict = verify(zone, reverse_path, message.as_bytes()).await.dmarc;
    (verdict.result, verdict.policy)
}

#[tokio::test]
async fn spf_or_dkim_of_the_same_organization_passes() {
    use DmarcPolicy::{None as NoPolicy, Quarantine, Reject};
    use DmarcResult::{Fail, None, Pass};
    let exists = |zone: Zone, name: &str| {
        zone.with(name, Entry::Record(Record::A("192.0.2.9".parse().unwrap())))
    };
    for (reverse_path, author, wanted) in [
        ("a@sender.test", "a@sender.test", (Pass, Reject)),
        ("a@sub.sender.test", "a@sender.test", (Pass, Reject)),
        ("a@sender.test", "a@sub.sender.test", (Pass, Quarantine)),
        ("a@other.test", "a@sender.test", (Fail, Reject)),
        ("a@other.test", "a@sub.sender.test", (Fail, Quarantine)),
        ("a@other.test", "a@nowhere.sender.test", (Fail, Reject)),
        ("a@other.test", "a@other.test", (None, NoPolicy)),
        ("a@sender.test", "a@notsender.test", (None, NoPolicy)),
        ("", "a@sender.test", (Fail, Reject)),
    ] {
        let zone = exists(zone(), "sub.sender.test");
        let found = dmarc(zone, reverse_path, &from(author)).await;
        assert_eq!(found, wanted, "{reverse_path} {author}");
    }
    let message = signed("sender.test", &[Algorithm::Rsa], &from("a@sub.sender.test"));
    let found = verify(zone(), "a@other.test", message.as_bytes()).await.dmarc;
    assert!(found.dkim_aligned && !found.spf_aligned);
    assert_eq!(found.result, Pass);
}

#[tokio::test]
async fn strict_alignment_wants_the_same_name() {
    let zone = || {
        keys_of("sender.test")
            .with_txt("sub.sender.test", "v=spf1 ip4:192.0.2.1 -all")
            .with_txt("_dmarc.sender.test", "v=DMARC1; p=reject; aspf=s; adkim=s")
    };
    let plain = from("a@sender.test");
    assert_eq!(dmarc(zone(), "a@sub.sender.test", &plain).await.0, DmarcResult::Fail);
    let message = signed("sender.test", &[Algorithm::Rsa], &plain);
    assert_eq!(dmarc(zone(), "a@sub.sender.test", &message).await.0, DmarcResult::Pass);
}

#[tokio::test]
async fn a_suffix_with_psd_keeps_its_customers_apart() {
    // RFC 9989 §4.10: `psd=y` makes the name one label below the organization.
    let zone = || {
        Zone::default()
            .with_txt("_dmarc.ac.test", "v=DMARC1; p=reject; psd=y")
            .with_txt("evil.ac.test", "v=spf1 ip4:192.0.2.1 -all")
            .with_txt("mail.school.ac.test", "v=spf1 ip4:192.0.2.1 -all")
    };
    let message = from("a@school.ac.test");
    assert_eq!(dmarc(zone(), "a@evil.ac.test", &message).await.0, DmarcResult::Fail);
    assert_eq!(dmarc(zone(), "a@mail.school.ac.test", &message).await.0, DmarcResult::Pass);
    // `psd=n` makes a name an organization of its own.
    let apart = || zone().with_txt("_dmarc.mail.school.ac.test", "v=DMARC1; p=none; psd=n");
    assert_eq!(dmarc(apart(), "a@mail.school.ac.test", &message).await.0, DmarcResult::Fail);
}

#[tokio::test]
async fn records_are_read_as_rfc_9989_says() {
    use DmarcPolicy::{None as NoPolicy, Quarantine, Reject};
    use DmarcResult::{Fail, None, PermError, TempError};
    for (records, wanted) in [
        (&["v=DMARC1; p=reject"][..], (Fail, Reject)),
        (&["v=DMARC1; p=reject; t=y"], (Fail, Quarantine)),
        (&["v=DMARC1; p=quarantine; t=y"], (Fail, NoPolicy)),
        (&["v=DMARC1; p=reject; pct=0"], (Fail, Reject)),
        (&["v=DMARC1; rua=mailto:r@sender.test"], (Fail, NoPolicy)),
        (&["v=DMARC1"], (None, NoPolicy)),
        (&["v=DMARC1; p=reject", "v=DMARC1; p=none"], (None, NoPolicy)),
        (&["v=DMARC1; p=reject", "unrelated"], (Fail, Reject)),
        (&["p=reject; v=DMARC1"], (None, NoPolicy)),
        (&["v=DMARC1; p=nonsense"], (PermError, NoPolicy)),
        (&[], (None, NoPolicy)),
    ] {
        let zone = records
            .iter()
            .fold(Zone::default(), |zone, text| zone.with_txt("_dmarc.sender.test", text));
        let found = dmarc(zone, "a@other.test", &from("a@sender.test")).await;
        assert_eq!(found, wanted, "{records:?}");
    }
    let failing = Zone::default().with("_dmarc.sender.test", Entry::Fails);
    let found = dmarc(failing, "a@other.test", &from("a@sender.test")).await;
    assert_eq!(found.0, TempError);
}

#[tokio::test]
async fn a_lookup_that_could_have_passed_makes_the_result_temporary() {
    let zone = || {
        Zone::default()
            .with_txt("_dmarc.sender.test", "v=DMARC1; p=reject")
            .with("sender.test", Entry::Fails)
    };
    let plain = from("a@sender.test");
    assert_eq!(dmarc(zone(), "a@sender.test", &plain).await.0, DmarcResult::TempError);
    // Not when it belongs to somebody else.
    let other = zone().with("other.test", Entry::Fails);
    assert_eq!(dmarc(other, "a@other.test", &plain).await.0, DmarcResult::Fail);
}

#[tokio::test]
async fn the_walk_asks_eight_times_at_most() {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    let zone = Arc::new(Zone::default());
    let verifier =
        sender_auth::Verifier::new(zone.clone(), std::time::Duration::from_secs(5)).unwrap();
    let author = format!("a@{}sender.test", "x.".repeat(100));
    let origin = sender_auth::Origin {
        peer: "192.0.2.1".parse().unwrap(),
        helo: "localhost",
        reverse_path: &mail_types::ReversePath::Null,
    };
    let observed = sender_auth::Observed::new(from(&author).as_bytes());
    verifier.verify(origin, &observed).await;
    assert_eq!(zone.questions.load(Ordering::Relaxed), 8);
}
