//! A message being written, between the form and the mail it becomes: what it answers, the draft
//! that holds it so far, its files.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail_message::compose::{Attachment, Draft, reply_references};
use mail_service::{MailboxInfo, ReceivedMessage, ServiceError};
use mail_types::{EmailAddress, InternalDate};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::find_origin;
use super::drafts::{self, Drafts};
use super::form::{Typed, Upload};
use super::recipients::Addressed;
use super::{Failure, Fields, Kind, mistake};
use crate::account::Signed;
use crate::body::{Contents, Found, Piece};
use crate::error::Error;

/// Bytes handed to the store at a time.
const WRITE_BYTES: usize = 256 * 1024;

/// A message being written.
pub(crate) struct Writing<'a> {
    pub(crate) signed: &'a Signed,
    pub(crate) mailboxes: &'a [MailboxInfo],
    pub(crate) fields: Fields,
    /// The message that is answered or forwarded, if it is still there.
    pub(crate) origin: Option<Found>,
    pub(crate) drafts: Drafts,
    /// The draft that holds what was saved last.
    pub(crate) saved: Option<Found>,
    /// The form continues a draft that is no longer there.
    pub(crate) is_lost: bool,
    uploads: Vec<Upload>,
    /// Number of the draft's part that is to go.
    removed: Option<String>,
}

impl<'a> Writing<'a> {
    /// Looks up what the form refers to.
    pub(crate) async fn new(
        signed: &'a Signed,
        mailboxes: &'a [MailboxInfo],
        fields: Fields,
        typed: &mut Typed,
    ) -> Result<Self, Error> {
        let origin = match &fields.origin {
            Some(origin) => find_origin(signed, mailboxes, origin).await?,
            None => None,
        };
        let drafts = Drafts::open(signed, mailboxes).await?;
        let (saved, is_lost) = drafts.find(signed, &fields).await?;
        // Part numbers are those of the draft that the page shows.
        let shown = saved.as_ref().map(|found| found.uid.get());
        let is_shown = shown.is_some() && shown == fields.draft.as_ref().map(|draft| draft.uid);
        let removed = typed.get("action").strip_prefix("retirer-").filter(|_| is_shown);
        let removed = removed.map(str::to_owned);
        let uploads = std::mem::take(&mut typed.files);
        Ok(Self { signed, mailboxes, fields, origin, drafts, saved, is_lost, uploads, removed })
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        let fields = &self.fields;
        let texts = [&fields.to, &fields.cc, &fields.bcc, &fields.subject, &fields.text];
        let nothing_typed = texts.iter().all(|text| text.trim().is_empty());
        let chosen = fields.originals.iter().any(|original| original.is_chosen);
        nothing_typed && !chosen && self.uploads.is_empty() && self.saved.is_none()
    }

    /// Lets the new files go: they were too many.
    pub(crate) fn drop_uploads(&mut self) {
        self.uploads.clear();
    }

    /// The files that are part of the draft already.
    fn kept(&self) -> Vec<Piece> {
        let Some(found) = &self.saved else { return Vec::new() };
        let files = drafts::files(&found.structure).into_iter();
        files.filter(|piece| self.removed.as_ref() != Some(&piece.number())).collect()
    }

    /// The files chosen of the message that is forwarded; once there is a draft they are in it.
    fn chosen(&self) -> Vec<Piece> {
        let (None, Some(found)) = (&self.saved, &self.origin) else { return Vec::new() };
        let chosen = |piece: &Piece| {
            let number = piece.number();
            self.fields.originals.iter().any(|file| file.is_chosen && file.part == number)
        };
        Contents::of(&found.structure).files.into_iter().filter(chosen).collect()
    }

    /// Whether everything fits into one message.
    pub(crate) fn fits(&self) -> bool {
        let bytes_max = self.signed.visit.webmail.settings().upload_bytes_max;
        let new: u64 = self.uploads.iter().map(|file| file.content.len() as u64).sum();
        new + self.stored_bytes() <= bytes_max
    }

