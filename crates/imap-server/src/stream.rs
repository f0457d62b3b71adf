//! A connection in the clear or through TLS, with a limit on every wait.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::TlsSource;

/// How long a TLS closure is given to leave.
const CLOSE_SECONDS_MAX: Duration = Duration::from_secs(2);

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Does the server's handshake. Bytes that were read before are the caller's to forget.
    pub(crate) async fn start_tls(self, tls: &TlsSource, limit: Duration) -> io::Result<Self> {
        let Stream::Plain(stream) = self else {
            return Err(io::Error::other("TLS inside TLS"));
        };
        let handshake = TlsAcceptor::from(tls()).accept(stream);
        let stream = timeout(limit, handshake).await.map_err(|_| io::ErrorKind::TimedOut)??;
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Waits for bytes; 0 is the end. Nothing is lost when the wait is given up.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer).await,
            Stream::Tls(stream) => stream.read(buffer).await,
        }
    }

    /// Sends all of it.
    pub(crate) async fn write(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        let write = async {
            match self {
                Stream::Plain(stream) => stream.write_all(bytes).await,
                Stream::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
            }
        };
        timeout(limit, write).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Says goodbye, briefly.
    pub(crate) async fn close(mut self) {
        let close = async {
            match &mut self {
                Stream::Plain(stream) => stream.shutdown().await,
                Stream::Tls(stream) => stream.shutdown().await,
            }
        };
        let _ = timeout(CLOSE_SECONDS_MAX, close).await;
    }
}
