//! What the configuration's types cannot say: ranges, what contradicts itself, and, for
//! `check-config`, whether the files it names are there.

use std::collections::HashSet;
use std::path::Path;

use mail_types::Domain;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Service};
use crate::tls::Certificates;

/// A year: beyond it, a time is a typing error, and a deadline could not be computed.
const SECONDS_MAX: i64 = 365 * 86_400;
/// A pebibyte.
const MIB_MAX: i64 = 1 << 30;

/// Settings for which 0 has a meaning, which the shipped file tells.
const ZERO_ALLOWED: [&str; 19] = [
    "shutdown_seconds",
    "storage.block_cache_mib",
    "storage.disk_free_mib_min",
    "storage.ballast_mib",
    "directory.quota_bytes_default",
    "directory.hashes_at_once_max",
    "directory.hashes_waiting_max",
    "directory.verified_seconds_max",
    "mail.index_cache_mib",
    "mail.history_days",
    "smtp.data_bytes_per_second_min",
    "smtp.hold_seconds_max",
    "smtp.greeting_delay_milliseconds",
    "relay.delay_notice_hours",
    "relay.retry_jitter_percent",
    "relay.idle_seconds",
    "relay.idle_connections_max",
    "dns.cache_entries_max",
    "webmail.undo_seconds",
];

/// What is wrong, and a text that stands on the line where.
struct Wrong {
    place: String,
    why: String,
}

