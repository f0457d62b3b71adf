//! Sending: recipients checked, the message composed, delivered, and a copy kept.
//!
//! Whatever happens between the button and the delivery (a time to think better of it, a day to
//! be sent on) belongs between [`deliver`]'s composing and its last call.

use mail_message::compose::ComposeError;
use mail_message::trace::{Received, With};
use mail_service::{FlagChange, Incoming};
use mail_types::{Flag, FlagSet, ReversePath, SpecialUse, UidSet};

use super::recipients::Addressed;
use super::writing::{self, Writing};
use super::{Failure, Kind, Mistake, drafts, mistake};
use crate::account::{Signed, special};
use crate::body::Found;
use crate::error::Error;
use crate::mailbox::forwarded;

/// What became of it: a sentence for the next page, or what is to be corrected.
pub(crate) async fn send(writing: &Writing<'_>) -> Result<String, Vec<Mistake>> {
    match deliver(writing).await {
        Ok(notice) => Ok(notice),
        Err(Failure::Mistakes(mistakes)) => Err(mistakes),
        Err(Failure::Error(error)) => {
            let signed = writing.signed;
            let (_, name) = error.explain();
            tracing::warn!(account = %signed.owner(), %error, "webmail message not sent");
            Err(vec![mistake("envoyer", signed.locale().text(name))])
        }
    }
}

async fn deliver(writing: &Writing<'_>) -> Result<String, Failure> {
    let signed = writing.signed;
    let service = signed.service();
    let addressed = Addressed::read(signed, &writing.fields).map_err(Failure::Mistakes)?;
    let recipients = addressed.check(signed).await.map_err(Failure::Mistakes)?;
    let (draft, _held) = writing.compose(addressed, writing.sender().await?).await?;
    let from = draft.from.1.clone();
    let date = draft.date;
    let write_both = move || Ok((draft.to_message()?, draft.to_own_copy()?));
    let made = tokio::task::spawn_blocking(write_both).await.map_err(|_| Error::Worker)?;
    let (message, own_copy) = made.map_err(|error| refusal(signed, &error))?;
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
        message: writing::store(signed, &message).await?,
        submitter: Some(signed.owner()),
    };
    service.deliver(incoming).await?;
    tracing::info!(%queue_id, account = %signed.owner(), "sent from the webmail");
    drop(message);
    let kept = keep_copy(writing, &own_copy).await;
    mark_origin(writing).await;
    if let Err(error) = drafts::remove(writing).await {
        tracing::warn!(account = %signed.owner(), %error, "draft of a sent message not removed");
    }
    let notice = if kept { "notice-sent" } else { "notice-sent-no-copy" };
    Ok(signed.locale().text(notice))
}

fn refusal(signed: &Signed, error: &ComposeError) -> Failure {
    tracing::debug!(%error, "message not composed");
    Failure::Mistakes(vec![mistake("objet", signed.locale().text("compose-control"))])
}

/// The copy in the mailbox of sent messages, `Bcc` included. The message has gone out whatever
/// becomes of it.
async fn keep_copy(writing: &Writing<'_>, message: &[u8]) -> bool {
    let signed = writing.signed;
    let Some(sent) = special(writing.mailboxes, SpecialUse::Sent) else { return false };
    let outcome = async {
        let copy = writing::store(signed, message).await?;
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
async fn mark_origin(writing: &Writing<'_>) {
    let Some(Found { open, uid, .. }) = &writing.origin else { return };
    let flag = match writing.fields.origin.as_ref().map(|origin| origin.kind) {
        Some(Kind::Forward) => forwarded(),
        _ => Some(Flag::Answered),
    };
    let flags: FlagSet = flag.into_iter().collect();
    let only = UidSet::range(uid.get(), uid.get());
    let (service, actor) = (writing.signed.service(), writing.signed.actor());
    let marked = service.store_flags(actor, open, &only, FlagChange::Add, &flags, None);
    if let Err(error) = marked.await {
        tracing::info!(%error, "answered message not marked");
    }
}
