//! How an installation looks: its name, its logo, its two colours, from a file of its own.
//!
//! What can be read with these colours is checked when the file is read. The dark appearance is
//! made of the same two colours.

mod colour;
mod logo;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use colour::Colour;
pub(crate) use logo::Logo;

use crate::people::clean;

/// Longest name of an installation, in characters.
const NAME_CHARS_MAX: usize = 60;
/// Largest theme file, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024;
/// WCAG 2.2 §1.4.3: text and what is behind it.
const CONTRAST_MIN: f64 = 4.5;
/// What is asked of the colours made here for the dark appearance.
const CONTRAST_DARK: f64 = 7.0;

const WHITE: Colour = Colour::new(0xff, 0xff, 0xff);
/// The style sheet's `--ink`, `--soft` and `--wrong` on light.
const TEXTS: [Colour; 3] =
    [Colour::new(0x18, 0x20, 0x2c), Colour::new(0x55, 0x60, 0x72), Colour::new(0xa3, 0x27, 0x1c)];

/// Name, logo and colours of every page.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// The name at the top of each page and in letters about the account.
    pub name: String,
    /// Buttons, links, marks.
    pub(crate) main: Colour,
    /// Behind the sheets.
    pub(crate) ground: Colour,
    /// Beside the name; Facteur's own when there is none.
    pub(crate) logo: Option<Logo>,
}

/// Why a theme is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// The file or the logo cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a setting that does not exist.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
    /// The name cannot stand on a page.
    #[error("name: must have 1 to {NAME_CHARS_MAX} characters, none of them invisible")]
    Name,
    /// Text in these colours cannot be read.
    #[error(
        "{what}: {text} on {behind} has a contrast of {contrast:.1}:1, and at least \
         {CONTRAST_MIN}:1 is needed (WCAG 2.2 §1.4.3); choose a {remedy} colour"
    )]
    Contrast {
        /// Which of the two colours is to be changed.
        what: &'static str,
        /// The colour in front.
        text: String,
        /// The colour behind.
        behind: String,
        /// What they have.
        contrast: f64,
        /// In which direction.
        remedy: &'static str,
    },
    /// The logo is not one that may be served.
    #[error("logo: {0}")]
    Logo(&'static str),
    /// The same, with the file and the line of the setting.
    #[error("{place}: {error}")]
    At {
        /// File and line.
        place: String,
        /// What is wrong there.
        error: Box<ThemeError>,
    },
}

