//! RFC 5321 §2.3.8: command lines out of a stream, checked before any parser sees them.

use bytes::BytesMut;
use mail_types::Secret;

use crate::config::COMMAND_LINE_BYTES_MAX;
use crate::error::PeerMisbehaved;

/// Cuts command lines from the input. Holds no bytes of its own; what is skipped of an overlong
/// line is forgotten as it comes.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    skipping: bool,
}

impl LineReader {
    /// The next line without its CRLF, taken from `input`; `None` when it is not complete yet.
    ///
    /// Lines may carry passwords, so they are wiped when dropped.
    pub(crate) fn take(
        &mut self,
        input: &mut BytesMut,
    ) -> Option<Result<Secret<Vec<u8>>, PeerMisbehaved>> {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
            if self.skipping || input.len() > COMMAND_LINE_BYTES_MAX {
                self.skipping = true;
                input.clear();
            }
            return None;
        };
        let line = input.split_to(end + 1);
        if std::mem::take(&mut self.skipping) || line.len() > COMMAND_LINE_BYTES_MAX {
            return Some(Err(PeerMisbehaved::LineTooLong));
        }
        Some(check(&line))
    }
}

fn check(line: &[u8]) -> Result<Secret<Vec<u8>>, PeerMisbehaved> {
    // RFC 5321 §2.3.8: "Conforming implementations MUST NOT recognize or generate any other
    // character or character sequence [than CR LF] as a line terminator." smtp-proto would take a
    // bare LF as an end and drop a bare CR.
    let text = line.strip_suffix(b"\r\n").ok_or(PeerMisbehaved::BareLineEnd)?;
    if text.iter().any(|byte| matches!(byte, b'\r' | b'\0')) {
        return Err(PeerMisbehaved::BareLineEnd);
    }
    Ok(Secret::new(text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<Result<Vec<u8>, PeerMisbehaved>> {
        let mut reader = LineReader::default();
        let mut input = BytesMut::from(input);
        std::iter::from_fn(|| reader.take(&mut input))
            .map(|line| line.map(|line| line.expose().clone()))
            .collect()
    }

    #[test]
    fn only_crlf_ends_a_command() {
        use PeerMisbehaved::BareLineEnd;
        assert_eq!(read(b"NOOP\r\nQUIT\r\n"), [Ok(b"NOOP".to_vec()), Ok(b"QUIT".to_vec())]);
        assert_eq!(read(b"NOOP\n"), [Err(BareLineEnd)]);
        assert_eq!(read(b"NO\rOP\r\n"), [Err(BareLineEnd)]);
        assert_eq!(read(b"NOOP\r\r\n"), [Err(BareLineEnd)]);
        assert_eq!(read(b"NO\0OP\r\n"), [Err(BareLineEnd)]);
        assert_eq!(read(b"NOOP\r"), []);
    }

    #[test]
    fn an_endless_line_costs_no_memory() {
        let mut reader = LineReader::default();
        let mut input = BytesMut::new();
        for _ in 0..1024 {
            input.extend_from_slice(&[b'x'; 1024]);
            assert!(reader.take(&mut input).is_none());
            assert!(input.len() <= COMMAND_LINE_BYTES_MAX);
        }
        input.extend_from_slice(b"x\r\nNOOP\r\n");
        assert!(matches!(reader.take(&mut input), Some(Err(PeerMisbehaved::LineTooLong))));
        assert!(matches!(reader.take(&mut input), Some(Ok(_))));
    }

    #[test]
    fn the_limit_counts_the_line_end() {
        let line = |length: usize| [&vec![b'x'; length - 2][..], b"\r\n"].concat();
        assert!(read(&line(COMMAND_LINE_BYTES_MAX))[0].is_ok());
        assert!(read(&line(COMMAND_LINE_BYTES_MAX + 1))[0].is_err());
    }
}
