//! Notices to the sender, as entries of the same shard: they and what they tell of are one commit.

use jiff::Timestamp;
use mail_message::dsn::{Action, Fate, Notice, Returned};
use mail_message::header;
use mail_store::tables::queue::{
    QUEUE_SHARDS, QueueBodyUse, QueueMessage, QueueMessageRow, QueueRecipient, QueueRecipientRow,
    shard_of,
};
use mail_store::{Batch, BlobStore, Referrer, Reservation};
use mail_types::{EmailAddress, InternalDate, Notify, QueueId, Ret, ReversePath};

use super::entry::Outgoing;
use super::feed::Feed;
use super::settle::Telling;
use crate::error::ServiceError;
use crate::service::MailService;

/// Most that comes back of a message whose sender wanted all of it: who has sent more than this
/// has it still, and the notice must get through where the message did not.
const RETURNED_BYTES_MAX: u64 = 1 << 20;
/// Most that comes back of a header section.
const RETURNED_HEADER_BYTES_MAX: u64 = 64 << 10;
/// Characters of the subject that the text repeats.
const SUBJECT_CHARS_MAX: usize = 100;

/// Notices that one settlement makes.
pub(super) struct Notices {
    made: Vec<Made>,
}

struct Made {
    id: QueueId,
    message: QueueMessageRow,
    recipient: QueueRecipientRow,
    /// Keeps the notice's body from the collector until the commit is done.
    _reservation: Reservation,
}

impl Notices {
    pub(super) fn none() -> Self {
        Self { made: Vec::new() }
    }

    /// Writes the bodies of the notices about these recipients, one for each kind of fate.
    pub(super) async fn make(
        service: &MailService,
        id: QueueId,
        message: &QueueMessageRow,
        told: &[Telling],
    ) -> Result<Self, ServiceError> {
        let mut notices = Self::none();
        // RFC 3461 §6.2, RFC 5321 §6.1: a notice is never answered by another.
        let ReversePath::Address(sender) = &message.reverse_path else { return Ok(notices) };
        for action in [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed] {
            let fates: Vec<Fate> = told
                .iter()
                .filter(|told| told.action == action)
                .map(|told| fate(service, told))
                .collect();
            if !fates.is_empty() {
                let made = make(service, id, message, sender, action, &fates).await?;
                notices.made.push(made);
            }
        }
        Ok(notices)
    }

    pub(super) fn put(&self, batch: &mut Batch) {
        for made in &self.made {
            batch.put::<QueueMessage>(&made.id, &made.message);
            batch.put::<QueueRecipient>(&(made.id, 0), &made.recipient);
            batch.put::<QueueBodyUse>(&(made.message.body.hash, made.id), &());
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.made.len() as u64
    }

    pub(super) fn tell(&self, feed: &Feed) {
        self.made.iter().for_each(|made| feed.tell(made.id));
    }
}

async fn make(
    service: &MailService,
    about: QueueId,
    message: &QueueMessageRow,
    sender: &EmailAddress,
    action: Action,
    fates: &[Fate],
) -> Result<Made, ServiceError> {
    let id = service.new_queue_id_beside(about);
    let outgoing = service.outgoing(message.clone(), &[]);
    let header = outgoing.header(RETURNED_HEADER_BYTES_MAX).await?;
    // RFC 3461 §4.3: RET is about failures; who did not say gets what is enough to know it by.
    let whole = action == Action::Failed
        && message.ret == Some(Ret::Full)
        && outgoing.size() <= RETURNED_BYTES_MAX;
    let subject = header::first(&header, "Subject").unwrap_or_default();
    let subject = header::decode_text(&subject, SUBJECT_CHARS_MAX);
    let settings = service.settings();
    let notice = Notice {
        hostname: &settings.hostname,
        id,
        date: service.internal_date(),
        to: sender,
        envelope_id: message.envelope_id.as_ref(),
        arrived: service.date_at(message.arrived),
        subject: &subject,
        action,
        fates,
        returned: if whole { Returned::Message } else { Returned::Headers },
        is_utf8: message.is_utf8,
        is_8bit: message.is_8bit && whole,
    };
    let head = notice.head();
    let returned = if whole { Content::Whole(&outgoing) } else { Content::Header(&header) };
    let reservation = write(service, id, &head, returned, &notice.tail()).await?;
    tracing::info!(target: "mail", queue_id = %about, notice = %id, ?action, "notified");
    let now = service.now().as_second();
    let message = QueueMessageRow {
        reverse_path: ReversePath::Null,
        envelope_id: None,
        ret: None,
        body: *reservation,
        prefix: Vec::new(),
        header_size: header_size(&head),
        is_8bit: notice.is_8bit || notice.is_utf8,
        is_utf8: sender.needs_smtputf8(),
        arrived: now,
        submitter: None,
        is_notice: true,
        own: None,
    };
    Ok(Made { id, message, recipient: receiver(sender, now), _reservation: reservation })
}

/// What comes back of the message.
enum Content<'a> {
    Header(&'a [u8]),
    Whole(&'a Outgoing),
}

/// Writes a notice's body.
async fn write(
    service: &MailService,
    id: QueueId,
    head: &[u8],
    returned: Content<'_>,
    tail: &[u8],
) -> Result<Reservation, ServiceError> {
    let mut writer = service.inner.store.body_writer();
    writer.write(head).await?;
    match returned {
        Content::Header(header) => writer.write(header).await?,
        Content::Whole(outgoing) => {
            let mut offset = 0;
            while offset < outgoing.size() {
                let piece = outgoing.piece(offset).await?;
                writer.write(&piece).await?;
                offset += piece.len() as u64;
            }
        }
    }
    writer.write(tail).await?;
    Ok(writer.finish(&[Referrer::QueueShard(shard_of(id))]).await?)
}

/// Who gets a notice; nobody hears of what becomes of it.
fn receiver(sender: &EmailAddress, now: i64) -> QueueRecipientRow {
    QueueRecipientRow {
        address: sender.clone(),
        notify: Some(Notify::NEVER),
        original_recipient: None,
        next_attempt: now,
        attempts: 0,
        due_since: now,
        is_held: false,
        delay_told: false,
        last: None,
    }
}

fn fate(service: &MailService, told: &Telling) -> Fate {
    let last = told.row.last.as_ref();
    Fate {
        recipient: told.row.address.clone(),
        original_recipient: told.row.original_recipient.clone(),
        status: last.map_or((5, 0, 0), |last| last.status),
        remote: last.filter(|last| last.reply.is_some()).map(|last| last.next_hop.clone()),
        reply: last.and_then(|last| last.reply.clone()),
        last_attempt: last.map(|last| service.date_at(last.at)),
        retry_until: told.retry_until.map(|until| service.date_at(until.as_second())),
    }
}

/// Length of the header section at the beginning of a message of ours.
fn header_size(head: &[u8]) -> u64 {
    let end = head.windows(4).position(|window| window == b"\r\n\r\n");
    end.map_or(head.len(), |end| end + 4) as u64
}

impl MailService {
    /// A name for an acceptance in the same shard as another.
    fn new_queue_id_beside(&self, other: QueueId) -> QueueId {
        let first = self.take_queue_ids(QUEUE_SHARDS).0;
        let step = (QUEUE_SHARDS + shard_of(other) - first % QUEUE_SHARDS) % QUEUE_SHARDS;
        QueueId(first + step)
    }

    /// An instant in the configured zone.
    pub(super) fn date_at(&self, unix_seconds: i64) -> InternalDate {
        let instant = Timestamp::from_second(unix_seconds).unwrap_or_default();
        InternalDate::at(instant, &self.inner.zone)
    }
}
