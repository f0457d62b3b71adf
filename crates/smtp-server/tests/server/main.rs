//! The server over sockets, as clients and other servers see it.

mod common;
mod receive;
mod senders;
mod submit;
