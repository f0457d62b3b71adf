//! The server's side of the administration socket: one JSON command a connection, JSON events
//! back, a line each. The socket's mode 0600 is the access control.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Event, Reporter, Services, execute};

/// A command with 40,000 accounts to import is a few MiB.
const COMMAND_BYTES_MAX: u64 = 64 << 20;
/// How long a client may take to say its command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Listens at `path`, replacing a socket that an earlier process left.
pub(crate) fn listen(
    path: &Path,
    services: Services,
    sessions: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<(), String> {
    let named = |error: std::io::Error| format!("admin_socket {}: {error}", path.display());
    if let Some(parent) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(named)?;
    }
    // The data directory's lock has shown that no other server runs here.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(named(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(named)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(named)?;
    let (tracker, shutdown) = (sessions.clone(), shutdown.clone());
    sessions.spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => drop(tracker.spawn(converse(stream, services.clone()))),
                Err(error) => {
                    tracing::error!(target: "facteur", %error, "administration socket failed");
                    return;
                }
            }
        }
    });
    Ok(())
}

async fn converse(stream: UnixStream, services: Services) {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(COMMAND_BYTES_MAX));
    let read = tokio::time::timeout(COMMAND_TIMEOUT, reader.read_line(&mut line)).await;
    if !matches!(read, Ok(Ok(1..))) {
        return;
    }
    let (reporter, mut events) = Reporter::new();
    match serde_json::from_str(&line) {
        Ok(command) => {
            tokio::spawn(async move { execute(&services, command, &reporter).await });
        }
        Err(error) => reporter.done(Err(format!("command not understood: {error}"))),
    }
    while let Some(event) = events.recv().await {
        let Ok(mut text) = serde_json::to_string(&event) else { return };
        text.push('\n');
        let written = writer.write_all(text.as_bytes()).await;
        if written.is_err() || matches!(event, Event::Done(_)) {
            return;
        }
    }
}
