//! Every reply we give, in one table: code (RFC 5321 §4.2), enhanced code (RFC 3463), text.
//! Which fault gets which reply is decided where the fault is found.

use std::borrow::Cow;
use std::fmt;

use mail_types::QueueId;

/// One reply of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// RFC 5321 §4.2.
    pub code: u16,
    /// RFC 3463: class, subject, detail. RFC 2034 §4: none with 3xx, greeting and hello.
    pub enhanced: Option<(u8, u8, u8)>,
    /// For people and logs; fixed, never what a peer sent nor what an error said.
    pub text: Cow<'static, str>,
}

impl Reply {
    const fn new(code: u16, enhanced: (u8, u8, u8), text: &'static str) -> Self {
        Self { code, enhanced: Some(enhanced), text: Cow::Borrowed(text) }
    }

    const fn bare(code: u16, text: &'static str) -> Self {
        Self { code, enhanced: None, text: Cow::Borrowed(text) }
    }

    /// `250`: the message is ours now, under this name.
    pub fn queued(id: QueueId) -> Self {
        let text = Cow::Owned(format!("OK queued as {id}"));
        Self { code: 250, enhanced: Some((2, 0, 0)), text }
    }

    /// `534`, RFC 4954 §6 "authentication mechanism is too weak": the password is a temporary one,
    /// to be changed there first.
    pub fn change_password_first(webmail_url: &str) -> Self {
        let text = format!("choose your password on the webmail first: {webmail_url}");
        Self { code: 534, enhanced: Some((5, 7, 9)), text: Cow::Owned(text) }
    }

    /// `334` with a challenge that is already base64 (RFC 4954 §4).
    pub(crate) const fn challenge(text: &'static str) -> Self {
        Self::bare(334, text)
    }

    /// Whether it says yes.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    pub(crate) fn write_to(&self, output: &mut Vec<u8>) {
        output.extend_from_slice(self.to_string().as_bytes());
        output.extend_from_slice(b"\r\n");
    }
}

/// The line without its CRLF.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, "{class}.{subject}.{detail} ")?;
        }
        f.write_str(&self.text)
    }
}

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident = $code:literal ($class:literal $subject:literal $detail:literal) $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Reply =
            Reply::new($code, ($class, $subject, $detail), $text);)*

        /// The whole table, for the test that checks it and for the documentation.
        pub const ALL: &[Reply] = &[$($name),*];
    };
}

/// RFC 5321 §4.1.1.4: the content may come.
pub const START_INPUT: Reply = Reply::bare(354, "end data with <CR><LF>.<CR><LF>");

