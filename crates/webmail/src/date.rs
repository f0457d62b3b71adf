//! Dates as French people write them; the words come from the locale.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::locale::Locale;

/// Writes dates in one place's time and words.
pub(crate) struct Calendar<'a> {
    pub(crate) locale: &'a Locale,
    pub(crate) zone: TimeZone,
    pub(crate) now: Timestamp,
}

impl Calendar<'_> {
    /// For lists of messages, where the column is narrow: `07:19`, `hier`, `23 nov.`,
    /// `23 nov. 2025`.
    pub(crate) fn list(&self, unix_seconds: i64) -> String {
        let Ok(instant) = Timestamp::from_second(unix_seconds) else { return String::new() };
        let then = instant.to_zoned_datetime(self.zone.clone());
        let today = self.now.to_zoned_datetime(self.zone.clone()).date();
        match then.date().tomorrow() {
            _ if then.date() == today => format!("{:02}:{:02}", then.hour(), then.minute()),
            Ok(next) if next == today => self.locale.text("date-yesterday"),
            _ => self.short(unix_seconds),
        }
    }

    /// Of one's account: `aujourd'hui à 07:19`, `hier à 18:02`, `23 nov.`, `23 nov. 2025`.
    pub(crate) fn short(&self, unix_seconds: i64) -> String {
        let Ok(instant) = Timestamp::from_second(unix_seconds) else { return String::new() };
        let then = instant.to_zoned_datetime(self.zone.clone());
        let today = self.now.to_zoned_datetime(self.zone.clone()).date();
        let at = self.locale.text("date-at");
        let time = format!("{at}\u{a0}{:02}:{:02}", then.hour(), then.minute());
        if then.date() == today {
            return format!("{} {time}", self.locale.text("date-today"));
        }
        if then.date().tomorrow().ok() == Some(today) {
            return format!("{} {time}", self.locale.text("date-yesterday"));
        }
        match then.year() == today.year() {
            true => self.day_and_month(then.date()),
            false => format!("{}\u{a0}{}", self.day_and_month(then.date()), then.year()),
        }
    }

    /// Where each minute counts: `23 nov. 2026, 07:19`.
    pub(crate) fn exact(&self, unix_seconds: i64) -> String {
        let Ok(instant) = Timestamp::from_second(unix_seconds) else { return String::new() };
        let then = instant.to_zoned_datetime(self.zone.clone());
        let (day, year) = (self.day_and_month(then.date()), then.year());
        format!("{day}\u{a0}{year}, {:02}:{:02}", then.hour(), then.minute())
    }

    /// For a message: `mardi 24 novembre 2026 à 07:19`.
    pub(crate) fn long(&self, unix_seconds: i64) -> String {
        let Ok(instant) = Timestamp::from_second(unix_seconds) else { return String::new() };
        let then = instant.to_zoned_datetime(self.zone.clone());
        let weekday = self.word("date-weekdays", then.weekday().to_monday_zero_offset() as usize);
        let month = self.word("date-months", then.month() as usize - 1);
        let (day, year) = (self.day(then.day()), then.year());
        let at = self.locale.text("date-at");
        format!(
            "{weekday} {day}\u{a0}{month} {year} {at}\u{a0}{:02}:{:02}",
            then.hour(),
            then.minute()
        )
    }

    /// For fields of forms: `2026-11-24T07:19`.
    pub(crate) fn field(&self, instant: Timestamp) -> String {
        instant
            .to_zoned_datetime(self.zone.clone())
            .datetime()
            .strftime("%Y-%m-%dT%H:%M")
            .to_string()
    }

    /// What such a field says; an hour that the clocks leave out is the next one.
    pub(crate) fn parse_field(&self, text: &str) -> Option<Timestamp> {
        let civil: DateTime = text.trim().parse().ok()?;
        self.zone.to_timestamp(civil).ok()
    }

    /// So many days from today at this hour.
    pub(crate) fn at_hour(&self, days: i64, hour: i8) -> Option<Timestamp> {
        let today = self.now.to_zoned_datetime(self.zone.clone()).date();
        let day = today.checked_add(SignedDuration::from_hours(24 * days)).ok()?;
        self.zone.to_timestamp(day.at(hour, 0, 0, 0)).ok()
    }

    /// Days until the next Monday, at least one.
    pub(crate) fn days_to_monday(&self) -> i64 {
        let today = self.now.to_zoned_datetime(self.zone.clone());
        7 - i64::from(today.weekday().to_monday_zero_offset())
    }

    /// For machines: RFC 3339.
    pub(crate) fn machine(&self, unix_seconds: i64) -> String {
        Timestamp::from_second(unix_seconds).map(|instant| instant.to_string()).unwrap_or_default()
    }

    /// `23 nov.`
    fn day_and_month(&self, date: Date) -> String {
        let month = self.word("date-months-short", date.month() as usize - 1);
        format!("{}\u{a0}{month}", self.day(date.day()))
    }

    /// French writes the first of a month as an ordinal.
    fn day(&self, day: i8) -> String {
        match day {
            1 => format!("1{}", self.locale.text("date-first-suffix")),
            day => day.to_string(),
        }
    }

    fn word(&self, list: &str, index: usize) -> String {
        self.locale.text(list).split('|').nth(index).unwrap_or_default().trim().to_owned()
    }
}

