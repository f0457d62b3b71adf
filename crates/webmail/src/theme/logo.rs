//! A logo: a picture of a bounded size that can do nothing.

use bytes::Bytes;

use super::ThemeError;

/// Largest logo. Everybody who opens the login page loads it.
pub(super) const BYTES_MAX: u64 = 64 * 1024;
/// Largest side of a PNG in pixels.
const PIXELS_MAX: u32 = 2048;

/// What an SVG has that is no drawing, in lower case. Browsers run nothing in a picture and our
/// headers forbid it; this says so before it is served.
const NOT_DRAWING: [&str; 6] =
    ["<script", "<foreignobject", "<!doctype", "<!entity", "javascript:", "<iframe"];

/// A logo that may be served.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Logo {
    pub(crate) content: Bytes,
    pub(crate) extension: &'static str,
    pub(crate) media_type: &'static str,
}

impl Logo {
    /// Takes an SVG or a PNG, by what it is and not by its name.
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, ThemeError> {
        if let Some(rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") {
            check_png(rest).map_err(ThemeError::Logo)?;
            return Ok(Self { content: bytes.into(), extension: "png", media_type: "image/png" });
        }
        check_svg(&bytes).map_err(ThemeError::Logo)?;
        Ok(Self { content: bytes.into(), extension: "svg", media_type: "image/svg+xml" })
    }
}

/// A PNG begins with its width and height.
fn check_png(chunks: &[u8]) -> Result<(), &'static str> {
    let side = |at: usize| {
        let bytes = chunks.get(at..at + 4)?;
        bytes.try_into().ok().map(u32::from_be_bytes)
    };
    let is_header = chunks.get(4..8) == Some(b"IHDR");
    let sides = side(8).zip(side(12)).filter(|_| is_header).ok_or("not a whole PNG")?;
    match [sides.0, sides.1].iter().all(|side| (1..=PIXELS_MAX).contains(side)) {
        true => Ok(()),
        false => Err("a PNG may have 2048 pixels on a side"),
    }
}

fn check_svg(bytes: &[u8]) -> Result<(), &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "neither an SVG nor a PNG")?;
    let text = text.to_ascii_lowercase();
    if !text.contains("<svg") {
        return Err("neither an SVG nor a PNG");
    }
    match NOT_DRAWING.iter().any(|word| text.contains(word)) {
        true => Err("an SVG may have neither scripts, pages inside it, nor a DOCTYPE"),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn a_logo_is_a_drawing_or_a_picture_of_a_bounded_size() {
        let svg = "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        for (bytes, wanted) in [
            (svg.as_bytes().to_vec(), Some("svg")),
            (png(400, 100), Some("png")),
            (png(0, 100), None),
            (png(4000, 100), None),
            (png(1, 1)[..20].to_vec(), None),
            (b"GIF89a".to_vec(), None),
            (b"\xff\xfe<svg/>".to_vec(), None),
            (b"<svg><SCRIPT>alert(1)</SCRIPT></svg>".to_vec(), None),
            (b"<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>".to_vec(), None),
            (b"<svg><a href='javascript:x()'/></svg>".to_vec(), None),
            (Vec::new(), None),
        ] {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(Logo::read(bytes).ok().map(|logo| logo.extension), wanted, "{shown}");
        }
    }
}
