//! Many sessions that do nothing but wait: what does one cost?

use tokio::task::JoinSet;

use super::{Users, join};
use crate::error::Error;
use crate::imap::Imap;
use crate::wire::Target;

/// How many sessions.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Sessions in LOGIN, SELECT INBOX, IDLE.
    #[arg(long, default_value_t = 1000)]
    pub(crate) sessions: usize,
}

/// Sessions opened at the same time, so that no server's listen queue overflows.
const OPENED_AT_ONCE: usize = 20;

/// Opens the sessions; they idle until they are dropped.
pub(crate) async fn open(
    target: &Target,
    users: &Users,
    options: &Options,
) -> Result<Vec<Imap>, Error> {
    let mut sessions = Vec::with_capacity(options.sessions);
    while sessions.len() < options.sessions {
        let mut tasks = JoinSet::new();
        for index in sessions.len()..options.sessions.min(sessions.len() + OPENED_AT_ONCE) {
            let (target, users) = (target.clone(), users.clone());
            tasks.spawn(async move {
                let mut session = Imap::login(&target, &users.name(index), &users.password).await?;
                session.ok("SELECT INBOX").await?;
                session.idle().await?;
                Ok(session)
            });
        }
        sessions.extend(join(tasks).await?);
    }
    Ok(sessions)
}
