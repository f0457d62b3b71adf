//! The rows of the comparison: what is measured, how much of it, and what we aim at.

use crate::load::{append, idle, login, mailbox, mixed, smtp, storm};

use super::facteur::{LIMITS, SIGN, VERIFY_SENDERS};
use super::server::DOMAIN;
use super::strangers;

/// One row.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) work: Work,
    /// Figures with the value they should reach.
    pub(crate) aims: &'static [(&'static str, f64)],
    /// What Facteur's configuration has otherwise than in other rows.
    pub(crate) changes: &'static [(&'static str, &'static str)],
    /// Left out unless named: takes minutes.
    pub(crate) only_when_named: bool,
}

/// What is done.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Smtp(smtp::Options),
    Lmtp(smtp::Options),
    /// Postfix passes every message on to our LMTP sink; Facteur has no such thing.
    LmtpSink(smtp::Options),
    /// To a foreign domain over SMTP.
    Relay(smtp::Options),
    Login(login::Options),
    LoginHashed(login::Options),
    Append(append::Options),
    Mailbox(mailbox::Options),
    Mixed(mixed::Options),
    Idle {
        options: idle::Options,
        over_tls: bool,
    },
    Start {
        messages: usize,
    },
    Page(crate::load::pages::Which),
    /// People log in while strangers guess passwords.
    Storm(storm::Options),
    /// What a stranger with a stopwatch learns.
    Enumeration(strangers::Options),
}

/// The figures that compare adds itself; aims name them too.
pub(crate) const CPU: &str = "server CPU per";
pub(crate) const SYNCS: &str = "syncs per message";

const SMTP_AIMS: &[(&str, f64)] =
    &[("in mailboxes", 1400.0), ("server CPU per message", 0.5), (SYNCS, 0.2)];

fn smtp(sessions: usize, size: usize, messages: usize, mailboxes: usize) -> smtp::Options {
    smtp::Options {
        sessions,
        size,
        messages,
        recipients: 1,
        per_connection: 1,
        to: format!("agent%d@{DOMAIN}"),
        mailboxes,
        from: smtp::SENDER.into(),
        auth_password: None,
    }
}

/// All rows, in the order they run.
pub(crate) fn all() -> Vec<Row> {
    let mut rows = smtp_rows();
    rows.extend(relay_rows());
    rows.extend(imap_rows());
    rows.extend(mailbox_rows());
    rows.extend(page_rows());
    rows.extend(attack_rows());
    rows
}

fn row(name: &'static str, title: &'static str, work: Work) -> Row {
    Row { name, title, work, aims: &[], changes: &[], only_when_named: false }
}

fn smtp_rows() -> Vec<Row> {
    const KIB: usize = 1024;
    vec![
        row("smtp1", "SMTP, 1 session, 4 KiB, 20 mailboxes", Work::Smtp(smtp(1, 4 * KIB, 500, 20))),
        Row {
            aims: SMTP_AIMS,
            ..row(
                "smtp20",
                "SMTP, 20 sessions, 4 KiB, 20 mailboxes",
                Work::Smtp(smtp(20, 4 * KIB, 2000, 20)),
            )
        },
        Row {
            aims: SMTP_AIMS,
            ..row(
                "smtp20-one",
                "SMTP, 20 sessions, 4 KiB, one mailbox",
                Work::Smtp(smtp(20, 4 * KIB, 2000, 1)),
            )
        },
        Row {
            changes: &[VERIFY_SENDERS],
            ..row(
                "smtp20-verified",
                "SMTP, 20 sessions, 4 KiB, 20 mailboxes (Facteur: with SPF, DKIM and DMARC)",
                Work::Smtp(smtp(20, 4 * KIB, 2000, 20)),
            )
        },
        row(
            "smtp100",
            "SMTP, 100 sessions, 4 KiB, 20 mailboxes",
            Work::Smtp(smtp(100, 4 * KIB, 2000, 20)),
        ),
        row(
            "smtp20-kept",
            "SMTP, 20 sessions of 50 messages each, 4 KiB, 20 mailboxes",
            Work::Smtp(smtp::Options { per_connection: 50, ..smtp(20, 4 * KIB, 2000, 20) }),
        ),
        row(
            "smtp20-100k",
            "SMTP, 20 sessions, 100 KiB, 20 mailboxes",
            Work::Smtp(smtp(20, 100 * KIB, 400, 20)),
        ),
        row(
            "smtp20-5m",
            "SMTP, 20 sessions, 5 MiB, 20 mailboxes",
            Work::Smtp(smtp(20, 5 * KIB * KIB, 40, 20)),
        ),
        row(
            "lmtp20",
            "LMTP, 20 sessions, 4 KiB, 20 mailboxes (Dovecot alone)",
            Work::Lmtp(smtp(20, 4 * KIB, 2000, 20)),
        ),
        row(
            "recipients",
            "SMTP, one message to 1,000 mailboxes",
            Work::Smtp(smtp::Options { recipients: 1000, ..smtp(1, 4 * KIB, 3, 1000) }),
        ),
    ]
}

