//! Facteur beside Debian's Postfix and Dovecot, on one machine, in turns, in one go.

mod debian;
mod dns;
mod facteur;
mod group;
mod machine;
mod measure;
mod page;
mod rows;
mod server;
mod strangers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use self::page::RowResult;
use self::rows::Row;
use self::server::{Server, make_dir, write};
use crate::cli::{note, say};
use crate::error::Error;

/// What is compared, and where.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The facteur program.
    #[arg(long)]
    facteur: PathBuf,
    /// Rows, by name and with commas between; all that take less than minutes when left out.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// Times each row is run on each server; the median counts. All rows twice take 17 minutes.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// A directory that does not exist yet, for all servers' data; removed at the end.
    #[arg(long, default_value = "/var/tmp/facteur-bench")]
    dir: PathBuf,
    /// First of the ports that are used: Facteur's from here, Debian's from 2,000 above.
    #[arg(long, default_value_t = 24_000)]
    port_base: u16,
    /// Write the page to this file.
    #[arg(long)]
    page: Option<PathBuf>,
    /// Write all figures of all rounds to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leave servers' directories as they are at the end.
    #[arg(long)]
    keep: bool,
    /// List the rows.
    #[arg(long)]
    list: bool,
}

/// Runs until done or interrupted. Either way the servers are stopped: they stop when dropped.
pub(crate) async fn run(options: Options) -> Result<(), Error> {
    let rows = choose(&options.rows)?;
    if options.list {
        for row in rows::all() {
            say(&format!("{:<14} {}", row.name, row.title));
        }
        return Ok(());
    }
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(Error::io("listen for signals"))?;
    tokio::select! {
        ended = compare(&options, &rows) => ended,
        _ = tokio::signal::ctrl_c() => Err(Error::NotPossible("interrupted".into())),
        _ = terminate.recv() => Err(Error::NotPossible("interrupted".into())),
    }
}

fn choose(names: &[String]) -> Result<Vec<Row>, Error> {
    let mut rows = rows::all();
    if let Some(unknown) = names.iter().find(|name| rows.iter().all(|row| row.name != **name)) {
        let known: Vec<&str> = rows.iter().map(|row| row.name).collect();
        let known = known.join(", ");
        return Err(Error::NotPossible(format!("there is no row {unknown}; there are {known}")));
    }
    rows.retain(|row| match names.is_empty() {
        true => !row.only_when_named,
        false => names.iter().any(|name| name == row.name),
    });
    Ok(rows)
}

/// The directory of a run; goes with this value.
struct Scratch {
    dir: PathBuf,
    keep: bool,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = std::fs::remove_dir_all(&self.dir)
        {
            note(&format!("{} stays: {error}", self.dir.display()));
        }
    }
}

async fn compare(options: &Options, rows: &[Row]) -> Result<(), Error> {
    let dir = std::path::absolute(&options.dir).map_err(Error::io("find the directory"))?;
    std::fs::create_dir(&dir).map_err(Error::io(format!("create {}", dir.display())))?;
    let _scratch = Scratch { dir: dir.clone(), keep: options.keep };
    make_dir(&dir)?;
    make_certificate(&dir)?;
    let machine = machine::describe(&dir);
    let sync = machine::sync_time(&dir)?;
    let started = Instant::now();
    note(&format!("{machine}; one sync takes {:.2} ms", sync.as_secs_f64() * 1e3));
    let hash = facteur::password_hash()?;
    let facteur = std::path::absolute(&options.facteur).map_err(Error::io("find facteur"))?;
    let _dns = dns::Dns::serve(options.port_base + facteur::DNS_OFFSET).await?;
    // Declared after the directory, so that they stop before it goes.
    let mut servers = [
        facteur::start(&facteur, &dir.join("facteur"), options.port_base, &hash).await?,
        debian::start(&dir.join("debian"), options.port_base + 2000, &hash).await?,
    ];
    let mut results = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        note(&format!(
            "[{}/{}, {} s] {}: {}",
            at + 1,
            rows.len(),
            started.elapsed().as_secs(),
            row.name,
            row.title
        ));
        let result = run_row(row, &mut servers, options.rounds).await?;
        note(&result.markdown());
        results.push(result);
    }
    finish(options, &servers, &results, &machine, sync, started.elapsed())
}

