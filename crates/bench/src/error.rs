//! What ends a measurement.

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The system refused something.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// The server answered no.
    #[error("{command} was answered {reply}")]
    Refused {
        /// What was asked.
        command: String,
        /// The reply's first line.
        reply: String,
    },
    /// The server broke its protocol.
    #[error("not the protocol: {0}")]
    Protocol(String),
    /// The measurement cannot run here or with these arguments.
    #[error("{0}")]
    NotPossible(String),
}

impl Error {
    /// For `map_err`: what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io(what, error)
    }
}

/// The first line of something on the wire, for an error text.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const EXCERPT_BYTES_MAX: usize = 200;
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(&line[..line.len().min(EXCERPT_BYTES_MAX)]).into_owned()
}
