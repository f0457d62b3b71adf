//! RFC 7208 §7: macro strings, parsed when the record is and expanded when a name is needed.

use std::net::IpAddr;

/// RFC 7208 §7.3: longer results lose labels on the left.
const NAME_BYTES_MAX: usize = 253;

/// `domain-spec`: a macro string that ends like a domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DomainSpec(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(String),
    /// `%%`, `%_` and `%-`.
    Escape(&'static str),
    Macro {
        letter: u8,
        escape: bool,
        keep: usize,
        reverse: bool,
        delimiters: String,
    },
}

/// What macros stand for.
pub(super) struct Values<'a> {
    pub(super) local_part: &'a str,
    pub(super) sender_domain: &'a str,
    /// The domain whose record is evaluated.
    pub(super) domain: &'a str,
    pub(super) ip: IpAddr,
    pub(super) helo: &'a str,
    /// `%{p}`; only looked up when [`DomainSpec::needs_validated_name`].
    pub(super) validated_name: &'a str,
}

impl DomainSpec {
    /// `domain-spec = macro-string domain-end`
    pub(super) fn parse(text: &str) -> Option<Self> {
        let tokens = macro_string(text)?;
        let ends_well = match tokens.last()? {
            Token::Macro { .. } | Token::Escape(_) => true,
            Token::Literal(_) => ends_with_toplabel(text),
        };
        ends_well.then_some(Self(tokens))
    }

    pub(super) fn needs_validated_name(&self) -> bool {
        self.0.iter().any(|token| matches!(token, Token::Macro { letter: b'p', .. }))
    }

    /// The name to ask for.
    pub(super) fn expand(&self, values: &Values<'_>) -> String {
        let mut name = String::new();
        for token in &self.0 {
            match token {
                Token::Literal(text) => name.push_str(text),
                Token::Escape(text) => name.push_str(text),
                Token::Macro { letter, escape, keep, reverse, delimiters } => {
                    let value = values.of(*letter);
                    let parts = transform(&value, *keep, *reverse, delimiters);
                    if *escape { url_escape(&parts, &mut name) } else { name.push_str(&parts) }
                }
            }
        }
        shorten(name)
    }
}

/// `modifier = … / unknown-modifier`: whether a value that means nothing to us is well formed.
pub(super) fn is_macro_string(text: &str) -> bool {
    macro_string(text).is_some()
}

/// `macro-string = *( macro-expand / macro-literal )`
fn macro_string(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        push_literal(&mut tokens, &rest[..percent])?;
        let after = &rest[percent + 1..];
        let (token, used) = match after.as_bytes().first()? {
            b'%' => (Token::Escape("%"), 1),
            b'_' => (Token::Escape(" "), 1),
            b'-' => (Token::Escape("%20"), 1),
            b'{' => {
                let end = after.find('}')?;
                (macro_expand(&after[1..end])?, end + 1)
            }
            _ => return None,
        };
        tokens.push(token);
        rest = &after[used..];
    }
    push_literal(&mut tokens, rest)?;
    Some(tokens)
}

/// `macro-literal = %x21-24 / %x26-7E`
fn push_literal(tokens: &mut Vec<Token>, text: &str) -> Option<()> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    if !text.is_empty() {
        tokens.push(Token::Literal(text.to_owned()));
    }
    Some(())
}

/// `macro-expand = "%{" macro-letter transformers *delimiter "}"`
fn macro_expand(inner: &str) -> Option<Token> {
    let (&first, rest) = inner.as_bytes().split_first()?;
    let letter = first.to_ascii_lowercase();
    // `c`, `r` and `t` belong to explanations, which are never fetched.
    if !b"slodiphv".contains(&letter) {
        return None;
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let keep = match digits {
        0 => usize::MAX,
        // RFC 7208 §7.1: "If DIGIT is specified, the value MUST be nonzero."
        _ => inner[1..=digits].parse().ok().filter(|keep| *keep > 0)?,
    };
    let rest = &inner[1 + digits..];
    let reverse = rest.starts_with(['r', 'R']);
    let delimiters = &rest[usize::from(reverse)..];
    let valid = delimiters.chars().all(|c| ".-+,/_=".contains(c));
    let escape = first.is_ascii_uppercase();
    let delimiters = if delimiters.is_empty() { "." } else { delimiters }.to_owned();
    valid.then_some(Token::Macro { letter, escape, keep, reverse, delimiters })
}

/// `domain-end = ( "." toplabel [ "." ] ) / macro-expand`
fn ends_with_toplabel(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let Some((_, label)) = text.rsplit_once('.') else { return false };
    let bytes = label.as_bytes();
    let edges = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edges(bytes.first())
        && edges(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        && bytes.iter().any(|byte| !byte.is_ascii_digit())
}

impl Values<'_> {
    fn of(&self, letter: u8) -> String {
        match letter {
            b's' => format!("{}@{}", self.local_part, self.sender_domain),
            b'l' => self.local_part.to_owned(),
            b'o' => self.sender_domain.to_owned(),
            b'd' => self.domain.to_owned(),
            b'i' => dotted(self.ip),
            b'p' => self.validated_name.to_owned(),
            b'h' => self.helo.to_owned(),
            _ if self.ip.is_ipv4() => "in-addr".to_owned(),
            _ => "ip6".to_owned(),
        }
    }
}

/// RFC 7208 §7.3: an IPv6 address is written as nibbles with dots.
fn dotted(ip: IpAddr) -> String {
    let IpAddr::V6(ip) = ip else { return ip.to_string() };
    let nibbles = ip.octets().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| format!("{nibble:x}")).collect::<Vec<_>>().join(".")
}

fn transform(value: &str, keep: usize, reverse: bool, delimiters: &str) -> String {
    let mut parts: Vec<&str> = value.split(|c: char| delimiters.contains(c)).collect();
    if reverse {
        parts.reverse();
    }
    parts[parts.len().saturating_sub(keep)..].join(".")
}

fn url_escape(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// RFC 7208 §7.3: "the left side is truncated to fit, by removing successive domain labels".
fn shorten(name: String) -> String {
    let mut kept = name.strip_suffix('.').unwrap_or(&name);
    while kept.len() > NAME_BYTES_MAX
        && let Some((_, rest)) = kept.split_once('.')
    {
        kept = rest;
    }
    kept.to_owned()
}
