//! Sending: recipients checked, the message composed, delivered, and a copy kept.

use jiff::tz::TimeZone;
use mail_message::address;
use mail_message::compose::{Attachment, ComposeError, Draft, reply_references};
use mail_message::trace::{Received, With};
use mail_service::{
    FlagChange, Incoming, MailboxInfo, ReceivedMessage, Recipient, RecipientError, ServiceError,
};
use mail_types::{EmailAddress, Flag, FlagSet, InternalDate, ReversePath, SpecialUse, UidSet};

use super::answer::find_origin;
use super::{Fields, Kind, Mistake};
use crate::account::{Signed, special};
use crate::body::{Contents, Found};
use crate::csrf::hex;
use crate::error::Error;
use crate::mailbox::forwarded;

/// Bytes handed to the store at a time.
const WRITE_BYTES: usize = 256 * 1024;

/// What became of it: a sentence for the next page, or what is to be corrected.
pub(crate) async fn send(
    signed: &Signed,
    mailboxes: &[MailboxInfo],
    fields: &Fields,
) -> Result<String, Vec<Mistake>> {
    let addressed = Addressed::read(signed, fields)?;
    let recipients = check_recipients(signed, &addressed).await?;
    let sending = Sending { signed, mailboxes, fields, addressed };
    match sending.run(recipients).await {
        Ok(notice) => Ok(notice),
        Err(Failure::Mistakes(mistakes)) => Err(mistakes),
        Err(Failure::Error(error)) => {
            let (_, name) = error.explain();
            tracing::warn!(account = %signed.owner(), %error, "webmail message not sent");
            Err(vec![mistake("envoyer", signed.locale().text(name))])
        }
    }
}

fn mistake(field: &'static str, text: String) -> Mistake {
    Mistake { field, text }
}

enum Failure {
    Mistakes(Vec<Mistake>),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Error(error.into())
    }
}

type People = Vec<(String, EmailAddress)>;

/// Everybody the message is for.
struct Addressed {
    to: People,
    cc: People,
    bcc: People,
}

impl Addressed {
    /// Reads the three lists. W8: a line break or control in a field is refused, not mended.
    fn read(signed: &Signed, fields: &Fields) -> Result<Self, Vec<Mistake>> {
        let locale = signed.locale();
        let max = signed.visit.webmail.settings().recipients_max;
        let mut mistakes = Vec::new();
        let lists = [("a", &fields.to), ("cc", &fields.cc), ("cci", &fields.bcc)];
        let [to, cc, bcc] = lists.map(|(field, text)| match read_list(text, max) {
            Ok(people) => people,
            Err(Unreadable::Control) => {
                mistakes.push(mistake(field, locale.text("compose-control")));
                Vec::new()
            }
            Err(Unreadable::Addresses(wrong)) => {
                let text = locale.with("compose-not-an-address", "addresses", wrong.join(", "));
                mistakes.push(mistake(field, text));
                Vec::new()
            }
        });
        let count = to.len() + cc.len() + bcc.len();
        if count == 0 && mistakes.is_empty() {
            mistakes.push(mistake("a", locale.text("compose-nobody")));
        }
        if count > max {
            mistakes.push(mistake("a", locale.with("compose-too-many", "max", max as u32)));
        }
        if has_control(&fields.subject) {
            mistakes.push(mistake("objet", locale.text("compose-control")));
        }
        if mistakes.is_empty() { Ok(Self { to, cc, bcc }) } else { Err(mistakes) }
    }

    /// Everybody once, with the field in which they stand.
    fn each(&self) -> Vec<(&'static str, &EmailAddress)> {
        let mut seen = std::collections::HashSet::new();
        let lists = [("a", &self.to), ("cc", &self.cc), ("cci", &self.bcc)].into_iter();
        lists
            .flat_map(|(field, people)| people.iter().map(move |(_, address)| (field, address)))
            .filter(|(_, address)| seen.insert(address.lookup_key()))
            .collect()
    }
}

#[derive(Debug, PartialEq)]
enum Unreadable {
    Control,
    Addresses(Vec<String>),
}

fn has_control(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}'))
}

fn read_list(text: &str, max: usize) -> Result<People, Unreadable> {
    if has_control(text) {
        return Err(Unreadable::Control);
    }
    let mut people = Vec::new();
    let mut wrong = Vec::new();
    for (name, address) in address::mailboxes(text.as_bytes(), max + 1) {
        match address.parse() {
            Ok(address) => people.push((name, address)),
            Err(_) if address.is_empty() => wrong.push(name),
            Err(_) => wrong.push(address),
        }
    }
    if wrong.is_empty() { Ok(people) } else { Err(Unreadable::Addresses(wrong)) }
}

