//! Threats S10: messages made so that a verifier reads one author and people another.

use std::time::Duration;

use mail_message::author::AuthorFault;
use mail_types::ReversePath;
use sender_auth::{
    Algorithm, DmarcResult, NoAuthor, Observed, Origin, SpfIdentity, SpfResult, Verifier,
};

use crate::support::{Entry, Zone, from, keys_of, signed, verify};

/// Everything from `evil.test` passes; `good.test` wants failures rejected.
fn zone() -> Zone {
    keys_of("evil.test")
        .with_txt("evil.test", "v=spf1 ip4:192.0.2.1 -all")
        .with_txt("_dmarc.evil.test", "v=DMARC1; p=reject")
        .with_txt("_dmarc.good.test", "v=DMARC1; p=reject")
}

#[tokio::test]
async fn no_trick_with_from_passes_dmarc() {
    use NoAuthor::{Several, Unclear};
    let unclear = |fault| Err(Unclear(fault));
    for (header, author) in [
        ("To: b@ac.test", unclear(AuthorFault::Missing)),
        ("From: a@evil.test\r\nFrom: a@good.test", unclear(AuthorFault::Repeated)),
        ("From: a@good.test\r\nFrom: a@evil.test", unclear(AuthorFault::Repeated)),
        ("From : a@good.test\r\nFrom: a@evil.test", unclear(AuthorFault::Repeated)),
        ("Fro\0m: a@good.test\r\nFrom: a@evil.test", unclear(AuthorFault::Repeated)),
        ("From : a@evil.test", unclear(AuthorFault::Unreadable)),
        ("From: a@good.test, b@evil.test", Err(Several)),
        ("From: a@evil.test, b@evil.test", Err(Several)),
        ("From: <a@good.test> <b@evil.test>", unclear(AuthorFault::Unreadable)),
        ("From: friends: a@evil.test;", unclear(AuthorFault::Unreadable)),
        ("From: a@good.test\0@evil.test", unclear(AuthorFault::Unreadable)),
        ("From: a@=?utf-8?q?good.test?=", unclear(AuthorFault::Unreadable)),
        ("From: <@good.test:a@evil.test>", unclear(AuthorFault::Unreadable)),
        ("From: a@[192.0.2.1]", unclear(AuthorFault::Unreadable)),
        ("From: \"a@good.test\"@evil.test, x@good.test", Err(Several)),
    ] {
        let message = format!("{header}\r\nSubject: x\r\n\r\nBody\r\n");
        let message = signed("evil.test", &[Algorithm::Rsa], &message);
        let verdict = verify(zone(), "a@evil.test", message.as_bytes()).await;
        assert_eq!(verdict.spf.result, SpfResult::Pass);
        assert_eq!(verdict.author.map(|author| author.to_string()), author, "{header:?}");
        assert_eq!(verdict.dmarc.result, DmarcResult::PermError, "{header:?}");
    }
}

#[tokio::test]
async fn one_author_is_one_author_however_written() {
    for (author, domain) in [
        ("\"a@good.test\" <x@evil.test>", "evil.test"),
        ("a@good.test <x@evil.test>", "evil.test"),
        ("x@evil.test (a@good.test)", "evil.test"),
        ("A\r\n <x@\r\n evil.test>", "evil.test"),
        ("x@EVIL.test.", "evil.test"),
    ] {
        let message = signed("evil.test", &[Algorithm::Rsa], &from(author));
        let verdict = verify(zone(), "a@evil.test", message.as_bytes()).await;
        assert_eq!(verdict.author.unwrap().domain().as_str(), domain, "{author}");
        assert_eq!(verdict.dmarc.result, DmarcResult::Pass, "{author}");
    }
    let message = signed("evil.test", &[Algorithm::Rsa], &from("a@good.test"));
    let verdict = verify(zone(), "a@evil.test", message.as_bytes()).await;
    assert_eq!(verdict.dmarc.result, DmarcResult::Fail);
}

#[tokio::test]
async fn an_international_domain_is_aligned_with_itself() {
    let zone = || {
        keys_of("école.test")
            .with_txt("xn--cole-9oa.test", "v=spf1 ip4:192.0.2.1 -all")
            .with_txt("_dmarc.xn--cole-9oa.test", "v=DMARC1; p=reject; aspf=s; adkim=s")
    };
    for author in ["a@école.test", "a@xn--cole-9oa.test", "a@École.test"] {
        let verdict = verify(zone(), "a@école.test", from(author).as_bytes()).await;
        assert_eq!(verdict.dmarc.result, DmarcResult::Pass, "{author}");
        let message = signed("école.test", &[Algorithm::Rsa], &from(author));
        let verdict = verify(zone(), "", message.as_bytes()).await;
        assert!(verdict.dmarc.dkim_aligned, "{author}");
    }
}

