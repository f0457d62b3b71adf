//! W9: where a link leads, in a form that cannot be misread, and whether its text says otherwise.

use crate::people::shown_domain;

/// Longest address that is kept.
const TARGET_BYTES_MAX: usize = 4096;
/// Links of one message that are told apart.
const DECEPTIONS_MAX: usize = 5;
/// Ends by which a bare word is taken for a host; `rapport.pdf` and `notes.md` are none.
const HOST_ENDS: [&str; 23] = [
    "be", "biz", "ca", "ch", "com", "de", "edu", "es", "eu", "fr", "gouv", "gov", "info", "int",
    "io", "it", "lu", "net", "online", "org", "re", "site", "uk",
];

/// A link that does not lead where it seems to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deception {
    /// The host that its text names; empty when the host itself misleads.
    pub(crate) says: String,
    /// Where it leads.
    pub(crate) leads: String,
}

/// The address of a link, its host in ASCII and without the user name that some put before it
/// (`https://bank.example@evil.example`). `None` when it leads nowhere outside.
pub(crate) fn target(value: &str) -> Option<String> {
    // Browsers pass over these within an address.
    let value: String = value.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let value = value.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if value.len() > TARGET_BYTES_MAX || value.chars().any(char::is_control) {
        return None;
    }
    let (scheme, rest) = value.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => {
            // Browsers read a backslash as a slash.
            let rest = rest.strip_prefix(['/', '\\'])?.strip_prefix(['/', '\\'])?;
            let rest = rest.trim_start_matches(['/', '\\']);
            let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let authority = authority.rsplit('@').next().unwrap_or_default();
            let (host, port) = match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (host, format!(":{port}"))
                }
                _ => (authority, String::new()),
            };
            let host = idna::domain_to_ascii(host).ok().filter(|host| is_host(host))?;
            Some(format!("{scheme}://{host}{port}{path}"))
        }
        "mailto" | "tel" => Some(format!("{scheme}:{rest}")),
        _ => None,
    }
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

/// The links of sanitised HTML that deceive. Reads what the serialiser wrote, in which every tag
/// is whole and every text escaped; changes nothing.
pub(crate) fn deceptions(html: &str) -> Vec<Deception> {
    let mut found: Vec<Deception> = Vec::new();
    for link in html.split("<a ").skip(1) {
        let Some((tag, rest)) = link.split_once('>') else { continue };
        let href = tag.split_once("href=\"").and_then(|(_, value)| value.split_once('"'));
        let Some((href, _)) = href else { continue };
        let text = rest.split("</a>").next().unwrap_or_default();
        let Some(deception) = deception(&unescape(href), &visible(text)) else { continue };
        if !found.contains(&deception) {
            found.push(deception);
        }
        if found.len() >= DECEPTIONS_MAX {
            break;
        }
    }
    found
}

fn deception(href: &str, text: &str) -> Option<Deception> {
    let leads = host_of(href)?;
    let readable = shown_domain(&leads);
    // A name of several scripts, or of one that French people cannot tell from theirs.
    if readable.split('.').any(|label| label.starts_with("xn--")) {
        return Some(Deception { says: String::new(), leads: readable });
    }
    let says = named_host(text)?;
    let (one, other) = (bare(&says), bare(&leads));
    let related =
        one == other || one.ends_with(&format!(".{other}")) || other.ends_with(&format!(".{one}"));
    (!related).then(|| Deception { says: shown_domain(&says), leads: readable })
}

/// The host a link leads to; for a letter, that of its address.
fn host_of(href: &str) -> Option<String> {
    let (scheme, rest) = href.split_once(':')?;
    let host = match scheme {
        "mailto" => rest.split('?').next()?.rsplit_once('@')?.1,
        "http" | "https" => rest.trim_start_matches('/').split(['/', '\\', '?', '#']).next()?,
        _ => return None,
    };
    let host = host.split(':').next()?.trim_end_matches('.').to_ascii_lowercase();
    Some(host).filter(|host| !host.is_empty())
}

fn bare(host: &str) -> String {
    let ascii = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
    ascii.strip_prefix("www.").unwrap_or(&ascii).trim_end_matches('.').to_owned()
}

/// The host that a link's text names, if a reader would take it for one.
fn named_host(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || "()<>[]\"«»'’".contains(c)).find_map(|word| {
        let lower = word.to_lowercase();
        let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
        let is_address = rest.is_some() || lower.starts_with("www.");
        let rest = rest.unwrap_or(&lower);
        let host = rest.split(['/', '?', '#', ':', '\\']).next()?;
        let host = host.rsplit('@').next()?.trim_end_matches(['.', ',', ';', '!']);
        let (_, end) = host.rsplit_once('.')?;
        let plain = host.chars().all(|c| c.is_alphanumeric() || ".-".contains(c));
        let known = HOST_ENDS.contains(&end);
        (plain && !host.starts_with('.') && (is_address || known)).then(|| host.to_owned())
    })
}

