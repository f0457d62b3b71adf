//! What an operator may set about mail to other servers: `[relay]`, `[[relay.route]]`, `[dns]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smtp_session::send;

/// `[relay]`. The host name is the mail service's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether our own users may write to other domains.
    pub enabled: bool,
    /// Hours after which undelivered mail goes back to its sender (RFC 5321 §4.5.4.1: 4 to 5
    /// days).
    pub lifetime_hours: u64,
    /// Hours after which a sender who asks for it is told that mail is late; 0 is never.
    pub delay_notice_hours: u64,
    /// Minutes from one attempt to the next; the last is repeated (RFC 5321 §4.5.4.1: at least 30
    /// in the long run).
    pub retry_minutes: Vec<u64>,
    /// Percent by which each wait is lengthened or shortened by chance, so that mail that failed
    /// together does not come back together.
    pub retry_jitter_percent: u64,
    /// TLS with servers found by MX: `none` or `opportunistic` (RFC 7435).
    pub tls: MxTls,
    /// PEM file with further certificate authorities for routes with `tls = "verified"`.
    pub ca_file: Option<PathBuf>,
    /// Whether what leaves is signed by DKIM.
    pub sign: bool,
    /// What to do with 8-bit content for a server without 8BITMIME (RFC 6152 §3).
    pub eight_bit: EightBit,
    /// Whether BDAT is used where it is offered (RFC 3030).
    pub chunking: bool,
    /// Further names by which MX records may mean this server, besides its host name.
    pub own_names: Vec<String>,
    /// Whether mail may go to this machine's own addresses, when DNS says so: for tests.
    pub deliver_to_own_addresses: bool,
    /// Port of servers found by MX: for tests.
    pub mx_port: u16,
    /// Hosts of one domain that are looked up, and addresses that are tried in one attempt.
    pub hosts_max: usize,
    /// See `hosts_max`.
    pub addresses_max: usize,
    /// Outgoing connections at the same time.
    pub connections_max: usize,
    /// Connections to one next hop to begin with; success raises it.
    pub connections_per_next_hop_start: usize,
    /// Connections to one next hop at most.
    pub connections_per_next_hop_max: usize,
    /// Failed connections in a row after which a next hop is left alone for a while.
    pub dead_after_failures: u32,
    /// Seconds for which it is left alone at first; doubled each time.
    pub dead_seconds_min: u64,
    /// Seconds for which it is left alone at most.
    pub dead_seconds_max: u64,
    /// Seconds for which a connection is kept for the next message; 0 is not at all.
    pub idle_seconds: u64,
    /// Kept connections, all next hops together.
    pub idle_connections_max: usize,
    /// Messages sent over one connection.
    pub messages_per_connection_max: u32,
    /// Seconds for one TCP connection.
    pub connect_seconds_max: u64,
    /// Seconds for one TLS handshake.
    pub handshake_seconds_max: u64,
    /// Seconds for the greeting (RFC 5321 §4.5.3.2.1).
    pub greeting_seconds_max: u64,
    /// Seconds for EHLO, AUTH, MAIL and RCPT, each (RFC 5321 §4.5.3.2.2, §4.5.3.2.3).
    pub command_seconds_max: u64,
    /// Seconds for MAIL and all RCPT together.
    pub envelope_seconds_max: u64,
    /// Seconds for DATA (RFC 5321 §4.5.3.2.4).
    pub data_seconds_max: u64,
    /// Seconds for a piece of content to be taken (RFC 5321 §4.5.3.2.5).
    pub data_block_seconds_max: u64,
    /// Bytes per second at which content must be taken on the whole.
    pub data_bytes_per_second_min: u64,
    /// Seconds for the reply to the whole content (RFC 5321 §4.5.3.2.6). Giving up sooner
    /// delivers mail twice.
    pub content_end_seconds_max: u64,
    /// Where mail goes that is not for a mailbox here; the first that fits is taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteSettings>,
}

/// TLS with servers found by MX, which nobody here knows by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MxTls {
    /// In the clear.
    None,
    /// Encrypted where offered, without a look at certificates; in the clear where it fails.
    #[default]
    Opportunistic,
}

