//! Notices about a message's fate (RFC 3461 to 3464, RFC 6533): what a person reads, in French and
//! English, what a program reads, and the message they are about.
//!
//! The message itself may be large and lies in the store: [`Notice::head`] and [`Notice::tail`]
//! are what stands before and behind it.

use std::fmt::Write as _;

use mail_builder::encoders::quoted_printable::QuotedPrintableEncoder;
use mail_types::{EmailAddress, EnvelopeId, InternalDate, OriginalRecipient, QueueId};

/// RFC 3464 §2.3.3: what became of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It will not be delivered.
    Failed,
    /// It is still waiting.
    Delayed,
    /// It is in the mailbox.
    Delivered,
    /// It was handed to a server that will send no notice of success.
    Relayed,
}

/// One recipient's fate.
#[derive(Clone, Debug)]
pub struct Fate {
    /// The address it was sent to.
    pub recipient: EmailAddress,
    /// RFC 3461 §4.2, when the sender gave it.
    pub original_recipient: Option<OriginalRecipient>,
    /// RFC 3463.
    pub status: (u8, u16, u16),
    /// The server that said so.
    pub remote: Option<String>,
    /// What it said, without line breaks.
    pub reply: Option<String>,
    /// When it was last tried.
    pub last_attempt: Option<InternalDate>,
    /// Until when it will be tried, when it is delayed.
    pub retry_until: Option<InternalDate>,
}

/// How much of the message comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// All of it.
    Message,
    /// Its header section.
    Headers,
}

/// A notice about some recipients of one message, all with the same action.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// This server.
    pub hostname: &'a str,
    /// The notice's own number.
    pub id: QueueId,
    /// The time.
    pub date: InternalDate,
    /// Who sent the message, and is told.
    pub to: &'a EmailAddress,
    /// RFC 3461 §4.4.
    pub envelope_id: Option<&'a EnvelopeId>,
    /// When the message was accepted.
    pub arrived: InternalDate,
    /// The message's subject, decoded.
    pub subject: &'a str,
    /// What became of it.
    pub action: Action,
    /// For whom.
    pub fates: &'a [Fate],
    /// What of the message follows.
    pub returned: Returned,
    /// Whether its header section has bytes over 127 (RFC 6533 §4).
    pub is_utf8: bool,
    /// Whether it has bytes over 127 at all.
    pub is_8bit: bool,
}

impl Notice<'_> {
    /// Everything before the returned message.
    pub fn head(&self) -> Vec<u8> {
        let boundary = self.boundary();
        let (report, status, returned) = self.media_types();
        let mut head = format!(
            "From: Facteur <MAILER-DAEMON@{host}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\
             Date: {date}\r\nMessage-ID: <{id}.dsn@{host}>\r\nAuto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={report};\r\n\
             \tboundary=\"{boundary}\"\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n",
            host = self.hostname,
            to = self.to,
            subject = self.own_subject(),
            date = self.date.to_rfc5322(),
            id = self.id,
        )
        .into_bytes();
        // A Vec takes every byte, so the result of writing into it is its length.
        let encoder = QuotedPrintableEncoder::new().preserve_line_breaks();
        encoder.encode_into(self.text().as_bytes(), &mut head);
        let encoding = if self.is_utf8 { "8bit" } else { "7bit" };
        let of_returned = if self.is_8bit || self.is_utf8 { "8bit" } else { "7bit" };
        head.extend_from_slice(
            format!(
                "\r\n--{boundary}\r\nContent-Type: message/{status}\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\n{fields}\
                 --{boundary}\r\nContent-Type: {returned}\r\n\
                 Content-Transfer-Encoding: {of_returned}\r\n\r\n",
                fields = self.status_fields(),
            )
            .as_bytes(),
        );
        head
    }

    /// Everything behind it.
    pub fn tail(&self) -> Vec<u8> {
        format!("\r\n--{}--\r\n", self.boundary()).into_bytes()
    }

    fn boundary(&self) -> String {
        format!("=_{}.dsn", self.id)
    }

    /// RFC 3464 §2, and RFC 6533 §4 for messages in UTF-8.
    fn media_types(&self) -> (&'static str, &'static str, &'static str) {
        match (self.is_utf8, self.returned) {
            (false, Returned::Message) => ("delivery-status", "delivery-status", "message/rfc822"),
            (false, Returned::Headers) => {
                ("delivery-status", "delivery-status", "text/rfc822-headers")
            }
            (true, Returned::Message) => {
                ("global-delivery-status", "global-delivery-status", "message/global")
            }
            (true, Returned::Headers) => {
                ("global-delivery-status", "global-delivery-status", "message/global-headers")
            }
        }
    }

    fn own_subject(&self) -> &'static str {
        match self.action {
            Action::Failed => "Message non remis (undelivered mail)",
            Action::Delayed => "=?utf-8?q?Remise_retard=C3=A9e?= (delayed mail)",
            Action::Delivered => "Message remis (delivered mail)",
            Action::Relayed => "Message transmis (relayed mail)",
        }
    }

    fn text(&self) -> String {
        let (french, english) = self.opening();
        let mut text = String::new();
        let about = match self.subject {
            "" => String::new(),
            subject => format!(" « {subject} »"),
        };
        // RFC 3464 §2.1.1 leaves the words to us; a String takes all of them.
        let _ = write!(text, "Bonjour,\r\n\r\nVotre message{about} {french}\r\n\r\n");
        self.fates.iter().for_each(|fate| fate.write_text(&mut text, true));
        let _ = write!(text, "\r\nYour message {english}\r\n\r\n");
        self.fates.iter().for_each(|fate| fate.write_text(&mut text, false));
        let _ = write!(text, "\r\n-- \r\nFacteur, {}\r\n", self.hostname);
        text
    }

    fn opening(&self) -> (&'static str, &'static str) {
        match self.action {
            Action::Failed => (
                "n'a pas pu être remis à ces destinataires :",
                "could not be delivered to these recipients:",
            ),
            Action::Delayed => (
                "n'a pas encore pu être remis à ces destinataires. Vous n'avez rien à faire : \
                 d'autres essais suivront.",
                "could not be delivered to these recipients yet. You need not do anything: it \
                 will be tried again.",
            ),
            Action::Delivered => ("a été remis à :", "was delivered to:"),
            Action::Relayed => (
                "a été transmis au serveur de ces destinataires, qui n'en confirmera pas la \
                 remise :",
                "was handed to the server of these recipients, which will not confirm its \
                 delivery:",
            ),
        }
    }

    // RFC 3464 §2.1: per-message-fields, and then per-recipient-fields for each recipient.
    fn status_fields(&self) -> String {
        let mut fields = String::new();
        if let Some(id) = self.envelope_id {
            field(&mut fields, "Original-Envelope-Id", id.as_str());
        }
        field(&mut fields, "Reporting-MTA", &format!("dns; {}", self.hostname));
        field(&mut fields, "Arrival-Date", &self.arrived.to_rfc5322());
        for fate in self.fates {
            fields.push_str("\r\n");
            fate.write_fields(&mut fields, self.action);
        }
        fields.push_str("\r\n");
        fields
    }
}

