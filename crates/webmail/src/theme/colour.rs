//! Colours: how they are written, how well one is read on another, and their relatives on dark.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A colour as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    pub(crate) const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// WCAG 2.2 §1.4.3: from 1 (the same) to 21 (black on white).
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance() + 0.05, other.luminance() + 0.05);
        one.max(two) / one.min(two)
    }

    /// Near black or white, whichever contrasts more.
    pub(super) fn text_on_it(self) -> Self {
        let (white, black) = (Self::new(0xff, 0xff, 0xff), Self::new(0x0b, 0x12, 0x20));
        if self.contrast(white) >= self.contrast(black) { white } else { black }
    }

    /// So much of this one and the rest of another.
    pub(super) fn mixed(self, other: Self, share: f64) -> Self {
        let one = |a: u8, b: u8| byte(f64::from(a) * share + f64::from(b) * (1.0 - share));
        Self::new(
            one(self.red, other.red),
            one(self.green, other.green),
            one(self.blue, other.blue),
        )
    }

    /// The same hue, hardly lit: so much lightness, and little colour.
    pub(super) fn night(self, lightness: f64) -> Self {
        let (hue, saturation, _) = self.hsl();
        Self::of_hsl(hue, saturation.min(0.24), lightness)
    }

    /// The same hue, as light as it takes to be read on this one.
    pub(super) fn lightened(self, behind: Self, contrast: f64) -> Self {
        let (hue, saturation, lightness) = self.hsl();
        let saturation = saturation.min(0.8);
        let steps = (0..=100).map(|step| lightness.max(f64::from(step) / 100.0));
        let mut colours = steps.map(|lightness| Self::of_hsl(hue, saturation, lightness));
        let found = colours.find(|colour| colour.contrast(behind) >= contrast);
        found.unwrap_or(Self::new(0xff, 0xff, 0xff))
    }

    fn luminance(self) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(self.red) + 0.7152 * channel(self.green) + 0.0722 * channel(self.blue)
    }

    /// Hue in sixths of the circle, saturation, lightness.
    fn hsl(self) -> (f64, f64, f64) {
        let [r, g, b] = [self.red, self.green, self.blue].map(|value| f64::from(value) / 255.0);
        let (most, least) = (r.max(g).max(b), r.min(g).min(b));
        let (lightness, range) = ((most + least) / 2.0, most - least);
        if range == 0.0 {
            return (0.0, 0.0, lightness);
        }
        let saturation = range / (1.0 - (2.0 * lightness - 1.0).abs());
        let hue = if most == r {
            ((g - b) / range).rem_euclid(6.0)
        } else if most == g {
            (b - r) / range + 2.0
        } else {
            (r - g) / range + 4.0
        };
        (hue, saturation, lightness)
    }

    fn of_hsl(hue: f64, saturation: f64, lightness: f64) -> Self {
        let range = (1.0 - (2.0 * lightness - 1.0).abs()) * saturation;
        let middle = range * (1.0 - (hue % 2.0 - 1.0).abs());
        let (r, g, b) = match hue as u32 {
            0 => (range, middle, 0.0),
            1 => (middle, range, 0.0),
            2 => (0.0, range, middle),
            3 => (0.0, middle, range),
            4 => (middle, 0.0, range),
            _ => (range, 0.0, middle),
        };
        let least = lightness - range / 2.0;
        let [r, g, b] = [r, g, b].map(|value| byte((value + least) * 255.0));
        Self::new(r, g, b)
    }
}

fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        // Not `from_str_radix` alone: it takes a sign as well.
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or_else(|| format!("{text:?} is not a colour like #1d4f91"))?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> String {
        colour.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_colour_cannot_break_out_of_the_style_sheet() {
        for text in ["red", "#fff", "#12345g", "#1234567", "#000;}*{", "#é2345", "#+12345"] {
            assert!(Colour::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert_eq!(colour("#1D4F91").to_string(), "#1d4f91");
    }

    #[test]
    fn contrast_is_what_wcag_says() {
        for (one, two, wanted) in [
            ("#000000", "#ffffff", 21.0),
            ("#767676", "#ffffff", 4.54),
            ("#1d4f91", "#1d4f91", 1.0),
            ("#0000ff", "#ffffff", 8.59),
        ] {
            let found = colour(one).contrast(colour(two));
            assert!((found - wanted).abs() < 0.01, "{one} {two}: {found}");
        }
        assert_eq!(colour("#1d4f91").text_on_it(), colour("#ffffff"));
        assert_eq!(colour("#8fb8f2").text_on_it(), colour("#0b1220"));
    }

    #[test]
    fn hue_and_back_is_the_same_colour() {
        for text in ["#1d4f91", "#000000", "#ffffff", "#808080", "#ff0000", "#00ff00", "#7a1f5c"] {
            let (hue, saturation, lightness) = colour(text).hsl();
            assert_eq!(Colour::of_hsl(hue, saturation, lightness).to_string(), text);
        }
    }
}
