//! RFC 5322 §3.3 dates, and the obsolete and mistaken ones that mail is full of (§4.3).

use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// Bytes of a field that are read; a date is shorter.
const DATE_BYTES_MAX: usize = 256;

/// When a message says it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentDate {
    /// The instant in Unix seconds.
    pub unix_seconds: i64,
    /// The day it was where it was written.
    pub day: Date,
}

impl SentDate {
    /// Reads a `Date` value; `None` when day, month, year or time of day is missing or impossible.
    /// A missing or unknown zone is UTC.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(&value[..value.len().min(DATE_BYTES_MAX)]);
        let mut fields = Fields::default();
        let text = without_comments(&text);
        text.split([' ', '\t', ',']).filter(|word| !word.is_empty()).for_each(|w| fields.word(w));
        let day = Date::new(fields.year?, fields.month?, fields.day?).ok()?;
        let instant = fields.offset?.to_timestamp(day.to_datetime(fields.time?)).ok()?;
        Some(Self { unix_seconds: instant.as_second(), day })
    }
}

struct Fields {
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
    time: Option<Time>,
    offset: Option<Offset>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { day: None, month: None, year: None, time: None, offset: Some(Offset::UTC) }
    }
}

impl Fields {
    fn word(&mut self, word: &str) {
        let first = word.as_bytes()[0];
        if let Some((hour, _)) = word.split_once(':')
            && hour.len() <= 2
        {
            self.time_of_day(word);
        } else if self.time.is_some() && matches!(first, b'+' | b'-') {
            self.offset = numeric_zone(word).or(self.offset);
        } else if self.time.is_some() && first.is_ascii_alphabetic() && self.month.is_some() {
            self.offset = named_zone(word).or(self.offset);
        } else if word.contains('-') {
            // `24-Nov-2026`
            word.split('-').filter(|piece| !piece.is_empty()).for_each(|piece| self.piece(piece));
        } else {
            self.piece(word);
        }
    }

    fn piece(&mut self, piece: &str) {
        match piece.parse::<i16>() {
            Ok(number) if self.day.is_none() && piece.len() <= 2 => self.day = Some(number as i8),
            Ok(number) if number >= 0 && self.year.is_none() => {
                // RFC 5322 §4.3: years of two and three digits.
                self.year = Some(match (piece.len(), number) {
                    (..=2, ..=49) => 2000 + number,
                    (..=3, _) => 1900 + number,
                    _ => number,
                });
            }
            Ok(_) => {}
            // The last one counts: "mar." is a Tuesday in French.
            Err(_) => self.month = month(piece).or(self.month),
        }
    }

    /// `hour ":" minute [ ":" second ]`; a zone may stand behind it without a space.
    fn time_of_day(&mut self, word: &str) {
        let (time, zone) = word.split_at(word.find(['+', '-', 'Z']).unwrap_or(word.len()));
        let mut numbers = time.split(':').map(|number| {
            let whole = number.split('.').next().unwrap_or_default();
            whole.parse::<i8>().ok()
        });
        let (Some(Some(hour)), Some(Some(minute))) = (numbers.next(), numbers.next()) else {
            return;
        };
        let second = numbers.next().flatten().unwrap_or(0);
        // A leap second is an instant we cannot name; the second before it is near enough.
        self.time = Time::new(hour, minute, second.min(59), 0).ok();
        self.offset = numeric_zone(zone).or(self.offset);
    }
}

fn without_comments(text: &str) -> String {
    let mut depth = 0usize;
    let outside = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => {
                depth -= 1;
                return false;
            }
            _ => {}
        }
        depth == 0
    };
    text.chars().filter(outside).collect()
}

/// `month-name`; longer spellings begin with it.
fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let head = word.get(..3)?.to_ascii_lowercase();
    MONTHS.iter().position(|month| *month == head).map(|index| index as i8 + 1)
}

/// `zone = ("+" / "-") 4DIGIT`
fn numeric_zone(word: &str) -> Option<Offset> {
    let (sign, digits) = match word.as_bytes().split_first()? {
        (b'+', digits) => (1, digits),
        (b'-', digits) => (-1, digits),
        _ => return None,
    };
    let digits: Vec<i32> = digits
        .iter()
        .filter(|&&b| b != b':')
        .map_while(|&b| Some(char::from(b).to_digit(10)? as i32))
        .collect();
    let [a, b, c, d] = digits[..] else { return None };
    let minutes = (a * 10 + b) * 60 + c * 10 + d;
    Offset::from_seconds(sign * minutes * 60).ok()
}

/// RFC 5322 §4.3 `obs-zone`, and the two of this country. Single letters were used with either
/// sign, so they say nothing.
fn named_zone(word: &str) -> Option<Offset> {
    let hours = match word.to_ascii_uppercase().as_str() {
        "GMT" | "UT" | "UTC" | "Z" => 0,
        "CET" => 1,
        "CEST" => 2,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => return None,
    };
    Offset::from_hours(hours).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<(String, i64)> {
        let date = SentDate::parse(text.as_bytes())?;
        Some((date.day.to_string(), date.unix_seconds))
    }

    #[test]
    fn dates_are_read_in_every_spelling_seen() {
        let noon = 1_795_513_680;
        for text in [
            "Tue, 24 Nov 2026 10:48:00 +0100",
            "Tue,24 Nov 2026 10:48:00 +0100 (CET)",
            "tue, 24 NOV 2026 10:48 +0100",
            "24 Nov 26 10:48:00 +0100",
            "24 (a (b) c) November 2026 10:48:00 +01:00",
            "Tue, 24-Nov-2026 10:48:00 CET",
            "Tue, 24 Nov 2026 9:48:00 GMT",
            "Tue Nov 24 09:48:00 2026",
            "Tue, 24 Nov 2026 09:48:00",
            "mar., 24 nov. 2026 10:48:00.123 +0100",
            "Tue, 24 Nov 2026 10:48:00+0100",
            "Tue, 24 Nov 126 09:48:00 X",
        ] {
            assert_eq!(shown(text), Some(("2026-11-24".into(), noon)), "{text}");
        }
        assert_eq!(shown("1 Sep 98 8:05 EST"), Some(("1998-09-01".into(), 904_655_100)));
        assert_eq!(shown("31 Dec 1999 23:59:60 -0000").map(|date| date.1), Some(946_684_799));
    }

    // RFC 9051 §6.4.4: SENTON disregards the zone.
    #[test]
    fn the_day_is_the_writers_day() {
        let late = SentDate::parse(b"24 Nov 2026 23:30:00 -0500").unwrap();
        assert_eq!(late.day.to_string(), "2026-11-24");
    }

    #[test]
    fn impossible_dates_are_none() {
        for text in [
            "",
            "never",
            "31 Feb 2026 10:48:00 +0100",
            "99 Nov 2026 10:48:00 +0100",
            "24 Foo 2026 10:48:00 +0100",
            "24 Nov 2026",
            "24 Nov 2026 25:00:00 +0100",
            "Nov 2026 10:48:00 +0100",
            "24 Nov 99999 10:48:00 +0100",
            "-24 Nov -2026 :: +",
            "1:1:1:1:1",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
        assert_eq!(shown(&"24 ".repeat(100_000)), None);
    }
}
