//! `facteur demo`: an all-in-one server on loopback, with accounts and mail in them.

mod agents;
mod notices;
mod people;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use directory::{AccountState, NewAccount, NewPassword, Person, Unit, UnitCode, UnitUpdate};
use mail_service::{Incoming, ServiceError};
use mail_types::{Domain, EmailAddress, ReversePath, Role, Secret};

use crate::admin::Services;
use crate::cli::say;
use crate::config::{Config, Listen, Service};
use crate::server::Server;
use people::{MAIL, NEWCOMER, PEOPLE, UNIT};

const DOMAIN: &str = "ac-paris.test";

/// How the demo runs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where mail, keys and certificate are kept; a second run finds them again.
    #[arg(long, default_value = "demo-data")]
    dir: PathBuf,
    /// Ports are this plus the usual ones: 10025, 10143, 10443 …
    #[arg(long, default_value_t = 10_000)]
    port_base: u16,
    /// Also agent1@… to agentN@….
    #[arg(long, default_value_t = 0)]
    accounts: u32,
    /// Their password. On a later run another one replaces it.
    #[arg(long, default_value = "mot-de-passe-demo")]
    password: String,
    /// A theme file: name, logo, two colours.
    #[arg(long, value_name = "FILE")]
    theme: Option<PathBuf>,
    /// Send mail for other domains to this server, such as 127.0.0.1:2525. Without it the demo
    /// never speaks to any other server.
    #[arg(long, value_name = "HOST:PORT")]
    relay_to: Option<String>,
    /// Serve as if it were so many days later, to see what takes days.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    days_later: u16,
}

/// Service, offset from the base, name in `demo.json`.
const PORTS: [(Service, u16, &str); 8] = [
    (Service::Smtp, 25, "smtp"),
    (Service::Lmtp, 24, "lmtp"),
    (Service::Submission, 587, "submission"),
    (Service::Submissions, 465, "submissions"),
    (Service::Imap, 143, "imap"),
    (Service::Imaps, 993, "imaps"),
    (Service::Http, 80, "http"),
    (Service::Https, 443, "https"),
];

/// Runs the demo until it is interrupted.
pub(crate) async fn run(options: Options) -> Result<(), String> {
    let options = Options { dir: std::path::absolute(&options.dir).map_err(text)?, ..options };
    std::fs::create_dir_all(&options.dir).map_err(|error| named(&options.dir, &error))?;
    crate::clock::set_ahead(options.days_later);
    let config = config(&options)?;
    let path = options.dir.join("facteur.toml");
    let toml = toml::to_string(&config).map_err(text)?;
    std::fs::write(&path, toml).map_err(|error| named(&path, &error))?;
    crate::tls::make_self_signed(
        &config.tls,
        vec![config.hostname.clone(), "localhost".into(), "127.0.0.1".into()],
    )?;
    let heard = crate::telemetry::start_logging(&config)?;
    let server = Server::start(config, heard).await?;
    fill(server.services(), &options).await?;
    let secret = newcomer(server.services()).await?;
    write_json(&options, secret.as_deref())?;
    print_table(&options, secret.as_deref());
    server.run_until_stopped(Some(path)).await
}

