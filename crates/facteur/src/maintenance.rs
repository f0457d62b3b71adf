//! What the running server does by itself, every few minutes: gives the space of deleted mail and of
//! old history back, and deletes the accounts of those who have left.

use std::time::Duration;

use directory::{BelievedTime, ClockLook};
use tokio_util::sync::CancellationToken;

use crate::admin::Services;
use crate::history;

/// How often bodies that lost their last reference are looked for.
const COLLECT_EVERY: Duration = Duration::from_secs(600);
/// How many of these rounds look at all bodies: once a day.
const SWEEP_EVERY: u32 = 144;

/// How many of these rounds look for people whose last day has come: once an hour.
const LEAVERS_EVERY: u32 = 6;

/// Works until the server stops.
pub(crate) async fn run(services: Services, shutdown: CancellationToken) {
    let mut rounds = tokio::time::interval(COLLECT_EVERY);
    for round in 0u32.. {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = rounds.tick() => {}
        }
        if let Some(now) = believed_time(&services).await {
            if round % SWEEP_EVERY == 0 {
                forget(&services, now).await;
            }
            if round % LEAVERS_EVERY == 0 {
                end_accounts(&services, now).await;
            }
            history::expire(&services.mail).await;
        }
        let collected = match round % SWEEP_EVERY {
            0 => services.store.collect_all().await,
            _ => services.store.collect_released().await,
        };
        match collected {
            Ok(collected) if collected.removed == 0 => {}
            Ok(collected) => tracing::info!(
                target: "facteur", removed = collected.removed, bytes = collected.bytes,
                "bodies without a reference removed"
            ),
            Err(error) => tracing::error!(target: "facteur", %error, "collecting bodies failed"),
        }
    }
}

/// The time by which things may be deleted; `None` while the clock is in doubt.
async fn believed_time(services: &Services) -> Option<BelievedTime> {
    match services.directory.look_at_clock().await {
        Ok(ClockLook::Believed(now)) => Some(now),
        Ok(ClockLook::Doubted { seen, now, believed_from }) => {
            let moment = |at| jiff::Timestamp::from_second(at).unwrap_or_default();
            tracing::error!(
                target: "facteur",
                clock = %moment(now), seen = %moment(seen), believed_from = %moment(believed_from),
                "the clock is far ahead of the time that was seen last: accounts of leavers and old \
                 audit lines stay; if it is wrong, set it and start again, if it is right, do nothing"
            );
            None
        }
        Err(error) => {
            tracing::error!(target: "facteur", %error, "looking at the clock failed");
            None
        }
    }
}

/// Lets go of what the directory keeps for a time only.
async fn forget(services: &Services, now: BelievedTime) {
    let lines = services.directory.prune_audit(now).await;
    let counters = services.directory.prune_reset_counters().await;
    match lines.and_then(|lines| counters.map(|counters| (lines, counters))) {
        Ok((0, 0)) => {}
        Ok((lines, counters)) => tracing::info!(
            target: "facteur", lines, counters, "audit lines and counters past their time removed"
        ),
        Err(error) => tracing::error!(target: "facteur", %error, "pruning the directory failed"),
    }
}

/// Deletes the accounts whose day has come, and what mail deleted accounts still have.
async fn end_accounts(services: &Services, now: BelievedTime) {
    match services.mail.purge_deleted().await {
        Ok(0) => {}
        Ok(accounts) => {
            tracing::info!(target: "facteur", accounts, "deleted accounts are without mail");
        }
        Err(error) => tracing::error!(target: "facteur", %error, "purging deleted accounts failed"),
    }
    let directory = &services.directory;
    let due = match directory.due_to_leave(now).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(target: "facteur", %error, "looking for leavers failed");
            return;
        }
    };
    for id in due {
        match services.mail.delete_account(id, directory.delete_leaver(id)).await {
            Ok(()) => tracing::info!(
                target: "facteur", account = %id, "left: account and mail deleted"
            ),
            // The others go all the same.
            Err(error) => tracing::error!(
                target: "facteur", account = %id, %error, "deleting a leaver's account failed"
            ),
        }
    }
}
