//! The parts of a message: where they lie and what they say they are.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::content::Parameterized;
use crate::decode::TransferEncoding;
use crate::header;

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
    /// Whether this part's body is a message, whose root part is its one child.
    pub is_message: bool,
    /// Whether this part's body is a list of parts.
    pub is_multipart: bool,
    /// Numbers of the parts within, in order.
    pub children: Vec<u32>,
    /// ENVELOPE of a message within, as IMAP writes it.
    pub envelope: Option<Vec<u8>>,
}

/// Parameters and fields of a header are cut to this, so that a structure stays small.
const FIELD_BYTES_MAX: usize = 1024;

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
            ..Self::default()
        }
    }

    /// Type and subtype in lower case.
    pub fn media_type(&self) -> (String, String) {
        self.content_type.media_type()
    }

    /// How its body was made fit for the wire.
    pub fn transfer_encoding(&self) -> TransferEncoding {
        self.encoding.as_deref().map_or(TransferEncoding::Identity, TransferEncoding::parse)
    }

    /// Its character set.
    pub fn charset(&self) -> &str {
        self.content_type.get("charset").unwrap_or("us-ascii")
    }

    /// The name it would be saved under, decoded.
    pub fn file_name(&self) -> Option<String> {
        let disposed = self.disposition.as_ref().and_then(|value| value.decoded("filename"));
        disposed.or_else(|| self.content_type.decoded("name")).filter(|name| !name.is_empty())
    }

    /// Whether readers offer it for download: it says so, has a name, or is no text.
    pub fn is_attachment(&self) -> bool {
        if self.is_multipart {
            return false;
        }
        let disposition = self.disposition.as_ref().map(|value| value.value.to_ascii_lowercase());
        let (main, _) = self.media_type();
        match disposition.as_deref() {
            Some("attachment") => true,
            Some("inline") if self.content_id.is_some() => false,
            _ if main == "text" => self.file_name().is_some(),
            _ => self.content_id.is_none() || main != "image",
        }
    }
}
