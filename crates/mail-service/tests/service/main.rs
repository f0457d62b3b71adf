//! The service through its public door, over a store in memory that can forget and fail, and over
//! RocksDB on disks that fill and empty.

mod contacts;
mod deliver;
mod disk;
mod durable;
mod history;
mod leaving;
mod locked;
mod mailboxes;
mod messages;
mod model;
mod order;
mod outbox;
mod queue;
mod quota;
mod search;
mod support;
mod verify;
