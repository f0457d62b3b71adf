//! The command line's side: asks the running server, or opens the store when none runs.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::outputs::Outputs;
use super::{Event, Reporter, Services, execute};
use crate::cli::{AccountCommand, AdminCommand, UnitCommand, say};
use crate::config::Config;

/// Runs a command and prints what it says.
pub(crate) async fn run(config: &Config, mut command: AdminCommand) -> Result<(), String> {
    fill_in(&mut command)?;
    let mut outputs = Outputs::for_command(config, &command)?;
    let outcome = execute_somewhere(config, command, &mut outputs).await;
    // What was written is told, also when the command failed half way.
    match outputs.finish(say) {
        Ok(()) => outcome,
        Err(error) => Err(error),
    }
}

async fn execute_somewhere(
    config: &Config,
    command: AdminCommand,
    outputs: &mut Outputs,
) -> Result<(), String> {
    match UnixStream::connect(&config.admin_socket).await {
        Ok(stream) => ask(stream, &command, outputs).await,
        // The socket is its owner's; who may not use it may not use the store either.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Err(format!(
            "{}: {error}: run this as the server's user",
            config.admin_socket.display()
        )),
        Err(_) => run_here(config, command, outputs).await,
    }
}

/// Reads here what the server cannot: standard input, and files by the caller's paths.
fn fill_in(command: &mut AdminCommand) -> Result<(), String> {
    match command {
        AdminCommand::Account(AccountCommand::Add(add)) if !add.temporary => {
            add.password = read_password()?;
        }
        AdminCommand::Account(AccountCommand::Password { password, .. }) => {
            *password = read_password()?;
        }
        AdminCommand::Account(AccountCommand::Import(import)) => {
            import.content = read_text(&import.file)?;
        }
        AdminCommand::Unit(UnitCommand::Import(import)) => {
            import.content = read_text(&import.file)?;
        }
        AdminCommand::Unit(UnitCommand::Policy(command)) => {
            if let Some(acting) = command.acting() {
                acting.password = read_password()?;
            }
        }
        AdminCommand::Reset(command) => command.acting().password = read_password()?,
        AdminCommand::Account(AccountCommand::Export(export)) => {
            export.to = std::path::absolute(&export.to).map_err(|error| error.to_string())?;
            export.acting.password = read_password()?;
        }
        AdminCommand::Backup { dir } => {
            *dir = std::path::absolute(&*dir).map_err(|error| error.to_string())?;
        }
        _ => {}
    }
    Ok(())
}

/// A file's text. What is not UTF-8 is named with what to do: names with broken letters would
/// become addresses.
fn read_text(path: &Path) -> Result<String, String> {
    let named = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let bytes = std::fs::read(path).map_err(|error| named(&error))?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(named(&"it is UTF-16: save it as \"CSV UTF-8\""));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        named(&format_args!(
            "line {line} is not UTF-8, the file is perhaps Latin-1: save it as \"CSV UTF-8\", or \
             convert it with `iconv -f WINDOWS-1252 -t UTF-8`"
        ))
    })
}

#[expect(clippy::print_stderr, reason = "a prompt for the person at the terminal")]
fn read_password() -> Result<String, String> {
    if std::io::stdin().is_terminal() {
        eprint!("Password (it will be shown): ");
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| error.to_string())?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn ask(
    stream: UnixStream,
    command: &AdminCommand,
    outputs: &mut Outputs,
) -> Result<(), String> {
    let lost = |error: std::io::Error| format!("administration socket: {error}");
    let (reader, mut writer) = stream.into_split();
    let mut text = serde_json::to_string(command).map_err(|error| error.to_string())?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await.map_err(lost)?;
    let mut lines = BufReader::new(reader).lines();
    let mut screen = Screen::default();
    while let Some(line) = lines.next_line().await.map_err(lost)? {
        let event = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        if let Some(outcome) = outputs.take(event).and_then(|event| screen.show(event)) {
            return outcome;
        }
    }
    Err("the server stopped before the command was done".into())
}

async fn run_here(
    config: &Config,
    command: AdminCommand,
    outputs: &mut Outputs,
) -> Result<(), String> {
    let services = Services::open(config).await?;
    let (reporter, mut events) = Reporter::new();
    let working = services.clone();
    tokio::spawn(async move { execute(&working, command, &reporter).await });
    let mut screen = Screen::default();
    let mut outcome = Err("the command ended without an answer".into());
    while let Some(event) = events.recv().await {
        if let Some(done) = outputs.take(event).and_then(|event| screen.show(event)) {
            outcome = done;
            break;
        }
    }
    services.close().await;
    outcome
}

/// Shows events: answers on standard output, progress on a terminal's standard error.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    bar_shown: bool,
}

impl Screen {
    /// Shows one event; the outcome when it was the last.
    #[expect(clippy::print_stderr, reason = "the progress bar")]
    pub(crate) fn show(&mut self, event: Event) -> Option<Result<(), String>> {
        match event {
            Event::Progress { done, total } => {
                if std::io::stderr().is_terminal() {
                    eprint!("\r{}", bar(done, total));
                    self.bar_shown = true;
                }
                None
            }
            Event::Line(line) => {
                self.clear_bar();
                say(&line);
                None
            }
            Event::Refused { line, reason } => {
                self.clear_bar();
                say(&format!("line {line}: refused: {reason}"));
                None
            }
            Event::Sheet(sheet) => {
                self.clear_bar();
                say(&sheet.to_string());
                None
            }
            Event::Done(outcome) => {
                self.clear_bar();
                Some(outcome)
            }
        }
    }

    /// Takes the bar off the terminal.
    #[expect(clippy::print_stderr, reason = "the progress bar")]
    fn clear_bar(&mut self) {
        if std::mem::take(&mut self.bar_shown) {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear_bar();
    }
}

fn bar(done: u64, total: u64) -> String {
    const WIDTH: u64 = 30;
    let total = total.max(1);
    let filled = (done.min(total) * WIDTH / total) as usize;
    let rest = WIDTH as usize - filled;
    format!("[{}{}] {done}/{total}", "=".repeat(filled), " ".repeat(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_never_overflows() {
        assert_eq!(bar(15, 30), format!("[{}{}] 15/30", "=".repeat(15), " ".repeat(15)));
        assert_eq!(bar(5, 0), format!("[{}] 5/1", "=".repeat(30)));
    }
}
