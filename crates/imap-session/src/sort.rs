//! RFC 5256 §3: what SORT and THREAD ask for.

use mail_types::{SortBy, SortKey};

use crate::lex::{Bad, Lexer};
use crate::search::{self, Search};

/// RFC 5256 §3: how messages become conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threading {
    /// ORDEREDSUBJECT: by base subject.
    OrderedSubject,
    /// REFERENCES: by what they answer.
    References,
}

/// Criteria of one SORT; more than there are different ones is nonsense.
const CRITERIA_MAX: usize = 20;

/// `SP sort-criteria SP search-criteria`
pub(crate) fn parse_sort(lexer: &mut Lexer<'_>) -> Result<(Vec<SortKey>, Search), Bad> {
    lexer.space()?;
    lexer.expect(b'(', "Expected sort criteria")?;
    let mut order = Vec::new();
    loop {
        order.push(criterion(lexer)?);
        if order.len() > CRITERIA_MAX {
            return Err(Bad("Too many sort criteria"));
        }
        if lexer.skip(b')') {
            break;
        }
        lexer.space()?;
    }
    Ok((order, search::criteria(lexer)?))
}

/// `sort-criterion = ["REVERSE" SP] sort-key`
fn criterion(lexer: &mut Lexer<'_>) -> Result<SortKey, Bad> {
    let mut word = lexer.word()?;
    let reverse = word == "REVERSE";
    if reverse {
        lexer.space()?;
        word = lexer.word()?;
    }
    let by = match word.as_str() {
        "ARRIVAL" => SortBy::Arrival,
        "CC" => SortBy::Cc,
        "DATE" => SortBy::Date,
        "FROM" => SortBy::From,
        "SIZE" => SortBy::Size,
        "SUBJECT" => SortBy::Subject,
        "TO" => SortBy::To,
        "DISPLAYFROM" => SortBy::DisplayFrom,
        "DISPLAYTO" => SortBy::DisplayTo,
        _ => return Err(Bad("Unknown sort criterion")),
    };
    Ok(SortKey { by, reverse })
}

/// `SP thread-alg SP search-criteria`
pub(crate) fn parse_thread(lexer: &mut Lexer<'_>) -> Result<(Threading, Search), Bad> {
    lexer.space()?;
    let threading = match lexer.word()?.as_str() {
        "ORDEREDSUBJECT" => Threading::OrderedSubject,
        "REFERENCES" => Threading::References,
        _ => return Err(Bad("Unknown threading algorithm")),
    };
    Ok((threading, search::criteria(lexer)?))
}
