//! RFC 3501 §6.4.4: what SEARCH looks for.

use jiff::civil::Date;
use mail_types::Flag;

use crate::lex::{Bad, Lexer, SequenceSet};

/// A search key.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// ALL, and what is always true.
    All,
    /// What is never true: RECENT and NEW, since no message is recent here.
    Nothing,
    /// A flag is set.
    Flag(Flag),
    /// Sequence numbers.
    Sequence(SequenceSet),
    /// UIDs.
    Uid(SequenceSet),
    /// BEFORE
    Before(Date),
    /// ON
    On(Date),
    /// SINCE
    Since(Date),
    /// SENTBEFORE
    SentBefore(Date),
    /// SENTON
    SentOn(Date),
    /// SENTSINCE
    SentSince(Date),
    /// LARGER
    Larger(u64),
    /// SMALLER
    Smaller(u64),
    /// HEADER, and BCC, CC, FROM, SUBJECT, TO.
    Header(String, String),
    /// BODY
    Body(String),
    /// TEXT
    Text(String),
    /// NOT
    Not(Box<Search>),
    /// All of them.
    And(Vec<Search>),
    /// One of two; chains of OR become one list.
    Or(Vec<Search>),
    /// MODSEQ (RFC 7162 §3.1.5)
    ModSeq(u64),
    /// The character set is not known: NO [BADCHARSET].
    BadCharset,
}

/// Deepest nesting of parentheses, NOT and OR. In Rust a stack overflow ends the whole server.
pub(crate) const DEPTH_MAX: usize = 64;
/// Keys of one command.
const KEYS_MAX: usize = 2000;

/// RFC 4731 §3.1: what ESEARCH answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Return {
    /// MIN
    pub min: bool,
    /// MAX
    pub max: bool,
    /// ALL
    pub all: bool,
    /// COUNT
    pub count: bool,
}

/// `SP ["RETURN" SP "(" … ")" SP] ["CHARSET" SP charset SP] search-key *(SP search-key)`
pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Result<(Option<Return>, Search), Bad> {
    lexer.space()?;
    let mut returns = None;
    let mut copy = *lexer;
    if copy.word().is_ok_and(|word| word == "RETURN") {
        *lexer = copy;
        returns = Some(return_options(lexer)?);
        lexer.space()?;
    }
    let mut copy = *lexer;
    if copy.word().is_ok_and(|word| word == "CHARSET") {
        *lexer = copy;
        return Ok((returns, criteria(lexer)?));
    }
    Ok((returns, keys(lexer)?))
}

fn return_options(lexer: &mut Lexer<'_>) -> Result<Return, Bad> {
    let mut returns = Return::default();
    lexer.space()?;
    lexer.expect(b'(', "Expected return options")?;
    while !lexer.skip(b')') {
        match lexer.word()?.as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            _ => return Err(Bad("Unknown return option")),
        }
        if !lexer.skip(b' ') && lexer.peek() != Some(b')') {
            return Err(Bad("Return options do not end"));
        }
    }
    // RFC 4731 §3.1: "an empty list of result options" is ALL.
    returns.all |= returns == Return::default();
    Ok(returns)
}

/// `SP charset SP search-key *(SP search-key)`: what SORT and THREAD end with.
pub(crate) fn criteria(lexer: &mut Lexer<'_>) -> Result<Search, Bad> {
    lexer.space()?;
    let charset = String::from_utf8_lossy(&lexer.astring()?).to_ascii_uppercase();
    lexer.space()?;
    if charset != "UTF-8" && charset != "US-ASCII" {
        lexer.take_while(|_| true);
        return Ok(Search::BadCharset);
    }
    keys(lexer)
}

fn keys(lexer: &mut Lexer<'_>) -> Result<Search, Bad> {
    Parser { keys: 0 }.list(lexer, 0)
}

struct Parser {
    keys: usize,
}

