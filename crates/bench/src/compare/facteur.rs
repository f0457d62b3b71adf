//! Facteur under measurement: `facteur serve` with its default configuration.

use std::path::Path;
use std::process::Command;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

use super::debian::{SMTP_SINK_DOMAIN, SMTP_SINK_OFFSET};
use super::group::Group;
use super::server::{ACCOUNTS, DOMAIN, Kind, PASSWORD, Program, Server, make_dir, write};
use crate::error::Error;
use crate::wire::Target;

/// Where it asks DNS.
pub(crate) const DNS_OFFSET: u16 = 53;

/// Verifies senders by SPF, DKIM and DMARC, which is off otherwise: Postfix alone does not.
pub(crate) const VERIFY_SENDERS: (&str, &str) =
    ("[authentication]\nenabled = false", "[authentication]\nenabled = true");
/// Signs what leaves, which is off otherwise: Postfix alone does not.
pub(crate) const SIGN: (&str, &str) = ("sign = false", "sign = true");

/// Strangers are limited, as they are by default; in other rows all of loopback is exempt.
pub(crate) const LIMITS: (&str, &str) =
    ("exempt_networks = [\"127.0.0.0/8\"]", "exempt_networks = []");

/// The argon2id cost that Facteur itself hashes with.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// A PHC string of the users' common password.
pub(crate) fn password_hash() -> Result<String, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None);
    let params = params.map_err(|error| Error::NotPossible(format!("argon2: {error}")))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(PASSWORD.as_bytes(), b"the same salt")
        .map(|hash| hash.to_string())
        .map_err(|error| Error::NotPossible(format!("argon2: {error}")))
}

/// Configures Facteur below `dir`, starts it and creates the accounts.
pub(crate) async fn start(
    program: &Path,
    dir: &Path,
    port_base: u16,
    hash: &str,
) -> Result<Server, Error> {
    make_dir(dir)?;
    let config = dir.join("facteur.toml");
    let text = configuration(dir, port_base);
    write(&config, &text)?;
    let target = |offset| Target::plain("127.0.0.1", port_base + offset);
    let mut server = Server {
        kind: Kind::Facteur,
        version: version(program)?,
        settings: "default configuration, but senders verified and mail signed only where the \
                   row says so; every acknowledged message synced; \
                   passwords behind Argon2id, verified within the last ten minutes",
        group: Group::new(&dir.file_name().unwrap_or_default().to_string_lossy())?,
        programs: vec![Program {
            path: program.to_owned(),
            args: vec!["--config".into(), config.display().to_string(), "serve".into()],
            log: dir.join("facteur.log"),
        }],
        smtp: target(25),
        lmtp: target(24),
        submission: Some(target(587)),
        config: Some((config.clone(), text)),
        imap: target(143),
        imaps: Target::over_tls("127.0.0.1", port_base + 993)?,
        http: Some(target(80)),
        metrics: Some(target(90)),
        data: dir.join("data"),
        dir: dir.to_owned(),
    };
    server.start().await?;
    import(program, &config, dir, hash)?;
    Ok(server)
}

/// What differs from the defaults: addresses, and limits that are there against strangers.
fn configuration(dir: &Path, port_base: u16) -> String {
    let dir = dir.display();
    // Where the sink stands for the other server too.
    let (sink, dns) = (port_base + SMTP_SINK_OFFSET, port_base + DNS_OFFSET);
    let services = [
        ("smtp", 25),
        ("lmtp", 24),
        ("submission", 587),
        ("imap", 143),
        ("imaps", 993),
        ("http", 80),
        ("metrics", 90),
    ];
    let listen: String = services
        .iter()
        .map(|(service, offset)| {
            let port = port_base + offset;
            format!("[[listen]]\naddress = \"127.0.0.1:{port}\"\nservice = \"{service}\"\n")
        })
        .collect();
    format!(
        "hostname = \"mail.{DOMAIN}\"\ndomains = [\"{DOMAIN}\"]\ndata_dir = \"{dir}/data\"\n\
         secrets_file = \"{dir}/secrets.toml\"\nadmin_socket = \"{dir}/admin.sock\"\n{listen}\
         [tls]\ncertificate = \"{dir}/../certificate.pem\"\nkey = \"{dir}/../key.pem\"\n\
         [connections]\nper_address_max = 20000\n\
         [directory.limits]\nexempt_networks = [\"127.0.0.0/8\"]\n\
         [imap]\nplaintext_login = \"loopback\"\nconnections_per_account_max = 10000\n\
         [smtp]\nplaintext_auth = \"loopback\"\n\
         [authentication]\nenabled = false\n[dns]\nservers = [\"127.0.0.1:{dns}\"]\n\
         [relay]\nsign = false\n[[relay.route]]\nrecipients = [\"{SMTP_SINK_DOMAIN}\"]\n\
         via = \"smarthost\"\nhosts = [\"127.0.0.1:{sink}\"]\ntls = \"none\"\n\
         [webmail]\npublic_url = \"https://localhost:{}\"\nplain_http = \"serve-loopback\"\n",
        port_base + 443
    )
}

fn version(program: &Path) -> Result<String, Error> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(Error::io(format!("run {}", program.display())))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().replace("facteur", "Facteur"))
}

fn import(program: &Path, config: &Path, dir: &Path, hash: &str) -> Result<(), Error> {
    let mut csv = String::from("address,name,academic_id,password\n");
    for number in 1..=ACCOUNTS {
        csv.push_str(&format!("agent{number}@{DOMAIN},Agent {number},9{number:09},\"{hash}\"\n"));
    }
    let path = dir.join("accounts.csv");
    write(&path, &csv)?;
    let output = Command::new(program)
        .arg("--config")
        .arg(config)
        .args(["account", "import"])
        .arg(&path)
        .output()
        .map_err(Error::io("import accounts"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(Error::NotPossible(format!("accounts were not created: {errors}")))
        }
    }
}
