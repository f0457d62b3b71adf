//! The configuration: one TOML file. `config/facteur.toml` lists every setting with its default
//! and its reason; a test keeps the two equal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mail_types::Domain;
use serde::{Deserialize, Serialize};

use crate::clients::{self, Clients};
use crate::place::Place;

/// Everything an operator may set. Each part is documented where it is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// This server's name in greetings, `Received` and `Message-ID`.
    pub(crate) hostname: String,
    /// Domains whose mailboxes are here; created in the directory when missing.
    pub(crate) domains: Vec<Domain>,
    /// Where mail is kept. One process owns it.
    pub(crate) data_dir: PathBuf,
    /// Keys; outside the data directory, so that a stolen backup opens nothing.
    pub(crate) secrets_file: PathBuf,
    /// Where administration commands reach the running server.
    pub(crate) admin_socket: PathBuf,
    /// Seconds that a stop waits for running sessions.
    pub(crate) shutdown_seconds: u64,
    /// Addresses to listen on, and what is spoken there.
    pub(crate) listen: Vec<Listen>,
    pub(crate) tls: Tls,
    pub(crate) log: Log,
    pub(crate) connections: Connections,
    pub(crate) storage: Storage,
    pub(crate) directory: directory::Settings,
    pub(crate) mail: mail_service::Settings,
    pub(crate) authentication: sender_auth::Settings,
    pub(crate) smtp: smtp_server::Settings,
    pub(crate) relay: smtp_relay::Settings,
    pub(crate) dns: smtp_relay::DnsSettings,
    pub(crate) imap: imap_server::Settings,
    pub(crate) clients: Clients,
    pub(crate) webmail: webmail::Settings,
}

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// Address and port.
    pub(crate) address: SocketAddr,
    /// What is spoken there.
    pub(crate) service: Service,
    /// The port that clients use, when something in front of the server leads them here.
    pub(crate) public_port: Option<u16>,
}

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    /// Port 25: mail from other servers.
    Smtp,
    /// Port 587: mail from clients, STARTTLS.
    Submission,
    /// Port 465: mail from clients, TLS at once.
    Submissions,
    /// RFC 2033, for a mail system in front of this one.
    Lmtp,
    /// Port 143, STARTTLS.
    Imap,
    /// Port 993, TLS at once.
    Imaps,
    /// Port 80.
    Http,
    /// Port 443.
    Https,
    /// `/metrics`, `/health` and `/ready`, without TLS: keep it inside.
    Metrics,
}

/// The certificate for all services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    /// PEM chain, own certificate first.
    pub(crate) certificate: PathBuf,
    /// PEM private key.
    pub(crate) key: PathBuf,
}

/// Where logs go and how much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or per part: `info,imap_server=debug`.
    pub(crate) level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// For machines: one JSON object a line.
    Json,
}

/// How many may connect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Connections {
    /// All services together; further ones wait in the system's queue.
    pub(crate) total_max: u32,
    /// From one address (IPv6: one /64); further ones are closed at once.
    pub(crate) per_address_max: u32,
}

/// What RocksDB may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Storage {
    /// Read cache in MiB.
    pub(crate) block_cache_mib: u64,
    /// Write buffers in MiB, all tables together.
    pub(crate) write_buffer_mib: u64,
    /// Write-ahead log in MiB before buffers are flushed.
    pub(crate) log_mib_max: u64,
    /// New mail is refused below this much free disk, in MiB; 0 takes three times write buffers
    /// plus log.
    pub(crate) disk_free_mib_min: u64,
    /// Size of the ballast in MiB, which a start on a full disk deletes; 0 takes the guard's
    /// limit.
    pub(crate) ballast_mib: u64,
    /// Hours after which administrators are reminded of a backup; 0 never does.
    pub(crate) backup_hours_max: u32,
    /// Whether bodies and rows are encrypted with the secrets file's data key.
    pub(crate) encryption: Encryption,
}

/// Encryption at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encryption {
    /// New values are written as they are.
    Off,
    /// New values are sealed; old ones stay readable.
    On,
}

impl Listen {
    /// A socket that clients reach at its own port.
    pub(crate) fn new(address: SocketAddr, service: Service) -> Self {
        Self { address, service, public_port: None }
    }
}

