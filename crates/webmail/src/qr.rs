//! QR codes as drawings in a page.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// Empty modules around a QR code.
const QUIET: i32 = 4;

/// A QR code for an inline SVG.
pub(crate) struct Drawing {
    /// The path of the dark modules.
    pub(crate) path: String,
    /// Modules on a side, the empty ones around included.
    pub(crate) side: i32,
}

impl Drawing {
    /// Of this text; `None` when it is too long for one.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        Some(Self { path: path(&code), side: code.size() + 2 * QUIET })
    }
}

/// One stroke for each row of dark modules.
fn path(code: &QrCode) -> String {
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let from = x;
            while code.get_module(x, y) {
                x += 1;
            }
            if x > from {
                let (left, top, width) = (from + QUIET, y + QUIET, x - from);
                let _ = write!(path, "M{left},{top}h{width}v1h-{width}z");
            }
            x += 1;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_has_a_module_where_the_code_has_one() {
        let text = "https://mail.ac.test/parametres/appareils";
        let drawing = Drawing::of(text).unwrap();
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let mut dark = 0;
        for run in drawing.path.split('M').skip(1) {
            let (left, rest) = run.split_once(',').unwrap();
            let (top, rest) = rest.split_once('h').unwrap();
            let (left, top): (i32, i32) = (left.parse().unwrap(), top.parse().unwrap());
            let width: i32 = rest.split_once('v').unwrap().0.parse().unwrap();
            for x in left..left + width {
                assert!(code.get_module(x - QUIET, top - QUIET), "{x},{top}");
                dark += 1;
            }
        }
        let modules = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        assert_eq!(dark, modules.filter(|(x, y)| code.get_module(*x, *y)).count());
        assert!(Drawing::of(&"x".repeat(5000)).is_none());
    }
}
