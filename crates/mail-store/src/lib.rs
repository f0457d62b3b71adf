//! Partitioned tables and content-addressed bodies over an engine.
//!
//! The only crate that names an engine and the only one that builds key bytes. It never knows
//! what a message means. A commit never spans partitions, so every engine that can write one
//! partition atomically fits behind it.
//!
//! The types to know: [`Store`] (open it, read and commit typed rows), [`Commit`] (one atomic
//! change of one [`Partition`]), [`BodyWriter`] and [`Reservation`] (bodies).

mod blob_store;
mod change_bus;
mod engine;
mod error;
mod lease;
mod meta_store;
pub mod secrets;
mod store;
mod table;
pub mod tables;

pub use blob_store::{BlobStore, BodyRef};
pub use change_bus::{ChangeBus, Hint, HintOrGap, Subscription};
pub use engine::Work;
pub use error::{CommitError, OpenError, StoreError};
pub use lease::{Fence, LeaseStore};
pub use meta_store::{
    Class, Commit, Cond, Direction, Durability, Expect, MetaStore, Page, Partition, Pending,
    Version,
};
pub use store::batch::Batch;
pub use store::body::{BodyWriter, Reservation};
pub use store::typed::TypedPage;
pub use store::{
    Collected, FreeDisk, SalvageReport, Store, StoreFault, StoreOptions, StoreVerified, UnixClock,
    Upkeep,
};
pub use table::{KeyBytes, KeyReader, Table, TableKey};
pub use tables::blob::{Referrer, account_partition, queue_partition};
