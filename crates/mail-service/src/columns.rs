//! What SORT and THREAD compare, a line per message: made from the summaries kept at delivery and
//! remembered for the mailboxes that are sorted most, so that no message and no row is read twice.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mail_store::tables::mail::{Message, Summary};
use mail_types::{AccountId, Actor, MailboxId, Uid, UidSet};
use tokio::sync::Mutex;
use unicode_normalization::UnicodeNormalization;

use crate::error::ServiceError;
use crate::message::{self, OpenMailbox};
use crate::service::{MailService, Right};
use crate::snapshot::Snapshot;

/// Messages whose lines are remembered over all mailboxes; about 100 bytes each.
const LINES_KEPT: usize = 500_000;
/// Rows read at once.
const PAGE_ROWS: usize = 512;

/// A mailbox's lines, in UID order; those of expunged messages go when they are the most.
#[derive(Default)]
pub(crate) struct Columns {
    lines: Vec<Line>,
    texts: HashMap<Box<str>, u32>,
    /// The place of each text among all, by its number; older than `texts` until asked for.
    ranks: Vec<u32>,
    /// Message ids by a hash nobody outside can foresee, so that nobody can make them collide.
    ids: HashMap<u64, u32>,
    hasher: RandomState,
}

/// What is compared of one message. Texts and message ids are numbers.
pub(crate) struct Line {
    pub(crate) uid: Uid,
    /// RFC 5256 §2.2: the `Date` field, or else the internal date, in UTC.
    pub(crate) sent: i64,
    pub(crate) subject: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) cc: u32,
    pub(crate) display_from: u32,
    pub(crate) display_to: u32,
    /// RFC 5256 §2.1: whether the subject is that of a reply or forward.
    pub(crate) is_reply: bool,
    pub(crate) id: Option<u32>,
    /// What it refers to, the oldest first.
    pub(crate) references: Box<[u32]>,
}

impl Columns {
    /// The lines of these messages, in their order; `uids` rise.
    pub(crate) fn select<'a>(&'a self, uids: &'a [Uid]) -> impl Iterator<Item = &'a Line> {
        let mut lines = self.lines.iter().peekable();
        uids.iter().filter_map(move |uid| {
            while lines.next_if(|line| line.uid < *uid).is_some() {}
            lines.next_if(|line| line.uid == *uid)
        })
    }

    /// The place of each text in i;unicode-casemap's order, by its number.
    pub(crate) fn ranks(&mut self) -> &[u32] {
        if self.ranks.len() != self.texts.len() {
            let mut texts: Vec<(&str, u32)> =
                self.texts.iter().map(|(text, &number)| (&**text, number)).collect();
            texts.sort_unstable();
            self.ranks = vec![0; texts.len()];
            for (rank, (_, number)) in texts.into_iter().enumerate() {
                self.ranks[number as usize] = rank as u32;
            }
        }
        &self.ranks
    }

    /// How the text that is none is numbered.
    pub(crate) fn empty_text(&self) -> Option<u32> {
        self.texts.get("").copied()
    }

    /// How many texts there are: all are numbered below this.
    pub(crate) fn texts(&self) -> usize {
        self.texts.len()
    }

    /// How many message ids there are: all are numbered below this.
    pub(crate) fn ids(&self) -> usize {
        self.ids.len()
    }

    fn add(&mut self, uid: Uid, summary: &Summary, internal_date: i64) {
        // RFC 5256 §3: FROM, TO and CC compare the first address's mailbox.
        let mailbox = |person: Option<&(String, String)>| {
            let address = person.map_or("", |(_, address)| address.as_str());
            address.rsplit_once('@').map_or(address, |(local, _)| local).to_owned()
        };
        // RFC 5957 §3: its display name, or else its address.
        let display = |person: Option<&(String, String)>| match person {
            Some((name, address)) if name.is_empty() => address.clone(),
            Some((name, _)) => name.clone(),
            None => String::new(),
        };
        let (from, to, cc) = (summary.from.as_ref(), summary.to.first(), summary.cc.first());
        let references = summary.references.iter().map(|id| self.id(id)).collect();
        let line = Line {
            uid,
            sent: summary.date.unwrap_or(internal_date),
            subject: self.text(&summary.base_subject),
            from: self.text(&mailbox(from)),
            to: self.text(&mailbox(to)),
            cc: self.text(&mailbox(cc)),
            display_from: self.text(&display(from)),
            display_to: self.text(&display(to)),
            is_reply: summary.is_reply,
            id: summary.message_id.as_deref().map(|id| self.id(id)),
            references,
        };
        self.lines.push(line);
    }

    fn id(&mut self, id: &str) -> u32 {
        let next = self.ids.len() as u32;
        *self.ids.entry(self.hasher.hash_one(id)).or_insert(next)
    }

    fn text(&mut self, text: &str) -> u32 {
        let next = self.texts.len() as u32;
        *self.texts.entry(casemap(text).into_boxed_str()).or_insert(next)
    }
}

/// RFC 5051 i;unicode-casemap: texts are compared in this form.
fn casemap(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().flat_map(char::to_uppercase).nfkd().collect()
}

/// The lines of the mailboxes sorted lately.
#[derive(Default)]
pub(crate) struct ColumnsCache {
    /// The one used last stands last; held for a look-up.
    kept: std::sync::Mutex<Vec<Kept>>,
}

struct Kept {
    key: (AccountId, MailboxId),
    lines: Arc<AtomicUsize>,
    columns: Arc<Mutex<Columns>>,
}

impl ColumnsCache {
    fn of(&self, key: (AccountId, MailboxId)) -> (Arc<AtomicUsize>, Arc<Mutex<Columns>>) {
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = kept.iter().position(|kept| kept.key == key);
        let entry = match found {
            Some(place) => kept.remove(place),
            None => Kept { key, lines: Arc::default(), columns: Arc::default() },
        };
        let shared = (Arc::clone(&entry.lines), Arc::clone(&entry.columns));
        kept.push(entry);
        let mut lines = 0;
        let newest = kept.iter().rev().position(|kept| {
            lines += kept.lines.load(Ordering::Relaxed);
            lines > LINES_KEPT
        });
        // The one asked for stays, whatever its size.
        let gone = newest.map_or(0, |newest| kept.len() - newest.max(1));
        kept.drain(..gone);
        shared
    }
}

impl MailService {
    /// The mailbox's lines, with every message of this snapshot.
    pub(crate) async fn columns(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        snapshot: &Snapshot,
    ) -> Result<tokio::sync::OwnedMutexGuard<Columns>, ServiceError> {
        let cell = self.cell(actor, mailbox.owner(), Right::Read).await?;
        let (count, columns) = self.inner.columns.of((mailbox.owner(), mailbox.id()));
        let mut columns = columns.lock_owned().await;
        if columns.lines.len() > 2 * snapshot.len() + PAGE_ROWS {
            *columns = Columns::default();
        }
        let after = columns.lines.last().map_or(0, |line| line.uid.get());
        let new = snapshot.iter().rev().take_while(|entry| entry.uid.get() > after);
        let mut new: Vec<u32> = new.map(|entry| entry.uid.get()).collect();
        new.reverse();
        for page in new.chunks(PAGE_ROWS) {
            let page: UidSet = page.iter().copied().collect();
            for (uid, row) in message::rows::<Message>(&cell, mailbox, &page, PAGE_ROWS).await? {
                columns.add(uid, &row.summary, row.internal_date.unix_seconds());
            }
        }
        count.store(columns.lines.len(), Ordering::Relaxed);
        Ok(columns)
    }
}
