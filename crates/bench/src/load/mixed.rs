//! A steady mixture of what mail clients do, with the answers checked against the protocol.
//!
//! The mixture is like ImapTest's: in each round LIST and STATUS every second time, FETCH of
//! metadata always, of a body in 30 of 100, STORE every second time, APPEND in 5 of 100, deletion
//! while the mailbox has more than its share, EXPUNGE always. Users are drawn at random, so that
//! some mailboxes are open in several clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::mixed_client::Client;
use super::{Clock, Turns, Users, join};
use crate::corpus::corpus;
use crate::error::Error;
use crate::imap::{Imap, must_be_ok};
use crate::report::{Better, Report, percentile};
use crate::wire::Target;

/// How long and how much.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Clients at the same time.
    #[arg(long, default_value_t = 50)]
    pub(crate) clients: usize,
    /// Seconds.
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: u64,
    /// Messages that a mailbox is kept at.
    #[arg(long, default_value_t = 100)]
    pub(crate) messages: usize,
    /// Log out and in again after each round, as ImapTest does by default.
    #[arg(long)]
    pub(crate) short_sessions: bool,
    /// Where chance begins.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
}

/// What a client did and saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) commands: BTreeMap<&'static str, Vec<Duration>>,
    /// Answers that the protocol does not allow.
    pub(crate) violations: Vec<String>,
    /// Commands that another session made impossible, such as FETCH of an expunged message.
    pub(crate) refused: usize,
}

/// What all clients share.
pub(crate) struct Mixture {
    pub(crate) target: Target,
    pub(crate) users: Users,
    pub(crate) options: Options,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) deadline: Instant,
}

/// Mailboxes filled at the same time: each begins with a login that no server has seen yet.
const FILLED_AT_ONCE: usize = 8;

/// Fills mailboxes up to their share: before the first measurement.
pub(crate) async fn fill(target: &Target, users: &Users, options: &Options) -> Result<(), Error> {
    let messages = corpus(200, options.seed);
    let turns = Turns::new(users.users);
    let shared = Arc::new((target.clone(), users.clone(), messages, turns));
    let share = options.messages;
    let mut tasks = JoinSet::new();
    for _ in 0..FILLED_AT_ONCE {
        let shared = Arc::clone(&shared);
        tasks.spawn(async move {
            let (target, users, messages, turns) = &*shared;
            while let Some(index) = turns.take() {
                fill_one(target, users, index, share, messages).await?;
            }
            Ok(())
        });
    }
    join(tasks).await.map(|_| ())
}

async fn fill_one(
    target: &Target,
    users: &Users,
    index: usize,
    share: usize,
    messages: &[Vec<u8>],
) -> Result<(), Error> {
    let mut imap = Imap::login(target, &users.name(index), &users.password).await?;
    let present = imap.status("INBOX", "MESSAGES").await? as usize;
    for turn in present..share {
        let message = &messages[(index + turn) % messages.len()];
        must_be_ok("APPEND", imap.append("INBOX", "", message, |_| {}).await?)?;
    }
    imap.logout().await
}

/// Runs the mixture.
pub(crate) async fn run(
    target: &Target,
    users: &Users,
    options: &Options,
) -> Result<Report, Error> {
    let messages = corpus(200, options.seed);
    let clock = Clock::start();
    let mixture = Arc::new(Mixture {
        target: target.clone(),
        users: users.clone(),
        options: options.clone(),
        messages,
        deadline: Instant::now() + Duration::from_secs(options.seconds),
    });
    let mut tasks = JoinSet::new();
    for number in 0..options.clients {
        tasks.spawn(Client::run(Arc::clone(&mixture), number));
    }
    let mut all = Seen::default();
    for seen in join(tasks).await? {
        for (command, mut times) in seen.commands {
            all.commands.entry(command).or_default().append(&mut times);
        }
        all.violations.extend(seen.violations);
        all.refused += seen.refused;
    }
    Ok(report(all, &clock))
}

fn report(seen: Seen, clock: &Clock) -> Report {
    let total = seen.commands.values().map(Vec::len).sum();
    let mut report = Report::of(total, "command");
    report.per_second("commands", total, clock.elapsed());
    for (command, mut times) in seen.commands {
        times.sort_unstable();
        if let Some(median) = percentile(&times, 50) {
            report.milliseconds(format!("{command}, median"), median);
        }
    }
    report.add("refused for another session's sake", seen.refused as f64, "", Better::Neither);
    report.add("protocol errors", seen.violations.len() as f64, "", Better::Lower);
    for violation in seen.violations.iter().take(5) {
        crate::cli::note(&format!("protocol error: {violation}"));
    }
    clock.add_own_cpu(&mut report);
    report
}
