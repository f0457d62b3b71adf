//! Debian's Postfix, delivering over LMTP into Debian's Dovecot with mdbox, each with its defaults
//! except for addresses, and limits that are there against strangers.

use std::path::Path;
use std::process::Command;

use super::group::Group;
use super::server::{ACCOUNTS, DOMAIN, Kind, PASSWORD, Program, Server, make_dir, write};
use crate::error::Error;
use crate::wire::Target;

/// Domains that Postfix passes on to a sink, by their protocol.
pub(crate) const LMTP_SINK_DOMAIN: &str = "lmtp-sink.test";
pub(crate) const SMTP_SINK_DOMAIN: &str = "smtp-sink.test";

/// Ports of those sinks, from the base.
pub(crate) const LMTP_SINK_OFFSET: u16 = 1;
pub(crate) const SMTP_SINK_OFFSET: u16 = 2;

/// Configures both below `dir` and starts them.
pub(crate) async fn start(dir: &Path, port_base: u16, hash: &str) -> Result<Server, Error> {
    make_dir(dir)?;
    configure_dovecot(dir, port_base, hash)?;
    configure_postfix(dir, port_base)?;
    let target = |offset| Target::plain("127.0.0.1", port_base + offset);
    let program = |path: &str, args: &[String], log: &str| Program {
        path: path.into(),
        args: args.to_vec(),
        log: dir.join(log),
    };
    let dovecot_conf = dir.join("dovecot.conf").display().to_string();
    let postfix_conf = dir.join("postfix").display().to_string();
    let mut server = Server {
        kind: Kind::Debian,
        version: format!(
            "Postfix {}, Dovecot {}",
            output("postconf", &["-d", "-h", "mail_version"])?,
            output("dovecot", &["--version"])?.split(' ').next().unwrap_or_default()
        ),
        settings: "Debian's defaults; Postfix syncs its queue file before it answers; Dovecot \
                   with mdbox, `mail_fsync = optimized` (its default) and passwords in plain text \
                   unless the row says Argon2id",
        group: Group::new("debian")?,
        programs: vec![
            program("/usr/sbin/dovecot", &["-F".into(), "-c".into(), dovecot_conf], "dovecot.out"),
            program(
                "/usr/sbin/postfix",
                &["-c".into(), postfix_conf, "start-fg".into()],
                "postfix.out",
            ),
        ],
        smtp: target(25),
        lmtp: target(24),
        imap: target(143),
        submission: None,
        config: None,
        imaps: Target::over_tls("127.0.0.1", port_base + 993)?,
        http: None,
        metrics: None,
        data: dir.join("mail"),
        dir: dir.to_owned(),
    };
    server.start().await?;
    Ok(server)
}

fn configure_dovecot(dir: &Path, port_base: u16, hash: &str) -> Result<(), Error> {
    let mut users = String::new();
    for number in 1..=ACCOUNTS {
        users.push_str(&format!("agent{number}@{DOMAIN}:{{PLAIN}}{PASSWORD}\n"));
        users.push_str(&format!("hashed{number}@{DOMAIN}:{{ARGON2ID}}{hash}\n"));
    }
    write(&dir.join("users"), &users)?;
    let mail = dir.join("mail");
    make_dir(&mail)?;
    chown(&mail, "mail:mail")?;
    write(&dir.join("dovecot.conf"), &dovecot_configuration(dir, port_base))
}

fn dovecot_configuration(dir: &Path, port_base: u16) -> String {
    let dir = dir.display();
    let [lmtp, imap, imaps] = [24, 143, 993].map(|offset| port_base + offset);
    format!(
        "protocols = imap lmtp
base_dir = {dir}/dovecot-run
state_dir = {dir}/dovecot-state
log_path = {dir}/dovecot.log
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/../certificate.pem
ssl_key = <{dir}/../key.pem
disable_plaintext_auth = no
mail_location = mdbox:~/mdbox
mail_fsync = optimized
first_valid_uid = 1
mail_max_userip_connections = 10000
default_client_limit = 20000
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={dir}/mail/%u
}}
service imap-login {{
  process_limit = 4000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 4000
}}
service lmtp {{
  process_limit = 1000
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"
    )
}

