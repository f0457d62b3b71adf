//! What becomes of a message.

use mail_message::author::AuthorFault;
use sender_auth::{
    Decision, DmarcPolicy, DmarcResult, DmarcVerdict, NoAuthor, OnFailure, Refusal, Settings,
    SpfIdentity, SpfResult, SpfVerdict, Verdict, policy,
};

use crate::support::domain;

fn verdict(result: DmarcResult, stated: DmarcPolicy, author: &str) -> Verdict {
    Verdict {
        spf: SpfVerdict { result: SpfResult::None, identity: SpfIdentity::MailFrom, domain: None },
        dkim: Vec::new(),
        dkim_ignored: 0,
        dmarc: DmarcVerdict { result, policy: stated, spf_aligned: false, dkim_aligned: false },
        author: Ok(author.parse().unwrap()),
    }
}

fn decide(verdict: &Verdict, settings: &Settings) -> Decision {
    policy(verdict, settings, false, |name| *name == domain("ac.test"))
}

#[test]
fn failures_go_to_junk_and_only_a_setting_refuses_them() {
    use DmarcPolicy::{None as NoPolicy, Quarantine, Reject};
    use DmarcResult::{Fail, None, Pass, PermError, TempError};
    let strict = Settings {
        on_reject: OnFailure::Reject,
        on_quarantine: OnFailure::Accept,
        ..Settings::default()
    };
    let refused = Decision::Reject(Refusal::DmarcReject);
    for (result, stated, by_default, when_strict) in [
        (Pass, Reject, Decision::Accept, Decision::Accept),
        (Fail, Reject, Decision::Junk, refused),
        (Fail, Quarantine, Decision::Junk, Decision::Accept),
        (Fail, NoPolicy, Decision::Accept, Decision::Accept),
        (TempError, Reject, Decision::Accept, Decision::Accept),
        (PermError, NoPolicy, Decision::Accept, Decision::Accept),
        (None, NoPolicy, Decision::Accept, Decision::Accept),
    ] {
        let verdict = verdict(result, stated, "a@sender.test");
        assert_eq!(decide(&verdict, &Settings::default()), by_default, "{verdict:?}");
        assert_eq!(decide(&verdict, &strict), when_strict, "{verdict:?}");
    }
}

// Threats S11.
#[test]
fn a_stranger_with_our_domain_is_refused_whatever_its_policy() {
    let forged = verdict(DmarcResult::Fail, DmarcPolicy::None, "head@ac.test");
    let refused = Decision::Reject(Refusal::ForgedOwnDomain);
    assert_eq!(decide(&forged, &Settings::default()), refused);
    let lax = Settings { refuse_own_domains: false, ..Settings::default() };
    assert_eq!(decide(&forged, &lax), Decision::Accept);
    let listed = policy(&forged, &Settings::default(), true, |_| true);
    assert_eq!(listed, Decision::Accept);
    let ours = verdict(DmarcResult::Pass, DmarcPolicy::Reject, "head@ac.test");
    assert_eq!(decide(&ours, &Settings::default()), Decision::Accept);
}

// Threats S10.
#[test]
fn a_message_without_one_author_is_refused() {
    let lax = Settings { refuse_unclear_author: false, ..Settings::default() };
    for (author, refusal) in [
        (NoAuthor::Unclear(AuthorFault::Missing), Refusal::UnclearAuthor),
        (NoAuthor::Unclear(AuthorFault::Repeated), Refusal::UnclearAuthor),
        (NoAuthor::TooLong, Refusal::UnclearAuthor),
        (NoAuthor::Several, Refusal::SeveralAuthors),
    ] {
        let mut verdict = verdict(DmarcResult::PermError, DmarcPolicy::None, "a@b.test");
        verdict.author = Err(author);
        assert_eq!(decide(&verdict, &Settings::default()), Decision::Reject(refusal));
        assert_eq!(decide(&verdict, &lax), Decision::Junk);
        assert_eq!(policy(&verdict, &lax, true, |_| false), Decision::Accept);
    }
}

#[test]
fn settings_read_what_they_write_and_refuse_what_they_do_not_know() {
    let text = toml::to_string(&Settings::default()).unwrap();
    assert!(text.contains("on_reject = \"junk\""), "{text}");
    assert_eq!(toml::from_str::<Settings>(&text).unwrap(), Settings::default());
    assert!(toml::from_str::<Settings>("on_reject = \"bounce\"").is_err());
    assert!(toml::from_str::<Settings>("exempt_networks = [\"10.0.0.0/8\"]").is_ok());
}
