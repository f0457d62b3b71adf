//! What the configuration's types cannot say: ranges, what contradicts itself, and, for
//! `check-config`, whether the files it names are there.

use std::collections::HashSet;
use std::path::Path;

use imap_server::PlaintextLogin;
use mail_types::Domain;
use smtp_server::PlaintextAuth;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Service};
use crate::place::Place;
use crate::tls::Certificates;

/// A year: beyond it, a time is a typing error, and a deadline could not be computed.
const SECONDS_MAX: i64 = 365 * 86_400;
/// A pebibyte.
const MIB_MAX: i64 = 1 << 30;

/// Settings for which 0 has a meaning, which the shipped file tells.
const ZERO_ALLOWED: [&str; 20] = [
    "shutdown_seconds",
    "storage.block_cache_mib",
    "storage.disk_free_mib_min",
    "storage.ballast_mib",
    "storage.backup_hours_max",
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

/// What is wrong, and where.
struct Wrong {
    place: Place,
    why: String,
}

impl Wrong {
    fn new(place: Place, why: impl Into<String>) -> Self {
        Self { place, why: why.into() }
    }
}

/// Checks what can be checked without looking at files. The error names line and key.
pub(crate) fn check(config: &Config, text: &str) -> Result<(), String> {
    let outcome = contents(config).and_then(|()| {
        let all = toml::Value::try_from(config).map_err(|error| {
            Wrong::new(Place::default(), format!("not readable again: {error}"))
        })?;
        numbers(&Place::default(), &all)
    });
    outcome.map_err(|Wrong { place, why }| place.tell(text, &why))
}

fn contents(config: &Config) -> Result<(), Wrong> {
    if config.hostname.parse::<Domain>().is_err() {
        let why = format!("hostname: {:?} is not a host name", config.hostname);
        return Err(Wrong::new(Place::of("hostname"), why));
    }
    if config.listen.is_empty() {
        return Err(Wrong::new(Place::of("listen"), "listen: at least one [[listen]] is needed"));
    }
    let mut sockets = HashSet::new();
    for (index, listen) in config.listen.iter().enumerate() {
        if !sockets.insert(listen.address) {
            let address = listen.address;
            let why = format!("listen: {address} is there twice; one address has one service");
            return Err(Wrong::new(Place::of("listen").element(index).key("address"), why));
        }
    }
    if config.secrets_file.starts_with(&config.data_dir) {
        let why = "secrets_file: must be outside data_dir, or a backup would hold it";
        return Err(Wrong::new(Place::of("secrets_file"), why));
    }
    if let Err(error) = EnvFilter::try_new(&config.log.level) {
        return Err(Wrong::new(Place::of("log.level"), format!("log.level: {error}")));
    }
    Ok(())
}

/// Each number is at least 1 unless 0 has a meaning, and no time or size overflows.
fn numbers(place: &Place, value: &toml::Value) -> Result<(), Wrong> {
    match value {
        toml::Value::Table(table) => {
            table.iter().try_for_each(|(key, value)| numbers(&place.key(key), value))
        }
        toml::Value::Array(elements) => {
            let mut elements = elements.iter().enumerate();
            elements.try_for_each(|(index, value)| numbers(&place.element(index), value))
        }
        toml::Value::Integer(number) => in_range(place, *number),
        _ => Ok(()),
    }
}

fn in_range(place: &Place, number: i64) -> Result<(), Wrong> {
    let name = place.name();
    let least = i64::from(!ZERO_ALLOWED.contains(&name.as_str()));
    let most = most(&name);
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(Wrong::new(place.clone(), format!("{name}: {number} is not from {least} to {most}")))
}

/// The most that makes sense, by the unit in a setting's name.
fn most(name: &str) -> i64 {
    let key = name.rsplit('.').next().unwrap_or(name);
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
    for (setting, is_set) in [
        ("smtp.plaintext_auth", config.smtp.plaintext_auth == PlaintextAuth::Loopback),
        ("imap.plaintext_login", config.imap.plaintext_login == PlaintextLogin::Loopback),
    ] {
        if is_set {
            warnings.push(format!(
                "{setting} takes passwords without TLS from programs on this machine: it is for \
                 the demo"
            ));
        }
    }
    let (mib, least) = (config.storage.disk_free_mib_min, config.storage.disk_free_mib_least());
    if (1..least).contains(&mib) {
        warnings.push(format!(
            "storage.disk_free_mib_min: {mib} is below three times write buffers plus log \
             ({least}): the disk can be full before mail is refused; 0 takes {least}"
        ));
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
            ("[webmail]\ntheme_file = \"/nowhere\"", "line 2: webmail.theme_file: /nowhere: "),
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
                "line 2: directory.limits.per_login.burst: 0 is not from 1",
            ),
            (
                "[relay]\nretry_minutes = [\n  5,\n  0,\n]",
                "line 4: relay.retry_minutes: 0 is not from 1 to 525600",
            ),
            (
                "[[listen]]\naddress = \"[::]:25\"\nservice = \"smtp\"\npublic_port = 0",
                "line 4: listen.public_port: 0 is not from 1",
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
    fn each_number_of_the_shipped_file_is_told_with_its_own_line() {
        let shipped = include_str!("../../../config/facteur.toml");
        let lines: Vec<_> = shipped.lines().collect();
        let mut told = 0;
        for (index, line) in lines.iter().enumerate() {
            let Some((key, value)) = line.split_once(" = ") else { continue };
            // The first number, also of an array or an inline table.
            let start = value.trim_start_matches(|character: char| "[{ burst=".contains(character));
            let end = start.trim_start_matches(|character: char| character.is_ascii_digit());
            if line.starts_with('#') || start.len() == end.len() {
                continue;
            }
            let before = &value[..value.len() - start.len()];
            for wrong in ["0", "99999999999"] {
                let wrong = format!("{key} = {before}{wrong}{end}");
                let mut lines = lines.clone();
                lines[index] = &wrong;
                // For some numbers 0 has a meaning, and some have no end.
                let Err(error) = Config::parse(&lines.join("\n")) else { continue };
                let begin = format!("line {}: ", index + 1);
                assert!(error.starts_with(&begin) && error.contains(key), "{wrong}: {error}");
                told += 1;
            }
        }
        assert!(told > 100, "{told}");
    }

    #[test]
    fn what_is_for_the_demo_or_too_small_is_noted() {
        let noted = |text| warnings(&Config::parse(text).unwrap()).join("\n");
        for (text, wanted) in [
            ("[smtp]\nplaintext_auth = \"loopback\"", "smtp.plaintext_auth takes passwords"),
            ("[imap]\nplaintext_login = \"loopback\"", "imap.plaintext_login takes passwords"),
            (
                "[storage]\ndisk_free_mib_min = 1919",
                "disk_free_mib_min: 1919 is below three times write buffers plus log (1920)",
            ),
        ] {
            assert!(noted(text).contains(wanted), "{}", noted(text));
        }
        let quiet = noted("[storage]\ndisk_free_mib_min = 1920");
        assert!(!quiet.contains("takes passwords") && !quiet.contains("disk_free"), "{quiet}");
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
