//! Threats S4: after any sequence of commands, good and bad, the session stands where a small
//! model of RFC 5321 §4.1.4 stands: every reply has the code the model foretells, and what is
//! delivered has the recipients that the model accepted.

use crate::peer::{self, Peer};
use proptest::prelude::*;
use smtp_session::{Config, Port};

#[derive(Clone, Copy, Debug)]
enum Act {
    Hello,
    Mail,
    MailBad,
    MailUtf8,
    Recipient,
    RecipientUnknown,
    RecipientUtf8,
    DataGood,
    DataSmuggling,
    DataTooLarge,
    Chunk,
    ChunkLast,
    ChunkBad,
    ChunkTooLarge,
    Reset,
    Noop,
    Junk,
    Auth,
    StartTls,
}

use Act::*;

const ACTS: [Act; 19] = [
    Hello,
    Mail,
    MailBad,
    MailUtf8,
    Recipient,
    RecipientUnknown,
    RecipientUtf8,
    DataGood,
    DataSmuggling,
    DataTooLarge,
    Chunk,
    ChunkLast,
    ChunkBad,
    ChunkTooLarge,
    Reset,
    Noop,
    Junk,
    Auth,
    StartTls,
];

/// What the model remembers.
#[derive(Default)]
struct Model {
    hello: bool,
    mail: bool,
    recipients: usize,
    chunks: bool,
    delivered: Vec<usize>,
}

impl Model {
    fn reset(&mut self) {
        (self.mail, self.recipients, self.chunks) = (false, 0, false);
    }

    /// The code of the last reply to the act.
    fn does(&mut self, act: Act) -> u16 {
        match act {
            Hello => {
                self.reset();
                self.hello = true;
                250
            }
            Mail if self.hello && !self.mail => {
                self.mail = true;
                250
            }
            MailBad => 501,
            MailUtf8 if self.hello && !self.mail => 553,
            Mail | MailUtf8 => 503,
            Recipient | RecipientUnknown | RecipientUtf8 if !self.mail || self.chunks => 503,
            Recipient => {
                self.recipients += 1;
                250
            }
            RecipientUnknown => 550,
            RecipientUtf8 => 553,
            DataGood | DataSmuggling | DataTooLarge => self.data(act),
            Chunk | ChunkLast | ChunkBad | ChunkTooLarge => self.chunk(act),
            Reset => {
                self.reset();
                250
            }
            Noop => 250,
            Junk => 500,
            Auth if self.hello && !self.mail => 502,
            StartTls if self.hello && !self.mail => 502,
            Auth | StartTls => 503,
        }
    }

    fn data(&mut self, act: Act) -> u16 {
        if !self.mail {
            return 503;
        }
        let (recipients, chunks) = (self.recipients, self.chunks);
        self.reset();
        match act {
            _ if chunks => 503,
            _ if recipients == 0 => 554,
            DataSmuggling => 550,
            DataTooLarge => 552,
            _ => {
                self.delivered.push(recipients);
                250
            }
        }
    }

    fn chunk(&mut self, act: Act) -> u16 {
        if !self.mail {
            return 503;
        }
        let recipients = self.recipients;
        match act {
            Chunk if recipients > 0 => {
                self.chunks = true;
                return 250;
            }
            _ => self.reset(),
        }
        match act {
            _ if recipients == 0 => 554,
            ChunkBad => 550,
            ChunkTooLarge => 552,
            _ => {
                self.delivered.push(recipients);
                250
            }
        }
    }
}

fn command(act: Act) -> &'static str {
    match act {
        Hello => "HELO a\r\n",
        Mail => "MAIL FROM:<a@b.test>\r\n",
        MailBad => "MAIL FROM:a@b.test\r\n",
        MailUtf8 => "MAIL FROM:<é@b.test>\r\n",
        Recipient => "RCPT TO:<marie@ours.test>\r\n",
        RecipientUnknown => "RCPT TO:<nobody@ours.test>\r\n",
        RecipientUtf8 => "RCPT TO:<hélène@ours.test>\r\n",
        DataGood | DataSmuggling | DataTooLarge => "DATA\r\n",
        Chunk => "BDAT 6\r\nQUIT\r\n",
        ChunkLast => "BDAT 6 LAST\r\nQUIT\r\n",
        ChunkBad => "BDAT 7\r\nQUIT\n\r\n",
        ChunkTooLarge => "BDAT 2000\r\n",
        Reset => "RSET\r\n",
        Noop => "NOOP\r\n",
        Junk => "JUNK\r\n",
        Auth => "AUTH PLAIN AG1hcmllAHNlY3JldA==\r\n",
        StartTls => "STARTTLS\r\n",
    }
}

fn content(act: Act) -> String {
    match act {
        DataSmuggling => "x\n.\r\nMAIL FROM:<c@d.test>\r\n.\r\n".into(),
        DataTooLarge => "MAIL FROM:<c@d.test>\r\n".repeat(100) + ".\r\n",
        _ => "x\r\n.\r\n".into(),
    }
}

fn play(peer: &mut Peer, act: Act) -> String {
    let mut replies = peer.send(command(act));
    if replies.starts_with("354 ") {
        replies = peer.send(content(act));
    }
    if let ChunkTooLarge = act {
        replies += &peer.send("RSET\r\nQUIT\r\n".repeat(200).get(..2000).unwrap());
    }
    replies
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_sequence_of_commands_gets_out_of_step(
        acts in proptest::collection::vec(proptest::sample::select(&ACTS[..]), 1..60),
    ) {
        let config = Config {
            message_bytes_max: 1000,
            errors_max: u32::MAX,
            unknown_recipients_max: u32::MAX,
            ..peer::config()
        };
        let mut connection = peer::connection(Port::Mx);
        connection.may_start_tls = false;
        let mut peer = Peer::new(config, connection);
        peer.run();
        let mut model = Model::default();
        for (number, &act) in acts.iter().enumerate() {
            let replies = play(&mut peer, act);
            let code = model.does(act);
            let what = format!("act {number} of {acts:?} got {replies:?}, not {code}");
            prop_assert_eq!(replies.lines().count(), 1, "{}", &what);
            prop_assert!(replies.starts_with(&code.to_string()), "{}", &what);
        }
        let delivered: Vec<_> =
            peer.delivered.iter().map(|message| message.recipients.len()).collect();
        prop_assert_eq!(delivered, model.delivered);
    }

    #[test]
    fn no_bytes_make_it_panic_or_answer_differently_by_cut(
        bytes in proptest::collection::vec(
            proptest::sample::select(&["HELO a\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<marie@ours.test>\r\n",
                "BDAT 3 LAST\r\n", "BDAT 5\r\n", "RSET\r\n", "\r\n", ".", "\n", "\r", "\0", "x", "é",
                "QUIT", "VRFY ", "AUTH LOGIN\r\n", "\u{ff}"][..]), 0..40),
        size in 1usize..7,
    ) {
        let bytes = bytes.concat();
        let (mut whole, mut cut) = (Peer::greeted(Port::Submissions), Peer::greeted(Port::Submissions));
        let one = whole.send(&bytes);
        let other = cut.send_in_pieces(bytes.as_bytes(), size);
        prop_assert_eq!(one, other);
        prop_assert_eq!(whole.delivered, cut.delivered);
    }
}
