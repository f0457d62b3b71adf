//! The generators: each loads a server in one way and reports what it saw.

pub(crate) mod append;
pub(crate) mod idle;
pub(crate) mod login;
pub(crate) mod mailbox;
pub(crate) mod mixed;
pub(crate) mod mixed_client;
pub(crate) mod pages;
pub(crate) mod smtp;
pub(crate) mod storm;
pub(crate) mod stranger;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::error::Error;
use crate::report::{Better, Report, own_cpu};

/// Names of users and their password; `%d` in the name becomes a number from 1.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Users {
    /// Login, with %d for a number from 1: agent%d@ac-paris.test.
    #[arg(long)]
    pub(crate) user: String,
    /// How many there are.
    #[arg(long, default_value_t = 20)]
    pub(crate) users: usize,
    /// Their password.
    #[arg(long)]
    pub(crate) password: String,
}

impl Users {
    /// The login of any index: they are taken in turn.
    pub(crate) fn name(&self, index: usize) -> String {
        self.user.replace("%d", &(index % self.users.max(1) + 1).to_string())
    }
}

/// Work that several connections take from one after the other.
pub(crate) struct Turns {
    next: AtomicUsize,
    total: usize,
}

impl Turns {
    pub(crate) fn new(total: usize) -> Self {
        Self { next: AtomicUsize::new(0), total }
    }

    pub(crate) fn take(&self) -> Option<usize> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (turn < self.total).then_some(turn)
    }
}

/// Time and own CPU time of a measurement.
pub(crate) struct Clock {
    started: Instant,
    cpu: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), cpu: own_cpu() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What the generator itself cost, for an operation.
    pub(crate) fn add_own_cpu(&self, report: &mut Report) {
        let spent = own_cpu().saturating_sub(self.cpu).as_secs_f64() * 1e3;
        let value = spent / report.operations.max(1) as f64;
        let name = format!("generator CPU per {}", report.operation);
        report.add(name, value, "ms", Better::Neither);
    }
}

/// Waits for all tasks; the first error ends the others.
pub(crate) async fn join<T: 'static>(
    mut tasks: JoinSet<Result<T, Error>>,
) -> Result<Vec<T>, Error> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        let result = ended.map_err(|error| Error::NotPossible(format!("a task ended: {error}")))?;
        results.push(result?);
    }
    Ok(results)
}