fn config(options: &Options) -> Result<Config, String> {
    let domain: Domain = DOMAIN.parse().map_err(text)?;
    let mut listen = Vec::new();
    for (service, offset, _) in PORTS {
        let port = options.port_base.checked_add(offset).ok_or("--port-base is too high")?;
        listen.push(Listen::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), service));
    }
    let mut config = Config {
        hostname: format!("mail.{DOMAIN}"),
        domains: vec![domain],
        data_dir: options.dir.join("data"),
        secrets_file: options.dir.join("secrets.toml"),
        admin_socket: options.dir.join("admin.sock"),
        listen,
        ..Config::default()
    };
    config.tls.certificate = options.dir.join("certificate.pem");
    config.tls.key = options.dir.join("key.pem");
    // A demo lives on a laptop: small buffers, which make the reserve of disk small too, and hardly
    // any ballast.
    config.storage.write_buffer_mib = 32;
    config.storage.log_mib_max = 64;
    config.storage.block_cache_mib = 64;
    config.storage.ballast_mib = 4;
    // A demo's domains are in no DNS, and a laptop may have none to ask.
    config.authentication.enabled = false;
    config.smtp.plaintext_auth = smtp_server::PlaintextAuth::Loopback;
    config.imap.plaintext_login = imap_server::PlaintextLogin::Loopback;
    config.imap.connections_per_account_max = 100;
    config.relay.enabled = options.relay_to.is_some();
    if let Some(host) = &options.relay_to {
        config.relay.route = vec![smtp_relay::RouteSettings {
            recipients: vec!["*".into()],
            via: smtp_relay::Via::Smarthost,
            hosts: vec![host.clone()],
            tls: smtp_relay::RouteTls::None,
            ..smtp_relay::RouteSettings::default()
        }];
    }
    let https = options.port_base + 443;
    config.webmail.public_url = format!("https://localhost:{https}").try_into().map_err(text)?;
    config.webmail.plain_http = webmail::PlainHttp::ServeLoopback;
    config.webmail.theme_file =
        options.theme.as_deref().map(std::path::absolute).transpose().map_err(text)?;
    config.webmail.notices = notices::of_nobody();
    // Everybody who sees a demo sits at this machine, as a school sits behind one address.
    let here: directory::Network = "127.0.0.0/8".parse().map_err(text)?;
    config.directory.limits.shared_networks = vec![here];
    config.directory.reset.academy_networks = vec![here];
    config.directory.postmaster =
        Some(format!("referent.numerique@{DOMAIN}").parse().map_err(text)?);
    Config::parse(&toml::to_string(&config).map_err(text)?)
}

/// Creates what is missing; a second run finds everything there.
async fn fill(services: &Services, options: &Options) -> Result<(), String> {
    let mut is_new = false;
    make_unit(services).await?;
    for (local, name, academic_id, unit, role, password) in PEOPLE {
        let password = directory::hash_password(&Secret::from(password)).map_err(text)?;
        let password = NewPassword::Hash(password);
        is_new |= create(services, local, name, academic_id, unit, role, password).await?;
    }
    let officer = services.directory.officers(&address(UNIT.3)?.to_string()).await.map_err(text)?;
    let update = UnitUpdate { officers: Some(officer), ..UnitUpdate::default() };
    let code: UnitCode = UNIT.0.parse()?;
    services.directory.update_unit(&code, update).await.map_err(text)?;
    if options.accounts > 0 {
        agents::create(services, &options.dir, options.accounts, &options.password).await?;
    }
    if is_new {
        for (recipient, message) in MAIL {
            deliver(services, recipient, message).await?;
        }
    }
    Ok(())
}

async fn make_unit(services: &Services) -> Result<(), String> {
    let (code, name, contact, _) = UNIT;
    let code: UnitCode = code.parse()?;
    if services.directory.unit(&code).is_some() {
        return Ok(());
    }
    let unit = Unit { code, name: name.into(), officers: Vec::new(), contact: contact.into() };
    services.directory.create_unit(unit).await.map_err(text)
}

/// The newcomer's temporary secret: a new one at each start, until they have chosen a password.
async fn newcomer(services: &Services) -> Result<Option<String>, String> {
    let (local, given_name, birth_name, academic_id) = NEWCOMER;
    let directory = &services.directory;
    let sheet = match directory.find(academic_id).await.map_err(text)? {
        Some(account) if account.state == AccountState::AwaitingFirstLogin => {
            directory.issue_secret(account.id).await
        }
        Some(_) => return Ok(None),
        None => {
            let new = NewAccount {
                primary_address: address(local)?,
                name: format!("{given_name} {birth_name}"),
                person: Person {
                    given_name: Some(given_name.into()),
                    birth_name: Some(birth_name.into()),
                    birth_date: Some("1990-05-17".parse()?),
                    ..Person::default()
                },
                academic_id: academic_id.parse().map_err(text)?,
                units: vec![UNIT.0.parse()?],
                role: Role::Agent,
                quota_bytes: None,
                password: None,
            };
            directory.provision(new).await
        }
    };
    Ok(Some(sheet.map_err(text)?.secret.expose().clone()))
}

/// Creates one account; `false` when it is there.
async fn create(
    services: &Services,
    local: &str,
    name: &str,
    academic_id: &str,
    unit: &str,
    role: Role,
    password: NewPassword,
) -> Result<bool, String> {
    let address = address(local)?;
    if services.directory.find(&address.to_string()).await.map_err(text)?.is_some() {
        return Ok(false);
    }
    let new = NewAccount {
        primary_address: address,
        name: name.into(),
        person: Person::default(),
        academic_id: academic_id.parse().map_err(text)?,
        units: vec![unit.parse()?],
        role,
        quota_bytes: None,
        password: Some(password),
    };
    services.directory.create_account(new).await.map_err(text)?;
    Ok(true)
}