/// `12 Ko`, `3,4 Mo`: what people read of a size.
pub(crate) fn size(locale: &Locale, bytes: u64) -> String {
    let (value, unit) = match bytes {
        0..1000 => (bytes.to_string(), "size-bytes"),
        1000..999_500 => ((bytes as f64 / 1e3).round().to_string(), "size-kilobytes"),
        999_500..999_950_000 => (tenths(locale, bytes as f64 / 1e6), "size-megabytes"),
        _ => (tenths(locale, bytes as f64 / 1e9), "size-gigabytes"),
    };
    format!("{value}\u{a0}{}", locale.text(unit))
}

/// `3`, `3,4`.
fn tenths(locale: &Locale, value: f64) -> String {
    let tenths = (value * 10.0).round() as u64;
    match tenths % 10 {
        0 => format!("{}", tenths / 10),
        tenth => format!("{}{}{tenth}", tenths / 10, locale.text("decimal-mark")),
    }
}

/// `12 345`, in groups of three.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Locales;

    #[test]
    fn dates_read_as_in_french() {
        let locales = Locales::load();
        let calendar = Calendar {
            locale: locales.default(),
            zone: TimeZone::get("Europe/Paris").unwrap(),
            now: "2026-11-24T09:00:00Z".parse().unwrap(),
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        for (instant, short) in [
            ("2026-11-24T06:19:00Z", "aujourd’hui à\u{a0}07:19"),
            ("2026-11-23T23:30:00Z", "aujourd’hui à\u{a0}00:30"),
            ("2026-11-23T17:02:00Z", "hier à\u{a0}18:02"),
            ("2026-11-22T17:02:00Z", "22\u{a0}nov."),
            ("2026-05-01T12:00:00Z", "1er\u{a0}mai"),
            ("2025-08-31T12:00:00Z", "31\u{a0}août\u{a0}2025"),
        ] {
            assert_eq!(calendar.short(at(instant)), short);
            let narrow = match short.split_once(" à\u{a0}") {
                Some(("hier", _)) => "hier",
                Some((_, time)) => time,
                None => short,
            };
            assert_eq!(calendar.list(at(instant)), narrow);
        }
        assert_eq!(
            calendar.long(at("2026-11-24T06:19:00Z")),
            "mardi 24\u{a0}novembre 2026 à\u{a0}07:19"
        );
        assert_eq!(calendar.exact(at("2026-11-24T06:19:00Z")), "24\u{a0}nov.\u{a0}2026, 07:19");
        assert_eq!(calendar.short(i64::MAX), "");
    }

    #[test]
    fn a_time_of_a_form_is_one_of_the_zone() {
        let locales = Locales::load();
        let calendar = Calendar {
            locale: locales.default(),
            zone: TimeZone::get("Europe/Paris").unwrap(),
            now: "2026-11-28T23:30:00Z".parse().unwrap(),
        };
        let instant = |text: &str| text.parse::<Timestamp>().unwrap();
        for (typed, meant) in [
            ("2026-11-30T08:00", "2026-11-30T07:00:00Z"),
            ("2026-07-01T08:00:00", "2026-07-01T06:00:00Z"),
            // The clocks leave this hour out, and have the other one twice.
            ("2027-03-28T02:30", "2027-03-28T01:30:00Z"),
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
        ] {
            assert_eq!(calendar.parse_field(typed), Some(instant(meant)), "{typed}");
        }
        for wrong in ["", "demain", "2026-13-01T08:00", "08:00", "2026-11-30T08:00Z"] {
            assert_eq!(calendar.parse_field(wrong), None, "{wrong}");
        }
        assert_eq!(calendar.field(instant("2026-11-30T07:00:00Z")), "2026-11-30T08:00");
        // It is Sunday in Paris already.
        assert_eq!(calendar.at_hour(1, 8), Some(instant("2026-11-30T07:00:00Z")));
        assert_eq!(calendar.days_to_monday(), 1);
    }

    #[test]
    fn sizes_and_numbers_read_as_in_french() {
        let locales = Locales::load();
        let size = |bytes| size(locales.default(), bytes);
        assert_eq!(size(12), "12\u{a0}octets");
        assert_eq!(size(12_400), "12\u{a0}Ko");
        assert_eq!(size(3_440_000), "3,4\u{a0}Mo");
        assert_eq!(size(25_000_000), "25\u{a0}Mo");
        assert_eq!(size(42_617_500_000), "42,6\u{a0}Go");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number(12), "12");
    }
}
