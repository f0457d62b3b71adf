//! RFC 5321 §5.1 over a table of DNS.

use std::net::IpAddr;

use smtp_relay::{DnsError, Host, MxRules, Unroutable, is_own_address, resolve};

use crate::fake_dns::FakeDns;

fn temporary() -> DnsError {
    DnsError::Temporary("server failure".into())
}

/// `192.0.2.99` is ours, and so is the name `ours.test`.
async fn look_up(dns: &FakeDns, random: usize) -> Result<Vec<Host>, Unroutable> {
    let is_own = |address: IpAddr| address.is_loopback() || address.to_string() == "192.0.2.99";
    let own_names = ["ours.test".to_owned()];
    let rules = MxRules {
        own_names: &own_names,
        is_own_address: &is_own,
        port: 25,
        hosts_max: 4,
        addresses_max: 5,
    };
    let domain = "ecole.test".parse().unwrap();
    resolve(dns, &domain, &rules, &mut move |bound| random % bound).await
}

async fn hosts(dns: FakeDns) -> Result<Vec<String>, Unroutable> {
    let hosts = look_up(&dns, 0).await?;
    Ok(hosts.iter().map(|host| format!("{} {:?}", host.name, host.addresses)).collect())
}

fn four(dns: FakeDns) -> FakeDns {
    dns.host("a.test", &["192.0.2.1"])
        .host("b.test", &["192.0.2.2"])
        .host("c.test", &["192.0.2.3"])
        .host("ours.test", &["192.0.2.98"])
        .host("renamed.test", &["192.0.2.99"])
}

#[tokio::test]
async fn hosts_come_by_preference() {
    let dns = four(FakeDns::default()).mx("ecole.test", &["20 b.test", "5 c.test", "10 a.test"]);
    let expect = ["c.test [192.0.2.3]", "a.test [192.0.2.1]", "b.test [192.0.2.2]"];
    assert_eq!(hosts(dns).await.unwrap(), expect);
}

#[tokio::test]
async fn equals_are_shuffled_by_the_number_given() {
    let dns = four(FakeDns::default()).mx("ecole.test", &["5 a.test", "5 b.test", "1 c.test"]);
    let mut orders = Vec::new();
    for random in 0..6 {
        let hosts = look_up(&dns, random).await.unwrap();
        assert_eq!(hosts[0].name, "c.test");
        orders.push(hosts[1].name.clone());
    }
    assert!(orders.contains(&"a.test".into()) && orders.contains(&"b.test".into()), "{orders:?}");
}

#[tokio::test]
async fn without_mx_the_domain_itself_is_the_host() {
    let dns = FakeDns::default().mx("ecole.test", &[]).host("ecole.test", &["192.0.2.7"]);
    assert_eq!(hosts(dns).await.unwrap(), ["ecole.test [192.0.2.7]"]);
    let dns = FakeDns::default().mx("ecole.test", &[]);
    assert_eq!(hosts(dns).await, Err(Unroutable::NoAddress));
}

#[tokio::test]
async fn what_is_final_and_what_passes_are_told_apart() {
    let none = || four(FakeDns::default());
    for (dns, expect, enhanced) in [
        (none(), Unroutable::NoSuchDomain, (5, 1, 2)),
        (none().mx("ecole.test", &["0 "]), Unroutable::NullMx, (5, 1, 10)),
        (
            none().mx_error("ecole.test", temporary()),
            Unroutable::Dns("server failure".into()),
            (4, 4, 3),
        ),
        (none().mx("ecole.test", &["5 gone.test"]), Unroutable::NoAddress, (5, 4, 4)),
        (
            none()
                .mx("ecole.test", &["5 gone.test", "6 slow.test"])
                .host_error("slow.test", temporary()),
            Unroutable::Dns("server failure".into()),
            (4, 4, 3),
        ),
        (
            none().mx("ecole.test", &[]).host_error("ecole.test", temporary()),
            Unroutable::Dns("server failure".into()),
            (4, 4, 3),
        ),
        (
            none().mx("ecole.test", &["5 x.test"]).host("x.test", &["127.0.0.1"]),
            Unroutable::LoopsBack,
            (5, 4, 6),
        ),
        (
            none().mx("ecole.test", &["5 x.test"]).host("x.test", &["224.0.0.1", "fe80::1"]),
            Unroutable::ImpossibleAddress,
            (5, 4, 4),
        ),
    ] {
        let error = hosts(dns).await.unwrap_err();
        assert_eq!((error.clone(), error.enhanced()), (expect, enhanced));
        assert_eq!(error.is_temporary(), enhanced.0 == 4);
    }
}

