//! One row on one server: the preparation, the load, and what it cost the server.

use std::time::{Duration, Instant};

use super::debian::{LMTP_SINK_OFFSET, SMTP_SINK_OFFSET};
use super::group::{SyncCounter, disk_bytes};
use super::rows::{CPU, SYNCS, Work};
use super::server::{ACCOUNTS, Kind, Server};
use super::strangers;
use crate::error::Error;
use crate::imap::Imap;
use crate::load::{Users, append, idle, login, mailbox, mixed, pages, smtp, storm};
use crate::report::{Better, Report};
use crate::sink::Sink;
use crate::smtp::Protocol;

/// Messages in the mailbox whose list and message the webmail shows.
const PAGE_MESSAGES: usize = 100;
/// The share of a row's messages that is enough to count syncs with.
const SYNC_SHARE: usize = 4;
/// Users of the idle sessions: many people have two clients.
const IDLE_USERS: usize = 500;
/// How long a relay may take over messages it accepted.
const SINK_MAX: Duration = Duration::from_secs(120);
/// Messages in one mailbox of the start row.
const START_MAILBOX: usize = 20_000;

/// Sessions that are open before a measurement begins.
#[derive(Default)]
struct Ready {
    arrival: Option<smtp::Arrival>,
    sessions: Vec<Imap>,
}

