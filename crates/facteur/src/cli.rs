//! The command line: what each command takes, and where it goes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mail_types::{AcademicId, Domain, EmailAddress, Role};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::{admin, demo, server};

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
    /// Keys: list them, print the DNS records of those that sign, add newer ones.
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
    /// Print the DNS records of the DKIM keys.
    Dns {
        /// Of this domain only.
        #[arg(long)]
        domain: Option<Domain>,
    },
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
    /// Walk the whole store, check every invariant, and report.
    Verify,
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
                Config::load(&self.config)?;
                say(&format!("{}: good", self.config.display()));
                Ok(())
            }
            Command::Serve => server::run(Config::load(&self.config)?, Some(self.config)).await,
            Command::Restore { dir } => {
                admin::offline::restore(&Config::load(&self.config)?, &dir).await
            }
            Command::Salvage => admin::offline::salvage(&Config::load(&self.config)?).await,
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
