//! A server under measurement: where it listens, and what its processes cost.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::group::Group;
use crate::error::Error;
use crate::http::Http;
use crate::imap::Imap;
use crate::load::Users;
use crate::wire::Target;

/// The domain of all mailboxes.
pub(crate) const DOMAIN: &str = "bench.test";
/// How many mailboxes there are.
pub(crate) const ACCOUNTS: usize = 1000;
pub(crate) const PASSWORD: &str = "mot-de-passe-mesure";
/// How long a start may take on a busy machine.
pub(crate) const START_MAX: Duration = Duration::from_secs(300);

/// How long the full-text index may take to catch up.
const INDEX_MAX: Duration = Duration::from_secs(300);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Facteur,
    Debian,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Facteur => "Facteur",
            Self::Debian => "Postfix and Dovecot",
        }
    }
}

/// One program of the server.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) log: PathBuf,
}

/// A server that runs.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) version: String,
    /// How it was configured, for the page.
    pub(crate) settings: &'static str,
    pub(crate) group: Group,
    pub(crate) programs: Vec<Program>,
    pub(crate) smtp: Target,
    pub(crate) lmtp: Target,
    /// Where mail for others is taken, if that is elsewhere.
    pub(crate) submission: Option<Target>,
    pub(crate) imap: Target,
    pub(crate) imaps: Target,
    pub(crate) http: Option<Target>,
    pub(crate) metrics: Option<Target>,
    /// Its configuration file and what stands in it, where rows change that.
    pub(crate) config: Option<(PathBuf, String)>,
    /// Where its mail lies.
    pub(crate) data: PathBuf,
    /// Its own directory.
    pub(crate) dir: PathBuf,
}

impl Server {
    /// Starts all programs and waits until the server answers. Gives the time that took.
    pub(crate) async fn start(&mut self) -> Result<Duration, Error> {
        let started = Instant::now();
        for program in &self.programs {
            let args: Vec<&str> = program.args.iter().map(String::as_str).collect();
            self.group.spawn(&program.path, &args, &program.log)?;
        }
        loop {
            let imap = Imap::connect(&self.imap).await;
            let ready = imap.is_ok()
                && crate::smtp::Smtp::connect(&self.smtp, crate::smtp::Protocol::Smtp)
                    .await
                    .is_ok();
            if ready {
                return Ok(started.elapsed());
            }
            if !self.group.runs() || started.elapsed() > START_MAX {
                let logs: String = self.programs.iter().map(|program| tail(&program.log)).collect();
                let name = self.kind.name();
                return Err(Error::NotPossible(format!("{name} did not start:\n{logs}")));
            }
            // Another program's socket gives no event until it is there.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts again with these replacements in its configuration, unless it has them already.
    pub(crate) async fn configure(&mut self, changes: &[(&str, &str)]) -> Result<(), Error> {
        let Some((path, text)) = &self.config else { return Ok(()) };
        let changed = changes.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
        if std::fs::read_to_string(path).is_ok_and(|current| current == changed) {
            return Ok(());
        }
        write(path, &changed)?;
        self.group.stop();
        self.start().await.map(drop)
    }

    /// The first mailboxes.
    pub(crate) fn users(&self, count: usize) -> Users {
        Users { user: format!("agent%d@{DOMAIN}"), users: count, password: PASSWORD.into() }
    }

    /// Users whose password is behind Argon2id. In Facteur all are.
    pub(crate) fn hashed_users(&self, count: usize) -> Users {
        let user = match self.kind {
            Kind::Facteur => format!("agent%d@{DOMAIN}"),
            Kind::Debian => format!("hashed%d@{DOMAIN}"),
        };
        Users { user, ..self.users(count) }
    }

    /// Waits until the work in the background is done, the full-text index included.
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        let deadline = Instant::now() + INDEX_MAX;
        while self.index_queue().await? > 0.0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.group.settle().await
    }

    async fn index_queue(&self) -> Result<f64, Error> {
        let Some(metrics) = &self.metrics else { return Ok(0.0) };
        let page = Http::connect(metrics).await?.get("/metrics").await?;
        Ok(metric(&String::from_utf8_lossy(&page.body), "facteur_index_queue").unwrap_or(0.0))
    }
}

/// The value of a metric without labels, in Prometheus' text form.
fn metric(text: &str, name: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.trim().parse().ok()
}

pub(crate) fn tail(log: &Path) -> String {
    const LINES: usize = 15;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| format!("{line}\n")).collect()
}

/// Writes a file of a server's directory.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}

/// Makes a directory that other users may enter.
pub(crate) fn make_dir(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(Error::io(format!("create {}", path.display())))?;
    super::group::open_to_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# TYPE facteur_index_queue gauge\nfacteur_index_queue_max 9\n\
                    facteur_index_queue 3\n";
        assert_eq!(metric(text, "facteur_index_queue"), Some(3.0));
        assert_eq!(metric(text, "facteur_index"), None);
    }
}
