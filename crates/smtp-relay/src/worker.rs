//! The queue's worker: what is due goes into lines, what may start is tried, what is over is
//! settled. It sleeps until something changes or is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mail_service::MailService;
use mail_service::queue::{Entry, Leave, Settled};
use mail_types::QueueId;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempts, Ran, Sign};
use crate::concurrency::Concurrency;
use crate::lease::{LEASE, Shards};
use crate::lines::{Job, Lines, Way};
use crate::monitor::Monitor;
use crate::route::{RecipientDomain, Routes};
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::transport::Transport;

/// Recipients of one transaction (RFC 5321 §4.5.3.1.8: a server takes at least 100).
const RECIPIENTS_MAX: usize = 100;
/// How long an entry waits whose attempt could not be settled.
const AFTER_FAILURE: i64 = 60;
/// How soon we ask again whether a sender's account lets a message leave.
const AFTER_WITHHELD: i64 = 3600;
/// Entries read at once when all are looked at.
const SCAN_EVERY: usize = 1000;

/// Works the queue.
pub struct Worker {
    service: MailService,
    routes: Arc<ArcSwap<Routes>>,
    attempts: Arc<Attempts>,
    lines: Lines,
    shards: Shards,
    running: JoinSet<(Job, Ran)>,
    monitor: Monitor,
}

impl Worker {
    /// A worker for this service's queue. `routes` may be exchanged while it runs.
    pub fn new(
        service: MailService,
        settings: &Settings,
        routes: Arc<ArcSwap<Routes>>,
        transport: Transport,
        signer: Option<Arc<dyn Sign>>,
    ) -> Self {
        let attempts = Attempts {
            service: service.clone(),
            transport,
            schedule: Schedule::new(settings),
            signer: signer.filter(|_| settings.sign),
        };
        Self {
            routes,
            attempts: Arc::new(attempts),
            lines: Lines::new(Concurrency::new(settings)),
            shards: Shards::new(service.clone()),
            running: JoinSet::new(),
            monitor: Monitor::default(),
            service,
        }
    }

