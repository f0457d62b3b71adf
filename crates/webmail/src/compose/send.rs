//! Sending: recipients checked, the message composed and put into the queue, where it waits for its
//! time, or a few seconds in which its sender may think better of it.
//!
//! The queue's entry knows the draft, what it answers and the sender's copy, so that whatever
//! happens afterwards it is sent once, or is a draft.

use directory::DirectoryError;
use jiff::{SignedDuration, Timestamp};
use mail_message::compose::{ComposeError, Parted};
use mail_message::trace::{Received, With};
use mail_service::ServiceError;
use mail_service::queue::{Acceptance, OwnCopyRow};
use mail_types::{Flag, FlagSet, QueueId, ReversePath, SpecialUse, UidSet};

use super::recipients::Addressed;
use super::writing::{self, Writing};
use super::{Failure, Kind, Mistake, drafts, mistake};
use crate::account::{Signed, special};
use crate::body::Found;
use crate::error::Error;
use crate::mailbox::forwarded;

/// Newest sent messages among which one is looked for that was sent before a crash.
const SENT_SEARCHED_MAX: u32 = 20;

/// A message that was accepted.
pub(crate) struct Sent {
    pub(crate) id: QueueId,
    /// Until when it can be taken back; `None` when it is on its way.
    pub(crate) until: Option<Timestamp>,
    /// Whether a copy is kept.
    pub(crate) has_copy: bool,
}

/// What became of it, or what is to be corrected. `at` is the time it was given.
pub(crate) async fn send(
    writing: &Writing<'_>,
    at: Option<Timestamp>,
) -> Result<Sent, Vec<Mistake>> {
    match accept(writing, at).await {
        Ok(sent) => Ok(sent),
        Err(Failure::Mistakes(mistakes)) => Err(mistakes),
        Err(Failure::Error(error)) => {
            let signed = writing.signed;
            let (_, name) = error.explain();
            tracing::warn!(account = %signed.owner(), %error, "webmail message not sent");
            Err(vec![mistake("envoyer", signed.locale().text(name))])
        }
    }
}

async fn accept(writing: &Writing<'_>, at: Option<Timestamp>) -> Result<Sent, Failure> {
    let signed = writing.signed;
    let service = signed.service();
    let addressed = Addressed::read(signed, &writing.fields).map_err(Failure::Mistakes)?;
    let addressees = addressed.check(signed).await.map_err(Failure::Mistakes)?;
    let people = addressed.people();
    let release = at.or_else(|| thinking_time(signed));
    let (mut draft, _held) = writing.compose(addressed, writing.sender().await?, at).await?;
    draft.notes.extend(drafts::origin_note(&writing.fields));
    let from = draft.from.1.clone();
    let made = tokio::task::spawn_blocking(move || draft.to_parted()).await;
    let made = made.map_err(|_| Error::Worker)?;
    let Parted { message, date, bcc, notes } = made.map_err(|error| refusal(signed, &error))?;
    let id = service.new_queue_id();
    let has_copy = keeps_copy(writing, message.len() as u64).await?;
    let own = OwnCopyRow {
        bcc,
        notes,
        draft: writing.saved.as_ref().map(|found| writing.drafts.place(found)),
        origin: writing.origin.as_ref().map(|found| origin(writing, found)),
        keeps_copy: has_copy,
        is_scheduled: at.is_some(),
    };
    let acceptance = Acceptance {
        queue_id: id,
        reverse_path: ReversePath::Address(from.clone()),
        addressees,
        trace: [received(signed, id).into_bytes(), date].concat(),
        message: writing::store(signed, &message).await?,
        submitter: Some(signed.owner()),
        envelope_id: None,
        ret: None,
        release,
        own: Some(own),
    };
    // A task of its own: a browser that goes away takes nothing of it along.
    let accepting = service.clone();
    let accepted = tokio::spawn(async move { accepting.accept(acceptance).await });
    match accepted.await.map_err(|_| Error::Worker)? {
        Ok(()) => {}
        Err(ServiceError::TooMany { what: "hidden recipients" }) => {
            let text = signed.locale().text("compose-too-many-hidden");
            return Err(Failure::Mistakes(vec![mistake("cci", text)]));
        }
        Err(ServiceError::Directory(DirectoryError::OnHold { until })) => {
            let until = signed.calendar().long(until);
            let text = signed.locale().with("compose-on-hold", "until", until);
            return Err(Failure::Mistakes(vec![mistake("a", text)]));
        }
        Err(error) => return Err(error.into()),
    }
    let submitter = signed.owner();
    tracing::info!(target: "mail", queue_id = %id, %from, port = "webmail", %submitter, "received");
    let remembered = service.remember_correspondents(signed.actor(), signed.owner(), &people);
    if let Err(error) = remembered.await {
        tracing::info!(account = %signed.owner(), %error, "correspondents not remembered");
    }
    Ok(Sent { id, until: release, has_copy })
}

