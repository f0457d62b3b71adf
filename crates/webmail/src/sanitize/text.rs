//! Plain text in pieces that the templates escape: lines, links, quotations.
//!
//! No HTML is built here, so there is nothing in a text that could become HTML.

use std::collections::VecDeque;

/// Longest address that becomes a link.
const LINK_BYTES_MAX: usize = 2000;
/// Quoted lines at which a quotation is folded.
const FOLD_LINES_MIN: usize = 6;

/// A run of lines at the same level.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// Whether the lines began with `>`.
    pub(crate) is_quote: bool,
    /// Whether the quotation is long enough to be folded away.
    pub(crate) is_folded: bool,
    /// What the lines hold; line ends are text.
    pub(crate) pieces: Vec<Piece>,
}

/// Text, or an address on the web.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    /// To be escaped and shown.
    Text(String),
    /// To be shown and followed: what is seen is where it leads.
    Link(String),
}

/// Cuts a text into blocks.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut runs: VecDeque<(bool, usize, String)> = VecDeque::new();
    for line in text.lines() {
        let is_quote = line.starts_with('>');
        let shown = if is_quote { line[1..].strip_prefix(' ').unwrap_or(&line[1..]) } else { line };
        let shown: String = shown.chars().filter(|c| !is_hidden(*c)).collect();
        match runs.back_mut() {
            Some((quote, lines, run)) if *quote == is_quote => {
                *lines += 1;
                run.push('\n');
                run.push_str(&shown);
            }
            _ => runs.push_back((is_quote, 1, shown)),
        }
    }
    let block = |(is_quote, lines, run): (bool, usize, String)| Block {
        is_quote,
        is_folded: is_quote && lines >= FOLD_LINES_MIN,
        pieces: pieces(run.trim_matches('\n')),
    };
    runs.into_iter().filter(|(_, _, run)| !run.trim().is_empty()).map(block).collect()
}

/// Controls, and marks that turn the reading direction of what follows.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut shown = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("http") {
        let start = from + found;
        let word = &text[start..];
        let end =
            word.find(|c: char| c.is_whitespace() || "<>\"".contains(c)).unwrap_or(word.len());
        let link = trim_link(&word[..end]);
        let begins_word = !text[..start].ends_with(|c: char| c.is_alphanumeric());
        if begins_word && is_link(link) {
            if start > shown {
                out.push(Piece::Text(text[shown..start].to_owned()));
            }
            out.push(Piece::Link(link.to_owned()));
            shown = start + link.len();
            from = shown;
        } else {
            from = start + "http".len();
        }
    }
    if shown < text.len() {
        out.push(Piece::Text(text[shown..].to_owned()));
    }
    out
}

/// A link without the punctuation of the sentence around it.
fn trim_link(word: &str) -> &str {
    let mut link = word;
    loop {
        let shorter = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '»', '*', '_']);
        let unbalanced =
            shorter.ends_with(')') && shorter.matches(')').count() > shorter.matches('(').count();
        let shorter = if unbalanced { &shorter[..shorter.len() - 1] } else { shorter };
        if shorter.len() == link.len() {
            return link;
        }
        link = shorter;
    }
}

/// Only plain ASCII web addresses: a host in another script could be read as one it is not.
fn is_link(link: &str) -> bool {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        link.len() <= LINK_BYTES_MAX
            && !host.is_empty()
            // `https://bank.test@evil.test` reads as the first and leads to the second.
            && !host.contains('@')
            && link.chars().all(|c| c.is_ascii_graphic() && !"<>\"`\\".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Piece {
        Piece::Text(s.into())
    }

    fn link(s: &str) -> Piece {
        Piece::Link(s.into())
    }

    #[test]
    fn links_leave_the_punctuation_of_the_sentence() {
        for (given, wanted) in [
            ("voir https://a.test/x.", vec![text("voir "), link("https://a.test/x"), text(".")]),
            ("(https://a.test/x(1))", vec![text("("), link("https://a.test/x(1)"), text(")")]),
            ("<http://a.test>", vec![text("<"), link("http://a.test"), text(">")]),
            ("xhttp://a.test", vec![text("xhttp://a.test")]),
            ("http://", vec![text("http://")]),
            ("http http://b.test", vec![text("http "), link("http://b.test")]),
        ] {
            assert_eq!(pieces(given), wanted, "{given}");
        }
    }

    #[test]
    fn no_link_leads_where_it_does_not_say() {
        for given in [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://bank.test@evil.test/",
            "https://раypal.test/",
            "https://a.test/\"onmouseover=x",
            "https:evil",
        ] {
            let links = pieces(given).into_iter().filter(|p| matches!(p, Piece::Link(_)));
            assert!(links.into_iter().all(|l| l == link("https://a.test/")), "{given}");
        }
    }

    #[test]
    fn quotations_are_blocks_and_long_ones_are_folded() {
        let mail = format!("Oui.\n\n{}\nFin", "> a\n".repeat(7));
        let found = blocks(&mail);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].is_quote, found[1].is_quote, found[1].is_folded), (false, true, true));
        assert!(!blocks("> court\n")[0].is_folded);
        assert!(blocks("\n\n").is_empty());
    }

    #[test]
    fn directions_are_not_turned() {
        assert_eq!(blocks("a\u{202e}b\u{7}")[0].pieces, vec![text("ab")]);
    }
}
