//! What holds of accounts, logins and resets, through the crate's public door.

mod accounts;
mod addresses;
mod alone;
mod common;
mod crash;
mod first_login;
mod foreign;
mod help_desk;
mod identity;
mod import;
mod logins;
mod office;
mod policy;
mod provisioning;
mod reset;
mod security;
mod units;
