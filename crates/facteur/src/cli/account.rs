//! `facteur account …`: what each command takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use directory::{Day, Person, UnitCode};
use mail_types::{AcademicId, Domain, EmailAddress, Role};
use serde::{Deserialize, Serialize};

use super::acting::Acting;

/// What can be done to accounts. WHO is an address, an academic ID or an account number.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum AccountCommand {
    /// Create an account, with a password read from standard input or a temporary secret.
    Add(Box<AddAccount>),
    /// Create or update accounts from a CSV file, and write hand-out sheets for the new ones.
    ///
    /// Columns: academic_id, and either given_name and birth_name (usage_name) or address and
    /// name; further birth_date, unit, role, quota, password, leaves_on. French names are known
    /// too: identifiant, prénom, nom, nom d'usage, date de naissance, établissement …
    Import(ImportAccounts),
    /// Change what is known of an account: names, units (a move), role, quota, address.
    Edit(Box<EditAccount>),
    /// List accounts.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        /// Of this unit only.
        #[arg(long)]
        #[serde(default)]
        unit: Option<UnitCode>,
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
    /// Give new temporary secrets: for a first login that did not happen in time, or for a lost
    /// password, which ends at once.
    Secret(IssueSecrets),
    /// Turn a second factor off that was lost with every recovery code, once you know who asks.
    SecondFactor {
        /// Whose.
        who: String,
        /// Say that it shall be off; its owner turns another one on.
        #[arg(long, required = true)]
        off: bool,
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
    /// Say on which day an account is deleted. Until then its owner reads, and neither
    /// changes nor sends anything.
    Leave {
        /// Whose.
        who: String,
        /// The day, such as 2027-08-31.
        #[arg(long, required_unless_present = "stay", conflicts_with = "stay")]
        on: Option<Day>,
        /// Take it back.
        #[arg(long)]
        stay: bool,
    },
    /// Write everything of an account into a new directory: messages (EML, with their flags beside
    /// them), address book (vCard), account data (JSON). For administrators.
    Export(ExportAccount),
    /// Delete an account and its mail. Its addresses stay reserved for ever.
    Delete {
        /// Whose.
        who: String,
        /// Say that you mean it.
        #[arg(long)]
        yes: bool,
    },
}

/// What is known of a person.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct PersonArgs {
    /// First name in use.
    #[arg(long)]
    given_name: Option<String>,
    /// Family name at birth.
    #[arg(long)]
    birth_name: Option<String>,
    /// Family name in use, when it is another one.
    #[arg(long)]
    usage_name: Option<String>,
    /// 1985-03-21 or 21/03/1985; only a keyed hash of it is kept.
    #[arg(long)]
    birth_date: Option<Day>,
}

impl PersonArgs {
    /// In the directory's words.
    pub(crate) fn person(self) -> Person {
        let Self { given_name, birth_name, usage_name, birth_date } = self;
        Person { given_name, birth_name, usage_name, birth_date }
    }
}

/// A new account.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct AddAccount {
    /// Its address [default: made of the names].
    pub(crate) address: Option<EmailAddress>,
    /// Display name [default: made of the names].
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    /// The number on the hand-out sheet: 4 to 16 digits.
    #[arg(long)]
    pub(crate) academic_id: AcademicId,
    /// Its school or service; may be repeated, its own first.
    #[arg(long = "unit")]
    pub(crate) units: Vec<UnitCode>,
    /// agent, it-officer, administrator or system.
    #[arg(long, default_value_t)]
    pub(crate) role: Role,
    /// Bytes its mailboxes may hold; 0 is unlimited [default: the configured one].
    #[arg(long)]
    pub(crate) quota_bytes: Option<u64>,
    /// A further address; may be repeated.
    #[arg(long = "alias")]
    pub(crate) aliases: Vec<EmailAddress>,
    /// Domain of an address that is made of the names [default: the only one].
    #[arg(long)]
    pub(crate) domain: Option<Domain>,
    /// Give a temporary secret instead of reading a password.
    #[arg(long)]
    pub(crate) temporary: bool,
    /// With --temporary: write the hand-out sheet into this new directory.
    #[arg(long, value_name = "DIR", requires = "temporary")]
    pub(crate) sheets: Option<PathBuf>,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) password: String,
}

/// Changes of an account; what is left out stays.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct EditAccount {
    /// Whose.
    pub(crate) who: String,
    /// The new primary address; the old one stays as an alias.
    #[arg(long)]
    pub(crate) address: Option<EmailAddress>,
    /// Display name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    /// Its school or service; may be repeated, and replaces those there were.
    #[arg(long = "unit", conflicts_with = "no_units")]
    pub(crate) units: Vec<UnitCode>,
    /// Leave it without units.
    #[arg(long)]
    pub(crate) no_units: bool,
    /// agent, it-officer, administrator or system.
    #[arg(long)]
    pub(crate) role: Option<Role>,
    /// Bytes its mailboxes may hold; 0 is unlimited.
    #[arg(long)]
    pub(crate) quota_bytes: Option<u64>,
}

/// For whom there are new temporary secrets.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct IssueSecrets {
    /// For these.
    #[arg(required_unless_present = "awaiting")]
    pub(crate) who: Vec<String>,
    /// For all who have never logged in.
    #[arg(long, conflicts_with = "who")]
    pub(crate) awaiting: bool,
    /// With --awaiting: of this unit only.
    #[arg(long, requires = "awaiting")]
    pub(crate) unit: Option<UnitCode>,
    /// Write hand-out sheets into this new directory [default: show the secrets].
    #[arg(long, value_name = "DIR")]
    pub(crate) sheets: Option<PathBuf>,
}

/// What is taken out, by whom and why.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct ExportAccount {
    /// Whose.
    pub(crate) who: String,
    /// A directory that does not exist yet.
    #[arg(long)]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) acting: Acting,
    /// Why, for the audit log.
    #[arg(long)]
    pub(crate) reason: String,
}

/// Accounts from a file.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct ImportAccounts {
    /// The CSV file.
    pub(crate) file: PathBuf,
    /// Check every line and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Domain of addresses that are made of names [default: the only one].
    #[arg(long)]
    pub(crate) domain: Option<Domain>,
    /// The new directory for hand-out sheets [default: the file's name with .sheets].
    #[arg(long, value_name = "DIR")]
    pub(crate) sheets: Option<PathBuf>,
    /// Where refused lines are listed [default: the file's name with .refused.csv].
    #[arg(long, value_name = "FILE")]
    pub(crate) refused: Option<PathBuf>,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) content: String,
}
