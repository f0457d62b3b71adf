//! The resolver against a DNS server of our own, faults included.

use std::sync::Arc;

use bytes::Bytes;
use smtp_relay::{
    Dns, DnsError, DnsSettings, Mx, RecipientDomain, Resolver, Route, Transport, Unroutable,
    Verdict,
};

use crate::deliver::{MESSAGE, mail, settings};
use crate::dns_stub::{A, Answer, DnsStub, MX, Record};

fn resolver(stub: &DnsStub) -> Resolver {
    let servers = vec![stub.address];
    Resolver::new(&DnsSettings { servers, ..DnsSettings::default() }).unwrap()
}

fn mx(preference: u16, exchange: &str) -> Record {
    Record::Mx(preference, exchange.into())
}

/// One domain for each fault.
fn zone(name: &str, kind: u16) -> Answer {
    let address = |text: &str| Record::Address(text.parse().unwrap());
    match (name, kind) {
        ("gone.test", _) => Answer::NxDomain,
        ("broken.test", _) => Answer::ServFail,
        ("silent.test", _) => Answer::Silence,
        ("null.test", MX) => Answer::Records(vec![mx(0, ".")]),
        ("ecole.test", MX) => Answer::Records(vec![mx(20, "B.ecole.test"), mx(10, "a.ecole.test")]),
        ("a.ecole.test", A) => Answer::Records(vec![address("192.0.2.1")]),
        ("a.ecole.test", 28) => Answer::Records(vec![address("2001:db8::1")]),
        ("half.test", A) => Answer::Records(vec![address("192.0.2.2")]),
        ("half.test", 28) => Answer::ServFail,
        ("alias.test", A) => {
            let target = Record::AddressOf("target.test", "192.0.2.3".parse().unwrap());
            Answer::Records(vec![Record::Alias("target.test"), target])
        }
        ("bare-alias.test", A) => Answer::Records(vec![Record::Alias("half.test")]),
        ("loop.test", _) => Answer::Records(vec![Record::Alias("pool.test")]),
        ("pool.test", _) => Answer::Records(vec![Record::Alias("loop.test")]),
        ("back.test", MX) => Answer::Records(vec![mx(10, "here.test")]),
        ("here.test", A) => Answer::Records(vec![address("127.0.0.1")]),
        ("large.test", MX) => {
            let host = |number| mx(number, &format!("host-with-a-long-name-{number}.large.test"));
            Answer::Large((1..100).map(host).collect())
        }
        _ => Answer::Records(Vec::new()),
    }
}

#[tokio::test]
async fn records_are_read() {
    let stub = DnsStub::new(zone).await;
    let resolver = resolver(&stub);
    let domain = "ecole.test".parse().unwrap();
    let expect = [(20, "b.ecole.test"), (10, "a.ecole.test")];
    let expect = expect.map(|(preference, exchange)| Mx { preference, exchange: exchange.into() });
    assert_eq!(resolver.mx(&domain).await.unwrap(), expect);
    let null = resolver.mx(&"null.test".parse().unwrap()).await.unwrap();
    assert_eq!(null, [Mx { preference: 0, exchange: String::new() }]);
    for (host, expect) in [
        ("a.ecole.test", Ok("[2001:db8::1, 192.0.2.1]")),
        ("half.test", Ok("[192.0.2.2]")),
        ("alias.test", Ok("[192.0.2.3]")),
        ("bare-alias.test", Ok("[192.0.2.2]")),
        ("gone.test", Err(DnsError::NoSuchDomain)),
        ("null.test", Err(DnsError::NoRecords)),
    ] {
        let found = resolver.addresses(host).await;
        assert_eq!(found.map(|found| format!("{found:?}")), expect.map(str::to_owned), "{host}");
    }
    assert!(matches!(resolver.addresses("broken.test").await, Err(DnsError::Temporary(_))));
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_again_over_tcp() {
    let stub = DnsStub::new(zone).await;
    let records = resolver(&stub).mx(&"large.test".parse().unwrap()).await.unwrap();
    assert_eq!(records.len(), 99);
    assert!(stub.asked.lock().unwrap().contains(&"tcp large.test 15".to_owned()));
}

#[tokio::test]
async fn answers_are_kept() {
    let stub = DnsStub::new(zone).await;
    let resolver = resolver(&stub);
    for _ in 0..3 {
        resolver.mx(&"ecole.test".parse().unwrap()).await.unwrap();
    }
    assert_eq!(stub.asked.lock().unwrap().len(), 1);
}

async fn route_of(transport: &Transport, domain: &str) -> Result<(), Unroutable> {
    let domain: RecipientDomain = domain.parse().unwrap();
    transport.resolve(&Route::Mx(domain)).await.map(|_| ())
}

#[tokio::test]
async fn each_fault_is_final_or_passes() {
    let stub = DnsStub::new(zone).await;
    let transport = Transport::new(&settings(), "ours.test", Arc::new(resolver(&stub))).unwrap();
    for (domain, expect) in [
        ("ecole.test", Ok(())),
        ("gone.test", Err(Unroutable::NoSuchDomain)),
        ("null.test", Err(Unroutable::NullMx)),
        ("back.test", Err(Unroutable::LoopsBack)),
        ("nothing.test", Err(Unroutable::NoAddress)),
    ] {
        assert_eq!(route_of(&transport, domain).await, expect, "{domain}");
    }
    let broken = route_of(&transport, "broken.test").await.unwrap_err();
    assert!(broken.is_temporary(), "{broken}");
    let content = Bytes::from_static(MESSAGE);
    let route = Route::Mx("broken.test".parse().unwrap());
    let delivery = transport.deliver(&route, &mail(&["b@broken.test"]), &content).await;
    assert_eq!(delivery.attempts[0].verdict, Verdict::Deferred);
    assert_eq!(delivery.attempts[0].enhanced, (4, 4, 3));
}

#[tokio::test]
async fn a_loop_of_aliases_ends() {
    let stub = DnsStub::new(zone).await;
    let transport = Transport::new(&settings(), "ours.test", Arc::new(resolver(&stub))).unwrap();
    assert!(route_of(&transport, "loop.test").await.is_err());
    assert!(stub.asked.lock().unwrap().len() < 100);
}

#[tokio::test(start_paused = true)]
async fn silence_passes_in_time() {
    let stub = DnsStub::new(zone).await;
    let transport = Transport::new(&settings(), "ours.test", Arc::new(resolver(&stub))).unwrap();
    let start = tokio::time::Instant::now();
    let error = route_of(&transport, "silent.test").await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert!(start.elapsed().as_secs() <= 31, "{:?}", start.elapsed());
}