impl ThemeError {
    fn at(self, path: &Path, text: &str) -> Self {
        let key = match &self {
            ThemeError::Name => "name",
            ThemeError::Contrast { what, .. } => *what,
            ThemeError::Logo(_) | ThemeError::Read { .. } => "logo",
            ThemeError::Syntax { .. } | ThemeError::At { .. } => return self,
        };
        let is_it = |line: &str| {
            let rest = line.trim_start().strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let file = path.display();
        let place = match text.lines().position(is_it) {
            Some(index) => format!("{file}: line {}", index + 1),
            // It is the default that does not go with what the file sets.
            None => file.to_string(),
        };
        Self::At { place, error: Box::new(self) }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    name: String,
    main: Colour,
    ground: Colour,
    logo: Option<PathBuf>,
}

impl Default for File {
    fn default() -> Self {
        let Theme { name, main, ground, .. } = Theme::default();
        Self { name, main, ground, logo: None }
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self {
            name: "Facteur".into(),
            main: Colour::new(0x1d, 0x4f, 0x91),
            ground: Colour::new(0xf3, 0xf5, 0xf9),
            logo: None,
        }
    }
}

impl Theme {
    /// Reads a theme and its logo, whose path begins at the file's folder.
    ///
    /// # Errors
    /// [`ThemeError`] says what to change.
    pub fn load(path: &Path) -> Result<Self, ThemeError> {
        let bytes = read(path, FILE_BYTES_MAX)?;
        let syntax = |reason| ThemeError::Syntax { path: path.to_owned(), reason };
        let text = String::from_utf8(bytes).map_err(|_| syntax("not UTF-8".into()))?;
        let file: File = toml::from_str(&text)
            .map_err(|error| syntax(error.to_string().trim_end().replace('\n', " ")))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::made_of(file, folder).map_err(|error| error.at(path, &text))
    }

    fn made_of(file: File, folder: &Path) -> Result<Self, ThemeError> {
        let logo = file.logo.map(|logo| Logo::read(read(&folder.join(logo), logo::BYTES_MAX)?));
        let theme = Self {
            name: clean(&file.name, NAME_CHARS_MAX + 1),
            main: file.main,
            ground: file.ground,
            logo: logo.transpose()?,
        };
        let is_name = theme.name == file.name && !theme.name.trim().is_empty();
        if !is_name || theme.name.chars().count() > NAME_CHARS_MAX {
            return Err(ThemeError::Name);
        }
        theme.check()?;
        Ok(theme)
    }

    /// Whether everything can be read on a light background. On the dark one it can: its colours
    /// are made for it.
    fn check(&self) -> Result<(), ThemeError> {
        for behind in [WHITE, self.ground, self.here()] {
            demand("main", self.main, behind, "darker main")?;
        }
        TEXTS.into_iter().try_for_each(|text| demand("ground", text, self.ground, "lighter ground"))
    }

    /// Behind what is chosen.
    fn here(&self) -> Colour {
        self.main.mixed(WHITE, 0.12)
    }

    /// The custom properties of the style sheet, for light and for dark.
    pub(crate) fn properties(&self) -> (String, String) {
        let (main, ground) = (self.main, self.ground);
        let light = [
            ("accent", main),
            ("on-accent", main.text_on_it()),
            ("bg", ground),
            ("sheet", WHITE),
            ("here", self.here()),
            ("hover", main.mixed(WHITE, 0.05)),
            ("line", TEXTS[0].mixed(ground, 0.11)),
        ];
        let (bg, sheet) = (ground.night(0.085), ground.night(0.125));
        let accent = main.lightened(sheet, CONTRAST_DARK);
        let dark = [
            ("accent", accent),
            ("on-accent", accent.text_on_it()),
            ("bg", bg),
            ("sheet", sheet),
            ("here", accent.mixed(sheet, 0.16)),
            ("hover", ground.night(0.155)),
            ("line", ground.night(0.22)),
        ];
        let written = |properties: [(&str, Colour); 7]| {
            let one = |(name, colour): &(&str, Colour)| format!("--{name}:{colour}");
            properties.iter().map(one).collect::<Vec<_>>().join(";")
        };
        (written(light), written(dark))
    }
}

/// That `text` can be read on `behind`; otherwise that the colour called `what` must change.
fn demand(
    what: &'static str,
    text: Colour,
    behind: Colour,
    remedy: &'static str,
) -> Result<(), ThemeError> {
    let contrast = text.contrast(behind);
    match contrast >= CONTRAST_MIN {
        true => Ok(()),
        false => Err(ThemeError::Contrast {
            what,
            text: text.to_string(),
            behind: behind.to_string(),
            // What is just too little must not read as enough.
            contrast: (contrast * 10.0).floor() / 10.0,
            remedy,
        }),
    }
}

/// Reads a file that may not be larger than this.
fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ThemeError> {
    use std::io::Read;
    let failed = |source| ThemeError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(failed(std::io::Error::other(format!("larger than {bytes_max} bytes"))));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Theme, ThemeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("theme.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.path().join("logo.svg"), "<svg viewBox='0 0 1 1'/>").unwrap();
        Theme::load(&path)
    }

    #[test]
    fn the_shipped_theme_is_the_default_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/theme.toml");
        assert_eq!(Theme::load(Path::new(path)).unwrap(), Theme::default());
    }

    #[test]
    fn a_theme_has_a_name_two_colours_and_a_logo_beside_it() {
        let theme = load(
            "name = \"Académie de Nantes\"\nmain = \"#7a1f5c\"\nground = \"#faf6f2\"\n\
             logo = \"logo.svg\"",
        );
        let theme = theme.unwrap();
        assert_eq!(theme.name, "Académie de Nantes");
        assert!(theme.logo.is_some());
        let (light, dark) = theme.properties();
        assert!(light.contains("--accent:#7a1f5c;--on-accent:#ffffff;--bg:#faf6f2"), "{light}");
        assert!(!dark.contains("#7a1f5c"), "{dark}");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_colours_and_the_remedy() {
        for (text, wanted) in [
            (
                "main = \"#8fb8f2\"",
                "theme.toml: line 1: main: #8fb8f2 on #ffffff has a contrast of 2.0:1, and at \
                 least",
            ),
            ("main = \"#767676\"", "main: #767676 on #f3f5f9 has a contrast of 4.1:1"),
            ("main = \"#767676\"", "choose a darker main colour"),
            ("ground = \"#9aa3b0\"", "main: #1d4f91 on #9aa3b0 has a contrast of 3."),
            (
                "main = \"#000000\"\nground = \"#9aa3b0\"",
                "line 2: ground: #556072 on #9aa3b0 has a contrast of 2.",
            ),
            ("main = \"blue\"", "\"blue\" is not a colour like #1d4f91"),
            ("colour = \"#000000\"", "unknown field `colour`"),
            ("name = \"\"", "name: must have 1 to 60 characters"),
            ("name = \"a\\u202eb\"", "name: must have 1 to 60 characters"),
            ("name = \"a\"\nlogo = \"none.svg\"", "none.svg: No such file"),
            ("name = \"a\"\nlogo = \"theme.toml\"", "line 2: logo: neither an SVG nor a PNG"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let long = format!("name = \"{}\"", "é".repeat(61));
        assert!(load(&long).unwrap_err().to_string().contains("line 1: name: must have 1 to 60"));
        let large = format!("# {}", "x".repeat(20_000));
        assert!(load(&large).unwrap_err().to_string().contains("larger than 16384 bytes"));
    }

    /// `--name:#rrggbb` among custom properties.
    fn property(properties: &str, name: &str) -> Colour {
        let found = properties.split(';').find_map(|one| one.strip_prefix(&format!("--{name}:")));
        Colour::try_from(found.unwrap().to_owned()).unwrap()
    }

    #[test]
    fn every_theme_that_is_taken_can_be_read_in_both_appearances() {
        // The style sheet's text colours on dark: `--ink`, `--soft`, `--wrong`, `--flag`.
        let texts = ["#e7ebf1", "#a5b0c0", "#ff9d92", "#f0bd6b"];
        let style = include_str!("../../assets/style.css");
        let (on_light, on_dark) = style.split_once("@media").unwrap();
        assert!(texts.iter().all(|text| on_dark.contains(text)));
        assert!(TEXTS.iter().all(|text| on_light.contains(&text.to_string())));
        let mut taken = 0;
        for step in 0..4096u32 {
            let (r, g, b) = ((step >> 8) * 17, ((step >> 4) & 15) * 17, (step & 15) * 17);
            let main = Colour::new(r as u8, g as u8, b as u8);
            let ground = Colour::new(255 - (r / 16) as u8, 255 - (b / 16) as u8, 255);
            let theme = Theme { main, ground, ..Theme::default() };
            if theme.check().is_err() {
                continue;
            }
            taken += 1;
            let (light, dark) = theme.properties();
            for properties in [&light, &dark] {
                let accent = property(properties, "accent");
                for behind in ["bg", "sheet", "here", "hover", "on-accent"] {
                    let contrast = accent.contrast(property(properties, behind));
                    assert!(contrast >= 4.5, "{main} {ground} {behind}: {contrast} {properties}");
                }
            }
            for text in texts {
                let text = Colour::try_from(text.to_owned()).unwrap();
                for behind in ["bg", "sheet", "here", "hover"] {
                    let contrast = text.contrast(property(&dark, behind));
                    assert!(contrast >= 4.5, "{main} {ground} {text} {behind}: {contrast}");
                }
            }
        }
        assert!(taken > 500, "{taken}");
    }
}
