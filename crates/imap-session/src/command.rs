//! Commands as the server executes them, and their parser (RFC 3501 §6 and the extensions that
//! CAPABILITY lists).

use mail_types::{Flag, InternalDate, Secret, SpecialUse};

use crate::fetch::{self, Item};
use crate::lex::{Bad, Lexer, Mailbox, SequenceSet};
use crate::search::{self, Search};

/// Whether numbers are sequence numbers or UIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Sequence numbers.
    Sequence,
    /// UIDs.
    Uid,
}

/// A command with its tag.
#[derive(Debug)]
pub struct Tagged {
    /// The client's tag.
    pub tag: String,
    /// What it wants.
    pub command: Command,
}

/// What a client wants.
#[derive(Debug)]
pub enum Command {
    /// CAPABILITY
    Capability,
    /// NOOP
    Noop,
    /// LOGOUT
    Logout,
    /// ID (RFC 2971)
    Id,
    /// STARTTLS
    StartTls,
    /// LOGIN
    Login {
        /// User name.
        user: String,
        /// Password.
        password: Secret<String>,
    },
    /// AUTHENTICATE, with its initial response (RFC 4959).
    Authenticate {
        /// In upper case.
        mechanism: String,
        /// Still in base64.
        initial: Option<Secret<String>>,
    },
    /// ENABLE (RFC 5161): the capabilities named.
    Enable(Vec<String>),
    /// SELECT and EXAMINE.
    Select {
        /// Which.
        mailbox: Mailbox,
        /// Whether nothing may be changed.
        read_only: bool,
    },
    /// CREATE, with a special use (RFC 6154 §3).
    Create {
        /// Its name.
        mailbox: Mailbox,
        /// What for.
        special_use: Option<SpecialUse>,
    },
    /// DELETE
    Delete(Mailbox),
    /// RENAME
    Rename {
        /// From.
        from: Mailbox,
        /// To.
        to: Mailbox,
    },
    /// SUBSCRIBE
    Subscribe(Mailbox),
    /// UNSUBSCRIBE
    Unsubscribe(Mailbox),
    /// LIST and LSUB.
    List {
        /// Before the pattern.
        reference: Vec<u8>,
        /// With `%` and `*`.
        pattern: Vec<u8>,
        /// Whether only subscribed names are wanted.
        subscribed: bool,
    },
    /// NAMESPACE (RFC 2342)
    Namespace,
    /// STATUS
    Status {
        /// Which.
        mailbox: Mailbox,
        /// Items in upper case.
        items: Vec<StatusItem>,
    },
    /// IDLE (RFC 2177)
    Idle,
    /// CHECK
    Check,
    /// CLOSE
    Close,
    /// UNSELECT (RFC 3691)
    Unselect,
    /// EXPUNGE, and UID EXPUNGE (RFC 4315) with its set.
    Expunge(Option<SequenceSet>),
    /// SEARCH
    Search {
        /// What is answered.
        numbering: Numbering,
        /// What for.
        key: Search,
    },
    /// FETCH
    Fetch {
        /// What the set counts.
        numbering: Numbering,
        /// Which.
        set: SequenceSet,
        /// What of them.
        items: Vec<Item>,
    },
    /// STORE
    Store {
        /// What the set counts.
        numbering: Numbering,
        /// Which.
        set: SequenceSet,
        /// How.
        change: StoreChange,
        /// Whether the answer is left out.
        silent: bool,
        /// The flags.
        flags: Vec<Flag>,
    },
    /// COPY, and MOVE (RFC 6851).
    Copy {
        /// What the set counts.
        numbering: Numbering,
        /// Which.
        set: SequenceSet,
        /// Where to.
        mailbox: Mailbox,
        /// Whether they leave.
        is_move: bool,
    },
}

/// What APPEND says before its literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The client's tag.
    pub tag: String,
    /// Where to.
    pub mailbox: Mailbox,
    /// Flags.
    pub flags: Vec<Flag>,
    /// Internal date.
    pub internal_date: Option<InternalDate>,
    /// Bytes that follow.
    pub size: u64,
}

/// RFC 3501 §6.3.10, RFC 8438.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// RECENT
    Recent,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
}

/// RFC 3501 §6.4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreChange {
    /// FLAGS
    Replace,
    /// +FLAGS
    Add,
    /// -FLAGS
    Remove,
}

/// Capabilities one ENABLE may name.
const ENABLE_MAX: usize = 50;

