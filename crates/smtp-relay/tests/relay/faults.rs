//! Servers that refuse, hang, break off or talk without end, at each step.

use std::io;

use bytes::Bytes;
use smtp_relay::{Feedback, Settings, TlsPolicy, Verdict};

use crate::deliver::{deliver, mail, next_hop, script, settings, transport};
use crate::server::{Act, Content, Hang, Hear, Raw, Say, Server, Stuff, hello, quit};

/// The script up to a step whose reply is then the test's.
fn up_to(step: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    for (name, heard, good) in [
        ("greeting", None, "220 mx.test"),
        ("EHLO", Some("EHLO"), "250 mx.test"),
        ("MAIL", Some("MAIL"), "250 OK"),
        ("RCPT", Some("RCPT"), "250 OK"),
        ("DATA", Some("DATA"), "354 go"),
        ("end of content", None, ""),
    ] {
        acts.extend(heard.map(Hear));
        if name == step {
            break;
        }
        acts.push(Say(good));
    }
    if step == "end of content" {
        acts.push(Content);
    }
    acts
}

#[tokio::test]
async fn a_refusal_at_each_step_is_told_as_it_is() {
    for (step, reply, verdict, enhanced) in [
        ("greeting", "554 5.7.1 no", Verdict::Deferred, (4, 3, 2)),
        ("greeting", "450 4.7.1 later", Verdict::Deferred, (4, 7, 1)),
        ("EHLO", "450 later", Verdict::Deferred, (4, 3, 2)),
        ("MAIL", "550 5.7.1 no", Verdict::Failed, (5, 7, 1)),
        ("MAIL", "451 later", Verdict::Deferred, (4, 1, 0)),
        ("RCPT", "550 5.1.1 unknown", Verdict::Failed, (5, 1, 1)),
        ("RCPT", "450 4.2.1 later", Verdict::Deferred, (4, 2, 1)),
        ("DATA", "554 5.5.1 no", Verdict::Failed, (5, 5, 1)),
        ("DATA", "451 later", Verdict::Deferred, (4, 0, 0)),
        ("end of content", "554 5.6.0 spam", Verdict::Failed, (5, 6, 0)),
        ("end of content", "452 4.3.1 full", Verdict::Deferred, (4, 3, 1)),
    ] {
        let acts = script(&[up_to(step), vec![Say(reply)], quit()]);
        let server = Server::new(vec![acts]).await;
        let delivery = deliver(&[server.address], &settings()).await;
        let attempt = &delivery.attempts[0];
        assert_eq!((attempt.verdict, attempt.enhanced), (verdict, enhanced), "{step}: {attempt}");
        assert_eq!(attempt.to_string(), format!("refused at {step}: {reply}"));
        assert_eq!(server.heard().await.last().unwrap(), "QUIT", "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_at_each_step_ends_in_time() {
    for (step, text) in [
        ("greeting", "no answer in time at greeting"),
        ("EHLO", "no answer in time at EHLO"),
        ("MAIL", "no answer in time at MAIL"),
        ("RCPT", "no answer in time at RCPT"),
        ("DATA", "no answer in time at DATA"),
        ("end of content", "connection lost after the content; the server may have the message"),
    ] {
        let server = Server::new(vec![script(&[up_to(step), vec![Hang]])]).await;
        let delivery = deliver(&[server.address], &settings()).await;
        let attempt = &delivery.attempts[0];
        assert_eq!((attempt.verdict, attempt.enhanced), (Verdict::Deferred, (4, 4, 2)), "{step}");
        assert_eq!(attempt.to_string(), text);
        assert_eq!(delivery.feedback, Feedback::Unreachable);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_content_is_left() {
    let acts = script(&[up_to("DATA"), vec![Say("354 go"), Stuff]]);
    let server = Server::new(vec![acts]).await;
    // More than the buffers of two sockets hold.
    let line = [&[b'x'; 62][..], b"\r\n"].concat();
    let content = Bytes::from(line.repeat(1 << 18));
    let mut transaction = mail(&["b@else.test"]);
    transaction.size = content.len() as u64;
    let next_hop = next_hop(&[server.address], TlsPolicy::None);
    let delivery = transport(&settings()).deliver_to(&next_hop, &transaction, &content).await;
    assert_eq!(delivery.attempts[0].to_string(), "no answer in time at content");
}

#[tokio::test]
async fn breaking_off_at_each_step_is_deferred() {
    for (step, text) in [
        ("greeting", "connection lost at greeting"),
        ("MAIL", "connection lost at MAIL"),
        ("RCPT", "connection lost at RCPT"),
        ("DATA", "connection lost at DATA"),
        ("end of content", "connection lost after the content; the server may have the message"),
    ] {
        let server = Server::new(vec![up_to(step)]).await;
        let delivery = deliver(&[server.address], &settings()).await;
        assert_eq!(delivery.attempts[0].verdict, Verdict::Deferred);
        assert_eq!(delivery.attempts[0].to_string(), text);
    }
}

#[tokio::test]
async fn talk_without_end_is_cut_off() {
    let endless_line = [&b"220 "[..], &vec![b'x'; 1 << 20]].concat();
    let endless_reply = b"250-x\r\n".repeat(10_000);
    let nul = b"\0\0\0\0\r\n".to_vec();
    for (acts, text) in [
        (vec![Raw(endless_line), Hang], "endless reply line at greeting"),
        (vec![Raw(b"220-x\r\n".repeat(10_000)), Hang], "endless reply at greeting"),
        (script(&[up_to("EHLO"), vec![Raw(endless_reply), Hang]]), "endless reply at EHLO"),
        (vec![Raw(nul), Hang], "unreadable reply at greeting"),
        (vec![Say("SSH-2.0-OpenSSH_9.2"), Hang], "unreadable reply at greeting"),
        (vec![Say("220 mx\n250 mx\n250 OK"), Hang], "reply without a command at EHLO"),
    ] {
        let server = Server::new(vec![acts]).await;
        let delivery = deliver(&[server.address], &settings()).await;
        let attempt = &delivery.attempts[0];
        assert_eq!(attempt.verdict, Verdict::Deferred);
        assert_eq!(attempt.to_string(), text);
        server.heard().await;
    }
}

#[tokio::test]
async fn what_a_server_says_can_be_shown() {
    let acts = script(&[
        up_to("RCPT"),
        vec![Raw(b"550-5.1.1 \x1b]0;x\x07no\r\n550 5.1.1 \xe2\x80\xaesuch\xff user\r\n".to_vec())],
        quit(),
    ]);
    let server = Server::new(vec![acts]).await;
    let delivery = deliver(&[server.address], &settings()).await;
    let reply = delivery.attempts[0].reply.as_ref().unwrap();
    assert_eq!(reply.text, "]0;xno such\u{fffd} user");
}

/// Content that cannot be read to its end.
struct Broken;

impl smtp_relay::Content for Broken {
    fn size(&self) -> u64 {
        100_000
    }

    async fn read(&self, offset: u64) -> io::Result<Bytes> {
        match offset {
            0 => Ok(Bytes::from(b"0123456789abcd\r\n".repeat(2048))),
            _ => Err(io::Error::other("disk")),
        }
    }
}

#[tokio::test]
async fn content_that_cannot_be_read_is_not_delivered_in_part() {
    for extensions in ["250 mx.test", "250-mx.test\n250 CHUNKING"] {
        let mut acts = script(&[
            hello(extensions),
            vec![Hear("MAIL"), Say("250 OK"), Hear("RCPT"), Say("250 OK")],
        ]);
        if extensions.contains("CHUNKING") {
            acts.extend([Hear("BDAT 100000 LAST"), Content]);
        } else {
            acts.extend([Hear("DATA"), Say("354 go"), Content]);
        }
        let server = Server::new(vec![acts]).await;
        let mut transaction = mail(&["b@else.test"]);
        transaction.size = 100_000;
        let next_hop = next_hop(&[server.address], TlsPolicy::None);
        let transport = transport(&Settings::default());
        let delivery = transport.deliver_to(&next_hop, &transaction, &Broken).await;
        assert_eq!(delivery.attempts[0].to_string(), "content could not be read");
        assert_eq!(delivery.attempts[0].verdict, Verdict::Deferred);
        assert_eq!(server.heard().await.last().unwrap(), "(closed)", "no dot came");
    }
}
