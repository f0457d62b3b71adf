//! RFC 8601: the verdict as a header field.

use std::fmt::Write as _;

use mail_types::Domain;

use crate::verdict::{DmarcResult, SpfIdentity, Verdict};

impl Verdict {
    /// The `Authentication-Results` field, with its CRLF. All it says is domain names and our own
    /// words, so nothing a stranger chose can end it or add to it.
    pub fn authentication_results(&self, authserv_id: &str) -> String {
        let id = authserv_id.chars().filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c));
        let mut field = format!("Authentication-Results: {}", id.collect::<String>());
        let property = match self.spf.identity {
            SpfIdentity::MailFrom => "smtp.mailfrom",
            SpfIdentity::Helo => "smtp.helo",
        };
        let _ = write!(field, ";\r\n\tspf={}", self.spf.result.as_str());
        name(&mut field, property, self.spf.domain.as_ref());
        if self.dkim.is_empty() {
            // RFC 8601 §2.7.1 "none": "The message was not signed."
            field.push_str(if self.dkim_ignored == 0 {
                ";\r\n\tdkim=none"
            } else {
                ";\r\n\tdkim=permerror"
            });
        }
        for signature in &self.dkim {
            let _ = write!(field, ";\r\n\tdkim={}", signature.result.as_str());
            if !signature.reason.is_empty() {
                let _ = write!(field, " reason=\"{}\"", signature.reason);
            }
            name(&mut field, "header.d", signature.domain.as_ref());
            name(&mut field, "header.s", signature.selector.as_ref());
            if !signature.algorithm.is_empty() {
                let _ = write!(field, " header.a={}", signature.algorithm);
            }
        }
        let _ = write!(field, ";\r\n\tdmarc={}", self.dmarc.result.as_str());
        if !matches!(self.dmarc.result, DmarcResult::None | DmarcResult::PermError) {
            let _ = write!(field, " (p={})", self.dmarc.policy);
        }
        name(&mut field, "header.from", self.author.as_ref().ok().map(|author| author.domain()));
        field.push_str("\r\n");
        field
    }
}

/// `ptype.property=value`; a domain name is a token (RFC 8601 §2.2).
fn name(field: &mut String, property: &str, domain: Option<&Domain>) {
    if let Some(domain) = domain {
        let _ = write!(field, "\r\n\t\t{property}={domain}");
    }
}
