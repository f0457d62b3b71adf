//! Every sentence people read, from Fluent files; French first.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

const FRENCH: &str = concat!(
    include_str!("../locales/fr/webmail.ftl"),
    include_str!("../locales/fr/setup.ftl"),
    include_str!("../locales/fr/help.ftl"),
    include_str!("../locales/fr/administration.ftl")
);
const ENGLISH: &str = concat!(
    include_str!("../locales/en/webmail.ftl"),
    include_str!("../locales/en/setup.ftl"),
    include_str!("../locales/en/help.ftl"),
    include_str!("../locales/en/administration.ftl")
);

/// All languages.
pub(crate) struct Locales {
    french: Locale,
    english: Locale,
}

/// One language.
pub(crate) struct Locale {
    /// For `lang` attributes.
    pub(crate) tag: &'static str,
    bundle: FluentBundle<FluentResource>,
}

impl Locales {
    /// Reads the files that are compiled in.
    pub(crate) fn load() -> Self {
        Self {
            french: Locale::new("fr", spaced(FRENCH)),
            english: Locale::new("en", ENGLISH.to_owned()),
        }
    }

    /// French.
    #[cfg(test)]
    pub(crate) fn default(&self) -> &Locale {
        &self.french
    }

    /// The first language of `Accept-Language` that we speak; French for everybody else.
    pub(crate) fn choose(&self, accepted: Option<&str>) -> &Locale {
        let tags = accepted.unwrap_or_default().split(',').map(str::trim);
        for tag in tags {
            match tag.get(..2) {
                Some("fr") => return &self.french,
                Some("en") => return &self.english,
                _ => {}
            }
        }
        &self.french
    }
}

impl Locale {
    fn new(tag: &'static str, source: String) -> Self {
        let language = tag.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        // Pages escape what they insert, and isolation marks would show up in titles.
        bundle.set_use_isolating(false);
        let resource = match FluentResource::try_new(source) {
            Ok(resource) => resource,
            // What could be read is kept; a test refuses files with errors.
            Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
        Self { tag, bundle }
    }

    /// A sentence; its name when there is none, which a test refuses.
    pub(crate) fn text(&self, name: &str) -> String {
        self.format(name, None)
    }

    /// A sentence with one value.
    pub(crate) fn with<'a>(
        &self,
        name: &str,
        key: &'a str,
        value: impl Into<FluentValue<'a>>,
    ) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(key, value);
        self.format(name, Some(&arguments))
    }

    /// A sentence with several values.
    pub(crate) fn with_all(&self, name: &str, values: &[(&str, String)]) -> String {
        let mut arguments = FluentArgs::new();
        for (key, value) in values {
            arguments.set(*key, value.as_str());
        }
        self.format(name, Some(&arguments))
    }

    fn format(&self, name: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let pattern = self.bundle.get_message(name).and_then(|message| message.value());
        let Some(pattern) = pattern else { return name.to_owned() };
        let mut errors = Vec::new();
        self.bundle.format_pattern(pattern, arguments, &mut errors).into_owned()
    }
}

/// French spaces before double punctuation never break a line.
fn spaced(source: &str) -> String {
    source
        .replace(" :", "\u{a0}:")
        .replace("« ", "«\u{a0}")
        .replace(" »", "\u{a0}»")
        .replace(" ;", "\u{202f};")
        .replace(" !", "\u{202f}!")
        .replace(" ?", "\u{202f}?")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(source: &str) -> BTreeSet<&str> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        source
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" =").map(|(name, _)| name))
            .filter(|name| name.chars().all(is_name))
            .collect()
    }

    #[test]
    fn both_files_read_without_errors_and_say_the_same_things() {
        for source in [spaced(FRENCH), ENGLISH.to_owned()] {
            let errors = FluentResource::try_new(source).err().map(|(_, errors)| errors);
            assert!(errors.is_none(), "{errors:?}");
        }
        assert_eq!(names(FRENCH), names(ENGLISH));
    }

    #[test]
    fn every_sentence_a_page_or_handler_asks_for_exists() {
        let known = names(FRENCH);
        let root = env!("CARGO_MANIFEST_DIR");
        let mut asked = 0;
        for folder in [
            "templates",
            "src",
            "src/administration",
            "src/compose",
            "src/contacts",
            "src/sanitize",
            "src/security",
            "src/setup",
        ] {
            for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
                let path = entry.unwrap().path();
                if !path.is_file() {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                for call in [".text(\"", ".with(\"", ".with_all(\""] {
                    for after in text.split(call).skip(1) {
                        let name = after.split('"').next().unwrap();
                        assert!(known.contains(name), "{name} in {}", path.display());
                        asked += 1;
                    }
                }
            }
        }
        assert!(asked > 50, "{asked}");
    }

    #[test]
    fn every_error_has_its_sentence() {
        let known = names(FRENCH);
        let source = include_str!("error.rs");
        for after in source.split("\"error-").skip(1) {
            let name = format!("error-{}", after.split('"').next().unwrap());
            assert!(known.contains(name.as_str()), "{name}");
        }
    }

    #[test]
    fn the_language_is_the_first_that_we_speak() {
        let locales = Locales::load();
        for (accepted, tag) in [
            (None, "fr"),
            (Some("en-GB,en;q=0.9,fr;q=0.8"), "en"),
            (Some("de, fr-FR;q=0.7, en;q=0.3"), "fr"),
            (Some("é"), "fr"),
            (Some("de"), "fr"),
        ] {
            assert_eq!(locales.choose(accepted).tag, tag, "{accepted:?}");
        }
    }
}
