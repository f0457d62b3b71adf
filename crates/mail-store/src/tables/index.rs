//! Rows of the full-text index, in the account partitions (table numbers 64 to 95).
