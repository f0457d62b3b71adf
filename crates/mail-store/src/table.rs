//! Typed rows: the one place where a key becomes bytes and a value gets its version.

use bytes::Bytes;
use mail_types::{BlobHash, DocumentId, MailboxId, ModSeq, QueueId, Uid};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A table of one partition class.
pub trait Table {
    /// The first byte of its keys; unique within the class, never reused.
    const ID: u8;
    /// For error texts and `facteur verify`.
    const NAME: &'static str;
    /// The version its values are written in.
    const VERSION: u8;
    /// What names a row.
    type Key: TableKey;
    /// What a row says.
    type Value: Serialize + DeserializeOwned;

    /// Reads a value of an older version. Overridden by a table that has had one.
    fn migrate(_version: u8, _bytes: &[u8]) -> Option<Self::Value> {
        None
    }
}

/// Key bytes under construction. Numbers are big-endian, so that byte order is number order.
#[derive(Debug, Default)]
pub struct KeyBytes(Vec<u8>);

impl KeyBytes {
    /// Starts a key of this table.
    pub fn table(id: u8) -> Self {
        Self(vec![id])
    }

    /// Appends raw bytes; only as the last element, or of fixed length.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends a number.
    pub fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Appends a number.
    pub fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Appends a number.
    pub fn u8(self, number: u8) -> Self {
        self.bytes(&[number])
    }

    /// The finished key.
    pub fn finish(self) -> Bytes {
        Bytes::from(self.0)
    }
}

/// Reads a key's elements back.
#[derive(Clone, Copy, Debug)]
pub struct KeyReader<'a>(pub &'a [u8]);

impl<'a> KeyReader<'a> {
    /// Takes that many bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// Takes a number.
    pub fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// Takes a number.
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// Takes a number.
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Takes what is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// A key's elements in order.
pub trait TableKey: Sized {
    /// Appends the elements.
    fn write(&self, key: KeyBytes) -> KeyBytes;
    /// Reads them back; `None` when the bytes are not such a key.
    fn read(reader: &mut KeyReader<'_>) -> Option<Self>;
}

impl TableKey for () {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key
    }
    fn read(_: &mut KeyReader<'_>) -> Option<Self> {
        Some(())
    }
}

impl TableKey for u64 {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u64(*self)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u64()
    }
}

impl TableKey for u32 {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u32(*self)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u32()
    }
}

impl TableKey for u8 {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u8(*self)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u8()
    }
}

/// Only as a key's last element.
impl TableKey for Vec<u8> {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.bytes(self)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        Some(reader.rest().to_vec())
    }
}

/// Only as a key's last element.
impl TableKey for String {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.bytes(self.as_bytes())
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        String::from_utf8(reader.rest().to_vec()).ok()
    }
}

impl TableKey for MailboxId {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u32(self.0)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u32().map(MailboxId)
    }
}

impl TableKey for Uid {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u32(self.get())
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u32().and_then(Uid::new)
    }
}

impl TableKey for ModSeq {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u64(self.0)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u64().map(ModSeq)
    }
}

impl TableKey for DocumentId {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u32(self.0)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u32().map(DocumentId)
    }
}

impl TableKey for QueueId {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.u64(self.0)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.u64().map(QueueId)
    }
}

impl TableKey for BlobHash {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        key.bytes(&self.0)
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        reader.take(32)?.try_into().ok().map(BlobHash)
    }
}

impl<A: TableKey, B: TableKey> TableKey for (A, B) {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        self.1.write(self.0.write(key))
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        Some((A::read(reader)?, B::read(reader)?))
    }
}

impl<A: TableKey, B: TableKey, C: TableKey> TableKey for (A, B, C) {
    fn write(&self, key: KeyBytes) -> KeyBytes {
        self.2.write(self.1.write(self.0.write(key)))
    }
    fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        Some((A::read(reader)?, B::read(reader)?, C::read(reader)?))
    }
}