impl Work {
    /// Why a server has no figure, if it has none.
    pub(crate) fn missing(&self, server: &Server) -> Option<&'static str> {
        match (self, server.kind) {
            (Self::LmtpSink(_), Kind::Facteur) => Some("not applicable"),
            (Self::LoginHashed(_), Kind::Facteur) => Some("as in the row above"),
            (Self::Page(_) | Self::Storm(_) | Self::Enumeration(_), Kind::Debian) => {
                Some("not applicable")
            }
            _ => None,
        }
    }

    /// Whatever comes before the first round, not measured.
    pub(crate) async fn prepare(&self, server: &Server) -> Result<Option<mailbox::Filled>, Error> {
        match self {
            Self::Smtp(_) | Self::Lmtp(_) | Self::LmtpSink(_) | Self::Relay(_) => {
                let fewer = self.fewer(SYNC_SHARE);
                fewer.load(server, fewer.ready(server).await?).await?;
            }
            // Every password has been verified once: Facteur remembers that for ten minutes.
            Self::Login(_) | Self::LoginHashed(_) => {
                let options = login::Options { connections: 4, logins: login_users(server).users };
                login::run(&server.imap, &login_users(server), &options).await?;
            }
            Self::Append(options) => {
                let fewer = append::Options { messages: 2 * options.connections, ..*options };
                let users = server.users(options.connections);
                let sessions = append::open(&server.imap, &users, &fewer).await?;
                append::run(sessions, &fewer).await?;
            }
            Self::Mixed(options) => {
                mixed::fill(&server.imap, &mixed_users(server), options).await?;
            }
            Self::Mailbox(options) => {
                let filled = mailbox::fill(&server.imap, &server.users(1), options).await?;
                server.settle().await?;
                return Ok(Some(filled));
            }
            Self::Start { messages } => fill_for_start(server, *messages).await?,
            Self::Page(_) => fill_for_pages(server).await?,
            Self::Idle { .. } | Self::Storm(_) | Self::Enumeration(_) => {}
        }
        server.settle().await?;
        Ok(None)
    }

    /// Runs the load once, and adds what the server spent on it.
    pub(crate) async fn measure(&self, server: &mut Server) -> Result<Report, Error> {
        if let Self::Start { .. } = self {
            return restart(server).await;
        }
        if let Self::Enumeration(options) = self {
            return strangers::run(server, options).await;
        }
        if let Self::Storm(_) = self {
            // Whom an earlier round knew, and what it held against whom, is forgotten.
            server.group.stop();
            server.start().await?;
        }
        if let Self::Idle { options, over_tls } = self {
            // What earlier rows left is gone, and caches, which have their own limit, are filled:
            // what is counted is what the sessions hold.
            server.group.stop();
            server.start().await?;
            hold_idle(server, options, *over_tls).await?;
            server.settle().await?;
        }
        let ready = self.ready(server).await?;
        server.settle().await?;
        let (cpu, disk) = (server.group.cpu()?, disk_bytes(&server.data));
        let mut report = self.load(server, ready).await?;
        server.settle().await?;
        let cpu = server.group.cpu()?.saturating_sub(cpu).as_secs_f64();
        let operations = report.operations.max(1) as f64;
        if let Self::Mixed(_) = self {
            report.add("commands per server CPU second", operations / cpu, "", Better::Higher);
        } else {
            let name = format!("{CPU} {}", report.operation);
            report.add(name, cpu * 1e3 / operations, "ms", Better::Lower);
        }
        if self.arrives() {
            let grown = disk_bytes(&server.data).saturating_sub(disk) as f64;
            report.add("disk per message", grown / operations / 1e3, "kB", Better::Lower);
        }
        Ok(report)
    }

    /// Syncs for each message, from a short run of its own.
    pub(crate) async fn count_syncs(&self, server: &Server) -> Result<Option<Report>, Error> {
        if !self.sends() {
            return Ok(None);
        }
        let fewer = self.fewer(SYNC_SHARE);
        let ready = fewer.ready(server).await?;
        let Some(counter) = SyncCounter::start(&server.group, &server.dir).await else {
            return Ok(None);
        };
        let loaded = fewer.load(server, ready).await;
        server.group.settle().await?;
        let count = counter.stop();
        let mut report = Report::default();
        if let Some(count) = count {
            let per_message = count as f64 / loaded?.operations.max(1) as f64;
            report.add(SYNCS, per_message, "", Better::Lower);
        }
        Ok(Some(report))
    }

    /// Whether its operations are messages.
    fn sends(&self) -> bool {
        self.arrives() || matches!(self, Self::LmtpSink(_) | Self::Relay(_))
    }

    /// Whether messages end in a mailbox.
    fn arrives(&self) -> bool {
        matches!(self, Self::Smtp(_) | Self::Lmtp(_) | Self::Append(_))
    }

    /// The same with fewer messages.
    fn fewer(&self, share: usize) -> Self {
        let mut work = self.clone();
        match &mut work {
            Self::Smtp(options)
            | Self::Lmtp(options)
            | Self::LmtpSink(options)
            | Self::Relay(options) => options.messages = options.messages.div_ceil(share),
            Self::Append(options) => options.messages = options.messages.div_ceil(share),
            _ => {}
        }
        work
    }

    /// Opens the sessions whose logins are not what is measured.
    async fn ready(&self, server: &Server) -> Result<Ready, Error> {
        match self {
            Self::Smtp(options) | Self::Lmtp(options) => {
                let users = server.users(options.mailboxes);
                let arrival = smtp::Arrival::watch(&server.imap, &users).await?;
                Ok(Ready { arrival: Some(arrival), sessions: Vec::new() })
            }
            Self::Append(options) => {
                let users = server.users(options.connections);
                let sessions = append::open(&server.imap, &users, options).await?;
                Ok(Ready { arrival: None, sessions })
            }
            _ => Ok(Ready::default()),
        }
    }

    async fn load(&self, server: &Server, ready: Ready) -> Result<Report, Error> {
        match self {
            Self::Smtp(options) => {
                smtp::run(&server.smtp, Protocol::Smtp, options, ready.arrival).await
            }
            Self::Lmtp(options) => {
                smtp::run(&server.lmtp, Protocol::Lmtp, options, ready.arrival).await
            }
            Self::LmtpSink(options) => sink(server, Protocol::Lmtp, options).await,
            Self::Relay(options) => sink(server, Protocol::Smtp, options).await,
            Self::Login(options) => login::run(&server.imap, &login_users(server), options).await,
            Self::LoginHashed(options) => {
                let users = Users { users: 20, ..server.hashed_users(20) };
                login::run(&server.imap, &users, options).await
            }
            Self::Append(options) => append::run(ready.sessions, options).await,
            Self::Mailbox(options) => mailbox::run(&server.imap, &server.users(1), options).await,
            Self::Mixed(options) => mixed::run(&server.imap, &mixed_users(server), options).await,
            Self::Idle { options, over_tls } => hold_idle(server, options, *over_tls).await,
            Self::Page(which) => {
                let options = pages::Options { requests: 300 };
                let http = server.http.as_ref();
                let http = http.ok_or_else(|| Error::NotPossible("no HTTP here".into()))?;
                pages::run(http, &page_users(server), &options, *which).await
            }
            Self::Storm(options) => {
                let elsewhere = || Error::NotPossible("neither submission nor HTTP here".into());
                let doors = storm::Doors {
                    imap: server.imap.clone(),
                    submission: server.submission.clone().ok_or_else(elsewhere)?,
                    http: server.http.clone().ok_or_else(elsewhere)?,
                };
                storm::run(&doors, &server.users(ACCOUNTS), options).await
            }
            Self::Start { .. } | Self::Enumeration(_) => Ok(Report::default()),
        }
    }
}