/// Prepares both servers, then measures them in turns.
async fn run_row(row: &Row, servers: &mut [Server; 2], rounds: usize) -> Result<RowResult, Error> {
    let mut result = RowResult::new(row);
    let mut filled = [None, None];
    for (at, server) in servers.iter_mut().enumerate() {
        server.configure(row.changes).await?;
        if let Some(reason) = row.work.missing(server) {
            result.sides[at].missing = Some(reason.to_owned());
            continue;
        }
        match row.work.prepare(server).await {
            Ok(done) => filled[at] = done,
            Err(error) => result.sides[at].missing = Some(format!("failed: {error}")),
        }
    }
    for round in 0..rounds {
        for (at, server) in servers.iter_mut().enumerate() {
            if result.sides[at].missing.is_some() {
                continue;
            }
            match row.work.measure(server).await {
                Ok(mut report) => {
                    if let Some(filled) = filled[at].take() {
                        filled.add_to(&mut report);
                    }
                    note(&format!(
                        "  round {}, {}\n{}",
                        round + 1,
                        server.kind.name(),
                        report.table()
                    ));
                    result.sides[at].reports.push(report);
                }
                Err(error) => result.sides[at].missing = Some(format!("failed: {error}")),
            }
        }
    }
    for (at, server) in servers.iter().enumerate() {
        if result.sides[at].missing.is_none()
            && let Some(report) = row.work.count_syncs(server).await?
        {
            result.sides[at].reports.push(report);
        }
    }
    Ok(result)
}

fn finish(
    options: &Options,
    servers: &[Server; 2],
    results: &[RowResult],
    machine: &str,
    sync: Duration,
    took: Duration,
) -> Result<(), Error> {
    let table: String = results.iter().map(RowResult::markdown).collect();
    let [ours, theirs] = servers;
    let page = format!(
        "{}\n\n\
         - {}: {}.\n- {}: {}.\n\
         - Machine: {machine}.\n\
         - One 4 KiB append and sync to the disk: {:.2} ms.\n\
         - Date: {}. Command: `{}`. Time: {} minutes. Rounds: {}.\n\n\
         | | Facteur | Postfix and Dovecot | Facteur is better by | aim |\n|---|---|---|---|---|\n{table}",
        include_str!("page.md").trim_end(),
        ours.version,
        ours.settings,
        theirs.version,
        theirs.settings,
        sync.as_secs_f64() * 1e3,
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
        command(&options.rows),
        took.as_secs().div_ceil(60),
        options.rounds,
    );
    if let Some(path) = &options.json {
        let all: Vec<_> = results.iter().map(RowResult::json).collect();
        write(path, &format!("{:#}\n", serde_json::Value::from(all)))?;
    }
    match &options.page {
        Some(path) => write(path, &page),
        None => {
            say(&page);
            Ok(())
        }
    }
}

fn command(rows: &[String]) -> String {
    match rows.is_empty() {
        true => "make bench".into(),
        false => format!("make bench ROWS={}", rows.join(",")),
    }
}

/// One certificate for all servers.
fn make_certificate(dir: &Path) -> Result<(), Error> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]);
    let made = made.map_err(|error| Error::NotPossible(format!("certificate: {error}")))?;
    write(&dir.join("certificate.pem"), &made.cert.pem())?;
    write(&dir.join("key.pem"), &made.signing_key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_name_and_slow_ones_only_so() {
        let names = |wanted: &[&str]| -> Result<Vec<&str>, String> {
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            let rows = choose(&wanted).map_err(|error| error.to_string())?;
            Ok(rows.iter().map(|row| row.name).collect())
        };
        assert_eq!(names(&["login", "start"]).unwrap(), ["login", "start"]);
        assert!(!names(&[]).unwrap().contains(&"start"));
        assert!(names(&["logins"]).unwrap_err().contains("there is no row logins"));
    }
}
