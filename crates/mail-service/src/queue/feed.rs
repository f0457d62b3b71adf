//! What changed in the queue, for whoever works it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use mail_types::QueueId;
use tokio::sync::Notify;

/// Entries remembered while nobody listens; beyond it the listener is told to look at all.
const CHANGED_MAX: usize = 100_000;

/// Entries that changed since the last look. One listener at a time.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// Held for an insertion, no await inside.
    changed: Mutex<Changed>,
    notify: Notify,
}

/// What has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// These entries.
    pub entries: BTreeSet<QueueId>,
    /// More than could be remembered: look at all.
    pub is_gap: bool,
}

impl Feed {
    /// Tells of a change that is durable.
    pub(crate) fn tell(&self, id: QueueId) {
        {
            let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
            if changed.is_gap {
                return;
            }
            changed.entries.insert(id);
            if changed.entries.len() > CHANGED_MAX {
                *changed = Changed { entries: BTreeSet::new(), is_gap: true };
            }
        }
        self.notify.notify_one();
    }

    /// Waits for changes and takes them.
    pub(crate) async fn next(&self) -> Changed {
        loop {
            let changed =
                std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
            if changed != Changed::default() {
                return changed;
            }
            self.notify.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_remembered_becomes_a_gap() {
        let feed = Feed::default();
        feed.tell(QueueId(1));
        feed.tell(QueueId(1));
        assert_eq!(feed.next().await.entries.len(), 1);
        (0..=CHANGED_MAX as u64).for_each(|number| feed.tell(QueueId(number)));
        let changed = feed.next().await;
        assert!(changed.is_gap && changed.entries.is_empty());
        feed.tell(QueueId(7));
        assert!(!feed.next().await.is_gap);
    }
}
