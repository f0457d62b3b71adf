//! What strangers claim about themselves, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use crate::common::Server;
use mail_types::{Actor, Authentication, AuthenticationResult, MailboxName, UidSet};
use sender_auth::{Answering, Dns, DnsFault, Record, RecordKind, Settings, Verifier};
use smtp_server::{Port, SenderPolicy};

/// Two domains that want failures rejected: `honest.test` lets this machine send, ours does not.
struct Zone;

impl Dns for Zone {
    fn query<'a>(&'a self, name: &'a str, kind: RecordKind) -> Answering<'a> {
        let text = match (name, kind) {
            ("honest.test", RecordKind::Txt) => "v=spf1 ip4:127.0.0.0/8 -all",
            ("ac.test" | "forged.test", RecordKind::Txt) => "v=spf1 -all",
            ("_dmarc.honest.test" | "_dmarc.ac.test" | "_dmarc.forged.test", RecordKind::Txt) => {
                "v=DMARC1; p=reject"
            }
            _ => return Box::pin(std::future::ready(Err(DnsFault::NoSuchName))),
        };
        let record = Record::Txt(text.as_bytes().to_vec());
        Box::pin(std::future::ready(Ok(vec![record])))
    }
}

async fn server(settings: Settings) -> Server {
    let server = Server::new().await;
    let verifier = Verifier::new(Arc::new(Zone), Duration::from_secs(5)).unwrap();
    server.smtp.verify_senders(Some(SenderPolicy::new(verifier, settings)));
    server
}

fn from(author: &str) -> String {
    format!(
        "Authentication-Results: mx.ac.test; dmarc=pass\r\n\
         Authentication-Results: elsewhere.test; dmarc=pass\r\nFrom: {author}\r\n\r\nBonjour.\r\n"
    )
}

/// How many messages there are in a mailbox, and what is kept of the last one's sender.
async fn found(server: &Server, mailbox: &str) -> (usize, Option<Authentication>) {
    let owner = server.account("marie");
    let actor = Actor::Account(owner);
    let name = MailboxName::parse(mailbox).unwrap();
    let mailbox = server.service.open_mailbox(actor, owner, &name).await.unwrap();
    let all = UidSet::range(1, u32::MAX);
    let rows = server.service.messages(actor, &mailbox, &all, 1000).await.unwrap();
    (rows.len(), rows.last().and_then(|(_, row)| row.authentication))
}

#[tokio::test]
async fn an_honest_message_carries_our_results_and_no_forged_ones() {
    let server = server(Settings::default()).await;
    let mut client = server.session(Port::Mx).await;
    let message = from("a@honest.test");
    let reply = client.message("a@honest.test", &["marie@ac.test"], &message).await;
    assert!(reply.starts_with("250 "), "{reply}");
    let stored = &server.inbox("marie").await[0];
    let ours = "Authentication-Results: mx.ac.test;\r\n\tspf=pass\r\n\t\tsmtp.mailfrom=honest.test;\
                \r\n\tdkim=none;\r\n\tdmarc=pass (p=reject)\r\n\t\theader.from=honest.test\r\nReceived:";
    assert!(stored.contains(ours), "{stored}");
    assert_eq!(stored.matches("Authentication-Results: mx.ac.test").count(), 1, "{stored}");
    assert!(stored.contains("\r\nAuthentication-Results: elsewhere.test"), "{stored}");
    assert!(stored.ends_with("From: a@honest.test\r\n\r\nBonjour.\r\n"), "{stored}");
    use AuthenticationResult::{None as Nothing, Pass};
    let kept = Authentication { spf: Pass, dkim: Nothing, dmarc: Pass };
    assert_eq!(found(&server, "INBOX").await, (1, Some(kept)));
}

#[tokio::test]
async fn a_message_that_fails_dmarc_is_in_the_mailbox_for_junk() {
    let server = server(Settings::default()).await;
    let mut client = server.session(Port::Mx).await;
    let message = from("a@forged.test");
    let reply = client.message("a@honest.test", &["marie@ac.test"], &message).await;
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(found(&server, "INBOX").await.0, 0);
    let (count, kept) = found(&server, "Indésirables").await;
    assert_eq!((count, kept.map(|kept| kept.dmarc)), (1, Some(AuthenticationResult::Fail)));
}

// Threats S10, S11.
#[tokio::test]
async fn a_forged_colleague_or_an_unclear_author_is_refused() {
    let server = server(Settings::default()).await;
    let mut client = server.session(Port::Mx).await;
    for (author, wanted) in [
        ("jean@ac.test", "550 5.7.26 "),
        ("jean@ac.test, a@honest.test", "550 5.6.0 "),
        ("a@honest.test\r\nFrom: jean@ac.test", "550 5.6.0 "),
    ] {
        let message = from(author);
        let reply = client.message("a@honest.test", &["marie@ac.test"], &message).await;
        assert!(reply.starts_with(wanted), "{author}: {reply}");
    }
    assert_eq!(found(&server, "INBOX").await.0, 0);
}

#[tokio::test]
async fn listed_networks_and_who_is_no_stranger_are_not_judged() {
    let exempt_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let exempt = server(Settings { exempt_networks, ..Settings::default() }).await;
    let mut client = exempt.session(Port::Mx).await;
    let reply = client.message("", &["marie@ac.test"], &from("jean@ac.test")).await;
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(found(&exempt, "INBOX").await.0, 1);

    let server = server(Settings::default()).await;
    let mut client = server.session(Port::Lmtp).await;
    let reply = client.message("", &["marie@ac.test"], &from("jean@ac.test")).await;
    assert!(reply.starts_with("250 "), "{reply}");
    let mut client = server.logged_in().await;
    let reply = client.message("marie@ac.test", &["marie@ac.test"], &from("marie@ac.test")).await;
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(found(&server, "INBOX").await, (2, None));
    assert!(server.inbox("marie").await[0].contains("mx.ac.test; dmarc=pass"));
}