#[tokio::test]
async fn a_signature_in_test_mode_or_over_part_of_the_body_does_not_align() {
    let message = signed("good.test", &[Algorithm::Rsa], &from("a@good.test"));
    let record = crate::support::key("good.test", "rsa", Algorithm::Rsa).record().unwrap();
    let zone = |record: &str| {
        Zone::default()
            .with_txt("_dmarc.good.test", "v=DMARC1; p=reject")
            .with_txt("rsa._domainkey.good.test", record)
    };
    let passes = verify(zone(&record), "", message.as_bytes()).await;
    assert_eq!(passes.dmarc.result, DmarcResult::Pass);
    let testing = verify(zone(&format!("{record}; t=y")), "", message.as_bytes()).await;
    assert_eq!(testing.dmarc.result, DmarcResult::Fail);
    let part = message.replacen("v=1;", "v=1; l=9999;", 1);
    let part = verify(zone(&record), "", part.as_bytes()).await;
    assert_eq!(part.dmarc.result, DmarcResult::Fail);
}

#[tokio::test]
async fn a_null_reverse_path_asks_about_helo() {
    let zone = || zone().with_txt("mx.sender.test", "v=spf1 ip4:192.0.2.1 -all");
    let verdict = verify(zone(), "", from("a@sender.test").as_bytes()).await;
    assert_eq!((verdict.spf.identity, verdict.spf.result), (SpfIdentity::Helo, SpfResult::Pass));
    let text = verdict.authentication_results("mx.test");
    assert!(text.contains("spf=pass\r\n\t\tsmtp.helo=mx.sender.test"), "{text}");
}

// Threats, DNS faults: silence is a temporary error after the time that was given, and no longer.
#[tokio::test(start_paused = true)]
async fn dns_that_never_answers_costs_the_deadline_once() {
    let silent = Zone::default()
        .with("evil.test", Entry::Hangs)
        .with("rsa._domainkey.evil.test", Entry::Hangs)
        .with("_dmarc.evil.test", Entry::Hangs);
    let verifier = Verifier::new(std::sync::Arc::new(silent), Duration::from_secs(10)).unwrap();
    let reverse_path = ReversePath::Address("a@evil.test".parse().unwrap());
    let origin =
        Origin { peer: "192.0.2.1".parse().unwrap(), helo: "x", reverse_path: &reverse_path };
    let message = signed("evil.test", &[Algorithm::Rsa], &from("a@evil.test"));
    let start = tokio::time::Instant::now();
    let verdict = verifier.verify(origin, &Observed::new(message.as_bytes())).await;
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(verdict.spf.result, SpfResult::TempError);
    assert_eq!(verdict.dkim_word(), "temperror");
    assert_eq!(verdict.dmarc.result, DmarcResult::TempError);
}

#[tokio::test]
async fn a_header_section_without_end_has_no_author() {
    let message = format!("From: a@evil.test\r\nX: {}\r\n\r\n", "y".repeat(2 << 20));
    let verdict = verify(zone(), "a@evil.test", message.as_bytes()).await;
    assert_eq!(verdict.author, Err(NoAuthor::TooLong));
    assert_eq!(verdict.dmarc.result, DmarcResult::PermError);
}

#[tokio::test]
async fn nothing_a_stranger_writes_breaks_out_of_the_results_field() {
    let message = "DKIM-Signature: v=1; a=rsa-sha256; d=evil.test\r\n\t dmarc=pass; s=s\r\n x; h=From; bh=AA; b=AA\r\n\
                   DKIM-Signature: v=1; a=rsa-sha256; d=x; dmarc=pass; s=\"s; spf=pass\"; h=From; bh=AA; b=AA\r\n\
                   From: \"; dmarc=pass header.from=good.test\"@evil.test\r\n\r\n";
    let reverse_path = "\"; dmarc=pass\"@evil.test";
    let verdict = verify(Zone::default(), reverse_path, message.as_bytes()).await;
    let field = verdict.authentication_results("mx.test\r\nX: y");
    assert_eq!(mail_message::header::fields(field.as_bytes()).count(), 1, "{field}");
    assert!(field.starts_with("Authentication-Results: mx.testXy;"), "{field}");
    assert!(!field.contains("dmarc=pass") && !field.contains("good.test"), "{field}");
}
