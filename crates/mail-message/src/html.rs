//! The text of HTML, for previews and the index: one pass, no tree, so that nothing nested can
//! cost more than its bytes. Not for showing HTML: that is the webmail's sanitiser.

use mail_parser::decoders::html::add_html_token;

/// Elements whose content is not text for people.
const HIDDEN: [&str; 6] = ["script", "style", "title", "template", "textarea", "noframes"];
/// Elements that begin a line.
const BLOCKS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "tr",
    "ul",
];
/// Longest character reference that is looked for, `&` and `;` included.
const REFERENCE_BYTES_MAX: usize = 34;

/// The text, white space folded, at most about this many bytes of it.
pub fn to_text(html: &str, bytes_max: usize) -> String {
    let mut writer = Writer { out: String::new(), gap: Gap::Start };
    let mut rest = html;
    while !rest.is_empty() && writer.out.len() < bytes_max {
        let Some(place) = rest.find(['<', '&']) else {
            writer.text(rest, bytes_max);
            break;
        };
        let (text, markup) = rest.split_at(place);
        writer.text(text, bytes_max);
        rest = match markup.as_bytes()[0] {
            b'&' => reference(markup, &mut writer),
            _ => tag(markup, &mut writer),
        };
    }
    writer.out
}

fn reference<'a>(markup: &'a str, writer: &mut Writer) -> &'a str {
    let near = &markup.as_bytes()[..markup.len().min(REFERENCE_BYTES_MAX)];
    let name = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'#';
    let length = 1 + near[1..].iter().take_while(|byte| name(byte)).count();
    if near.get(length) != Some(&b';') {
        writer.character('&');
        return &markup[1..];
    }
    let mut shown = String::new();
    add_html_token(&mut shown, &near[..=length], false);
    shown.chars().for_each(|c| writer.character(c));
    &markup[length + 1..]
}

/// Passes over a tag or comment, and over all of an element that is not for people.
fn tag<'a>(markup: &'a str, writer: &mut Writer) -> &'a str {
    if let Some(comment) = markup.strip_prefix("<!--") {
        return comment.find("-->").map_or("", |end| &comment[end + 3..]);
    }
    let inner = &markup[1..];
    let is_close = inner.starts_with('/');
    let named = if is_close { &inner[1..] } else { inner };
    let is_named = named.starts_with(|c: char| c.is_ascii_alphabetic());
    if !is_named && !inner.starts_with(['/', '!', '?']) {
        writer.character('<');
        return inner;
    }
    let length = named.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let name = named[..length].to_ascii_lowercase();
    let rest = after_tag(&named[length..]);
    if BLOCKS.contains(&name.as_str()) {
        writer.gap = writer.gap.max(Gap::Line);
    } else if matches!(name.as_str(), "td" | "th") {
        writer.gap = writer.gap.max(Gap::Space);
    }
    if !is_close && HIDDEN.contains(&name.as_str()) { after_element(rest, &name) } else { rest }
}

/// What follows the tag's `>`; one inside a quoted attribute value does not end it.
fn after_tag(attributes: &str) -> &str {
    let mut quote = None;
    let mut last = b' ';
    for (place, byte) in attributes.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return &attributes[place + 1..],
            (None, b'"' | b'\'') if last == b'=' => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
    }
    ""
}

/// What follows `</name`; nothing when the element never ends.
fn after_element<'a>(content: &'a str, name: &str) -> &'a str {
    let bytes = content.as_bytes();
    let ends = |place: usize| {
        let tail = &bytes[place..];
        tail.starts_with(b"</")
            && tail
                .get(2..2 + name.len())
                .is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes()))
    };
    let mut from = 0;
    while let Some(step) = bytes[from..].iter().position(|&byte| byte == b'<') {
        if ends(from + step) {
            return after_tag(&content[from + step + 2 + name.len()..]);
        }
        from += step + 1;
    }
    ""
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
    /// Nothing was written yet: no gap is wanted.
    Start,
}

struct Writer {
    out: String,
    /// White space owed before the next character.
    gap: Gap,
}

impl Writer {
    fn text(&mut self, text: &str, bytes_max: usize) {
        for c in text.chars() {
            if self.out.len() >= bytes_max {
                return;
            }
            self.character(c);
        }
    }

    fn character(&mut self, c: char) {
        if c.is_whitespace() {
            self.gap = self.gap.max(Gap::Space);
            return;
        }
        match std::mem::replace(&mut self.gap, Gap::None) {
            Gap::None | Gap::Start => {}
            Gap::Space => self.out.push(' '),
            Gap::Line => self.out.push('\n'),
        }
        self.out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_text_stays() {
        for (html, text) in [
            ("a <b>b</b>\n c", "a b c"),
            ("<p>un</p><p>deux</p>", "un\ndeux"),
            ("a<br/>b<BR>c", "a\nb\nc"),
            ("<td>1</td><td>2</td>", "1 2"),
            ("caf&eacute; &amp; th&#233; &#x263a; &nbsp;x", "café & thé ☺ x"),
            ("&unknown; &; & &#xffffffff;x", "&unknown; &; & \u{fffd}x"),
            ("<style type=\"text/css\">p{color:red}</STYLE>x", "x"),
            ("<script>if (a < b) alert('</p>')</script>x", "x"),
            ("<head><title>non</title><meta x></head><body>oui", "oui"),
            ("a<!-- <b> -- > c -->b", "ab"),
            ("<a title=\"a > b\" href=x>lien</a>", "lien"),
            ("1 < 2 <3", "1 < 2 <3"),
            ("<!doctype html><?xml x?>a", "a"),
            ("a<style>b", "a"),
            ("a<b", "a"),
            ("a<!--", "a"),
            ("", ""),
        ] {
            assert_eq!(to_text(html, 1000), text, "{html}");
        }
    }

    #[test]
    fn output_is_bounded() {
        assert!(to_text(&"é ".repeat(100_000), 100).len() <= 103);
        assert!(to_text(&"&eacute;".repeat(100_000), 100).len() <= 103);
    }

    #[test]
    fn a_million_openings_are_one_pass() {
        for piece in ["<", "<!--", "&", "<b>", "<style", "<a b=\"", "</", "<style>"] {
            to_text(&piece.repeat(200_000), usize::MAX);
        }
    }
}