impl Fate {
    fn write_text(&self, text: &mut String, in_french: bool) {
        let (french, english) = meaning(self.status);
        let sentence = if in_french { french } else { english };
        let _ = write!(text, "  <{}> : {sentence}\r\n", self.recipient);
        if let Some(reply) = &self.reply {
            let by = match (&self.remote, in_french) {
                (Some(remote), true) => format!("Réponse de {remote} :"),
                (Some(remote), false) => format!("{remote} said:"),
                (None, true) => "Réponse :".into(),
                (None, false) => "Reply:".into(),
            };
            let _ = write!(text, "      {by} {reply}\r\n");
        }
    }

    fn write_fields(&self, fields: &mut String, action: Action) {
        if let Some(original) = &self.original_recipient {
            let value = format!("{}; {}", original.address_type(), original.address());
            field(fields, "Original-Recipient", &value);
        }
        let kind = if self.recipient.needs_smtputf8() { "utf-8" } else { "rfc822" };
        field(fields, "Final-Recipient", &format!("{kind}; {}", self.recipient));
        let action = match action {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
        };
        field(fields, "Action", action);
        let (class, subject, detail) = self.status;
        field(fields, "Status", &format!("{class}.{subject}.{detail}"));
        if let Some(remote) = &self.remote {
            field(fields, "Remote-MTA", &format!("dns; {remote}"));
        }
        if let Some(reply) = &self.reply {
            field(fields, "Diagnostic-Code", &format!("smtp; {reply}"));
        }
        if let Some(date) = self.last_attempt {
            field(fields, "Last-Attempt-Date", &date.to_rfc5322());
        }
        if let Some(date) = self.retry_until {
            field(fields, "Will-Retry-Until", &date.to_rfc5322());
        }
    }
}

/// One field; whatever its value holds, it stays one field.
fn field(fields: &mut String, name: &str, value: &str) {
    let clean: String = value.chars().filter(|c| !c.is_control()).collect();
    let _ = write!(fields, "{name}: {clean}\r\n");
}

/// RFC 3463 §3, in words for people: French and English.
fn meaning((class, subject, detail): (u8, u16, u16)) -> (&'static str, &'static str) {
    match (class, subject, detail) {
        (2, ..) => ("remis.", "delivered."),
        (_, 1, 1) => {
            ("cette adresse n'existe pas ; vérifiez-la.", "no such address; please check it.")
        }
        (_, 1, 2) => {
            ("ce domaine n'existe pas ; vérifiez l'adresse.", "no such domain; check the address.")
        }
        (_, 1, 10) => {
            ("ce domaine ne reçoit pas de courrier.", "that domain does not accept mail.")
        }
        (_, 1, _) => ("l'adresse n'est pas acceptée.", "the address is not accepted."),
        (_, 2, 2) => ("la boîte du destinataire est pleine.", "the recipient's mailbox is full."),
        (_, 2, 1) => ("la boîte du destinataire est fermée.", "the recipient's mailbox is closed."),
        (_, 2, 3) | (_, 3, 4) => {
            ("le message est trop grand pour ce serveur.", "the message is too large there.")
        }
        (_, 4, 6) => {
            ("le courrier tourne en rond entre des serveurs.", "mail for it goes round in circles.")
        }
        (_, 4, 7) => (
            "le serveur n'a pas pu être joint dans le délai prévu.",
            "the server could not be reached in time.",
        ),
        (_, 4, 3) | (_, 4, 4) => {
            ("le serveur du destinataire est introuvable.", "its server cannot be found.")
        }
        (_, 4, _) => ("le serveur ne répond pas comme il devrait.", "its server does not respond."),
        (_, 6, _) => (
            "le serveur du destinataire ne sait pas lire ce message.",
            "its server cannot process this message.",
        ),
        (_, 7, _) => {
            ("le serveur du destinataire refuse ce message.", "its server refuses this message.")
        }
        (4, ..) => ("le serveur du destinataire n'est pas prêt.", "its server is not ready."),
        _ => ("le serveur du destinataire l'a refusé.", "its server refused it."),
    }
}
