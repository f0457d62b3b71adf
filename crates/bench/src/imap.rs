//! The client side of IMAP (RFC 9051): commands, and responses with literals in them.

use bytes::BytesMut;

use crate::error::{Error, excerpt};
use crate::wire::{Target, Wire};

/// How the server completed a command (RFC 9051 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    Ok,
    No,
    Bad,
}

/// What came back for a command.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) completion: Completion,
    /// The completing line, without tag and CRLF.
    pub(crate) text: String,
    /// Bytes of everything that was read for it.
    pub(crate) bytes: usize,
}

/// A connection after its greeting.
pub(crate) struct Imap {
    wire: Wire,
    next_tag: u32,
}

impl Imap {
    pub(crate) async fn connect(target: &Target) -> Result<Self, Error> {
        let mut imap = Self { wire: Wire::connect(target).await?, next_tag: 0 };
        let greeting = imap.response().await?;
        match greeting.starts_with(b"* OK") {
            true => Ok(imap),
            false => Err(Error::Refused { command: "connect".into(), reply: excerpt(&greeting) }),
        }
    }

    /// Connects and logs in.
    pub(crate) async fn login(target: &Target, user: &str, password: &str) -> Result<Self, Error> {
        let mut imap = Self::connect(target).await?;
        imap.ok(&format!("LOGIN {user} {password}")).await?;
        Ok(imap)
    }

    /// Runs a command; every untagged response goes to `each`, whole and with its CRLF.
    pub(crate) async fn run(
        &mut self,
        command: &str,
        each: impl FnMut(&[u8]),
    ) -> Result<Answer, Error> {
        let tag = self.send(command).await?;
        self.complete(tag, each).await
    }

    /// Runs a command that must succeed.
    pub(crate) async fn ok(&mut self, command: &str) -> Result<Answer, Error> {
        let answer = self.run(command, |_| {}).await?;
        must_be_ok(command, answer)
    }

    /// The bare capability names.
    pub(crate) async fn capabilities(&mut self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let each = |response: &[u8]| {
            if let Some(list) = response.strip_prefix(b"* CAPABILITY ") {
                let list = String::from_utf8_lossy(list);
                names = list.split_whitespace().map(str::to_ascii_uppercase).collect();
            }
        };
        self.run("CAPABILITY", each).await?;
        Ok(names)
    }

    /// APPEND with a synchronising literal; `prelude` is what stands between mailbox and literal.
    pub(crate) async fn append(
        &mut self,
        mailbox: &str,
        prelude: &str,
        message: &[u8],
        each: impl FnMut(&[u8]),
    ) -> Result<Answer, Error> {
        let size = message.len();
        let tag = self.send(&format!("APPEND {mailbox} {prelude}{{{size}}}")).await?;
        if let Some(refused) = self.continuation(tag).await? {
            return Ok(refused);
        }
        self.wire.send(message).await?;
        self.wire.send(b"\r\n").await?;
        self.complete(tag, each).await
    }

    /// Begins IDLE and waits until the server is in it.
    pub(crate) async fn idle(&mut self) -> Result<(), Error> {
        let tag = self.send("IDLE").await?;
        match self.continuation(tag).await? {
            None => Ok(()),
            Some(answer) => must_be_ok("IDLE", answer).map(|_| ()),
        }
    }

    /// The number that STATUS names an item.
    pub(crate) async fn status(&mut self, mailbox: &str, item: &str) -> Result<u64, Error> {
        let mut found = None;
        let command = format!("STATUS {mailbox} ({item})");
        let each = |response: &[u8]| found = status_item(response, item).or(found);
        let answer = self.run(&command, each).await?;
        must_be_ok(&command, answer)?;
        found.ok_or_else(|| Error::Protocol(format!("{command} without the item")))
    }

    pub(crate) async fn logout(mut self) -> Result<(), Error> {
        self.ok("LOGOUT").await.map(|_| ())
    }

    async fn send(&mut self, command: &str) -> Result<u32, Error> {
        self.next_tag += 1;
        let line = format!("a{} {command}\r\n", self.next_tag);
        self.wire.send(line.as_bytes()).await?;
        Ok(self.next_tag)
    }

    /// Waits for `+`; or for the completion that came instead.
    async fn continuation(&mut self, tag: u32) -> Result<Option<Answer>, Error> {
        loop {
            let response = self.response().await?;
            if response.starts_with(b"+") {
                return Ok(None);
            }
            if let Some(answer) = parse_completion(&response, tag)? {
                return Ok(Some(answer));
            }
        }
    }

    async fn complete(&mut self, tag: u32, mut each: impl FnMut(&[u8])) -> Result<Answer, Error> {
        let mut bytes = 0;
        loop {
            let response = self.response().await?;
            bytes += response.len();
            if response.starts_with(b"* ") {
                each(&response);
                continue;
            }
            return match parse_completion(&response, tag)? {
                Some(answer) => Ok(Answer { bytes, ..answer }),
                None => Err(Error::Protocol(format!("response {:?}", excerpt(&response)))),
            };
        }
    }

