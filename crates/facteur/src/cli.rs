//! The command line: what each command takes, and where it goes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mail_types::{AcademicId, Domain, EmailAddress, Role};
use serde::{Deserialize, Serialize};

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
    /// Accounts: add, import, list, show, password, suspend, resume, delete.
    #[command(subcommand)]
    Account(AccountCommand),
    /// The queue of mail that waits: list, show, hold, release, retry, delete.
    #[command(subcommand)]
    Queue(QueueCommand),
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

/// What can be done to accounts. WHO is an address, an academic ID or an account number.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum AccountCommand {
    /// Create an account. Its password is read from standard input.
    Add(AddAccount),
    /// Create or update accounts from a CSV file with the columns
    /// address,name,academic_id,unit,role,quota,password.
    Import(ImportAccounts),
    /// List accounts.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one account.
    Show {
        /// Whose.
        who: String,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Set a password, read from standard input.
    Password {
        /// Whose.
        who: String,
        #[arg(skip)]
        #[serde(default)]
        password: String,
    },
    /// Let an account receive but not log in.
    Suspend {
        /// Whose.
        who: String,
    },
    /// End a suspension.
    Resume {
        /// Whose.
        who: String,
    },
    /// Delete an account and its mail. Its addresses stay reserved for ever.
    Delete {
        /// Whose.
        who: String,
        /// Say that you mean it.
        #[arg(long)]
        yes: bool,
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

/// A new account.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct AddAccount {
    /// Its address.
    pub(crate) address: EmailAddress,
    /// Display name.
    #[arg(long)]
    pub(crate) name: String,
    /// The number on the hand-out sheet: 4 to 16 digits.
    #[arg(long)]
    pub(crate) academic_id: AcademicId,
    /// Code of its school or service.
    #[arg(long)]
    pub(crate) unit: Option<String>,
    /// agent, it-officer, administrator or system.
    #[arg(long, default_value_t)]
    pub(crate) role: Role,
    /// Bytes its mailboxes may hold; 0 is unlimited [default: the configured one].
    #[arg(long)]
    pub(crate) quota_bytes: Option<u64>,
    /// A further address; may be repeated.
    #[arg(long = "alias")]
    pub(crate) aliases: Vec<EmailAddress>,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) password: String,
}

/// Accounts from a file.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct ImportAccounts {
    /// The CSV file.
    pub(crate) file: PathBuf,
    /// Check every line and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) content: String,
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
