//! Connections kept for a few seconds: a school that gets a hundred messages gets them over a few
//! connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::connection::Connection;
use crate::next_hop::NextHopKey;

pub(crate) struct Pool {
    /// Held for a map operation, never over a wait.
    kept: Mutex<Kept>,
    idle: Duration,
    connections_max: usize,
}

#[derive(Default)]
struct Kept {
    /// The youngest last: it is the likeliest to live.
    by_hop: HashMap<NextHopKey, Vec<(u64, Connection)>>,
    count: usize,
    next_number: u64,
}

impl Pool {
    pub(crate) fn new(idle: Duration, connections_max: usize) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), idle, connections_max })
    }

    /// Takes a connection to this next hop. The server may have closed it meanwhile.
    pub(crate) fn take(&self, key: &NextHopKey) -> Option<Connection> {
        let mut kept = self.lock();
        let connection = kept.by_hop.get_mut(key)?.pop().map(|(_, connection)| connection);
        kept.removed(key, connection.is_some());
        connection
    }

    /// Keeps a connection, or closes it when it is of no more use or there are enough.
    pub(crate) fn keep(self: &Arc<Self>, key: &NextHopKey, connection: Connection) {
        let mut kept = self.lock();
        let room = kept.count < self.connections_max && !self.idle.is_zero();
        if !room || !connection.is_ready() {
            drop(kept);
            tokio::spawn(connection.close());
            return;
        }
        let number = kept.next_number;
        kept.next_number += 1;
        kept.count += 1;
        kept.by_hop.entry(key.clone()).or_default().push((number, connection));
        drop(kept);
        let (pool, key) = (Arc::downgrade(self), key.clone());
        let idle = self.idle;
        tokio::spawn(async move {
            tokio::time::sleep(idle).await;
            let connection = pool.upgrade().and_then(|pool| pool.expire(&key, number));
            if let Some(connection) = connection {
                connection.close().await;
            }
        });
    }

    /// Takes all connections.
    pub(crate) fn take_all(&self) -> Vec<Connection> {
        let mut kept = self.lock();
        kept.count = 0;
        let all = std::mem::take(&mut kept.by_hop);
        all.into_values().flatten().map(|(_, connection)| connection).collect()
    }

    fn expire(&self, key: &NextHopKey, number: u64) -> Option<Connection> {
        let mut kept = self.lock();
        let connections = kept.by_hop.get_mut(key)?;
        let place = connections.iter().position(|(other, _)| *other == number)?;
        let (_, connection) = connections.remove(place);
        kept.removed(key, true);
        Some(connection)
    }

    /// What is behind the lock is whole after each line that changes it.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn removed(&mut self, key: &NextHopKey, one: bool) {
        self.count -= usize::from(one);
        if self.by_hop.get(key).is_some_and(Vec::is_empty) {
            self.by_hop.remove(key);
        }
    }
}
