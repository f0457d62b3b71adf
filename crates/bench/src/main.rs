//! Load generators that speak to any SMTP, LMTP, IMAP or HTTP server, and side-by-side runs of
//! Facteur against Debian's Postfix and Dovecot.
//!
//! Knows protocols from the client's side only and depends on none of our server crates: what is
//! measured is what a stranger sees.

mod cli;
mod compare;
mod corpus;
mod error;
mod http;
mod imap;
mod load;
mod report;
mod sink;
mod smtp;
mod wire;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("start the runtime: {error}")),
    };
    match runtime.block_on(cli.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "the command line's one way to say why it failed")]
fn fail(error: &str) -> ExitCode {
    eprintln!("bench: {error}");
    ExitCode::FAILURE
}
