//! RFC 3501 §4.3 and RFC 7888: literals as they are announced at the end of a line.

/// RFC 3501 §4.3 and RFC 7888: a literal announced at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Its size; one that does not fit is [`u64::MAX`], which no limit allows.
    pub(crate) size: u64,
    /// Whether the client waits for a continuation before it sends it.
    pub(crate) mode: Mode,
}

/// Whether a literal waits to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `{n}`: nothing follows until `+`.
    Synchronising,
    /// `{n+}`: it follows at once.
    NonSynchronising,
}

/// `literal = "{" number ["+"] "}" CRLF`, at the end of a line.
pub(crate) fn announcement(line: &[u8]) -> Option<Announcement> {
    let line = line.strip_suffix(b"}\r\n").or_else(|| line.strip_suffix(b"}\n"))?;
    let open = line.iter().rposition(|&byte| byte == b'{')?;
    let (digits, mode) = match line[open + 1..].strip_suffix(b"+") {
        Some(digits) => (digits, Mode::NonSynchronising),
        None => (&line[open + 1..], Mode::Synchronising),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
    Some(Announcement { size, mode })
}
