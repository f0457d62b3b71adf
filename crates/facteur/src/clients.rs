//! What mail programs are told: which of the services listened for they find where.

use mail_types::Domain;
use sender_auth::{ZoneLine, alias_record, srv_record};
use serde::{Deserialize, Serialize};
use webmail::{Access, MailPrograms, Security};

use crate::config::{Config, Service};

/// The names under which programs reach the services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Clients {
    /// Of IMAP; the server's hostname when there is none.
    pub(crate) imap_host: Option<Domain>,
    /// Of submission; the server's hostname when there is none.
    pub(crate) smtp_host: Option<Domain>,
}

/// What is offered, the best first: TLS from the first byte before STARTTLS (RFC 8314 §3).
pub(crate) fn programs(config: &Config) -> MailPrograms {
    let clients = &config.clients;
    let find = |host: &Option<Domain>, services: [(Service, Security); 2]| {
        let host = host.clone().or_else(|| config.hostname.parse().ok());
        let access = |(service, security)| {
            let (host, port) = (host.clone()?, port(config, service)?);
            Some(Access { host, port, security })
        };
        services.into_iter().filter_map(access).collect()
    };
    MailPrograms {
        incoming: find(
            &clients.imap_host,
            [(Service::Imaps, Security::Implicit), (Service::Imap, Security::StartTls)],
        ),
        outgoing: find(
            &clients.smtp_host,
            [(Service::Submissions, Security::Implicit), (Service::Submission, Security::StartTls)],
        ),
    }
}

/// The port of a service as programs see it. Of several sockets, one that others reach.
fn port(config: &Config, service: Service) -> Option<u16> {
    let mut sockets = config.listen.iter().filter(|listen| listen.service == service);
    let first = sockets.next()?;
    let is_inner = |listen: &crate::config::Listen| listen.address.ip().is_loopback();
    let open = if is_inner(first) { sockets.find(|listen| !is_inner(listen)) } else { None };
    let listen = open.unwrap_or(first);
    Some(listen.public_port.unwrap_or_else(|| listen.address.port()))
}

/// The records with which programs find their way from an address alone (RFC 6186, RFC 8314 §5.1,
/// autoconfig, autodiscover).
pub(crate) fn records(config: &Config, domain: &Domain) -> Vec<ZoneLine> {
    let programs = &config.webmail.programs;
    let place = |accesses: &'_ [Access], security, priority| {
        let found = accesses.iter().find(|access| access.security == security)?;
        Some((priority, found.port, found.host.clone()))
    };
    let (incoming, outgoing) = (&programs.incoming, &programs.outgoing);
    let imaps = place(incoming, Security::Implicit, 0);
    // With both, the one that cannot be talked out of TLS is the only one that is told.
    let imap = place(incoming, Security::StartTls, 0).filter(|_| imaps.is_none());
    let mut lines = Vec::new();
    for (service, place) in [
        ("imaps", imaps),
        ("submissions", place(outgoing, Security::Implicit, 0)),
        ("submission", place(outgoing, Security::StartTls, 10)),
        ("imap", imap),
        ("pop3", None),
        ("pop3s", None),
    ] {
        let place = place.as_ref().map(|(priority, port, host)| (*priority, *port, host));
        lines.push(srv_record(domain, service, place));
    }
    if let Some((host, port)) = web(config) {
        lines.push(srv_record(domain, "autodiscover", Some((0, port, &host))));
        for label in ["autoconfig", "autodiscover"] {
            // A webmail that has this very name already has its record.
            if host.as_str() != format!("{label}.{domain}") {
                lines.push(alias_record(label, domain, &host));
            }
        }
    }
    lines
}

/// Host and port of `public_url`, when programs reach it by a name and over TLS.
fn web(config: &Config) -> Option<(Domain, u16)> {
    let host = config.webmail.public_url.as_str().strip_prefix("https://")?;
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()?),
        None => (host, 443),
    };
    let domain: Domain = name.parse().ok()?;
    // An address is not a name, and the demo's `localhost` means nothing to others.
    let is_name = name.contains('.') && name.parse::<std::net::IpAddr>().is_err();
    is_name.then_some((domain, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: &str = r#"
        hostname = "mail.ac.test"
        [[listen]]
        address = "127.0.0.1:1993"
        service = "imaps"
        [[listen]]
        address = "[::]:10993"
        public_port = 993
        service = "imaps"
        [[listen]]
        address = "[::]:143"
        service = "imap"
        [[listen]]
        address = "[::]:587"
        service = "submission"
        [clients]
        smtp_host = "smtp.ac.test"
        [webmail]
        public_url = "https://webmail.ac.test"
    "#;

    #[test]
    fn programs_are_told_what_is_listened_for_as_others_see_it() {
        let config = Config::parse(SERVICES).unwrap();
        let shown = |accesses: &[Access]| {
            let one = |a: &Access| format!("{} {} {:?}", a.host, a.port, a.security);
            accesses.iter().map(one).collect::<Vec<_>>()
        };
        let programs = programs(&config);
        let incoming = ["mail.ac.test 993 Implicit", "mail.ac.test 143 StartTls"];
        assert_eq!(shown(&programs.incoming), incoming);
        assert_eq!(shown(&programs.outgoing), ["smtp.ac.test 587 StartTls"]);
        assert_eq!(config.webmail.programs, programs);
    }

    #[test]
    fn the_records_name_what_is_there_and_deny_what_is_not() {
        let config = Config::parse(SERVICES).unwrap();
        let lines = records(&config, &"ac.test".parse().unwrap());
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "_imaps._tcp.ac.test. IN SRV 0 1 993 mail.ac.test.",
                "_submissions._tcp.ac.test. IN SRV 0 0 0 .",
                "_submission._tcp.ac.test. IN SRV 10 1 587 smtp.ac.test.",
                "_imap._tcp.ac.test. IN SRV 0 0 0 .",
                "_pop3._tcp.ac.test. IN SRV 0 0 0 .",
                "_pop3s._tcp.ac.test. IN SRV 0 0 0 .",
                "_autodiscover._tcp.ac.test. IN SRV 0 1 443 webmail.ac.test.",
                "autoconfig.ac.test. IN CNAME webmail.ac.test.",
                "autodiscover.ac.test. IN CNAME webmail.ac.test.",
            ]
        );
    }

    #[test]
    fn a_webmail_without_a_name_has_no_records() {
        for url in ["https://localhost:10443", "https://192.0.2.1", "http://webmail.ac.test"] {
            let text = SERVICES.replace("https://webmail.ac.test", url);
            let config = Config::parse(&text).unwrap();
            let lines = records(&config, &"ac.test".parse().unwrap());
            assert!(lines.iter().all(|line| !line.name.contains("auto")), "{url}");
        }
    }
}