/// The text of a run of HTML: what is between tags, and what pictures say instead of themselves.
fn visible(html: &str) -> String {
    let mut out = String::new();
    for (number, piece) in html.split('<').enumerate() {
        let text = match (number, piece.split_once('>')) {
            (0, _) => piece,
            (_, Some((tag, text))) => {
                let alt = tag.split_once("alt=\"").and_then(|(_, alt)| alt.split_once('"'));
                out.push_str(alt.map(|(alt, _)| alt).unwrap_or_default());
                text
            }
            (_, None) => continue,
        };
        out.push_str(text);
    }
    // Characters that nobody sees must not cut a name in two.
    let hidden = |c: &char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    unescape(&out).chars().filter(|c| !hidden(c)).collect()
}

/// The few references that the serialiser writes.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_outside_and_its_host_is_plain() {
        for (value, wanted) in [
            ("https://ac.test/x?a=1#b", Some("https://ac.test/x?a=1#b")),
            (" HTTPS://AC.test ", Some("https://ac.test")),
            ("https://bank.test@evil.test/", Some("https://evil.test/")),
            ("https://bank.test\\@evil.test/", Some("https://bank.test\\@evil.test/")),
            ("https:\\\\evil.test", Some("https://evil.test")),
            ("https:////evil.test", Some("https://evil.test")),
            ("https://раypal.test/", Some("https://xn--ypal-43d9g.test/")),
            ("https://ac.test:8443/", Some("https://ac.test:8443/")),
            ("ht\ntps://ac.test/", Some("https://ac.test/")),
            ("mailto:a@b.test?subject=x", Some("mailto:a@b.test?subject=x")),
            ("tel:+33123456789", Some("tel:+33123456789")),
            ("javascript:alert(1)", None),
            ("java\tscript:alert(1)", None),
            ("//evil.test", None),
            ("https:evil", None),
            ("https://", None),
            ("/deconnexion", None),
            ("https://a b.test/", None),
            ("data:text/html,x", None),
        ] {
            assert_eq!(target(value).as_deref(), wanted, "{value:?}");
        }
    }

    #[test]
    fn a_text_that_names_another_host_is_told() {
        let told = |href: &str, text: &str| {
            let html = format!("<p>x <a href=\"{href}\" rel=\"x\">{text}</a> y</p>");
            deceptions(&html).into_iter().next().map(|d| format!("{}>{}", d.says, d.leads))
        };
        for (href, text, wanted) in [
            ("https://evil.test/", "https://bank.test/", Some("bank.test>evil.test")),
            ("https://evil.test/", "www.impots.gouv.fr", Some("www.impots.gouv.fr>evil.test")),
            (
                "https://evil.test/",
                "voir <b>impots</b>.gouv.fr !",
                Some("impots.gouv.fr>evil.test"),
            ),
            ("https://evil.test/", "imp\u{ad}ots.gouv.fr", Some("impots.gouv.fr>evil.test")),
            ("https://evil.test/", "<img alt=\"www.bank.test\">", Some("www.bank.test>evil.test")),
            ("mailto:x@evil.test", "chef@ac-paris.fr", Some("ac-paris.fr>evil.test")),
            ("https://xn--ypal-43d9g.test/", "Payer", Some(">xn--ypal-43d9g.test")),
            (
                "https://bank.test.evil.test/",
                "https://bank.test",
                Some("bank.test>bank.test.evil.test"),
            ),
            ("https://www.bank.test/a", "bank.test/b", None),
            ("https://www.bank.test/a", "https://bank.test", None),
            ("https://compte.bank.test/", "https://www.bank.test", None),
            ("https://xn--cole-9oa.test/", "https://école.test", None),
            ("https://evil.test/", "rapport.pdf", None),
            ("https://evil.test/", "Cliquez ici. Merci", None),
            ("tel:+331", "www.bank.test", None),
        ] {
            assert_eq!(told(href, text).as_deref(), wanted, "{href} {text}");
        }
    }

    #[test]
    fn many_deceptions_are_a_few() {
        let link = |n| format!("<a href=\"https://e{n}.test/\">www.bank.test</a>");
        let html: String = (0..100).map(link).collect();
        assert_eq!(deceptions(&html).len(), DECEPTIONS_MAX);
    }
}
