//! The results as a page and as JSON.

use crate::report::{Better, Figure, Report, median, number};

use super::rows::Row;

/// The reports of one row, by server: Facteur's, then Debian's.
pub(crate) struct RowResult {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) aims: &'static [(&'static str, f64)],
    pub(crate) sides: [Side; 2],
}

/// What one server showed.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) reports: Vec<Report>,
    /// Why there is nothing.
    pub(crate) missing: Option<String>,
}

/// A figure over all rounds.
struct Summary {
    median: f64,
    min: f64,
    max: f64,
    figure: Figure,
}

impl RowResult {
    pub(crate) fn new(row: &Row) -> Self {
        let sides = [Side::default(), Side::default()];
        Self { name: row.name, title: row.title, aims: row.aims, sides }
    }

    /// Names of all figures, in the order in which they first appear.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for figure in self.sides.iter().flat_map(|side| &side.reports).flat_map(|r| &r.figures) {
            if !names.contains(&&*figure.name) {
                names.push(&figure.name);
            }
        }
        names
    }

    /// The row as lines of a Markdown table.
    pub(crate) fn markdown(&self) -> String {
        let missing = |side: &Side| side.missing.clone().unwrap_or_default();
        let mut lines = format!(
            "| **{}** `{}` | {} | {} | | |\n",
            self.title,
            self.name,
            missing(&self.sides[0]),
            missing(&self.sides[1])
        );
        for name in self.names() {
            let [ours, theirs] = [0, 1].map(|side| self.sides[side].summary(name));
            lines.push_str(&format!(
                "| {name} | {} | {} | {} | {} |\n",
                cell(ours.as_ref()),
                cell(theirs.as_ref()),
                ratio(ours.as_ref(), theirs.as_ref()),
                self.aim(name, ours.as_ref())
            ));
        }
        lines
    }

    fn aim(&self, name: &str, ours: Option<&Summary>) -> String {
        let Some((_, aim)) = self.aims.iter().find(|(figure, _)| *figure == name) else {
            return String::new();
        };
        let Some(ours) = ours else { return number(*aim) };
        let is_met = match ours.figure.better {
            Better::Higher => ours.median >= *aim,
            _ => ours.median <= *aim,
        };
        let verdict = if is_met { "reached" } else { "**missed**" };
        format!("{}: {verdict}", number(*aim))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        let side = |side: &Side| {
            serde_json::json!({
                "missing": side.missing,
                "rounds": side.reports.iter().map(Report::json).collect::<Vec<_>>(),
            })
        };
        serde_json::json!({
            "row": self.name,
            "title": self.title,
            "facteur": side(&self.sides[0]),
            "debian": side(&self.sides[1]),
        })
    }
}

impl Side {
    fn summary(&self, name: &str) -> Option<Summary> {
        let figures = self.reports.iter().flat_map(|report| &report.figures);
        let figures: Vec<&Figure> = figures.filter(|figure| figure.name == name).collect();
        let values: Vec<f64> = figures.iter().map(|figure| figure.value).collect();
        Some(Summary {
            median: median(&values)?,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            figure: (*figures.first()?).clone(),
        })
    }
}

/// Median, and the range when the rounds differ.
fn cell(summary: Option<&Summary>) -> String {
    let Some(summary) = summary else { return "–".into() };
    let (median, unit) = (number(summary.median), summary.figure.unit);
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let (min, max) = (number(summary.min), number(summary.max));
    match min == max {
        true => format!("{median}{unit}"),
        false => format!("{median}{unit} ({min}–{max})"),
    }
}

/// How many times better ours is; below 1 it is worse.
fn ratio(ours: Option<&Summary>, theirs: Option<&Summary>) -> String {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return String::new() };
    let (over, under) = match ours.figure.better {
        Better::Higher => (ours.median, theirs.median),
        Better::Lower => (theirs.median, ours.median),
        Better::Neither => return String::new(),
    };
    match under > 0.0 && over > 0.0 {
        true => format!("{} ×", number(over / under)),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(ours: &[f64], theirs: &[f64], better: Better) -> RowResult {
        let side = |values: &[f64]| Side {
            reports: values
                .iter()
                .map(|&value| {
                    let mut report = Report::of(1, "message");
                    report.add("speed", value, "/s", better);
                    report
                })
                .collect(),
            missing: None,
        };
        RowResult {
            name: "row",
            title: "A row",
            aims: &[("speed", 100.0)],
            sides: [side(ours), side(theirs)],
        }
    }

    #[test]
    fn the_ratio_says_how_many_times_better_we_are() {
        let higher = result(&[90.0, 300.0, 200.0], &[50.0, 100.0], Better::Higher).markdown();
        let line = "| speed | 200 /s (90.0–300) | 75.0 /s (50.0–100) | 2.67 × | 100: reached |";
        assert!(higher.contains(line), "{higher}");
        let lower = result(&[200.0], &[50.0], Better::Lower).markdown();
        let line = "| speed | 200 /s | 50.0 /s | 0.250 × | 100: **missed** |";
        assert!(lower.contains(line), "{lower}");
    }

    #[test]
    fn a_side_without_figures_says_why() {
        let mut result = result(&[], &[5.0], Better::Higher);
        result.sides[0].missing = Some("not available".into());
        let text = result.markdown();
        assert!(text.contains("| **A row** `row` | not available |  | | |"), "{text}");
        assert!(text.contains("| speed | – | 5.00 /s |  | 100 |"), "{text}");
    }
}
