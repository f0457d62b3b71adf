//! The webmail: HTTP pages over the same mailboxes.
//!
//! Pages are rendered here and work without scripts; one small script of ours only makes them
//! quicker. The crate speaks HTTP and knows nothing of how mail is kept: it asks
//! [`mail_service::MailService`]. Mail content never shares a document with our pages, except as
//! escaped text.
//!
//! The types to know: [`Webmail`] (serves connections), [`Settings`], [`Port`].

mod account;
mod action;
mod administration;
mod assets;
mod assistance;
mod attachment;
mod body;
mod compose;
mod contacts;
mod csrf;
mod date;
mod error;
mod events;
mod first_login;
mod forgotten;
mod hand_out;
mod headers;
mod help;
mod http;
mod io;
mod letters;
mod locale;
mod login;
mod lost_id;
mod mailbox;
mod message;
mod multipart;
mod notices;
mod outbox;
mod people;
mod qr;
mod reset_stop;
mod routes;
mod sanitize;
mod search;
mod second_step;
mod security;
mod session;
mod settings;
mod setup;
mod theme;
mod typed_id;
mod url;
mod view;
mod webmail;

pub use contacts::write_vcards;
pub use hand_out::{CSV_HEADER, HandOut, csv_field, html_head};
pub use notices::{Conformity, Notices};
pub use settings::{Origin, PlainHttp, Settings};
pub use setup::{Access, MailPrograms, Security};
pub use theme::{Colour, Theme, ThemeError};
pub use webmail::{Port, ProfileSigner, TlsSource, Webmail};

#[cfg(test)]
mod tests;
