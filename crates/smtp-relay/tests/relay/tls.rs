//! TLS: encrypted where it works, verified where it must be.

use std::io::Write;

use bytes::Bytes;
use smtp_relay::{Credentials, Delivery, NextHop, Settings, TlsPolicy, Verdict};

use crate::deliver::{MESSAGE, mail, next_hop, script, settings, transport};
use crate::server::{
    Act, Hang, Hear, Raw, Say, Server, Tls, certificate, hello, quit, transaction,
};

const OFFERED: &str = "250-mx.test\n250 STARTTLS";

fn start_tls() -> Vec<Act> {
    script(&[hello(OFFERED), vec![Hear("STARTTLS"), Say("220 go")]])
}

fn second_hello(extensions: &'static str) -> Vec<Act> {
    vec![Hear("EHLO ours.test"), Say(extensions)]
}

async fn send(next_hop: &NextHop, settings: &Settings) -> Delivery {
    let content = Bytes::from_static(MESSAGE);
    transport(settings).deliver_to(next_hop, &mail(&["b@else.test"]), &content).await
}

/// Settings that know this authority.
fn trusting(pem: &str) -> (Settings, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    (Settings { ca_file: Some(file.path().to_owned()), ..settings() }, file)
}

#[tokio::test]
async fn any_certificate_encrypts_where_nothing_is_promised() {
    let (config, _) = certificate("somebody.else.test");
    let acts = script(&[
        start_tls(),
        vec![Tls(config)],
        second_hello("250 mx.test"),
        transaction(),
        quit(),
    ]);
    let server = Server::new(vec![acts]).await;
    let delivery = send(&next_hop(&[server.address], TlsPolicy::Opportunistic), &settings()).await;
    let attempt = &delivery.attempts[0];
    assert_eq!(attempt.verdict, Verdict::Delivered, "{attempt}");
    let tls = attempt.remote.as_ref().unwrap().tls.clone().unwrap();
    assert!(tls.starts_with("TLSv1_3 TLS13_AES_"), "{tls}");
}

#[tokio::test]
async fn broken_tls_falls_back_to_the_clear_where_nothing_is_promised() {
    let broken = script(&[start_tls(), vec![Raw(b"this is no TLS\r\n".to_vec()), Hang]]);
    let plain = script(&[hello(OFFERED), transaction(), quit()]);
    let server = Server::new(vec![broken, plain]).await;
    let delivery = send(&next_hop(&[server.address], TlsPolicy::Opportunistic), &settings()).await;
    let attempt = &delivery.attempts[0];
    assert_eq!(attempt.verdict, Verdict::Delivered, "{attempt}");
    assert_eq!(attempt.remote.as_ref().unwrap().tls, None);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_without_an_answer_falls_back_too() {
    let silent = script(&[start_tls(), vec![Hang]]);
    let plain = script(&[hello(OFFERED), transaction(), quit()]);
    let server = Server::new(vec![silent, plain]).await;
    let delivery = send(&next_hop(&[server.address], TlsPolicy::Opportunistic), &settings()).await;
    assert_eq!(delivery.attempts[0].verdict, Verdict::Delivered, "{}", delivery.attempts[0]);
}

#[tokio::test]
async fn verified_takes_a_known_authority_and_the_right_name() {
    let (good, good_pem) = certificate("mx.test");
    let (other, other_pem) = certificate("other.test");
    let (stranger, _) = certificate("mx.test");
    for (config, pem, delivered) in
        [(good, &good_pem, true), (other, &other_pem, false), (stranger, &good_pem, false)]
    {
        let after = script(&[second_hello("250 mx.test"), transaction(), quit()]);
        let acts = script(&[start_tls(), vec![Tls(config)], after]);
        let server = Server::new(vec![acts]).await;
        let (settings, _file) = trusting(pem);
        let delivery = send(&next_hop(&[server.address], TlsPolicy::Verified), &settings).await;
        let attempt = &delivery.attempts[0];
        if delivered {
            assert_eq!(attempt.verdict, Verdict::Delivered, "{attempt}");
        } else {
            assert_eq!(attempt.verdict, Verdict::Deferred);
            assert_eq!(attempt.to_string(), "TLS handshake failed");
        }
    }
}

#[tokio::test]
async fn verified_sends_nothing_in_the_clear() {
    let server = Server::new(vec![script(&[hello("250 mx.test"), quit()])]).await;
    let delivery = send(&next_hop(&[server.address], TlsPolicy::Verified), &settings()).await;
    assert_eq!(delivery.attempts[0].to_string(), "TLS is required and not offered");
    assert_eq!(server.heard().await, ["EHLO ours.test", "QUIT"]);
}

#[tokio::test]
async fn implicit_tls_comes_before_the_greeting_and_a_login_goes_through_it() {
    let (config, pem) = certificate("mx.test");
    let login = vec![Hear("AUTH PLAIN AG1hcmllAHNlY3JldA=="), Say("235 welcome")];
    let acts = script(&[
        vec![Tls(config)],
        hello("250-mx.test\n250 AUTH PLAIN"),
        login,
        transaction(),
        quit(),
    ]);
    let server = Server::new(vec![acts]).await;
    let (settings, _file) = trusting(&pem);
    let mut next_hop = next_hop(&[server.address], TlsPolicy::Implicit);
    next_hop.credentials = Some(Credentials { login: "marie".into(), password: "secret".into() });
    let delivery = send(&next_hop, &settings).await;
    assert_eq!(delivery.attempts[0].verdict, Verdict::Delivered, "{}", delivery.attempts[0]);
}

#[tokio::test]
async fn replies_injected_before_tls_end_the_connection() {
    // Threats S2.
    let injected = b"220 go\r\n250-mx.test\r\n250 OK\r\n".to_vec();
    let acts = script(&[hello(OFFERED), vec![Hear("STARTTLS"), Raw(injected), Hang]]);
    let server = Server::new(vec![acts]).await;
    let delivery = send(&next_hop(&[server.address], TlsPolicy::Opportunistic), &settings()).await;
    assert_eq!(delivery.attempts[0].verdict, Verdict::Deferred);
    assert_eq!(delivery.attempts[0].to_string(), "bytes between STARTTLS and TLS");
    server.heard().await;
}

#[test]
fn an_authority_that_cannot_be_read_is_named() {
    let settings = Settings { ca_file: Some("/no/such/file.pem".into()), ..settings() };
    let dns = std::sync::Arc::new(crate::fake_dns::FakeDns::default());
    let Err(error) = smtp_relay::Transport::new(&settings, "ours.test", dns) else { panic!() };
    assert!(error.to_string().contains("/no/such/file.pem"), "{error}");
}
