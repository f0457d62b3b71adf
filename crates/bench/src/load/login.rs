//! IMAP logins: connect, LOGIN, LOGOUT, again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Clock, Turns, Users, join};
use crate::error::Error;
use crate::imap::Imap;
use crate::report::Report;
use crate::wire::Target;

/// How many logins.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections at the same time.
    #[arg(long, default_value_t = 20)]
    pub(crate) connections: usize,
    /// Logins in all.
    #[arg(long, default_value_t = 1000)]
    pub(crate) logins: usize,
}

/// Logs in and out.
pub(crate) async fn run(
    target: &Target,
    users: &Users,
    options: &Options,
) -> Result<Report, Error> {
    let shared = Arc::new((target.clone(), users.clone(), Turns::new(options.logins)));
    let clock = Clock::start();
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections.max(1) {
        let shared = Arc::clone(&shared);
        tasks.spawn(async move {
            let (target, users, turns) = &*shared;
            let mut latencies: Vec<Duration> = Vec::new();
            while let Some(turn) = turns.take() {
                let started = Instant::now();
                let session = Imap::login(target, &users.name(turn), &users.password).await?;
                latencies.push(started.elapsed());
                session.logout().await?;
            }
            Ok(latencies)
        });
    }
    let latencies = join(tasks).await?.into_iter().flatten().collect();
    let mut report = Report::of(options.logins, "login");
    report.per_second("logins", options.logins, clock.elapsed());
    report.latency("connect and LOGIN", latencies);
    clock.add_own_cpu(&mut report);
    Ok(report)
}