/// Until when a message can be taken back that has no time of its own.
fn thinking_time(signed: &Signed) -> Option<Timestamp> {
    let seconds = signed.visit.webmail.settings().undo_seconds;
    let until = signed.service().now().checked_add(SignedDuration::from_secs(seconds.into()));
    until.ok().filter(|_| seconds > 0)
}

fn received(signed: &Signed, id: QueueId) -> String {
    let service = signed.service();
    Received {
        from: "webmail",
        peer: None,
        by: &service.settings().hostname,
        with: With::Http,
        tls: None,
        id,
        recipient: None,
        date: service.internal_date(),
    }
    .to_field()
}

fn refusal(signed: &Signed, error: &ComposeError) -> Failure {
    tracing::debug!(%error, "message not composed");
    Failure::Mistakes(vec![mistake("objet", signed.locale().text("compose-control"))])
}

/// Whether there is a place and room for the sender's copy. Without it the message goes out all the
/// same.
async fn keeps_copy(writing: &Writing<'_>, bytes: u64) -> Result<bool, Error> {
    let signed = writing.signed;
    if special(writing.mailboxes, SpecialUse::Sent).is_none() {
        return Ok(false);
    }
    let Some(quota) = signed.service().quota(signed.owner()).await? else { return Ok(true) };
    let used = signed.service().bytes_used(signed.owner()).await?;
    // The draft makes room.
    let draft = writing.saved.as_ref().map_or(0, |found| found.row.size());
    Ok(used.saturating_sub(draft).saturating_add(bytes) <= quota)
}

/// The message that is answered or forwarded, and how that is shown once this one leaves.
fn origin(
    writing: &Writing<'_>,
    found: &Found,
) -> (mail_types::MailboxId, mail_types::Uid, FlagSet) {
    let flag = match writing.fields.origin.as_ref().map(|origin| origin.kind) {
        Some(Kind::Forward) => forwarded(),
        _ => Some(Flag::Answered),
    };
    (found.open.id(), found.uid, flag.into_iter().collect())
}

/// Whether this page's message was sent already: its answer got lost, and the session's memory of
/// it with a restart.
pub(crate) async fn was_sent(writing: &Writing<'_>) -> Result<bool, Error> {
    let (signed, service) = (writing.signed, writing.signed.service());
    let own = Some(drafts::message_id(signed, &writing.fields.id));
    let waiting = service.outbox(signed.actor()).await?;
    if waiting.iter().any(|(_, row)| row.message_id == own) {
        return Ok(true);
    }
    let Some(sent) = special(writing.mailboxes, SpecialUse::Sent) else { return Ok(false) };
    let open = service.open_mailbox(signed.actor(), signed.owner(), sent).await?;
    let last = open.snapshot().at(open.snapshot().len().wrapping_sub(1)).map(|e| e.uid.get());
    let Some(last) = last else { return Ok(false) };
    let newest = UidSet::range(last.saturating_sub(SENT_SEARCHED_MAX).max(1), last);
    let limit = SENT_SEARCHED_MAX as usize + 1;
    let rows = service.messages(signed.actor(), &open, &newest, limit).await?;
    Ok(rows.into_iter().any(|(_, row)| row.summary.message_id == own))
}