#[tokio::test]
async fn a_null_mx_beside_others_means_nothing() {
    let dns = four(FakeDns::default()).mx("ecole.test", &["0 ", "5 a.test"]);
    assert_eq!(hosts(dns).await.unwrap(), ["a.test [192.0.2.1]"]);
}

#[tokio::test]
async fn the_list_is_cut_where_it_names_us() {
    // RFC 5321 §5.1: with our preference and above, mail would come back.
    let by_name = ["5 a.test", "10 ours.test", "10 b.test", "20 c.test"];
    let dns = four(FakeDns::default()).mx("ecole.test", &by_name);
    assert_eq!(hosts(dns).await.unwrap(), ["a.test [192.0.2.1]"]);
    let by_address = ["5 a.test", "10 renamed.test", "20 c.test"];
    let dns = four(FakeDns::default()).mx("ecole.test", &by_address);
    assert_eq!(hosts(dns).await.unwrap(), ["a.test [192.0.2.1]"]);
    for first in ["5 ours.test", "5 renamed.test"] {
        let dns = four(FakeDns::default()).mx("ecole.test", &[first, "20 c.test"]);
        assert_eq!(hosts(dns).await, Err(Unroutable::LoopsBack), "{first}");
    }
}

#[tokio::test]
async fn an_equal_looked_up_before_us_is_cut_as_well() {
    let dns = four(FakeDns::default()).mx("ecole.test", &["10 a.test", "10 renamed.test"]);
    for random in 0..4 {
        assert_eq!(look_up(&dns, random).await, Err(Unroutable::LoopsBack));
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_looked_up_is_left_out() {
    let dns = four(FakeDns::default())
        .mx("ecole.test", &["5 slow.test", "6 gone.test", "7 a.test"])
        .host_error("slow.test", temporary());
    assert_eq!(hosts(dns).await.unwrap(), ["a.test [192.0.2.1]"]);
}

#[tokio::test]
async fn a_long_list_costs_a_few_questions() {
    let records: Vec<String> = (0..500).map(|number| format!("{number} h{number}.test")).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let dns = FakeDns::default().mx("ecole.test", &records);
    assert_eq!(look_up(&dns, 0).await, Err(Unroutable::NoAddress));
    assert_eq!(dns.asked.lock().unwrap().len(), 1 + 4);
    let many: Vec<String> = (0..200).map(|number| format!("198.51.100.{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let dns = FakeDns::default()
        .mx("ecole.test", &["1 many.test", "2 many.test"])
        .host("many.test", &many);
    let hosts = look_up(&dns, 0).await.unwrap();
    assert_eq!(hosts.iter().map(|host| host.addresses.len()).sum::<usize>(), 5);
}

#[tokio::test]
async fn families_take_turns() {
    let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
    let dns = FakeDns::default().mx("ecole.test", &["1 x.test"]).host("x.test", &addresses);
    let expect = "x.test [2001:db8::1, 192.0.2.1, 2001:db8::2, 192.0.2.2]";
    assert_eq!(hosts(dns).await.unwrap(), [expect]);
}

#[test]
fn this_machine_knows_its_own_addresses() {
    for own in ["127.0.0.1", "127.8.9.10", "::1", "0.0.0.0", "0.1.2.3", "::", "::ffff:127.0.0.1"] {
        assert!(is_own_address(own.parse().unwrap()), "{own}");
    }
    for other in ["192.0.2.1", "2001:db8::1"] {
        assert!(!is_own_address(other.parse().unwrap()), "{other}");
    }
}
