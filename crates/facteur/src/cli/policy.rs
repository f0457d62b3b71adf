//! `facteur unit policy …`: what each command takes.

use clap::Subcommand;
use directory::{Day, UnitCode};
use serde::{Deserialize, Serialize};

use super::acting::Acting;

/// Whether name, academic ID and birth date alone are enough in a unit for a new password. Closed
/// until one administrator proposes it and another one approves.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum PolicyCommand {
    /// List units for which something is open or proposed, and whether all are closed.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show what holds for one unit.
    Show {
        /// Its code.
        unit: UnitCode,
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Propose to open a unit, or to renew it; a second administrator approves.
    Propose {
        /// Its code.
        unit: UnitCode,
        #[command(flatten)]
        acting: Acting,
        /// The last day, at most 90 days ahead: 2027-02-28 or 28/02/2027.
        #[arg(long, value_name = "DAY")]
        until: Day,
        /// Why, for the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Approve another administrator's proposal.
    Approve {
        /// Its code.
        unit: UnitCode,
        /// The proposal's number, as `show` says it.
        proposal: String,
        #[command(flatten)]
        acting: Acting,
    },
    /// Close a unit at once, and withdraw what is proposed for it.
    Close {
        /// Its code.
        unit: UnitCode,
        #[command(flatten)]
        acting: Acting,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Close all units at once, whatever is open.
    CloseAll {
        #[command(flatten)]
        acting: Acting,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// End what `close-all`, or too many wrong birth dates, closed.
    ReopenAll {
        #[command(flatten)]
        acting: Acting,
        /// Why, for the audit log.
        #[arg(long)]
        reason: String,
    },
}

impl PolicyCommand {
    /// Who acts, when somebody must.
    pub(crate) fn acting(&mut self) -> Option<&mut Acting> {
        match self {
            PolicyCommand::List { .. } | PolicyCommand::Show { .. } => None,
            PolicyCommand::Propose { acting, .. }
            | PolicyCommand::Approve { acting, .. }
            | PolicyCommand::Close { acting, .. }
            | PolicyCommand::CloseAll { acting, .. }
            | PolicyCommand::ReopenAll { acting, .. } => Some(acting),
        }
    }
}
