//! Commands for a store that no server may be running on.

use std::path::Path;

use mail_store::Store;

use super::Reporter;
use super::client::Screen;
use crate::cli::say;
use crate::config::Config;

/// Copies a backup into the configured, still empty, data directory.
pub(crate) async fn restore(config: &Config, backup: &Path) -> Result<(), String> {
    let (options, source) = (super::store_options(config), backup.to_owned());
    let (reporter, mut events) = Reporter::new();
    let restoring = tokio::task::spawn_blocking(move || {
        Store::restore(&source, options, |done, total| reporter.progress(done >> 20, total >> 20))
    });
    let mut screen = Screen::default();
    while let Some(event) = events.recv().await {
        screen.show(event);
    }
    drop(screen);
    let restored = restoring.await.map_err(|error| error.to_string())?;
    restored.map_err(|error| error.to_string())?;
    say(&format!("restored {} into {}", backup.display(), config.data_dir.display()));
    say("every UIDNEXT, UIDVALIDITY counter and version was moved forward by 2^20");
    Ok(())
}

/// Opens the store up to the damage in its log.
pub(crate) async fn salvage(config: &Config) -> Result<(), String> {
    super::is_ours(&config.data_dir)?;
    let options = super::store_options(config);
    let report = tokio::task::spawn_blocking(move || Store::salvage(options))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    say(&report.to_string());
    say("now run `facteur verify`");
    Ok(())
}
