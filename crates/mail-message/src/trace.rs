//! Header lines that a server puts in front of a message (RFC 5321 §4.4).

use std::net::IpAddr;

use mail_types::{EmailAddress, InternalDate, QueueId, ReversePath};

/// RFC 3848 and RFC 8314: how a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// HELO.
    Smtp,
    /// EHLO.
    Esmtp,
    /// EHLO over TLS.
    Esmtps,
    /// EHLO, logged in, without TLS.
    Esmtpa,
    /// EHLO over TLS, logged in.
    Esmtpsa,
    /// LHLO.
    Lmtp,
    /// The webmail.
    Http,
}

impl With {
    fn as_str(self) -> &'static str {
        match self {
            With::Smtp => "SMTP",
            With::Esmtp => "ESMTP",
            With::Esmtps => "ESMTPS",
            With::Esmtpa => "ESMTPA",
            With::Esmtpsa => "ESMTPSA",
            With::Lmtp => "LMTP",
            With::Http => "HTTPS",
        }
    }
}

/// What a `Received` field tells.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// What the peer called itself.
    pub from: &'a str,
    /// Where it really was; `None` for people who logged in, whose place is nobody's business.
    pub peer: Option<IpAddr>,
    /// This server.
    pub by: &'a str,
    /// How it came.
    pub with: With,
    /// Its cipher suite, when it came over TLS.
    pub tls: Option<&'a str>,
    /// The acceptance.
    pub id: QueueId,
    /// The recipient, if there was exactly one.
    pub recipient: Option<&'a EmailAddress>,
    /// When.
    pub date: InternalDate,
}

impl Received<'_> {
    /// The field, folded, with its CRLF. Whatever the peer said, it stays one field.
    pub fn to_field(&self) -> String {
        let from = token(self.from);
        let peer = match self.peer {
            Some(IpAddr::V6(address)) => format!(" ([IPv6:{address}])"),
            Some(IpAddr::V4(address)) => format!(" ([{address}])"),
            None => String::new(),
        };
        // RFC 8314 §4.3: the "tls" clause, after the others as RFC 5321 §4.4 has it.
        let tls = self.tls.map(|suite| format!("\r\n\ttls {}", token(suite))).unwrap_or_default();
        let recipient = self.recipient.map(|address| format!("\r\n\tfor <{address}>"));
        format!(
            "Received: from {from}{peer}\r\n\tby {} with {} id {}{}{tls};\r\n\t{}\r\n",
            token(self.by),
            self.with.as_str(),
            self.id,
            recipient.unwrap_or_default(),
            self.date.to_rfc5322()
        )
    }
}

/// A peer's name without anything that could end or fold a field, or pose as a comment.
fn token(text: &str) -> String {
    let harmless = |c: &char| c.is_ascii_alphanumeric() || "-._:[]".contains(*c);
    let kept: String = text.chars().filter(harmless).take(255).collect();
    if kept.is_empty() { "unknown".into() } else { kept }
}

/// `Return-Path` (RFC 5321 §4.4) and `Delivered-To`, which also stops loops.
pub fn delivery_fields(reverse_path: &ReversePath, recipient: &EmailAddress) -> String {
    format!("Return-Path: {reverse_path}\r\nDelivered-To: {recipient}\r\n")
}

/// A `Date` field.
pub fn date_field(date: InternalDate) -> String {
    format!("Date: {}\r\n", date.to_rfc5322())
}

/// A `Message-ID` field from a number nobody else has.
pub fn message_id_field(id: QueueId, hostname: &str) -> String {
    format!("Message-ID: <{id}@{}>\r\n", token(hostname))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_received_field_is_one_field_whatever_the_peer_said() {
        let received = Received {
            from: "evil\r\nX-Injected: yes (comment) é",
            peer: Some("192.0.2.1".parse().unwrap()),
            by: "mail.ac-paris.test",
            with: With::Esmtps,
            tls: Some("TLS13_AES_256_GCM_SHA384"),
            id: QueueId(0x1f),
            recipient: Some(&"a@ac-paris.test".parse().unwrap()),
            date: InternalDate::parse("24-Nov-2026 10:48:00 +0100").unwrap(),
        };
        let field = received.to_field();
        assert_eq!(crate::header::fields(field.as_bytes()).count(), 1);
        assert_eq!(
            field,
            "Received: from evilX-Injected:yescomment ([192.0.2.1])\r\n\tby mail.ac-paris.test with \
             ESMTPS id 000000000000001f\r\n\tfor <a@ac-paris.test>\r\n\ttls TLS13_AES_256_GCM_SHA384;\r\n\tTue, 24 Nov 2026 10:48:00 \
             +0100\r\n"
        );
    }
}
