//! What a session is told at its start: limits, names, and what kind of connection it serves.
//! Where the values come from (the configuration file, the listener) is the driver's affair.

use std::time::Duration;

use jiff::Timestamp;

/// RFC 5321 §4.5.3.1.4 asks for 512 octets; SMTPUTF8 and AUTH (RFC 4954 §4) need more.
/// A longer line is skipped while it arrives and answered 500, so it costs no memory.
pub(crate) const COMMAND_LINE_BYTES_MAX: usize = 4096;

/// RFC 5321 §4.5.3.1.6 asks for 1,000 octets and lets us take more. Real mail has unfolded header
/// lines of tens of kilobytes; a longer line is refused with the whole message.
pub(crate) const TEXT_LINE_BYTES_MAX: usize = 128 << 10;

/// Replies gather up to this many bytes before they are written, however many commands were
/// pipelined (RFC 2920 §3.2).
pub(crate) const OUTPUT_BYTES_MAX: usize = 8 << 10;

/// A refused BDAT chunk is read and thrown away up to this many bytes above the message limit;
/// for a larger one the connection is closed instead.
pub(crate) const DISCARD_BYTES_MAX: u64 = 64 << 20;

/// Failed or cancelled AUTH commands per connection before it is closed.
pub(crate) const AUTH_FAILURES_MAX: u32 = 5;

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// 25: mail from other servers.
    Mx,
    /// 587: mail from our own users, STARTTLS (RFC 6409).
    Submission,
    /// 465: mail from our own users, TLS from the first byte (RFC 8314 §3.3).
    Submissions,
    /// LMTP from a trusted neighbour (RFC 2033).
    Lmtp,
}

impl Port {
    /// Whether mail is taken here from logged-in users only.
    pub fn is_submission(self) -> bool {
        matches!(self, Port::Submission | Port::Submissions)
    }
}

/// Whether what we read came over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// As the network delivered it.
    Plain,
    /// Through TLS.
    Tls,
}

/// The connection a session serves.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// What the listener is for.
    pub port: Port,
    /// Whether TLS is on from the first byte.
    pub security: Security,
    /// Whether the driver can do STARTTLS. Never offered on 465 and LMTP.
    pub may_start_tls: bool,
    /// Whether AUTH is offered without TLS: the demo on loopback only.
    pub plaintext_auth: bool,
    /// When it was accepted, by the wall clock: RFC 4865 wants to hear a date.
    pub began: Timestamp,
}

/// How long we wait for the peer (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From our reply to the last byte of the next command: a total, not an idle time, so that a
    /// byte now and then does not keep a connection.
    pub command: Duration,
    /// Between two pieces of a message's content.
    pub data_block: Duration,
    /// Besides, content must come at this many bytes per second on the whole, after a first
    /// `data_block` of grace.
    pub data_bytes_per_second_min: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            // RFC 5321 §4.5.3.2.7: at least 5 minutes.
            command: Duration::from_secs(300),
            // RFC 5321 §4.5.3.2.5: 3 minutes.
            data_block: Duration::from_secs(180),
            data_bytes_per_second_min: 500,
        }
    }
}

/// The names and limits of a server, shared by its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Our name in the greeting and in EHLO.
    pub hostname: String,
    /// Largest message in bytes, announced as SIZE (RFC 1870).
    pub message_bytes_max: u64,
    /// Recipients per message; RFC 5321 §4.5.3.1.8 asks for at least 100.
    pub recipients_max: usize,
    /// Refused commands since the last accepted message, before 421.
    pub errors_max: u32,
    /// Unknown recipients per connection, before 421.
    pub unknown_recipients_max: u32,
    /// Commands since the last accepted message, before 421.
    pub commands_max: u32,
    /// RFC 4865: seconds for which a submitted message may ask to be held back; 0 never.
    pub hold_seconds_max: u64,
    /// How long we wait.
    pub timeouts: Timeouts,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            message_bytes_max: 50 << 20,
            recipients_max: 1000,
            errors_max: 20,
            unknown_recipients_max: 20,
            commands_max: 10_000,
            hold_seconds_max: 0,
            timeouts: Timeouts::default(),
        }
    }
}
