//! Facteur, the mail system of a school authority: one program for SMTP, IMAP and the webmail.
//!
//! This crate is the binary: configuration, listeners, TLS, wiring and the command line. What
//! mail is stands in `mail-service`; protocols stand in the `smtp-*`, `imap-*` and `webmail`
//! crates.

mod admin;
mod check;
mod cli;
mod clients;
mod clock;
mod cms;
mod config;
mod demo;
mod dns;
mod history;
mod listener;
mod maintenance;
mod observe;
mod outgoing;
mod place;
mod reload;
mod server;
mod signing;
mod telemetry;
mod tls;

use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    raise_open_files();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("start the runtime: {error}")),
    };
    match runtime.block_on(cli.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Lets this process hold as many files and connections open as the system allows: the usual soft
/// limit of 1,024 is for programs that use `select`.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // When it fails, the limit stays what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

#[expect(clippy::print_stderr, reason = "the command line's one way to say why it failed")]
fn fail(error: &str) -> ExitCode {
    eprintln!("facteur: {error}");
    ExitCode::FAILURE
}