    /// One response with its literals and CRLF.
    async fn response(&mut self) -> Result<BytesMut, Error> {
        let (mut line_start, mut searched) = (0, 0);
        loop {
            match memchr::memmem::find(&self.wire.input()[searched..], b"\r\n") {
                None => {
                    searched = self.wire.input().len().saturating_sub(1).max(line_start);
                    self.wire.need().await?;
                }
                Some(at) => {
                    let end = searched + at;
                    let Some(size) = literal_size(&self.wire.input()[line_start..end]) else {
                        return Ok(self.wire.take(end + 2));
                    };
                    line_start = end + 2 + size;
                    searched = line_start;
                    while self.wire.input().len() < line_start {
                        self.wire.need().await?;
                    }
                }
            }
        }
    }
}

/// NO and BAD as an error.
pub(crate) fn must_be_ok(command: &str, answer: Answer) -> Result<Answer, Error> {
    match answer.completion {
        Completion::Ok => Ok(answer),
        _ => Err(Error::Refused { command: excerpt(command.as_bytes()), reply: answer.text }),
    }
}

/// `response-tagged = tag SP resp-cond-state CRLF`
fn parse_completion(response: &[u8], tag: u32) -> Result<Option<Answer>, Error> {
    if response.starts_with(b"* ") {
        return Ok(None);
    }
    let text = excerpt(response);
    let rest = text.strip_prefix(&format!("a{tag} "));
    let completion = match rest.map(|rest| rest.split(' ').next().unwrap_or_default()) {
        Some("OK") => Completion::Ok,
        Some("NO") => Completion::No,
        Some("BAD") => Completion::Bad,
        _ => return Err(Error::Protocol(format!("response {text:?}"))),
    };
    let text = rest.unwrap_or_default().to_owned();
    Ok(Some(Answer { completion, text, bytes: response.len() }))
}

/// `literal = "{" number64 ["+"] "}" CRLF *CHAR8`: the number, when the line ends with one.
fn literal_size(line: &[u8]) -> Option<usize> {
    const DIGITS_MAX: usize = 10;
    let inside = line.strip_suffix(b"}")?;
    let tail = &inside[inside.len().saturating_sub(DIGITS_MAX + 1)..];
    let open = tail.iter().rposition(|&byte| byte == b'{')?;
    std::str::from_utf8(&tail[open + 1..]).ok()?.parse().ok()
}

/// The value of one item in `* STATUS mailbox (ITEM 12 …)`.
fn status_item(response: &[u8], item: &str) -> Option<u64> {
    let text = std::str::from_utf8(response.strip_prefix(b"* STATUS ")?).ok()?;
    let items = text.trim_end().strip_suffix(')')?.rsplit_once('(')?.1;
    let mut words = items.split(' ');
    while let Some(name) = words.next() {
        let value = words.next()?;
        if name.eq_ignore_ascii_case(item) {
            return value.parse().ok();
        }
    }
    None
}

/// `12 EXISTS` and its like: the number and the name of an untagged response.
pub(crate) fn numbered(response: &[u8]) -> Option<(u32, &str)> {
    let line = response.strip_prefix(b"* ")?;
    let line = &line[..line.len().min(40)];
    let end = line.iter().position(|&byte| byte == b' ')?;
    let number = std::str::from_utf8(&line[..end]).ok()?.parse().ok()?;
    let name = line[end + 1..].split(|byte| matches!(byte, b' ' | b'\r')).next()?;
    Some((number, std::str::from_utf8(name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_seen_at_the_end_of_a_line_only() {
        for (line, size) in [
            (&b"* 1 FETCH (BODY[] {12}"[..], Some(12)),
            (b"{0}", Some(0)),
            (b"* OK {12} read", None),
            (b"* OK }", None),
            (b"{x}", None),
            (b"{99999999999999}", None),
            (b"", None),
        ] {
            assert_eq!(literal_size(line), size, "{line:?}");
        }
    }

    #[test]
    fn status_items_are_found_by_name() {
        let response = b"* STATUS \"INBOX (a)\" (MESSAGES 17 UNSEEN 3)\r\n";
        assert_eq!(status_item(response, "unseen"), Some(3));
        assert_eq!(status_item(response, "MESSAGES"), Some(17));
        assert_eq!(status_item(response, "SIZE"), None);
        assert_eq!(status_item(b"* LIST () \"/\" INBOX\r\n", "MESSAGES"), None);
    }

    #[test]
    fn only_the_own_tag_completes_a_command() {
        let answer = parse_completion(b"a7 NO [LIMIT] later\r\n", 7).unwrap().unwrap();
        assert_eq!((answer.completion, &*answer.text), (Completion::No, "NO [LIMIT] later"));
        assert!(parse_completion(b"a8 OK done\r\n", 7).is_err());
        assert!(parse_completion(b"* OK hi\r\n", 7).unwrap().is_none());
    }

    #[test]
    fn numbered_responses_are_told_apart() {
        assert_eq!(numbered(b"* 12 EXISTS\r\n"), Some((12, "EXISTS")));
        assert_eq!(numbered(b"* 3 FETCH (FLAGS ())\r\n"), Some((3, "FETCH")));
        assert_eq!(numbered(b"* FLAGS ()\r\n"), None);
    }
}
