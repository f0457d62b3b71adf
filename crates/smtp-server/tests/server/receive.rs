//! Mail from other servers and from LMTP, over real sockets.

use crate::common::{self, Client, Server, inbox};
use mail_service::MailService;
use smtp_server::{Port, Settings};
use tokio::io::AsyncWriteExt;

const MESSAGE: &str = "From: a@far.test\r\nSubject: été\r\n\r\nBonjour.\r\n..\r\n";

#[tokio::test]
async fn a_message_arrives_whole_behind_its_trace() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    let reply = client.message("a@far.test", &["marie+tag@ac.test"], MESSAGE).await;
    let id = reply.strip_prefix("250 2.0.0 OK queued as ").unwrap().trim_end();
    let messages = server.inbox("marie").await;
    let expect = format!(
        "Return-Path: <a@far.test>\r\nDelivered-To: marie+tag@ac.test\r\n\
         Received: from peer.test ([127.0.0.1])\r\n\tby mx.ac.test with ESMTP id {id}\r\n\
         \tfor <marie+tag@ac.test>;\r\n\t"
    );
    assert!(messages[0].starts_with(&expect), "{}", messages[0]);
    assert!(messages[0].ends_with("Bonjour.\r\n.\r\n"), "{}", messages[0]);
}

#[tokio::test]
async fn an_ipv4_peer_of_a_socket_for_both_families_is_traced_as_ipv4() {
    let server = Server::new().await;
    let (client, stream, _) = server.pair().await;
    server.serve(stream, "[::ffff:192.0.2.1]:4711".parse().unwrap(), Port::Mx);
    let mut client = Client::over(client);
    assert!(client.reply().await.starts_with("220 "));
    client.accepted(&["EHLO peer.test"]).await;
    client.message("a@far.test", &["marie@ac.test"], MESSAGE).await;
    let message = &server.inbox("marie").await[0];
    assert!(message.contains("Received: from peer.test ([192.0.2.1])\r\n"), "{message}");
}

#[tokio::test]
async fn what_was_answered_250_survives_a_power_cut() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    assert!(client.message("a@far.test", &["marie@ac.test"], MESSAGE).await.starts_with("250 "));
    let store = server.store.after_crash();
    let directory =
        directory::Directory::open(store.clone(), directory::Settings::default()).await.unwrap();
    let clock = std::sync::Arc::new(|| jiff::Timestamp::UNIX_EPOCH);
    let service = MailService::open(store, directory, mail_service::Settings::default(), clock)
        .await
        .unwrap();
    assert_eq!(inbox(&service, server.account("marie")).await.len(), 1);
}

#[tokio::test]
async fn a_failing_store_is_answered_451_and_never_250() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    // The account is in memory from here on.
    assert!(client.message("a@far.test", &["marie@ac.test"], MESSAGE).await.starts_with("250 "));
    client.accepted(&["MAIL FROM:<>", "RCPT TO:<marie@ac.test>", "DATA"]).await;
    server.store.fail_after(0);
    client.send("Subject: x\r\n\r\nx\r\n.\r\n").await;
    let reply = client.reply().await;
    assert!(reply.starts_with("451 4.3.0 "), "{reply}");
}

#[tokio::test]
async fn several_recipients_are_not_told_of_each_other() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    client.message("", &["marie@ac.test", "jean@ac.test"], MESSAGE).await;
    for name in ["marie", "jean"] {
        let messages = server.inbox(name).await;
        assert_eq!(messages.len(), 1);
        assert!(messages[0].starts_with("Return-Path: <>\r\n"));
        assert!(!messages[0].contains("\tfor <"), "{}", messages[0]);
    }
}

#[tokio::test]
async fn strangers_reach_our_mailboxes_and_nobody_else() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    client.accepted(&["MAIL FROM:<marie@ac.test> SIZE=1000"]).await;
    for (recipient, expect) in [
        ("u@far.test", "550 5.7.1 "),
        ("nobody@ac.test", "550 5.1.1 "),
        ("full@ac.test", "452 4.2.2 "),
        ("u%far.test@ac.test", "550 5.1.1 "),
        ("MARIE@AC.TEST.", "250 2.1.5 "),
        ("postmaster", "250 2.1.5 "),
    ] {
        let reply = client.command(&format!("RCPT TO:<{recipient}>")).await;
        assert!(reply.starts_with(expect), "{recipient}: {reply}");
    }
}

#[tokio::test]
async fn bdat_arrives_like_data() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    client
        .send("MAIL FROM:<a@far.test>\r\nRCPT TO:<jean@ac.test>\r\nBDAT 4\r\nA: bBDAT 10 LAST\r\n\r\n\r\n.\r\nc\r\n")
        .await;
    for expect in ["250 2.1.0", "250 2.1.5", "250 2.0.0 OK\r\n", "250 2.0.0 OK queued"] {
        let reply = client.reply().await;
        assert!(reply.starts_with(expect), "{reply}");
    }
    assert!(server.inbox("jean").await[0].ends_with("\r\nA: b\r\n\r\n.\r\nc\r\n"));
}

