//! A connection to a server, plain or over TLS, with buffered reading.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::error::Error;

/// Room kept free for one read.
const READ_BYTES: usize = 64 * 1024;
/// Longest response that is held; the largest messages measured are far below.
const RESPONSE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Where a server listens.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Which of our own addresses connections come from, where that matters.
    pub(crate) from: Option<Ipv4Addr>,
}

impl Target {
    pub(crate) fn plain(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, tls: None, from: None }
    }

    /// TLS from the first byte. Any certificate will do: what is measured is the cost.
    pub(crate) fn over_tls(host: impl Into<String>, port: u16) -> Result<Self, Error> {
        Ok(Self { tls: Some(Arc::new(client_config()?)), ..Self::plain(host, port) })
    }

    /// The same, reached from another address: all of 127.0.0.0/8 are ours.
    pub(crate) fn reached_from(&self, from: Ipv4Addr) -> Self {
        Self { from: Some(from), ..self.clone() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// An open connection.
pub(crate) struct Wire {
    stream: Box<dyn Duplex>,
    input: BytesMut,
    peer: String,
}

impl Wire {
    pub(crate) async fn connect(target: &Target) -> Result<Self, Error> {
        let peer = target.to_string();
        let fail = || Error::io(format!("connect to {peer}"));
        let tcp = match target.from {
            None => TcpStream::connect((&*target.host, target.port)).await,
            Some(from) => connect_from(from, target).await,
        };
        let tcp = tcp.map_err(fail())?;
        tcp.set_nodelay(true).map_err(fail())?;
        let stream: Box<dyn Duplex> = match &target.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::try_from("localhost")
                    .map_err(|error| Error::NotPossible(error.to_string()))?;
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                Box::new(connector.connect(name, tcp).await.map_err(fail())?)
            }
        };
        Ok(Self { stream, input: BytesMut::new(), peer })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(Error::io(format!("write to {}", self.peer)))?;
        self.stream.flush().await.map_err(Error::io(format!("write to {}", self.peer)))
    }

    /// What has been received and not yet taken.
    pub(crate) fn input(&self) -> &[u8] {
        &self.input
    }

    /// Waits for more input; `false` when the server closed.
    pub(crate) async fn fill(&mut self) -> Result<bool, Error> {
        if self.input.len() > RESPONSE_BYTES_MAX {
            return Err(Error::Protocol("a response that does not end".into()));
        }
        self.input.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.input).await;
        Ok(read.map_err(Error::io(format!("read from {}", self.peer)))? > 0)
    }

    /// Waits for more input; closing is an error.
    pub(crate) async fn need(&mut self) -> Result<(), Error> {
        match self.fill().await? {
            true => Ok(()),
            false => Err(Error::Protocol(format!("{} closed the connection", self.peer))),
        }
    }

    /// Takes this many bytes of the input.
    pub(crate) fn take(&mut self, count: usize) -> BytesMut {
        self.input.split_to(count)
    }

    /// Drops this many bytes of the input.
    pub(crate) fn skip(&mut self, count: usize) {
        self.input.advance(count);
    }

    /// Takes a line, without its CRLF.
    pub(crate) async fn line(&mut self) -> Result<BytesMut, Error> {
        let mut from = 0;
        loop {
            if let Some(at) = memchr::memmem::find(&self.input[from..], b"\r\n") {
                let line = self.take(from + at);
                self.skip(2);
                return Ok(line);
            }
            from = self.input.len().saturating_sub(1);
            self.need().await?;
        }
    }
}

async fn connect_from(from: Ipv4Addr, target: &Target) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let to = Ipv4Addr::from_str(&target.host).map_err(std::io::Error::other)?;
    socket.connect((to, target.port).into()).await
}

fn client_config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::NotPossible(format!("TLS: {error}")))?;
    let verifier = Arc::new(AnyCertificate(provider));
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Accepts every certificate, but still has its signature checked: that costs what it costs.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
