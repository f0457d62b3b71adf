//! Rows of the outgoing queue's shards.

use mail_types::{BlobHash, QueueId};

use super::mail::table;
use crate::table::Table;

table!(/// Which entries refer to a body; what the collector asks. An entry that refers to several
/// bodies has a row for each. Put by the commit that brings the entry in, deleted by the one that
/// removes it; whoever deletes it tells the collector with [`crate::Store::body_released`].
    QueueBodyUse = 3, (BlobHash, QueueId) => ());
