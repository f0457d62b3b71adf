//! Logs and metrics of the process.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging to standard error. `RUST_LOG` overrides the configured level. A panic is a log
/// line like any other, so that a log for machines stays one.
pub(crate) fn start_logging(log: &Log) -> Result<(), String> {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| log.level.clone());
    let filter = EnvFilter::try_new(&level).map_err(|error| format!("log.level: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Human => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|error| format!("start logging: {error}"))?;
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(target: "facteur", place = panic.location().map(display), "panicked: {panic}");
    }));
    Ok(())
}

/// Starts counting, and returns what renders the counts.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| format!("start metrics: {error}"))?;
    Ok(handle)
}
