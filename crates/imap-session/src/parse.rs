//! RFC 3501 §9: the parser of commands. Lists, searches, sorts and FETCH items have files of
//! their own.

use mail_types::{Secret, SpecialUse};

use crate::command::{Append, Command, Numbering, StatusItem, StoreChange, Tagged};
use crate::lex::{Bad, Lexer, Mailbox, SequenceSet};
use crate::{fetch, list, search, sort};

/// Capabilities one ENABLE may name.
const ENABLE_MAX: usize = 50;
/// Parameters of one ID (RFC 2971 §3.3: "more than 30 field-value pairs" are not to be sent).
const ID_PARAMS_MAX: usize = 30;
/// Items of one STATUS.
const STATUS_ITEMS_MAX: usize = 50;

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
        "SELECT" => select(lexer, false)?,
        "EXAMINE" => select(lexer, true)?,
        "CREATE" => create(lexer)?,
        "DELETE" => Command::Delete(argument(lexer)?),
        "RENAME" => Command::Rename { from: argument(lexer)?, to: argument(lexer)? },
        "SUBSCRIBE" => Command::Subscribe(argument(lexer)?),
        "UNSUBSCRIBE" => Command::Unsubscribe(argument(lexer)?),
        "LIST" => Command::List(list::parse(lexer)?),
        "LSUB" => lsub(lexer)?,
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
        "SEARCH" => {
            let (returns, key) = search::parse(lexer)?;
            Ok(Command::Search { numbering, returns, key })
        }
        "SORT" => {
            let (order, key) = sort::parse_sort(lexer)?;
            Ok(Command::Sort { numbering, order, key })
        }
        "THREAD" => {
            let (threading, key) = sort::parse_thread(lexer)?;
            Ok(Command::Thread { numbering, threading, key })
        }
        "FETCH" => {
            let set = set(lexer)?;
            lexer.space()?;
            let items = fetch::parse(lexer)?;
            let changed_since = modifier(lexer, "CHANGEDSINCE")?;
            Ok(Command::Fetch { numbering, set, items, changed_since })
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
    let mut params = 0;
    while !lexer.skip(b')') {
        lexer.string()?;
        lexer.space()?;
        lexer.nstring()?;
        params += 1;
        if params > ID_PARAMS_MAX {
            return Err(Bad("Too many ID parameters"));
        }
        if !lexer.skip(b' ') && lexer.peek() != Some(b')') {
            return Err(Bad("ID parameters do not end"));
        }
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

fn lsub(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    lexer.space()?;
    let reference = lexer.astring()?;
    lexer.space()?;
    let pattern = lexer.list_mailbox()?;
    Ok(Command::Lsub { reference, pattern })
}

fn select(lexer: &mut Lexer<'_>, read_only: bool) -> Result<Command, Bad> {
    let mailbox = argument(lexer)?;
    let condstore = lexer.skip(b' ');
    if condstore {
        lexer.expect(b'(', "Expected SELECT parameters")?;
        if lexer.word()? != "CONDSTORE" {
            return Err(Bad("Unknown SELECT parameter"));
        }
        lexer.expect(b')', "SELECT parameters do not end")?;
    }
    Ok(Command::Select { mailbox, read_only, condstore })
}

/// RFC 4466 §2.4: ` (NAME mod-sequence)` behind FETCH items, if there is one.
fn modifier(lexer: &mut Lexer<'_>, name: &str) -> Result<Option<u64>, Bad> {
    if !lexer.skip(b' ') {
        return Ok(None);
    }
    mod_sequence(lexer, name).map(Some)
}

fn mod_sequence(lexer: &mut Lexer<'_>, name: &str) -> Result<u64, Bad> {
    lexer.expect(b'(', "Expected a modifier")?;
    if lexer.word()? != name {
        return Err(Bad("Unknown modifier"));
    }
    lexer.space()?;
    let number = lexer.number()?;
    lexer.expect(b')', "A modifier does not end")?;
    Ok(number)
}

fn status(lexer: &mut Lexer<'_>) -> Result<Command, Bad> {
    let mailbox = argument(lexer)?;
    lexer.space()?;
    Ok(Command::Status { mailbox, items: status_items(lexer)? })
}

/// `"(" status-att *(SP status-att) ")"`
pub(crate) fn status_items(lexer: &mut Lexer<'_>) -> Result<Vec<StatusItem>, Bad> {
    lexer.expect(b'(', "Expected a list of items")?;
    let mut items = Vec::new();
    loop {
        items.push(match lexer.word()?.as_str() {
            "MESSAGES" => StatusItem::Messages,
            "RECENT" => StatusItem::Recent,
            "UIDNEXT" => StatusItem::UidNext,
            "UIDVALIDITY" => StatusItem::UidValidity,
            "UNSEEN" => StatusItem::Unseen,
            "DELETED" => StatusItem::Deleted,
            "SIZE" => StatusItem::Size,
            "HIGHESTMODSEQ" => StatusItem::HighestModSeq,
            _ => return Err(Bad("Unknown STATUS item")),
        });
        if lexer.skip(b')') {
            return Ok(items);
        }
        if items.len() >= STATUS_ITEMS_MAX {
            return Err(Bad("Too many STATUS items"));
        }
        lexer.space()?;
    }
}

fn store(lexer: &mut Lexer<'_>, numbering: Numbering) -> Result<Command, Bad> {
    let set = set(lexer)?;
    lexer.space()?;
    let mut unchanged_since = None;
    if lexer.peek() == Some(b'(') {
        unchanged_since = Some(mod_sequence(lexer, "UNCHANGEDSINCE")?);
        lexer.space()?;
    }
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
    Ok(Command::Store { numbering, set, unchanged_since, change, silent, flags })
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
            ("a LIST \"\" %", "patterns: [[37]]"),
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