#[tokio::test]
async fn lmtp_answers_for_each_recipient() {
    let server = Server::new().await;
    let mut client = server.session(Port::Lmtp).await;
    let first = client.message("a@far.test", &["marie@ac.test", "jean@ac.test"], MESSAGE).await;
    assert!(first.starts_with("250 2.0.0 OK queued as "), "{first}");
    assert_eq!(client.reply().await, first);
    assert!(server.inbox("jean").await[0].contains("with LMTP id "));
}

#[tokio::test]
async fn lmtp_tells_who_has_the_message_and_who_has_not() {
    // One reply for all made the peer deliver it twice to those who had it.
    let server = Server::new().await;
    let mut client = server.session(Port::Lmtp).await;
    let to = ["jean@ac.test", "marie@ac.test", "jean+tag@ac.test"];
    assert!(client.message("a@far.test", &to[..1], MESSAGE).await.starts_with("250 "));
    server.take_all_uids("jean").await;
    let mut replies = vec![client.message("a@far.test", &to, MESSAGE).await];
    replies.extend([client.reply().await, client.reply().await]);
    for (reply, expect) in replies.iter().zip(["451 4.3.0 ", "250 2.0.0 ", "451 4.3.0 "]) {
        assert!(reply.starts_with(expect), "{replies:?}");
    }
    assert_eq!(server.inbox("marie").await.len(), 1);
    // Over SMTP there is one reply, and the peer tries again for both.
    let mut client = server.session(Port::Mx).await;
    let reply = client.message("a@far.test", &to, MESSAGE).await;
    assert!(reply.starts_with("451 4.3.0 "), "{reply}");
    assert!(client.command("NOOP").await.starts_with("250 "));
}

#[tokio::test]
async fn smuggling_is_refused_over_tls_too() {
    let server = Server::new().await;
    for end in ["\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n\0.\r\n"] {
        let mut client = start_tls(&server, Port::Mx).await;
        client.accepted(&["MAIL FROM:<a@far.test>", "RCPT TO:<marie@ac.test>", "DATA"]).await;
        let evil = "MAIL FROM:<b@far.test>\r\nRCPT TO:<marie@ac.test>\r\nDATA\r\nx\r\n.\r\n";
        for byte in format!("Subject: x\r\n\r\ny{end}{evil}").bytes() {
            client.send([byte]).await;
        }
        assert!(client.reply().await.starts_with("550 5.5.2 "), "{end:?}");
        assert!(client.command("NOOP").await.starts_with("250 "), "{end:?}");
    }
    assert!(server.inbox("marie").await.is_empty());
}

/// A session that has upgraded and said EHLO again.
async fn start_tls(server: &Server, port: Port) -> Client {
    let (stream, served, peer) = server.pair().await;
    server.serve(served, peer, port);
    let mut stream = tokio::io::BufStream::new(stream);
    for expect in ["220 mx.ac.test", "220 2.0.0 "] {
        let mut line = String::new();
        tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut line).await.unwrap();
        assert!(line.starts_with(expect), "{line}");
        if expect == "220 mx.ac.test" {
            stream.write_all(b"HELO peer.test\r\n").await.unwrap();
            stream.flush().await.unwrap();
            tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut line).await.unwrap();
            stream.write_all(b"STARTTLS\r\n").await.unwrap();
            stream.flush().await.unwrap();
        }
    }
    let mut client = Client::over(server.tls(stream.into_inner()).await);
    let announced = client.command("EHLO peer.test").await;
    assert!(!announced.contains("STARTTLS"), "{announced}");
    client
}

#[tokio::test]
async fn starttls_leads_to_a_traced_tls_session() {
    let server = Server::new().await;
    let mut client = start_tls(&server, Port::Mx).await;
    client.message("a@far.test", &["marie@ac.test"], MESSAGE).await;
    let message = &server.inbox("marie").await[0];
    assert!(message.contains("with ESMTPS id "), "{message}");
    assert!(message.contains("\ttls TLS13_"), "{message}");
}

#[tokio::test]
async fn tls_ended_inside_a_chunk_ends_the_connection() {
    // Threats S3: close_notify in the middle of BDAT, then bytes in the clear.
    let server = Server::new().await;
    let (client, stream, peer) = server.pair().await;
    server.serve(stream, peer, Port::Submissions);
    let mut tls = server.tls(client).await;
    let start = format!(
        "EHLO a\r\nAUTH PLAIN {}\r\nMAIL FROM:<marie@ac.test>\r\nRCPT TO:<jean@ac.test>\r\nBDAT 100 LAST\r\nx",
        common::MARIE
    );
    tls.write_all(start.as_bytes()).await.unwrap();
    tls.flush().await.unwrap();
    let (mut plain, mut session) = tls.into_inner();
    session.send_close_notify();
    let mut notice = Vec::new();
    session.write_tls(&mut notice).unwrap();
    plain.write_all(&notice).await.unwrap();
    let _ = plain.write_all(&[b'x'; 200]).await;
    let mut rest = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut rest).await;
    assert!(server.inbox("jean").await.is_empty());
}

