//! RFC 9051 §2.3.3: the internal date, an instant and the offset it was given in.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// When a message arrived: an instant, and the offset in which APPEND or delivery expressed it.
///
/// Sorting compares instants; SINCE, BEFORE and ON compare [`InternalDate::civil_date`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InternalDate {
    unix_seconds: i64,
    offset_minutes: i16,
}

/// Why a text is not RFC 9051's `date-time`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a date-time reads \" 5-Nov-2026 07:19:00 +0100\"")]
pub struct InvalidInternalDate;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl InternalDate {
    /// An instant seen at this offset from UTC.
    ///
    /// # Errors
    /// [`InvalidInternalDate`] outside the years 1 to 9999 or beyond a day's offset.
    pub fn new(unix_seconds: i64, offset_minutes: i16) -> Result<Self, InvalidInternalDate> {
        let date = Self { unix_seconds, offset_minutes };
        let year = date.civil().ok_or(InvalidInternalDate)?.year();
        if (1..=9999).contains(&year) { Ok(date) } else { Err(InvalidInternalDate) }
    }

    /// The instant in this time zone, as deliveries use it.
    pub fn at(now: Timestamp, zone: &TimeZone) -> Self {
        let offset = zone.to_offset(now).seconds() / 60;
        Self { unix_seconds: now.as_second(), offset_minutes: offset as i16 }
    }

    /// Seconds since 1970 in UTC.
    pub fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// Minutes east of UTC.
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// The day it was there, which SINCE, BEFORE and ON compare (RFC 9051 §6.4.4).
    pub fn civil_date(self) -> Date {
        self.civil().map(|civil| civil.date()).unwrap_or_default()
    }

    /// Reads RFC 9051 §9 `date-time` without its quotes.
    ///
    /// # Errors
    /// [`InvalidInternalDate`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidInternalDate> {
        // date-time = date-day-fixed "-" date-month "-" date-year SP time SP zone
        let bytes = text.as_bytes();
        let shape = text.is_ascii()
            && bytes.len() == 26
            && [(2, b'-'), (6, b'-'), (11, b' '), (14, b':'), (17, b':'), (20, b' ')]
                .iter()
                .all(|&(place, byte)| bytes[place] == byte);
        if !shape {
            return Err(InvalidInternalDate);
        }
        let number = |from: usize, to: usize| -> Result<i16, InvalidInternalDate> {
            let digits = text[from..to].trim_start_matches(|c| c == ' ' && from == 0);
            let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !valid {
                return Err(InvalidInternalDate);
            }
            digits.parse().map_err(|_| InvalidInternalDate)
        };
        let month = MONTHS
            .iter()
            .position(|month| month.eq_ignore_ascii_case(&text[3..6]))
            .ok_or(InvalidInternalDate)? as i8
            + 1;
        // A leap second is an instant we cannot name; the second before it is near enough.
        let second = number(18, 20)?.min(if &text[18..20] == "60" { 59 } else { i16::MAX });
        let civil = DateTime::new(
            number(7, 11)?,
            month,
            number(0, 2)? as i8,
            number(12, 14)? as i8,
            number(15, 17)? as i8,
            second as i8,
            0,
        )
        .map_err(|_| InvalidInternalDate)?;
        let sign = match bytes[21] {
            b'+' => 1,
            b'-' => -1,
            _ => return Err(InvalidInternalDate),
        };
        let (hours, minutes) = (number(22, 24)?, number(24, 26)?);
        if hours > 23 || minutes > 59 {
            return Err(InvalidInternalDate);
        }
        let offset_minutes = sign * (hours * 60 + minutes);
        let zone = Offset::from_seconds(i32::from(offset_minutes) * 60)
            .map_err(|_| InvalidInternalDate)?;
        let instant = zone.to_timestamp(civil).map_err(|_| InvalidInternalDate)?;
        Self::new(instant.as_second(), offset_minutes)
    }

    fn civil(self) -> Option<DateTime> {
        let instant = Timestamp::from_second(self.unix_seconds).ok()?;
        let offset = Offset::from_seconds(i32::from(self.offset_minutes) * 60).ok()?;
        Some(offset.to_datetime(instant))
    }

    fn offset_sign_hours_minutes(self) -> (char, u16, u16) {
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.unsigned_abs();
        (sign, minutes / 60, minutes % 60)
    }

    /// RFC 5322 §3.3 `date-time`, for `Date` and `Received`.
    pub fn to_rfc5322(self) -> String {
        let Some(civil) = self.civil() else { return String::new() };
        let day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
            [civil.weekday().to_monday_zero_offset() as usize];
        let (sign, hours, minutes) = self.offset_sign_hours_minutes();
        format!(
            "{day}, {} {} {:04} {:02}:{:02}:{:02} {sign}{hours:02}{minutes:02}",
            civil.day(),
            MONTHS[civil.month() as usize - 1],
            civil.year(),
            civil.hour(),
            civil.minute(),
            civil.second()
        )
    }
}

impl PartialOrd for InternalDate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InternalDate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.unix_seconds, self.offset_minutes).cmp(&(other.unix_seconds, other.offset_minutes))
    }
}

/// RFC 9051 §9 `date-time` without its quotes: ` 5-Nov-2026 07:19:00 +0100`.
impl fmt::Display for InternalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(civil) = self.civil() else { return Ok(()) };
        let (sign, hours, minutes) = self.offset_sign_hours_minutes();
        write!(
            f,
            "{:2}-{}-{:04} {:02}:{:02}:{:02} {sign}{hours:02}{minutes:02}",
            civil.day(),
            MONTHS[civil.month() as usize - 1],
            civil.year(),
            civil.hour(),
            civil.minute(),
            civil.second()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_read() {
        for text in [
            " 5-Nov-2026 07:19:00 +0100",
            "31-Dec-1999 23:59:59 -0930",
            "29-Feb-2024 00:00:00 +0000",
            " 1-Jan-0001 00:00:00 +0000",
        ] {
            assert_eq!(InternalDate::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_date_time() {
        for text in [
            "",
            "5-Nov-2026 07:19:00 +0100",
            "30-Feb-2024 00:00:00 +0000",
            " 5-Foo-2026 07:19:00 +0100",
            " 5-Nov-2026 25:19:00 +0100",
            " 5-Nov-2026 07:19:00 *0100",
            " 5-Nov-2026 07:19:00 +9900",
            "é5-Nov-2026 07:19:00 +0100",
            "+5-Nov-2026 07:19:00 +0100",
        ] {
            assert_eq!(InternalDate::parse(text), Err(InvalidInternalDate), "{text:?}");
        }
    }

    #[test]
    fn the_day_is_the_day_in_the_stored_offset() {
        let late = InternalDate::parse(" 5-Nov-2026 23:30:00 -0500").unwrap();
        assert_eq!(late.civil_date(), Date::constant(2026, 11, 5));
    }

    #[test]
    fn rfc5322_names_the_weekday() {
        let date = InternalDate::parse("24-Nov-2026 10:48:00 +0100").unwrap();
        assert_eq!(date.to_rfc5322(), "Tue, 24 Nov 2026 10:48:00 +0100");
    }
}