impl Service {
    /// Its name in the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::Smtp => "smtp",
            Service::Submission => "submission",
            Service::Submissions => "submissions",
            Service::Lmtp => "lmtp",
            Service::Imap => "imap",
            Service::Imaps => "imaps",
            Service::Http => "http",
            Service::Https => "https",
            Service::Metrics => "metrics",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let listen = |port, service| Listen::new(SocketAddr::from(([0u16; 8], port)), service);
        Self {
            hostname: "mail.example.test".into(),
            domains: Vec::new(),
            data_dir: "/var/lib/facteur/data".into(),
            secrets_file: "/var/lib/facteur/secrets.toml".into(),
            admin_socket: "/run/facteur/admin.sock".into(),
            shutdown_seconds: 20,
            listen: vec![
                listen(25, Service::Smtp),
                listen(587, Service::Submission),
                listen(465, Service::Submissions),
                listen(143, Service::Imap),
                listen(993, Service::Imaps),
                listen(80, Service::Http),
                listen(443, Service::Https),
            ],
            tls: Tls::default(),
            log: Log::default(),
            connections: Connections::default(),
            storage: Storage::default(),
            directory: directory::Settings::default(),
            mail: mail_service::Settings::default(),
            authentication: sender_auth::Settings::default(),
            smtp: smtp_server::Settings::default(),
            relay: smtp_relay::Settings::default(),
            dns: smtp_relay::DnsSettings::default(),
            imap: imap_server::Settings::default(),
            clients: Clients::default(),
            webmail: webmail::Settings::default(),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: "/etc/facteur/tls/certificate.pem".into(),
            key: "/etc/facteur/tls/key.pem".into(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: "info".into() }
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self { total_max: 20_000, per_address_max: 500 }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            block_cache_mib: 512,
            write_buffer_mib: 128,
            log_mib_max: 512,
            disk_free_mib_min: 0,
            ballast_mib: 0,
            backup_hours_max: 48,
            encryption: Encryption::Off,
        }
    }
}

impl Storage {
    /// How much free disk the engine may need: what is below, new mail must not take.
    pub(crate) fn disk_free_mib_least(&self) -> u64 {
        self.write_buffer_mib.saturating_add(self.log_mib_max).saturating_mul(3)
    }
}

impl Config {
    /// Reads the file. The error names file, line, key and what is allowed.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads a text and checks what its types cannot.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut config: Self = toml::from_str(text).map_err(|error| describe(text, &error))?;
        crate::check::check(&config, text)?;
        config.mail.hostname = config.hostname.clone();
        config.mail.webmail_url = config.webmail.public_url.to_string();
        config.mail.sends_out = config.relay.enabled;
        config.mail.backup_hours_max = config.storage.backup_hours_max;
        config.webmail.schedule_seconds_max = config.smtp.hold_seconds_max;
        config.webmail.programs = clients::programs(&config);
        if let Some(file) = &config.webmail.theme_file {
            config.webmail.theme = webmail::Theme::load(file).map_err(|error| {
                let why = format!("webmail.theme_file: {error}");
                Place::of("webmail.theme_file").tell(text, &why)
            })?;
        }
        Ok(config)
    }

    /// Whether a service with TLS is listened for.
    pub(crate) fn needs_tls(&self) -> bool {
        self.listen.iter().any(|listen| !matches!(listen.service, Service::Metrics | Service::Lmtp))
    }
}

/// `line 12: unknown field …, expected …`, with the line itself.
fn describe(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return error.message().to_owned() };
    let line = text[..span.start.min(text.len())].matches('\n').count();
    let content = text.lines().nth(line).unwrap_or_default().trim();
    format!("line {}: {} (in `{content}`)", line + 1, error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../config/facteur.toml");

    #[test]
    fn the_shipped_file_holds_the_defaults() {
        let mut expected = Config::default();
        expected.mail.hostname = expected.hostname.clone();
        expected.mail.webmail_url = expected.webmail.public_url.to_string();
        expected.mail.sends_out = expected.relay.enabled;
        expected.webmail.programs = clients::programs(&expected);
        assert_eq!(Config::parse(SHIPPED).unwrap(), expected);
    }

    #[test]
    fn the_shipped_file_names_every_setting() {
        let shipped: toml::Table = SHIPPED.parse().unwrap();
        let mut missing = Vec::new();
        missing_in(&shipped, &toml::Table::try_from(Config::default()).unwrap(), "", &mut missing);
        // It is the server's hostname, which is read once.
        missing.retain(|name| name != "mail.hostname");
        assert_eq!(missing, Vec::<String>::new());
        // What has no default stands there as a comment.
        let without_default = [
            "postmaster",
            "content_url",
            "public_port",
            "imap_host",
            "smtp_host",
            "theme_file",
            "publisher",
            "director",
            "host",
            "support",
            "data_protection_officer",
            "accessibility_contact",
            "accessibility_audit",
        ];
        for name in without_default {
            assert!(SHIPPED.contains(&format!("\n# {name} = ")), "{name}");
        }
    }

    fn missing_in(shipped: &toml::Table, all: &toml::Table, at: &str, missing: &mut Vec<String>) {
        for (key, value) in all {
            match (shipped.get(key), value) {
                (None, _) => missing.push(format!("{at}{key}")),
                (Some(toml::Value::Table(shipped)), toml::Value::Table(inner)) => {
                    missing_in(shipped, inner, &format!("{at}{key}."), missing);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn an_error_names_line_key_and_what_is_allowed() {
        for (text, wanted) in [
            ("hostname = \"a.test\"\ndata_dirr = \"x\"", "line 2: unknown field `data_dirr`"),
            (
                "[log]\nformat = \"xml\"",
                "line 2: unknown variant `xml`, expected `human` or `json`",
            ),
            ("[connections]\ntotal_max = -1", "line 2: invalid value"),
            ("domains = [\"a..b\"]", "line 1: not a domain name"),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text:?} gave {error:?}");
        }
    }
}
