//! Rows of the directory partitions.
