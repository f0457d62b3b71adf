//! Mail from our own users: ports 465 and 587.

use crate::common::{MARIE, Server};
use directory::AccountState;
use smtp_server::Port;

const MESSAGE: &str = "From: Marie <marie@ac.test>\r\nSubject: x\r\n\r\nBonjour.\r\n";

#[tokio::test]
async fn nothing_is_submitted_without_tls_and_a_login() {
    let server = Server::new().await;
    let mut client = server.session(Port::Submission).await;
    let reply = client.command("MAIL FROM:<marie@ac.test>").await;
    assert!(reply.starts_with("530 5.7.0 must issue a STARTTLS"), "{reply}");
    let reply = client.command(&format!("AUTH PLAIN {MARIE}")).await;
    assert!(reply.starts_with("538 5.7.11 "), "{reply}");
    let mut client = server.session(Port::Submissions).await;
    assert!(client.command("MAIL FROM:<marie@ac.test>").await.starts_with("530 5.7.0 auth"));
}

#[tokio::test]
async fn a_submitted_message_gets_what_it_lacks_and_hides_where_it_came_from() {
    let server = Server::new().await;
    let mut client = server.logged_in().await;
    let reply = client.message("marie@ac.test", &["jean@ac.test"], MESSAGE).await;
    assert!(reply.starts_with("250 "), "{reply}");
    let message = &server.inbox("jean").await[0];
    assert!(message.contains("with ESMTPSA id "), "{message}");
    assert!(!message.contains("127.0.0.1"), "{message}");
    assert!(message.contains("\r\nMessage-ID: <"), "{message}");
    assert!(message.contains("\r\nDate: "), "{message}");
    let complete =
        format!("Date: Tue, 24 Nov 2026 10:48:00 +0100\r\nMessage-ID: <1@x>\r\n{MESSAGE}");
    client.message("marie@ac.test", &["jean@ac.test"], &complete).await;
    let message = &server.inbox("jean").await[1];
    assert_eq!(message.matches("Message-ID:").count(), 1, "{message}");
    assert_eq!(message.matches("Date:").count(), 1, "{message}");
}

#[tokio::test]
async fn one_writes_under_ones_own_addresses_only() {
    // Threats S5: AUTH as A, MAIL FROM B; and header From ≠ authenticated identity.
    let server = Server::new().await;
    let mut client = server.logged_in().await;
    assert!(client.command("MAIL FROM:<jean@ac.test>").await.starts_with("553 5.7.1 "));
    assert!(client.command("MAIL FROM:<marie@far.test>").await.starts_with("553 5.7.1 "));
    for (content, expect) in [
        ("From: jean@ac.test\r\n\r\n", "550 5.7.1 "),
        ("From: \"marie@ac.test\" <jean@ac.test>\r\n\r\n", "550 5.7.1 "),
        ("From: marie@ac.test, jean@ac.test\r\n\r\n", "550 5.7.1 "),
        ("Subject: x\r\n\r\n", "550 5.6.0 "),
        ("From: marie@ac.test\r\nFrom: jean@ac.test\r\n\r\n", "550 5.6.0 "),
        ("From: Marie <marie+x@ac.test>\r\n\r\n", "250 "),
        ("From: postmaster@ac.test\r\n\r\n", "250 "),
    ] {
        let reply = client.message("marie@ac.test", &["jean@ac.test"], content).await;
        assert!(reply.starts_with(expect), "{content:?}: {reply}");
    }
    let reply = client.message("", &["jean@ac.test"], MESSAGE).await;
    assert!(reply.starts_with("250 "), "{reply}");
}

#[tokio::test]
async fn an_open_session_ends_when_the_account_is_suspended_or_its_password_changed() {
    let server = Server::new().await;
    let directory = server.service.directory();
    let marie = directory.find("marie@ac.test").await.unwrap().unwrap().id;
    for sender in ["marie@ac.test", ""] {
        let mut client = server.logged_in().await;
        client.accepted(&["MAIL FROM:<marie@ac.test>", "RSET"]).await;
        directory.set_state(marie, AccountState::Suspended).await.unwrap();
        let reply = client.command(&format!("MAIL FROM:<{sender}>")).await;
        assert!(reply.starts_with("421 4.7.0 the account has changed"), "{reply}");
        directory.set_state(marie, AccountState::Active).await.unwrap();
    }
}

#[tokio::test]
async fn there_is_no_way_out_yet() {
    let server = Server::new().await;
    let mut client = server.logged_in().await;
    client.accepted(&["MAIL FROM:<marie@ac.test>"]).await;
    assert!(client.command("RCPT TO:<u@far.test>").await.starts_with("550 5.1.2 "));
}

#[tokio::test]
async fn bad_logins_are_alike_and_end_the_connection() {
    let server = Server::new().await;
    let mut client = server.session(Port::Submissions).await;
    // marie/wrong, nobody/wrong, and jean's password for marie.
    for response in [
        "AG1hcmllQGFjLnRlc3QAd3Jvbmc=",
        "AG5vYm9keUBhYy50ZXN0AHdyb25n",
        "AG1hcmllQGFjLnRlc3QAc2VjcmV0LW9mLWplYW4=",
    ] {
        let reply = client.command(&format!("AUTH PLAIN {response}")).await;
        assert_eq!(reply, "535 5.7.8 authentication credentials invalid\r\n");
    }
    client.command("AUTH PLAIN *").await;
    client.command("AUTH PLAIN *").await;
    assert!(client.rest().await.starts_with("421 4.7.0 "));
}

#[tokio::test]
async fn a_broken_login_breaks_nobody_elses() {
    // CVE-2025-59028: one client's invalid base64 failed other clients' logins.
    let server = Server::new().await;
    let mut broken = server.session(Port::Submissions).await;
    assert!(broken.command("AUTH PLAIN").await.starts_with("334 "));
    let mut good = server.session(Port::Submissions).await;
    assert!(broken.command("!!!").await.starts_with("501 5.5.2 "));
    assert!(good.command(&format!("AUTH PLAIN {MARIE}")).await.starts_with("235 "));
    drop(broken);
}

#[tokio::test]
async fn the_demo_takes_plaintext_logins_on_loopback() {
    let server = Server::demo().await;
    let mut client = server.session(Port::Submission).await;
    client.accepted(&[&format!("AUTH PLAIN {MARIE}")]).await;
    let reply = client.message("marie@ac.test", &["jean@ac.test"], MESSAGE).await;
    assert!(reply.starts_with("250 "), "{reply}");
    assert!(server.inbox("jean").await[0].contains("with ESMTPA id "));
}
