//! Sockets: bound at the start, accepted with limits, handed to the edge that speaks there.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Connections, Listen, Service};

/// How long accepting pauses when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Hands a connection to the edge that speaks this service; returns when the session is over.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Runs the session.
    fn serve(
        self: Arc<Self>,
        service: Service,
        stream: TcpStream,
        peer: SocketAddr,
        shutdown: CancellationToken,
    ) -> impl Future<Output = ()> + Send;
}

/// All sockets, bound but not yet accepting.
#[derive(Debug)]
pub(crate) struct Listeners {
    sockets: Vec<(Service, TcpListener)>,
}

impl Listeners {
    /// Binds every address. The error names the one that failed and what to do.
    pub(crate) async fn bind(wanted: &[Listen]) -> Result<Self, String> {
        let mut sockets = Vec::with_capacity(wanted.len());
        for Listen { address, service, .. } in wanted {
            let socket = TcpListener::bind(address).await.map_err(|error| {
                let hint = match error.kind() {
                    std::io::ErrorKind::AddrInUse => "; another program listens there",
                    std::io::ErrorKind::PermissionDenied => {
                        "; ports below 1024 need root or CAP_NET_BIND_SERVICE"
                    }
                    _ => "",
                };
                format!("listen on {address}: {error}{hint}")
            })?;
            sockets.push((*service, socket));
        }
        Ok(Self { sockets })
    }

    /// Accepts on every socket until `shutdown`; sessions run in `sessions`.
    pub(crate) fn accept<S: Serve>(
        self,
        edges: &Arc<S>,
        limits: &Limits,
        sessions: &TaskTracker,
        shutdown: &CancellationToken,
    ) {
        for (service, socket) in self.sockets {
            let accepting = Accepting {
                service,
                socket,
                edges: Arc::clone(edges),
                total: Arc::clone(&limits.total),
                addresses: Arc::clone(&limits.addresses),
                sessions: sessions.clone(),
                shutdown: shutdown.clone(),
            };
            sessions.spawn(accepting.run());
        }
    }
}

/// How many connections there may be.
pub(crate) struct Limits {
    total: Arc<Semaphore>,
    /// How many places `total` has, free or not; held to compare.
    total_max: Mutex<u32>,
    addresses: Arc<PerAddress>,
}

impl Limits {
    pub(crate) fn new(limits: &Connections) -> Self {
        Self {
            total: Arc::new(Semaphore::new(limits.total_max as usize)),
            total_max: Mutex::new(limits.total_max),
            addresses: Arc::new(PerAddress::new(limits.per_address_max)),
        }
    }

    /// Uses other limits. Nobody is cut off; new clients wait until there are fewer.
    pub(crate) fn reload(&self, limits: &Connections) {
        self.addresses.max.store(limits.per_address_max, Ordering::Relaxed);
        let mut total_max = self.total_max.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *total_max, limits.total_max);
        if let Some(more) = limits.total_max.checked_sub(before) {
            return self.total.add_permits(more as usize);
        }
        let (total, fewer) = (Arc::clone(&self.total), before - limits.total_max);
        tokio::spawn(async move {
            // Places are given in turn: until these are had, nobody else gets one.
            if let Ok(places) = total.acquire_many_owned(fewer).await {
                places.forget();
            }
        });
    }
}

struct Accepting<S> {
    service: Service,
    socket: TcpListener,
    edges: Arc<S>,
    total: Arc<Semaphore>,
    addresses: Arc<PerAddress>,
    sessions: TaskTracker,
    shutdown: CancellationToken,
}

impl<S: Serve> Accepting<S> {
    async fn run(self) {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.accept_for_ever() => {}
        }
    }

    async fn accept_for_ever(self) {
        loop {
            // The permit comes before the accept: at the limit new clients wait in the system's
            // queue instead of being accepted and left unserved.
            let Ok(permit) = Arc::clone(&self.total).acquire_owned().await else { return };
            let (stream, peer) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept failed; pausing");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(place) = self.addresses.enter(peer.ip()) else {
                tracing::info!(%peer, "connection refused: too many from this address");
                metrics::counter!("facteur_connections_refused_total").increment(1);
                continue;
            };
            let edges = Arc::clone(&self.edges);
            let (service, shutdown) = (self.service, self.shutdown.clone());
            self.sessions.spawn(async move {
                let _held = (permit, place);
                edges.serve(service, stream, peer, shutdown).await;
            });
        }
    }
}

/// Counts connections by address; IPv6 by /64, the smallest block a customer gets.
#[derive(Debug)]
struct PerAddress {
    max: AtomicU32,
    /// Held for a look-up; no await inside, hence std's mutex.
    counts: Mutex<HashMap<IpAddr, u32>>,
}

/// A counted connection; dropping it gives the place back.
struct Place {
    addresses: Arc<PerAddress>,
    block: IpAddr,
}

impl PerAddress {
    fn new(max: u32) -> Self {
        Self { max: AtomicU32::new(max), counts: Mutex::default() }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let block = block(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(block).or_default();
        if *count >= self.max.load(Ordering::Relaxed) {
            return None;
        }
        *count += 1;
        Some(Place { addresses: Arc::clone(self), block })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.block) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.block);
            }
        }
    }
}

fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let addresses = Arc::new(PerAddress::new(2));
        let enter = |text: &str| addresses.enter(text.parse().unwrap());
        let first = enter("2001:db8::1");
        let _second = enter("2001:db8::ffff");
        assert!(first.is_some());
        assert!(enter("2001:db8::2").is_none(), "the same /64");
        assert!(enter("2001:db8:0:1::1").is_some(), "another /64");
        drop(first);
        assert!(enter("2001:db8::2").is_some());
    }

    #[tokio::test]
    async fn other_limits_cut_nobody_off_and_count_from_then_on() {
        let limits = |total_max, per_address_max| Connections { total_max, per_address_max };
        let shared = Limits::new(&limits(3, 1));
        let place = |number: u8| shared.addresses.enter([192, 0, 2, number].into());
        let enter = || Arc::clone(&shared.total).try_acquire_owned().ok();
        let first = (place(1), enter());
        let second = (place(2), enter());
        assert!(first.0.is_some() && second.1.is_some() && place(1).is_none());
        shared.reload(&limits(1, 2));
        tokio::task::yield_now().await;
        assert!(enter().is_none(), "two are there, and one may be");
        drop(second);
        tokio::task::yield_now().await;
        assert!(enter().is_none(), "one is there");
        assert!(place(1).is_some());
        drop(first);
        assert!(enter().is_some());
        shared.reload(&limits(2, 2));
        let both = (enter(), enter());
        assert!(both.0.is_some() && both.1.is_some() && enter().is_none());
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        assert_eq!(block("::ffff:192.0.2.1".parse().unwrap()), block("192.0.2.1".parse().unwrap()));
    }
}
