//! One large mailbox: filled by APPEND and doubled by COPY, then what clients do in it.

use std::time::{Duration, Instant};

use super::{Clock, Users};
use crate::corpus::corpus;
use crate::error::Error;
use crate::imap::{Imap, must_be_ok, numbered};
use crate::report::{Better, Report, percentile};
use crate::wire::Target;

/// How large, and how often.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the mailbox.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) messages: usize,
    /// Different messages among them.
    #[arg(long, default_value_t = 600)]
    pub(crate) corpus: usize,
    /// Times each operation is tried; the median counts.
    #[arg(long, default_value_t = 5)]
    pub(crate) passes: usize,
    /// The mailbox.
    #[arg(long, default_value = "Large")]
    pub(crate) mailbox: String,
}

const HEADERS: &str = "UID RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (From To Cc Bcc \
                       Subject Date Message-ID Priority X-Priority References Newsgroups \
                       In-Reply-To Content-Type Reply-To)]";

/// An operation: its name, its command, the capability without which it is left out.
struct Operation {
    name: &'static str,
    command: String,
    needs: &'static str,
}

fn operations(exists: usize, mailbox: &str) -> Vec<Operation> {
    let last = |count: usize| format!("{}:{exists}", exists.saturating_sub(count - 1).max(1));
    let operation = |name, command, needs| Operation { name, command, needs };
    let plain = |name, command: &str| operation(name, command.to_owned(), "");
    vec![
        operation("STATUS", format!("STATUS {mailbox} (MESSAGES UNSEEN UIDNEXT)"), ""),
        operation("SELECT", format!("SELECT {mailbox}"), ""),
        plain("flags of all", "UID FETCH 1:* (FLAGS)"),
        plain("SEARCH ALL", "UID SEARCH ALL"),
        plain("SEARCH UNSEEN", "UID SEARCH UNSEEN"),
        operation("headers of the last 200", format!("FETCH {} ({HEADERS})", last(200)), ""),
        operation(
            "envelope and structure of the last 50",
            format!("FETCH {} (UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE)", last(50)),
            "",
        ),
        operation("headers of all", format!("FETCH 1:* ({HEADERS})"), ""),
        plain("SEARCH SUBJECT", "UID SEARCH SUBJECT circulaire"),
        plain("SEARCH FROM", "UID SEARCH FROM Garcia"),
        plain("SEARCH BODY", "UID SEARCH BODY introuvable"),
        operation("SORT REVERSE DATE", "UID SORT (REVERSE DATE) UTF-8 ALL".into(), "SORT"),
        operation("SORT SUBJECT", "UID SORT (SUBJECT) UTF-8 ALL".into(), "SORT"),
        operation(
            "THREAD REFERENCES",
            "UID THREAD REFERENCES UTF-8 ALL".into(),
            "THREAD=REFERENCES",
        ),
        plain("STORE to 1,000", "STORE 1:1000 +FLAGS.SILENT ($bench)"),
        plain("STORE to all", "STORE 1:* +FLAGS.SILENT ($all)"),
        operation("20 bodies", format!("FETCH {} (UID BODY.PEEK[])", last(20)), ""),
    ]
}

/// What the mailbox's filling showed.
pub(crate) struct Filled {
    append: Vec<Duration>,
    copied: usize,
    copying: Duration,
}

/// Creates and fills the mailbox.
pub(crate) async fn fill(
    target: &Target,
    users: &Users,
    options: &Options,
) -> Result<Filled, Error> {
    let mut imap = Imap::login(target, &users.name(0), &users.password).await?;
    let mailbox = &options.mailbox;
    imap.ok(&format!("CREATE {mailbox}")).await?;
    let mut filled = Filled { append: Vec::new(), copied: 0, copying: Duration::ZERO };
    for message in corpus(options.corpus.min(options.messages), 42) {
        let started = Instant::now();
        must_be_ok("APPEND", imap.append(mailbox, "", &message, |_| {}).await?)?;
        filled.append.push(started.elapsed());
    }
    imap.ok(&format!("SELECT {mailbox}")).await?;
    let mut exists = filled.append.len();
    while exists < options.messages {
        let more = exists.min(options.messages - exists);
        let started = Instant::now();
        imap.ok(&format!("COPY 1:{more} {mailbox}")).await?;
        filled.copying += started.elapsed();
        filled.copied += more;
        exists += more;
        imap.ok("NOOP").await?;
    }
    imap.logout().await?;
    Ok(filled)
}

impl Filled {
    /// Adds what filling showed.
    pub(crate) fn add_to(&self, report: &mut Report) {
        let total: Duration = self.append.iter().sum();
        report.per_second("APPEND of the corpus", self.append.len(), total);
        report.per_second("COPY in the mailbox", self.copied, self.copying);
    }
}

/// Runs all operations in turn, `passes` times, and reports their medians.
pub(crate) async fn run(
    target: &Target,
    users: &Users,
    options: &Options,
) -> Result<Report, Error> {
    let clock = Clock::start();
    let mut imap = Imap::login(target, &users.name(0), &users.password).await?;
    let capabilities = imap.capabilities().await?;
    let mut exists = 0;
    let select = format!("SELECT {}", options.mailbox);
    let each = |response: &[u8]| {
        if let Some((count, "EXISTS")) = numbered(response) {
            exists = count as usize;
        }
    };
    must_be_ok(&select, imap.run(&select, each).await?)?;
    let mut report = Report::of(options.passes, "pass");
    let mut times: Vec<Vec<Duration>> = Vec::new();
    let mut bytes = Vec::new();
    let operations: Vec<Operation> = operations(exists, &options.mailbox)
        .into_iter()
        .filter(|operation| {
            operation.needs.is_empty() || capabilities.iter().any(|name| name == operation.needs)
        })
        .collect();
    for _ in 0..options.passes {
        times.resize_with(operations.len(), Vec::new);
        bytes.clear();
        for (operation, times) in operations.iter().zip(&mut times) {
            undo(&mut imap, operation).await?;
            let started = Instant::now();
            let answer = imap.run(&operation.command, |_| {}).await?;
            times.push(started.elapsed());
            bytes.push(must_be_ok(&operation.command, answer)?.bytes);
        }
    }
    for ((operation, mut times), bytes) in operations.iter().zip(times).zip(bytes) {
        times.sort_unstable();
        if let Some(median) = percentile(&times, 50) {
            report.milliseconds(operation.name, median);
        }
        if operation.name == "headers of all" {
            report.add("headers of all, bytes", bytes as f64 / 1e6, "MB", Better::Neither);
        }
    }
    clock.add_own_cpu(&mut report);
    imap.logout().await?;
    Ok(report)
}

/// A STORE that changes nothing would be no measurement.
async fn undo(imap: &mut Imap, operation: &Operation) -> Result<(), Error> {
    if operation.command.starts_with("STORE") {
        imap.ok(&operation.command.replace("+FLAGS", "-FLAGS")).await?;
    }
    Ok(())
}