impl Parser {
    /// `search-key *(SP search-key)`
    fn list(&mut self, lexer: &mut Lexer<'_>, depth: usize) -> Result<Search, Bad> {
        let mut keys = vec![self.key(lexer, depth)?];
        while lexer.skip(b' ') {
            keys.push(self.key(lexer, depth)?);
        }
        Ok(if keys.len() == 1 { keys.swap_remove(0) } else { Search::And(keys) })
    }

    fn key(&mut self, lexer: &mut Lexer<'_>, depth: usize) -> Result<Search, Bad> {
        self.keys += 1;
        if depth > DEPTH_MAX || self.keys > KEYS_MAX {
            return Err(Bad("The search is nested too deeply or too long"));
        }
        match lexer.peek() {
            Some(b'(') => {
                lexer.skip(b'(');
                let inner = self.list(lexer, depth + 1)?;
                lexer.expect(b')', "A search list does not end")?;
                return Ok(inner);
            }
            Some(b'0'..=b'9' | b'*') => return lexer.sequence_set().map(Search::Sequence),
            _ => {}
        }
        let word = lexer.word().map_err(|_| Bad("Expected a search key"))?;
        match word.as_str() {
            "NOT" => {
                lexer.space()?;
                Ok(Search::Not(Box::new(self.key(lexer, depth + 1)?)))
            }
            "OR" => self.or_chain(lexer, depth),
            word => simple(lexer, word),
        }
    }

    /// `"OR" SP search-key SP search-key`. Clients write long chains of it: `OR a OR b OR c d` is
    /// read in a loop, so that its length is no depth.
    fn or_chain(&mut self, lexer: &mut Lexer<'_>, depth: usize) -> Result<Search, Bad> {
        let mut keys = Vec::new();
        loop {
            lexer.space()?;
            keys.push(self.key(lexer, depth + 1)?);
            lexer.space()?;
            let mut copy = *lexer;
            if copy.word().is_ok_and(|word| word == "OR") {
                *lexer = copy;
                continue;
            }
            keys.push(self.key(lexer, depth + 1)?);
            return Ok(Search::Or(keys));
        }
    }
}

fn simple(lexer: &mut Lexer<'_>, word: &str) -> Result<Search, Bad> {
    let not = |flag| Search::Not(Box::new(Search::Flag(flag)));
    Ok(match word {
        "ALL" | "OLD" => Search::All,
        "RECENT" | "NEW" => Search::Nothing,
        "ANSWERED" => Search::Flag(Flag::Answered),
        "DELETED" => Search::Flag(Flag::Deleted),
        "DRAFT" => Search::Flag(Flag::Draft),
        "FLAGGED" => Search::Flag(Flag::Flagged),
        "SEEN" => Search::Flag(Flag::Seen),
        "UNANSWERED" => not(Flag::Answered),
        "UNDELETED" => not(Flag::Deleted),
        "UNDRAFT" => not(Flag::Draft),
        "UNFLAGGED" => not(Flag::Flagged),
        "UNSEEN" => not(Flag::Seen),
        "KEYWORD" => Search::Flag(keyword(lexer)?),
        "UNKEYWORD" => not(keyword(lexer)?),
        "UID" => {
            lexer.space()?;
            Search::Uid(lexer.sequence_set()?)
        }
        "BEFORE" => Search::Before(date(lexer)?),
        "ON" => Search::On(date(lexer)?),
        "SINCE" => Search::Since(date(lexer)?),
        "SENTBEFORE" => Search::SentBefore(date(lexer)?),
        "SENTON" => Search::SentOn(date(lexer)?),
        "SENTSINCE" => Search::SentSince(date(lexer)?),
        "LARGER" => Search::Larger(number(lexer)?),
        "SMALLER" => Search::Smaller(number(lexer)?),
        "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => Search::Header(word.to_owned(), text(lexer)?),
        "HEADER" => {
            let name = text(lexer)?;
            Search::Header(name, text(lexer)?)
        }
        "BODY" => Search::Body(text(lexer)?),
        "TEXT" => Search::Text(text(lexer)?),
        "MODSEQ" => Search::ModSeq(mod_sequence(lexer)?),
        _ => return Err(Bad("Unknown search key")),
    })
}

