//! RFC 3501 §3: the states, and which commands are legal in them. APPEND, which streams, is
//! checked where its literal is announced.

use crate::command::Command;

/// RFC 3501 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before login.
    NotAuthenticated,
    /// After it.
    Authenticated,
    /// With a mailbox.
    Selected,
}

/// RFC 3501 §3: in which states a command is legal. The one table of it.
///
/// | command | not authenticated | authenticated | selected |
/// |---|---|---|---|
/// | CAPABILITY NOOP LOGOUT ID | yes | yes | yes |
/// | STARTTLS LOGIN AUTHENTICATE | yes | – | – |
/// | ENABLE SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB NAMESPACE STATUS APPEND IDLE | – | yes | yes |
/// | CHECK CLOSE UNSELECT EXPUNGE SEARCH SORT THREAD FETCH STORE COPY MOVE | – | – | yes |
pub fn is_legal(command: &Command, phase: Phase) -> bool {
    match command {
        Command::Capability | Command::Noop | Command::Logout | Command::Id => true,
        Command::StartTls | Command::Login { .. } | Command::Authenticate { .. } => {
            phase == Phase::NotAuthenticated
        }
        Command::Check
        | Command::Close
        | Command::Unselect
        | Command::Expunge(_)
        | Command::Search { .. }
        | Command::Sort { .. }
        | Command::Thread { .. }
        | Command::Fetch { .. }
        | Command::Store { .. }
        | Command::Copy { .. } => phase == Phase::Selected,
        Command::Enable(_)
        | Command::Select { .. }
        | Command::Create { .. }
        | Command::Delete(_)
        | Command::Rename { .. }
        | Command::Subscribe(_)
        | Command::Unsubscribe(_)
        | Command::List(_)
        | Command::Lsub { .. }
        | Command::Namespace
        | Command::Status { .. }
        | Command::Idle => phase != Phase::NotAuthenticated,
    }
}