impl Tagged {
    /// Reads a whole command.
    ///
    /// # Errors
    /// The tag, if there was one, and why.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, (Option<String>, Bad)> {
        let mut lexer = Lexer::new(bytes);
        let tag = lexer.tag().map_err(|bad| (None, bad))?.to_owned();
        let command = (|| {
            lexer.space()?;
            let command = command(&mut lexer)?;
            lexer.end()?;
            Ok(command)
        })();
        match command {
            Ok(command) => Ok(Self { tag, command }),
            Err(bad) => Err((Some(tag), bad)),
        }
    }
}

/// Reads an APPEND up to its message literal; `None` when the bytes are no APPEND or its mailbox
/// name is still to come.
pub(crate) fn parse_append(bytes: &[u8], size: u64) -> Option<Result<Append, (String, Bad)>> {
    let line = bytes.strip_suffix(b"\n")?;
    let open = line.iter().rposition(|&byte| byte == b'{')?;
    let mut lexer = Lexer::new(&line[..open]);
    let tag = lexer.tag().ok()?.to_owned();
    lexer.space().ok()?;
    if lexer.word().ok()? != "APPEND" {
        return None;
    }
    lexer.space().ok()?;
    if lexer.is_at_end() {
        return None;
    }
    let read = (|| {
        let mailbox = lexer.mailbox()?;
        lexer.space()?;
        let mut flags = Vec::new();
        if lexer.peek() == Some(b'(') {
            flags = lexer.flag_list()?;
            lexer.space()?;
        }
        let mut internal_date = None;
        if lexer.peek() == Some(b'"') {
            internal_date = Some(lexer.date_time()?);
            lexer.space()?;
        }
        lexer.end()?;
        Ok((mailbox, flags, internal_date))
    })();
    Some(match read {
        Ok((mailbox, flags, internal_date)) => {
            Ok(Append { tag, mailbox, flags, internal_date, size })
        }
        Err(bad) => Err((tag, bad)),
    })
}

fn command(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    let verb = lexer.word().map_err(|_| Bad("Expected a command"))?;
    Ok(match verb.as_str() {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "NAMESPACE" => Command::Namespace,
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        "EXPUNGE" => Command::Expunge(None),
        "ID" => id(lexer)?,
        "LOGIN" => login(lexer)?,
        "AUTHENTICATE" => authenticate(lexer)?,
        "ENABLE" => enable(lexer)?,
        "SELECT" => Command::Select { mailbox: argument(lexer)?, read_only: false },
        "EXAMINE" => Command::Select { mailbox: argument(lexer)?, read_only: true },
        "CREATE" => create(lexer)?,
        "DELETE" => Command::Delete(argument(lexer)?),
        "RENAME" => Command::Rename { from: argument(lexer)?, to: argument(lexer)? },
        "SUBSCRIBE" => Command::Subscribe(argument(lexer)?),
        "UNSUBSCRIBE" => Command::Unsubscribe(argument(lexer)?),
        "LIST" => list(lexer, false)?,
        "LSUB" => list(lexer, true)?,
        "STATUS" => status(lexer)?,
        "UID" => {
            lexer.space()?;
            let verb = lexer.word()?;
            return numbered(lexer, &verb, Numbering::Uid);
        }
        verb => return numbered(lexer, verb, Numbering::Sequence),
    })
}

fn numbered(lexer: &mut Lexer<'_>, verb: &str, numbering: Numbering) -> Result<Command, Bad> {
    match verb {
        "SEARCH" => Ok(Command::Search { numbering, key: search::parse(lexer)? }),
        "FETCH" => {
            let set = set(lexer)?;
            lexer.space()?;
            Ok(Command::Fetch { numbering, set, items: fetch::parse(lexer)? })
        }
        "STORE" => store(lexer, numbering),
        "COPY" | "MOVE" => {
            let set = set(lexer)?;
            let mailbox = argument(lexer)?;
            Ok(Command::Copy { numbering, set, mailbox, is_move: verb == "MOVE" })
        }
        "EXPUNGE" if numbering == Numbering::Uid => Ok(Command::Expunge(Some(set(lexer)?))),
        _ => Err(Bad("Unknown command")),
    }
}

fn set(lexer: &mut Lexer<'_>) -> Result<SequenceSet, Bad> {
    lexer.space()?;
    lexer.sequence_set()
}

fn argument(lexer: &mut Lexer<'_>) -> Result<Mailbox, Bad> {
    lexer.space()?;
    lexer.mailbox()
}