#[tokio::test]
async fn who_speaks_before_the_greeting_is_refused() {
    let server = Server::new().await;
    let (mut client, stream, peer) = server.pair().await;
    client.write_all(b"EHLO spam\r\n").await.unwrap();
    stream.readable().await.unwrap();
    server.serve(stream, peer, Port::Mx);
    assert!(Client::over(client).rest().await.starts_with("554 5.5.1 spoke before"));
}

#[tokio::test]
async fn shutdown_lets_the_message_under_way_arrive() {
    let server = Server::new().await;
    let mut idle = server.session(Port::Mx).await;
    let mut busy = server.session(Port::Mx).await;
    busy.accepted(&["MAIL FROM:<a@far.test>", "RCPT TO:<marie@ac.test>", "DATA"]).await;
    server.shutdown.cancel();
    assert!(idle.reply().await.starts_with("421 4.3.2 "));
    assert_eq!(idle.rest().await, "");
    busy.send("Subject: x\r\n\r\nx\r\n.\r\n").await;
    assert!(busy.reply().await.starts_with("250 2.0.0 "));
    assert!(busy.reply().await.starts_with("421 4.3.2 "));
    assert_eq!(server.inbox("marie").await.len(), 1);
}

#[tokio::test]
async fn a_flood_without_line_ends_disturbs_nobody() {
    let server = Server::new().await;
    let mut flood = server.session(Port::Mx).await;
    flood.send(vec![b'x'; 1 << 20]).await;
    let mut other = server.session(Port::Mx).await;
    assert!(other.command("NOOP").await.starts_with("250 "));
    assert!(flood.command("").await.starts_with("500 5.5.2 "));
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_session_goes_on() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    let content = ("x".repeat(98) + "\r\n").repeat(11_000);
    assert!(client.message("", &["marie@ac.test"], &content).await.starts_with("552 5.3.4 "));
    assert!(client.message("", &["marie@ac.test"], MESSAGE).await.starts_with("250 "));
    assert_eq!(server.inbox("marie").await.len(), 1);
}

#[tokio::test]
async fn a_loop_is_stopped() {
    let server = Server::new().await;
    let mut client = server.session(Port::Mx).await;
    let content = "Received: from a by b; now\r\n".repeat(60) + "\r\nx\r\n";
    let reply = client.message("", &["marie@ac.test"], &content).await;
    assert!(reply.starts_with("554 5.4.6 "), "{reply}");
}

#[tokio::test]
async fn a_reload_counts_for_new_connections() {
    let server = Server::new().await;
    server.smtp.reload(Settings { recipients_max: 1, ..Settings::default() });
    let mut client = server.session(Port::Mx).await;
    client.accepted(&["MAIL FROM:<>", "RCPT TO:<marie@ac.test>"]).await;
    assert!(client.command("RCPT TO:<jean@ac.test>").await.starts_with("452 4.5.3 "));
}

#[tokio::test]
async fn twenty_sessions_into_one_mailbox_all_arrive() {
    let server = std::sync::Arc::new(Server::new().await);
    let mut sessions = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let server = std::sync::Arc::clone(&server);
        sessions.spawn(async move {
            let mut client = server.session(Port::Mx).await;
            for _ in 0..5 {
                let reply = client.message("a@far.test", &["marie@ac.test"], MESSAGE).await;
                assert!(reply.starts_with("250 "), "{reply}");
            }
        });
    }
    sessions.join_all().await;
    assert_eq!(server.inbox("marie").await.len(), 100);
}

#[tokio::test]
async fn the_greeting_can_wait_for_early_talkers() {
    let settings = Settings { greeting_delay_milliseconds: 60_000, ..Settings::default() };
    let server = Server::with(settings).await;
    let (mut client, stream, peer) = server.pair().await;
    server.serve(stream, peer, Port::Mx);
    client.write_all(b"EHLO spam\r\n").await.unwrap();
    assert!(Client::over(client).rest().await.starts_with("554 5.5.1 spoke before"));
}

#[tokio::test]
async fn a_peer_that_stalls_the_handshake_is_dropped() {
    let settings = Settings { handshake_seconds_max: 0, ..Settings::default() };
    let server = Server::with(settings).await;
    let (client, stream, peer) = server.pair().await;
    server.serve(stream, peer, Port::Submissions);
    assert_eq!(Client::over(client).rest().await, "");
}

#[tokio::test]
async fn a_silent_peer_is_told_and_dropped() {
    let settings = Settings { command_seconds_max: 0, ..Settings::default() };
    let server = Server::with(settings).await;
    let mut client = server.connect(Port::Mx).await;
    let all = client.rest().await;
    assert!(all.ends_with("421 4.4.2 timeout, closing connection\r\n"), "{all}");
}
