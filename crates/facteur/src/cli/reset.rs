//! `facteur reset …`: what each command takes.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::acting::Acting;

/// What an IT officer does for the people of their units, and an administrator for everybody. WHO
/// is an address, an academic ID or an account number.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum ResetCommand {
    /// List who waits for help with a lost password, the longest first.
    Pending {
        #[command(flatten)]
        acting: Acting,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Approve a reset: prints an activation code, once, or notes the first of two approvals that
    /// somebody privileged needs.
    #[command(visible_alias = "code")]
    Approve {
        /// For whom.
        who: String,
        #[command(flatten)]
        acting: Acting,
        /// How you made sure who it is, for the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Refuse a reset, and end one that waits for its time.
    Refuse {
        /// For whom.
        who: String,
        #[command(flatten)]
        acting: Acting,
        /// Why, for the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Let codes by mail count again, and open mail that a reset by identity alone had closed.
    Unlock {
        /// For whom.
        who: String,
        #[command(flatten)]
        acting: Acting,
        /// How you made sure who it is, for the audit log.
        #[arg(long)]
        reason: String,
    },
}

impl ResetCommand {
    /// Who acts.
    pub(crate) fn acting(&mut self) -> &mut Acting {
        match self {
            ResetCommand::Pending { acting, .. }
            | ResetCommand::Approve { acting, .. }
            | ResetCommand::Refuse { acting, .. }
            | ResetCommand::Unlock { acting, .. } => acting,
        }
    }
}