fn login_users(server: &Server) -> Users {
    server.users(100)
}

/// Mailboxes that no other row fills.
fn mixed_users(server: &Server) -> Users {
    Users { user: server.users(1).user.replace("%d", "9%d"), ..server.users(50) }
}

fn page_users(server: &Server) -> Users {
    Users { user: server.users(1).user.replace("%d", "800"), ..server.users(1) }
}

/// The time until the sink has all counts, as delivery does elsewhere.
async fn sink(
    server: &Server,
    protocol: Protocol,
    options: &smtp::Options,
) -> Result<Report, Error> {
    let offset = if protocol == Protocol::Smtp { SMTP_SINK_OFFSET } else { LMTP_SINK_OFFSET };
    let sink = Sink::listen(server.smtp.port - 25 + offset, protocol).await?;
    let started = Instant::now();
    let mut options = options.clone();
    let mut target = &server.smtp;
    // Whoever sends to other domains through Facteur has logged in.
    if let Some(submission) = &server.submission {
        let users = server.users(1);
        target = submission;
        options.from = users.name(0);
        options.auth_password = Some(users.password);
    }
    let mut report = smtp::run(target, Protocol::Smtp, &options, None).await?;
    let all = sink.wait_for(options.messages * options.recipients);
    let taken = tokio::time::timeout(SINK_MAX, all).await;
    taken.map_err(|_| Error::NotPossible(format!("the sink got {}", sink.taken())))?;
    report.per_second("passed on", options.messages, started.elapsed());
    Ok(report)
}

async fn hold_idle(
    server: &Server,
    options: &idle::Options,
    over_tls: bool,
) -> Result<Report, Error> {
    let target = if over_tls { &server.imaps } else { &server.imap };
    let before = server.group.pss_bytes();
    let started = Instant::now();
    let sessions = idle::open(target, &server.users(IDLE_USERS), options).await?;
    let opening = started.elapsed();
    server.group.settle().await?;
    let held = server.group.pss_bytes();
    let mut report = Report::of(options.sessions, "session");
    let per_session = held.saturating_sub(before) as f64 / 1024.0 / options.sessions as f64;
    report.add("memory per session", per_session, "KiB", Better::Lower);
    report.add("memory before", before as f64 / 1024.0 / 1024.0, "MiB", Better::Lower);
    report.per_second("LOGIN, SELECT, IDLE", options.sessions, opening);
    drop(sessions);
    Ok(report)
}

async fn restart(server: &mut Server) -> Result<Report, Error> {
    let server_stopping = Instant::now();
    server.group.stop();
    let stopping = server_stopping.elapsed();
    let starting = server.start().await?;
    let started = Instant::now();
    let users = server.users(1);
    let mut imap = Imap::login(&server.imap, &users.name(0), &users.password).await?;
    imap.ok("SELECT Start").await?;
    let mut report = Report::of(1, "start");
    report.milliseconds("stop", stopping);
    report.milliseconds("start until SMTP and IMAP greet", starting);
    report.milliseconds("first LOGIN and SELECT", started.elapsed());
    report.add("memory", server.group.pss_bytes() as f64 / 1024.0 / 1024.0, "MiB", Better::Lower);
    Ok(report)
}

/// Fills mailboxes by COPY, which every server does fastest.
async fn fill_for_start(server: &Server, messages: usize) -> Result<(), Error> {
    for index in 0..messages.div_ceil(START_MAILBOX) {
        let user = server.users(index + 1).name(index);
        let users = Users { user, users: 1, ..server.users(1) };
        let options = mailbox::Options {
            messages: START_MAILBOX,
            corpus: 300,
            passes: 1,
            mailbox: "Start".into(),
        };
        mailbox::fill(&server.imap, &users, &options).await?;
        crate::cli::note(&format!("  {} filled {}", server.kind.name(), users.user));
    }
    Ok(())
}

async fn fill_for_pages(server: &Server) -> Result<(), Error> {
    let users = page_users(server);
    let mut imap = Imap::login(&server.imap, &users.user, &users.password).await?;
    if imap.status("INBOX", "MESSAGES").await? as usize >= PAGE_MESSAGES {
        return Ok(());
    }
    for message in crate::corpus::corpus(PAGE_MESSAGES, 42) {
        let answer = imap.append("INBOX", "", &message, |_| {}).await?;
        crate::imap::must_be_ok("APPEND", answer)?;
    }
    tokio::time::timeout(Duration::from_secs(10), imap.logout())
        .await
        .map_err(|_| Error::Protocol("LOGOUT was not answered".into()))?
}
