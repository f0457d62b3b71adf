//! How mail programs reach this server: what the sheet, the profile and the answers to programs
//! that configure themselves have in common.

use mail_types::Domain;

/// Ways in for mail programs, each with TLS, the best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MailPrograms {
    /// Reading, by IMAP.
    pub incoming: Vec<Access>,
    /// Sending, by submission.
    pub outgoing: Vec<Access>,
}

/// One way in, as a program outside sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// The name in the certificate.
    pub host: Domain,
    /// The port.
    pub port: u16,
    /// How TLS begins there.
    pub security: Security,
}

/// How TLS begins. There is no third way: RFC 8314 §3 wants no password in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte.
    Implicit,
    /// By a command before the login.
    StartTls,
}

impl Access {
    /// What people choose in a mail program.
    pub(crate) fn security_name(&self) -> &'static str {
        match self.security {
            Security::Implicit => "SSL/TLS",
            Security::StartTls => "STARTTLS",
        }
    }

    /// The same in Thunderbird's files.
    pub(crate) fn socket_type(&self) -> &'static str {
        match self.security {
            Security::Implicit => "SSL",
            Security::StartTls => "STARTTLS",
        }
    }

    /// The same in Outlook's answers.
    pub(crate) fn encryption(&self) -> &'static str {
        match self.security {
            Security::Implicit => "SSL",
            Security::StartTls => "TLS",
        }
    }
}
