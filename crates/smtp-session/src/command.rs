//! RFC 5321 §4.1.1: a command line to a typed command, by smtp-proto behind our own checks.

use std::borrow::Cow;

use mail_types::{ReversePath, Secret};
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, Error, MAIL_BODY_BINARYMIME, Request};

use crate::error::PeerMisbehaved;
use crate::parameter::{self, MailParameters, RecipientParameters};
use crate::path::{ForwardPath, Path};
use crate::sasl::Mechanism;

/// A command whose arguments are what they should be. Whether it may come now is the session's
/// table's to say.
#[derive(Debug)]
pub(crate) enum Command {
    Hello(Greeting, String),
    Mail(Mail),
    Recipient {
        path: ForwardPath,
        needs_smtputf8: bool,
        parameters: RecipientParameters,
    },
    Data,
    Bdat {
        size: u64,
        last: bool,
    },
    StartTls,
    Auth {
        mechanism: Mechanism,
        initial_response: Option<Secret<Vec<u8>>>,
    },
    Reset,
    Noop,
    Verify,
    Help,
    Quit,
    /// A verb we know and do not offer: EXPN, ETRN, ATRN, BURL.
    NotOffered,
}

/// Which hello a peer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    Helo,
    Ehlo,
    Lhlo,
}

/// MAIL FROM.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) reverse_path: ReversePath,
    pub(crate) needs_smtputf8: bool,
    pub(crate) parameters: MailParameters,
}

impl Command {
    /// Reads a line without its CRLF.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, PeerMisbehaved> {
        let line = std::str::from_utf8(line).map_err(|_| PeerMisbehaved::Syntax)?;
        if line.chars().any(char::is_control) {
            return Err(PeerMisbehaved::Syntax);
        }
        // smtp-proto skips spaces before the verb, and we must not disagree about which it is.
        if !line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(PeerMisbehaved::UnknownCommand);
        }
        let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let arguments = arguments.trim_matches(' ');
        match verb.to_ascii_uppercase().as_str() {
            "MAIL" => mail(line),
            "RCPT" => recipient(line),
            // The size decides where the next command starts, so it is not left to smtp-proto.
            "BDAT" => parameter::chunk(arguments)
                .map(|(size, last)| Command::Bdat { size, last })
                .ok_or(PeerMisbehaved::ChunkSize),
            // RFC 5321 §4.1.1: these take no arguments; smtp-proto would skip them.
            "DATA" | "RSET" | "QUIT" | "STARTTLS" if !arguments.is_empty() => {
                Err(PeerMisbehaved::Argument)
            }
            "AUTH" if arguments.split(' ').count() > 2 => Err(PeerMisbehaved::Argument),
            verb => from_request(request(&terminated(line), verb)?),
        }
    }
}

fn terminated(line: &str) -> Secret<Vec<u8>> {
    let mut bytes = Vec::with_capacity(line.len() + 2);
    bytes.extend_from_slice(line.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    Secret::new(bytes)
}

fn request<'a>(
    line: &'a Secret<Vec<u8>>,
    verb: &str,
) -> Result<Request<Cow<'a, str>>, PeerMisbehaved> {
    Request::parse(&mut line.expose().iter()).map_err(|error| match error {
        Error::UnknownCommand => PeerMisbehaved::UnknownCommand,
        Error::InvalidSenderAddress => PeerMisbehaved::Sender,
        Error::InvalidRecipientAddress => PeerMisbehaved::Recipient,
        Error::InvalidParameter { .. } => PeerMisbehaved::Argument,
        Error::UnsupportedParameter { .. } => PeerMisbehaved::UnknownParameter,
        Error::SyntaxError { .. } if verb == "AUTH" => PeerMisbehaved::UnknownMechanism,
        Error::SyntaxError { .. }
        | Error::NeedsMoreData { .. }
        | Error::ResponseTooLong
        | Error::InvalidResponse { .. } => PeerMisbehaved::Syntax,
    })
}

fn from_request(request: Request<Cow<'_, str>>) -> Result<Command, PeerMisbehaved> {
    Ok(match request {
        Request::Ehlo { host } => Command::Hello(Greeting::Ehlo, host.into_owned()),
        Request::Helo { host } => Command::Hello(Greeting::Helo, host.into_owned()),
        Request::Lhlo { host } => Command::Hello(Greeting::Lhlo, host.into_owned()),
        Request::Auth { mechanism, initial_response } => Command::Auth {
            mechanism: match mechanism {
                AUTH_PLAIN => Mechanism::Plain,
                AUTH_LOGIN => Mechanism::Login,
                _ => return Err(PeerMisbehaved::UnknownMechanism),
            },
            initial_response: (!initial_response.is_empty())
                .then(|| Secret::new(initial_response.as_bytes().to_vec())),
        },
        Request::Data => Command::Data,
        Request::StartTls => Command::StartTls,
        Request::Rset => Command::Reset,
        Request::Noop { .. } => Command::Noop,
        Request::Vrfy { .. } => Command::Verify,
        Request::Help { .. } => Command::Help,
        Request::Quit => Command::Quit,
        Request::Expn { .. }
        | Request::Etrn { .. }
        | Request::Atrn { .. }
        | Request::Burl { .. } => Command::NotOffered,
        // These three were read before; should smtp-proto see another verb than we do, neither is
        // done.
        Request::Mail { .. } | Request::Rcpt { .. } | Request::Bdat { .. } => {
            return Err(PeerMisbehaved::Syntax);
        }
    })
}

