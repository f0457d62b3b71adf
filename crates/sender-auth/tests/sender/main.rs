//! Senders verified and messages signed, through the crate's public door; DNS answers from memory.

mod cases;
mod dkim;
mod dmarc;
mod filter;
mod foreign;
mod policy;
mod records;
mod resolver;
mod spf_suite;
mod support;
