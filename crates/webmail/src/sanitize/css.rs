//! A `style` attribute: declarations of listed properties, with values made of listed tokens.
//!
//! Every value is parsed and written anew from its tokens, so that an escape (`u\72l(`) or an odd
//! function (`image()`, `var()`) cannot carry a remote address past a list of names.

use cssparser::{BasicParseErrorKind, Delimiter, ParseError, Parser, ToCss, Token};

/// Longest style attribute that is looked at; longer ones are dropped.
const STYLE_BYTES_MAX: usize = 16 * 1024;
/// Deepest nesting of `calc()` that is followed.
const DEPTH_MAX: usize = 4;

/// What a value may be about. No `position`, no `background`, no `content`, no custom properties:
/// none of them can be kept without letting a message reach out or cover what is around it.
const PROPERTIES: [&str; 78] = [
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-left-radius",
    "border-bottom-right-radius",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-left-radius",
    "border-top-right-radius",
    "border-top-style",
    "border-top-width",
    "border-width",
    "box-sizing",
    "caption-side",
    "clear",
    "color",
    "direction",
    "display",
    "empty-cells",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "hyphens",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "overflow-wrap",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-decoration-color",
    "text-decoration-line",
    "text-decoration-style",
    "text-indent",
    "text-overflow",
    "text-transform",
    "vertical-align",
    "visibility",
    "white-space",
    "width",
    "word-break",
    "word-spacing",
    "word-wrap",
];

/// Functions that can only compute: all others may load something.
const FUNCTIONS: [&str; 5] = ["calc", "hsl", "hsla", "rgb", "rgba"];

/// The declarations of a style attribute that are safe, or `None` when none is left.
pub(crate) fn filter_style(style: &str) -> Option<String> {
    if style.len() > STYLE_BYTES_MAX {
        return None;
    }
    let mut parser = Parser::new(style);
    let mut out = String::with_capacity(style.len());
    while !parser.is_exhausted() {
        let declaration = parser.parse_until_after(Delimiter::Semicolon, |parser| {
            parse_declaration(parser).map_err(|()| refusal())
        });
        if let Ok(declaration) = declaration {
            out.push_str(&declaration);
            out.push(';');
        }
    }
    (!out.is_empty()).then_some(out)
}

fn parse_declaration(parser: &mut Parser<'_>) -> Result<String, ()> {
    let name = parser.expect_ident().map_err(drop)?.to_ascii_lowercase();
    if PROPERTIES.binary_search(&name.as_str()).is_err() {
        return Err(());
    }
    parser.expect_colon().map_err(drop)?;
    let mut out = name;
    out.push(':');
    let start = out.len();
    parse_value(parser, &mut out, 0)?;
    out.truncate(out.trim_end().len());
    if out.len() <= start { Err(()) } else { Ok(out) }
}

/// Copies a value token by token; the first token that is not listed loses the declaration.
fn parse_value(parser: &mut Parser<'_>, out: &mut String, depth: usize) -> Result<(), ()> {
    if depth > DEPTH_MAX {
        return Err(());
    }
    loop {
        let token = match parser.next_including_whitespace() {
            Ok(token) => token.clone(),
            Err(_) => return Ok(()),
        };
        match &token {
            Token::WhiteSpace(_) => out.push(' '),
            // `!important` is let go: nothing here has rules to overrule.
            Token::Delim('!') => {
                parser.expect_ident_matching("important").map_err(drop)?;
                parser.skip_whitespace();
                return if parser.is_exhausted() { Ok(()) } else { Err(()) };
            }
            Token::Ident(_)
            | Token::Hash(_)
            | Token::IDHash(_)
            | Token::QuotedString(_)
            | Token::Number { .. }
            | Token::Percentage { .. }
            | Token::Dimension { .. }
            | Token::Comma
            | Token::Delim('/' | '+' | '-' | '*') => {
                token.to_css(out).map_err(drop)?;
            }
            Token::Function(name) => {
                let name = name.to_ascii_lowercase();
                if !FUNCTIONS.contains(&name.as_str()) {
                    return Err(());
                }
                out.push_str(&name);
                nested(parser, out, depth)?;
            }
            Token::ParenthesisBlock if depth > 0 => nested(parser, out, depth)?,
            _ => return Err(()),
        }
    }
}

