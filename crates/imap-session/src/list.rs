//! RFC 5258 §3: LIST with its selection and return options, RFC 5819's STATUS among them.

use crate::command::StatusItem;
use crate::lex::{Bad, Lexer};
use crate::parse::status_items;

/// A LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Which names.
    pub selection: Selection,
    /// Before each pattern.
    pub reference: Vec<u8>,
    /// With `%` and `*`.
    pub patterns: Vec<Vec<u8>>,
    /// Whether an empty pattern asks for the delimiter: only in the form of RFC 3501.
    pub is_extended: bool,
    /// Whether `\Subscribed` is told.
    pub return_subscribed: bool,
    /// RFC 5819: what of STATUS is told of each.
    pub status: Vec<StatusItem>,
}

/// RFC 5258 §3.1: which names are listed; none given are all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// SUBSCRIBED
    pub subscribed: bool,
    /// RECURSIVEMATCH
    pub recursive_match: bool,
    /// SPECIAL-USE (RFC 6154 §2)
    pub special_use: bool,
}

/// Patterns of one LIST.
const PATTERNS_MAX: usize = 50;

/// `list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`
pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Result<List, Bad> {
    lexer.space()?;
    let mut list = List {
        selection: Selection::default(),
        reference: Vec::new(),
        patterns: Vec::new(),
        is_extended: false,
        return_subscribed: false,
        status: Vec::new(),
    };
    if lexer.skip(b'(') {
        list.is_extended = true;
        selection(lexer, &mut list.selection)?;
        lexer.space()?;
    }
    list.reference = lexer.astring()?;
    lexer.space()?;
    if lexer.skip(b'(') {
        list.is_extended = true;
        patterns(lexer, &mut list.patterns)?;
    } else {
        list.patterns.push(lexer.list_mailbox()?);
    }
    if lexer.skip(b' ') {
        list.is_extended = true;
        if lexer.word()? != "RETURN" {
            return Err(Bad("Expected RETURN"));
        }
        lexer.space()?;
        lexer.expect(b'(', "Expected return options")?;
        returns(lexer, &mut list)?;
    }
    // RFC 5258 §3.1: SUBSCRIBED as a selection is SUBSCRIBED as a return option too.
    list.return_subscribed |= list.selection.subscribed;
    Ok(list)
}

fn selection(lexer: &mut Lexer<'_>, selection: &mut Selection) -> Result<(), Bad> {
    while !lexer.skip(b')') {
        match lexer.word()?.as_str() {
            "SUBSCRIBED" => selection.subscribed = true,
            "RECURSIVEMATCH" => selection.recursive_match = true,
            "SPECIAL-USE" => selection.special_use = true,
            // All mailboxes are here, so there are none more to show.
            "REMOTE" => {}
            _ => return Err(Bad("Unknown selection option")),
        }
        option_end(lexer)?;
    }
    // RFC 5258 §3.1: RECURSIVEMATCH needs a base option; REMOTE and SPECIAL-USE are none.
    if selection.recursive_match && !selection.subscribed {
        return Err(Bad("RECURSIVEMATCH needs SUBSCRIBED"));
    }
    Ok(())
}

fn patterns(lexer: &mut Lexer<'_>, patterns: &mut Vec<Vec<u8>>) -> Result<(), Bad> {
    loop {
        patterns.push(lexer.list_mailbox()?);
        if patterns.len() > PATTERNS_MAX {
            return Err(Bad("Too many patterns"));
        }
        if lexer.skip(b')') {
            return Ok(());
        }
        lexer.space()?;
    }
}

fn returns(lexer: &mut Lexer<'_>, list: &mut List) -> Result<(), Bad> {
    while !lexer.skip(b')') {
        match lexer.word()?.as_str() {
            "SUBSCRIBED" => list.return_subscribed = true,
            // These are told whether they are asked for or not.
            "CHILDREN" | "SPECIAL-USE" => {}
            "STATUS" => {
                lexer.space()?;
                list.status = status_items(lexer)?;
            }
            _ => return Err(Bad("Unknown return option")),
        }
        option_end(lexer)?;
    }
    Ok(())
}

fn option_end(lexer: &mut Lexer<'_>) -> Result<(), Bad> {
    if lexer.skip(b' ') || lexer.peek() == Some(b')') {
        Ok(())
    } else {
        Err(Bad("Options do not end"))
    }
}
