//! Logs and metrics of the process.

use std::io::IsTerminal;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{Config, LogFormat};
use crate::history::{self, Heard};

/// Starts logging to standard error. `RUST_LOG` overrides the configured level. A panic is a log
/// line like any other, so that a log for machines stays one. What the mail log says is to be kept
/// by somebody, when there is a history.
pub(crate) fn start_logging(config: &Config) -> Result<Option<Heard>, String> {
    let log = &config.log;
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| log.level.clone());
    let filter = EnvFilter::try_new(&level).map_err(|error| format!("log.level: {error}"))?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    let lines = match log.format {
        LogFormat::Human => lines.with_filter(filter).boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed()
        }
    };
    let (listener, heard) = history::listen();
    let is_kept = config.mail.history_days > 0;
    let started = tracing_subscriber::registry().with(lines).with(is_kept.then_some(listener));
    started.try_init().map_err(|error| format!("start logging: {error}"))?;
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(target: "facteur", place = panic.location().map(display), "panicked: {panic}");
    }));
    Ok(is_kept.then_some(heard))
}

/// Upper bounds of a histogram's buckets: seconds, from a cached page to a slow disk.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];
/// The same of counts.
const COUNTS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
/// What histograms recorded is gathered in memory until somebody asks, or until this is over.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts counting, and returns what renders the counts.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, String> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&COUNTS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        })
        .map_err(|error| format!("start metrics: {error}"))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| format!("start metrics: {error}"))?;
    let gathering = handle.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            gathering.run_upkeep();
        }
    });
    Ok(handle)
}
