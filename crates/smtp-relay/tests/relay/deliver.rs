//! Delivery where nothing is wrong, or one host is and another not.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use mail_types::{EmailAddress, ReversePath};
use smtp_relay::{
    Delivery, Feedback, Host, NextHop, Role, Route, RouteSettings, Routes, Settings, TlsPolicy,
    Transaction, Transport, Verdict, Via,
};

use crate::fake_dns::FakeDns;
use crate::server::{Act, Content, Hear, Say, Server, hello, quit, transaction};

pub(crate) const MESSAGE: &[u8] = b"Subject: x\r\n\r\nBonjour\r\n";

pub(crate) fn mail(recipients: &[&str]) -> Transaction {
    let recipient = |address: &&str| address.parse::<EmailAddress>().unwrap().into();
    Transaction {
        reverse_path: ReversePath::Address("a@ours.test".parse().unwrap()),
        recipients: recipients.iter().map(recipient).collect(),
        size: MESSAGE.len() as u64,
        eight_bit: false,
        utf8_header: false,
        ret: None,
        envelope_id: None,
    }
}

pub(crate) fn next_hop(servers: &[SocketAddr], tls: TlsPolicy) -> NextHop {
    let hosts = servers.iter().map(|address| Host {
        name: "mx.test".into(),
        addresses: vec![address.ip()],
        port: address.port(),
    });
    let route = Route::Mx("else.test".parse().unwrap());
    NextHop {
        key: route.key().unwrap(),
        hosts: hosts.collect(),
        role: Role::Smtp,
        tls,
        credentials: None,
    }
}

pub(crate) fn transport(settings: &Settings) -> Transport {
    Transport::new(settings, "ours.test", Arc::new(FakeDns::default())).unwrap()
}

pub(crate) async fn deliver(servers: &[SocketAddr], settings: &Settings) -> Delivery {
    let next_hop = next_hop(servers, TlsPolicy::Opportunistic);
    let content = Bytes::from_static(MESSAGE);
    transport(settings).deliver_to(&next_hop, &mail(&["b@else.test"]), &content).await
}

/// Settings that keep no connection, so that a script ends with QUIT.
pub(crate) fn settings() -> Settings {
    Settings { idle_seconds: 0, ..Settings::default() }
}

pub(crate) fn script(parts: &[Vec<Act>]) -> Vec<Act> {
    parts.concat()
}

/// An address where nobody listens: TCPMUX is long gone.
fn nobody() -> SocketAddr {
    "127.0.0.1:1".parse().unwrap()
}

#[tokio::test]
async fn a_message_is_delivered() {
    let server = Server::new(vec![script(&[hello("250 mx.test"), transaction(), quit()])]).await;
    let address = server.address;
    let delivery = deliver(&[address], &settings()).await;
    let attempt = &delivery.attempts[0];
    assert_eq!((attempt.verdict, attempt.enhanced), (Verdict::Delivered, (2, 0, 0)));
    assert_eq!(attempt.to_string(), "250 2.0.0 queued");
    let remote = attempt.remote.as_ref().unwrap();
    assert_eq!((remote.host.as_str(), remote.address), ("mx.test", address));
    assert_eq!(delivery.feedback, Feedback::Served);
    let heard = server.heard().await;
    assert_eq!(heard[4], "Subject: x\r\n\r\nBonjour\r\n.");
}