/// `id = "ID" SP id-params-list`: read, and not remembered.
fn id(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    lexer.space()?;
    if !lexer.skip(b'(') {
        return lexer.nstring().map(|_| Command::Id);
    }
    while !lexer.skip(b')') {
        lexer.string()?;
        lexer.space()?;
        lexer.nstring()?;
        lexer.skip(b' ');
    }
    Ok(Command::Id)
}

fn login(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    let text = |bytes| String::from_utf8(bytes).map_err(|_| Bad("Credentials are not UTF-8"));
    lexer.space()?;
    let user = text(lexer.astring()?)?;
    lexer.space()?;
    let password = Secret::new(text(lexer.astring()?)?);
    Ok(Command::Login { user, password })
}

fn authenticate(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    lexer.space()?;
    let mechanism = lexer.word()?;
    let mut initial = None;
    if lexer.skip(b' ') {
        let base64 = lexer.take_while(|byte| byte.is_ascii_graphic());
        initial = Some(Secret::new(String::from_utf8_lossy(base64).into_owned()));
    }
    Ok(Command::Authenticate { mechanism, initial })
}

fn enable(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    let mut names = Vec::new();
    while lexer.skip(b' ') {
        names.push(lexer.atom()?.to_ascii_uppercase());
        if names.len() > ENABLE_MAX {
            return Err(Bad("Too many capabilities"));
        }
    }
    if names.is_empty() { Err(Bad("Expected a capability")) } else { Ok(Command::Enable(names)) }
}

fn create(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    let mailbox = argument(lexer)?;
    let mut special_use = None;
    if lexer.skip(b' ') {
        lexer.expect(b'(', "Expected CREATE parameters")?;
        if lexer.word()? != "USE" {
            return Err(Bad("Unknown CREATE parameter"));
        }
        lexer.space()?;
        lexer.expect(b'(', "Expected a special use")?;
        let text = lexer.take_while(|byte| byte == b'\\' || byte.is_ascii_alphanumeric());
        special_use = SpecialUse::parse(&String::from_utf8_lossy(text));
        lexer.expect(b')', "A mailbox has one special use")?;
        lexer.expect(b')', "CREATE parameters do not end")?;
        if special_use.is_none() {
            return Err(Bad("Unknown special use"));
        }
    }
    Ok(Command::Create { mailbox, special_use })
}

fn list(lexer: &mut Lexer<'_>, subscribed: bool) -> Result<Command, Bad> {
    lexer.space()?;
    let reference = lexer.astring()?;
    lexer.space()?;
    let pattern = lexer.list_mailbox()?;
    Ok(Command::List { reference, pattern, subscribed })
}

fn status(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    let mailbox = argument(lexer)?;
    lexer.space()?;
    lexer.expect(b'(', "Expected a list of items")?;
    let mut items = Vec::new();
    while !lexer.skip(b')') {
        items.push(match lexer.word()?.as_str() {
            "MESSAGES" => StatusItem::Messages,
            "RECENT" => StatusItem::Recent,
            "UIDNEXT" => StatusItem::UidNext,
            "UIDVALIDITY" => StatusItem::UidValidity,
            "UNSEEN" => StatusItem::Unseen,
            _ => return Err(Bad("Unknown STATUS item")),
        });
        lexer.skip(b' ');
    }
    Ok(Command::Status { mailbox, items })
}

