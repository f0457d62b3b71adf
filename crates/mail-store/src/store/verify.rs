//! The store's part of `facteur verify`: bodies, names, references, and what was dropped.

use bytes::Bytes;
use mail_types::{AccountId, BlobHash};

use super::Store;
use super::batch::row_key;
use super::body::{CHUNK_BYTES, chunk_count};
use crate::engine::full_key;
use crate::error::StoreError;
use crate::meta_store::{Class, Partition};
use crate::table::Table;
use crate::tables::blob::{BodyName, BodyNameRow, BodyReferrer, Referrer, shard};
use crate::tables::mail::BodyUse;
use crate::tables::queue::QueueBodyUse;
use crate::tables::system::{Dropped, SYSTEM};

/// What is wrong with the store, as a line for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFault(pub String);

/// What a walk over all bodies found.
#[derive(Clone, Debug, Default)]
pub struct StoreVerified {
    /// Bodies read and hashed.
    pub bodies: u64,
    /// Their bytes.
    pub bytes: u64,
    /// References from messages and queue entries.
    pub uses: u64,
    /// Commit groups dropped at unclean stops and salvages, ever.
    pub groups_dropped: u64,
    /// What is wrong.
    pub faults: Vec<StoreFault>,
}

impl Store {
    /// Reads every body, hashes it, and follows every reference. `progress` hears bodies done.
    ///
    /// # Errors
    /// When the engine fails; damage found is a fault, not an error.
    pub async fn verify(&self, progress: impl Fn(u64) + Send) -> Result<StoreVerified, StoreError> {
        let mut verified = StoreVerified::default();
        for (_, row) in self.scan::<Dropped>(SYSTEM, None, 10_000).await?.rows {
            verified.groups_dropped += row.groups;
        }
        for id in self.partitions(Class::Blob, None, usize::MAX).await? {
            let partition = Partition { class: Class::Blob, id };
            let mut from = None;
            loop {
                let page = self.scan::<BodyName>(partition, from.as_ref(), 500).await?;
                for (hash, name) in page.rows {
                    self.verify_body(hash, &name, &mut verified);
                    progress(verified.bodies);
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        for id in self.partitions(Class::Account, None, usize::MAX).await? {
            let account = AccountId(id);
            let place = |(hash, mailbox, uid): &<BodyUse as Table>::Key| {
                (*hash, format!("{account} {mailbox} UID {uid}"))
            };
            self.verify_uses::<BodyUse>(account.into(), place, &mut verified).await?;
        }
        for shard in self.partitions(Class::Queue, None, usize::MAX).await? {
            let place = |(hash, entry): &<QueueBodyUse as Table>::Key| {
                (*hash, format!("queue entry {entry}"))
            };
            let referrer = Referrer::QueueShard(shard);
            self.verify_uses::<QueueBodyUse>(referrer, place, &mut verified).await?;
        }
        Ok(verified)
    }

    fn verify_body(&self, hash: BlobHash, name: &BodyNameRow, verified: &mut StoreVerified) {
        verified.bodies += 1;
        verified.bytes += name.size;
        let mut hasher = self.inner.bodies.hasher();
        for number in 0..chunk_count(name.size) {
            let left = name.size - u64::from(number) * CHUNK_BYTES as u64;
            let expected = left.min(CHUNK_BYTES as u64);
            match self.chunk(name.upload, number) {
                Ok(Some(chunk)) if chunk.len() as u64 == expected => drop(hasher.update(&chunk)),
                Ok(Some(_)) => {
                    verified.fault(format!("body {hash}: piece {number} has a wrong length"));
                }
                Ok(None) => verified.fault(format!("body {hash}: piece {number} is missing")),
                Err(error) => verified.fault(format!("body {hash}: piece {number}: {error}")),
            }
        }
        if hasher.finalize().as_bytes() != &hash.0 {
            verified.fault(format!("body {hash}: its bytes are not what was stored"));
        }
    }

    /// Follows the references of one partition; `place` says which body a row is about and whose
    /// row it is.
    async fn verify_uses<T: Table>(
        &self,
        referrer: Referrer,
        place: impl Fn(&T::Key) -> (BlobHash, String),
        verified: &mut StoreVerified,
    ) -> Result<(), StoreError> {
        let mut from = None;
        let mut last = None;
        loop {
            let page = self.scan::<T>(referrer.partition(), from.as_ref(), 1000).await?;
            verified.uses += page.rows.len() as u64;
            let mut uses: Vec<_> = page.rows.iter().map(|(key, _)| place(key)).collect();
            // Uses of one body stand one after the other, perhaps on two pages.
            uses.dedup_by_key(|(hash, _)| *hash);
            uses.retain(|(hash, _)| last != Some(*hash));
            last = uses.last().map(|(hash, _)| *hash).or(last);
            let name = |hash: &BlobHash| row_key::<BodyName>(hash);
            let known = |hash: &BlobHash| row_key::<BodyReferrer>(&(*hash, referrer));
            let names = self.blob_rows_exist(&uses, name)?;
            let known = self.blob_rows_exist(&uses, known)?;
            for (((hash, place), is_named), is_known) in uses.iter().zip(names).zip(known) {
                if !is_named {
                    verified.fault(format!("{place}: its body {hash} is missing"));
                }
                if !is_known {
                    verified.fault(format!("{place}: body {hash} does not know of it"));
                }
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }
}

impl Store {
    /// About how many bodies there are, for a progress bar.
    pub fn body_count_estimate(&self) -> u64 {
        self.inner.engine.chunk_count()
    }

    /// Whether each of these bodies has a row with this key in its shard.
    fn blob_rows_exist(
        &self,
        uses: &[(BlobHash, String)],
        key: impl Fn(&BlobHash) -> Bytes,
    ) -> Result<Vec<bool>, StoreError> {
        let keys: Vec<_> =
            uses.iter().map(|(hash, _)| full_key(shard(*hash), &key(hash))).collect();
        let values = self.inner.engine.get_whole(&keys)?;
        Ok(values.iter().map(Option::is_some).collect())
    }
}

impl StoreVerified {
    fn fault(&mut self, text: String) {
        self.faults.push(StoreFault(text));
    }
}
