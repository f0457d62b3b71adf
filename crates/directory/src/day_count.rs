//! What is counted by the day for one account, and over restarts.

use mail_store::tables::security::DayCountRow;

const DAY: i64 = 24 * 3600;

/// How many there were today. A clock that was set back begins a new day.
pub(crate) fn today(row: Option<&DayCountRow>, now: i64) -> u32 {
    row.filter(|row| is_today(row, now)).map_or(0, |row| row.count)
}

/// Counts so many more; `false`, and none is counted, when they would be more than `max`.
pub(crate) fn count(row: &mut Option<DayCountRow>, now: i64, more: u32, max: u32) -> bool {
    let mut day =
        row.take_if(|row| is_today(row, now)).unwrap_or(DayCountRow { since: now, count: 0 });
    let fits = day.count.saturating_add(more) <= max;
    if fits {
        day.count += more;
    }
    *row = Some(day);
    fits
}

fn is_today(row: &DayCountRow, now: i64) -> bool {
    (0..DAY).contains(&(now - row.since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_up_to_its_limit_and_the_next_one_anew() {
        let mut row = None;
        assert!(count(&mut row, 1000, 2, 3) && !count(&mut row, 1001, 2, 3));
        assert_eq!(today(row.as_ref(), 1002), 2, "what was refused is not counted");
        assert!(count(&mut row, 1000 + DAY - 1, 1, 3) && !count(&mut row, 1000 + DAY - 1, 1, 3));
        assert_eq!(today(row.as_ref(), 1000 + DAY), 0);
        assert!(count(&mut row, 1000 + DAY, 3, 3));
        assert!(count(&mut row, 0, 1, 3), "a clock set back");
    }
}
