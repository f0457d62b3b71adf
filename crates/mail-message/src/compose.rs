//! Messages written in the webmail: composed, answered, forwarded.

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_types::{EmailAddress, InternalDate};
use thiserror::Error;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Who writes: display name and address.
    pub from: (String, EmailAddress),
    /// `To`.
    pub to: Vec<(String, EmailAddress)>,
    /// `Cc`.
    pub cc: Vec<(String, EmailAddress)>,
    /// `Subject`.
    pub subject: String,
    /// The text, with any line ends.
    pub text: String,
    /// `In-Reply-To`, without brackets.
    pub in_reply_to: Option<String>,
    /// `References`, without brackets, eldest first.
    pub references: Vec<String>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// `Message-ID`, without brackets.
    pub message_id: String,
    /// `Date`.
    pub date: InternalDate,
}

/// A file in a message.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its name.
    pub file_name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Why a message was not composed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ComposeError {
    /// A line break, NUL or separator where a header field would be injected.
    #[error("{field} holds a line break or a control character")]
    ControlCharacter {
        /// Which field.
        field: &'static str,
    },
    /// Nobody to send to.
    #[error("there is no recipient")]
    NoRecipient,
    /// The message could not be written.
    #[error("the message could not be written: {0}")]
    Write(String),
}

impl Draft {
    /// The message in RFC 5322 form, lines ended by CRLF. `Bcc` never gets in.
    ///
    /// # Errors
    /// [`ComposeError::ControlCharacter`] names the field that somebody tried to break out of.
    pub fn to_message(&self) -> Result<Vec<u8>, ComposeError> {
        self.check()?;
        let mut message = MessageBuilder::new()
            .from(Address::new_address(Some(self.from.0.as_str()), self.from.1.to_string()))
            .to(addresses(&self.to))
            .subject(self.subject.as_str())
            .message_id(self.message_id.as_str())
            .header("Date", HeaderType::from(Raw::new(self.date.to_rfc5322())))
            .text_body(normalise(&self.text));
        if !self.cc.is_empty() {
            message = message.cc(addresses(&self.cc));
        }
        if let Some(id) = &self.in_reply_to {
            message = message.in_reply_to(id.as_str());
        }
        if !self.references.is_empty() {
            message = message.references(MessageId::from(
                self.references.iter().map(String::as_str).collect::<Vec<_>>(),
            ));
        }
        for file in &self.attachments {
            message = message.attachment(
                file.media_type.as_str(),
                file.file_name.as_str(),
                file.content.as_slice(),
            );
        }
        message.write_to_vec().map_err(|error| ComposeError::Write(error.to_string()))
    }

    fn check(&self) -> Result<(), ComposeError> {
        let names = |list: &[(String, EmailAddress)]| list.iter().any(|(name, _)| is_broken(name));
        let id =
            |ids: &[String]| ids.iter().any(|id| is_broken(id) || id.contains(['<', '>', ' ']));
        let checks = [
            ("From", is_broken(&self.from.0)),
            ("To", names(&self.to)),
            ("Cc", names(&self.cc)),
            ("Subject", is_broken(&self.subject)),
            ("In-Reply-To", id(self.in_reply_to.as_slice())),
            ("References", id(&self.references)),
            ("Message-ID", is_broken(&self.message_id)),
            (
                "attachment",
                self.attachments
                    .iter()
                    .any(|f| is_broken(&f.file_name) || is_broken(&f.media_type)),
            ),
        ];
        match checks.into_iter().find(|(_, broken)| *broken) {
            Some((field, _)) => Err(ComposeError::ControlCharacter { field }),
            None => Ok(()),
        }
    }
}

fn is_broken(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}'))
}

fn addresses(list: &[(String, EmailAddress)]) -> Address<'_> {
    let one = |(name, address): &(String, EmailAddress)| {
        let name = Some(name.clone()).filter(|name| !name.is_empty());
        Address::new_address(name, address.to_string())
    };
    Address::new_list(list.iter().map(one).collect())
}

