//! Rows of the lease partitions: one partition for each lease.

use serde::{Deserialize, Serialize};

use super::mail::table;
use crate::table::Table;

table!(/// Who holds a lease.
    Lease = 1, String => LeaseRow);

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseRow {
    /// The holder's name; empty when released.
    pub owner: String,
    /// Rises with every acquisition.
    pub fence: u64,
    /// Rises with every renewal.
    pub beat: u64,
}
