//! The store through its public door, on both engines.

mod bodies;
mod conformance;
mod log;
mod opening;
mod restore;
mod support;