    fn stored_bytes(&self) -> u64 {
        self.kept().iter().chain(&self.chosen()).map(Piece::size).sum()
    }

    /// All files, read, with their share of the memory for uploads.
    async fn files(&self) -> Result<(Vec<Attachment>, Option<OwnedSemaphorePermit>), Error> {
        let memory = Arc::clone(&self.signed.visit.webmail.upload_memory);
        let kib = u32::try_from(self.stored_bytes().div_ceil(1024)).unwrap_or(u32::MAX);
        let held = match kib {
            0 => None,
            kib => Some(memory.try_acquire_many_owned(kib).map_err(|_| Error::Busy)?),
        };
        let bytes_max = self.signed.visit.webmail.settings().upload_bytes_max;
        let mut files = Vec::new();
        for (found, pieces) in [(&self.saved, self.kept()), (&self.origin, self.chosen())] {
            let Some(found) = found else { continue };
            for piece in pieces {
                files.push(stored_file(found, &piece, bytes_max).await?);
            }
        }
        files.extend(self.uploads.iter().map(|file| Attachment {
            file_name: file.name.clone(),
            media_type: file.media_type.clone(),
            content: file.content.to_vec(),
        }));
        Ok((files, held))
    }

    /// The message as it stands, for these people, dated now or when it is to leave; and what holds
    /// its memory.
    pub(crate) async fn compose(
        &self,
        addressed: Addressed,
        from: EmailAddress,
        at: Option<Timestamp>,
    ) -> Result<(Draft, Option<OwnedSemaphorePermit>), Error> {
        let (signed, fields) = (self.signed, &self.fields);
        let service = signed.service();
        let zone = TimeZone::get(&service.settings().time_zone).unwrap_or(TimeZone::UTC);
        let (in_reply_to, references) = self.thread().await?;
        let (attachments, held) = self.files().await?;
        let draft = Draft {
            from: (signed.account.name.clone(), from),
            to: addressed.to,
            cc: addressed.cc,
            bcc: addressed.bcc,
            subject: fields.subject.trim().to_owned(),
            text: fields.text.clone(),
            in_reply_to,
            references,
            attachments,
            message_id: drafts::message_id(signed, &fields.id),
            date: InternalDate::at(at.unwrap_or_else(|| service.now()), &zone),
            notes: Vec::new(),
        };
        Ok((draft, held))
    }

    /// `In-Reply-To` and `References`: of the message that is answered, or else what the draft
    /// says.
    async fn thread(&self) -> Result<(Option<String>, Vec<String>), Error> {
        let kind = self.fields.origin.as_ref().map(|origin| origin.kind);
        let is_answer = matches!(kind, Some(Kind::Reply | Kind::ReplyAll));
        match (&self.origin, &self.saved) {
            (Some(found), _) if is_answer => {
                let summary = &found.row.summary;
                let parent = summary.message_id.as_deref();
                Ok((parent.map(str::to_owned), reply_references(&summary.references, parent)))
            }
            (_, Some(found)) => drafts::thread(self.signed, found).await,
            _ => Ok((None, Vec::new())),
        }
    }

    /// The address chosen, if it is one's own.
    pub(crate) async fn sender(&self) -> Result<EmailAddress, Failure> {
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
}

async fn stored_file(found: &Found, piece: &Piece, bytes_max: u64) -> Result<Attachment, Error> {
    let (main, sub) = piece.part.media_type();
    Ok(Attachment {
        file_name: crate::attachment::name_of(piece),
        // A message within would need its own header; as bytes it arrives whole.
        media_type: match main.as_str() {
            "message" | "multipart" => "application/octet-stream".into(),
            _ => format!("{main}/{sub}"),
        },
        content: found.file(piece, bytes_max).await?,
    })
}

/// Hands a message to the store.
pub(crate) async fn store(
    signed: &Signed,
    message: &[u8],
) -> Result<ReceivedMessage, ServiceError> {
    let mut writer = signed.service().message_writer();
    for piece in message.chunks(WRITE_BYTES) {
        writer.write(piece).await?;
    }
    writer.finish().await
}