fn nested(parser: &mut Parser<'_>, out: &mut String, depth: usize) -> Result<(), ()> {
    out.push('(');
    parser
        .parse_nested_block(|parser| parse_value(parser, out, depth + 1).map_err(|()| refusal()))
        .map_err(drop)?;
    out.push(')');
    Ok(())
}

fn refusal() -> ParseError<()> {
    ParseError::from_basic_kind(BasicParseErrorKind::UnexpectedToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_sorted_for_the_search() {
        assert!(PROPERTIES.is_sorted());
    }

    #[test]
    fn harmless_declarations_are_kept() {
        for (style, wanted) in [
            ("color:red", "color:red;"),
            ("COLOR : #C00 ; margin: 0 auto", "color: #C00;margin: 0 auto;"),
            ("font-family:'Times New Roman', serif", "font-family:\"Times New Roman\", serif;"),
            ("width:calc(100% - (2px * 3))", "width:calc(100% - (2px * 3));"),
            ("color:rgba(0, 0, 0, .5)!important", "color:rgba(0, 0, 0, 0.5);"),
            ("font: 12px/1.5 Arial", "font: 12px/1.5 Arial;"),
            ("color:red;;;position:fixed;width:1px", "color:red;width:1px;"),
        ] {
            assert_eq!(filter_style(style).as_deref(), Some(wanted), "{style}");
        }
    }

    #[test]
    fn whatever_could_load_or_cover_is_dropped() {
        for style in [
            "",
            "background:url(https://x.test/a)",
            "background-color:url(https://x.test/a)",
            "background-color:URL('https://x.test/a')",
            "background-color:u\\72l(https://x.test/a)",
            "background-color:\\75rl(https://x.test/a)",
            "background-color:var(--x,url(https://x.test/a))",
            "--x:url(https://x.test/a)",
            "color:image(url(https://x.test/a))",
            "color:image-set('https://x.test/a' 1x)",
            "color:cross-fade(url(a), url(b))",
            "color:-webkit-image-set(url(https://x.test))",
            "color:attr(data-x url)",
            "color:env(x)",
            "width:expression(alert(1))",
            "color:calc(url(https://x.test))",
            "list-style-type:url(https://x.test/a)",
            "list-style:url(https://x.test/a)",
            "cursor:url(https://x.test/a),auto",
            "content:'x'",
            "position:fixed",
            "position:fixed!important",
            "behavior:url(#x)",
            "-moz-binding:url(https://x.test)",
            "src:url(https://x.test)",
            "filter:url(https://x.test#f)",
            "mask:url(https://x.test#f)",
            "fill:url(https://x.test#f)",
            "color:url(https://x.test",
            "color:url(\"https://x.test\n)",
            "color:red}body{background:url(https://x.test)}",
            "color:[url(https://x.test)]",
            "color:{url(https://x.test)}",
            "color:@import 'https://x.test'",
            "@import 'https://x.test'",
            "color:<!--",
            "color: ",
            "z-index:9999",
            "color:calc(calc(calc(calc(calc(calc(1))))))",
        ] {
            assert_eq!(filter_style(style), None, "{style}");
        }
    }

    #[test]
    fn a_bad_declaration_does_not_take_its_neighbours_along() {
        let style = "color:red;background:url(a;b);width:1px;color:url(https://x.test);height:2px";
        assert_eq!(filter_style(style).as_deref(), Some("color:red;width:1px;height:2px;"));
    }

    #[test]
    fn long_or_deep_styles_end_soon() {
        assert_eq!(filter_style(&"color:red;".repeat(2000)), None);
        assert_eq!(filter_style(&format!("color:{}", "(".repeat(10_000))), None);
        assert_eq!(filter_style(&format!("width:{}", "calc(".repeat(3_000))), None);
    }

    #[test]
    fn what_was_filtered_is_not_changed_by_filtering_again() {
        for style in ["color:\\72 ed;font-family:'a\\27 b'", "width:calc(1px + 2em)"] {
            let once = filter_style(style).unwrap();
            assert_eq!(filter_style(&once), Some(once.clone()));
        }
    }
}
