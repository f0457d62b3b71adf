//! APPEND from several connections, each waiting for its OK.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::smtp::SENDER;
use super::{Clock, Turns, Users, join};
use crate::corpus::Plain;
use crate::error::Error;
use crate::imap::{Imap, must_be_ok};
use crate::report::Report;
use crate::wire::Target;

/// What is appended.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections at the same time, each of the next user.
    #[arg(long, default_value_t = 20)]
    pub(crate) connections: usize,
    /// Bytes of a message.
    #[arg(long, default_value_t = 4096)]
    pub(crate) size: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 1000)]
    pub(crate) messages: usize,
}

/// Logs all connections in.
pub(crate) async fn open(
    target: &Target,
    users: &Users,
    options: &Options,
) -> Result<Vec<Imap>, Error> {
    let mut sessions = Vec::new();
    for index in 0..options.connections.max(1) {
        sessions.push(Imap::login(target, &users.name(index), &users.password).await?);
    }
    Ok(sessions)
}

/// Appends into the INBOX of each session's user.
pub(crate) async fn run(sessions: Vec<Imap>, options: &Options) -> Result<Report, Error> {
    let shared = Arc::new((Plain::new(options.size), Turns::new(options.messages)));
    let run = rand::random();
    let clock = Clock::start();
    let mut tasks = JoinSet::new();
    for mut session in sessions {
        let shared = Arc::clone(&shared);
        tasks.spawn(async move {
            let (plain, turns) = &*shared;
            let mut latencies: Vec<Duration> = Vec::new();
            while let Some(turn) = turns.take() {
                let message = plain.message(run, turn, SENDER, "nobody@ac-example.test");
                let started = Instant::now();
                let answer = session.append("INBOX", "(\\Seen) ", &message, |_| {}).await?;
                must_be_ok("APPEND", answer)?;
                latencies.push(started.elapsed());
            }
            Ok((session, latencies))
        });
    }
    let ended = join(tasks).await?;
    let elapsed = clock.elapsed();
    let mut report = Report::of(options.messages, "message");
    report.per_second("appended", options.messages, elapsed);
    report.latency("APPEND", ended.iter().flat_map(|(_, times)| times.clone()).collect());
    clock.add_own_cpu(&mut report);
    for (session, _) in ended {
        session.logout().await?;
    }
    Ok(report)
}
