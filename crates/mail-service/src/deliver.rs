//! Delivery: one body, one commit per account, and no answer before all of them are synced.

use std::collections::{HashSet, VecDeque};

use mail_message::header;
use mail_message::scan::Scanned;
use mail_message::trace::delivery_fields;
use mail_store::tables::mail::{MessageRow, QueueDelivery};
use mail_store::{Cond, Referrer, Reservation};
use mail_types::{
    AccountId, Actor, EmailAddress, FlagSet, MailboxId, MailboxName, QueueId, ReversePath,
    SpecialUse, Uid,
};

use crate::account::{Change, Settling};
use crate::error::ServiceError;
use crate::insert::{self, Ready};
use crate::prepare::{self, Content};
use crate::receive::{Incoming, Judgement, Placement, Recipient};
use crate::service::{MailService, Right};

/// Recipients of one account that a delivery did not reach; the others have it for good.
#[derive(Debug)]
pub struct Missed {
    /// Which, counted in the envelope's order, and their addresses.
    pub recipients: Vec<(usize, EmailAddress)>,
    /// Why.
    pub error: ServiceError,
}

/// What the caller hears that must have reached everybody.
pub(crate) fn everybody(missed: Vec<Missed>) -> Result<(), ServiceError> {
    missed.into_iter().next().map_or(Ok(()), |missed| Err(missed.error))
}

/// Commits of one delivery that are in line at once; each holds up to 100 KiB of rows.
const COMMITS_WAITING_MAX: usize = 256;
/// RFC 5321 §6.3: "a large rejection threshold, normally at least 100 Received entries" counts
/// hops of the open Internet; a message that was fifty times relayed goes round in a circle.
pub(crate) const RECEIVED_MAX: usize = 50;

impl MailService {
    /// Delivers to every recipient's INBOX; two recipients that are one account get it once.
    /// Returns when all of it is durable: `250` may follow.
    ///
    /// # Errors
    /// When one account's delivery failed; others may have it. The peer is told to try again.
    pub async fn deliver(&self, incoming: Incoming) -> Result<(), ServiceError> {
        everybody(self.deliver_each(incoming).await?)
    }

    /// The same, and says whom it did not reach.
    ///
    /// # Errors
    /// When it reached nobody for a reason that is not one account's.
    pub(crate) async fn deliver_each(
        &self,
        incoming: Incoming,
    ) -> Result<Vec<Missed>, ServiceError> {
        let Incoming { queue_id, reverse_path, recipients, trace, message, submitter } = incoming;
        let judgement = message.judgement;
        let delivery = Delivery {
            queue_id,
            reverse_path,
            recipients,
            trace,
            submitter,
            judgement,
            source: Source::Edge,
        };
        check_loop(&message.scanned.raw_header, &delivery.recipients)?;
        let mut accounts: Vec<AccountId> =
            delivery.recipients.iter().map(|to| to.account.id).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let referrers: Vec<_> = accounts.into_iter().map(Referrer::Account).collect();
        let reservation = message.body.finish(&referrers).await?;
        self.deliver_body(delivery, &referrers, reservation, message.scanned).await
    }

    /// Delivers a body that is reserved for the recipients' accounts.
    pub(crate) async fn deliver_body(
        &self,
        delivery: Delivery,
        referrers: &[Referrer],
        reservation: Reservation,
        scanned: Scanned,
    ) -> Result<Vec<Missed>, ServiceError> {
        let Delivery { queue_id, reverse_path, recipients, trace, submitter, judgement, source } =
            delivery;
        let Judgement { authentication, placement } = judgement;
        let store = &self.inner.store;
        let content = Content::new(store, referrers, *reservation, &trace, scanned).await?;
        let row = MessageRow {
            reverse_path: Some(reverse_path),
            submitter,
            queue_id: Some(queue_id),
            authentication,
            ..self.row(&content, *reservation, self.internal_date())
        };
        let shared = Shared { row, trace, content, placement, queue_id, source };
        // Everyone is queued before anyone is waited for, so that a thousand recipients share a
        // few syncs.
        let mut waiting = VecDeque::new();
        let mut done = HashSet::with_capacity(referrers.len());
        let mut missed = Vec::new();
        let mut miss = |account, error| missed.push(missed_by(&recipients, account, error));
        for recipient in &recipients {
            if !done.insert(recipient.account.id) {
                continue;
            }
            if waiting.len() >= COMMITS_WAITING_MAX
                && let Some(queued) = waiting.pop_front()
            {
                finish(queued, &shared)
                    .await
                    .unwrap_or_else(|(account, error)| miss(account, error));
            }
            // One account's failure does not keep the message from the others: where the peer
            // tries again for all of them, those that have it are better off than with none.
            match self.queue_delivery(recipient, &shared).await {
                Ok(queued) => waiting.push_back(queued),
                Err(error) => miss(recipient.account.id, error),
            }
        }
        for queued in waiting {
            finish(queued, &shared).await.unwrap_or_else(|(account, error)| miss(account, error));
        }
        drop(reservation);
        Ok(missed)
    }

