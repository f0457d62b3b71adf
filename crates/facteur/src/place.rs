//! Where a setting stands in the configuration's text, so that an error can name the line.

use toml::de::{DeTable, DeValue};

/// The way to a setting from the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    /// Of an array, counted from 0.
    Element(usize),
}

impl Place {
    /// The place of a setting that is in no array, such as `log.level`.
    pub(crate) fn of(name: &str) -> Self {
        name.split('.').fold(Self::default(), |place, key| place.key(key))
    }

    /// The setting of this name within it.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// This element of it.
    pub(crate) fn element(&self, index: usize) -> Self {
        self.with(Step::Element(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The setting's full name, without the numbers of elements.
    pub(crate) fn name(&self) -> String {
        let keys = self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Element(_) => None,
        });
        keys.collect::<Vec<_>>().join(".")
    }

    /// What is wrong there, behind the line's number if the text has the setting at all.
    pub(crate) fn tell(&self, text: &str, why: &str) -> String {
        match self.line(text) {
            Some(line) => format!("line {line}: {why}"),
            None => why.to_owned(),
        }
    }

    fn line(&self, text: &str) -> Option<usize> {
        let document = DeValue::Table(DeTable::parse(text).ok()?.into_inner());
        let (mut value, mut start) = (&document, 0);
        for step in &self.0 {
            let (found, inner) = match (step, value) {
                (Step::Key(key), DeValue::Table(table)) => {
                    let (key, value) = table.get_key_value(key.as_str())?;
                    (key.span(), value)
                }
                (Step::Element(index), DeValue::Array(elements)) => {
                    let element = elements.get(*index)?;
                    (element.span(), element)
                }
                _ => return None,
            };
            (value, start) = (inner.get_ref(), found.start);
        }
        Some(text.get(..start)?.matches('\n').count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_setting_leads_to_its_line() {
        let text = "top = 1\nmany = [\n  5,\n  6,\n]\ndotted.name = 1\n\n[a]\nsame = 1\n[b]\nsame = 2\n\
                    # same = 3\n  inline = { x = 1, y = 2 }\n[[list]]\nof = 1\n[[list]]\nof = 2";
        for (place, line) in [
            (Place::of("top"), Some(1)),
            (Place::of("many").element(1), Some(4)),
            (Place::of("dotted.name"), Some(6)),
            (Place::of("a.same"), Some(9)),
            (Place::of("b.same"), Some(11)),
            (Place::of("b.inline.y"), Some(13)),
            (Place::of("list").element(1).key("of"), Some(17)),
            (Place::of("list").element(2).key("of"), None),
            (Place::of("same"), None),
        ] {
            assert_eq!(place.line(text), line, "{place:?}");
        }
        assert_eq!(Place::of("list").element(1).key("of").name(), "list.of");
    }
}
