//! The mail part of `facteur verify`: one account's rows held against each other.

use std::collections::{BTreeMap, BTreeSet};

use mail_store::tables::mail::{
    Account, BodyUse, Mailbox, MailboxCounters, MailboxCountersRow, Message, MessageFlags,
    MessageFlagsRow, MessageHeader, MessageRow, MessageStructure,
};
use mail_store::{Class, Direction, Partition, Store, Table, account_partition};
use mail_types::{AccountId, BlobHash, DocumentId, MailboxId, Uid};

use crate::error::ServiceError;
use crate::flag_block::{self, FlagBlocks};
use crate::index;
use crate::service::MailService;

/// Rows read at once.
const PAGE_ROWS: usize = 500;
/// Rows beside those of a page that are looked at; there should be [`PAGE_ROWS`].
const SPAN_ROWS_MAX: usize = 10_000;

/// Walks over an account that changes while it is walked.
const WALKS_MAX: u32 = 5;

/// What a walk over one account found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountVerified {
    /// Messages looked at.
    pub messages: u64,
    /// What is wrong, a line each.
    pub faults: Vec<String>,
}

/// The rows beside those of a page of messages.
struct Siblings {
    flags: BTreeMap<Uid, MessageFlagsRow>,
    headers: BTreeSet<Uid>,
    structures: BTreeSet<Uid>,
}

/// What a mailbox's rows come to.
#[derive(Default)]
struct Counted {
    messages: u32,
    unseen: u32,
    deleted: u32,
    bytes: u64,
}

impl MailService {
    /// How many messages the accounts' counters say there are, for a progress bar.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn messages_stored(&self) -> Result<u64, ServiceError> {
        let store = &self.inner.store;
        let mut messages = 0;
        for id in store.partitions(Class::Account, None, usize::MAX).await? {
            let row = store.get::<Account>(account_partition(AccountId(id)), &()).await?;
            messages += row.map_or(0, |row| row.messages);
        }
        Ok(messages)
    }

    /// Checks every invariant of an account's mailboxes, from the rows alone. What a commit changes
    /// meanwhile can look like a fault: an account that has one and is in use is walked again, a few
    /// times.
    ///
    /// # Errors
    /// When the store fails; damage found is a fault, not an error.
    pub async fn verify(&self, owner: AccountId) -> Result<AccountVerified, ServiceError> {
        let partition = account_partition(owner);
        // Its commits do not count as changes. An account that is too damaged to load has none.
        let cell = self.cell_as_is(owner).await.ok();
        let _indexer_waits = match &cell {
            Some(cell) => Some(cell.index.lock().await),
            None => None,
        };
        let mut walks = 0;
        loop {
            let before = self.inner.store.version(partition).await?;
            let verified = self.walk(partition).await?;
            walks += 1;
            let is_same = self.inner.store.version(partition).await? == before;
            if verified.faults.is_empty() || is_same || walks == WALKS_MAX {
                return Ok(verified);
            }
        }
    }

    async fn walk(&self, partition: Partition) -> Result<AccountVerified, ServiceError> {
        let mut walk = Walk {
            store: &self.inner.store,
            partition,
            verified: AccountVerified::default(),
            uses: BTreeSet::new(),
            documents: Vec::new(),
            bytes: 0,
        };
        walk.mailboxes().await?;
        walk.account().await?;
        walk.body_uses().await?;
        let index = index::verify::verify(walk.store, walk.partition, &walk.documents).await?;
        walk.verified.faults.extend(index);
        Ok(walk.verified)
    }
}

struct Walk<'a> {
    store: &'a Store,
    partition: Partition,
    verified: AccountVerified,
    /// Every use of a body that the messages say there is.
    uses: BTreeSet<(BlobHash, MailboxId, Uid)>,
    /// Every message's document.
    documents: Vec<(DocumentId, MailboxId, Uid)>,
    bytes: u64,
}

