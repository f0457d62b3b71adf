//! `facteur unit …`: what each command takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use directory::UnitCode;
use serde::{Deserialize, Serialize};

use super::policy::PolicyCommand;

/// What can be done to units. An officer is an address, an academic ID or an account number.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum UnitCommand {
    /// Make a unit.
    Add(AddUnit),
    /// Make or update units from a CSV file with the columns code,name,contact,officers.
    Import(ImportUnits),
    /// List units.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one unit.
    Show {
        /// Its code.
        code: UnitCode,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Change what a unit says.
    Edit(EditUnit),
    /// Whether identity alone is enough there for a new password: show, propose, approve, close.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Delete a unit to which nobody belongs any more.
    Delete {
        /// Its code.
        code: UnitCode,
    },
}

/// A new unit.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct AddUnit {
    /// Its code, such as 0750001A.
    pub(crate) code: UnitCode,
    /// As people call it.
    #[arg(long)]
    pub(crate) name: String,
    /// How the public reaches its IT officers: a room, a telephone number.
    #[arg(long, default_value = "")]
    pub(crate) contact: String,
    /// An IT officer; may be repeated.
    #[arg(long = "officer")]
    pub(crate) officers: Vec<String>,
}

/// Changes of a unit; what is left out stays.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct EditUnit {
    /// Its code.
    pub(crate) code: UnitCode,
    /// As people call it.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// How the public reaches its IT officers.
    #[arg(long)]
    pub(crate) contact: Option<String>,
    /// An IT officer; may be repeated, and replaces those there were.
    #[arg(long = "officer", conflicts_with = "no_officers")]
    pub(crate) officers: Vec<String>,
    /// Leave it without IT officers.
    #[arg(long)]
    pub(crate) no_officers: bool,
}

/// Units from a file.
#[derive(Debug, Args, Serialize, Deserialize)]
pub(crate) struct ImportUnits {
    /// The CSV file.
    pub(crate) file: PathBuf,
    /// Check every line and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where refused lines are listed [default: the file's name with .refused.csv].
    #[arg(long, value_name = "FILE")]
    pub(crate) refused: Option<PathBuf>,
    #[arg(skip)]
    #[serde(default)]
    pub(crate) content: String,
}