fn configure_postfix(dir: &Path, port_base: u16) -> Result<(), Error> {
    let config = dir.join("postfix");
    for path in [&config, &dir.join("postfix-queue"), &dir.join("postfix-data")] {
        make_dir(path)?;
    }
    chown(&dir.join("postfix-data"), "postfix:postfix")?;
    let users: String =
        (1..=ACCOUNTS).map(|number| format!("agent{number}@{DOMAIN} ok\n")).collect();
    write(&config.join("users"), &users)?;
    write(&config.join("main.cf"), &postfix_configuration(dir, port_base))?;
    write(&config.join("master.cf"), &postfix_services(port_base))
}

fn postfix_configuration(dir: &Path, port_base: u16) -> String {
    let dir = dir.display();
    let lmtp = port_base + 24;
    let (lmtp_sink, smtp_sink) = (port_base + LMTP_SINK_OFFSET, port_base + SMTP_SINK_OFFSET);
    format!(
        "compatibility_level = 3.6
queue_directory = {dir}/postfix-queue
data_directory = {dir}/postfix-data
maillog_file = {dir}/postfix.log
maillog_file_prefixes = {dir}
myhostname = mail.{DOMAIN}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = texthash:{dir}/postfix/users
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
relay_domains = {LMTP_SINK_DOMAIN} {SMTP_SINK_DOMAIN}
transport_maps = inline:{{ {LMTP_SINK_DOMAIN}=lmtp:inet:127.0.0.1:{lmtp_sink}, {SMTP_SINK_DOMAIN}=smtp:[127.0.0.1]:{smtp_sink} }}
smtpd_recipient_limit = 2000
default_process_limit = 200
"
    )
}

/// The services of Debian's `master.cf` that are needed, none of them in a chroot.
fn postfix_services(port_base: u16) -> String {
    let smtp = port_base + 25;
    let mut text = format!("127.0.0.1:{smtp} inet n - n - - smtpd\n");
    for (name, private, wakeup, limit, command) in [
        ("cleanup", "n", "-", "0", "cleanup"),
        ("qmgr", "n", "300", "1", "qmgr"),
        ("rewrite", "-", "-", "-", "trivial-rewrite"),
        ("bounce", "-", "-", "0", "bounce"),
        ("defer", "-", "-", "0", "bounce"),
        ("trace", "-", "-", "0", "bounce"),
        ("verify", "-", "-", "1", "verify"),
        ("flush", "n", "1000?", "0", "flush"),
        ("proxymap", "-", "-", "-", "proxymap"),
        ("tlsmgr", "-", "1000?", "1", "tlsmgr"),
        ("smtp", "-", "-", "-", "smtp"),
        ("relay", "-", "-", "-", "smtp"),
        ("showq", "n", "-", "-", "showq"),
        ("error", "-", "-", "-", "error"),
        ("retry", "-", "-", "-", "error"),
        ("discard", "-", "-", "-", "discard"),
        ("lmtp", "-", "-", "-", "lmtp"),
        ("anvil", "-", "-", "1", "anvil"),
        ("scache", "-", "-", "1", "scache"),
    ] {
        text.push_str(&format!("{name} unix {private} - n {wakeup} {limit} {command}\n"));
    }
    text + "postlog unix-dgram n - n - 1 postlogd\n"
}

fn chown(path: &Path, owner: &str) -> Result<(), Error> {
    let status = Command::new("chown").arg(owner).arg(path).status();
    match status.map_err(Error::io("chown"))?.success() {
        true => Ok(()),
        false => Err(Error::NotPossible(format!("chown {owner} {} failed", path.display()))),
    }
}

fn output(program: &str, args: &[&str]) -> Result<String, Error> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(Error::io(format!("run {program} (make bench installs it)")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
