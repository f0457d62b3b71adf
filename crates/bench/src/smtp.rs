//! The sending side of SMTP (RFC 5321) and LMTP (RFC 2033), as plain as a common client.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, excerpt};
use crate::wire::{Target, Wire};

/// Which of the two is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Smtp,
    Lmtp,
}

/// A session after its greeting.
pub(crate) struct Smtp {
    wire: Wire,
    protocol: Protocol,
}

impl Smtp {
    pub(crate) async fn connect(target: &Target, protocol: Protocol) -> Result<Self, Error> {
        let mut smtp = Self { wire: Wire::connect(target).await?, protocol };
        smtp.expect("the greeting", b'2').await?;
        let hello = match protocol {
            Protocol::Smtp => "EHLO bench.test\r\n",
            Protocol::Lmtp => "LHLO bench.test\r\n",
        };
        smtp.command(hello, b'2').await?;
        Ok(smtp)
    }

    /// RFC 4954 §4, RFC 4616: AUTH PLAIN with the initial response.
    pub(crate) async fn auth_plain(&mut self, user: &str, password: &str) -> Result<(), Error> {
        let response = STANDARD.encode(format!("\0{user}\0{password}"));
        self.command(&format!("AUTH PLAIN {response}\r\n"), b'2').await
    }

    /// Sends a message of CRLF lines, none of which begins with a dot. Commands wait for their
    /// reply: what many clients do, and what `smtp-source` does.
    pub(crate) async fn send(
        &mut self,
        reverse_path: &str,
        recipients: &[&str],
        message: &[u8],
    ) -> Result<(), Error> {
        self.command(&format!("MAIL FROM:<{reverse_path}>\r\n"), b'2').await?;
        for recipient in recipients {
            self.command(&format!("RCPT TO:<{recipient}>\r\n"), b'2').await?;
        }
        self.command("DATA\r\n", b'3').await?;
        self.wire.send(message).await?;
        self.wire.send(b".\r\n").await?;
        // RFC 2033 §4.2: after the final dot LMTP replies once for each accepted recipient.
        let replies = if self.protocol == Protocol::Lmtp { recipients.len() } else { 1 };
        for _ in 0..replies {
            self.expect("the message", b'2').await?;
        }
        Ok(())
    }

    pub(crate) async fn quit(mut self) -> Result<(), Error> {
        self.command("QUIT\r\n", b'2').await
    }

    async fn command(&mut self, line: &str, class: u8) -> Result<(), Error> {
        self.wire.send(line.as_bytes()).await?;
        self.expect(line.trim_end(), class).await
    }

    /// Reads a reply, and checks the first digit of its code.
    async fn expect(&mut self, command: &str, class: u8) -> Result<(), Error> {
        loop {
            let line = self.wire.line().await?;
            match parse_reply_line(&line)? {
                ReplyLine { is_last: false, .. } => {}
                ReplyLine { code, .. } if code[0] == class => return Ok(()),
                _ => {
                    return Err(Error::Refused {
                        command: command.to_owned(),
                        reply: excerpt(&line),
                    });
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct ReplyLine {
    code: [u8; 3],
    is_last: bool,
}

/// `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF`
fn parse_reply_line(line: &[u8]) -> Result<ReplyLine, Error> {
    match line {
        [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..]
            if matches!(rest.first(), None | Some(b' ' | b'-')) =>
        {
            Ok(ReplyLine { code: [*a, *b, *c], is_last: rest.first() != Some(&b'-') })
        }
        _ => Err(Error::Protocol(format!("SMTP reply {:?}", excerpt(line)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_line_has_a_code_and_may_go_on() {
        let parsed = |line: &[u8]| parse_reply_line(line).ok();
        let line = |code: &[u8; 3], is_last| Some(ReplyLine { code: *code, is_last });
        assert_eq!(parsed(b"250-SIZE 10"), line(b"250", false));
        assert_eq!(parsed(b"250 ok"), line(b"250", true));
        assert_eq!(parsed(b"354"), line(b"354", true));
        for bad in [&b"25"[..], b"2500 x", b"abc d", b"", b"150 x"] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }
}
