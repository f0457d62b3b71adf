//! The command line: one subcommand for each generator, and the side-by-side run.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::compare;
use crate::error::Error;
use crate::load::{Users, append, idle, login, mailbox, mixed, pages, smtp};
use crate::report::Report;
use crate::sink::Sink;
use crate::smtp::Protocol;
use crate::wire::Target;

/// Load generators for any SMTP, LMTP, IMAP or HTTP server, and side-by-side runs.
#[derive(Debug, Parser)]
#[command(name = "bench", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send messages over SMTP.
    Smtp(Sending),
    /// Send messages over LMTP.
    Lmtp(Sending),
    /// Log in over IMAP and out again.
    ImapLogin(Imap<login::Options>),
    /// APPEND messages over IMAP.
    Append(Imap<append::Options>),
    /// Fill one large mailbox, then time what clients do in it.
    Mailbox(Imap<mailbox::Options>),
    /// Run a steady mixture of IMAP commands, and check the answers.
    Mixed(Imap<mixed::Options>),
    /// Hold sessions in IDLE until interrupted.
    Idle(Imap<idle::Options>),
    /// Fetch the webmail's pages.
    Http(Imap<pages::Options>),
    /// Take every message, keep none, and count them once a second.
    Sink {
        /// Port on loopback.
        #[arg(long)]
        port: u16,
        /// Speak LMTP instead of SMTP.
        #[arg(long)]
        lmtp: bool,
    },
    /// Start Facteur, and Debian's Postfix and Dovecot, and measure them in turns.
    Compare(compare::Options),
}

/// Where the server is, and how the result is printed.
#[derive(Debug, Args)]
struct Where {
    /// Host name or address.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port.
    #[arg(long)]
    port: u16,
    /// TLS from the first byte; any certificate will do.
    #[arg(long)]
    tls: bool,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Sending {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    options: smtp::Options,
    /// Wait until IMAP on this port shows all messages in the mailboxes; --to is then the login.
    #[arg(long, requires = "password")]
    imap_port: Option<u16>,
    /// The mailboxes' password.
    #[arg(long)]
    password: Option<String>,
}

#[derive(Debug, Args)]
struct Imap<O: Args> {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    users: Users,
    #[command(flatten)]
    options: O,
}

impl Where {
    fn target(&self) -> Result<Target, Error> {
        match self.tls {
            true => Target::over_tls(&*self.host, self.port),
            false => Ok(Target::plain(&*self.host, self.port)),
        }
    }

    fn show(&self, report: &Report) {
        match self.json {
            true => say(&format!("{:#}", report.json())),
            false => say(report.table().trim_end()),
        }
    }
}

impl Cli {
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self.command {
            Command::Smtp(sending) => sending.run(Protocol::Smtp).await,
            Command::Lmtp(sending) => sending.run(Protocol::Lmtp).await,
            Command::ImapLogin(Imap { place, users, options }) => {
                place.show(&login::run(&place.target()?, &users, &options).await?);
                Ok(())
            }
            Command::Append(Imap { place, users, options }) => {
                let sessions = append::open(&place.target()?, &users, &options).await?;
                place.show(&append::run(sessions, &options).await?);
                Ok(())
            }
            Command::Mailbox(Imap { place, users, options }) => {
                let target = place.target()?;
                let filled = mailbox::fill(&target, &users, &options).await?;
                let mut report = mailbox::run(&target, &users, &options).await?;
                filled.add_to(&mut report);
                place.show(&report);
                Ok(())
            }
            Command::Mixed(Imap { place, users, options }) => {
                let target = place.target()?;
                mixed::fill(&target, &users, &options).await?;
                place.show(&mixed::run(&target, &users, &options).await?);
                Ok(())
            }
            Command::Idle(Imap { place, users, options }) => {
                let sessions = idle::open(&place.target()?, &users, &options).await?;
                say(&format!("{} sessions idle; Ctrl-C ends them", sessions.len()));
                tokio::signal::ctrl_c().await.map_err(Error::io("wait for Ctrl-C"))
            }
            Command::Http(Imap { place, users, options }) => {
                for which in pages::Which::ALL {
                    let report = pages::run(&place.target()?, &users, &options, which).await?;
                    place.show(&report);
                }
                Ok(())
            }
            Command::Sink { port, lmtp } => run_sink(port, lmtp).await,
            Command::Compare(options) => compare::run(options).await,
        }
    }
}

impl Sending {
    async fn run(self, protocol: Protocol) -> Result<(), Error> {
        let arrival = match (self.imap_port, &self.password) {
            (Some(port), Some(password)) => {
                let users = Users {
                    user: self.options.to.clone(),
                    users: self.options.mailboxes,
                    password: password.clone(),
                };
                let target = Target::plain(&*self.place.host, port);
                Some(smtp::Arrival::watch(&target, &users).await?)
            }
            _ => None,
        };
        let report = smtp::run(&self.place.target()?, protocol, &self.options, arrival).await?;
        self.place.show(&report);
        Ok(())
    }
}

async fn run_sink(port: u16, lmtp: bool) -> Result<(), Error> {
    let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Smtp };
    let sink = Sink::listen(port, protocol).await?;
    note(&format!("listening on 127.0.0.1:{}", sink.port));
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut before = 0;
    loop {
        tokio::select! {
            ended = tokio::signal::ctrl_c() => return ended.map_err(Error::io("wait for Ctrl-C")),
            _ = seconds.tick() => {
                let now = sink.taken();
                if now != before {
                    say(&format!("{now} messages, {} in the last second", now - before));
                }
                before = now;
            }
        }
    }
}

/// Prints a result.
#[expect(clippy::print_stdout, reason = "the command line's one way to answer")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Prints progress or a warning, apart from results.
#[expect(clippy::print_stderr, reason = "progress goes beside the results")]
pub(crate) fn note(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
