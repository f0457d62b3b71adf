//! Plays the driver and the service for a session: one domain with a few mailboxes, no sockets.

use std::sync::Arc;
use std::time::Instant;

use mail_types::QueueId;
use smtp_session::{
    Answer, Config, Connection, ForwardPath, Port, Request, Security, Session, Step, Trace, reply,
};

/// A message the service was told to deliver.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delivered {
    pub(crate) reverse_path: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) trace: Trace,
}

/// A session with its driver; the test is the peer.
pub(crate) struct Peer {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    pub(crate) closed: bool,
    pub(crate) delivered: Vec<Delivered>,
    /// Largest piece of content seen.
    pub(crate) piece_max: usize,
    reverse_path: String,
    recipients: Vec<String>,
    begun: Option<(Trace, Vec<u8>)>,
}

pub(crate) fn config() -> Config {
    Config { hostname: "mx.test".into(), message_bytes_max: 100_000, ..Config::default() }
}

pub(crate) fn connection(port: Port) -> Connection {
    let security = if port == Port::Submissions { Security::Tls } else { Security::Plain };
    let began = jiff::Timestamp::UNIX_EPOCH;
    Connection { port, security, may_start_tls: true, plaintext_auth: false, began }
}

impl Peer {
    pub(crate) fn new(config: Config, connection: Connection) -> Self {
        let now = Instant::now();
        Self {
            session: Session::new(Arc::new(config), connection, now),
            now,
            closed: false,
            delivered: Vec::new(),
            piece_max: 0,
            reverse_path: String::new(),
            recipients: Vec::new(),
            begun: None,
        }
    }

    /// A peer on this port that has read the greeting.
    pub(crate) fn greeted(port: Port) -> Self {
        let mut peer = Self::new(config(), connection(port));
        assert!(peer.run().starts_with("220 "));
        peer
    }

    /// Sends bytes, gives all replies.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.session.receive(bytes.as_ref());
        self.run()
    }

    /// Sends bytes in pieces of this size.
    pub(crate) fn send_in_pieces(&mut self, bytes: &[u8], size: usize) -> String {
        bytes.chunks(size).map(|piece| self.send(piece)).collect()
    }

    /// Does what the session asks until it wants to read.
    pub(crate) fn run(&mut self) -> String {
        let mut replies = String::new();
        loop {
            match self.session.next(self.now) {
                Step::Read => return replies,
                Step::Write(bytes) => replies += std::str::from_utf8(&bytes).unwrap(),
                Step::StartTls => {
                    replies += "(TLS)\r\n";
                    self.session.tls_established();
                }
                Step::Ask(request) => {
                    let answer = self.serve(request);
                    self.session.answer(answer);
                }
                Step::Close => {
                    self.closed = true;
                    return replies;
                }
            }
        }
    }

    fn serve(&mut self, request: Request) -> Answer {
        match request {
            Request::Authenticate { login, password } => {
                let good = login == "marie@ours.test" && password.expose() == "secret";
                if good { Answer::Accept } else { Answer::Refuse(reply::AUTH_FAILED) }
            }
            Request::Mail { reverse_path, .. } => {
                self.recipients.clear();
                assert!(self.begun.is_none(), "content of the transaction before was not dropped");
                self.reverse_path = reverse_path.to_string();
                match self.reverse_path.as_str() {
                    "<somebody@else.test>" => Answer::Refuse(reply::SENDER_NOT_OWN),
                    _ => Answer::Accept,
                }
            }
            Request::Recipient { forward_path, .. } => self.recipient(forward_path),
            Request::Begin(trace) => {
                assert!(self.begun.is_none(), "content begun twice");
                assert_eq!(trace.recipients, self.recipients.len());
                self.begun = Some((trace, Vec::new()));
                if self.reverse_path == "<begin@refused.test>" {
                    self.begun = None;
                    return Answer::Refuse(reply::DISK_FULL);
                }
                Answer::Accept
            }
            Request::Body(piece) => {
                assert!(!piece.is_empty());
                self.piece_max = self.piece_max.max(piece.len());
                if self.reverse_path == "<body@refused.test>" {
                    self.begun = None;
                    return Answer::Refuse(reply::DISK_FULL);
                }
                self.begun.as_mut().expect("content before Begin").1.extend_from_slice(&piece);
                Answer::Accept
            }
            Request::Deliver => {
                let (trace, body) = self.begun.take().expect("Deliver before Begin");
                if self.reverse_path == "<deliver@refused.test>" {
                    return Answer::Refuse(reply::TRY_AGAIN);
                }
                self.delivered.push(Delivered {
                    reverse_path: self.reverse_path.clone(),
                    recipients: self.recipients.clone(),
                    body,
                    trace,
                });
                let id = QueueId(self.delivered.len() as u64);
                let jean_is_refused = self.reverse_path == "<jean@refused.test>";
                let outcome = |to: &String| match jean_is_refused && to.starts_with("jean") {
                    true => Err(reply::TRY_AGAIN),
                    false => Ok(id),
                };
                Answer::Delivered(self.recipients.iter().map(outcome).collect())
            }
            Request::Discard(_) => {
                self.begun = None;
                Answer::Accept
            }
        }
    }

    fn recipient(&mut self, forward_path: ForwardPath) -> Answer {
        let address = match forward_path {
            ForwardPath::Postmaster => "postmaster@ours.test".to_owned(),
            ForwardPath::Address(address) => address.lookup_key(),
        };
        let (local, domain) = address.rsplit_once('@').unwrap();
        let answer = match (local, domain) {
            (_, domain) if domain != "ours.test" => Answer::Refuse(reply::RELAY_DENIED),
            ("marie" | "jean" | "hélène" | "postmaster", _) => Answer::Accept,
            ("full", _) => Answer::Refuse(reply::MAILBOX_FULL),
            _ => Answer::Refuse(reply::UNKNOWN_USER),
        };
        if answer == Answer::Accept {
            self.recipients.push(address);
        }
        answer
    }
}
