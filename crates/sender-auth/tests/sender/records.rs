//! What the owner of a domain is told to publish.

use sender_auth::{
    Algorithm, DmarcPolicy, alias_record, dkim_records, dmarc_record, mx_record, spf_record,
    srv_record,
};

use crate::support::{domain, key};

#[test]
fn a_long_key_is_cut_into_strings_of_255_bytes() {
    let keys =
        [key("ac.test", "2026a", Algorithm::Rsa), key("ac.test", "2026b", Algorithm::Ed25519)];
    let lines = dkim_records(&keys).unwrap();
    assert_eq!(lines[0].name, "2026a._domainkey.ac.test.");
    let strings: Vec<&str> = lines[0].data.trim_matches('"').split("\" \"").collect();
    assert_eq!(strings[0].len(), 255);
    assert!(strings.iter().all(|string| string.len() <= 255) && strings.len() == 2);
    assert_eq!(strings.concat(), keys[0].record().unwrap());
    let short = lines[1].to_string();
    assert!(short.starts_with("2026b._domainkey.ac.test. IN TXT \"v=DKIM1; k=ed25519; p="));
    assert_eq!(short.matches('"').count(), 2);
}

#[test]
fn suggestions_are_lines_of_a_zone_file() {
    let (ac, mx) = (domain("ac.test"), domain("mail.ac.test"));
    let addresses = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    let reports = "\"d;m,arc\"@ac.test".parse().unwrap();
    let lines = [
        spf_record(&ac, &addresses).to_string(),
        dmarc_record(&ac, DmarcPolicy::None, Some(&reports)).to_string(),
        mx_record(&ac, &mx).to_string(),
        srv_record(&ac, "imaps", Some((0, 993, &mx))).to_string(),
        srv_record(&ac, "submission", Some((10, 587, &mx))).to_string(),
        srv_record(&ac, "pop3", None).to_string(),
        alias_record("autoconfig", &ac, &mx).to_string(),
    ];
    assert_eq!(
        lines,
        [
            "ac.test. IN TXT \"v=spf1 mx ip4:192.0.2.1 ip6:2001:db8::1 -all\"",
            "_dmarc.ac.test. IN TXT \"v=DMARC1; p=none; rua=mailto:%22d%3Bm%2Carc%22@ac.test\"",
            "ac.test. IN MX 10 mail.ac.test.",
            "_imaps._tcp.ac.test. IN SRV 0 1 993 mail.ac.test.",
            "_submission._tcp.ac.test. IN SRV 10 1 587 mail.ac.test.",
            "_pop3._tcp.ac.test. IN SRV 0 0 0 .",
            "autoconfig.ac.test. IN CNAME mail.ac.test.",
        ]
    );
}