/// Asks about each recipient; those that cannot be written to are named beside their field.
async fn check_recipients(
    signed: &Signed,
    addressed: &Addressed,
) -> Result<Vec<Recipient>, Vec<Mistake>> {
    let mut accepted = Vec::new();
    let mut refused: Vec<(&'static str, &'static str, String)> = Vec::new();
    for (field, address) in addressed.each() {
        match signed.service().recipient(address, None).await {
            Ok(recipient) => accepted.push(recipient),
            // The one place that knows that there is no queue for other servers yet.
            Err(RecipientError::NotHosted) => {
                refused.push((field, "compose-outside", address.to_string()));
            }
            Err(RecipientError::UnknownUser) => {
                refused.push((field, "compose-unknown", address.to_string()));
            }
            Err(RecipientError::OverQuota) => {
                refused.push((field, "compose-full", address.to_string()));
            }
            Err(RecipientError::TryAgain(error)) => {
                tracing::warn!(%error, "recipient not checked");
                return Err(vec![mistake("envoyer", signed.locale().text("error-busy"))]);
            }
        }
    }
    if refused.is_empty() {
        return Ok(accepted);
    }
    let mut mistakes = Vec::new();
    for field in ["a", "cc", "cci"] {
        for name in ["compose-unknown", "compose-outside", "compose-full"] {
            let here = refused.iter().filter(|(f, n, _)| *f == field && *n == name);
            let addresses: Vec<_> = here.map(|(_, _, address)| address.as_str()).collect();
            if !addresses.is_empty() {
                let text = signed.locale().with(name, "addresses", addresses.join(", "));
                mistakes.push(mistake(field, text));
            }
        }
    }
    Err(mistakes)
}

/// A message on its way.
struct Sending<'a> {
    signed: &'a Signed,
    mailboxes: &'a [MailboxInfo],
    fields: &'a Fields,
    addressed: Addressed,
}

