//! A connection in the clear or through TLS, with a limit on every wait.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::TlsSource;

/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;
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

    /// Waits for bytes and hands them over; 0 is the end. Nothing is lost when the wait is given
    /// up. The buffer is on the stack of the poll that finds bytes, so that a connection that
    /// waits holds none.
    pub(crate) async fn read(&mut self, mut receive: impl FnMut(&[u8])) -> io::Result<usize> {
        poll_fn(|context| {
            let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(match self {
                Stream::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
                Stream::Tls(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            })?;
            receive(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
        .await
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