    /// Works until `shutdown`; attempts that run then are let end.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut renewal = interval(LEASE / 3);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start_jobs();
            let wake = self.wake();
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = renewal.tick() => self.renew().await,
                changed = self.service.queue_changed() => {
                    if changed.is_gap {
                        self.look_at_all().await;
                    }
                    for id in changed.entries {
                        self.look_at(id).await;
                    }
                }
                Some(done) = self.running.join_next() => self.finished(done),
                () = sleep_until(wake.into()) => self.look_at_due().await,
            }
        }
        while let Some(done) = self.running.join_next().await {
            self.finished(done);
        }
        self.attempts.transport.close_idle().await;
        self.shards.release().await;
    }

    /// When there is something to do without anything happening.
    fn wake(&mut self) -> Instant {
        let now = Instant::now();
        let due = self.lines.next_due().map(|at| {
            let seconds = at.saturating_sub(self.service.now().as_second()).max(0);
            now + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
        });
        let probe = self.lines.next_probe(now);
        due.into_iter().chain(probe).min().unwrap_or(now + LEASE)
    }

    fn start_jobs(&mut self) {
        while let Some(job) = self.lines.start(Instant::now()) {
            let attempts = Arc::clone(&self.attempts);
            self.running.spawn(async move {
                let ran = attempts.run(&job).await;
                (job, ran)
            });
        }
        let waiting: usize = self.lines.lengths().map(|(_, length)| length).sum();
        metrics::gauge!("facteur_queue_attempts_waiting").set(waiting as f64);
        metrics::gauge!("facteur_queue_attempts_running").set(self.running.len() as f64);
        metrics::gauge!("facteur_queue_messages").set(self.service.queue_length() as f64);
        self.monitor.refresh(&self.lines, Instant::now());
    }

    fn finished(&mut self, done: Result<(Job, Ran), tokio::task::JoinError>) {
        let (job, ran) = match done {
            Ok(done) => done,
            // A bug of ours; the entry's place is lost until the next start, not the entry.
            Err(error) => {
                tracing::error!(target: "facteur", %error, "an attempt ended unexpectedly");
                return;
            }
        };
        self.lines.finish(&job, ran.feedback, Instant::now());
        self.monitor.ran(&job.way.key(), &ran);
        match ran.settled {
            Ok(Settled::Done | Settled::Waiting(None)) => {}
            Ok(Settled::Waiting(Some(at))) => self.lines.plan(job.id, at.as_second()),
            Err(error) => {
                tracing::warn!(queue_id = %job.id, %error, "an attempt could not be settled");
                self.lines.plan(job.id, self.service.now().as_second() + AFTER_FAILURE);
            }
        }
    }

    async fn renew(&mut self) {
        match self.service.queue_oldest().await {
            Ok(seconds) => metrics::gauge!("facteur_queue_oldest_seconds").set(seconds as f64),
            Err(error) => tracing::warn!(target: "facteur", %error, "the queue could not be read"),
        }
        match self.shards.renew(Instant::now()).await {
            Ok(taken) => {
                for shard in taken {
                    self.look_at_shard(shard).await;
                }
            }
            Err(error) => {
                tracing::error!(target: "facteur", %error, "queue leases could not be renewed");
            }
        }
    }

    async fn look_at_all(&mut self) {
        for shard in 0..self.service.queue_shards() {
            self.look_at_shard(shard).await;
        }
    }

    async fn look_at_shard(&mut self, shard: u64) {
        let mut after = None;
        loop {
            let page = match self.service.queue_page(shard, after).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(target: "facteur", %error, "the queue could not be read");
                    return;
                }
            };
            for id in &page {
                self.look_at(*id).await;
            }
            after = page.last().copied();
            if page.len() < SCAN_EVERY {
                return;
            }
        }
    }

    async fn look_at_due(&mut self) {
        let now = self.service.now().as_second();
        while let Some(id) = self.lines.take_due(now) {
            self.look_at(id).await;
        }
    }

    /// Puts what is due of an entry into lines, and plans the rest.
    async fn look_at(&mut self, id: QueueId) {
        if !self.shards.holds(id.0 % self.service.queue_shards()) {
            return;
        }
        match self.service.queued(id).await {
            Ok(Some(entry)) => self.sort(&entry).await,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(queue_id = %id, %error, "a queued message could not be read");
                self.lines.plan(id, self.service.now().as_second() + AFTER_FAILURE);
            }
        }
    }

    async fn sort(&mut self, entry: &Entry) {
        let now = self.service.now().as_second();
        let mut jobs: Vec<Job> = Vec::new();
        for (number, row) in &entry.recipients {
            if row.is_held || self.lines.is_busy(entry.id, *number) {
                continue;
            }
            if row.next_attempt > now {
                self.lines.plan(entry.id, row.next_attempt);
                continue;
            }
            let way = match self.service.is_hosted(&row.address).await {
                Ok(true) => Way::Here,
                Ok(false) => {
                    let domain = RecipientDomain::from(&row.address);
                    Way::Route(self.routes.load().route(&entry.message.reverse_path, &domain))
                }
                Err(_) => {
                    self.lines.plan(entry.id, now + AFTER_FAILURE);
                    continue;
                }
            };
            let key = way.key();
            let fits =
                |job: &&mut Job| job.way.key() == key && job.recipients.len() < RECIPIENTS_MAX;
            match jobs.iter_mut().find(fits) {
                Some(job) => job.recipients.push(*number),
                None => jobs.push(Job { id: entry.id, recipients: vec![*number], way }),
            }
        }
        if jobs.is_empty() {
            return;
        }
        match self.service.leave(entry).await {
            Ok(Leave::Now) => jobs.into_iter().for_each(|job| self.lines.add(job)),
            Ok(Leave::Later) => self.lines.plan(entry.id, now + AFTER_WITHHELD),
            Ok(Leave::Never) => {}
            Err(error) => {
                tracing::warn!(queue_id = %entry.id, %error, "a sender's copy could not be filed");
                self.lines.plan(entry.id, now + AFTER_FAILURE);
            }
        }
    }
}