impl Sending<'_> {
    async fn run(&self, recipients: Vec<Recipient>) -> Result<String, Failure> {
        let signed = self.signed;
        let service = signed.service();
        let origin = match &self.fields.origin {
            Some(origin) => find_origin(signed, self.mailboxes, origin).await?,
            None => None,
        };
        let draft = self.draft(origin.as_ref()).await?;
        let from = draft.from.1.clone();
        let date = draft.date;
        let write_both = move || Ok((draft.to_message()?, draft.to_own_copy()?));
        let made = tokio::task::spawn_blocking(write_both).await.map_err(|_| Error::Worker)?;
        let (message, own_copy) = made.map_err(|error| self.refusal(&error))?;
        let queue_id = service.new_queue_id();
        let trace = Received {
            from: "webmail",
            peer: None,
            by: &service.settings().hostname,
            with: With::Http,
            tls: None,
            id: queue_id,
            recipient: None,
            date,
        };
        let incoming = Incoming {
            queue_id,
            reverse_path: ReversePath::Address(from),
            recipients,
            trace: trace.to_field().into_bytes(),
            message: write(signed, &message).await?,
            submitter: Some(signed.owner()),
        };
        service.deliver(incoming).await?;
        tracing::info!(%queue_id, account = %signed.owner(), "sent from the webmail");
        drop(message);
        let kept = self.keep_copy(&own_copy).await;
        self.mark_origin(origin.as_ref()).await;
        let notice = if kept { "notice-sent" } else { "notice-sent-no-copy" };
        Ok(signed.locale().text(notice))
    }

    async fn draft(&self, origin: Option<&Found>) -> Result<Draft, Failure> {
        let (signed, fields) = (self.signed, self.fields);
        let service = signed.service();
        let zone = TimeZone::get(&service.settings().time_zone).unwrap_or(TimeZone::UTC);
        let kind = fields.origin.as_ref().map(|origin| origin.kind);
        let answered = origin.filter(|_| matches!(kind, Some(Kind::Reply | Kind::ReplyAll)));
        let summary = answered.map(|found| &found.row.summary);
        let parent = summary.and_then(|summary| summary.message_id.as_deref());
        let references = summary.map(|summary| summary.references.as_slice()).unwrap_or_default();
        let hostname = &service.settings().hostname;
        Ok(Draft {
            from: (signed.account.name.clone(), self.sender().await?),
            to: self.addressed.to.clone(),
            cc: self.addressed.cc.clone(),
            bcc: self.addressed.bcc.clone(),
            subject: fields.subject.trim().to_owned(),
            text: fields.text.clone(),
            in_reply_to: parent.map(str::to_owned),
            references: reply_references(references, parent),
            attachments: self.attachments(origin).await?,
            message_id: format!("{}@{hostname}", hex(rand::random::<[u8; 16]>())),
            date: InternalDate::at(service.now(), &zone),
        })
    }

    /// The address chosen, if it is one's own.
    async fn sender(&self) -> Result<EmailAddress, Failure> {
        let signed = self.signed;
        if self.fields.from.is_empty() {
            return Ok(signed.account.primary_address.clone());
        }
        let directory = signed.service().directory();
        if let Ok(address) = self.fields.from.parse()
            && directory.may_send_as(signed.owner(), &address).await?
        {
            return Ok(address);
        }
        let text = signed.locale().text("compose-not-own-address");
        Err(Failure::Mistakes(vec![mistake("de", text)]))
    }

    async fn attachments(&self, origin: Option<&Found>) -> Result<Vec<Attachment>, Failure> {
        let bytes_max = self.signed.visit.webmail.settings().upload_bytes_max;
        let parked = self.signed.session.parked.files(&self.fields.id).into_iter();
        let mut files: Vec<Attachment> = parked
            .map(|file| Attachment {
                file_name: file.name,
                media_type: file.media_type,
                content: file.content.to_vec(),
            })
            .collect();
        let chosen = self.fields.originals.iter().filter(|original| original.is_chosen);
        let chosen: Vec<_> = chosen.map(|original| original.part.as_str()).collect();
        if let (Some(found), false) = (origin, chosen.is_empty()) {
            for piece in Contents::of(&found.structure).files {
                if !chosen.contains(&piece.number().as_str()) {
                    continue;
                }
                let (main, sub) = piece.part.media_type();
                files.push(Attachment {
                    file_name: crate::attachment::name_of(&piece),
                    // A message within would need its own header; as bytes it arrives whole.
                    media_type: match main.as_str() {
                        "message" | "multipart" => "application/octet-stream".into(),
                        _ => format!("{main}/{sub}"),
                    },
                    content: found.file(&piece, bytes_max).await?,
                });
            }
        }
        let size: u64 = files.iter().map(|file| file.content.len() as u64).sum();
        if size > bytes_max {
            let locale = self.signed.locale();
            let limit = crate::date::size(locale, bytes_max);
            let text = locale.with("compose-files-too-large", "limit", limit);
            return Err(Failure::Mistakes(vec![mistake("fichiers", text)]));
        }
        Ok(files)
    }

    fn refusal(&self, error: &ComposeError) -> Failure {
        tracing::debug!(%error, "message not composed");
        let text = self.signed.locale().text("compose-control");
        Failure::Mistakes(vec![mistake("objet", text)])
    }

    /// The copy in the mailbox of sent messages, `Bcc` included. The message has gone out whatever becomes of it.
    async fn keep_copy(&self, message: &[u8]) -> bool {
        let signed = self.signed;
        let Some(sent) = special(self.mailboxes, SpecialUse::Sent) else { return false };
        let outcome = async {
            let copy = write(signed, message).await?;
            let seen: FlagSet = [Flag::Seen].into_iter().collect();
            let (actor, owner) = (signed.actor(), signed.owner());
            signed.service().append(actor, owner, sent, copy, seen, None).await
        };
        let outcome = outcome.await;
        if let Err(error) = &outcome {
            tracing::warn!(account = %signed.owner(), %error, "copy of a sent message not kept");
        }
        outcome.is_ok()
    }

    /// `\Answered` or `$Forwarded` on the message it was about.
    async fn mark_origin(&self, origin: Option<&Found>) {
        let Some(found) = origin else { return };
        let flag = match self.fields.origin.as_ref().map(|origin| origin.kind) {
            Some(Kind::Forward) => forwarded(),
            _ => Some(Flag::Answered),
        };
        let flags: FlagSet = flag.into_iter().collect();
        let only = UidSet::range(found.uid.get(), found.uid.get());
        let service = self.signed.service();
        let marked = service.store_flags(
            self.signed.actor(),
            &found.open,
            &only,
            FlagChange::Add,
            &flags,
            None,
        );
        if let Err(error) = marked.await {
            tracing::info!(%error, "answered message not marked");
        }
    }
}

async fn write(signed: &Signed, message: &[u8]) -> Result<ReceivedMessage, ServiceError> {
    let mut writer = signed.service().message_writer();
    for piece in message.chunks(WRITE_BYTES) {
        writer.write(piece).await?;
    }
    writer.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_type_them() {
        let read = |text: &str| {
            let people = read_list(text, 10).unwrap();
            people.into_iter().map(|(_, a)| a.to_string()).collect::<Vec<_>>().join(" ")
        };
        for (typed, wanted) in [
            ("", ""),
            ("a@b.test", "a@b.test"),
            ("a@b.test; c@d.test ;", "a@b.test c@d.test"),
            ("Marie Été <a@b.test>, \"X, Y\" <c@d.test>", "a@b.test c@d.test"),
        ] {
            assert_eq!(read(typed), wanted, "{typed}");
        }
    }

    #[test]
    fn nothing_is_injected_through_an_address() {
        for typed in ["a@b.test\r\nBcc: x@y.test", "a\nb@c.test", "a@b.test\0", "a@b.test\u{2028}"]
        {
            assert_eq!(read_list(typed, 10), Err(Unreadable::Control), "{typed:?}");
        }
        let wrong = |typed: &str| match read_list(typed, 10) {
            Err(Unreadable::Addresses(wrong)) => wrong,
            other => panic!("{typed}: {other:?}"),
        };
        assert_eq!(wrong("marie"), ["marie"]);
        assert_eq!(wrong("a@b.test, x@"), ["x@"]);
    }
}