fn text(lexer: &mut Lexer<'_>) -> Result<String, Bad> {
    lexer.space()?;
    String::from_utf8(lexer.astring()?).map_err(|_| Bad("A search text is not UTF-8"))
}

fn number(lexer: &mut Lexer<'_>) -> Result<u64, Bad> {
    lexer.space()?;
    lexer.number()
}

/// `"MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer`. All flags of a message
/// have one mod-sequence here (RFC 7162 §3.1.5 allows it), so which is asked for does not matter.
fn mod_sequence(lexer: &mut Lexer<'_>) -> Result<u64, Bad> {
    lexer.space()?;
    if lexer.peek() == Some(b'"') {
        lexer.string()?;
        lexer.space()?;
        if !matches!(lexer.word()?.as_str(), "PRIV" | "SHARED" | "ALL") {
            return Err(Bad("Unknown entry type"));
        }
        lexer.space()?;
    }
    lexer.number()
}

fn keyword(lexer: &mut Lexer<'_>) -> Result<Flag, Bad> {
    lexer.space()?;
    lexer.flag()?.ok_or(Bad("Expected a keyword"))
}

/// `date = date-text / DQUOTE date-text DQUOTE`
fn date(lexer: &mut Lexer<'_>) -> Result<Date, Bad> {
    lexer.space()?;
    let text = lexer.astring()?;
    let text = std::str::from_utf8(&text).map_err(|_| Bad("Unreadable date"))?;
    read_date(text).ok_or(Bad("Unreadable date"))
}

fn read_date(text: &str) -> Option<Date> {
    let mut pieces = text.split('-');
    let (day, month, year) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if pieces.next().is_some() || year.len() != 4 || day.len() > 2 {
        return None;
    }
    let months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = months.iter().position(|name| name.eq_ignore_ascii_case(month))? as i8 + 1;
    Date::new(year.parse().ok()?, month, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Search, Bad> {
        let line = format!(" {text}");
        let mut lexer = Lexer::new(line.as_bytes());
        let (_, key) = parse(&mut lexer)?;
        lexer.end()?;
        Ok(key)
    }

    #[test]
    fn a_chain_of_thousand_ors_is_one_list() {
        let chain = format!("{}SEEN", "OR DELETED ".repeat(1000));
        assert!(matches!(read(&chain), Ok(Search::Or(keys)) if keys.len() == 1001));
    }

    #[test]
    fn depth_is_refused_not_followed() {
        // In Rust a stack overflow ends the whole server: tried on a quarter of the usual stack.
        let tried = || {
            for (open, close) in [("NOT ", ""), ("(", ")"), ("OR (", ") SEEN"), ("OR NOT (", ")")] {
                for count in [100, 10_000, 1_000_000] {
                    let text = format!("{}SEEN{}", open.repeat(count), close.repeat(count));
                    assert!(read(&text).is_err(), "{open} {count}");
                }
            }
        };
        let small = std::thread::Builder::new().stack_size(512 << 10).spawn(tried).unwrap();
        small.join().unwrap();
    }

    #[test]
    fn keys_are_read() {
        assert_eq!(
            read("1:3"),
            Ok(Search::Sequence(SequenceSet { ranges: vec![(Some(1), Some(3))] }))
        );
        assert_eq!(read("SINCE 1-Feb-2026"), Ok(Search::Since(Date::constant(2026, 2, 1))));
        assert_eq!(read("CHARSET KOI8-R ALL"), Ok(Search::BadCharset));
        assert!(matches!(read("UNSEEN FROM x"), Ok(Search::And(keys)) if keys.len() == 2));
        for wrong in [
            "",
            "NOPE",
            "SINCE 30-Feb-2026",
            "OR SEEN",
            "FROM",
            "(SEEN",
            "SEEN)",
            "KEYWORD \\Seen x",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
