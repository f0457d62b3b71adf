//! What both sides of an SMTP session say and do, through the crate's public door.

mod dialogs;
mod limits;
mod model;
mod peer;
mod relay;
mod send_dialogs;
mod send_to_receive;
mod smuggling;
mod text;
