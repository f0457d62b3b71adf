//! The command line: what each command takes, and where it goes.

mod account;
mod acting;
mod policy;
mod reset;
mod unit;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mail_types::Domain;
use serde::{Deserialize, Serialize};

pub(crate) use account::{
    AccountCommand, AddAccount, EditAccount, ExportAccount, ImportAccounts, IssueSecrets,
};
pub(crate) use acting::Acting;
pub(crate) use policy::PolicyCommand;
pub(crate) use reset::ResetCommand;
pub(crate) use unit::UnitCommand;

use crate::config::Config;
use crate::{admin, check, demo, dns, server};

/// A mail server: SMTP, IMAP and webmail over one durable store.
#[derive(Debug, Parser)]
#[command(name = "facteur", version, about, propagate_version = true)]
pub(crate) struct Cli {
    /// The configuration file.
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        env = "FACTEUR_CONFIG",
        default_value = "/etc/facteur/facteur.toml"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve mail until stopped. SIGHUP reads certificates and limits anew.
    Serve,
    /// Serve an all-in-one demonstration on loopback, with accounts and mail in them.
    Demo(demo::Options),
    /// Read the configuration file and say what is wrong with it.
    CheckConfig,
    /// Copy a backup into an empty data directory, so that no UID is ever given twice.
    Restore {
        /// The backup.
        dir: PathBuf,
    },
    /// Open a damaged store up to the damage, and say what was lost. Copy it first.
    Salvage,
    /// Print what belongs into the DNS for the hosted domains: MX, SPF, DKIM, DMARC, SRV.
    Dns {
        /// Of this domain only.
        #[arg(long)]
        domain: Option<Domain>,
    },
    /// Keys: list them, add newer ones, let them sign.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    #[command(flatten)]
    Admin(AdminCommand),
}

/// What can be done to the secrets file.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Say what keys there are; never the keys themselves.
    List,
    /// Add a newer key, and say what to do next.
    Rotate {
        /// What the key is for.
        kind: KeyKind,
        /// With dkim: this domain only.
        #[arg(long)]
        domain: Option<Domain>,
    },
    /// Let DKIM keys sign whose records have been published.
    Activate {
        /// Those of this domain only.
        #[arg(long)]
        domain: Option<Domain>,
    },
}

/// What a key is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeyKind {
    /// Sealing of mail, when encryption is on.
    Data,
    /// Signatures of outgoing mail.
    Dkim,
    /// Hashes in the directory.
    Directory,
    /// Names of bodies; never changes.
    BlobNames,
}

/// Commands that a running server executes; without one, this program opens the store itself.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum AdminCommand {
    /// Accounts: add, import, edit, list, show, password, secret, second-factor, suspend, resume,
    /// leave, export, delete.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Schools and services: add, import, edit, list, show, policy, delete.
    #[command(subcommand)]
    Unit(UnitCommand),
    /// Lost passwords, for IT officers and administrators: pending, approve, refuse, unlock.
    #[command(subcommand)]
    Reset(ResetCommand),
    /// The queue of mail that waits: list, show, hold, release, retry, delete.
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Say what happened to messages, by queue id, or by what is known of them.
    Trace(Trace),
    /// The log of what was done to accounts' credentials: list, report, verify.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Say how the server is: queue, index, disk, last backup, last verification.
    Status {
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Walk the whole store, check every invariant, and report.
    Verify,
    /// Drop the full-text index of an account, or of all, and make it again, while serving.
    Reindex {
        /// Whose: an address, an academic ID or an account number.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        who: Option<String>,
        /// Every account.
        #[arg(long)]
        all: bool,
    },
    /// Write a consistent copy of the store into a new directory, while serving.
    Backup {
        /// A directory that does not exist yet.
        dir: PathBuf,
    },
}

