//! A server on loopback that does, connection by connection, what its scripts say.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// One thing a server does.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends a line.
    Say(&'static str),
    /// Sends bytes.
    Raw(Vec<u8>),
    /// Reads a line; it starts like this.
    Hear(&'static str),
    /// Reads up to the final dot.
    Content,
    /// Does TLS with this certificate.
    Tls(Arc<ServerConfig>),
    /// Reads until the client closes, and says nothing.
    Hang,
    /// Waits for the client to close without reading.
    Stuff,
}

pub(crate) use Act::{Content, Hang, Hear, Raw, Say, Stuff, Tls};

/// From the greeting to the reply to EHLO.
pub(crate) fn hello(extensions: &'static str) -> Vec<Act> {
    vec![Say("220 mx.test"), Hear("EHLO ours.test"), Say(extensions)]
}

/// A whole transaction for one recipient without PIPELINING.
pub(crate) fn transaction() -> Vec<Act> {
    vec![
        Hear("MAIL FROM:<a@ours.test>"),
        Say("250 OK"),
        Hear("RCPT TO:"),
        Say("250 OK"),
        Hear("DATA"),
        Say("354 go"),
        Content,
        Say("250 2.0.0 queued"),
    ]
}

pub(crate) fn quit() -> Vec<Act> {
    vec![Hear("QUIT"), Say("221 bye")]
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Lines heard, of all connections.
    heard: Arc<Mutex<Vec<String>>>,
    running: JoinHandle<()>,
}

impl Server {
    /// Serves one connection per script, one after the other.
    pub(crate) async fn new(scripts: Vec<Vec<Act>>) -> Self {
        Self::on("127.0.0.1".parse().unwrap(), scripts).await.unwrap()
    }

    pub(crate) async fn on(ip: IpAddr, scripts: Vec<Vec<Act>>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((ip, 0)).await?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let running = tokio::spawn(async move {
            let mut connections = Vec::new();
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                connections.push(tokio::spawn(serve(stream, script, Arc::clone(&ears))));
            }
            drop(listener);
            for connection in connections {
                connection.await.unwrap();
            }
        });
        Ok(Self { address, heard, running })
    }

    /// Waits until all scripts have come to their ends, and gives what was heard.
    pub(crate) async fn heard(self) -> Vec<String> {
        self.running.await.unwrap();
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

async fn serve(stream: TcpStream, script: Vec<Act>, heard: Arc<Mutex<Vec<String>>>) {
    let mut acts = script.into_iter();
    let mut plain = Ends { stream, buffer: Vec::new() };
    while let Some(act) = acts.next() {
        if let Tls(config) = act {
            let Ok(stream) = TlsAcceptor::from(config).accept(plain.stream).await else { return };
            let mut secret = Ends { stream, buffer: Vec::new() };
            for act in acts {
                secret.act(act, &heard).await;
            }
            let _ = secret.stream.shutdown().await;
            return;
        }
        plain.act(act, &heard).await;
    }
}

struct Ends<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Ends<S> {
    async fn act(&mut self, act: Act, heard: &Mutex<Vec<String>>) {
        match act {
            Say(line) => self.send(format!("{}\r\n", line.replace('\n', "\r\n")).as_bytes()).await,
            Raw(bytes) => self.send(&bytes).await,
            Hear(start) => {
                let line = self.until(b"\r\n").await;
                assert!(line.starts_with(start), "heard {line:?}, not {start:?}");
                heard.lock().unwrap().push(line);
            }
            Content => {
                let content = self.until(b".\r\n").await;
                heard.lock().unwrap().push(content);
            }
            Hang => while self.more().await {},
            Stuff => std::future::pending().await,
            Tls(_) => panic!("TLS inside TLS"),
        }
    }

    /// The client may have closed: that is for the script's next act to find.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    async fn until(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(place) = self.buffer.windows(end.len()).position(|window| window == end) {
                let line: Vec<u8> = self.buffer.drain(..place + end.len()).collect();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            if !self.more().await {
                return "(closed)".to_owned();
            }
        }
    }

    async fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        let count = self.stream.read(&mut piece).await.unwrap_or(0);
        self.buffer.extend_from_slice(&piece[..count]);
        count > 0
    }
}

/// A self-signed certificate for this name: the server's side, and the PEM of it as an authority.
pub(crate) fn certificate(name: &str) -> (Arc<ServerConfig>, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), made.cert.pem())
}
