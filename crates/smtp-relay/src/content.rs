//! Where a message's content comes from.

use std::future::Future;
use std::io;

use bytes::Bytes;

/// Largest piece taken at once; a longer one is cut.
pub const PIECE_BYTES_MAX: usize = 64 << 10;

/// A message's content, read in pieces, perhaps several times (another host, another connection).
///
/// It is what goes out, byte for byte: signed already, with CR LF at the end of each line and CR
/// and LF nowhere else. Content that is not so does not leave (`Reason::ContentNotCanonical`).
pub trait Content: Send + Sync {
    /// Its length in bytes.
    fn size(&self) -> u64;

    /// The bytes from `offset` on: a piece of any length up to [`PIECE_BYTES_MAX`], not empty
    /// before the end.
    ///
    /// # Errors
    /// When it cannot be read. The attempt ends, and its recipients are deferred.
    fn read(&self, offset: u64) -> impl Future<Output = io::Result<Bytes>> + Send;
}

impl Content for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    async fn read(&self, offset: u64) -> io::Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let end = start.saturating_add(PIECE_BYTES_MAX).min(self.len());
        Ok(self.slice(start..end))
    }
}
