//! Bodies on their way in: written in pieces under an upload number, named at the end.
//!
//! Nothing here waits for a sync: pieces and name lie in the log before the synced commit that
//! refers to them, because the line is in order.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mail_types::BlobHash;

use super::Store;
use super::batch::Batch;
use crate::blob_store::BodyRef;
use crate::engine::{Extra, Op};
use crate::error::{CommitError, StoreError};
use crate::meta_store::{Cond, Pending};
use crate::tables::blob::{
    BodyName, BodyNameRow, BodyReferrer, BodyTouched, Referrer, UPLOADS, Upload, UploadRow, shard,
};

/// Length of all pieces but the last; also the memory a writer holds.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
/// How often naming is tried when another upload of the same body, or the collector, interferes.
const NAMING_TRIES: usize = 8;

/// Hints kept for the collector: some 40 MB.
const RELEASED_MAX: usize = 1 << 20;

/// What a running store knows of its bodies.
pub(crate) struct Bodies {
    grace_seconds: i64,
    naming_key: Mutex<[u8; 32]>,
    next_upload: AtomicU64,
    /// Bodies that somebody is about to refer to. Held for a look-up, or for a submit by the
    /// collector; never over an await.
    pins: Mutex<HashMap<BlobHash, u32>>,
    /// Bodies that lost a reference: the collector's hints.
    released: Mutex<HashSet<BlobHash>>,
    /// Bytes of bodies removed since the last compaction.
    pub(crate) removed_bytes: AtomicU64,
}

impl Bodies {
    pub(crate) fn new(grace_seconds: i64) -> Self {
        Self {
            grace_seconds,
            naming_key: Mutex::default(),
            next_upload: AtomicU64::new(0),
            pins: Mutex::default(),
            released: Mutex::default(),
            removed_bytes: AtomicU64::new(0),
        }
    }

    /// Takes the key that names bodies, and upload numbers that no earlier start used.
    pub(crate) fn begin(&self, naming_key: [u8; 32], starts: u32) {
        *self.naming_key.lock().unwrap_or_else(PoisonError::into_inner) = naming_key;
        self.next_upload.store(u64::from(starts) << 32, Ordering::Relaxed);
    }

    pub(crate) fn grace_seconds(&self) -> i64 {
        self.grace_seconds
    }

    /// The first upload number of this start: smaller ones are nobody's any more.
    pub(crate) fn first_upload(&self) -> u64 {
        self.next_upload.load(Ordering::Relaxed) >> 32 << 32
    }

    pub(crate) fn pins(&self) -> MutexGuard<'_, HashMap<BlobHash, u32>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a body lost a reference; when there is no room for the hint, the sweep finds it.
    pub(crate) fn release(&self, hash: BlobHash) {
        let mut released = self.released();
        if released.len() < RELEASED_MAX {
            released.insert(hash);
        }
    }

    pub(crate) fn released(&self) -> MutexGuard<'_, HashSet<BlobHash>> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hasher(&self) -> blake3::Hasher {
        let key = self.naming_key.lock().unwrap_or_else(PoisonError::into_inner);
        blake3::Hasher::new_keyed(&key)
    }
}

/// Where a piece lies.
pub(crate) fn chunk_key(upload: u64, number: u32) -> Bytes {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&upload.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    Bytes::copy_from_slice(&key)
}

/// How many pieces a body of this size has.
pub(crate) fn chunk_count(size: u64) -> u32 {
    size.div_ceil(CHUNK_BYTES as u64) as u32
}

/// A stored body that the collector leaves alone while this lives. Keep it until the commit that
/// refers to the body is done.
pub struct Reservation {
    store: Store,
    body: BodyRef,
}

impl Deref for Reservation {
    type Target = BodyRef;

    fn deref(&self) -> &BodyRef {
        &self.body
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reservation").field(&self.body).finish()
    }
}

impl Reservation {
    fn pin(store: &Store, body: BodyRef) -> Self {
        *store.inner.bodies.pins().entry(body.hash).or_default() += 1;
        Self { store: store.clone(), body }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut pins = self.store.inner.bodies.pins();
        if let Some(count) = pins.get_mut(&self.body.hash) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.body.hash);
            }
        }
    }
}

/// A body on its way in. Holds at most two pieces in memory. Dropping it discards what it wrote.
pub struct BodyWriter {
    store: Store,
    hasher: blake3::Hasher,
    /// Taken when the first piece is full: most bodies never need one before their end.
    upload: Option<u64>,
    buffer: Vec<u8>,
    size: u64,
    chunks: u32,
    /// The piece that is being written; the next one waits for it, so that a fast peer cannot
    /// fill the memory.
    in_flight: Option<Pending>,
}

