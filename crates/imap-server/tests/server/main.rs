//! The server over sockets, as mail programs see it.

mod common;
mod dialogs;
mod leaving;
mod threats;