async fn deliver(services: &Services, recipient: &str, message: &str) -> Result<(), String> {
    let mail = &services.mail;
    let delivered: Result<(), ServiceError> = async {
        let mut writer = mail.message_writer();
        let dated = message.replace("{date}", &mail.internal_date().to_rfc5322());
        writer.write(dated.replace('\n', "\r\n").as_bytes()).await?;
        let recipient = mail
            .recipient(&address(recipient).map_err(|_| ServiceError::NoSuchTarget)?, None)
            .await
            .map_err(|_| ServiceError::NoSuchTarget)?;
        mail.deliver(Incoming {
            queue_id: mail.new_queue_id(),
            reverse_path: ReversePath::Null,
            recipients: vec![recipient],
            trace: Vec::new(),
            message: writer.finish().await?,
            submitter: None,
        })
        .await
    }
    .await;
    delivered.map_err(|error| format!("demo mail for {recipient}: {error}"))
}

fn address(local: &str) -> Result<EmailAddress, String> {
    format!("{local}@{DOMAIN}").parse().map_err(text)
}

/// For scripts: domain, ports, accounts.
fn write_json(options: &Options, secret: Option<&str>) -> Result<(), String> {
    let ports: serde_json::Map<_, _> = PORTS
        .iter()
        .map(|(_, offset, name)| ((*name).to_owned(), (options.port_base + offset).into()))
        .collect();
    let account = |address: String, academic_id: String, password: &str| serde_json::json!({ "address": address, "academic_id": academic_id, "password": password });
    let people = PEOPLE.iter().map(|(local, _, academic_id, _, _, password)| {
        account(format!("{local}@{DOMAIN}"), (*academic_id).to_owned(), password)
    });
    let agents = (1..=options.accounts).map(|number| {
        account(format!("agent{number}@{DOMAIN}"), format!("9{number:09}"), &options.password)
    });
    let json = serde_json::json!({
        "domain": DOMAIN,
        "ports": ports,
        "accounts": people.chain(agents).collect::<Vec<_>>(),
        "newcomer": account(format!("{}@{DOMAIN}", NEWCOMER.0), NEWCOMER.3.to_owned(), secret.unwrap_or_default()),
    });
    let path = options.dir.join("demo.json");
    // Written beside and renamed, so that a script that waits for the file never reads half.
    let draft = options.dir.join("demo.json.new");
    std::fs::write(&draft, format!("{json:#}\n")).map_err(|error| named(&draft, &error))?;
    std::fs::rename(&draft, &path).map_err(|error| named(&path, &error))
}

fn print_table(options: &Options, secret: Option<&str>) {
    let base = options.port_base;
    say("");
    say("Facteur demo, on this machine only. Stop it with Ctrl-C.");
    say("");
    say(&format!("  {:<34} {:<12} {}", "address", "academic ID", "password"));
    for (local, _, academic_id, _, _, password) in PEOPLE {
        say(&format!("  {:<34} {academic_id:<12} {password}", format!("{local}@{DOMAIN}")));
    }
    if let Some(secret) = secret {
        let (address, id) = (format!("{}@{DOMAIN}", NEWCOMER.0), NEWCOMER.3);
        say(&format!("  {address:<34} {id:<12} {secret}  (temporary: first login at the webmail)"));
    }
    if options.accounts > 0 {
        let agents = format!("agent1…agent{}@{DOMAIN}", options.accounts);
        say(&format!("  {agents:<34} {:<12} {}", "", options.password));
    }
    say("");
    say(&format!(
        "  webmail      https://localhost:{}  or  http://localhost:{}",
        base + 443,
        base + 80
    ));
    say(&format!(
        "  IMAP         localhost:{} (TLS)  {} (STARTTLS or plain)",
        base + 993,
        base + 143
    ));
    say(&format!(
        "  submission   localhost:{} (TLS)  {} (STARTTLS or plain)",
        base + 465,
        base + 587
    ));
    say(&format!("  SMTP, LMTP   localhost:{}, {}", base + 25, base + 24));
    say(&format!(
        "  administer   facteur --config {} account list",
        options.dir.join("facteur.toml").display()
    ));
    say("");
}

fn named(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
