//! Messages of every shape, through the crate's public door.

mod compose;
mod corpus;
mod dsn;
mod fuzz;
mod pieces;
mod scan;
mod threats;
mod wire;
