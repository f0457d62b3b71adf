//! How far a message is looked into: every size, count and depth that a sender chooses.

/// Deepest nesting that is looked into.
pub const DEPTH_MAX: usize = 100;
/// Parts that are told apart.
pub const PARTS_MAX: usize = 1000;
/// Bytes of one header section that are read; what follows counts but says nothing.
pub const HEADER_BYTES_MAX: usize = 1 << 20;

/// How far a scanner looks; beyond it a message is shown as opaque, never refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Deepest nesting that is looked into; what lies deeper is one opaque part.
    pub depth_max: usize,
    /// Parts that are told apart; what follows belongs to the last multipart's end.
    pub parts_max: usize,
    /// Bytes read of the message's own header section.
    pub header_bytes_max: usize,
    /// Bytes read of all headers of inner parts together.
    pub inner_header_bytes_max: usize,
    /// Bytes written of all envelopes of inner messages together: a line of short addresses
    /// grows many times when it is written out.
    pub inner_envelope_bytes_max: usize,
    /// Bytes kept of the first readable text, for the preview.
    pub text_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: DEPTH_MAX,
            parts_max: PARTS_MAX,
            header_bytes_max: HEADER_BYTES_MAX,
            inner_header_bytes_max: 4 << 20,
            inner_envelope_bytes_max: 1 << 20,
            text_bytes_max: 64 << 10,
        }
    }
}
