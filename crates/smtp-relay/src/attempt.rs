//! One attempt: some recipients of one entry, to one next hop.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use jiff::Timestamp;
use mail_service::queue::{
    Attempt, Entry, Outgoing, QueueRecipientRow, Settled, Told, Verdict as Settlement,
};
use mail_service::{MailService, RecipientError, ServiceError};
use smtp_session::send::{self, Transaction};

use crate::concurrency::Feedback;
use crate::content::{Content, PIECE_BYTES_MAX};
use crate::delivery::{self, Verdict};
use crate::lines::{Job, Way};
use crate::route::Route;
use crate::schedule::{Next, Schedule};
use crate::transport::Transport;

/// Signs what leaves: header lines to put in front, none for domains without keys.
pub trait Sign: Send + Sync {
    /// Signs these bytes for the domain that their sender writes from.
    fn sign<'a>(
        &'a self,
        entry: &'a Entry,
        outgoing: &'a Outgoing,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, ServiceError>> + Send + 'a>>;
}

/// What all attempts share.
pub(crate) struct Attempts {
    pub(crate) service: MailService,
    pub(crate) transport: Transport,
    pub(crate) schedule: Schedule,
    pub(crate) signer: Option<Arc<dyn Sign>>,
}

/// What came of an attempt.
pub(crate) struct Ran {
    /// How the next hop did, for its line.
    pub(crate) feedback: Feedback,
    /// Of how many recipients.
    pub(crate) tally: Tally,
    /// How long it took, without its settlement.
    pub(crate) took: Duration,
    pub(crate) settled: Result<Settled, ServiceError>,
}

/// How many recipients had which fate.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) deferred: u64,
    pub(crate) bounced: u64,
}

impl Tally {
    fn of(verdicts: &[(u32, Settlement)]) -> Self {
        let mut tally = Self::default();
        for (_, verdict) in verdicts {
            match verdict {
                Settlement::Delivered { .. } => tally.sent += 1,
                Settlement::Retry { .. } => tally.deferred += 1,
                Settlement::Failed { .. } => tally.bounced += 1,
            }
        }
        tally
    }
}

impl Ran {
    /// Nobody was asked.
    fn nowhere(settled: Result<Settled, ServiceError>) -> Self {
        let (feedback, tally, took) = (Feedback::Unused, Tally::default(), Duration::ZERO);
        Self { feedback, tally, took, settled }
    }
}

/// The content of an entry as the transport reads it.
struct Reading(Outgoing);

impl Content for Reading {
    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn read(&self, offset: u64) -> io::Result<Bytes> {
        let mut piece = self.0.piece(offset).await.map_err(io::Error::other)?;
        piece.truncate(PIECE_BYTES_MAX);
        Ok(piece)
    }
}

impl Attempts {
    /// Tries, and settles what came of it.
    pub(crate) async fn run(&self, job: &Job) -> Ran {
        let began = Instant::now();
        let entry = match self.service.queued(job.id).await {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ran::nowhere(Ok(Settled::Done)),
            Err(error) => return Ran::nowhere(Err(error)),
        };
        let recipients: Vec<(u32, QueueRecipientRow)> = entry
            .recipients
            .iter()
            .filter(|(number, row)| job.recipients.contains(number) && !row.is_held)
            .cloned()
            .collect();
        if recipients.is_empty() {
            return Ran::nowhere(Ok(Settled::Waiting(None)));
        }
        let (feedback, verdicts) = match &job.way {
            Way::Here => (Feedback::Served, self.here(&entry, &recipients).await),
            Way::Route(route) => match self.elsewhere(&entry, &recipients, route).await {
                Ok(outcome) => outcome,
                Err(error) => return Ran::nowhere(Err(error)),
            },
        };
        let (tally, took) = (Tally::of(&verdicts), began.elapsed());
        let settled = self.service.settle(job.id, verdicts).await;
        Ran { feedback, tally, took, settled }
    }

    async fn elsewhere(
        &self,
        entry: &Entry,
        recipients: &[(u32, QueueRecipientRow)],
        route: &Route,
    ) -> Result<(Feedback, Vec<(u32, Settlement)>), ServiceError> {
        let unsigned = self.service.outgoing(entry.message.clone(), &[]);
        let signatures = match &self.signer {
            Some(signer) => signer.sign(entry, &unsigned).await?,
            None => Vec::new(),
        };
        let content = Reading(self.service.outgoing(entry.message.clone(), &signatures));
        let transaction = transaction(entry, recipients, content.size());
        let delivery = self.transport.deliver(route, &transaction, &content).await;
        let next_hop = route.key().map(|key| key.to_string()).unwrap_or_default();
        let verdicts = recipients
            .iter()
            .zip(&delivery.attempts)
            .map(|((number, row), attempt)| {
                (*number, self.verdict(row, attempt, describe(attempt, &next_hop)))
            })
            .collect();
        Ok((delivery.feedback, verdicts))
    }