impl Walk<'_> {
    fn fault(&mut self, text: String) {
        self.verified.faults.push(text);
    }

    async fn mailboxes(&mut self) -> Result<(), ServiceError> {
        let rows = self.store.scan::<Mailbox>(self.partition, None, 10_000).await?.rows;
        let mut names = BTreeSet::new();
        for (id, row) in rows {
            if !names.insert(row.name.clone()) {
                self.fault(format!("{id}: a second mailbox named {}", row.name));
            }
            match self.store.get::<MailboxCounters>(self.partition, &id).await? {
                Some(counters) => self.messages(id, &counters).await?,
                None => self.fault(format!("{id}: has no counters")),
            }
        }
        Ok(())
    }

    async fn messages(
        &mut self,
        id: MailboxId,
        counters: &MailboxCountersRow,
    ) -> Result<(), ServiceError> {
        let version = self.store.version(self.partition).await?;
        let blocks = flag_block::read(self.store, self.partition, id).await?;
        let mut counted = Counted::default();
        let mut from = None;
        let mut begin = (id, Uid::FIRST);
        loop {
            let page = self
                .store
                .scan_prefix::<Message, _>(
                    self.partition,
                    &id,
                    from.as_ref(),
                    PAGE_ROWS,
                    Direction::Forward,
                )
                .await?;
            from = page.next;
            // What the other tables say between the first and the last message of this page.
            let end = from.unwrap_or((MailboxId(id.0.saturating_add(1)), Uid::FIRST));
            let siblings = self.siblings(&begin, &end).await?;
            self.orphans(id, &page.rows, &siblings);
            begin = end;
            for ((_, uid), row) in page.rows {
                counted.messages += 1;
                counted.bytes += row.size();
                self.uses.insert((row.body.hash, id, uid));
                self.documents.push((row.document, id, uid));
                self.uses.extend(row.spilled.iter().map(|body| (body.hash, id, uid)));
                if u64::from(uid.get()) >= counters.uid_next {
                    self.fault(format!("{id} UID {uid}: is not below UIDNEXT"));
                }
                self.check((id, uid), &row, &siblings, &blocks, version.0, &mut counted);
            }
            if from.is_none() {
                break;
            }
        }
        self.verified.messages += u64::from(counted.messages);
        self.bytes += counted.bytes;
        let said = (counters.messages, counters.unseen, counters.deleted, counters.bytes);
        let found = (counted.messages, counted.unseen, counted.deleted, counted.bytes);
        if said != found {
            self.fault(format!(
                "{id}: counters (messages, unseen, deleted, bytes) say {said:?}, rows say {found:?}"
            ));
        }
        Ok(())
    }

    async fn siblings(
        &self,
        begin: &(MailboxId, Uid),
        end: &(MailboxId, Uid),
    ) -> Result<Siblings, ServiceError> {
        let flags =
            self.store.scan_range::<MessageFlags>(self.partition, begin..end, SPAN_ROWS_MAX);
        let flags = flags.await?.rows.into_iter().map(|((_, uid), row)| (uid, row)).collect();
        Ok(Siblings {
            flags,
            headers: self.uids::<MessageHeader>(begin, end).await?,
            structures: self.uids::<MessageStructure>(begin, end).await?,
        })
    }

    async fn uids<T: Table<Key = (MailboxId, Uid)>>(
        &self,
        begin: &(MailboxId, Uid),
        end: &(MailboxId, Uid),
    ) -> Result<BTreeSet<Uid>, ServiceError> {
        let page = self.store.scan_range::<T>(self.partition, begin..end, SPAN_ROWS_MAX).await?;
        Ok(page.rows.into_iter().map(|((_, uid), _)| uid).collect())
    }

    /// The other rows of a message.
    fn check(
        &mut self,
        (id, uid): (MailboxId, Uid),
        message: &MessageRow,
        siblings: &Siblings,
        blocks: &FlagBlocks,
        version: u64,
        counted: &mut Counted,
    ) {
        match siblings.flags.get(&uid) {
            Some(stored) => {
                let mut row = stored.clone();
                if (row.size, row.internal_date) != (message.size(), message.internal_date) {
                    self.fault(format!("{id} UID {uid}: its rows disagree on size or date"));
                }
                blocks.apply(uid, &mut row);
                counted.unseen += u32::from(!row.flags.is_seen());
                counted.deleted += u32::from(row.flags.is_deleted());
                if row.mod_seq.0 > version {
                    self.fault(format!("{id} UID {uid}: its mod-sequence lies in the future"));
                }
            }
            None => self.fault(format!("{id} UID {uid}: has no flags row")),
        }
        if !siblings.headers.contains(&uid) {
            self.fault(format!("{id} UID {uid}: has no header row"));
        }
        if !siblings.structures.contains(&uid) {
            self.fault(format!("{id} UID {uid}: has no structure row"));
        }
    }

    /// Rows that a message left behind.
    fn orphans(
        &mut self,
        id: MailboxId,
        rows: &[((MailboxId, Uid), MessageRow)],
        siblings: &Siblings,
    ) {
        let messages: BTreeSet<Uid> = rows.iter().map(|((_, uid), _)| *uid).collect();
        let others = siblings.headers.iter().chain(&siblings.structures);
        let others: BTreeSet<Uid> = others.chain(siblings.flags.keys()).copied().collect();
        for uid in others.difference(&messages) {
            self.fault(format!("{id} UID {uid}: has rows and is no message"));
        }
    }

    async fn account(&mut self) -> Result<(), ServiceError> {
        let Some(row) = self.store.get::<Account>(self.partition, &()).await? else {
            return Ok(());
        };
        let (bytes, messages) = (self.bytes, self.verified.messages);
        if (row.bytes_used, row.messages) != (bytes, messages) {
            self.fault(format!(
                "quota says {} bytes in {} messages, rows say {bytes} in {messages}",
                row.bytes_used, row.messages
            ));
        }
        Ok(())
    }

    async fn body_uses(&mut self) -> Result<(), ServiceError> {
        let mut from = None;
        loop {
            let page = self.store.scan::<BodyUse>(self.partition, from.as_ref(), PAGE_ROWS).await?;
            for (key, ()) in page.rows {
                self.uses.remove(&key);
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        for (hash, id, uid) in std::mem::take(&mut self.uses) {
            self.fault(format!("{id} UID {uid}: body {hash} is not marked as used"));
        }
        Ok(())
    }
}
