//! Rows of the full-text index, in the account partitions (table numbers 64 to 95). Only its queue
//! is written today, so that an indexer finds everything that came before it.

use mail_types::{DocumentId, MailboxId, Uid};

use super::mail::table;
use crate::table::Table;

table!(/// Documents not indexed yet: written by the commit that brings the message in, and removed
/// by the one that indexes it.
    IndexQueue = 64, DocumentId => (MailboxId, Uid));