/// What can be done to mail that waits.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum QueueCommand {
    /// List messages with the reason for which they wait.
    List {
        #[command(flatten)]
        filter: QueueFilter,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one message: each recipient's state, last reply and next attempt.
    Show {
        /// Its queue id, as in the log and in the 250 reply.
        id: String,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Do not try until released.
    Hold {
        #[command(flatten)]
        filter: QueueFilter,
    },
    /// End a hold; attempts go on at their times.
    Release {
        #[command(flatten)]
        filter: QueueFilter,
    },
    /// Try now.
    Retry {
        #[command(flatten)]
        filter: QueueFilter,
    },
    /// Take out of the queue; nobody is told.
    Delete {
        #[command(flatten)]
        filter: QueueFilter,
        /// Say that you mean it.
        #[arg(long)]
        yes: bool,
    },
}

/// What can be asked of the audit log.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum AuditCommand {
    /// List lines, the oldest first.
    List {
        /// About this account only: an address, an academic ID or an account number.
        #[arg(long)]
        account: Option<String>,
        /// The newest so many.
        #[arg(long, default_value_t = 1000)]
        newest: usize,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// A month of lost passwords: resets by mode, refusals, waits, where from most.
    Report {
        /// Such as 2026-11, in UTC.
        #[arg(long)]
        month: String,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Follow every chain: says which lines were changed, moved or taken out.
    Verify,
}

/// Which messages and recipients. What is left out fits everything.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct QueueFilter {
    /// Queue ids.
    ids: Vec<String>,
    /// Recipients whose address contains this, such as @example.test.
    #[arg(long)]
    recipient: Option<String>,
    /// Messages whose sender's address contains this; <> for notices.
    #[arg(long)]
    sender: Option<String>,
    /// Only what is held.
    #[arg(long)]
    held: bool,
    /// Everything in the queue.
    #[arg(long)]
    all: bool,
}

impl QueueFilter {
    /// Whether it names nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
            && self.recipient.is_none()
            && self.sender.is_none()
            && !self.held
            && !self.all
    }

    /// In the service's words.
    pub(crate) fn parse(&self) -> Result<mail_service::queue::Filter, String> {
        let ids = self.ids.iter().map(|id| admin::parse_queue_id(id).map(|id| id.0));
        Ok(mail_service::queue::Filter {
            ids: ids.collect::<Result<_, _>>()?,
            recipient: self.recipient.clone(),
            sender: self.sender.clone(),
            is_held: self.held.then_some(true),
        })
    }
}

/// Which messages' history. What is left out fits everything.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct Trace {
    /// Queue ids, as in the log, in the 250 reply and in Received.
    #[arg(required_unless_present_any = ["recipient", "sender", "message_id"])]
    pub(crate) ids: Vec<String>,
    /// Messages with a recipient whose address contains this.
    #[arg(long, conflicts_with = "ids")]
    pub(crate) recipient: Option<String>,
    /// Messages whose sender's address contains this; <> for notices.
    #[arg(long, conflicts_with = "ids")]
    pub(crate) sender: Option<String>,
    /// The message with this Message-ID.
    #[arg(long, conflicts_with = "ids")]
    pub(crate) message_id: Option<String>,
    /// Messages that were accepted in the last so many hours.
    #[arg(long, default_value_t = 24)]
    pub(crate) hours: u64,
    /// So many of them at most, the youngest.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: usize,
    /// One JSON object a line for each message.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// Runs the command. The error is one line for the person who typed it.
    pub(crate) async fn run(self) -> Result<(), String> {
        match self.command {
            Command::Demo(options) => demo::run(options).await,
            Command::CheckConfig => {
                let config = Config::load(&self.config)?;
                let path = self.config.display();
                for warning in check::warnings(&config) {
                    say(&format!("{path}: note: {warning}"));
                }
                let wrong = check::check_files(&config);
                if wrong.is_empty() {
                    say(&format!("{path}: good"));
                    return Ok(());
                }
                let lines: Vec<_> = wrong.iter().map(|line| format!("{path}: {line}")).collect();
                Err(lines.join("\n"))
            }
            Command::Serve => server::run(Config::load(&self.config)?, Some(self.config)).await,
            Command::Restore { dir } => {
                admin::offline::restore(&Config::load(&self.config)?, &dir).await
            }
            Command::Salvage => admin::offline::salvage(&Config::load(&self.config)?).await,
            Command::Dns { domain } => dns::run(&Config::load(&self.config)?, domain.as_ref()),
            Command::Secrets(command) => admin::secrets::run(&Config::load(&self.config)?, command),
            Command::Admin(command) => {
                admin::client::run(&Config::load(&self.config)?, command).await
            }
        }
    }
}

/// Prints a line for the person at the terminal.
#[expect(clippy::print_stdout, reason = "the command line's one way to answer")]
pub(crate) fn say(line: &str) {
    println!("{line}");
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
