//! HTML mail through an allow list (ammonia), with every attribute value checked here.
//!
//! No SVG, MathML, forms, styles sheets, ids, names or classes come through; images only from the
//! message itself. The content security policy of the document is a second wall, and each is
//! tested with the other one absent.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ammonia::{Builder, UrlRelative};

use super::css::filter_style;
use super::links::{self, Deception};

/// Tags in one body; more is no letter, and tree building may be worse than linear in them.
pub(crate) const TAGS_MAX: usize = 40_000;

/// Elements that are kept.
pub(crate) const TAGS: [&str; 69] = [
    "a",
    "abbr",
    "address",
    "article",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
    "nobr",
    "main",
];

/// Elements that go with everything in them.
const TAGS_EMPTIED: [&str; 26] = [
    "applet",
    "audio",
    "base",
    "button",
    "canvas",
    "embed",
    "frameset",
    "iframe",
    "link",
    "math",
    "meta",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "option",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "video",
    "xmp",
];

/// Attributes any kept element may have.
pub(crate) const ATTRIBUTES: [&str; 6] = ["align", "dir", "lang", "style", "title", "valign"];

/// Attributes of single elements.
pub(crate) const ELEMENT_ATTRIBUTES: [(&str, &[&str]); 13] = [
    ("a", &["href"]),
    ("img", &["src", "alt", "width", "height", "border"]),
    ("table", &["border", "cellpadding", "cellspacing", "width", "height", "bgcolor"]),
    ("tr", &["bgcolor", "height"]),
    ("td", &["colspan", "rowspan", "width", "height", "bgcolor", "nowrap"]),
    ("th", &["colspan", "rowspan", "width", "height", "bgcolor", "nowrap", "scope"]),
    ("col", &["span", "width"]),
    ("colgroup", &["span", "width"]),
    ("font", &["color", "face", "size"]),
    ("ol", &["start", "type"]),
    ("ul", &["type"]),
    ("li", &["type", "value"]),
    ("hr", &["size", "width", "color"]),
];

/// What became of a body.
#[derive(Debug)]
pub(crate) struct Sanitized {
    /// Goes into a document's body as it is.
    pub(crate) html: String,
    /// Images that would have told a stranger that the message was opened.
    pub(crate) remote_images: u32,
    /// Links that do not lead where they seem to.
    pub(crate) deceptions: Vec<Deception>,
}

/// Makes HTML harmless. `own_parts` maps a `Content-ID` (without brackets) to the address at
/// which this message's part is served.
///
/// Returns `None` when the body holds more tags than [`TAGS_MAX`]: show its text then.
pub(crate) fn sanitize(html: &str, own_parts: HashMap<String, String>) -> Option<Sanitized> {
    if html.bytes().filter(|byte| *byte == b'<').count() > TAGS_MAX {
        return None;
    }
    let remote = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&remote);
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        .clean_content_tags(HashSet::from(TAGS_EMPTIED))
        .generic_attributes(HashSet::from(ATTRIBUTES))
        .tag_attributes(
            ELEMENT_ATTRIBUTES
                .iter()
                .map(|(tag, names)| (*tag, names.iter().copied().collect()))
                .collect(),
        )
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid"]))
        // Relative addresses are dropped by the filter below, which then writes our own.
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .strip_comments(true)
        .attribute_filter(move |element, attribute, value| {
            filter_attribute(element, attribute, value, &own_parts, &counter)
        });
    let html = builder.clean(html).to_string();
    let deceptions = links::deceptions(&html);
    Some(Sanitized { html, remote_images: remote.load(Ordering::Relaxed), deceptions })
}

fn filter_attribute<'a>(
    element: &str,
    attribute: &str,
    value: &'a str,
    own_parts: &HashMap<String, String>,
    remote_images: &AtomicU32,
) -> Option<Cow<'a, str>> {
    let keep = |kept: bool| kept.then_some(Cow::Borrowed(value));
    match (element, attribute) {
        (_, "style") => filter_style(value).map(Cow::Owned),
        ("a", "href") => links::target(value).map(Cow::Owned),
        // What the pointer shows is where a link leads, not what its author says.
        ("a", "title") => None,
        ("a", "target" | "rel") => keep(true),
        ("img", "src") => {
            let own = content_id(value).and_then(|id| own_parts.get(id));
            if own.is_none()
                && value.trim_start().get(..4).is_some_and(|s| s.eq_ignore_ascii_case("http"))
            {
                remote_images.fetch_add(1, Ordering::Relaxed);
            }
            own.cloned().map(Cow::Owned)
        }
        (_, "title" | "alt") => Some(Cow::Owned(crate::people::clean(value, 300))),
        (_, "face") => keep(is_made_of(value, " ,-'\"")),
        (_, "bgcolor" | "color") => keep(is_made_of(value, "#")),
        (_, "lang") => keep(is_made_of(value, "-")),
        _ => keep(is_made_of(value, "%.+- ")),
    }
}

fn is_made_of(value: &str, marks: &str) -> bool {
    value.len() <= 200 && value.chars().all(|c| c.is_alphanumeric() || marks.contains(c))
}

/// RFC 2392: the part that a `cid:` address names.
fn content_id(value: &str) -> Option<&str> {
    let value = value.trim();
    value.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("cid:"))?;
    value.get(4..)
}