impl BodyWriter {
    pub(crate) fn new(store: Store) -> Self {
        let hasher = store.inner.bodies.hasher();
        Self {
            store,
            hasher,
            upload: None,
            buffer: Vec::new(),
            size: 0,
            chunks: 0,
            in_flight: None,
        }
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] while free disk is under the floor; else the engine's failure.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        if self.store.is_disk_full() {
            return Err(StoreError::DiskFull);
        }
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        while self.buffer.len() + bytes.len() > CHUNK_BYTES {
            let (head, tail) = bytes.split_at(CHUNK_BYTES - self.buffer.len());
            self.buffer.extend_from_slice(head);
            bytes = tail;
            self.flush().await?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the body and names it for these referrers. It is in line and not yet written when this
    /// returns: it can be read, and is durable, at the latest when the commit that refers to it
    /// is done.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn finish(mut self, referrers: &[Referrer]) -> Result<Reservation, StoreError> {
        let body = BodyRef { hash: BlobHash(*self.hasher.finalize().as_bytes()), size: self.size };
        if let Some(pending) = self.in_flight.take() {
            pending.await?;
        }
        // Most bodies are new. A large one asks first nevertheless: when it is stored already, its
        // upload's note need not be written again.
        let mut may_be_stored = self.upload.is_some();
        for _ in 0..NAMING_TRIES {
            if std::mem::replace(&mut may_be_stored, true)
                && let Some(reservation) = self.store.reserve_body(body, referrers)?
            {
                return Ok(reservation);
            }
            let reservation = Reservation::pin(&self.store, body);
            match self.name(body, referrers) {
                Ok(_pending) => {
                    self.forget_upload();
                    return Ok(reservation);
                }
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommitError::Conflict.into())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        if let Some(pending) = self.in_flight.take() {
            pending.await?;
        }
        let upload = self.begin_upload()?;
        let extra = Extra { chunks: vec![self.chunk(upload)?], advance: 0 };
        self.buffer.clear();
        self.chunks += 1;
        self.in_flight = Some(self.store.submit_with(UPLOADS, Batch::new().unsynced(), extra)?);
        Ok(())
    }

    fn chunk(&self, upload: u64) -> Result<Op, StoreError> {
        let key = chunk_key(upload, self.chunks);
        let value = self.store.inner.sealer.seal(&key, 1, &self.buffer)?;
        Ok(Op::PutChunk(key, value))
    }

    fn begin_upload(&mut self) -> Result<u64, StoreError> {
        if let Some(upload) = self.upload {
            return Ok(upload);
        }
        let upload = self.store.new_upload();
        // It is in line before the pieces.
        self.store.note_upload(upload, None)?;
        self.upload = Some(upload);
        Ok(upload)
    }

    fn name(&self, body: BodyRef, referrers: &[Referrer]) -> Result<Pending, CommitError> {
        let upload = match self.upload {
            Some(upload) => {
                // A crash between the name and the end of the upload's row must not let the
                // sweep take the pieces of a named body.
                self.store.note_upload(upload, Some(body.hash))?;
                upload
            }
            None => self.store.new_upload(),
        };
        let mut extra = Extra::default();
        if !self.buffer.is_empty() {
            extra
                .chunks
                .push(self.chunk(upload).map_err(|error| CommitError::Read(Box::new(error)))?);
        }
        let mut batch = Batch::new().unsynced().bump();
        batch.assert::<BodyName>(&body.hash, Cond::Absent);
        batch.put::<BodyName>(&body.hash, &BodyNameRow { size: body.size, upload });
        self.store.refer(&mut batch, body, referrers);
        self.store.submit_with(shard(body.hash), batch, extra)
    }

    /// The pieces have a name now: the sweep must not take them for abandoned.
    fn forget_upload(&mut self) {
        if let Some(upload) = self.upload.take() {
            let mut batch = Batch::new().unsynced();
            batch.delete::<Upload>(&upload);
            let _ = self.store.submit(UPLOADS, batch);
        }
    }
}

impl Drop for BodyWriter {
    /// Removes the pieces of a body that got no name, or that was stored already.
    fn drop(&mut self) {
        let Some(upload) = self.upload.take() else { return };
        let pieces = (0..self.chunks).map(|number| Op::DeleteChunk(chunk_key(upload, number)));
        let extra = Extra { chunks: pieces.collect(), advance: 0 };
        let mut batch = Batch::new().unsynced();
        batch.delete::<Upload>(&upload);
        let _ = self.store.submit_with(UPLOADS, batch, extra);
    }
}

impl Store {
    fn new_upload(&self) -> u64 {
        self.inner.bodies.next_upload.fetch_add(1, Ordering::Relaxed)
    }

    /// Puts into the line that these pieces' fate is open.
    pub(crate) fn note_upload(
        &self,
        upload: u64,
        body: Option<BlobHash>,
    ) -> Result<(), CommitError> {
        let mut batch = Batch::new().unsynced();
        batch.put::<Upload>(&upload, &UploadRow { started: self.now(), body });
        self.submit(UPLOADS, batch).map(drop)
    }

    fn refer(&self, batch: &mut Batch, body: BodyRef, referrers: &[Referrer]) {
        batch.put::<BodyTouched>(&body.hash, &self.now());
        for referrer in referrers {
            batch.put::<BodyReferrer>(&(body.hash, *referrer), &());
        }
    }

    pub(crate) fn reserve_body(
        &self,
        body: BodyRef,
        referrers: &[Referrer],
    ) -> Result<Option<Reservation>, StoreError> {
        // The pin comes first: from here on the collector leaves the body alone, or has already
        // queued its removal, and then the assertion fails.
        let reservation = Reservation::pin(self, body);
        let mut batch = Batch::new().unsynced().bump();
        batch.assert::<BodyName>(&body.hash, Cond::Exists);
        self.refer(&mut batch, body, referrers);
        match self.submit(shard(body.hash), batch) {
            Ok(_pending) => Ok(Some(reservation)),
            Err(CommitError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