#[tokio::test]
async fn a_kept_connection_takes_the_next_message() {
    let scripts = script(&[hello("250 mx.test"), transaction(), transaction(), quit()]);
    let server = Server::new(vec![scripts]).await;
    let next_hop = next_hop(&[server.address], TlsPolicy::None);
    let transport = transport(&Settings::default());
    for _ in 0..2 {
        let content = Bytes::from_static(MESSAGE);
        let delivery = transport.deliver_to(&next_hop, &mail(&["b@else.test"]), &content).await;
        assert_eq!(delivery.attempts[0].verdict, Verdict::Delivered, "{:?}", delivery.attempts);
    }
    transport.close_idle().await;
    assert_eq!(server.heard().await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_ends_with_quit_when_nothing_comes() {
    let server = Server::new(vec![script(&[hello("250 mx.test"), transaction(), quit()])]).await;
    let next_hop = next_hop(&[server.address], TlsPolicy::None);
    let transport = transport(&Settings::default());
    let content = Bytes::from_static(MESSAGE);
    transport.deliver_to(&next_hop, &mail(&["b@else.test"]), &content).await;
    assert_eq!(server.heard().await.last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_connection_closed_meanwhile_costs_no_attempt() {
    let first = script(&[hello("250 mx.test"), transaction(), vec![Say("421 idle")]]);
    let second = script(&[hello("250 mx.test"), transaction()]);
    let server = Server::new(vec![first, second]).await;
    let next_hop = next_hop(&[server.address], TlsPolicy::None);
    let transport = transport(&Settings::default());
    for _ in 0..2 {
        let content = Bytes::from_static(MESSAGE);
        let delivery = transport.deliver_to(&next_hop, &mail(&["b@else.test"]), &content).await;
        assert_eq!(delivery.attempts[0].verdict, Verdict::Delivered, "{:?}", delivery.attempts);
    }
}

#[tokio::test]
async fn messages_on_one_connection_are_counted() {
    let one = script(&[hello("250 mx.test"), transaction(), quit()]);
    let server = Server::new(vec![one.clone(), one]).await;
    let next_hop = next_hop(&[server.address], TlsPolicy::None);
    let transport = transport(&Settings { messages_per_connection_max: 1, ..Settings::default() });
    for _ in 0..2 {
        let content = Bytes::from_static(MESSAGE);
        transport.deliver_to(&next_hop, &mail(&["b@else.test"]), &content).await;
    }
    assert_eq!(server.heard().await.iter().filter(|line| *line == "QUIT").count(), 2);
}

#[tokio::test]
async fn the_next_host_is_tried_when_one_will_not_speak() {
    for bad in [
        vec![Say("421 busy")],
        vec![Say("554 no"), Hear("QUIT")],
        vec![Say("521 never"), Hear("QUIT")],
        vec![Say("hello?")],
        vec![Say("220 mx"), Hear("EHLO"), Say("550 no"), Hear("HELO"), Say("550 no"), Hear("QUIT")],
        script(&[hello("250 mx"), vec![Hear("MAIL")]]),
    ] {
        let first = Server::new(vec![bad]).await;
        let good = script(&[hello("250 mx.test"), transaction(), quit()]);
        let second = Server::new(vec![good]).await;
        let address = second.address;
        let delivery = deliver(&[nobody(), first.address, address], &settings()).await;
        assert_eq!(delivery.attempts[0].verdict, Verdict::Delivered, "{}", delivery.attempts[0]);
        assert_eq!(delivery.attempts[0].remote.as_ref().unwrap().address, address);
    }
}

#[tokio::test]
async fn a_refused_recipient_is_not_taken_to_the_next_host() {
    let refusal =
        [hello("250 mx"), vec![Hear("MAIL"), Say("250 OK"), Hear("RCPT"), Say("450 4.7.1 grey")]];
    let first = Server::new(vec![script(&[script(&refusal), quit()])]).await;
    let delivery = deliver(&[first.address, nobody()], &settings()).await;
    assert_eq!(delivery.attempts[0].to_string(), "refused at RCPT: 450 4.7.1 grey");
    assert_eq!(delivery.feedback, Feedback::Served);
}

#[tokio::test]
async fn nobody_anywhere_is_deferred() {
    let delivery = deliver(&[nobody(), nobody()], &settings()).await;
    let attempt = &delivery.attempts[0];
    assert_eq!((attempt.verdict, attempt.enhanced), (Verdict::Deferred, (4, 4, 1)));
    assert_eq!(attempt.to_string(), "no connection could be made");
    assert_eq!(delivery.feedback, Feedback::Unreachable);
}

#[tokio::test]
async fn never_counts_only_when_every_host_says_it() {
    let never = || vec![Say("521 5.3.2 never"), Hear("QUIT"), Say("221 bye")];
    let server = Server::new(vec![never()]).await;
    let delivery = deliver(&[server.address], &settings()).await;
    assert_eq!(delivery.attempts[0].verdict, Verdict::Failed);
    let server = Server::new(vec![never()]).await;
    let delivery = deliver(&[nobody(), server.address], &settings()).await;
    assert_eq!(delivery.attempts[0].verdict, Verdict::Deferred);
}

#[tokio::test]
async fn too_many_recipients_go_in_further_transactions() {
    let recipient = |reply| vec![Hear("RCPT TO:"), Say(reply)];
    let start = vec![Hear("MAIL"), Say("250 OK")];
    let end = vec![Hear("DATA"), Say("354 go"), Content, Say("250 queued")];
    let over = "452 4.5.3 too many";
    let scripts = script(&[
        hello("250 mx.test"),
        start.clone(),
        recipient("250 OK"),
        recipient(over),
        recipient(over),
        end.clone(),
        start.clone(),
        recipient("250 OK"),
        recipient(over),
        end.clone(),
        start,
        recipient("250 OK"),
        end,
        quit(),
    ]);
    let server = Server::new(vec![scripts]).await;
    let next_hop = next_hop(&[server.address], TlsPolicy::None);
    let transaction = mail(&["b@else.test", "c@else.test", "d@else.test"]);
    let content = Bytes::from_static(MESSAGE);
    let delivery = transport(&settings()).deliver_to(&next_hop, &transaction, &content).await;
    let delivered = |attempt: &smtp_relay::Attempt| attempt.verdict == Verdict::Delivered;
    assert!(delivery.attempts.iter().all(delivered), "{:?}", delivery.attempts);
    let heard = server.heard().await;
    let of = |name: &str| heard.iter().filter(|line| line.contains(name)).count();
    assert_eq!((of("<b@"), of("<c@"), of("<d@")), (1, 2, 3));
}

#[tokio::test]
async fn a_route_leads_to_its_hosts_and_mx_to_none_of_our_own() {
    let server = Server::new(vec![script(&[hello("250 mx.test"), transaction(), quit()])]).await;
    let route = RouteSettings {
        recipients: vec!["else.test".into()],
        via: Via::Smarthost,
        hosts: vec![format!("relay.test:{}", server.address.port())],
        ..RouteSettings::default()
    };
    let routes = Routes::new(&[route], |path| std::fs::read_to_string(path)).unwrap();
    let dns = FakeDns::default()
        .host("relay.test", &["127.0.0.1"])
        .mx("back.test", &["10 mx.back.test"])
        .host("mx.back.test", &["127.0.0.1"]);
    let transport = Transport::new(&settings(), "ours.test", Arc::new(dns)).unwrap();
    let (transaction, content) = (mail(&["b@else.test"]), Bytes::from_static(MESSAGE));
    for (domain, verdict, text) in [
        ("else.test", Verdict::Delivered, "250 2.0.0 queued"),
        ("back.test", Verdict::Failed, "mail for the domain comes back to this server"),
        ("[127.0.0.1]", Verdict::Failed, "mail for the domain comes back to this server"),
        ("none.test", Verdict::Failed, "the domain does not exist"),
    ] {
        let route = routes.route(&ReversePath::Null, &domain.parse().unwrap());
        let delivery = transport.deliver(&route, &transaction, &content).await;
        let attempt = &delivery.attempts[0];
        assert_eq!((attempt.verdict, attempt.to_string().as_str()), (verdict, text), "{domain}");
    }
}

#[tokio::test]
async fn ipv6_is_spoken() {
    let script = script(&[hello("250 mx.test"), transaction(), quit()]);
    // A machine without IPv6 has nothing to show here.
    let Ok(server) = Server::on("::1".parse().unwrap(), vec![script]).await else { return };
    let delivery = deliver(&[server.address], &settings()).await;
    assert_eq!(delivery.attempts[0].verdict, Verdict::Delivered);
}
