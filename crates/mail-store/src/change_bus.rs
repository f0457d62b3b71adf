//! Hints that a partition has changed. Lossy by contract: whoever misses one reads the version.

use tokio::sync::broadcast;

use crate::meta_store::{Partition, Version};

/// This partition has this version now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Which partition.
    pub partition: Partition,
    /// Its version, at least.
    pub version: Version,
}

/// What a subscriber hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintOrGap {
    /// A change.
    Hint(Hint),
    /// Some changes were not heard: read the versions you care about.
    Gap,
}

/// The in-process bus of a single node.
#[derive(Clone, Debug)]
pub struct ChangeBus {
    sender: broadcast::Sender<Hint>,
}

/// Hints a slow subscriber may fall behind before it is told of a gap.
const HINTS_BUFFERED_MAX: usize = 4096;

impl Default for ChangeBus {
    fn default() -> Self {
        Self { sender: broadcast::channel(HINTS_BUFFERED_MAX).0 }
    }
}

impl ChangeBus {
    /// Tells whoever listens; nobody listening is fine.
    pub fn publish(&self, hint: Hint) {
        let _ = self.sender.send(hint);
    }

    /// Hears everything published from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.sender.subscribe() }
    }
}

/// One listener.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Hint>,
}

impl Subscription {
    /// Waits for the next hint; `None` when the bus is gone.
    pub async fn next(&mut self) -> Option<HintOrGap> {
        match self.receiver.recv().await {
            Ok(hint) => Some(HintOrGap::Hint(hint)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(HintOrGap::Gap),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
