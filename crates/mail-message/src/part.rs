//! The parts of a message: where they lie and what they say they are.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::content::Parameterized;
use crate::decode::TransferEncoding;
use crate::{header, text};

/// One part of a message. Ranges count from the first byte of the message as received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its header section, empty line included.
    pub header: Range<u64>,
    /// Its body.
    pub body: Range<u64>,
    /// Line ends in its body.
    pub lines: u64,
    /// `Content-Type`.
    pub content_type: Parameterized,
    /// `Content-Disposition`.
    pub disposition: Option<Parameterized>,
    /// `Content-Transfer-Encoding`, as it stands.
    pub encoding: Option<String>,
    /// `Content-ID`, brackets included.
    pub content_id: Option<String>,
    /// `Content-Description`.
    pub description: Option<String>,
    /// `Content-MD5`.
    pub md5: Option<String>,
    /// The tags of `Content-Language`.
    pub languages: Vec<String>,
    /// `Content-Location`.
    pub location: Option<String>,
    /// Whether this part's body is a message, whose root part is its one child.
    pub is_message: bool,
    /// Whether this part's body is a list of parts.
    pub is_multipart: bool,
    /// Numbers of the parts within, in order.
    pub children: Vec<u32>,
    /// ENVELOPE of the message whose root this part is, as IMAP writes it; not stored.
    pub envelope: Option<Vec<u8>>,
}

/// Parameters and fields of a header are cut to this, so that a structure stays small.
const FIELD_BYTES_MAX: usize = 1024;
/// Languages kept of one part.
const LANGUAGES_MAX: usize = 16;

impl Part {
    /// A part with this header section; `default_type` when it names no type.
    pub(crate) fn from_header(raw: &[u8], default_type: &str) -> Self {
        let text = |name| {
            let value = header::first(raw, name)?;
            let kept = &value[..value.len().min(FIELD_BYTES_MAX)];
            Some(String::from_utf8_lossy(kept).into_owned()).filter(|text| !text.is_empty())
        };
        let typed = header::first(raw, "Content-Type").filter(|value| !value.is_empty());
        let content_type = match typed {
            Some(value) => Parameterized::parse(&value),
            None => Parameterized { value: default_type.into(), parameters: Vec::new() },
        };
        Self {
            content_type,
            disposition: header::first(raw, "Content-Disposition")
                .map(|value| Parameterized::parse(&value))
                .filter(|disposition| !disposition.value.is_empty()),
            encoding: text("Content-Transfer-Encoding"),
            content_id: text("Content-ID"),
            description: text("Content-Description"),
            md5: text("Content-MD5"),
            languages: languages(&text("Content-Language").unwrap_or_default()),
            location: text("Content-Location"),
            ..Self::default()
        }
    }

    /// Type and subtype in lower case. A multipart that is not looked into is shown as text.
    pub fn media_type(&self) -> (String, String) {
        let named = self.content_type.media_type();
        let is_opaque = named.0 == "multipart" && !self.is_multipart;
        if is_opaque { ("text".into(), "plain".into()) } else { named }
    }

    /// How its body was made fit for the wire.
    pub fn transfer_encoding(&self) -> TransferEncoding {
        self.encoding.as_deref().map_or(TransferEncoding::Identity, TransferEncoding::parse)
    }

    /// Its character set.
    pub fn charset(&self) -> &str {
        let named = self.content_type.get("charset").and_then(|set| set.split_whitespace().next());
        named.unwrap_or("us-ascii")
    }

    /// The name it would be saved under, decoded.
    pub fn file_name(&self) -> Option<String> {
        let disposed = self.disposition.as_ref().and_then(|value| value.decoded("filename"));
        disposed.or_else(|| self.content_type.decoded("name")).filter(|name| !name.is_empty())
    }

    /// Whether readers offer it for download: it says so, has a name, or is no text. Images that
    /// HTML shows by their `Content-ID` and signatures are not offered.
    pub fn is_attachment(&self) -> bool {
        if self.is_multipart {
            return false;
        }
        let disposition = self.disposition.as_ref().map(|value| &value.value[..]);
        if disposition.is_some_and(|value| value.eq_ignore_ascii_case("attachment")) {
            return !self.is_signature();
        }
        if text::is_readable(self) {
            return self.file_name().is_some();
        }
        let is_shown = self.content_id.is_some() && self.media_type().0 == "image";
        !is_shown && !self.is_signature()
    }

    /// RFC 8551 §3.5.3 and RFC 3156 §5: the second part of a `multipart/signed`.
    fn is_signature(&self) -> bool {
        let (main, sub) = self.media_type();
        let signatures = ["pkcs7-signature", "x-pkcs7-signature", "pgp-signature"];
        main == "application" && signatures.contains(&sub.as_str())
    }
}

/// RFC 3282 §2: `Language-Tag *("," Language-Tag)`, comments dropped.
fn languages(value: &str) -> Vec<String> {
    let tag =
        |piece: &str| piece.split(['(', ' ', '\t']).find(|tag| !tag.is_empty()).map(str::to_owned);
    value.split(',').filter_map(|piece| tag(piece.trim())).take(LANGUAGES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(header: &str) -> Part {
        Part::from_header(header.as_bytes(), "text/plain")
    }

    #[test]
    fn what_is_offered_for_download_is_what_readers_would_save() {
        for (header, is_attachment) in [
            ("", false),
            ("Content-Type: text/html\r\n", false),
            ("Content-Type: text/plain; name=a.txt\r\n", true),
            ("Content-Disposition: attachment\r\n", true),
            ("Content-Type: application/pdf\r\n", true),
            ("Content-Type: image/png\r\nContent-ID: <a@b>\r\n", false),
            ("Content-Type: image/png\r\n", true),
            (
                "Content-Type: image/png\r\nContent-ID: <a@b>\r\nContent-Disposition: inline\r\n",
                false,
            ),
            (
                "Content-Type: image/png\r\nContent-ID: <a@b>\r\nContent-Disposition: Attachment\r\n",
                true,
            ),
            ("Content-Type: multipart/mixed\r\n", false),
            ("Content-Type: message/delivery-status\r\n", false),
            ("Content-Type: message/rfc822\r\n", true),
            ("Content-Type: application/pgp-signature; name=signature.asc\r\n", false),
            (
                "Content-Type: application/pdf\r\nContent-ID: <a@b>\r\nContent-Disposition: inline\r\n",
                true,
            ),
        ] {
            assert_eq!(part(header).is_attachment(), is_attachment, "{header}");
        }
    }

    #[test]
    fn fields_of_a_part_are_read_and_cut() {
        let read = part(
            "Content-Language: fr, en (x),\r\n de\r\nContent-MD5: Q2hlY2s=\r\nContent-Location: a/b\r\n",
        );
        assert_eq!(read.languages, ["fr", "en", "de"]);
        assert_eq!(read.md5.as_deref(), Some("Q2hlY2s="));
        assert_eq!(read.location.as_deref(), Some("a/b"));
        let long = part(&format!("Content-Description: {}\r\n", "x".repeat(100_000)));
        assert_eq!(long.description.map(|text| text.len()), Some(FIELD_BYTES_MAX));
        assert!(
            part(&format!("Content-Language: {}\r\n", "a,".repeat(1000))).languages.len() <= 16
        );
    }
}
