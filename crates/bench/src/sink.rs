//! A server that takes every message, and keeps none unless told so: where a relay's mail goes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::smtp::Protocol;

/// A listening sink; it stops with this value.
pub(crate) struct Sink {
    pub(crate) port: u16,
    taken: Arc<Taken>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Taken {
    /// Copies: a message to two recipients counts twice.
    copies: AtomicUsize,
    changed: Notify,
    /// Where letters are to be read. Held to add one or to look.
    kept: Option<Mutex<Vec<Vec<u8>>>>,
}

impl Sink {
    /// Listens on loopback; port 0 takes a free one.
    pub(crate) async fn listen(port: u16, protocol: Protocol) -> Result<Self, Error> {
        Self::taking(port, protocol, Taken::default()).await
    }

    /// The same, and what it takes can be read.
    pub(crate) async fn keeping(port: u16, protocol: Protocol) -> Result<Self, Error> {
        let taken = Taken { kept: Some(Mutex::default()), ..Taken::default() };
        Self::taking(port, protocol, taken).await
    }

    async fn taking(port: u16, protocol: Protocol, taken: Taken) -> Result<Self, Error> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listening = TcpListener::bind(address).await;
        let listener = listening.map_err(Error::io(format!("listen on {address}")))?;
        let port = listener.local_addr().map_err(Error::io("listen"))?.port();
        let taken = Arc::new(taken);
        let accepting = tokio::spawn(accept(listener, protocol, Arc::clone(&taken)));
        Ok(Self { port, taken, accepting })
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.copies.load(Ordering::Acquire)
    }

    /// The messages it kept.
    pub(crate) fn kept(&self) -> Vec<Vec<u8>> {
        let kept = self.taken.kept.as_ref();
        kept.map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }

    /// Waits until this many copies have been taken since the start.
    pub(crate) async fn wait_for(&self, copies: usize) {
        loop {
            let changed = self.taken.changed.notified();
            if self.taken() >= copies {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, protocol: Protocol, taken: Arc<Taken>) {
    // Sessions end with the sink: a sender that keeps one open must not fill an old sink.
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let taken = Arc::clone(&taken);
        sessions.spawn(async move {
            // A session that breaks off is the sender's affair: it sends again.
            let _ = serve(stream, protocol, &taken).await;
        });
        while sessions.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, protocol: Protocol, taken: &Taken) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    stream.write_all(b"220 sink.test ready\r\n").await?;
    let mut line = Vec::new();
    let mut recipients = 0;
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match &*verb {
            b"EHLO" | b"LHLO" => b"250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            b"RCPT" => {
                recipients += 1;
                b"250 2.1.5 ok\r\n"
            }
            b"MAIL" | b"RSET" => {
                recipients = 0;
                b"250 2.0.0 ok\r\n"
            }
            b"DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut message = taken.kept.as_ref().map(|_| Vec::new());
                read_message(&mut stream, &mut line, message.as_mut()).await?;
                if let (Some(kept), Some(message)) = (&taken.kept, message) {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                }
                taken.copies.fetch_add(recipients, Ordering::Release);
                taken.changed.notify_waiters();
                let replies = if protocol == Protocol::Lmtp { recipients } else { 1 };
                stream.write_all(&b"250 2.0.0 taken\r\n".repeat(replies)).await?;
                continue;
            }
            b"QUIT" => return stream.write_all(b"221 2.0.0 bye\r\n").await,
            _ => b"250 2.0.0 ok\r\n",
        };
        stream.write_all(reply).await?;
    }
}

async fn read_message(
    stream: &mut BufReader<TcpStream>,
    line: &mut Vec<u8>,
    mut message: Option<&mut Vec<u8>>,
) -> std::io::Result<()> {
    loop {
        line.clear();
        if stream.read_until(b'\n', line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        // RFC 5321 §4.5.2: a line of one dot ends the data.
        if line == b".\r\n" {
            return Ok(());
        }
        if let Some(message) = &mut message {
            message.extend_from_slice(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Smtp;
    use crate::wire::Target;

    #[tokio::test]
    async fn a_sink_keeps_messages_when_told_so() {
        let sink = Sink::keeping(0, Protocol::Smtp).await.unwrap();
        let target = Target::plain("127.0.0.1", sink.port);
        let mut session = Smtp::connect(&target, Protocol::Smtp).await.unwrap();
        session.send("", &["b@b.test"], b"Subject: x\r\n\r\nx\r\n").await.unwrap();
        sink.wait_for(1).await;
        assert_eq!(sink.kept(), [b"Subject: x\r\n\r\nx\r\n".to_vec()]);
    }

    #[tokio::test]
    async fn the_sink_counts_copies_of_both_protocols() {
        for protocol in [Protocol::Smtp, Protocol::Lmtp] {
            let sink = Sink::listen(0, protocol).await.unwrap();
            let target = Target::plain("127.0.0.1", sink.port);
            let mut session = Smtp::connect(&target, protocol).await.unwrap();
            let message = b"Subject: x\r\n\r\nx\r\n";
            session.send("a@a.test", &["b@b.test", "c@b.test"], message).await.unwrap();
            session.send("", &["b@b.test"], message).await.unwrap();
            session.quit().await.unwrap();
            sink.wait_for(3).await;
            assert_eq!(sink.taken(), 3);
        }
    }
}
