//! Threats S1 and S3: nothing but CR LF "." CR LF ends a message, however the bytes are cut.

use crate::peer::{self, Peer};
use smtp_session::{Config, Port};

/// The sequences of both public scanners (VU#302671) that some server takes for an end of data.
const FALSE_ENDS: [&str; 12] = [
    "\n.\n",
    "\n.\r",
    "\r.\n",
    "\r.\r",
    "\n.\r\n",
    "\r.\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\r\n.\r\r\n",
    "\r\r\n.\r\r\n",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
];

const SMUGGLED: &str = "MAIL FROM:<admin@ours.test>\r\nRCPT TO:<marie@ours.test>\r\nDATA\r\n\
                        From: admin@ours.test\r\n\r\nevil\r\n.\r\n";

fn config() -> Config {
    Config { message_bytes_max: 1 << 20, ..peer::config() }
}

/// A peer that may send content now.
fn in_data(port: Port) -> Peer {
    let mut peer = Peer::new(config(), peer::connection(port));
    peer.run();
    peer.send(if port == Port::Lmtp { "LHLO a\r\n" } else { "EHLO a\r\n" });
    if port.is_submission() {
        peer.send("AUTH PLAIN AG1hcmllQG91cnMudGVzdABzZWNyZXQ=\r\n");
    }
    peer.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<marie@ours.test>\r\n");
    assert!(peer.send("DATA\r\n").starts_with("354 "));
    peer
}

/// One refusal, no message, and a session that is in step afterwards.
fn assert_refused_once(peer: &mut Peer, replies: &str, what: &str) {
    assert_eq!(replies, "550 5.5.2 CR, LF or NUL out of place in message\r\n", "{what}");
    assert_eq!(peer.delivered, [], "{what}");
    assert!(peer.send("RCPT TO:<marie@ours.test>\r\n").starts_with("503 "), "{what}");
    assert!(peer.send("NOOP\r\n").starts_with("250 "), "{what}");
}

#[test]
fn no_false_end_starts_a_second_message_at_any_cut() {
    for end in FALSE_ENDS {
        // The smuggled message ends with the only true end there is.
        let content = format!("Subject: x\r\n\r\ntext{end}{SMUGGLED}");
        let bytes = content.as_bytes();
        for cut in 0..=bytes.len() {
            let mut peer = in_data(Port::Mx);
            let replies = peer.send(&bytes[..cut]) + &peer.send(&bytes[cut..]);
            assert_refused_once(&mut peer, &replies, &format!("{end:?} cut at {cut}"));
        }
        for port in [Port::Mx, Port::Submissions, Port::Lmtp] {
            for size in [1, 2, 3, 7] {
                let mut peer = in_data(port);
                let replies = peer.send_in_pieces(bytes, size);
                assert_refused_once(&mut peer, &replies, &format!("{end:?} in {size}s, {port:?}"));
            }
        }
    }
}

#[test]
fn no_false_end_works_at_the_start_or_at_buffer_edges() {
    for end in FALSE_ENDS {
        for edge in [0, 1, 4096, 8192, 16384, 32768] {
            for before in 0..end.len().min(edge) + 1 {
                let line = "x".repeat(70) + "\r\n";
                let mut content = line.repeat(edge / line.len() + 1);
                content.truncate(edge - before);
                // Cutting may have left half a line end, which would be a fault of its own.
                let content = content.trim_end_matches('\r').to_owned();
                let bytes = format!("{content}{end}{SMUGGLED}").into_bytes();
                let mut peer = in_data(Port::Mx);
                let replies = peer.send_in_pieces(&bytes, edge.max(4096));
                let what = format!("{end:?} {before} before {edge}");
                assert_refused_once(&mut peer, &replies, &what);
            }
        }
    }
}

#[test]
fn bdat_carries_no_false_end_either() {
    for end in FALSE_ENDS {
        let content = format!("text{end}{SMUGGLED}");
        for cut in 1..content.len() {
            let mut peer = Peer::greeted(Port::Mx);
            peer.send("EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<marie@ours.test>\r\n");
            let (first, second) = content.split_at(cut);
            let mut replies = peer.send(format!("BDAT {}\r\n{first}", first.len()));
            replies += &peer.send(format!("BDAT {} LAST\r\n{second}", second.len()));
            assert!(replies.contains("550 5.5.2"), "{end:?} at {cut}: {replies}");
            assert_eq!(replies.lines().count(), 2, "{end:?} at {cut}: {replies}");
            assert_eq!(peer.delivered, [], "{end:?} at {cut}");
            assert!(peer.send("NOOP\r\n").starts_with("250 "), "{end:?} at {cut}");
        }
    }
}

#[test]
fn dots_and_true_ends_survive_every_cut() {
    let bytes = b"..a\r\n...\r\n\r\n.b\r\n.\r\n";
    for cut in 0..=bytes.len() {
        let mut peer = in_data(Port::Mx);
        let replies = peer.send(&bytes[..cut]) + &peer.send(&bytes[cut..]);
        assert!(replies.starts_with("250 2.0.0 OK queued"), "cut at {cut}: {replies}");
        assert_eq!(peer.delivered[0].body, b".a\r\n..\r\n\r\nb\r\n", "cut at {cut}");
    }
}

#[test]
fn one_byte_chunks_cost_nothing_and_end_at_the_command_limit() {
    let mut peer = Peer::new(Config { commands_max: 1000, ..config() }, peer::connection(Port::Mx));
    peer.run();
    peer.send("EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<marie@ours.test>\r\n");
    let mut replies = String::new();
    for _ in 0..2000 {
        replies = peer.send("BDAT 1\r\nx");
        if peer.closed {
            break;
        }
    }
    assert!(replies.starts_with("421 4.7.0 too many commands"), "{replies}");
    assert_eq!(peer.piece_max, 1);
}
