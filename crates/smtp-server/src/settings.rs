//! What an operator may set about SMTP.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smtp_session::{Config, Timeouts};

/// Limits and waiting times. Host name and message size are the mail service's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Recipients of one message; more are answered 452 (RFC 5321 §4.5.3.1.8: at least 100).
    pub recipients_max: usize,
    /// Refused commands since the last accepted message, before the connection is closed.
    pub errors_max: u32,
    /// Unknown recipients in one connection, before it is closed.
    pub unknown_recipients_max: u32,
    /// Commands since the last accepted message, before the connection is closed.
    pub commands_max: u32,
    /// RFC 4865: seconds for which a submitted message may ask to be held back; 0 never.
    pub hold_seconds_max: u64,
    /// Seconds a peer may take for one command (RFC 5321 §4.5.3.2.7: at least 300).
    pub command_seconds_max: u64,
    /// Seconds between two pieces of a message (RFC 5321 §4.5.3.2.5: at least 180).
    pub data_block_seconds_max: u64,
    /// Bytes per second at which a message must come on the whole.
    pub data_bytes_per_second_min: u64,
    /// Milliseconds to listen before the greeting on port 25; who speaks meanwhile is refused
    /// (RFC 5321 §4.3.1). With 0, only what is already there is seen.
    pub greeting_delay_milliseconds: u64,
    /// Seconds a TLS handshake may take.
    pub handshake_seconds_max: u64,
    /// Seconds a peer may take to read our replies.
    pub write_seconds_max: u64,
    /// Whether a password may be sent without TLS.
    pub plaintext_auth: PlaintextAuth,
}

/// Where a password may be sent without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaintextAuth {
    /// Nowhere (RFC 8314 §3.3).
    #[default]
    Never,
    /// On connections from this machine: for the demo.
    Loopback,
}

impl Default for Settings {
    fn default() -> Self {
        let Config {
            recipients_max,
            errors_max,
            unknown_recipients_max,
            commands_max,
            timeouts,
            ..
        } = Config::default();
        Self {
            recipients_max,
            errors_max,
            unknown_recipients_max,
            commands_max,
            // School years are planned within one year.
            hold_seconds_max: 365 * 24 * 3600,
            command_seconds_max: timeouts.command.as_secs(),
            data_block_seconds_max: timeouts.data_block.as_secs(),
            data_bytes_per_second_min: timeouts.data_bytes_per_second_min,
            greeting_delay_milliseconds: 0,
            handshake_seconds_max: 30,
            write_seconds_max: 60,
            plaintext_auth: PlaintextAuth::Never,
        }
    }
}

impl Settings {
    pub(crate) fn config(&self, mail: &mail_service::Settings) -> Config {
        Config {
            hostname: mail.hostname.clone(),
            message_bytes_max: mail.message_bytes_max,
            recipients_max: self.recipients_max,
            errors_max: self.errors_max,
            unknown_recipients_max: self.unknown_recipients_max,
            commands_max: self.commands_max,
            hold_seconds_max: self.hold_seconds_max,
            timeouts: Timeouts {
                command: Duration::from_secs(self.command_seconds_max),
                data_block: Duration::from_secs(self.data_block_seconds_max),
                data_bytes_per_second_min: self.data_bytes_per_second_min,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_what_they_write_and_refuse_what_they_do_not_know() {
        let settings = Settings { plaintext_auth: PlaintextAuth::Loopback, ..Settings::default() };
        let text = toml::to_string(&settings).unwrap();
        assert!(text.contains("plaintext_auth = \"loopback\""), "{text}");
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
        assert_eq!(toml::from_str::<Settings>("").unwrap(), Settings::default());
        assert!(toml::from_str::<Settings>("recipients = 1").is_err());
    }
}
