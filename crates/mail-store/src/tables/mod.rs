//! What the rows of each partition class say.

pub mod blob;
pub mod contacts;
pub mod directory;
pub mod index;
pub mod lease;
pub mod mail;
pub mod policy;
pub mod queue;
pub mod security;
pub mod system;
