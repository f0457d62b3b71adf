//! RFC 5321 §4.1.4, RFC 3030 §2, RFC 3207 §4, RFC 4954 §3: which command may come when.
//!
//! The one place that decides on order. What a command needs besides (a login, TLS, a recipient
//! that exists) is decided where the command is done.

use crate::command::Command;
use crate::reply::{self, Reply};

/// How far a peer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No hello since the connection or TLS began.
    Fresh,
    /// Between transactions.
    Ready,
    /// MAIL accepted, no recipient yet.
    Mail,
    /// At least one recipient accepted.
    Recipients,
    /// A BDAT chunk accepted, the last one still to come.
    Chunks,
}

/// A command without its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Hello,
    Mail,
    Recipient,
    Data,
    Bdat,
    StartTls,
    Auth,
    Reset,
    Noop,
    Verify,
    Help,
    Quit,
    NotOffered,
}

/// What the order says about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may be done.
    Do,
    /// 503; nothing changes.
    OutOfOrder,
    /// 503; the transaction is given up (RFC 3030 §2: its state is indeterminate after this).
    OutOfOrderAndReset,
    /// 554: every recipient was refused (RFC 5321 §3.3); the transaction is given up.
    NoRecipients,
    /// 502; nothing changes.
    NotOffered,
}

impl Verdict {
    /// What the peer is told; `None` when the command is done.
    pub(super) fn refusal(self) -> Option<Reply> {
        match self {
            Verdict::Do => None,
            Verdict::OutOfOrder | Verdict::OutOfOrderAndReset => Some(reply::BAD_SEQUENCE),
            Verdict::NoRecipients => Some(reply::NO_RECIPIENTS),
            Verdict::NotOffered => Some(reply::NOT_IMPLEMENTED),
        }
    }
}

/// The table.
pub(super) fn verdict(phase: Phase, verb: Verb) -> Verdict {
    use Phase::{Chunks, Fresh, Mail, Ready, Recipients};
    use Verdict::{Do, NoRecipients, OutOfOrder, OutOfOrderAndReset};
    match (verb, phase) {
        // RFC 5321 §4.1.4: EHLO may come at any time and resets.
        (Verb::Hello, _) => Do,
        // "NOOP, HELP, EXPN, VRFY, and RSET commands can be used at any time during a session."
        (Verb::Noop | Verb::Help | Verb::Verify | Verb::Reset | Verb::Quit, _) => Do,
        (Verb::NotOffered, _) => Verdict::NotOffered,
        (Verb::Mail | Verb::StartTls | Verb::Auth, Ready) => Do,
        (Verb::Mail | Verb::StartTls | Verb::Auth, _) => OutOfOrder,
        (Verb::Recipient, Mail | Recipients) => Do,
        (Verb::Recipient, _) => OutOfOrder,
        (Verb::Data | Verb::Bdat, Fresh | Ready) => OutOfOrder,
        (Verb::Data | Verb::Bdat, Mail) => NoRecipients,
        (Verb::Data | Verb::Bdat, Recipients) => Do,
        // RFC 3030 §2: DATA and BDAT cannot be used in the same transaction.
        (Verb::Data, Chunks) => OutOfOrderAndReset,
        (Verb::Bdat, Chunks) => Do,
    }
}

impl Command {
    pub(super) fn verb(&self) -> Verb {
        match self {
            Command::Hello(..) => Verb::Hello,
            Command::Mail(_) => Verb::Mail,
            Command::Recipient { .. } => Verb::Recipient,
            Command::Data => Verb::Data,
            Command::Bdat { .. } => Verb::Bdat,
            Command::StartTls => Verb::StartTls,
            Command::Auth { .. } => Verb::Auth,
            Command::Reset => Verb::Reset,
            Command::Noop => Verb::Noop,
            Command::Verify => Verb::Verify,
            Command::Help => Verb::Help,
            Command::Quit => Verb::Quit,
            Command::NotOffered => Verb::NotOffered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_as_printed_here() {
        use Phase::*;
        let mut printed = String::from("\n");
        for verb in [
            Verb::Hello,
            Verb::Mail,
            Verb::Recipient,
            Verb::Data,
            Verb::Bdat,
            Verb::StartTls,
            Verb::Auth,
            Verb::Reset,
            Verb::Noop,
            Verb::Verify,
            Verb::Help,
            Verb::Quit,
            Verb::NotOffered,
        ] {
            printed += &format!("{verb:?}:");
            for phase in [Fresh, Ready, Mail, Recipients, Chunks] {
                let verdict = verdict(phase, verb);
                let code = verdict.refusal().map_or("do".into(), |reply| reply.code.to_string());
                let reset = matches!(verdict, Verdict::OutOfOrderAndReset | Verdict::NoRecipients);
                printed += &format!(" {code}{}", if reset { "!" } else { "" });
            }
            printed += "\n";
        }
        // Columns: Fresh, Ready, Mail, Recipients, Chunks; "!" gives the transaction up.
        let expect = "
Hello: do do do do do
Mail: 503 do 503 503 503
Recipient: 503 503 do do 503
Data: 503 503 554! do 503!
Bdat: 503 503 554! do do
StartTls: 503 do 503 503 503
Auth: 503 do 503 503 503
Reset: do do do do do
Noop: do do do do do
Verify: do do do do do
Help: do do do do do
Quit: do do do do do
NotOffered: 502 502 502 502 502
";
        assert_eq!(printed, expect);
    }
}