fn relay_rows() -> Vec<Row> {
    const KIB: usize = 1024;
    let sunk = |domain: &str, sessions| smtp::Options {
        to: format!("agent%d@{domain}"),
        ..smtp(sessions, 4 * KIB, 2000, 20)
    };
    vec![
        row(
            "lmtp-sink",
            "SMTP, 20 sessions, 4 KiB, passed on to an LMTP sink (Postfix alone)",
            Work::LmtpSink(sunk(super::debian::LMTP_SINK_DOMAIN, 20)),
        ),
        row(
            "relay1",
            "SMTP, 1 session, 4 KiB, relayed to an SMTP sink (Facteur: with a login)",
            Work::Relay(smtp::Options {
                messages: 500,
                ..sunk(super::debian::SMTP_SINK_DOMAIN, 1)
            }),
        ),
        row(
            "relay",
            "SMTP, 20 sessions, 4 KiB, relayed to an SMTP sink (Facteur: each with a login)",
            Work::Relay(sunk(super::debian::SMTP_SINK_DOMAIN, 20)),
        ),
        Row {
            changes: &[SIGN],
            ..row(
                "relay-signed",
                "The same (Facteur: also signed with RSA-2048 and Ed25519)",
                Work::Relay(sunk(super::debian::SMTP_SINK_DOMAIN, 20)),
            )
        },
    ]
}

fn imap_rows() -> Vec<Row> {
    let append = |connections, messages| append::Options { connections, size: 4096, messages };
    let mixed = |short_sessions| mixed::Options {
        clients: 50,
        seconds: 10,
        messages: 100,
        short_sessions,
        seed: 42,
    };
    let login = login::Options { connections: 20, logins: 1000 };
    vec![
        row(
            "login",
            "IMAP logins, 20 at a time (Dovecot: plain passwords)",
            Work::Login(login.clone()),
        ),
        row(
            "login-argon2",
            "IMAP logins, 20 at a time (Dovecot: Argon2id)",
            Work::LoginHashed(login::Options { logins: 60, ..login }),
        ),
        Row {
            aims: &[("server CPU per message", 0.8)],
            ..row("append1", "APPEND, 1 connection, 4 KiB", Work::Append(append(1, 500)))
        },
        row("append20", "APPEND, 20 connections, 4 KiB", Work::Append(append(20, 2000))),
        Row {
            aims: &[("commands per server CPU second", 7500.0), ("protocol errors", 0.0)],
            ..row("mixed", "50 IMAP clients, steady mixture", Work::Mixed(mixed(false)))
        },
        Row {
            aims: &[("commands per server CPU second", 5000.0), ("protocol errors", 0.0)],
            ..row(
                "mixed-login",
                "50 IMAP clients, mixture with a login in each round",
                Work::Mixed(mixed(true)),
            )
        },
        Row {
            aims: &[("memory per session", 8.0)],
            ..row(
                "idle",
                "1,000 IDLE sessions",
                Work::Idle { options: idle::Options { sessions: 1000 }, over_tls: false },
            )
        },
        Row {
            aims: &[("memory per session", 20.0)],
            ..row(
                "idle-tls",
                "1,000 IDLE sessions over TLS",
                Work::Idle { options: idle::Options { sessions: 1000 }, over_tls: true },
            )
        },
    ]
}

fn mailbox_rows() -> Vec<Row> {
    vec![
        Row {
            aims: &[
                ("STATUS", 0.4),
                ("SELECT", 1.0),
                ("flags of all", 10.0),
                ("headers of the last 200", 3.0),
                ("headers of all", 190.0),
                ("envelope and structure of the last 50", 1.5),
                ("SEARCH SUBJECT", 5.0),
                ("SEARCH FROM", 1.5),
                ("SEARCH BODY", 1.0),
                ("SORT REVERSE DATE", 10.0),
                ("SORT SUBJECT", 10.0),
                ("THREAD REFERENCES", 5.0),
                ("STORE to 1,000", 15.0),
                ("STORE to all", 5.0),
                ("20 bodies", 5.0),
            ],
            ..row(
                "mailbox",
                "A mailbox of 20,000 messages",
                Work::Mailbox(mailbox::Options {
                    messages: 20_000,
                    corpus: 600,
                    passes: 3,
                    mailbox: "Large".into(),
                }),
            )
        },
        Row {
            only_when_named: true,
            ..row("start", "Start with 1,000,000 messages", Work::Start { messages: 1_000_000 })
        },
    ]
}

fn page_rows() -> Vec<Row> {
    use crate::load::pages::Which;
    vec![
        row("web-login", "Webmail: login page", Work::Page(Which::Login)),
        row("web-list", "Webmail: list of messages", Work::Page(Which::Inbox)),
        row("web-message", "Webmail: message", Work::Page(Which::Message)),
    ]
}

fn attack_rows() -> Vec<Row> {
    vec![
        Row {
            changes: &[LIMITS],
            aims: &[("right passwords, 99 of 100", 500.0), ("right passwords refused", 0.0)],
            ..row(
                "storm",
                "Logins while 100 addresses offer 10,000 wrong passwords a minute",
                Work::Storm(storm::Options {
                    seconds: 60,
                    wrong_per_minute: 10_000,
                    addresses: 100,
                    right_per_second: 10,
                }),
            )
        },
        Row {
            aims: &[
                ("form, farthest from all", 2.0),
                ("form too many, farthest from all", 2.0),
                ("wrong password, farthest from all", 2.0),
            ],
            ..row(
                "enumeration",
                "Who exists, by the stopwatch: medians beside that of all",
                Work::Enumeration(strangers::Options { batches: 30, guesses: 20 }),
            )
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_names_are_unique_and_fit_into_a_list() {
        let rows = all();
        let mut names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows.len());
        assert!(names.iter().all(|name| !name.contains(',')));
    }
}