    async fn queue_delivery(
        &self,
        recipient: &Recipient,
        shared: &Shared,
    ) -> Result<Queued, ServiceError> {
        let owner = recipient.account.id;
        let cell = self.cell(Actor::System, owner, Right::Write).await?;
        let fields = match &shared.row.reverse_path {
            Some(path) => delivery_fields(path, &recipient.address),
            None => String::new(),
        };
        let prefix = [fields.as_bytes(), &shared.trace].concat();
        let content = &shared.content;
        let conversation =
            prepare::conversation(&self.inner.store, owner, &content.summary).await?;
        let mut ready = Ready {
            header: content.header(&prefix),
            structure: content.structure(&prefix),
            row: MessageRow {
                header_size: content.header_size(&prefix),
                prefix,
                original_recipient: Some(recipient.address.clone()),
                ..shared.row.clone()
            },
        };
        let keywords_max = self.keywords_max();
        let ((mailbox, uid), settling) = cell
            .queue(|state, change| {
                let inbox = state.target(&MailboxName::inbox());
                let target = match shared.placement {
                    Placement::Inbox => inbox?,
                    // Whoever deleted the mailbox for junk wants to see it all.
                    Placement::Junk => state.with_use(SpecialUse::Junk).map_or(inbox, Ok)?,
                };
                change.guard();
                shared.source.remember(shared.queue_id, change);
                let flags = FlagSet::new();
                let uid = insert::insert_new(
                    state,
                    change,
                    target,
                    &mut ready,
                    &conversation,
                    flags,
                    keywords_max,
                )?;
                Ok((target, uid))
            })
            .await?;
        let size = ready.row.size();
        let to = recipient.address.clone();
        Ok(Queued { to, account: owner, mailbox, uid, size, settling })
    }
}

/// A message's envelope, once its bytes are in the store.
pub(crate) struct Delivery {
    pub(crate) queue_id: QueueId,
    pub(crate) reverse_path: ReversePath,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) trace: Vec<u8>,
    pub(crate) submitter: Option<AccountId>,
    pub(crate) judgement: Judgement,
    pub(crate) source: Source,
}

/// Where a message comes from.
pub(crate) enum Source {
    /// A peer that is told what came of it.
    Edge,
    /// The queue, which keeps that in a commit of its own: until then the account remembers the
    /// delivery. These it may forget.
    Queue {
        /// Messages that have left the queue.
        settled: Vec<QueueId>,
    },
}

impl Source {
    fn remember(&self, id: QueueId, change: &mut Change) {
        let Source::Queue { settled } = self else { return };
        // Two recipients of one account may be tried at the same time.
        change.batch.assert::<QueueDelivery>(&id, Cond::Absent);
        change.batch.put::<QueueDelivery>(&id, &());
        settled.iter().for_each(|settled| change.batch.delete::<QueueDelivery>(settled));
    }
}

/// What all recipients get alike.
struct Shared {
    row: MessageRow,
    trace: Vec<u8>,
    content: Content,
    placement: Placement,
    queue_id: QueueId,
    source: Source,
}

struct Queued {
    to: EmailAddress,
    account: AccountId,
    mailbox: MailboxId,
    uid: Uid,
    size: u64,
    settling: Settling,
}

/// Which recipients an account's failure concerns.
fn missed_by(recipients: &[Recipient], account: AccountId, error: ServiceError) -> Missed {
    let is_theirs = |(_, to): &(usize, &Recipient)| to.account.id == account;
    let theirs = recipients.iter().enumerate().filter(is_theirs);
    Missed { recipients: theirs.map(|(at, to)| (at, to.address.clone())).collect(), error }
}

async fn finish(queued: Queued, shared: &Shared) -> Result<(), (AccountId, ServiceError)> {
    let Queued { to, account, mailbox, uid, size, settling } = queued;
    settling.done().await.map_err(|error| (account, error))?;
    let queue_id = shared.row.queue_id.map(|id| id.to_string()).unwrap_or_default();
    tracing::info!(
        target: "mail", queue_id, %to, %account, %mailbox, uid = uid.get(), size, "delivered"
    );
    metrics::counter!("facteur_messages_delivered_total").increment(1);
    Ok(())
}

/// RFC 5321 §6.3: a message that was here before, or nearly everywhere, is not taken again.
pub(crate) fn check_loop(raw_header: &[u8], recipients: &[Recipient]) -> Result<(), ServiceError> {
    if header::count(raw_header, "Received") > RECEIVED_MAX {
        return Err(ServiceError::Loop);
    }
    for field in header::fields(raw_header).filter(|field| field.is("Delivered-To")) {
        let value = header::unfold(field.value);
        let was_here =
            |to: &Recipient| value.eq_ignore_ascii_case(to.address.to_string().as_bytes());
        if recipients.iter().any(was_here) {
            return Err(ServiceError::Loop);
        }
    }
    Ok(())
}
