//! `facteur verify`: walks the whole store and checks every invariant.

use std::time::Instant;

use super::{Reporter, Services};

/// Bodies between two reports of progress.
const PROGRESS_EVERY: u64 = 256;

/// How far the walk has come, in bodies and messages.
struct Progress<'a> {
    reporter: &'a Reporter,
    total: u64,
}

impl Progress<'_> {
    fn say(&self, done: u64) {
        self.reporter.progress(done, self.total.max(done));
    }
}

/// Reports what it finds; the error says that something was found.
pub(super) async fn run(services: &Services, reporter: &Reporter) -> Result<(), String> {
    let began = Instant::now();
    let mut faults = 0;
    faults += directory(services, reporter).await?;
    let bodies_expected = services.store.body_count_estimate();
    let messages = services.mail.messages_stored().await.map_err(|error| error.to_string())?;
    let progress = Progress { reporter, total: bodies_expected + messages };
    let (found, seen) = bodies(services, &progress).await?;
    faults += found;
    faults += accounts(services, &progress, seen).await?;
    let noted = services.store.note_verified(began.elapsed().as_secs(), faults as u64).await;
    noted.map_err(|error| error.to_string())?;
    match faults {
        0 => {
            reporter.line("clean");
            Ok(())
        }
        count => Err(format!("{count} faults: restore a backup, or tell the makers")),
    }
}

async fn directory(services: &Services, reporter: &Reporter) -> Result<usize, String> {
    let report = services.directory.verify().await.map_err(|error| error.to_string())?;
    for fault in &report.faults {
        reporter.line(format!("fault: {fault:?}"));
    }
    reporter.line(format!("directory: {} faults", report.faults.len()));
    Ok(report.faults.len())
}

/// Faults, and bodies looked at.
async fn bodies(services: &Services, progress: &Progress<'_>) -> Result<(usize, u64), String> {
    let reporter = progress.reporter;
    let heard = |done: u64| {
        if done.is_multiple_of(PROGRESS_EVERY) {
            progress.say(done);
        }
    };
    let verified = services.store.verify(heard).await.map_err(|error| error.to_string())?;
    for fault in &verified.faults {
        reporter.line(format!("fault: {}", fault.0));
    }
    reporter.line(format!(
        "store: {} bodies, {} bytes, {} references, {} faults",
        verified.bodies,
        verified.bytes,
        verified.uses,
        verified.faults.len()
    ));
    if verified.groups_dropped > 0 {
        reporter.line(format!(
            "note: {} commit groups were dropped from the end of the log at unclean stops",
            verified.groups_dropped
        ));
    }
    Ok((verified.faults.len(), verified.bodies))
}

async fn accounts(
    services: &Services,
    progress: &Progress<'_>,
    bodies: u64,
) -> Result<usize, String> {
    let reporter = progress.reporter;
    let mut faults = 0;
    let mut messages = 0;
    let accounts = services
        .store
        .partitions(mail_store::Class::Account, None, usize::MAX)
        .await
        .map_err(|error| error.to_string())?;
    let total = accounts.len();
    for id in accounts {
        let owner = mail_types::AccountId(id);
        let verified = services.mail.verify(owner).await.map_err(|error| error.to_string())?;
        for fault in &verified.faults {
            reporter.line(format!("fault: {owner}: {fault}"));
        }
        faults += verified.faults.len();
        messages += verified.messages;
        progress.say(bodies + messages);
    }
    reporter.line(format!("mail: {total} accounts, {messages} messages, {faults} faults"));
    Ok(faults)
}
