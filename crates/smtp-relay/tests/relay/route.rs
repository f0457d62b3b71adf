//! The routing table: which rule is taken, and what is refused in the configuration.

use std::io;

use mail_types::ReversePath;
use smtp_relay::{
    Protocol, RecipientDomain, Route, RouteSettings, RouteTls, Routes, TlsPolicy, Via,
};

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn rule(recipients: &[&str], senders: &[&str], via: Via, hosts: &[&str]) -> RouteSettings {
    RouteSettings {
        recipients: strings(recipients),
        senders: strings(senders),
        via,
        hosts: strings(hosts),
        ..RouteSettings::default()
    }
}

fn routes(rules: &[RouteSettings]) -> Result<Routes, String> {
    let read = |path: &std::path::Path| match path.to_str() {
        Some("/password") => Ok("secret\n".to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    Routes::new(rules, read).map_err(|error| error.to_string())
}

#[test]
fn the_first_rule_that_fits_is_taken_and_told() {
    let routes = routes(&[
        rule(&["i-etab.test"], &["outside.test", ".outside.test", "<>"], Via::Refuse, &[]),
        rule(&["etab.test", ".etab.test"], &[], Via::Smarthost, &["10.1.2.3", "relay.test:2525"]),
        rule(&["[192.0.2.1]"], &[], Via::Mx, &[]),
        rule(&["*"], &["ecole.test"], Via::Smarthost, &["[2001:db8::1]:587"]),
    ])
    .unwrap();
    let to = "smarthost 10.1.2.3:25, relay.test:2525 (smtp, opportunistic TLS)";
    let by_sender = "smarthost [2001:db8::1]:587 (smtp, opportunistic TLS)";
    let refuse = "refuse: mail to this domain is not sent from here";
    for (sender, recipient, expect) in [
        ("a@ours.test", "etab.test", format!("{to} (relay.route 2, etab.test)")),
        ("a@ours.test", "ETAB.test.", format!("{to} (relay.route 2, etab.test)")),
        ("a@ours.test", "x.y.etab.test", format!("{to} (relay.route 2, .etab.test)")),
        ("a@ours.test", "notetab.test", "mx of notetab.test (no relay.route fits)".into()),
        ("a@ours.test", "i-etab.test", "mx of i-etab.test (no relay.route fits)".into()),
        ("a@outside.test", "i-etab.test", format!("{refuse} (relay.route 1, i-etab.test)")),
        ("a@x.outside.test", "i-etab.test", format!("{refuse} (relay.route 1, i-etab.test)")),
        ("", "i-etab.test", format!("{refuse} (relay.route 1, i-etab.test)")),
        ("a@ecole.test", "else.test", format!("{by_sender} (relay.route 4, *)")),
        ("a@ours.test", "[192.0.2.1]", "address 192.0.2.1 (relay.route 3, [192.0.2.1])".into()),
        ("a@ours.test", "[IPv6:2001:db8::9]", "address 2001:db8::9 (no relay.route fits)".into()),
        ("a@ecole.test", "[192.0.2.9]", format!("{by_sender} (relay.route 4, *)")),
    ] {
        let sender = match sender {
            "" => ReversePath::Null,
            address => ReversePath::Address(address.parse().unwrap()),
        };
        let domain: RecipientDomain = recipient.parse().unwrap();
        assert_eq!(routes.explain(&sender, &domain).to_string(), expect, "{recipient}");
        let explicit = routes.explicit(&sender, &domain).is_some();
        assert_eq!(explicit, !expect.contains("no relay.route fits"), "{recipient}");
    }
}

#[test]
fn what_is_no_domain_is_not_one() {
    let bad = ["", "[", "[]", "[192.0.2]", "[IPv6:192.0.2.1]", "[2001:db8::1]", "a b", "[IPv6é]"];
    for text in bad {
        assert!(text.parse::<RecipientDomain>().is_err(), "{text}");
    }
    for text in ["ecole.test", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
        assert_eq!(text.parse::<RecipientDomain>().unwrap().to_string(), text);
    }
}

#[test]
fn a_wrong_rule_is_named() {
    let login = |tls| RouteSettings {
        tls,
        login: Some("facteur".into()),
        password_file: Some("/password".into()),
        ..rule(&["*"], &[], Via::Smarthost, &["relay.test"])
    };
    let missing =
        RouteSettings { password_file: Some("/none".into()), ..login(RouteTls::Verified) };
    let half = RouteSettings { password_file: None, ..login(RouteTls::Verified) };
    let of_mx = RouteSettings { via: Via::Mx, hosts: Vec::new(), ..login(RouteTls::Verified) };
    for (rule, wanted) in [
        (rule(&[], &[], Via::Mx, &[]), "recipients must name"),
        (rule(&["a b"], &[], Via::Mx, &[]), "relay.route 2: recipients \"a b\" is not a domain"),
        (rule(&["<>"], &[], Via::Mx, &[]), "<> is a sender"),
        (rule(&["*"], &["@x"], Via::Mx, &[]), "senders \"@x\""),
        (rule(&["*"], &[], Via::Smarthost, &[]), "needs hosts"),
        (rule(&["*"], &[], Via::Mx, &["relay.test"]), "need via = \"smarthost\""),
        (rule(&["*"], &[], Via::Smarthost, &["relay.test:0"]), "hosts \"relay.test:0\""),
        (rule(&["*"], &[], Via::Smarthost, &["relay.test:99999"]), "hosts"),
        (rule(&["*"], &[], Via::Smarthost, &["[::1]x"]), "hosts"),
        (rule(&["*"], &[], Via::Smarthost, &["2001:db8::1"]), "hosts"),
        (login(RouteTls::Opportunistic), "login needs tls"),
        (login(RouteTls::None), "login needs tls"),
        (missing, "password_file"),
        (half, "need each other"),
        (of_mx, "need via = \"smarthost\""),
    ] {
        let good = self::rule(&["ok.test"], &[], Via::Mx, &[]);
        let error = routes(&[good, rule]).unwrap_err();
        assert!(error.starts_with("relay.route 2: "), "{error}");
        assert!(error.contains(wanted), "{error}, not {wanted}");
    }
}

#[test]
fn next_hops_that_differ_have_keys_that_differ() {
    let settings = RouteSettings {
        login: Some("facteur".into()),
        password_file: Some("/password".into()),
        tls: RouteTls::Implicit,
        ..rule(&["a.test"], &[], Via::Smarthost, &["relay.test"])
    };
    let verified = RouteSettings {
        recipients: strings(&["b.test"]),
        tls: RouteTls::Verified,
        ..settings.clone()
    };
    let lmtp = RouteSettings {
        protocol: Protocol::Lmtp,
        ..rule(&["c.test"], &[], Via::Smarthost, &["relay.test"])
    };
    let smtp = rule(&["d.test"], &[], Via::Smarthost, &["relay.test"]);
    let routes = routes(&[settings, verified, lmtp, smtp]).unwrap();
    let route = |domain: &str| routes.route(&ReversePath::Null, &domain.parse().unwrap());
    let keys: std::collections::BTreeSet<_> = ["a.test", "b.test", "c.test", "d.test", "e.test"]
        .iter()
        .map(|domain| route(domain).key().unwrap().to_string())
        .collect();
    assert_eq!(keys.len(), 5, "{keys:?}");
    assert!(!format!("{keys:?}{routes:?}").contains("secret"));
    let Route::Smarthost(smarthost) = route("a.test") else { panic!() };
    assert_eq!((smarthost.tls, smarthost.hosts[0].port), (TlsPolicy::Implicit, 465));
    assert_eq!(smarthost.credentials.as_ref().unwrap().password.expose(), "secret");
    let Route::Smarthost(smarthost) = route("c.test") else { panic!() };
    assert_eq!(smarthost.hosts[0].port, 24);
}