impl Wrong {
    fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

/// Checks what can be checked without looking at files. The error names line and key.
pub(crate) fn check(config: &Config, text: &str) -> Result<(), String> {
    let outcome = contents(config).and_then(|()| {
        let table = toml::Table::try_from(config)
            .map_err(|error| Wrong::new("", format!("not readable again: {error}")))?;
        numbers("", &table)
    });
    outcome.map_err(|Wrong { place, why }| match line_of(text, &place) {
        Some(line) => format!("line {line}: {why}"),
        None => why,
    })
}

fn contents(config: &Config) -> Result<(), Wrong> {
    if config.hostname.parse::<Domain>().is_err() {
        let why = format!("hostname: {:?} is not a host name", config.hostname);
        return Err(Wrong::new("hostname", why));
    }
    if config.listen.is_empty() {
        return Err(Wrong::new("listen", "listen: at least one [[listen]] is needed"));
    }
    let mut sockets = HashSet::new();
    for listen in &config.listen {
        if !sockets.insert(listen.address) {
            let address = listen.address.to_string();
            let why = format!("listen: {address} is there twice; one address has one service");
            return Err(Wrong::new(format!("address = \"{address}\""), why));
        }
    }
    if config.secrets_file.starts_with(&config.data_dir) {
        let why = "secrets_file: must be outside data_dir, or a backup would hold it";
        return Err(Wrong::new("secrets_file", why));
    }
    if let Err(error) = EnvFilter::try_new(&config.log.level) {
        return Err(Wrong::new("level", format!("log.level: {error}")));
    }
    Ok(())
}

/// Each number is at least 1 unless 0 has a meaning, and no time or size overflows.
fn numbers(prefix: &str, table: &toml::Table) -> Result<(), Wrong> {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => numbers(&format!("{name}."), inner)?,
            toml::Value::Integer(number) => {
                let least = i64::from(!ZERO_ALLOWED.contains(&name.as_str()));
                let most = most(key);
                if !(least..=most).contains(number) {
                    let why = format!("{name}: {number} is not from {least} to {most}");
                    return Err(Wrong::new(key.as_str(), why));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The most that makes sense, by the unit in a setting's name.
fn most(key: &str) -> i64 {
    let mut words = key.split('_');
    let unit = words.find_map(|word| match word {
        "milliseconds" => Some(60_000),
        "seconds" => Some(SECONDS_MAX),
        "minutes" => Some(SECONDS_MAX / 60),
        "hours" => Some(SECONDS_MAX / 3600),
        "days" => Some(SECONDS_MAX / 86_400),
        "mib" => Some(MIB_MAX),
        _ => None,
    });
    unit.unwrap_or(i64::MAX)
}

/// The last line that begins with this setting: of two, the second is the one too many.
fn line_of(text: &str, place: &str) -> Option<usize> {
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix(place);
        rest.is_some_and(|rest| place.contains('=') || rest.trim_start().starts_with('='))
    };
    let lines: Vec<_> = text.lines().collect();
    lines.iter().rposition(|line| begins(line)).map(|index| index + 1)
}

/// For `check-config`: whether what the file names is there. All that is wrong, a line each.
pub(crate) fn check_files(config: &Config) -> Vec<String> {
    let mut wrong = Vec::new();
    if config.needs_tls()
        && let Err(error) = Certificates::load(&config.tls)
    {
        wrong.push(format!("tls: {error}"));
    }
    for (key, path) in [
        ("data_dir", config.data_dir.as_path()),
        ("secrets_file", config.secrets_file.as_path()),
        ("admin_socket", config.admin_socket.as_path()),
    ] {
        if !path.is_absolute() {
            wrong.push(format!("{key}: {} is not an absolute path", path.display()));
        } else if let Some(reason) = cannot_be_made(path) {
            wrong.push(format!("{key}: {}: {reason}", path.display()));
        }
    }
    if config.data_dir.join("CURRENT").exists() && !config.secrets_file.exists() {
        let secrets = config.secrets_file.display();
        wrong.push(format!("secrets_file: {secrets} is missing, and data_dir holds a store"));
    }
    wrong
}

/// Warnings: what is allowed and seldom meant.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.domains.is_empty() {
        warnings.push("domains is empty: no address is at home here".to_owned());
    }
    for listen in &config.listen {
        let is_inner = matches!(listen.service, Service::Lmtp | Service::Metrics);
        if is_inner && listen.address.ip().is_unspecified() {
            let (address, name) = (listen.address, listen.service.name());
            warnings.push(format!("{name} at {address} can be reached from everywhere"));
        }
    }
    for (setting, page) in config.webmail.notices.missing() {
        warnings.push(format!("webmail.notices.{setting} is missing: the page {page} says so"));
    }
    warnings
}

/// Why neither this path nor the folders to it can be made.
fn cannot_be_made(path: &Path) -> Option<&'static str> {
    let nearest = path.ancestors().skip(1).find(|folder| folder.exists())?;
    match nearest.is_dir() {
        true => None,
        false => Some("a file stands where a folder is needed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        Config::parse(text).unwrap_err()
    }

    #[test]
    fn a_contradiction_is_told_with_its_line() {
        for (text, wanted) in [
            ("a = 1", "line 1: unknown field `a`"),
            ("hostname = \"-\"", "line 1: hostname: \"-\" is not a host name"),
            ("listen = []", "line 1: listen: at least one"),
            ("data_dir = \"/d\"\nsecrets_file = \"/d/s\"", "line 2: secrets_file: must be outside"),
            (
                "[[listen]]\naddress = \"[::]:25\"\nservice = \"smtp\"\n\
                 [[listen]]\naddress = \"[::]:25\"\nservice = \"lmtp\"",
                "line 5: listen: [::]:25 is there twice",
            ),
            ("[log]\nlevel = \"loud=much\"", "line 2: log.level: "),
        ] {
            let error = error_of(text);
            assert!(error.contains(wanted), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn a_number_out_of_range_is_told_with_its_line_and_range() {
        for (text, wanted) in [
            ("[connections]\ntotal_max = 0", "line 2: connections.total_max: 0 is not from 1 to"),
            (
                "[smtp]\ncommand_seconds_max = 0",
                "line 2: smtp.command_seconds_max: 0 is not from 1",
            ),
            ("[imap]\n\nlogin_seconds = 40000000", "line 3: imap.login_seconds: 40000000"),
            ("[storage]\nlog_mib_max = 9000000000", "line 2: storage.log_mib_max: 9000000000"),
            ("shutdown_seconds = 31536001", "line 1: shutdown_seconds: 31536001"),
            (
                "[directory.limits]\nper_login = { burst = 0, per_hour = 1 }",
                "directory.limits.per_login.burst: 0 is not from 1",
            ),
        ] {
            let error = error_of(text);
            assert!(error.contains(wanted), "{text:?} gave {error:?}");
        }
        for text in ["shutdown_seconds = 0", "[directory]\nquota_bytes_default = 0"] {
            Config::parse(text).unwrap();
        }
    }

    #[test]
    fn missing_files_and_open_inner_ports_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.tls.certificate = dir.path().join("certificate.pem");
        config.data_dir = "data".into();
        config.listen[0].service = Service::Metrics;
        let wrong = check_files(&config).join("\n");
        assert!(wrong.contains("certificate.pem"), "{wrong}");
        assert!(wrong.contains("data_dir: data is not an absolute path"), "{wrong}");
        let warnings = warnings(&config).join("\n");
        assert!(warnings.contains("metrics at [::]:25 can be reached"), "{warnings}");
        assert!(warnings.contains("domains is empty"), "{warnings}");
    }

    #[test]
    fn a_public_page_without_its_names_is_told() {
        let text = "[webmail.notices]\npublisher = \"x\"\nsupport = \"y\"\n\
                    accessibility = \"partial\"";
        let warnings = warnings(&Config::parse(text).unwrap()).join("\n");
        for setting in ["director", "host", "accessibility_contact", "accessibility_audit"] {
            assert!(
                warnings.contains(&format!("webmail.notices.{setting} is missing")),
                "{setting}"
            );
        }
        assert!(!warnings.contains("publisher") && !warnings.contains("support"), "{warnings}");
    }
}