fn store(lexer: &mut Lexer<'_>, numbering: Numbering) -> Result<Command, Bad> {
    let set = set(lexer)?;
    lexer.space()?;
    let change = if lexer.skip(b'+') {
        StoreChange::Add
    } else if lexer.skip(b'-') {
        StoreChange::Remove
    } else {
        StoreChange::Replace
    };
    let silent = match lexer.word()?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(Bad("Expected FLAGS")),
    };
    lexer.space()?;
    let mut flags = Vec::new();
    if lexer.peek() == Some(b'(') {
        flags = lexer.flag_list()?;
    } else {
        flags.extend(lexer.flag()?);
        while lexer.skip(b' ') {
            flags.extend(lexer.flag()?);
        }
    }
    Ok(Command::Store { numbering, set, change, silent, flags })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(line: &str) -> String {
        match Tagged::parse(format!("{line}\r\n").as_bytes()) {
            Ok(tagged) => format!("{:?}", tagged.command),
            Err((tag, bad)) => format!("{tag:?} BAD {}", bad.0),
        }
    }

    #[test]
    fn commands_are_read() {
        for (line, wanted) in [
            ("a noop", "Noop"),
            ("a LOGIN marie \"a\\\"b\"", "Login { user: \"marie\", password: *** }"),
            ("a SELECT inbox", "INBOX"),
            ("a select Envoy&AOk-s", "Envoyés"),
            ("a uid fetch 1:*,3 (FLAGS)", "numbering: Uid"),
            ("a STORE 1 +FLAGS.SILENT \\Seen $x", "silent: true, flags: [Seen, Keyword("),
            ("a ID (\"name\" \"x\" \"v\" NIL)", "Id"),
            ("a CREATE x (USE (\\Sent))", "special_use: Some(Sent)"),
            ("a LIST \"\" %", "pattern: [37]"),
            ("a APPEND x", "BAD Unknown command"),
            ("a noop ", "BAD Unexpected text"),
            ("a", "Some(\"a\") BAD Expected a space"),
            ("", "None BAD Expected a tag"),
            ("a FETCH 0 FLAGS", "BAD A sequence number is out of range"),
            ("a FETCH 5000000000 FLAGS", "BAD A sequence number is out of range"),
            ("a NOPE", "BAD Unknown command"),
        ] {
            assert!(shown(line).contains(wanted), "{line}: {}", shown(line));
        }
    }

    #[test]
    fn literals_are_read_where_strings_are() {
        let shown = shown("a LOGIN {5}\r\nmarie {3+}\r\nx y");
        assert_eq!(shown, "Login { user: \"marie\", password: *** }");
    }

    #[test]
    fn append_is_read_up_to_its_literal() {
        let line = b"a APPEND \"x\" (\\Seen \\Recent) \" 5-Nov-2026 07:19:00 +0100\" {12}\r\n";
        let append = parse_append(line, 12).unwrap().unwrap();
        assert_eq!((append.flags.len(), append.size), (1, 12));
        assert!(append.internal_date.is_some());
        assert!(parse_append(b"a APPEND {3}\r\n", 3).is_none(), "the mailbox name is the literal");
        assert!(parse_append(b"a LOGIN x {3}\r\n", 3).is_none());
        assert!(parse_append(b"a APPEND x nonsense {3}\r\n", 3).unwrap().is_err());
    }

    #[test]
    fn our_parser_agrees_with_imap_codec() {
        use imap_codec::CommandCodec;
        use imap_codec::decode::Decoder;
        for line in [
            "a CAPABILITY",
            "a NOOP",
            "a LOGOUT",
            "a LOGIN x y",
            "a SELECT INBOX",
            "a DELETE \"a b\"",
            "a RENAME a b",
            "a LSUB \"\" *",
            "a STATUS x (MESSAGES UIDNEXT)",
            "a UID COPY 1:3 x",
            "a FETCH 1 (BODY.PEEK[1.2.MIME]<0.5> ENVELOPE)",
            "a FETCH 1 BODY[HEADER.FIELDS (To \"X\")]",
            "a SEARCH OR SEEN NOT (FROM x) SINCE 1-Jan-2026",
            "a UID SEARCH CHARSET UTF-8 TEXT \"x\"",
            "a STORE 2:4 -FLAGS (\\Deleted)",
            "a ENABLE X",
            "a UNSELECT",
            "a NAMESPACE",
            "a IDLE",
            "a FETCH 1 ALLES",
            "a SEARCH",
            "a SEARCH NOT",
            "a LOGIN x",
            "a STORE 1 FLAGS",
            "a MOVE 1 x",
            "a STATUS x ()",
            "a FETCH 1 BODY[MIME]",
            "a FETCH 1 BODY[]<1>",
            "a SELECT",
        ] {
            let bytes = format!("{line}\r\n");
            let theirs = CommandCodec::default().decode(bytes.as_bytes()).is_ok();
            assert_eq!(Tagged::parse(bytes.as_bytes()).is_ok(), theirs, "{line}");
        }
    }

    proptest! {
        #[test]
        fn nothing_a_stranger_sends_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Tagged::parse(&bytes);
            let _ = parse_append(&bytes, 5);
        }

        #[test]
        fn nothing_nearly_right_panics(words in proptest::collection::vec(
            prop_oneof![Just("a "), Just("FETCH "), Just("SEARCH "), Just("1:*"), Just("("), Just(")"), Just("BODY["), Just("]"),
            Just("<1.2>"), Just("OR "), Just("NOT "), Just("HEADER "), Just("\"x\""), Just("{3}\r\nabc"), Just("UID "), Just(" ")], 0..20)) {
            let _ = Tagged::parse(words.concat().as_bytes());
        }
    }
}