/// CRLF line ends, no other control characters.
fn normalise(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(lines.len() + lines.len() / 32);
    for c in lines.chars() {
        match c {
            '\n' => out.push_str("\r\n"),
            '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// The subject of a reply: one `Re: ` before the base.
pub fn reply_subject(subject: &str) -> String {
    prefixed("Re: ", subject)
}

/// The subject of a forward: one `Fwd: ` before the base.
pub fn forward_subject(subject: &str) -> String {
    prefixed("Fwd: ", subject)
}

fn prefixed(prefix: &str, subject: &str) -> String {
    let (base, _) = crate::summary::base_subject(subject);
    format!("{prefix}{base}")
}

/// A text as a reply quotes it (RFC 3676 §4.5), with `heading` above.
pub fn quote(heading: &str, text: &str) -> String {
    let mut out = format!("\n\n{heading}\n");
    for line in text.lines() {
        out.push_str(if line.starts_with('>') { ">" } else { "> " });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// RFC 5322 §3.6.4: the references of a reply.
pub fn reply_references(references: &[String], message_id: Option<&str>) -> Vec<String> {
    let mut all: Vec<String> = references.to_vec();
    all.extend(message_id.map(str::to_owned));
    // The root and the nearest ancestors: what threading needs.
    if all.len() > 20 {
        let surplus = all.len() - 20;
        all.drain(1..1 + surplus);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;
    use crate::summary::Summary;

    fn draft() -> Draft {
        Draft {
            from: ("Élise Été".into(), "elise@ac-paris.test".parse().unwrap()),
            to: vec![("Ann, B".into(), "ann@ac-paris.test".parse().unwrap())],
            cc: vec![],
            subject: "Réunion du collège".into(),
            text: "Bonjour,\n\n.\nÀ demain".into(),
            in_reply_to: Some("x@y.test".into()),
            references: vec!["w@y.test".into(), "x@y.test".into()],
            attachments: vec![Attachment {
                file_name: "été.pdf".into(),
                media_type: "application/pdf".into(),
                content: vec![0, 255, 10, 13],
            }],
            message_id: "m@ac-paris.test".into(),
            date: InternalDate::parse("24-Nov-2026 10:48:00 +0100").unwrap(),
        }
    }

    #[test]
    fn what_is_composed_reads_back() {
        let message = draft().to_message().unwrap();
        let scanned = scan(&message);
        let summary = Summary::new(&scanned);
        assert_eq!(summary.subject, "Réunion du collège");
        assert_eq!(summary.from, Some(("Élise Été".into(), "elise@ac-paris.test".into())));
        assert_eq!(summary.to, [("Ann, B".into(), "ann@ac-paris.test".into())]);
        assert_eq!(summary.message_id.as_deref(), Some("m@ac-paris.test"));
        assert_eq!(summary.references, ["w@y.test", "x@y.test"]);
        assert_eq!(summary.date, Some(1_795_513_680));
        assert!(summary.has_attachment);
        let file = scanned.parts.iter().find(|part| part.is_attachment()).unwrap();
        assert_eq!(file.file_name().as_deref(), Some("été.pdf"));
        let raw = &message[file.body.start as usize..file.body.end as usize];
        assert_eq!(crate::decode::decode_transfer(file.transfer_encoding(), raw), [0, 255, 10, 13]);
        let bare = message.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
        assert!(!bare, "a bare LF");
    }

    #[test]
    fn nobody_breaks_out_of_a_field() {
        for evil in ["a\r\nBcc: x@y.test", "a\nb", "a\rb", "a\0b", "a\u{2028}b"] {
            let mut broken = draft();
            broken.subject = evil.into();
            assert_eq!(
                broken.to_message(),
                Err(ComposeError::ControlCharacter { field: "Subject" })
            );
            let mut broken = draft();
            broken.to[0].0 = evil.into();
            assert_eq!(broken.to_message(), Err(ComposeError::ControlCharacter { field: "To" }));
            let mut broken = draft();
            broken.attachments[0].file_name = evil.into();
            assert!(broken.to_message().is_err());
        }
    }

    #[test]
    fn replies_gather_no_prefixes() {
        assert_eq!(reply_subject("RE: Re: Conseil"), "Re: Conseil");
        assert_eq!(forward_subject("Re: Conseil"), "Fwd: Conseil");
        assert_eq!(quote("On a dit :", "a\n> b"), "\n\nOn a dit :\n> a\n>> b\n");
        let many: Vec<String> = (0..50).map(|n| format!("{n}@x")).collect();
        let kept = reply_references(&many, Some("last@x"));
        assert_eq!((kept.len(), kept[0].as_str(), kept[19].as_str()), (20, "0@x", "last@x"));
    }
}
