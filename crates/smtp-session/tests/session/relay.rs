//! Threats S5: the open-relay probes, from strangers.

use crate::peer::{self, Peer};
use smtp_session::{Config, Port};

const SENDERS: [&str; 6] =
    ["<>", "<u@far.test>", "<u@ours.test>", "<u>", "<u@localhost>", "<u@[192.0.2.1]>"];

/// `ours.test` is ours, `far.test` is not, 192.0.2.1 is our address.
const PROBES: [&str; 28] = [
    "<u@far.test>",
    "<u%far.test@ours.test>",
    "<u%far.test@[192.0.2.1]>",
    "<u%far.test>",
    "<\"u@far.test\">",
    "<\"u%far.test\">",
    "<\"u@far.test\"@ours.test>",
    "<\"u%far.test\"@ours.test>",
    "<u@far.test@ours.test>",
    "<@ours.test:u@far.test>",
    "<@[192.0.2.1]:u@far.test>",
    "<@ours.test,@far.test:u@far.test>",
    "<far.test!u>",
    "<far.test!u@ours.test>",
    "<far.test!u@[192.0.2.1]>",
    "<ours.test!far.test!u>",
    "<u@far.test.>",
    "<u@[198.51.100.7]>",
    "<u@[IPv6:2001:db8::7]>",
    "<u@ours.test%00.far.test>",
    "<u@ours.test\n>",
    "<u@ⓕar.test>",
    "<u@sub.ours.test.far.test>",
    "<\"\">@ours.test>",
    "<\"\"@ours.test>",
    "<m\u{e9}@ours.test>",
    "<marie@ours.test>far.test>",
    "u@far.test",
];

#[test]
fn no_probe_is_accepted_from_any_sender() {
    for sender in SENDERS {
        for probe in PROBES {
            for parameter in ["", " SMTPUTF8"] {
                let config = Config { errors_max: u32::MAX, ..peer::config() };
                let mut peer = Peer::new(config, peer::connection(Port::Mx));
                peer.run();
                peer.send("EHLO a\r\n");
                let began = peer.send(format!("MAIL FROM:{sender}{parameter}\r\n"));
                let replies = peer.send(format!("RCPT TO:{probe}\r\n"));
                let what = format!("{sender} to {probe:?}: {began}{replies}");
                assert!(replies.lines().all(|line| line.starts_with('5')), "{what}");
                if began.starts_with("250 ") {
                    let code = ["550 5.7.1", "550 5.1.1", "501 ", "553 5.6.7", "500 5.5.2"];
                    assert!(code.iter().any(|code| replies.starts_with(code)), "{what}");
                }
                assert!(peer.send("DATA\r\n").starts_with('5'), "{what}");
                assert_eq!(peer.delivered, []);
            }
        }
    }
}

#[test]
fn the_controls_are_accepted() {
    for recipient in
        ["<marie@OURS.Test>", "<marie@ours.test.>", "<postmaster>", "<\"marie\"@ours.test>"]
    {
        let mut peer = Peer::greeted(Port::Mx);
        peer.send("EHLO a\r\nMAIL FROM:<u@far.test>\r\n");
        let reply = peer.send(format!("RCPT TO:{recipient}\r\n"));
        assert!(reply.starts_with("250 2.1.5"), "{recipient}: {reply}");
    }
}