/// What to do with 8-bit content for a server without 8BITMIME.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EightBit {
    /// The message fails.
    #[default]
    Refuse,
    /// It is sent as it is.
    Send,
}

/// `[[relay.route]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteSettings {
    /// Recipient domains: `example.test`, `.example.test` for its subdomains, `[192.0.2.1]`, or
    /// `*` for all.
    pub recipients: Vec<String>,
    /// Sender domains in the same forms, and `<>` for notices; empty is all.
    pub senders: Vec<String>,
    /// Where to.
    pub via: Via,
    /// With `smarthost`: `name:port`, tried in this order.
    pub hosts: Vec<String>,
    /// With `smarthost`: `smtp` or `lmtp`.
    pub protocol: Protocol,
    /// TLS with the hosts.
    pub tls: RouteTls,
    /// With `smarthost`: the name to log in with.
    pub login: Option<String>,
    /// File with its password, read at the start.
    pub password_file: Option<PathBuf>,
    /// With `refuse`: what the sender is told.
    pub text: Option<String>,
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// To the servers that DNS names for the recipient's domain.
    #[default]
    Mx,
    /// To the hosts given.
    Smarthost,
    /// Nowhere.
    Refuse,
}

/// What the hosts of a route speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// RFC 5321.
    #[default]
    Smtp,
    /// RFC 2033.
    Lmtp,
}

/// TLS with the hosts of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteTls {
    /// In the clear.
    None,
    /// Encrypted where offered, without a look at certificates.
    #[default]
    Opportunistic,
    /// STARTTLS, and a certificate of the host's name; nothing else will do.
    Verified,
    /// The same with TLS from the first byte (port 465).
    Implicit,
}

/// `[dns]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsSettings {
    /// Resolvers, `address:port`; empty takes those of `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
    /// Seconds for one question to one resolver.
    pub question_seconds_max: u64,
    /// Questions to each resolver before giving up for now.
    pub attempts: usize,
    /// Seconds for one look-up in all.
    pub lookup_seconds_max: u64,
    /// Answers kept in memory.
    pub cache_entries_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            lifetime_hours: 120,
            delay_notice_hours: 4,
            retry_minutes: vec![5, 15, 30, 60, 120, 240],
            retry_jitter_percent: 10,
            tls: MxTls::default(),
            ca_file: None,
            sign: true,
            eight_bit: EightBit::default(),
            chunking: true,
            own_names: Vec::new(),
            deliver_to_own_addresses: false,
            mx_port: 25,
            hosts_max: 8,
            addresses_max: 12,
            connections_max: 200,
            connections_per_next_hop_start: 5,
            connections_per_next_hop_max: 20,
            dead_after_failures: 3,
            dead_seconds_min: 60,
            dead_seconds_max: 3600,
            idle_seconds: 5,
            idle_connections_max: 50,
            messages_per_connection_max: 100,
            connect_seconds_max: 30,
            handshake_seconds_max: 30,
            greeting_seconds_max: 300,
            command_seconds_max: 300,
            envelope_seconds_max: 1200,
            data_seconds_max: 120,
            data_block_seconds_max: 180,
            data_bytes_per_second_min: 500,
            content_end_seconds_max: 600,
            route: Vec::new(),
        }
    }
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            question_seconds_max: 5,
            attempts: 2,
            lookup_seconds_max: 30,
            cache_entries_max: 10_000,
        }
    }
}

impl Settings {
    /// The waiting times as the protocol core wants them.
    pub(crate) fn timeouts(&self) -> send::Timeouts {
        let seconds = Duration::from_secs;
        send::Timeouts {
            greeting: seconds(self.greeting_seconds_max),
            hello: seconds(self.command_seconds_max),
            mail: seconds(self.command_seconds_max),
            recipient: seconds(self.command_seconds_max),
            envelope: seconds(self.envelope_seconds_max),
            data: seconds(self.data_seconds_max),
            data_block: seconds(self.data_block_seconds_max),
            data_bytes_per_second_min: self.data_bytes_per_second_min,
            content_end: seconds(self.content_end_seconds_max),
            ..send::Timeouts::default()
        }
    }
}
