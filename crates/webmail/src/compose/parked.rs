//! Files of messages that are being written: kept with the session until the message is sent, so
//! that a mistake in an address does not cost an upload.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::session::lock;

/// Messages with files that one session may have under way; the eldest gives way.
const DRAFTS_MAX: usize = 8;
/// Messages sent lately that are remembered, so that a second click sends nothing.
const SENT_MAX: usize = 64;

/// What a session holds.
#[derive(Default)]
pub(crate) struct Parked {
    /// Held for a look-up.
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    drafts: VecDeque<(String, Vec<ParkedFile>)>,
    /// Being sent or sent.
    sent: VecDeque<String>,
}

/// A file that has come.
#[derive(Clone)]
pub(crate) struct ParkedFile {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) content: Bytes,
    /// Its share of the memory for uploads.
    pub(crate) _held: Arc<Option<OwnedSemaphorePermit>>,
}

impl Parked {
    /// The files of a message.
    pub(crate) fn files(&self, id: &str) -> Vec<ParkedFile> {
        let inner = lock(&self.inner);
        let found = inner.drafts.iter().find(|(draft, _)| draft == id);
        found.map(|(_, files)| files.clone()).unwrap_or_default()
    }

    /// Bytes of a message's files.
    pub(crate) fn size(&self, id: &str) -> u64 {
        self.files(id).iter().map(|file| file.content.len() as u64).sum()
    }

    /// Adds files to a message.
    pub(crate) fn add(&self, id: &str, files: Vec<ParkedFile>) {
        if files.is_empty() {
            return;
        }
        let mut inner = lock(&self.inner);
        if let Some((_, kept)) = inner.drafts.iter_mut().find(|(draft, _)| draft == id) {
            kept.extend(files);
            return;
        }
        if inner.drafts.len() >= DRAFTS_MAX {
            inner.drafts.pop_front();
        }
        inner.drafts.push_back((id.to_owned(), files));
    }

    /// Removes one file of a message.
    pub(crate) fn remove(&self, id: &str, index: usize) {
        let mut inner = lock(&self.inner);
        if let Some((_, files)) = inner.drafts.iter_mut().find(|(draft, _)| draft == id)
            && index < files.len()
        {
            files.remove(index);
        }
    }

    /// Takes a message as being sent; `false` when it is or was already.
    pub(crate) fn begin_sending(&self, id: &str) -> bool {
        let mut inner = lock(&self.inner);
        if inner.sent.iter().any(|sent| sent == id) {
            return false;
        }
        if inner.sent.len() >= SENT_MAX {
            inner.sent.pop_front();
        }
        inner.sent.push_back(id.to_owned());
        true
    }

    /// It was not sent after all.
    pub(crate) fn not_sent(&self, id: &str) {
        lock(&self.inner).sent.retain(|sent| sent != id);
    }

    /// It was sent: its files are let go.
    pub(crate) fn sent(&self, id: &str) {
        lock(&self.inner).drafts.retain(|(draft, _)| draft != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> ParkedFile {
        ParkedFile {
            name: name.into(),
            media_type: "text/plain".into(),
            content: Bytes::from_static(b"abc"),
            _held: Arc::new(None),
        }
    }

    #[test]
    fn files_wait_until_the_message_is_sent() {
        let parked = Parked::default();
        parked.add("a", vec![file("1"), file("2")]);
        parked.add("a", vec![file("3")]);
        parked.remove("a", 1);
        parked.remove("a", 9);
        let names: Vec<_> = parked.files("a").into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["1", "3"]);
        assert_eq!(parked.size("a"), 6);
        parked.sent("a");
        assert!(parked.files("a").is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let parked = Parked::default();
        for number in 0..20 {
            parked.add(&number.to_string(), vec![file("x")]);
        }
        assert!(parked.files("11").is_empty());
        assert_eq!(parked.files("12").len(), 1);
    }

    #[test]
    fn a_second_click_sends_nothing() {
        let parked = Parked::default();
        assert!(parked.begin_sending("a"));
        assert!(!parked.begin_sending("a"));
        parked.not_sent("a");
        assert!(parked.begin_sending("a"));
    }
}
