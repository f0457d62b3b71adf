//! Figures of one measurement, as a table for people and JSON for programs.

use std::time::Duration;

/// What is better of two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
    /// Says something about the run, not about the server.
    Neither,
}

/// One number with its name.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
}

/// What a generator found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
    /// Operations that CPU time is divided by.
    pub(crate) operations: usize,
    /// What they are called.
    pub(crate) operation: &'static str,
}

impl Report {
    pub(crate) fn of(operations: usize, operation: &'static str) -> Self {
        Self { figures: Vec::new(), operations, operation }
    }

    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        better: Better,
    ) {
        self.figures.push(Figure { name: name.into(), value, unit, better });
    }

    pub(crate) fn per_second(&mut self, name: &str, count: usize, elapsed: Duration) {
        self.add(name, count as f64 / elapsed.as_secs_f64(), "/s", Better::Higher);
    }

    pub(crate) fn milliseconds(&mut self, name: impl Into<String>, duration: Duration) {
        self.add(name, duration.as_secs_f64() * 1e3, "ms", Better::Lower);
    }

    /// Median and 99th percentile.
    pub(crate) fn latency(&mut self, name: &str, mut durations: Vec<Duration>) {
        durations.sort_unstable();
        if let Some(median) = percentile(&durations, 50) {
            self.milliseconds(format!("{name}, median"), median);
        }
        if let Some(high) = percentile(&durations, 99) {
            self.milliseconds(format!("{name}, 99 of 100"), high);
        }
    }

    pub(crate) fn table(&self) -> String {
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max();
        let width = width.unwrap_or_default();
        let line = |figure: &Figure| {
            format!("  {:<width$}  {:>12} {}\n", figure.name, number(figure.value), figure.unit)
        };
        self.figures.iter().map(line).collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        let figures = self.figures.iter().map(|figure| {
            serde_json::json!({ "name": figure.name, "value": figure.value, "unit": figure.unit })
        });
        serde_json::json!({
            "operations": self.operations,
            "operation": self.operation,
            "figures": figures.collect::<Vec<_>>(),
        })
    }
}

/// The value below which so many of a hundred lie; of sorted values.
pub(crate) fn percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The median; of two middle ones their mean.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}

/// Three significant digits, with thousands apart.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        ..0.0005 => return "0".into(),
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// CPU time of this process until now: what the generator itself costs.
pub(crate) fn own_cpu() -> Duration {
    /// What the kernel shows times in, on every architecture Debian has.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // proc(5): the second field may have blanks and parentheses in it; utime is the 14th.
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_members_of_the_list() {
        let values: Vec<u32> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), Some(100));
        assert_eq!(percentile(&values, 99), Some(198));
        assert_eq!(percentile(&[7], 99), Some(7));
        assert_eq!(percentile::<u32>(&[], 50), None);
    }

    #[test]
    fn the_median_of_an_even_count_is_between() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn numbers_have_three_digits_and_groups() {
        for (value, text) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234_567.0, "1,234,567"),
            (-1234.0, "-1,234"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn own_cpu_grows_with_work() {
        let before = own_cpu();
        let mut chance = crate::corpus::Chance::new(1);
        let started = std::time::Instant::now();
        while own_cpu() == before {
            assert!(started.elapsed() < Duration::from_secs(60), "no CPU time seen");
            assert_ne!((0..100_000).map(|_| chance.next()).fold(0, u64::wrapping_add), 0);
        }
    }
}