    fn verdict(
        &self,
        row: &QueueRecipientRow,
        attempt: &delivery::Attempt,
        described: Attempt,
    ) -> Settlement {
        match attempt.verdict {
            Verdict::Delivered => {
                let told = if attempt.dsn_passed_on { Told::NextHop } else { Told::Relayed };
                Settlement::Delivered { attempt: described, told }
            }
            Verdict::Failed => Settlement::Failed { attempt: described },
            Verdict::Deferred => self.again(row, described),
        }
    }

    /// By the schedule, or never again.
    fn again(&self, row: &QueueRecipientRow, mut attempt: Attempt) -> Settlement {
        let now = system_time(self.service.now());
        let first_seen = system_time(Timestamp::from_second(row.due_since).unwrap_or_default());
        match self.schedule.next(row.attempts + 1, first_seen, now, rand::random()) {
            Next::Attempt(at) => {
                let late = self.schedule.is_late(first_seen, now);
                let until = timestamp(self.schedule.end(first_seen));
                let delayed_until = late.then_some(until);
                Settlement::Retry { attempt, at: timestamp(at), delayed_until }
            }
            Next::GiveUp => {
                // RFC 3463 §3.5, X.4.7: "delivery time expired"; what was said last stays.
                if attempt.status.0 == 4 {
                    attempt.status = match attempt.status {
                        (_, 0, 0) | (_, 4, _) => (5, 4, 7),
                        (_, subject, detail) => (5, subject, detail),
                    };
                }
                Settlement::Failed { attempt }
            }
        }
    }

    async fn here(
        &self,
        entry: &Entry,
        recipients: &[(u32, QueueRecipientRow)],
    ) -> Vec<(u32, Settlement)> {
        let mut verdicts = Vec::with_capacity(recipients.len());
        for (number, row) in recipients {
            verdicts.push((*number, self.deliver_here(entry, row).await));
        }
        verdicts
    }

    async fn deliver_here(&self, entry: &Entry, row: &QueueRecipientRow) -> Settlement {
        let size = entry.message.body.size + entry.message.prefix.len() as u64;
        let delivered = match self.service.recipient(&row.address, Some(size)).await {
            Ok(recipient) => self.service.deliver_queued(entry, &recipient).await.map_err(failure),
            Err(error) => Err(refusal(&error)),
        };
        let attempt = |status, reason: &str| Attempt {
            next_hop: "here".into(),
            reason: reason.into(),
            status,
            reply: None,
        };
        match delivered {
            Ok(()) => Settlement::Delivered {
                attempt: attempt((2, 0, 0), "delivered"),
                told: Told::Delivered,
            },
            Err((status @ (5, ..), reason)) => {
                Settlement::Failed { attempt: attempt(status, reason) }
            }
            Err((status, reason)) => self.again(row, attempt(status, reason)),
        }
    }
}

/// Why a mailbox here does not take a message: RFC 3463 status and words.
fn refusal(error: &RecipientError) -> ((u8, u16, u16), &'static str) {
    match error {
        RecipientError::UnknownUser | RecipientError::NotHosted => ((5, 1, 1), "no such mailbox"),
        RecipientError::OverQuota => ((4, 2, 2), "mailbox full"),
        RecipientError::TryAgain(_) => ((4, 3, 0), "the directory could not be asked"),
    }
}

fn failure(error: ServiceError) -> ((u8, u16, u16), &'static str) {
    match error {
        ServiceError::Loop => ((5, 4, 6), "mail loop"),
        ServiceError::OverQuota => ((4, 2, 2), "mailbox full"),
        ServiceError::DiskFull => ((4, 3, 1), "not enough disk space"),
        error => {
            tracing::warn!(%error, "delivery out of the queue failed");
            ((4, 3, 0), "the store could not take it")
        }
    }
}

fn describe(attempt: &delivery::Attempt, next_hop: &str) -> Attempt {
    let remote = attempt.remote.as_ref().map(|remote| remote.host.clone());
    Attempt {
        next_hop: remote.unwrap_or_else(|| next_hop.to_owned()),
        reason: attempt.cause.as_ref().map_or("delivered".into(), ToString::to_string),
        status: attempt.enhanced,
        reply: attempt.reply.as_ref().map(ToString::to_string),
    }
}

fn transaction(entry: &Entry, recipients: &[(u32, QueueRecipientRow)], size: u64) -> Transaction {
    let message = &entry.message;
    let recipients = recipients.iter().map(|(_, row)| send::Recipient {
        forward_path: row.address.clone(),
        notify: row.notify,
        original_recipient: row.original_recipient.clone(),
    });
    Transaction {
        reverse_path: message.reverse_path.clone(),
        recipients: recipients.collect(),
        size,
        eight_bit: message.is_8bit,
        utf8_header: message.is_utf8,
        ret: message.ret,
        envelope_id: message.envelope_id.clone(),
    }
}

fn system_time(time: Timestamp) -> SystemTime {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}
