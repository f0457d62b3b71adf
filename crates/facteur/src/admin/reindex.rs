//! `facteur reindex`: full-text indexes made anew from the messages.

use mail_store::Class;
use mail_types::AccountId;

use super::{Reporter, Services, account};

/// Reindexes one account, or all when nobody is named. The error is one line for the person who
/// asked.
pub(super) async fn run(
    services: &Services,
    who: Option<&str>,
    reporter: &Reporter,
) -> Result<(), String> {
    let Some(who) = who else { return all(services, reporter).await };
    let owner = account::find(services, who).await?.id;
    let progress = |done, total| reporter.progress(done, total);
    let messages = services.mail.reindex(owner, progress).await.map_err(text)?;
    reporter.line(format!("{owner}: {messages} messages indexed"));
    Ok(())
}

async fn all(services: &Services, reporter: &Reporter) -> Result<(), String> {
    let accounts = services.store.partitions(Class::Account, None, usize::MAX).await;
    let accounts = accounts.map_err(text)?;
    let total = accounts.len() as u64;
    let (mut messages, mut failed) = (0, 0);
    for (done, owner) in accounts.into_iter().map(AccountId).enumerate() {
        reporter.progress(done as u64, total);
        match services.mail.reindex(owner, |_, _| {}).await {
            Ok(indexed) => messages += indexed,
            // The others are not to wait for it.
            Err(error) => {
                reporter.line(format!("{owner}: {error}"));
                failed += 1;
            }
        }
    }
    reporter.line(format!("{total} accounts, {messages} messages indexed"));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} accounts could not be indexed")) }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
