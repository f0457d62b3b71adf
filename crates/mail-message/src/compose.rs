//! Messages written in the webmail: composed, answered, forwarded.

use std::collections::HashSet;

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;
use mail_types::{EmailAddress, InternalDate};
use thiserror::Error;

use crate::header::{self, Field};

pub use crate::reply::{forward_subject, quote, reply_references, reply_subject};

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Who writes: display name and address.
    pub from: (String, EmailAddress),
    /// `To`.
    pub to: Vec<(String, EmailAddress)>,
    /// `Cc`.
    pub cc: Vec<(String, EmailAddress)>,
    /// `Bcc`: in the writer's own copy, never in the message that is sent.
    pub bcc: Vec<(String, EmailAddress)>,
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
    /// `Message-ID`, without brackets. The boundary between parts is made of it, so that the same
    /// draft is the same bytes.
    pub message_id: String,
    /// `Date`.
    pub date: InternalDate,
    /// Fields of one's own that a draft needs so that its writing can go on, name and value: in
    /// the writer's own copy, never in the message that is sent.
    pub notes: Vec<(&'static str, String)>,
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

/// A message on its way, and the header lines that stand in front of it: they change while it waits,
/// or are in one copy only. Each line is ended by CRLF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// The message without `Date`, `Bcc` and notes.
    pub message: Vec<u8>,
    /// The field `Date`.
    pub date: Vec<u8>,
    /// The field `Bcc`; empty when nobody is hidden.
    pub bcc: Vec<u8>,
    /// The notes.
    pub notes: Vec<u8>,
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

/// RFC 2046 §4.1.1 has no limit, RFC 5322 §2.1.1 does: 998 without the CRLF.
const LINE_BYTES_MAX: usize = 998;

impl Draft {
    /// The message in RFC 5322 form, lines ended by CRLF. `Bcc` never gets in.
    ///
    /// # Errors
    /// [`ComposeError::ControlCharacter`] names the field that somebody tried to break out of.
    pub fn to_message(&self) -> Result<Vec<u8>, ComposeError> {
        self.write(&[], &[])
    }

    /// The writer's own copy, for Drafts and Sent: the message with its `Bcc` and notes.
    ///
    /// # Errors
    /// As [`Draft::to_message`].
    pub fn to_own_copy(&self) -> Result<Vec<u8>, ComposeError> {
        self.write(&self.bcc, &self.notes)
    }

    /// The message apart from what only its writer's copy has, and from its date.
    ///
    /// # Errors
    /// As [`Draft::to_message`].
    pub fn to_parted(&self) -> Result<Parted, ComposeError> {
        let head = self.head().to_own_copy()?;
        let lines = |wanted: &dyn Fn(&Field<'_>) -> bool| -> Vec<u8> {
            header::fields(&head).filter(wanted).flat_map(|field| field.raw).copied().collect()
        };
        let message = self.to_message()?;
        let end = message.windows(4).position(|window| window == b"\r\n\r\n");
        let (fields, rest) = message.split_at(end.map_or(message.len(), |end| end + 2));
        let fields = header::without(fields, |field| field.is("Date"));
        Ok(Parted {
            date: lines(&|field| field.is("Date")),
            bcc: lines(&|field| field.is("Bcc")),
            notes: lines(&|field| self.notes.iter().any(|(name, _)| field.is(name))),
            message: [&fields[..], rest].concat(),
        })
    }

    /// A message whose header section has the lines that stand in front.
    fn head(&self) -> Self {
        Self {
            from: self.from.clone(),
            to: Vec::new(),
            cc: Vec::new(),
            bcc: self.bcc.clone(),
            subject: String::new(),
            text: String::new(),
            in_reply_to: None,
            references: Vec::new(),
            attachments: Vec::new(),
            message_id: self.message_id.clone(),
            date: self.date,
            notes: self.notes.clone(),
        }
    }

    /// Everybody it goes to, each once.
    ///
    /// # Errors
    /// [`ComposeError::NoRecipient`].
    pub fn recipients(&self) -> Result<Vec<EmailAddress>, ComposeError> {
        let mut seen = HashSet::new();
        let all = self.to.iter().chain(&self.cc).chain(&self.bcc).map(|(_, address)| address);
        let found: Vec<_> =
            all.filter(|address| seen.insert(address.lookup_key())).cloned().collect();
        if found.is_empty() { Err(ComposeError::NoRecipient) } else { Ok(found) }
    }

    fn write(
        &self,
        bcc: &[(String, EmailAddress)],
        notes: &[(&'static str, String)],
    ) -> Result<Vec<u8>, ComposeError> {
        self.check()?;
        let mut message = MessageBuilder::new()
            .from(addresses(std::slice::from_ref(&self.from)))
            .subject(subject(&self.subject))
            .message_id(self.message_id.as_str())
            .header("Date", HeaderType::from(Raw::new(self.date.to_rfc5322())))
            .body(self.body());
        let lists = [("To", &self.to[..]), ("Cc", &self.cc[..]), ("Bcc", bcc)];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            message = message.header(name, addresses(list));
        }
        if let Some(id) = &self.in_reply_to {
            message = message.in_reply_to(id.as_str());
        }
        if !self.references.is_empty() {
            message = message.references(MessageId::from(
                self.references.iter().map(String::as_str).collect::<Vec<_>>(),
            ));
        }
        for (name, value) in notes {
            message = message.header(*name, note(value));
        }
        message.write_to_vec().map_err(|error| ComposeError::Write(error.to_string()))
    }

    fn body(&self) -> MimePart<'_> {
        let text = MimePart::new("text/plain", normalise(&self.text));
        if self.attachments.is_empty() {
            return text;
        }
        let unique = self.message_id.bytes().filter(u8::is_ascii_alphanumeric).take(40);
        let boundary: String = unique.map(char::from).collect();
        let mixed =
            ContentType::new("multipart/mixed").attribute("boundary", format!("=_{boundary}"));
        let files = self.attachments.iter().map(Attachment::part);
        MimePart::new(mixed, std::iter::once(text).chain(files).collect::<Vec<_>>())
    }

    fn check(&self) -> Result<(), ComposeError> {
        let names = |list: &[(String, EmailAddress)]| list.iter().any(|(name, _)| is_broken(name));
        let ids = |ids: &[String]| ids.iter().any(|id| is_broken_id(id));
        let file = |file: &Attachment| is_broken(&file.file_name) || is_broken(&file.media_type);
        let checks = [
            ("From", is_broken(&self.from.0)),
            ("To", names(&self.to)),
            ("Cc", names(&self.cc)),
            ("Bcc", names(&self.bcc)),
            ("Subject", is_broken(&self.subject)),
            ("In-Reply-To", ids(self.in_reply_to.as_slice())),
            ("References", ids(&self.references)),
            ("Message-ID", is_broken_id(&self.message_id)),
            ("attachment", self.attachments.iter().any(file)),
            ("note", self.notes.iter().any(|(_, value)| is_broken(value))),
        ];
        match checks.into_iter().find(|(_, broken)| *broken) {
            Some((field, _)) => Err(ComposeError::ControlCharacter { field }),
            None => Ok(()),
        }
    }
}

impl Attachment {
    /// Always base64: the bytes come back as they were, line ends and all.
    fn part(&self) -> MimePart<'_> {
        let content_type = ContentType::new(self.writable_media_type());
        MimePart::new(content_type, self.content.as_slice()).attachment(self.file_name.as_str())
    }

    /// RFC 2045 §5.1: two tokens. RFC 2046 §5.1 and §5.2 forbid base64 for the composite types, and
    /// text is put into it as what it is, a file.
    fn writable_media_type(&self) -> &str {
        let token = |text: &str| {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            (1..=64).contains(&text.len()) && text.bytes().all(is_token)
        };
        match self.media_type.split_once('/') {
            Some((main, sub)) if token(main) && token(sub) => {
                let main = main.to_ascii_lowercase();
                let is_composite = matches!(main.as_str(), "multipart" | "message");
                if is_composite { OPAQUE } else { &self.media_type }
            }
            _ => OPAQUE,
        }
    }
}

/// ASCII in short words is folded as it is: a builder that finds a word long would encode it, and
/// what comes back would have other spaces.
fn note(value: &str) -> HeaderType<'_> {
    let is_short = |word: &str| word.len() <= NOTE_WORD_BYTES_MAX;
    if value.is_ascii() && value.split(' ').all(is_short) {
        return HeaderType::from(Raw::new(value.replace(' ', "\r\n ")));
    }
    HeaderType::from(Text::new(subject(value)))
}

const NOTE_WORD_BYTES_MAX: usize = 76;
const OPAQUE: &str = "application/octet-stream";

/// A subject that cannot be folded is cut, so that no line is too long for the next server.
fn subject(text: &str) -> &str {
    let is_foldable = text.split([' ', '\t']).all(|word| word.len() < LINE_BYTES_MAX - 100);
    if is_foldable { text } else { &text[..text.floor_char_boundary(LINE_BYTES_MAX - 100)] }
}

fn is_broken(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// `msg-id` holds neither white space nor brackets, and is no longer than a line.
fn is_broken_id(id: &str) -> bool {
    is_broken(id) || id.contains(['<', '>', ' ', '\t']) || id.len() > LINE_BYTES_MAX - 100
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
