//! What lists show and sort by, decoded once at delivery.

use crate::address;
use crate::date::SentDate;
use crate::header::{self, clean, decode_text};
use crate::scan::Scanned;
use crate::text::decode_part;

/// Addresses kept of one field.
const ADDRESSES_MAX: usize = 8;
/// Ancestors kept, the nearest ones.
const REFERENCES_MAX: usize = 64;
/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 1000;
/// Characters of a preview.
const PREVIEW_CHARS_MAX: usize = 200;
/// Bytes of text that are enough for a preview, white space and all.
const PREVIEW_BYTES_ENOUGH: usize = 8 * PREVIEW_CHARS_MAX;

/// A message in a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Decoded `Subject`.
    pub subject: String,
    /// RFC 5256 §2.1 base subject.
    pub base_subject: String,
    /// Whether the subject said that this is a reply or a forward.
    pub is_reply: bool,
    /// `Date` in Unix seconds.
    pub date: Option<i64>,
    /// First `From` mailbox: display name and address.
    pub from: Option<(String, String)>,
    /// `To` mailboxes.
    pub to: Vec<(String, String)>,
    /// `Cc` mailboxes.
    pub cc: Vec<(String, String)>,
    /// `Message-ID` without brackets.
    pub message_id: Option<String>,
    /// `References`, or else the first id of `In-Reply-To`.
    pub references: Vec<String>,
    /// One line of text.
    pub preview: String,
    /// Whether a part would be offered for download.
    pub has_attachment: bool,
}

impl Summary {
    /// The summary of a scanned message.
    pub fn new(scanned: &Scanned) -> Self {
        Self::behind(&[], scanned)
    }

    /// The summary of a scanned message behind these header lines: a missing `Message-ID` or
    /// `Date` may be among them.
    pub fn behind(prefix: &[u8], scanned: &Scanned) -> Self {
        let raw = &[prefix, &scanned.raw_header].concat()[..];
        let field = |name| header::first(raw, name);
        let list = |name| {
            field(name).map(|value| address::mailboxes(&value, ADDRESSES_MAX)).unwrap_or_default()
        };
        let subject = field("Subject")
            .map(|value| decode_text(&value, SUBJECT_CHARS_MAX))
            .unwrap_or_default();
        let (base_subject, is_reply) = base_subject(&subject);
        Self {
            base_subject,
            is_reply,
            subject,
            date: field("Date").and_then(|value| parse_date(&value)),
            from: list("From").into_iter().next(),
            to: list("To"),
            cc: list("Cc"),
            message_id: field("Message-ID")
                .and_then(|value| header::message_ids(&value).into_iter().next()),
            references: references(raw),
            preview: preview(scanned),
            has_attachment: scanned.parts.iter().any(|part| part.is_attachment()),
        }
    }
}

/// RFC 5322 §3.3 `date-time` in Unix seconds.
pub fn parse_date(value: &[u8]) -> Option<i64> {
    SentDate::parse(value).map(|date| date.unix_seconds)
}

/// Year, month and day that a `Date` field names, in the zone in which it was written.
pub fn parse_day(value: &[u8]) -> Option<(i16, i8, i8)> {
    SentDate::parse(value).map(|date| (date.day.year(), date.day.month(), date.day.day()))
}

/// Bytes of `References` that are read, from its end: the nearest ancestors stand there.
const REFERENCES_BYTES_MAX: usize = 64 << 10;

fn references(raw: &[u8]) -> Vec<String> {
    let ids = |name| {
        let value = header::first(raw, name).unwrap_or_default();
        let kept = value.len().saturating_sub(REFERENCES_BYTES_MAX);
        header::message_ids(&value[kept..])
    };
    let mut found = ids("References");
    if found.is_empty() {
        // RFC 5256 §3: only its first id is used, because of what programs write there.
        found = ids("In-Reply-To");
        found.truncate(1);
    }
    let surplus = found.len().saturating_sub(REFERENCES_MAX);
    found.drain(..surplus);
    found
}

/// RFC 5256 §2.1: the subject without what replying and forwarding put around it, and whether
/// anything was.
pub fn base_subject(subject: &str) -> (String, bool) {
    let mut rest = clean(subject, SUBJECT_CHARS_MAX);
    let mut is_reply = false;
    loop {
        let before = rest.len();
        // (2) trailing "(fwd)"
        while let Some(kept) = strip_suffix_ignoring_case(rest.trim_end(), "(fwd)") {
            rest = kept.trim_end().to_owned();
            is_reply = true;
        }
        loop {
            let step = rest.len();
            // (3) "re:", "fw:", "fwd:", perhaps with a blob before the colon
            if let Some(kept) = strip_leader(rest.trim_start()) {
                rest = kept.to_owned();
                is_reply = true;
            }
            // (4) a blob, if something is left behind it
            if let Some(kept) = strip_blob(rest.trim_start()).filter(|kept| !kept.is_empty()) {
                rest = kept.to_owned();
            }
            if rest.len() == step {
                break;
            }
        }
        // (6) "[fwd: ... ]"
        let inner = rest.trim();
        if inner.len() > 5
            && inner.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("[fwd:"))
            && inner.ends_with(']')
        {
            rest = inner[5..inner.len() - 1].to_owned();
            is_reply = true;
        }
        if rest.len() == before {
            return (rest.trim().to_owned(), is_reply);
        }
    }
}

