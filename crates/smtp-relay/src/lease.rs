//! The shards that this process works.

use std::time::{Duration, Instant};

use mail_service::{MailService, ServiceError};
use mail_store::{Fence, LeaseStore};

/// How long a silent worker keeps its shards.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// Leases on shards of the queue.
pub(crate) struct Shards {
    service: MailService,
    leases: LeaseStore,
    owner: String,
    /// One for each shard, where it is held.
    held: Vec<Option<Fence>>,
}

impl Shards {
    pub(crate) fn new(service: MailService) -> Self {
        // One process owns a data directory, so a worker of this name that is not this one is one
        // that ended: its shards are taken over at once.
        let owner = service.settings().hostname.clone();
        let held = (0..service.queue_shards()).map(|_| None).collect();
        Self { leases: LeaseStore::new(service.store().clone()), service, owner, held }
    }

    /// Whether a shard is worked here.
    pub(crate) fn holds(&self, shard: u64) -> bool {
        self.held.get(shard as usize).is_some_and(Option::is_some)
    }

    /// Keeps what is held and takes what is free; the shards that are newly held.
    pub(crate) async fn renew(&mut self, now: Instant) -> Result<Vec<u64>, ServiceError> {
        let mut taken = Vec::new();
        for shard in 0..self.service.queue_shards() {
            let slot = &mut self.held[shard as usize];
            if let Some(fence) = slot {
                if self.leases.renew(fence).await? {
                    continue;
                }
                tracing::warn!(target: "facteur", shard, "another process took a queue shard");
                *slot = None;
            }
            let name = format!("queue/{shard}");
            let acquired = self.leases.acquire(&name, &self.owner, LEASE, now).await?;
            if let Some(fence) = acquired {
                self.service.work_queue(shard, fence.number).await?;
                *slot = Some(fence);
                taken.push(shard);
            }
        }
        Ok(taken)
    }

    /// Gives everything back.
    pub(crate) async fn release(&mut self) {
        for fence in self.held.iter_mut().filter_map(Option::take) {
            if let Err(error) = self.leases.release(&fence).await {
                tracing::warn!(target: "facteur", %error, "a queue lease was not given back");
                return;
            }
        }
    }
}