replies! {
    /// NOOP, RSET, a BDAT chunk.
    OK = 250 (2 0 0) "OK";
    /// MAIL.
    SENDER_OK = 250 (2 1 0) "sender OK";
    /// RCPT.
    RECIPIENT_OK = 250 (2 1 5) "recipient OK";
    /// HELP.
    HELP = 214 (2 0 0) "RFC 5321";
    /// STARTTLS.
    READY_FOR_TLS = 220 (2 0 0) "ready to start TLS";
    /// QUIT.
    BYE = 221 (2 0 0) "bye";
    /// AUTH.
    AUTHENTICATED = 235 (2 7 0) "authentication succeeded";
    /// VRFY: RFC 5321 §7.3 lets us not tell.
    CANNOT_VERIFY = 252 (2 5 0) "not verified here; send some mail, we will try";

    /// The peer was silent or too slow.
    TIMEOUT = 421 (4 4 2) "timeout, closing connection";
    /// We stop or restart.
    SHUTTING_DOWN = 421 (4 3 2) "service shutting down, try again soon";
    /// Limit of refused commands.
    TOO_MANY_ERRORS = 421 (4 7 0) "too many errors, closing connection";
    /// Limit of commands without a message.
    TOO_MANY_COMMANDS = 421 (4 7 0) "too many commands, closing connection";
    /// Limit of unknown recipients.
    TOO_MANY_UNKNOWN = 421 (4 7 0) "too many unknown recipients, closing connection";
    /// The password was changed, or the account suspended, since it logged in.
    LOGIN_ENDED = 421 (4 7 0) "the account has changed, connect and log in again";
    /// A failure that may pass.
    TRY_AGAIN = 451 (4 3 0) "temporary failure, try again later";
    /// RFC 3463 §3.3, X.2.2: mailbox full is a persistent transient error: the sender keeps
    /// trying for days while the owner makes room.
    MAILBOX_FULL = 452 (4 2 2) "mailbox full";
    /// The disk guard.
    DISK_FULL = 452 (4 3 1) "insufficient system storage";
    /// RFC 5321 §4.5.3.1.10.
    TOO_MANY_RECIPIENTS = 452 (4 5 3) "too many recipients";
    /// RFC 4954 §6.
    AUTH_TRY_AGAIN = 454 (4 7 0) "temporary authentication failure";
    /// RFC 3207 §4.
    TLS_NOT_AVAILABLE = 454 (4 7 0) "TLS not available due to temporary reason";

    /// No such verb.
    UNRECOGNIZED = 500 (5 5 1) "command unrecognized";
    /// RFC 5321 §4.5.3.1.9.
    LINE_TOO_LONG = 500 (5 5 2) "line too long";
    /// RFC 5321 §2.3.8: lines end with CR LF and nothing else.
    BARE_LINE_END = 500 (5 5 2) "CR, LF or NUL out of place in command";
    /// RFC 4865 §4.2.
    HOLD_TOO_LONG = 501 (5 5 4) "cannot hold the message that long";
    /// The command reads differently.
    SYNTAX = 501 (5 5 2) "syntax error";
    /// An argument that cannot be.
    BAD_ARGUMENT = 501 (5 5 4) "invalid argument";
    /// MAIL without a usable address.
    BAD_SENDER = 501 (5 1 7) "bad sender address syntax";
    /// RCPT without a usable address.
    BAD_RECIPIENT = 501 (5 1 3) "bad recipient address syntax";
    /// RFC 4954 §4: `*`.
    AUTH_CANCELLED = 501 (5 7 0) "authentication cancelled";
    /// RFC 4954 §4.
    BAD_BASE64 = 501 (5 5 2) "cannot decode response";
    /// A verb we know and do not offer.
    NOT_IMPLEMENTED = 502 (5 5 1) "command not implemented";
    /// RFC 5321 §4.1.4.
    BAD_SEQUENCE = 503 (5 5 1) "bad sequence of commands";
    /// RFC 3207 §4.2, RFC 2920 §3.1: bytes behind STARTTLS could pass for protected ones.
    NOTHING_AFTER_STARTTLS = 503 (5 5 1) "nothing may follow STARTTLS, closing connection";
    /// RFC 4954 §4.
    UNKNOWN_MECHANISM = 504 (5 5 4) "unrecognized authentication type";
    /// RFC 4954 §6.
    AUTH_REQUIRED = 530 (5 7 0) "authentication required";
    /// RFC 3207 §4.
    TLS_REQUIRED = 530 (5 7 0) "must issue a STARTTLS command first";
    /// RFC 4954 §6: the same for unknown, wrong and suspended.
    AUTH_FAILED = 535 (5 7 8) "authentication credentials invalid";
    /// RFC 4954 §6.
    ENCRYPTION_REQUIRED = 538 (5 7 11) "encryption required for authentication";

    /// Submission: a reset of the password is so fresh that few recipients a day are let through.
    ON_HOLD = 550 (5 7 1) "too many recipients for a day after the password was replaced";
    /// Our domain, no such address.
    UNKNOWN_USER = 550 (5 1 1) "no such user here";
    /// Not our domain.
    RELAY_DENIED = 550 (5 7 1) "relaying denied";
    /// Not our domain, asked by our own user.
    NO_ROUTE = 550 (5 1 2) "no route to that domain";
    /// CVE-2023-51764: line ends that another server might read as the end of the message.
    BARE_LINE_END_IN_CONTENT = 550 (5 5 2) "CR, LF or NUL out of place in message";
    /// Submission: `From` is not an address of the account.
    FROM_NOT_OWN = 550 (5 7 1) "From is not an address of this account";
    /// RFC 5322 §3.6: exactly one `From`, and one that every reader reads alike.
    BAD_FROM = 550 (5 6 0) "message must have one readable From field";
    /// RFC 7372 §3.3: neither SPF nor DKIM speaks for the author's domain.
    AUTHOR_NOT_AUTHENTICATED = 550 (5 7 26) "message is not authenticated for the domain in From";
    /// RFC 1870 §6.
    TOO_LARGE = 552 (5 3 4) "message too large";
    /// RFC 6531 §3.5.
    NEEDS_SMTPUTF8 = 553 (5 6 7) "address needs SMTPUTF8";
    /// Submission: MAIL FROM is not an address of the account.
    SENDER_NOT_OWN = 553 (5 7 1) "sender is not an address of this account";
    /// RFC 5321 §6.3.
    MAIL_LOOP = 554 (5 4 6) "routing loop detected";
    /// RFC 5321 §3.3.
    NO_RECIPIENTS = 554 (5 5 1) "no valid recipients";
    /// RFC 5321 §4.3.1: the peer did not wait.
    SPOKE_TOO_SOON = 554 (5 5 1) "spoke before the server, closing connection";
    /// A text line over every bound.
    TEXT_LINE_TOO_LONG = 554 (5 6 0) "line too long in message";
    /// Stored data is damaged, or another failure that will not pass.
    FAILED = 554 (5 3 0) "transaction failed";
    /// RFC 5321 §4.1.1.11.
    UNKNOWN_PARAMETER = 555 (5 5 4) "parameter not recognized or not implemented";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_enhanced_codes_agree() {
        // RFC 2034 §4: the first digit of both is the same.
        for reply in ALL {
            let (class, _, _) = reply.enhanced.unwrap();
            assert_eq!(u16::from(class), reply.code / 100, "{reply}");
            assert!(reply.text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{reply}");
            assert!(reply.to_string().len() < 510, "{reply}");
        }
    }

    #[test]
    fn the_queue_id_is_in_the_250() {
        let reply = Reply::queued(QueueId(0x2a));
        assert_eq!(reply.to_string(), "250 2.0.0 OK queued as 000000000000002a");
    }
}
