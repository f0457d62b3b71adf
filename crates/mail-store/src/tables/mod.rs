//! What the rows of each partition class say.

pub mod directory;
pub mod index;
pub mod mail;