fn strip_suffix_ignoring_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let cut = text.len().checked_sub(suffix.len())?;
    let tail = text.get(cut..)?;
    tail.eq_ignore_ascii_case(suffix).then(|| &text[..cut])
}

/// `subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`
///
/// Deviation: "tr :" and "rép :" too, which French programs write for "fwd:" and "re:".
fn strip_leader(text: &str) -> Option<&str> {
    let leaders = ["re", "fwd", "fw", "tr", "rép"];
    let after = leaders.iter().find_map(|leader| {
        let head = text.get(..leader.len())?;
        head.to_lowercase().eq(leader).then(|| text[leader.len()..].trim_start())
    })?;
    let after = strip_blob(after).unwrap_or(after);
    after.trim_start().strip_prefix(':').map(str::trim_start)
}

/// `subj-blob = "[" *BLOBCHAR "]" *WSP`
fn strip_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner[end..].strip_prefix(']').map(str::trim_start)
}

/// The first text's own words: no quoted lines, one line.
fn preview(scanned: &Scanned) -> String {
    let Some((number, raw)) = &scanned.text else { return String::new() };
    let Some(part) = scanned.parts.get(*number as usize) else { return String::new() };
    let text = decode_part(part, raw, usize::MAX);
    let mut joined = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('>') {
            continue;
        }
        // RFC 3676 §4.3: what follows is the signature.
        if line == "--" {
            break;
        }
        joined.push_str(line);
        joined.push(' ');
        if joined.len() > PREVIEW_BYTES_ENOUGH {
            break;
        }
    }
    clean(&joined, PREVIEW_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    #[test]
    fn base_subjects_lose_what_replying_added() {
        for (subject, base, is_reply) in [
            ("Conseil", "Conseil", false),
            ("Re: Conseil", "Conseil", true),
            ("RE : Re[2]: [liste] Fwd: Conseil (fwd)", "Conseil", true),
            ("[liste] Conseil", "Conseil", false),
            ("[Fwd: Conseil]", "Conseil", true),
            ("TR : Conseil", "Conseil", true),
            ("[liste]", "[liste]", false),
            ("Re:", "", true),
            ("Recette: une", "Recette: une", false),
            ("Réf : dossier 12", "Réf : dossier 12", false),
            ("[a] [b] Re: [c]", "[c]", true),
            ("Re: [x] [y]", "[y]", true),
            ("[Fwd: Re: [x] Conseil]", "Conseil", true),
            ("(fwd)", "", true),
            ("Re[2: x", "Re[2: x", false),
            ("", "", false),
        ] {
            assert_eq!(base_subject(subject), (base.to_owned(), is_reply), "{subject}");
        }
    }

    #[test]
    fn a_long_subject_of_replies_is_linear() {
        assert!(base_subject(&"Re: ".repeat(100_000)).0.len() < 4);
        base_subject(&"[a]".repeat(100_000));
        base_subject(&"[fwd:".repeat(100_000));
        base_subject(&" (fwd)".repeat(100_000));
    }

    #[test]
    fn a_summary_holds_what_a_list_shows() {
        let scanned = scan(
            "From: =?utf-8?q?=C3=89lise?= <elise@b.test>, x@y.test\r\nTo: a@b.test\r\n\
             Subject: Re: =?utf-8?b?w4l0w6k=?=\r\nDate: Tue, 24 Nov 2026 11:00:00 +0100\r\n\
             Message-ID: <m@b.test>\r\nReferences: <r1@b> <r2@b>\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n> cité\r\n\r\nBonjour\r\n  à tous.\r\n"
                .as_bytes(),
        );
        let summary = Summary::new(&scanned);
        assert_eq!(summary.from, Some(("Élise".into(), "elise@b.test".into())));
        assert_eq!((summary.subject.as_str(), summary.base_subject.as_str()), ("Re: Été", "Été"));
        assert_eq!(summary.date, Some(1_795_514_400));
        assert_eq!(summary.references, ["r1@b", "r2@b"]);
        assert_eq!(summary.preview, "Bonjour à tous.");
        assert!(!summary.has_attachment);
    }

    #[test]
    fn html_is_previewed_as_text() {
        let scanned = scan(
            b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Bon&eacute;</p><style>p{}</style>",
        );
        assert!(Summary::new(&scanned).preview.starts_with("Boné"));
    }

    #[test]
    fn an_empty_header_has_an_empty_summary() {
        assert_eq!(Summary::new(&scan(b"")), Summary::default());
        assert_eq!(
            Summary::new(&scan(b"From: \r\nTo:\r\nSubject:\r\nDate: never\r\n\r\n")),
            Summary::default()
        );
    }
}
