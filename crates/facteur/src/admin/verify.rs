//! `facteur verify`: walks the whole store and checks every invariant.

use super::{Reporter, Services};

/// Bodies between two reports of progress.
const PROGRESS_EVERY: u64 = 256;

/// Reports what it finds; the error says that something was found.
pub(super) async fn run(services: &Services, reporter: &Reporter) -> Result<(), String> {
    let mut faults = 0;
    faults += directory(services, reporter).await?;
    faults += bodies(services, reporter).await?;
    faults += accounts(services, reporter).await?;
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

async fn bodies(services: &Services, reporter: &Reporter) -> Result<usize, String> {
    let progress = |done: u64| {
        if done.is_multiple_of(PROGRESS_EVERY) {
            reporter.progress(done, done + 1);
        }
    };
    let verified = services.store.verify(progress).await.map_err(|error| error.to_string())?;
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
    Ok(verified.faults.len())
}

async fn accounts(services: &Services, reporter: &Reporter) -> Result<usize, String> {
    let mut faults = 0;
    let mut messages = 0;
    let accounts = services
        .store
        .partitions(mail_store::Class::Account, None, usize::MAX)
        .await
        .map_err(|error| error.to_string())?;
    let total = accounts.len() as u64;
    for (index, id) in accounts.into_iter().enumerate() {
        let owner = mail_types::AccountId(id);
        let verified = services.mail.verify(owner).await.map_err(|error| error.to_string())?;
        for fault in &verified.faults {
            reporter.line(format!("fault: {owner}: {fault}"));
        }
        faults += verified.faults.len();
        messages += verified.messages;
        reporter.progress(index as u64 + 1, total);
    }
    reporter.line(format!("mail: {total} accounts, {messages} messages, {faults} faults"));
    Ok(faults)
}