/// Cuts `MAIL FROM:<path> parameters` at its colon, reads the path, and gives the line back with
/// an empty path for smtp-proto, so that both of us agree on where the parameters start.
fn split_path(line: &str) -> Option<(Path<'_>, String)> {
    // RFC 5321 §3.3: no space around the colon. Deviation: copiers send one, everybody takes it.
    let (head, path) = line.split_once(':')?;
    let path = Path::split(path.trim_start_matches(' ')).ok()?;
    let line = format!("{head}:<>{}", path.tail);
    Some((path, line))
}

// "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
fn mail(line: &str) -> Result<Command, PeerMisbehaved> {
    let (path, line) = split_path(line).ok_or(PeerMisbehaved::Sender)?;
    let parameters = parameter::check_mail(path.tail)?;
    let line = terminated(&line);
    let Request::Mail { from } = request(&line, "MAIL")? else {
        return Err(PeerMisbehaved::Syntax);
    };
    // RFC 3030 §3: BINARYMIME is not announced.
    if from.flags & MAIL_BODY_BINARYMIME != 0 {
        return Err(PeerMisbehaved::UnknownParameter);
    }
    Ok(Command::Mail(Mail {
        reverse_path: path.reverse_path().map_err(|_| PeerMisbehaved::Sender)?,
        needs_smtputf8: path.needs_smtputf8(),
        parameters,
    }))
}

// "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
fn recipient(line: &str) -> Result<Command, PeerMisbehaved> {
    let (path, line) = split_path(line).ok_or(PeerMisbehaved::Recipient)?;
    let parameters = parameter::check_recipient(path.tail)?;
    // All of its parameters were read; smtp-proto does not know RFC 6533's ORCPT.
    let line = terminated(line.strip_suffix(path.tail).unwrap_or(&line));
    let Request::Rcpt { .. } = request(&line, "RCPT")? else {
        return Err(PeerMisbehaved::Syntax);
    };
    Ok(Command::Recipient {
        needs_smtputf8: path.needs_smtputf8(),
        path: path.forward_path().map_err(|_| PeerMisbehaved::Recipient)?,
        parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> PeerMisbehaved {
        Command::parse(line.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_no_command_has_one_typed_error() {
        use PeerMisbehaved::*;
        for (line, expect) in [
            ("", UnknownCommand),
            ("XYZZY", UnknownCommand),
            (" MAIL FROM:<a@b.test>", UnknownCommand),
            (" BDAT 5", UnknownCommand),
            ("MAIL\tFROM:<a@b.test>", Syntax),
            ("EHLOX a", UnknownCommand),
            ("EHLO", Syntax),
            ("HELO ", Syntax),
            ("EHLO a\u{1b}b", Syntax),
            ("MAIL", Sender),
            ("MAIL FROM", Sender),
            ("MAIL FROM:a@b.test", Sender),
            ("MAIL TO:<a@b.test>", Syntax),
            ("MAILFROM:<a@b.test>", UnknownCommand),
            ("MAIL FROM:<a@b.test> BODY=9BIT", Argument),
            ("MAIL FROM:<a@b.test> BODY=BINARYMIME", UnknownParameter),
            ("MAIL FROM:<a@b.test> AUTH=", Argument),
            ("RCPT FROM:<a@b.test>", Syntax),
            ("RCPT TO:<>", Recipient),
            ("RCPT TO:<a@b.test> ORCPT=a@b.test", Argument),
            ("RCPT TO:<a@b.test> RRVS=2026-11-28T10:00:00Z", UnknownParameter),
            ("DATA now", Argument),
            ("STARTTLS please", Argument),
            ("BDAT", ChunkSize),
            ("BDAT -1", ChunkSize),
            ("AUTH", Syntax),
            ("AUTH CRAM-MD5", UnknownMechanism),
            ("AUTH PLAIN a b", Argument),
        ] {
            let expect = if line == "AUTH" { UnknownMechanism } else { expect };
            assert_eq!(error(line), expect, "{line}");
        }
        assert_eq!(Command::parse(b"RCPT TO:<\xe9@b.test>").unwrap_err(), Syntax);
    }

    #[test]
    fn mail_takes_its_parameters_in_any_case() {
        let line = "mail from: <a@b.test> size=5 body=8bitmime smtputf8 auth=<>";
        let Ok(Command::Mail(mail)) = Command::parse(line.as_bytes()) else { panic!() };
        assert_eq!(mail.reverse_path.to_string(), "<a@b.test>");
        assert_eq!((mail.parameters.size, mail.parameters.smtputf8), (Some(5), true));
    }

    #[test]
    fn an_initial_response_is_not_printed() {
        let command = Command::parse(b"AUTH PLAIN AG1hcmllAHNlY3JldA==").unwrap();
        assert!(!format!("{command:?}").contains("AG1h"));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "(MAIL FROM:|RCPT TO:|AUTH |BDAT |EHLO )?[ -~é<>@:\"\\\\]{0,40}") {
            let _ = Command::parse(line.as_bytes());
        }
    }
}
